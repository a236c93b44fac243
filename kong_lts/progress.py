"""How far a run is: read from its journal while it goes on, by whoever can read that."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import attrs

from kong_lts.events import Event, RollbackStarted, StepDone, StepStarted, UndoDone
from kong_lts.monitoring import WatchMetrics
from kong_lts.nodes import DoByHand
from kong_lts.planning import AnyStep
from kong_lts.protocols import Clock, Journal
from kong_lts.run import Phase, RunState, replay

__all__ = ["Progress", "follow", "progress_of"]

_AT_THE_END = frozenset({Phase.DONE, Phase.BACK})
_STANDS = _AT_THE_END | {Phase.STOPPED, Phase.OUTDATED, Phase.STUCK}
_BACK = frozenset({Phase.GOING_BACK, Phase.UNDOING, Phase.STUCK, Phase.BACK})
_WAITS_FOR = {
    Phase.PAUSED: "somebody lets it go on",
    Phase.STOPPED: "somebody resumes it or takes the way back",
    Phase.OUTDATED: "the way back, and then a new plan",
    Phase.STUCK: "a person who looks, and then takes the way back again",
}


@attrs.frozen(kw_only=True)
class Progress:
    """How a run stands at one moment."""

    phase: Phase
    """Where in the table of a run it stands."""
    step: str | None
    """Id of the step that it is at, on the way back of the one that is taken back."""
    title: str = ""
    """Of that step."""
    done: int
    """Steps that are done; on the way back, those that are taken back."""
    steps: int
    """Of so many."""
    waits_for: str = ""
    """What it waits for, empty while it works by itself."""
    reason: str | None = None
    """Why it stands where it stands."""
    elapsed_s: float
    """Since the run was started."""
    left_s: float | None = None
    """How long what is left will take: its watches, and for the other steps the mean of those that
    are done. What people take is not in it. None where nothing tells."""
    quiet_s: float
    """Since the last sign of life; a run that works gives one each minute."""
    events: int
    """In the journal."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come: the upgrade is done, or taken back."""
        return self.phase in _AT_THE_END

    @property
    def stands(self) -> bool:
        """Whether nobody works at it: it is over, or somebody has to take it up."""
        return self.phase in _STANDS


def follow(
    journal: Journal, *, clock: Clock, every_s: float = 1.0, through_stops: bool = False
) -> Iterator[Progress]:
    """Look at a journal again and again, and tell how the run stands whenever there is news.

    Nothing comes before a run is started in it. It ends when nobody works at the run any more.

    Args:
        journal: Of either engine; another process may be writing it.
        clock: Time, and what is waited by.
        every_s: Seconds between two looks.
        through_stops: Whether to go on after a stop, until the run is done or taken back.

    Raises:
        JournalError: It cannot be read.
        NotResumableError: It is not the journal of one run.
    """
    seen = 0
    while True:
        events = journal.events()
        if len(events) > seen:
            seen = len(events)
            found = progress_of(events, clock.now())
            yield found
            if found.over or (found.stands and not through_stops):
                return
        clock.sleep(every_s)


def progress_of(events: Sequence[Event], now: datetime) -> Progress:
    """How the run of a journal stands.

    Args:
        events: All that the journal holds.
        now: The moment, in UTC.

    Raises:
        NotResumableError: These are not the events of one run.
    """
    state = replay(events)
    back = state.phase in _BACK
    at = state.begun[-1] if back and state.begun else None if back else state.step_id
    step = next((step for step in state.plan.steps if step.id == at), None)
    taken_back = _taken_back(events)
    return Progress(
        phase=state.phase,
        step=at,
        title=step.title if step is not None else "",
        done=taken_back if back else state.at,
        steps=taken_back + len(state.begun) if back else len(state.plan.steps),
        waits_for=_waits_for(state, step),
        reason=state.reason,
        elapsed_s=_since(events[0], now),
        left_s=None if back or state.phase in _AT_THE_END else _left_s(state, events, now),
        quiet_s=_since(events[-1], now),
        events=len(events),
    )


def _since(event: Event, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(event.at)).total_seconds())


def _taken_back(events: Sequence[Event]) -> int:
    begun = (n for n, event in enumerate(events) if isinstance(event, RollbackStarted))
    first = next(begun, len(events))
    return sum(isinstance(event, UndoDone) for event in events[first:])


def _waits_for(state: RunState, step: AnyStep | None) -> str:
    if state.phase in _WAITS_FOR:
        return _WAITS_FOR[state.phase]
    if state.phase is not Phase.ACTING or step is None:
        return ""
    if isinstance(step, DoByHand):
        return f"a person: {step.title}"
    if isinstance(step, WatchMetrics):
        return f"a person: {step.question}" if step.question else "what the metrics show"
    return ""


def _left_s(state: RunState, events: Sequence[Event], now: datetime) -> float | None:
    """What is left of the step that the run is at, and of all that come after it."""
    by_id = {step.id: step for step in state.plan.steps}
    begun_at = {e.step: datetime.fromisoformat(e.at) for e in events if isinstance(e, StepStarted)}
    took = [
        (datetime.fromisoformat(event.at) - begun_at[event.step]).total_seconds()
        for event in events
        if isinstance(event, StepDone) and _is_ordinary(by_id[event.step])
    ]
    left = state.plan.steps[state.at :]
    watches = [step for step in left if isinstance(step, WatchMetrics) and not step.question]
    ordinary = sum(map(_is_ordinary, left))
    if not took and (ordinary or not watches):
        return None
    mean_s = sum(took) / len(took) if took else 0.0
    total_s = sum(step.watch_s for step in watches) + ordinary * mean_s
    if state.phase is Phase.ACTING and state.step_id in begun_at:
        passed_s = (now - begun_at[state.step_id]).total_seconds()
        total_s -= min(passed_s, _expected_s(by_id[state.step_id], mean_s))
    return max(0.0, total_s)


def _is_ordinary(step: AnyStep) -> bool:
    """Whether it takes what it takes, and neither a person's time nor a given one."""
    return not isinstance(step, DoByHand | WatchMetrics)


def _expected_s(step: AnyStep, mean_s: float) -> float:
    if isinstance(step, WatchMetrics):
        return 0.0 if step.question else step.watch_s
    return mean_s if _is_ordinary(step) else 0.0
