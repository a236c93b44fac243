"""The diagram in the documentation is that of the run's table."""

from docs.generate_run_diagram import BEGIN, END, LEFT_OUT, PAGE, diagram, page
from kong_lts.run import BLOCKED, TRANSITIONS


def test_the_page_has_the_diagram_of_today() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert BEGIN in text
    assert END in text
    assert page(text) == text, "run `python -m docs.generate_run_diagram`"


def test_every_arrow_of_the_table_is_drawn() -> None:
    arrows = sum(" --> " in line for line in diagram().splitlines())
    shown = sum(kind not in LEFT_OUT for _, kind in TRANSITIONS)

    assert arrows == shown + len(BLOCKED) + 2  # where it begins, and where it ends
