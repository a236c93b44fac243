"""What happened in a run, step by step: its events put together."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs

from kong_lts.deployment import Side
from kong_lts.events import (
    Event,
    Outcome,
    PlanOutdated,
    RollbackEnded,
    RollbackStarted,
    RunCancelled,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StepChecked,
    StepDone,
    StepFailed,
    StepFound,
    StepRetried,
    StepStarted,
    StepVerified,
    UndoDone,
    UndoFailed,
    UndoStarted,
)
from kong_lts.findings import blockers
from kong_lts.planning import AnyStep, Plan
from kong_lts.reports.words import shown_time, when
from kong_lts.step import Reversibility

__all__ = [
    "Pause",
    "StepRecord",
    "StepStatus",
    "Timeline",
    "UndoRecord",
    "UndoStatus",
    "seconds_between",
    "stops",
    "timeline",
]


class StepStatus(StrEnum):
    """How a step stands."""

    CHECKED = "checked, not begun"
    BEGUN = "begun, end unknown"
    ACTED = "acted, not proved yet"
    DONE = "done"
    REFUSED = "stopped by a finding"
    FAILED = "failed"


class UndoStatus(StrEnum):
    """How the way back of a step stands."""

    BEGUN = "begun, end unknown"
    DONE = "taken back"
    NOTHING = "nothing to take back"
    LOST = "cannot be taken back"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class StepRecord:
    """What the events say about one step."""

    step: str
    title: str
    side: Side
    node: str | None
    status: StepStatus
    started: str
    """When it, or the look before it, first began."""
    ended: str
    """Its last event."""
    worked_s: float = 0.0
    """Looking, acting and proving; time in which nobody worked on the run is left out."""
    attempts: int = 0
    outcome: Outcome | None = None
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Pause:
    """Nobody worked on the run for a while."""

    step: str | None
    """The step that it stood at."""
    since: str
    until: str
    gap_s: float
    stopped: bool
    """Whether the run had stopped by itself; otherwise it was interrupted without a word."""
    owner: str
    """Who took it up again."""


@attrs.frozen(kw_only=True)
class UndoRecord:
    """What the events say about taking back one step."""

    step: str
    title: str
    started: str
    worked_s: float = 0.0
    status: UndoStatus = UndoStatus.BEGUN
    note: str = ""


@attrs.frozen(kw_only=True)
class Timeline:
    """A run from its first to its last event."""

    started: str | None = None
    ended: str | None = None
    owner: str | None = None
    worked_s: float = 0.0
    rollback_worked_s: float = 0.0
    """The part of it that was spent on the way back."""
    steps: tuple[StepRecord, ...] = ()
    """Those that the run came to, in order."""
    pauses: tuple[Pause, ...] = ()
    stops: int = 0
    """How often it stopped by itself."""
    interruptions: int = 0
    """How often it ended without a word: its process was killed, or is still at work."""
    rollbacks: tuple[RollbackStarted, ...] = ()
    undone: tuple[UndoRecord, ...] = ()

    @property
    def elapsed_s(self) -> float:
        """From the first event to the last."""
        return seconds_between(self.started, self.ended)


def seconds_between(earlier: str | None, later: str | None) -> float:
    """The time between two events; 0 where a clock went backwards or a time is no time."""
    then, now = when(earlier or ""), when(later or "")
    return max((now - then).total_seconds(), 0.0) if then and now else 0.0


def _summed(*seconds: float) -> float:
    """A sum of times to the microsecond, which is as exact as they are."""
    return round(sum(seconds), 6)


def stops(event: Event | None) -> bool:
    """Whether a run stopped by itself with this event."""
    if isinstance(event, StepChecked | StepVerified):
        return bool(blockers(event.findings))
    return isinstance(event, StepFailed | UndoFailed | RunCancelled)


def timeline(plan: Plan, events: tuple[Event, ...]) -> Timeline:
    """Put the events of a run together.

    Args:
        plan: Of the run.
        events: In order, as a journal holds them; they may end anywhere.
    """
    fold = _Fold(by_id={step.id: step for step in plan.steps})
    for event in events:
        fold.add(event)
    made = attrs.evolve(fold.made, steps=tuple(fold.steps.values()))
    if not events:
        return made
    return attrs.evolve(
        made,
        started=events[0].at,
        ended=events[-1].at,
        stops=sum(map(stops, events)),
        interruptions=sum(_interrupted(events)),
    )


_ON_PURPOSE = (RunEnded, RollbackEnded, RunPaused, PlanOutdated)
"""Events after which nothing more was to come."""


def _interrupted(events: Sequence[Event]) -> Iterator[bool]:
    """For each end of work on a run, whether it came without a word."""
    for last, event in itertools.pairwise(events):
        if isinstance(event, RunResumed | RollbackStarted):
            yield not (stops(last) or isinstance(last, _ON_PURPOSE))
    yield not (stops(events[-1]) or isinstance(events[-1], _ON_PURPOSE))


@attrs.define
class _Fold:
    """The events so far."""

    by_id: Mapping[str, AnyStep]
    steps: dict[str, StepRecord] = attrs.Factory(dict)
    made: Timeline = attrs.Factory(Timeline)
    last: Event | None = None

    def add(self, event: Event) -> None:
        """Let one more event count."""
        if handler := _HANDLERS.get(type(event)):
            handler(self, event)
        if not isinstance(event, RunStarted | RunResumed | RollbackStarted):
            self._add_time(event, seconds_between(self.last.at if self.last else None, event.at))
        self.last = event

    def _add_time(self, event: Event, worked_s: float) -> None:
        made = attrs.evolve(self.made, worked_s=_summed(self.made.worked_s, worked_s))
        if made.rollbacks:
            spent_s = _summed(made.rollback_worked_s, worked_s)
            made = attrs.evolve(made, rollback_worked_s=spent_s)
        self.made = made
        if isinstance(event, UndoDone | UndoFailed) and made.undone:
            self._undo_changed(worked_s=_summed(made.undone[-1].worked_s, worked_s))
        elif (step := getattr(event, "step", None)) in self.steps and not made.rollbacks:
            spent_s = _summed(self.steps[step].worked_s, worked_s)
            self.steps[step] = attrs.evolve(self.steps[step], worked_s=spent_s)

    def _step_changed(self, event: Any, status: StepStatus, *notes: str, **more: Any) -> None:
        """Note an event of a step."""
        before = self.steps.get(event.step)
        if before is None:
            step = self.by_id.get(event.step)
            before = StepRecord(
                step=event.step,
                title=step.title if step else event.step,
                side=step.side if step else Side.NEW,
                node=step.node if step else None,
                status=status,
                started=event.at,
                ended=event.at,
            )
        noted = (*before.notes, *notes)
        self.steps[event.step] = attrs.evolve(
            before, status=status, ended=event.at, notes=noted, **more
        )

    def _undo_changed(self, **changes: Any) -> None:
        """Change the last entry of the way back."""
        *others, last = self.made.undone
        self.made = attrs.evolve(self.made, undone=(*others, attrs.evolve(last, **changes)))

    def begin(self, event: RunStarted) -> None:
        """The run begins."""
        self.made = attrs.evolve(self.made, owner=event.owner)

    def resume(self, event: RunResumed) -> None:
        """Somebody takes the run up again."""
        since = self.last.at if self.last else event.at
        pause = Pause(
            step=getattr(self.last, "step", None),
            since=since,
            until=event.at,
            gap_s=seconds_between(since, event.at),
            stopped=stops(self.last),
            owner=event.owner,
        )
        self.made = attrs.evolve(self.made, pauses=(*self.made.pauses, pause))
        record = self.steps.get(pause.step or "")
        if record and record.status is not StepStatus.DONE and not pause.stopped:
            note = f"interrupted after {shown_time(since)} UTC"
            noted = (*record.notes, note)
            self.steps[record.step] = attrs.evolve(record, notes=noted)

    def look(self, event: StepChecked | StepVerified) -> None:
        """A step was looked at, before it or after it."""
        proved = isinstance(event, StepVerified)
        status = StepStatus.DONE if proved else StepStatus.CHECKED
        stop = blockers(event.findings)
        notes = [finding.message for finding in stop]
        self._step_changed(event, StepStatus.REFUSED if stop else status, *notes)

    def start(self, event: StepStarted) -> None:
        """A step is about to act."""
        before = self.steps.get(event.step)
        attempts = before.attempts + 1 if before else 1
        self._step_changed(event, StepStatus.BEGUN, attempts=attempts)

    def act(self, event: StepDone) -> None:
        """A step says that it acted."""
        self._step_changed(event, StepStatus.ACTED, outcome=event.outcome)

    def fail(self, event: StepFailed) -> None:
        """A step, or a look at it, failed."""
        self._step_changed(event, StepStatus.FAILED, event.reason)

    def retry(self, event: StepRetried) -> None:
        """A step failed in passing, and is tried again."""
        self._step_changed(event, StepStatus.BEGUN, f"tried again after: {event.reason}")

    def find(self, event: StepFound) -> None:
        """An interrupted step was inspected."""
        seen = "in effect" if event.happened else "not in effect"
        note = f"found {seen} when the run was taken up again"
        self._step_changed(event, StepStatus.CHECKED, note)

    def turn(self, event: RollbackStarted) -> None:
        """The way back is taken."""
        self.made = attrs.evolve(self.made, rollbacks=(*self.made.rollbacks, event))

    def undo(self, event: UndoStarted) -> None:
        """A step is about to be taken back."""
        step = self.by_id.get(event.step)
        title = step.title if step else event.step
        record = UndoRecord(step=event.step, title=title, started=event.at)
        self.made = attrs.evolve(self.made, undone=(*self.made.undone, record))

    def undone(self, event: UndoDone) -> None:
        """A step was taken back, or there was nothing to take back."""
        step = self.by_id.get(event.step)
        lost = step is not None and step.reversibility is Reversibility.NONE
        status = UndoStatus.DONE if event.note else UndoStatus.NOTHING
        if self.made.undone:
            self._undo_changed(status=UndoStatus.LOST if lost else status, note=event.note)

    def not_undone(self, event: UndoFailed) -> None:
        """A step could not be taken back."""
        if self.made.undone:
            self._undo_changed(status=UndoStatus.FAILED, note=event.reason)


_HANDLERS: Mapping[type[Event], Callable[[_Fold, Any], None]] = {
    RunStarted: _Fold.begin,
    RunResumed: _Fold.resume,
    StepChecked: _Fold.look,
    StepStarted: _Fold.start,
    StepDone: _Fold.act,
    StepVerified: _Fold.look,
    StepFailed: _Fold.fail,
    StepFound: _Fold.find,
    StepRetried: _Fold.retry,
    RollbackStarted: _Fold.turn,
    UndoStarted: _Fold.undo,
    UndoDone: _Fold.undone,
    UndoFailed: _Fold.not_undone,
}
