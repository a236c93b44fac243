"""Writes the diagram of docs/explanation/how-a-run-works.md: the table of `kong_lts.run`, drawn."""

from collections.abc import Iterator
from pathlib import Path

from kong_lts.events import Event, Heartbeat, RollbackStarted
from kong_lts.run import BLOCKED, TRANSITIONS, Phase

PAGE = Path(__file__).with_name("explanation") / "how-a-run-works.md"
BEGIN, END = "<!-- diagram: begin -->\n", "<!-- diagram: end -->\n"
LEFT_OUT = (Heartbeat, RollbackStarted)
"""They come in nearly every phase, and would hide everything else; the text says so."""


def diagram() -> str:
    """The state machine in Mermaid's words."""
    return "".join(("```mermaid\n", "stateDiagram-v2\n", *_lines(), "```\n"))


def _lines() -> Iterator[str]:
    for phase in Phase:
        yield f"    {_name(phase)}: {phase}\n"
    yield f"    [*] --> {_name(Phase.NEW)}\n"
    for (before, kind), after in TRANSITIONS.items():
        if kind not in LEFT_OUT:
            yield _arrow(before, kind, after)
    for (before, kind), after in BLOCKED.items():
        yield _arrow(before, kind, after, " with a blocker")
    yield f"    {_name(Phase.BACK)} --> [*]\n"


def _arrow(before: Phase, kind: type[Event], after: Phase, more: str = "") -> str:
    return f"    {_name(before)} --> {_name(after)}: {kind.__name__}{more}\n"


def _name(phase: Phase) -> str:
    return phase.name.lower()


def page(text: str) -> str:
    """The page with the diagram of today."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + diagram() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
