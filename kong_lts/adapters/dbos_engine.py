"""Runs on a durable engine: plans as workflows of DBOS, which any of several workers takes over.

The run is the one of `execute`: the same state machine, events, looks and way back. The engine adds
that the journal and all messages stand in a database that every worker reaches, that what a dead
worker left is taken up by another one, and that nobody has to be there meanwhile.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Self

import attrs
from dbos import DBOS, error
from sqlalchemy.exc import SQLAlchemyError

from kong_lts.adapters.dbos_hold import Hold
from kong_lts.adapters.dbos_people import LeavingClock, StoppingError, ToldApprover, ToldControl
from kong_lts.adapters.dbos_runs import QUEUE, VERSION, WORKFLOW, DbosRuns
from kong_lts.errors import JournalError, KongLtsError, LockHeldError
from kong_lts.execution import Driver, begin, held, take_up
from kong_lts.planning import Plan
from kong_lts.protocols import Adapters
from kong_lts.rollback import roll_back
from kong_lts.run import Command, Phase, RunState, replay

__all__ = ["DbosWorker"]

_LOOK_S = 0.5
_LOCK_PATIENCE_S = 30.0
"""How long the lock of a deployment is waited for: a server notices the death of a worker late."""
_STANDS = (
    Phase.STOPPED,
    Phase.OUTDATED,
    Phase.DONE,
    Phase.BACK,
    Phase.STUCK,
    Phase.GOING_BACK,
    Phase.UNDOING,
)

_ONE = threading.Lock()
"""DBOS keeps one engine a process."""

Said = Mapping[str, str]
"""What a durable step says: `next` is the step that comes, empty at the end; `refused` says why
nothing was done."""
_END: Said = {"next": "", "refused": ""}


@attrs.define
class _Stint:
    """One worker's part of a run: it has the hold and the deployment's lock until it closes."""

    driver: Driver
    stack: contextlib.ExitStack

    def go_on(self, step: str) -> Said:
        """Carry one step out."""
        while self.driver.state.step_id == step and self.driver.go_on():
            continue
        return self.comes()

    def comes(self) -> Said:
        """What comes next; behind the last step, the end."""
        state = self.driver.state
        if state.command is Command.END:
            self.driver.go_on()
        if self.driver.state.command is Command.WAIT:
            return _END
        return {**_END, "next": self.driver.state.step_id or ""}


@attrs.define
class DbosWorker:
    """Works on the runs of one engine's database; a process holds one at most.

    Args:
        url: As for `DbosRuns.open`.
        adapters_of: Gives the adapters for a plan. Their approver and their control are replaced:
            answers and orders are messages here.
        name: Of this worker, kept over its restarts.
        runs_at_once: How many runs it works on at the same time.
    """

    url: str = attrs.field(repr=False)
    adapters_of: Callable[[Plan], Adapters]
    name: str
    runs_at_once: int = 4
    _runs: DbosRuns | None = attrs.field(default=None, init=False, repr=False)
    _leaving: threading.Event = attrs.field(factory=threading.Event, init=False, repr=False)
    _looker: threading.Thread | None = attrs.field(default=None, init=False, repr=False)
    _stints: dict[str, _Stint] = attrs.field(factory=dict, init=False, repr=False)

    def start(self) -> None:
        """Begin to work, also on what a dead worker has left.

        Raises:
            JournalError: The engine's database cannot be reached.
        """
        if not _ONE.acquire(blocking=False):
            raise JournalError("starting the engine", "this process has a worker already")
        self._leaving.clear()
        try:
            self._runs = DbosRuns.open(self.url)
            self._launch()
        except (error.DBOSException, SQLAlchemyError) as exc:  # whose texts may hold the URL
            _ONE.release()
            raise JournalError("starting the engine", type(exc).__name__) from None
        except JournalError:
            _ONE.release()
            raise
        self._looker = threading.Thread(target=self._look, name="kong_lts looker", daemon=True)
        self._looker.start()

    def stop(self) -> None:
        """Leave at the next moment at which a step waits, or between two steps."""
        self._leaving.set()
        if self._looker is not None:
            self._looker.join()
        DBOS.destroy(workflow_completion_timeout_sec=10)
        if self._runs is not None:
            self._runs.close()
        _ONE.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self) -> None:
        DBOS(
            config={
                "name": "kong_lts",
                "system_database_url": self.url,
                "executor_id": self.name,
                "application_version": VERSION,
                "log_level": "CRITICAL",  # a line may hold the URL; the observer tells the rest
            }
        )
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=1_000_000)(self._workflow())
        DBOS.launch()
        DBOS.register_queue(
            QUEUE, worker_concurrency=self.runs_at_once, polling_interval_sec=_LOOK_S
        )

    # --- what the engine calls --------------------------------------------------------------------

    def _workflow(self) -> Callable[[str, str, str, int], str]:
        """Each step of a plan is a durable step; the result of one names the next."""

        def work(way: str, run: str, text: str, count: int) -> str:
            try:
                said = DBOS.run_step({"name": way}, self._begin, way, run, text, count)
                while said["next"]:
                    said = DBOS.run_step({"name": said["next"]}, self._go_on, run, said["next"])
                return said["refused"]
            finally:
                self._close(run)

        return work

    def _begin(self, way: str, run: str, text: str, count: int) -> Said:
        """The first durable step: begin the run, take it up, or take it back whole."""
        try:
            stint = self._stint(run, way, text, count)
            return _END if stint is None else stint.comes()
        except JournalError:
            raise  # nothing can be said of a run whose journal is out of reach
        except KongLtsError as exc:
            return {**_END, "refused": str(exc)}

    def _go_on(self, run: str, step: str) -> Said:
        """One step of the plan; by a worker that was not there before, from what it finds."""
        stint = self._stints.get(run) or self._stint(run, "resume", "", 0)
        return _END if stint is None else stint.go_on(step)

    def _stint(self, run: str, way: str, text: str, count: int) -> _Stint | None:
        """Begin a part of a run; None where an earlier worker has brought it to where it stands.

        Args:
            run: Its name.
            way: `execute`, `resume` or `roll back`.
            text: The plan, or the reason.
            count: How many events there were when it was asked for.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self._hold(run).release)
            journal = self._opened().journal(run)
            events = journal.events()
            state = replay(events) if events else RunState(plan=Plan.from_json(text))
            if len(events) > count and state.phase in _STANDS and way != "roll back":
                return None
            adapters = self._adapters(run, state.plan)
            if way == "roll back":
                if len(events) == count or state.phase not in (Phase.BACK, Phase.STUCK):
                    back = attrs.evolve(adapters, control=None)
                    self._patiently(lambda: roll_back(journal, back, owner=self.name, reason=text))
                return None
            self._patiently(lambda: stack.enter_context(held(adapters, self.name)))
            driver = (
                take_up(journal, adapters, self.name)
                if events
                else begin(state.plan, adapters, journal, self.name)
            )
            stint = _Stint(driver, stack.pop_all())
        self._stints[run] = stint
        return stint

    def _close(self, run: str) -> None:
        if (stint := self._stints.pop(run, None)) is not None:
            stint.stack.close()

    # --- what a part of a run needs ---------------------------------------------------------------

    def _opened(self) -> DbosRuns:
        if self._runs is None:
            raise JournalError("working on a run", "the worker was not started")
        return self._runs

    def _hold(self, run: str) -> Hold:
        """The run for this worker; another one may have it for as long as it works on it."""
        while (hold := self._opened().store.hold(run)) is None:
            self._wait()
        return hold

    def _patiently(self, act: Callable[[], object]) -> None:
        """Act; the deployment's lock, which a dead worker may seem to have, is waited for."""
        until = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                act()
            except LockHeldError:
                if time.monotonic() > until:
                    raise
                self._wait()
            else:
                return

    def _wait(self) -> None:
        if self._leaving.wait(_LOOK_S):
            raise StoppingError

    def _adapters(self, run: str, plan: Plan) -> Adapters:
        given, store = self.adapters_of(plan), self._opened().store
        clock = LeavingClock(inner=given.clock, leaving=self._leaving)
        control = ToldControl(store=store, run=run)
        approver = ToldApprover(store=store, run=run, clock=clock, control=control)
        return attrs.evolve(given, clock=clock, control=control, approver=approver)

    # --- what others left -------------------------------------------------------------------------

    def _look(self) -> None:
        """Have taken up whatever a worker left that lives no more: nobody holds its run."""
        while not self._leaving.wait(4 * _LOOK_S):
            with contextlib.suppress(JournalError, error.DBOSException, SQLAlchemyError):
                for found in DBOS.list_workflows(
                    status="PENDING", name=WORKFLOW, app_version=VERSION, load_output=False
                ):
                    if found.executor_id != self.name:
                        self._take_over(found.workflow_id)

    def _take_over(self, workflow: str) -> None:
        hold = self._opened().store.hold(workflow.partition("#")[0])
        if hold is not None:
            hold.release()
            DBOS.resume_workflow(workflow, queue_name=QUEUE)
