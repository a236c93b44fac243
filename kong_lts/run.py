"""The run as a pure state machine: events in, the next command out.

Rule 1: whatever can happen in a run stands in `TRANSITIONS` and `BLOCKED`, and nowhere else.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

import attrs

from kong_lts.errors import NotResumableError
from kong_lts.events import (
    Event,
    Heartbeat,
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
from kong_lts.findings import Finding, blockers
from kong_lts.planning import Plan, Run, Verdict

__all__ = ["BLOCKED", "TRANSITIONS", "Command", "Phase", "RunState", "replay"]


class Phase(StrEnum):
    """Where a run stands."""

    NEW = "new"
    CHECKING = "checking"
    READY = "ready"
    ACTING = "acting"
    VERIFYING = "verifying"
    BETWEEN = "between"
    """A step is done and proved; the next one, or the end, comes."""
    PAUSED = "paused"
    STOPPED = "stopped"
    OUTDATED = "outdated"
    """A test has failed: the way leads back, and then to a new plan."""
    INSPECTING = "inspecting"
    """After an interruption: had it happened?"""
    DONE = "done"
    GOING_BACK = "going back"
    UNDOING = "undoing"
    BACK = "back"
    STUCK = "stuck"


class Command(StrEnum):
    """What the driver does next."""

    CHECK = "check"
    ACT = "act"
    VERIFY = "verify"
    INSPECT = "inspect"
    END = "end"
    UNDO = "undo"
    END_ROLLBACK = "end rollback"
    WAIT = "wait"
    """Nothing, until somebody resumes or rolls back."""


_Undo = UndoStarted | UndoDone | UndoFailed
_STARTED = (Phase.CHECKING, Phase.READY, Phase.ACTING, Phase.VERIFYING, Phase.BETWEEN)
_HOLDING = (Phase.PAUSED, Phase.STOPPED, Phase.OUTDATED, Phase.INSPECTING, Phase.DONE)
_ON_THE_WAY_BACK = (Phase.GOING_BACK, Phase.UNDOING, Phase.STUCK)
_AT_A_BOUNDARY = (Phase.CHECKING, Phase.BETWEEN)
_AT_WORK = (*_STARTED, Phase.INSPECTING, Phase.UNDOING)

TRANSITIONS: Mapping[tuple[Phase, type[Event]], Phase] = {
    (Phase.NEW, RunStarted): Phase.CHECKING,
    # one step after the other
    (Phase.CHECKING, StepChecked): Phase.READY,
    (Phase.READY, StepStarted): Phase.ACTING,
    (Phase.ACTING, StepDone): Phase.VERIFYING,
    (Phase.VERIFYING, StepVerified): Phase.BETWEEN,
    (Phase.BETWEEN, StepChecked): Phase.READY,
    (Phase.BETWEEN, RunEnded): Phase.DONE,
    # a look or an effect failed
    (Phase.CHECKING, StepFailed): Phase.STOPPED,
    (Phase.BETWEEN, StepFailed): Phase.STOPPED,
    (Phase.ACTING, StepFailed): Phase.STOPPED,
    (Phase.VERIFYING, StepFailed): Phase.STOPPED,
    (Phase.INSPECTING, StepFailed): Phase.STOPPED,
    # taken up again: what was begun is inspected first
    (Phase.CHECKING, RunResumed): Phase.CHECKING,
    (Phase.READY, RunResumed): Phase.CHECKING,
    (Phase.ACTING, RunResumed): Phase.INSPECTING,
    (Phase.VERIFYING, RunResumed): Phase.VERIFYING,
    (Phase.BETWEEN, RunResumed): Phase.BETWEEN,
    (Phase.STOPPED, RunResumed): Phase.INSPECTING,
    (Phase.INSPECTING, RunResumed): Phase.INSPECTING,
    (Phase.INSPECTING, StepFound): Phase.CHECKING,
    # a failure in passing: looked at, and tried again
    (Phase.ACTING, StepRetried): Phase.INSPECTING,
    # somebody asks for a pause or for the end, which comes before the next step
    **{(phase, RunPaused): Phase.PAUSED for phase in _AT_A_BOUNDARY},
    (Phase.PAUSED, RunResumed): Phase.BETWEEN,
    **{(phase, RunCancelled): Phase.STOPPED for phase in (*_AT_A_BOUNDARY, Phase.PAUSED)},
    # a test says that the evaluation was wrong
    (Phase.STOPPED, PlanOutdated): Phase.OUTDATED,
    # the sign of life of whoever waits
    **{(phase, Heartbeat): phase for phase in _AT_WORK},
    # the way back is open everywhere but at its own end
    **{
        (phase, RollbackStarted): Phase.GOING_BACK
        for phase in (*_STARTED, *_HOLDING, *_ON_THE_WAY_BACK)
    },
    (Phase.GOING_BACK, UndoStarted): Phase.UNDOING,
    (Phase.UNDOING, UndoDone): Phase.GOING_BACK,
    (Phase.UNDOING, UndoFailed): Phase.STUCK,
    (Phase.GOING_BACK, RollbackEnded): Phase.BACK,
}
"""Every event that may come in each phase, and the phase it leads to."""

BLOCKED: Mapping[tuple[Phase, type[Event]], Phase] = {
    (Phase.CHECKING, StepChecked): Phase.STOPPED,
    (Phase.BETWEEN, StepChecked): Phase.STOPPED,
    (Phase.VERIFYING, StepVerified): Phase.STOPPED,
}
"""Where a look leads instead that found a BLOCKER."""

_COMMANDS: Mapping[Phase, Command] = {
    Phase.NEW: Command.WAIT,
    Phase.CHECKING: Command.CHECK,
    Phase.READY: Command.ACT,
    Phase.ACTING: Command.WAIT,
    Phase.VERIFYING: Command.VERIFY,
    Phase.PAUSED: Command.WAIT,
    Phase.STOPPED: Command.WAIT,
    Phase.OUTDATED: Command.WAIT,
    Phase.INSPECTING: Command.INSPECT,
    Phase.DONE: Command.WAIT,
    Phase.UNDOING: Command.WAIT,
    Phase.BACK: Command.WAIT,
    Phase.STUCK: Command.WAIT,
}

_VERDICTS: Mapping[Phase, Verdict] = {
    Phase.DONE: Verdict.SUCCEEDED,
    Phase.BACK: Verdict.ROLLED_BACK,
    Phase.STUCK: Verdict.ROLLBACK_FAILED,
    Phase.GOING_BACK: Verdict.ROLLBACK_FAILED,
    Phase.UNDOING: Verdict.ROLLBACK_FAILED,
}


@attrs.frozen(kw_only=True)
class RunState:
    """Everything that the events so far say about a run."""

    plan: Plan
    """What is to be done."""
    phase: Phase = Phase.NEW
    """Where in the table it stands."""
    at: int = 0
    """Index of the step that the run is at."""
    begun: tuple[str, ...] = ()
    """Ids of the steps whose effect was begun, in order; those taken back are left out again."""
    past: Mapping[str, Outcome] = attrs.Factory(dict)
    """Outcomes, by step id."""
    retries: int = 0
    """How often the step that the run is at was tried again by itself."""
    reason: str | None = None
    """Why it stands there."""
    findings: tuple[Finding, ...] = ()
    """What the steps found."""

    @property
    def step_id(self) -> str | None:
        """The step that the run is at, None after the last one."""
        return self.plan.steps[self.at].id if self.at < len(self.plan.steps) else None

    @property
    def at_work(self) -> str | None:
        """The step that somebody works on, forwards or back; None where a run stands."""
        if (self.phase, Heartbeat) not in TRANSITIONS:
            return None
        return self._going_back if self.phase is Phase.UNDOING else self.step_id

    @property
    def _going_back(self) -> str | None:
        """The step that is taken back next, None when none is left."""
        return self.begun[-1] if self.begun else None

    @property
    def command(self) -> Command:
        """What the driver does next."""
        if self.phase is Phase.BETWEEN:
            return Command.CHECK if self.step_id else Command.END
        if self.phase is Phase.GOING_BACK:
            return Command.UNDO if self.begun else Command.END_ROLLBACK
        return _COMMANDS[self.phase]

    def apply(self, event: Event) -> "RunState":
        """The state after one more event.

        Raises:
            NotResumableError: This event cannot come in this phase, or is about another step: the
                journal is not that of one run, or two processes wrote it.
        """
        after, name = TRANSITIONS.get((self.phase, type(event))), type(event).__name__
        if after is None:
            raise NotResumableError(f"{name} cannot come while a run is {self.phase}")
        back = isinstance(event, _Undo) or self.phase is Phase.UNDOING
        expected = self._going_back if back else self.step_id
        if (step := getattr(event, "step", expected)) != expected:
            raise NotResumableError(f"{name} is about step {step}, and the run is at {expected}")
        return _NEXT.get(type(event), _only_phase)(self, event, after)

    def as_run(self, events: tuple[Event, ...]) -> Run:
        """What the run looks like from outside."""
        verdict = _VERDICTS.get(self.phase, Verdict.STOPPED)
        stands = verdict in (Verdict.STOPPED, Verdict.ROLLBACK_FAILED)
        return Run(
            plan=self.plan,
            events=events,
            verdict=verdict,
            stopped_at=(self._going_back if self.phase is Phase.STUCK else self.step_id)
            if stands
            else None,
            reason=self.reason if stands else None,
            findings=self.findings,
            past=self.past,
        )


def _changed(state: RunState, **changes: Any) -> RunState:
    """The same state but for some fields; `attrs.evolve` takes five times as long."""
    get = changes.get
    return RunState(
        plan=state.plan,
        phase=changes["phase"],
        at=get("at", state.at),
        begun=get("begun", state.begun),
        past=get("past", state.past),
        retries=get("retries", state.retries),
        reason=get("reason", state.reason),
        findings=get("findings", state.findings),
    )


def _only_phase(state: RunState, event: Event, after: Phase) -> RunState:
    return _changed(state, phase=after)


def _resumed(state: RunState, event: Event, after: Phase) -> RunState:
    if after is Phase.INSPECTING and state.step_id not in state.begun:
        after = Phase.CHECKING  # its effect was never begun, so there is nothing to inspect
    return _changed(state, phase=after, reason=None, retries=0)


def _looked(state: RunState, event: Event, after: Phase) -> RunState:
    assert isinstance(event, StepChecked | StepVerified)
    findings = (*state.findings, *event.findings)
    if stops := blockers(event.findings):
        reason = "; ".join(f.message for f in stops)
        stopped = BLOCKED[state.phase, type(event)]
        return _changed(state, phase=stopped, reason=reason, findings=findings)
    if after is Phase.BETWEEN:
        return _changed(state, phase=after, findings=findings, at=state.at + 1, retries=0)
    return _changed(state, phase=after, findings=findings)


def _started(state: RunState, event: Event, after: Phase) -> RunState:
    assert isinstance(event, StepStarted)
    begun = state.begun if event.step in state.begun else (*state.begun, event.step)
    return _changed(state, phase=after, begun=begun)


def _acted(state: RunState, event: Event, after: Phase) -> RunState:
    assert isinstance(event, StepDone)
    return _changed(state, phase=after, past={**state.past, event.step: event.outcome})


def _failed(state: RunState, event: Event, after: Phase) -> RunState:
    assert isinstance(event, StepFailed | UndoFailed | PlanOutdated | RunPaused | RunCancelled)
    return _changed(state, phase=after, reason=event.reason)


def _retried(state: RunState, event: Event, after: Phase) -> RunState:
    return _changed(state, phase=after, retries=state.retries + 1)


def _undone(state: RunState, event: Event, after: Phase) -> RunState:
    return _changed(state, phase=after, begun=state.begun[:-1])


_NEXT = {
    RunResumed: _resumed,
    StepChecked: _looked,
    StepVerified: _looked,
    StepStarted: _started,
    StepDone: _acted,
    StepFailed: _failed,
    StepRetried: _retried,
    PlanOutdated: _failed,
    RunPaused: _failed,
    RunCancelled: _failed,
    UndoFailed: _failed,
    UndoDone: _undone,
}


def replay(events: Iterable[Event]) -> RunState:
    """The state that a journal's events lead to.

    Raises:
        NotResumableError: The journal is empty, does not begin with a plan, or is not that of one
            run.
        FormatError: Its plan cannot be read.
    """
    events = tuple(events)
    if not events or not isinstance(events[0], RunStarted):
        raise NotResumableError("The journal is empty: no run was started in it.")
    state = RunState(plan=_plan(events[0].plan))
    for event in events:
        state = state.apply(event)
    return state


@lru_cache(maxsize=2)
def _plan(text: str) -> Plan:
    """Read a plan; one that is taken up again and again, as in a rehearsal, only once."""
    return Plan.from_json(text)
