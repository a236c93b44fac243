"""docs/reference/rules.md is what the catalog says."""

from docs.generate_rules import PAGE, page


def test_the_page_of_rules_is_up_to_date() -> None:
    """If this fails, run `python docs/generate_rules.py`."""
    assert PAGE.read_text(encoding="utf-8") == page()
