"""execute(plan, adapters, journal) and resume: drive the state machine in this process."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import attrs

from kong_lts.admin_writes import drift
from kong_lts.deployment import Side
from kong_lts.errors import (
    AdapterError,
    AdminApiError,
    JournalError,
    KongLtsError,
    NotResumableError,
    PlanError,
    PlanStaleError,
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
    RunStarted,
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
from kong_lts.planning import AnyStep, Plan, Run
from kong_lts.protocols import Adapters, Clock, Journal, Order
from kong_lts.run import Command, Phase, RunState, replay
from kong_lts.schema import schema_state

__all__ = ["Driver", "begin", "complete", "execute", "held", "resume", "take_up"]

_BEAT_S = 60.0
"""A run that waits gives a sign of life this often."""
_CONTROL_POLL_S = 1.0
_RETRY_PAUSE_S = 5.0


def execute(plan: Plan, adapters: Adapters, *, journal: Journal, owner: str | None = None) -> Run:
    """Run a plan from its first step.

    Args:
        plan: Made for what is there now; a stale one is refused.
        adapters: What the steps need; a missing one is refused before anything is done.
        journal: Empty; it holds the plan and every event from here on.
        owner: Who runs it, for the lock and the journal; user, host and process if None.

    Returns:
        The run. It ends early, with the verdict STOPPED, when a step fails: `resume` or
        `roll_back` its journal.

    Raises:
        PlanStaleError: The current database is not in the state that the plan starts from.
        PlanError: An adapter is missing.
        NotResumableError: The journal already holds a run.
        LockHeldError: Another run holds the database or the journal.
        JournalError: The journal cannot be written; nothing more was done.
    """
    complete(plan.steps, adapters)
    who = owner or _this_process()
    with held(adapters, who):
        return begin(plan, adapters, journal, who).drive()


def begin(plan: Plan, adapters: Adapters, journal: Journal, owner: str) -> "Driver":
    """Journal the start of a run whose lock is held; the other errors are those of `execute`.

    Raises:
        NotResumableError: The journal holds a run already.
    """
    # Only now: whoever held the lock before may have written this very journal.
    if journal.events():
        raise NotResumableError("The journal already holds a run: resume it, or name a new one.")
    complete(plan.steps, adapters)
    _fresh(plan, adapters)
    driver = Driver(adapters=adapters, journal=journal, state=RunState(plan=plan))
    driver.note(lambda at: RunStarted(at=at, plan=plan.to_json(), owner=owner))
    return driver


def resume(journal: Journal, adapters: Adapters, *, owner: str | None = None) -> Run:
    """Take up the run of a journal again, wherever it stands.

    A step whose effect was begun is looked at first: what has happened is not done again.

    Raises:
        NotResumableError: The journal holds no run, or one that is at its end.
        PlanStaleError: A test has failed: roll back, evaluate again and make a new plan.
        PlanError: An adapter is missing.
        LockHeldError: Another run holds the database or the journal.
        JournalError: The journal cannot be read or written.
    """
    who = owner or _this_process()
    with held(adapters, who):
        return take_up(journal, adapters, who).drive()


def take_up(journal: Journal, adapters: Adapters, owner: str) -> "Driver":
    """Journal that a run whose lock is held goes on; the other errors are those of `resume`.

    Raises:
        NotResumableError: The run is at its end, or on its way back.
        PlanStaleError: A test has outdated its plan.
    """
    state = replay(journal.events())  # only now: whoever held the lock before may have gone on
    if state.phase in (Phase.DONE, Phase.BACK):
        raise NotResumableError(f"The run is at its end: it is {state.phase}.")
    if state.phase is Phase.OUTDATED:
        raise PlanStaleError("tests that pass", "one that failed", state.reason or "a test failed")
    if state.phase in (Phase.GOING_BACK, Phase.UNDOING, Phase.STUCK):
        raise NotResumableError("The run was being rolled back: roll it back to its end.")
    complete(state.plan.steps, adapters)
    driver = Driver(adapters=adapters, journal=journal, state=state)
    driver.note(lambda at: RunResumed(at=at, owner=owner))
    return driver


def _this_process() -> str:
    user = os.environ.get("USER") or str(os.getuid())
    return f"{user}@{socket.gethostname()} process {os.getpid()}"


def complete(steps: Iterable[AnyStep], adapters: Adapters) -> None:
    """Refuse before anything is done when a step would miss an adapter.

    Raises:
        PlanError: Names every adapter that is missing, and the steps that need it.
    """
    missing: dict[str, list[str]] = {}
    for step in steps:
        for need in step.needs:
            where, _, name = need.rpartition(".")
            holder = adapters.of(Side(where)) if where else adapters
            if not getattr(holder, name):
                missing.setdefault(need, []).append(step.id)
    if missing:
        lines = "; ".join(f"{need} (for {', '.join(ids)})" for need, ids in missing.items())
        raise PlanError(f"Adapters are missing: {lines}. Nothing was done.")


def _fresh(plan: Plan, adapters: Adapters) -> None:
    """Refuse a plan that was made for something else than what is there now."""
    database = adapters.current.database
    if plan.starts_from is not None and database is not None:
        found = schema_state(database.facts().schema_meta)
        if found is not plan.starts_from:
            raise PlanStaleError(
                plan.starts_from, found, "the schema of the current database is another one"
            )
    planned = str(plan.deployment.current.version)
    for node, version in _versions(plan, adapters):
        if version != planned:
            raise PlanStaleError(planned, version, f"node {node} runs another version")


def _versions(plan: Plan, adapters: Adapters) -> Iterator[tuple[str, str]]:
    """What the current nodes say that they run; one that does not answer says nothing."""
    if (admin := adapters.current.admin) is None:
        return
    for node in plan.deployment.current.nodes:
        with suppress(AdminApiError):
            if version := admin.status(node.name).version:
                yield node.name, version


@contextmanager
def held(adapters: Adapters, owner: str) -> Iterator[None]:
    """Hold the deployment's lock for the time of a run: its database's, or the one beside it."""
    lock = adapters.current.database or adapters.lock
    if lock is None:
        yield
        return
    lock.hold_lock(owner)
    try:
        yield
    finally:
        with suppress(AdapterError):  # a lost connection has released it already
            lock.release_lock()


@attrs.define
class Driver:
    """Does what the state machine says, and tells the journal before and after."""

    adapters: Adapters
    journal: Journal
    state: RunState
    _clock: "_StepClock" = attrs.field(init=False)
    _waiting: Adapters | None = attrs.field(init=False, default=None)

    def note(self, make: Callable[[str], Event]) -> None:
        """Journal an event, then let it count."""
        event = make(self.adapters.clock.now().isoformat())
        after = self.state.apply(event)
        self.journal.append(event)
        self.state = after
        self.adapters.observer.notice(event)

    def drive(self) -> Run:
        """Go on until the end, or until something stops the run."""
        while self.go_on():
            continue
        return self.state.as_run(self.journal.events())

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
            self.note(lambda at: StepDone(at=at, step=step.id, outcome=outcome))
        elif command is Command.VERIFY:
            seen = tuple(step.verify(adapters, past))
            self.note(lambda at: StepVerified(at=at, step=step.id, findings=seen))
            if step.outdates_plan(seen):
                self._outdate(step)
        elif command is Command.INSPECT:
            happened = _happened(step, adapters, self.state)
            self.note(lambda at: StepFound(at=at, step=step.id, happened=happened))

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
    beat: datetime = attrs.field(init=False)
    """The last sign of life."""

    def wait_for(self, step: AnyStep) -> None:
        """From now on it is this step that waits."""
        self.step, self.beat = step, self.inner.now()
        limit_s = step.time_limit_s
        self.until = None if limit_s is None else self.beat + timedelta(seconds=limit_s)

    def now(self) -> datetime:
        return self.inner.now()

    def sleep(self, duration_s: float) -> None:
        while True:
            self._look()
            part_s = min(duration_s, _BEAT_S)
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
        if (now - self.beat).total_seconds() >= _BEAT_S:
            self.driver.note(lambda at: Heartbeat(at=at, step=self.step.id))
            self.beat = now


def _happened(step: AnyStep, adapters: Adapters, state: RunState) -> bool:
    """Whether the effect of an interrupted step is there; a look that fails does not see it."""
    try:
        return not blockers(step.verify(adapters, state.past))
    except KongLtsError:
        return False
