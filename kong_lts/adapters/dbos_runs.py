"""Runs on a durable engine, from outside: start, watch, steer them from any process."""

import time
from typing import Any, Literal, Self

import attrs
from dbos import DBOSClient, error, run_dbos_database_migrations
from sqlalchemy.exc import SQLAlchemyError

from kong_lts.adapters import dbos_people
from kong_lts.adapters.dbos_store import PAUSE, RunStore, StoredJournal
from kong_lts.errors import JournalError, NotResumableError, RunRefusedError
from kong_lts.planning import Plan, Run
from kong_lts.protocols import Decision, Instruction, Order
from kong_lts.run import replay

__all__ = ["QUEUE", "VERSION", "WORKFLOW", "DbosRuns"]

WORKFLOW = "kong_lts.run"
QUEUE = "kong_lts"
VERSION = "kong_lts-1"
"""Of the form of a workflow, not of the library: a later release takes earlier runs up."""

Way = Literal["execute", "resume", "roll back"]

_LOOK_S = 0.2
_UNDER_WAY = ("ENQUEUED", "PENDING", "DELAYED")


@attrs.frozen
class DbosRuns:
    """Starts, watches and steers runs; no worker has to live meanwhile.

    A run has a name of the caller's own, without `#`, which is the name of its journal too.
    """

    store: RunStore
    """Where the runs are."""
    _client: DBOSClient = attrs.field(repr=False)

    @classmethod
    def open(cls, url: str) -> Self:
        """Reach the engine's database.

        Args:
            url: As SQLAlchemy takes it: `sqlite:////path` for the workers of one host, or
                `postgresql+psycopg://user@host/database`, for any.

        Raises:
            JournalError: It cannot be reached, or its tables cannot be made.
        """
        store = RunStore.open(url)
        try:
            run_dbos_database_migrations(url)
            client = DBOSClient(system_database_url=url)
        except (error.DBOSException, SQLAlchemyError) as exc:  # whose texts may hold the URL
            raise JournalError("opening the engine's database", type(exc).__name__) from None
        return cls(store, client)

    def close(self) -> None:
        """Close every connection."""
        self._client.destroy()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, plan: Plan, *, run: str) -> None:
        """Have a plan run by whichever worker is free; asking twice runs it once.

        Args:
            plan: Made for what is there when a worker begins.
            run: What the run is called.

        Raises:
            RunRefusedError: The name does not do.
            JournalError: The engine's database does not answer.
        """
        if not run or "#" in run:
            raise RunRefusedError(run, "a run needs a name, and none with a `#`")
        self._enqueue(f"{run}#execute", "execute", run, plan.to_json(), 0)

    def resume(self, run: str) -> None:
        """Have a run that stands taken up again; an earlier order no longer counts.

        Raises:
            JournalError: The engine's database does not answer.
        """
        self.instruct(run, Instruction(by="whoever resumed the run"))
        self._again(run, "resume", "")

    def roll_back(self, run: str, *, reason: str = "asked for") -> None:
        """Have everything taken back; a run that is under way is stopped first.

        Raises:
            JournalError: The engine's database does not answer.
        """
        if any(found.status in _UNDER_WAY for found in self._workflows(run)):
            self.instruct(run, Instruction(order=Order.CANCEL, by="whoever asked for the way back"))
        self._again(run, "roll back", reason)

    def decide(self, run: str, step: str, decision: Decision) -> None:
        """Answer what a step asks, or will ask.

        Raises:
            JournalError: The engine's database does not answer.
        """
        dbos_people.answer(self.store, run, step, decision)

    def instruct(self, run: str, instruction: Instruction) -> None:
        """Have a run pause, go on or stop.

        Raises:
            JournalError: The engine's database does not answer.
        """
        dbos_people.order(self.store, run, instruction)

    def journal(self, run: str) -> StoredJournal:
        """The journal of a run, to be read while it goes on."""
        return self.store.journal(run)

    def wait(self, run: str, *, timeout_s: float) -> Run:
        """Wait until nothing of a run is under way any more.

        Raises:
            RunRefusedError: It was not begun or not taken up, or it is still under way.
            NotResumableError: There is no such run.
            JournalError: The engine's database does not answer.
        """
        until = time.monotonic() + timeout_s
        while (last := self._newest(run)).status in _UNDER_WAY:
            if time.monotonic() > until:
                raise RunRefusedError(run, f"it is still under way after {timeout_s:g} s")
            PAUSE.wait(_LOOK_S)
        if last.status != "SUCCESS":
            raise RunRefusedError(run, f"the engine says {last.status}; resume it")
        if last.output:
            raise RunRefusedError(run, str(last.output))
        events = self.journal(run).events()
        return replay(events).as_run(events)

    def _workflows(self, run: str) -> list[Any]:
        """All that was asked of a run, the newest first."""
        try:
            return list(self._client.list_workflows(workflow_id_prefix=f"{run}#", sort_desc=True))
        except (error.DBOSException, SQLAlchemyError) as exc:  # whose texts may hold the URL
            raise JournalError(f"looking for run {run}", type(exc).__name__) from None

    def _newest(self, run: str) -> Any:
        if not (found := self._workflows(run)):
            raise NotResumableError(f"There is no run {run}.")
        return found[0]

    def _again(self, run: str, way: Way, text: str) -> None:
        """Once for each state of the run, however often it is asked for."""
        count = len(self.journal(run).events())
        broken = sum(found.status == "ERROR" for found in self._workflows(run))
        self._enqueue(f"{run}#{way}#{count}#{broken}", way, run, text, count)

    def _enqueue(self, workflow: str, way: Way, run: str, text: str, count: int) -> None:
        options: Any = {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": workflow,
            "app_version": VERSION,
        }
        try:
            self._client.enqueue(options, way, run, text, count)
        except (error.DBOSException, SQLAlchemyError) as exc:  # whose texts may hold the URL
            raise JournalError(f"starting run {run}", type(exc).__name__) from None
