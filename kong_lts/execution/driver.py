"""The driver: does what the state machine says, and tells the journal before and after."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime, timedelta

import attrs

from kong_lts.admin_writes import drift
from kong_lts.errors import (
    JournalError,
    KongLtsError,
    NotResumableError,
    RunCancelledError,
    StagingRefusedError,
    StepTimedOutError,
)
from kong_lts.events import (
    Event,
    Heartbeat,
    PlanOutdated,
    RunCancelled,
    RunEnded,
    RunPaused,
    RunResumed,
    StepChecked,
    StepDone,
    StepFailed,
    StepFound,
    StepRetried,
    StepStarted,
    StepVerified,
)
from kong_lts.findings import Finding, Severity, blockers
from kong_lts.nodes import hybrid_guards
from kong_lts.planning import AnyStep, Run
from kong_lts.protocols import Adapters, Clock, Journal, Order
from kong_lts.run import Command, Phase, RunState

__all__ = ["Driver"]

_BEAT_S = 60.0
"""A run that waits gives a sign of life this often."""
_CONTROL_POLL_S = 1.0
_RETRY_PAUSE_S = 5.0


@attrs.define
class Driver:
    """Does what the state machine says, and tells the journal before and after."""

    adapters: Adapters
    """Those of the run."""
    journal: Journal
    """Where each event is written."""
    state: RunState
    """How far the run is."""
    beat_s: float = attrs.field(default=_BEAT_S, kw_only=True)
    """After so long without an event a step that is at work gives a sign of life."""
    _clock: "_StepClock" = attrs.field(init=False)
    _waiting: Adapters | None = attrs.field(init=False, default=None)
    _noting: threading.RLock = attrs.field(factory=threading.RLock, init=False, repr=False)
    """Signs of life may come from another thread."""
    _last: datetime | None = attrs.field(default=None, init=False)
    """When the last event was noted."""
    _late_s: float = attrs.field(default=0.0, init=False)
    """By how much the last effect passed its limit."""

    def note(self, make: Callable[[str], Event]) -> None:
        """Journal an event, then let it count."""
        with self._noting:
            now = self.adapters.clock.now()
            event = make(now.isoformat())
            after = self.state.apply(event)
            self.journal.append(event)
            self.state, self._last = after, now
            self.adapters.observer.notice(event)

    def drive(self) -> Run:
        """Go on until the end, or until something stops the run."""
        with self.beating():
            while self.go_on():
                continue
        return self.state.as_run(self.journal.events())

    def beating(self) -> AbstractContextManager[None]:
        """Signs of life within it also where a step is but one long call, if the clock can that."""
        meanwhile = getattr(self.adapters.clock, "meanwhile", None)
        return nullcontext() if meanwhile is None else meanwhile(self._beat_aside, self.beat_s / 4)

    def _beat_aside(self) -> None:
        """Beside a step; that the journal cannot be written, the next event will tell."""
        with suppress(JournalError):
            self.beat()

    def beat(self) -> None:
        """Give a sign of life where it is time for one."""
        with self._noting:
            step, last = self.state.at_work, self._last
            now = self.adapters.clock.now()
            if step is not None and last and (now - last).total_seconds() >= self.beat_s:
                note = "; ".join(self._noticed(now))
                self.note(lambda at: Heartbeat(at=at, step=step, note=note))

    def _noticed(self, now: datetime) -> Iterator[str]:
        """What is wanted of a run whose step is at work, and does not end sooner for it."""
        control = self.adapters.control
        if control is not None and (told := control.instruction()).order is not Order.GO_ON:
            yield f"{told.order} is asked for by {told.by}, and comes when this step is over"
        if self._waiting is not None and (late_s := self._clock.late_s(now)) > 0:
            yield f"it takes {late_s:.0f} s longer than its limit"

    def go_on(self) -> bool:
        """Do the next command; False where there is none, at the end or until somebody resumes."""
        command = self.state.command
        if command is Command.WAIT:
            return False
        if command is Command.END:
            self.note(lambda at: RunEnded(at=at))
            return False
        step = self.state.plan.steps[self.state.at]
        try:
            if not self._held_up(command):
                self._do(command, step)
        except (JournalError, NotResumableError):
            raise  # what cannot be journalled did not count
        except KongLtsError as exc:
            self._fail(step, exc)
        return True

    def waiting(self, step: AnyStep) -> Adapters:
        """The adapters for one step: whoever waits by their clock can be stopped."""
        if self._waiting is None:
            self._clock = _StepClock(driver=self, inner=self.adapters.clock)
            self._waiting = attrs.evolve(self.adapters, clock=self._clock)
        self._clock.wait_for(step)
        return self._waiting

    def _do(self, command: Command, step: AnyStep) -> None:
        past, adapters = self.state.past, self.waiting(step)
        if command is Command.CHECK:
            findings = (*step.check(adapters, past), *self._guards(step, adapters))
            self.note(lambda at: StepChecked(at=at, step=step.id, findings=findings))
        elif command is Command.ACT:
            self.note(lambda at: StepStarted(at=at, step=step.id))
            outcome = step.run(adapters, past)
            self._late_s = self._clock.late_s(adapters.clock.now())
            self.note(lambda at: StepDone(at=at, step=step.id, outcome=outcome))
        elif command is Command.VERIFY:
            seen = (*step.verify(adapters, past), *self._late(step))
            self.note(lambda at: StepVerified(at=at, step=step.id, findings=seen))
            if step.outdates_plan(seen):
                self._outdate(step)
        elif command is Command.INSPECT:
            happened = _happened(step, adapters, self.state)
            self.note(lambda at: StepFound(at=at, step=step.id, happened=happened))

    def _late(self, step: AnyStep) -> Iterator[Finding]:
        """One call cannot be ended from here; that it was too long is said."""
        late_s, self._late_s = self._late_s, 0.0
        if late_s > 0:
            yield Finding(
                rule="step-took-too-long",
                severity=Severity.WARNING,
                subject=f"step {step.id}",
                message=f"It took {late_s:.0f} s longer than its limit of {step.time_limit_s:g} s.",
                action="See what held it up before the next upgrade, or give it more time.",
                source=step.guide,
            )

    def _guards(self, step: AnyStep, adapters: Adapters) -> Iterator[Finding]:
        """What speaks against any step now; a WARNING that was told is not told again."""
        plan, past, begun = self.state.plan, self.state.past, self.state.begun
        yield from drift(plan.steps, step, adapters, past, begun=step.id in begun)
        for finding in hybrid_guards(plan.deployment, plan.steps, step, adapters, past, begun):
            if finding.severity is Severity.BLOCKER or not self._was_told(finding):
                yield finding

    def _was_told(self, finding: Finding) -> bool:
        """Whether the run has found the same at an earlier step."""
        same = (finding.rule, finding.message)
        return any((told.rule, told.message) == same for told in self.state.findings)

    def _fail(self, step: AnyStep, exc: KongLtsError) -> None:
        """Try again what may be repeated; else stop, and go back where a test was refused."""
        reason, final = str(exc), isinstance(exc, RunCancelledError | StepTimedOutError)
        acting = self.state.phase is Phase.ACTING
        if acting and not final and self.state.retries + 1 < step.attempts:
            self.note(lambda at: StepRetried(at=at, step=step.id, reason=reason))
            self.adapters.clock.sleep(_RETRY_PAUSE_S)
            return
        self.note(lambda at: StepFailed(at=at, step=step.id, reason=reason))
        if isinstance(exc, StagingRefusedError) and step.leads_back_to is not None:
            self._outdate(step)

    def _outdate(self, step: AnyStep) -> None:
        reason = (
            f"{self.state.reason} This leads back to step {step.leads_back_to}: roll back, evaluate"
            " again and make a new plan."
        )
        self.note(lambda at: PlanOutdated(at=at, step=step.id, reason=reason))

    def _held_up(self, command: Command) -> bool:
        """Before a step: hold for as long as a pause is wanted; whether the run was cancelled."""
        control = self.adapters.control
        if control is None or command is not Command.CHECK:
            return False
        if (told := control.instruction()).order is Order.PAUSE:
            self.note(lambda at: RunPaused(at=at, reason=f"paused by {told.by}"))
            while (told := control.instruction()).order is Order.PAUSE:
                self.adapters.clock.sleep(_CONTROL_POLL_S)
            if told.order is Order.GO_ON:
                self.note(lambda at: RunResumed(at=at, owner=told.by))
        if told.order is Order.CANCEL:
            self.note(lambda at: RunCancelled(at=at, reason=f"cancelled by {told.by}"))
        return told.order is Order.CANCEL


@attrs.define(kw_only=True)
class _StepClock:
    """The clock that a step waits by: gives signs of life, and ends a wait that shall end."""

    driver: Driver
    inner: Clock
    step: AnyStep = attrs.field(init=False)
    until: datetime | None = attrs.field(init=False, default=None)

    def wait_for(self, step: AnyStep) -> None:
        """From now on it is this step that waits."""
        limit_s, self.step = step.time_limit_s, step
        self.until = None if limit_s is None else self.inner.now() + timedelta(seconds=limit_s)

    def late_s(self, now: datetime) -> float:
        """By how much the limit of the step is past; 0 or less where it is not."""
        return 0.0 if self.until is None else (now - self.until).total_seconds()

    def now(self) -> datetime:
        return self.inner.now()

    def sleep(self, duration_s: float) -> None:
        while True:
            self._look()
            part_s = min(duration_s, self.driver.beat_s)
            self.inner.sleep(part_s)
            duration_s -= part_s
            if duration_s <= 0:
                return

    def _look(self) -> None:
        control, now = self.driver.adapters.control, self.inner.now()
        if control is not None and (told := control.instruction()).order is Order.CANCEL:
            raise RunCancelledError(self.step.id, told.by)
        if self.until is not None and now > self.until:
            raise StepTimedOutError(self.step.id, self.step.time_limit_s or 0.0)
        self.driver.beat()


def _happened(step: AnyStep, adapters: Adapters, state: RunState) -> bool:
    """Whether the effect of an interrupted step is there; a look that fails does not see it."""
    try:
        return not blockers(step.verify(adapters, state.past))
    except KongLtsError:
        return False
