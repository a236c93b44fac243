"""Writes the diagrams of docs/explanation/how-a-run-works.md: the table of a run, drawn."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from kong_lts import events
from kong_lts.events import Event, Heartbeat, RollbackStarted
from kong_lts.run import BLOCKED, TRANSITIONS, Phase

PAGE = Path(__file__).with_name("explanation") / "how-a-run-works.md"
BEGIN, END = "<!-- diagram: begin -->\n", "<!-- diagram: end -->\n"
LEFT_OUT = (Heartbeat, RollbackStarted)
"""They come in nearly every phase, and would hide everything else; the text says so."""
PARTS: Mapping[str, tuple[type[Event], ...]] = {
    "While nothing goes wrong": (
        events.RunStarted,
        events.StepChecked,
        events.StepStarted,
        events.StepDone,
        events.StepVerified,
        events.RunEnded,
    ),
    "What stops it": (
        events.StepFailed,
        events.RunPaused,
        events.RunCancelled,
        events.PlanOutdated,
    ),
    "How it is taken up again": (events.RunResumed, events.StepRetried, events.StepFound),
    "The way back": (events.UndoStarted, events.UndoDone, events.UndoFailed, events.RollbackEnded),
}
"""What each of the diagrams shows; all of it in one is too wide to be read."""
_WITH_A_BLOCKER = "What stops it"
_ENDS = {"While nothing goes wrong": Phase.DONE, "The way back": Phase.BACK}

Arrow = tuple[Phase, Phase, str]


def diagrams() -> str:
    """The state machine in Mermaid's words, a part at a time."""
    return "\n".join(f"**{title}**\n\n{_diagram(title)}" for title in PARTS)


def _diagram(title: str) -> str:
    return "".join(("```mermaid\n", "stateDiagram-v2\n", *_lines(title), "```\n"))


def _lines(title: str) -> Iterator[str]:
    arrows = list(_arrows(title))
    shown = {phase for before, after, _ in arrows for phase in (before, after)}
    yield from (f"    {_name(phase)}: {phase}\n" for phase in Phase if phase in shown)
    if Phase.NEW in shown:
        yield f"    [*] --> {_name(Phase.NEW)}\n"
    labels: dict[tuple[Phase, Phase], list[str]] = {}
    for before, after, label in arrows:
        labels.setdefault((before, after), []).append(label)
    for (before, after), several in labels.items():
        yield f"    {_name(before)} --> {_name(after)}: {', '.join(several)}\n"
    if title in _ENDS:
        yield f"    {_name(_ENDS[title])} --> [*]\n"


def _arrows(title: str) -> Iterator[Arrow]:
    for (before, kind), after in TRANSITIONS.items():
        if kind in PARTS[title]:
            yield before, after, kind.__name__
    if title == _WITH_A_BLOCKER:
        for (before, kind), after in BLOCKED.items():
            yield before, after, f"{kind.__name__} with a blocker"


def _name(phase: Phase) -> str:
    return phase.name.lower()


def page(text: str) -> str:
    """The page with the diagrams of today."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + diagrams() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
