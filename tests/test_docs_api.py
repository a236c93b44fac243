"""docs/reference/api is what the code says, and the code says what a caller has to know."""

from docs.generate_api import FOLDER, pages


def test_the_pages_of_public_names_are_up_to_date() -> None:
    """If this fails, run `python docs/generate_api.py`."""
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert written == pages()
