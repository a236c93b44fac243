"""Beginning a run and taking it up again: its lock, its adapters, whether the plan still fits."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from kong_lts.deployment import Side
from kong_lts.errors import (
    AdapterError,
    AdminApiError,
    NotResumableError,
    PlanError,
    PlanStaleError,
)
from kong_lts.events import RunResumed, RunStarted
from kong_lts.execution.driver import Driver
from kong_lts.findings import blockers
from kong_lts.planning import AnyStep, Plan, Run
from kong_lts.protocols import Adapters, Journal
from kong_lts.run import Phase, RunState, replay
from kong_lts.schema import schema_state

__all__ = ["begin", "complete", "execute", "held", "resume", "take_up"]


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


def begin(plan: Plan, adapters: Adapters, journal: Journal, owner: str) -> Driver:
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


def take_up(journal: Journal, adapters: Adapters, owner: str) -> Driver:
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
    """Refuse before anything is done when a step would miss an adapter, or have an unfit one.

    Raises:
        PlanError: Names every adapter that is missing, and the steps that need it; or what those
            that are there say that they cannot do.
    """
    steps = tuple(steps)
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
    if unfit := blockers(f for step in steps for f in step.unfit(adapters)):
        told = "\n".join(f"- {f.subject}: {f.message} {f.action}" for f in unfit)
        raise PlanError(f"Adapters cannot do what the plan wants. Nothing was done.\n{told}")


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
