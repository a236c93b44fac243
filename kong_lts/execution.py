"""execute(plan, adapters, journal) and resume: drive the state machine in this process."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import attrs

from kong_lts.deployment import Side
from kong_lts.errors import (
    DatabaseError,
    JournalError,
    KongLtsError,
    NotResumableError,
    PlanError,
    PlanStaleError,
)
from kong_lts.events import (
    Event,
    RunEnded,
    RunResumed,
    RunStarted,
    StepChecked,
    StepDone,
    StepFailed,
    StepFound,
    StepStarted,
    StepVerified,
)
from kong_lts.findings import blockers
from kong_lts.planning import AnyStep, Plan, Run
from kong_lts.protocols import Adapters, Journal
from kong_lts.run import Command, Phase, RunState, replay
from kong_lts.schema import schema_state

__all__ = ["Driver", "execute", "held", "resume"]


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
    _complete(plan, adapters)
    who = owner or _this_process()
    with held(adapters, who):
        # Only now: whoever held the lock before may have written this very journal.
        if journal.events():
            reason = "The journal already holds a run: resume it, or name a new one."
            raise NotResumableError(reason)
        _fresh(plan, adapters)
        driver = Driver(adapters=adapters, journal=journal, state=RunState(plan=plan))
        driver.note(lambda at: RunStarted(at=at, plan=plan.to_json(), owner=who))
        return driver.drive()


def resume(journal: Journal, adapters: Adapters, *, owner: str | None = None) -> Run:
    """Take up the run of a journal again, wherever it stands.

    A step whose effect was begun is looked at first: what has happened is not done again.

    Raises:
        NotResumableError: The journal holds no run, or one that is at its end.
        PlanError: An adapter is missing.
        LockHeldError: Another run holds the database or the journal.
        JournalError: The journal cannot be read or written.
    """
    who = owner or _this_process()
    with held(adapters, who):
        state = replay(journal.events())  # only now: whoever held the lock before may have gone on
        if state.phase in (Phase.DONE, Phase.BACK):
            raise NotResumableError(f"The run is at its end: it is {state.phase}.")
        if state.phase in (Phase.GOING_BACK, Phase.UNDOING, Phase.STUCK):
            raise NotResumableError("The run was being rolled back: roll it back to its end.")
        _complete(state.plan, adapters)
        driver = Driver(adapters=adapters, journal=journal, state=state)
        driver.note(lambda at: RunResumed(at=at, owner=who))
        return driver.drive()


def _this_process() -> str:
    user = os.environ.get("USER") or str(os.getuid())
    return f"{user}@{socket.gethostname()} process {os.getpid()}"


def _complete(plan: Plan, adapters: Adapters) -> None:
    """Refuse before anything is done when a step would miss an adapter."""
    missing: dict[str, list[str]] = {}
    for step in plan.steps:
        for need in step.needs:
            where, _, name = need.rpartition(".")
            holder = adapters.of(Side(where)) if where else adapters
            if not getattr(holder, name):
                missing.setdefault(need, []).append(step.id)
    if missing:
        lines = "; ".join(f"{need} (for {', '.join(ids)})" for need, ids in missing.items())
        raise PlanError(f"Adapters are missing: {lines}. Nothing was done.")


def _fresh(plan: Plan, adapters: Adapters) -> None:
    if plan.starts_from is None or adapters.current.database is None:
        return
    found = schema_state(adapters.current.database.facts().schema_meta)
    if found is not plan.starts_from:
        raise PlanStaleError(
            plan.starts_from, found, "the schema of the current database is another one"
        )


@contextmanager
def held(adapters: Adapters, owner: str) -> Iterator[None]:
    """Hold the deployment's lock for the time of a run."""
    database = adapters.current.database
    if database is None:
        yield
        return
    database.hold_lock(owner)
    try:
        yield
    finally:
        with suppress(DatabaseError):  # a lost connection has released it already
            database.release_lock()


@attrs.define
class Driver:
    """Does what the state machine says, and tells the journal before and after."""

    adapters: Adapters
    journal: Journal
    state: RunState

    def note(self, make: Callable[[str], Event]) -> None:
        """Journal an event, then let it count."""
        event = make(self.adapters.clock.now().isoformat())
        after = self.state.apply(event)
        self.journal.append(event)
        self.state = after
        self.adapters.observer.notice(event)

    def drive(self) -> Run:
        """Go on until the end, or until something stops the run."""
        while (command := self.state.command) is not Command.WAIT:
            if command is Command.END:
                self.note(lambda at: RunEnded(at=at))
                continue
            step = self.state.plan.steps[self.state.at]
            try:
                self._do(command, step)
            except (JournalError, NotResumableError):
                raise  # what cannot be journalled did not count
            except KongLtsError as exc:
                reason = str(exc)
                self.note(lambda at: StepFailed(at=at, step=step.id, reason=reason))  # noqa: B023 - called at once
        return self.state.as_run(self.journal.events())

    def _do(self, command: Command, step: AnyStep) -> None:
        past, adapters = self.state.past, self.adapters
        if command is Command.CHECK:
            findings = tuple(step.check(adapters, past))
            self.note(lambda at: StepChecked(at=at, step=step.id, findings=findings))
        elif command is Command.ACT:
            self.note(lambda at: StepStarted(at=at, step=step.id))
            outcome = step.run(adapters, past)
            self.note(lambda at: StepDone(at=at, step=step.id, outcome=outcome))
        elif command is Command.VERIFY:
            seen = tuple(step.verify(adapters, past))
            self.note(lambda at: StepVerified(at=at, step=step.id, findings=seen))
        elif command is Command.INSPECT:
            happened = _happened(step, adapters, self.state)
            self.note(lambda at: StepFound(at=at, step=step.id, happened=happened))


def _happened(step: AnyStep, adapters: Adapters, state: RunState) -> bool:
    """Whether the effect of an interrupted step is there; a look that fails does not see it."""
    try:
        return not blockers(step.verify(adapters, state.past))
    except KongLtsError:
        return False
