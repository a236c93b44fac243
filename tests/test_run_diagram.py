"""The diagrams in the documentation are those of the run's table."""

from docs.generate_run_diagram import BEGIN, END, LEFT_OUT, PAGE, PARTS, diagrams, page
from kong_lts.run import BLOCKED, TRANSITIONS


def test_the_page_has_the_diagrams_of_today() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert BEGIN in text
    assert END in text
    assert page(text) == text, "run `python -m docs.generate_run_diagram`"


def test_every_arrow_of_the_table_is_drawn() -> None:
    labels = [
        label
        for line in diagrams().splitlines()
        if " --> " in line and ": " in line
        for label in line.partition(": ")[2].split(", ")
    ]

    shown = sum(kind not in LEFT_OUT for _, kind in TRANSITIONS)
    assert len(labels) == shown + len(BLOCKED)


def test_every_event_stands_in_one_diagram_alone() -> None:
    kinds = [kind for part in PARTS.values() for kind in part]

    assert len(set(kinds)) == len(kinds)
    assert {kind for _, kind in TRANSITIONS} == {*kinds, *LEFT_OUT}
