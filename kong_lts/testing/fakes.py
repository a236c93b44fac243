"""A fake for each protocol, over one simulated world; each keeps its protocol's contract."""

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from kong_lts.catalog import migrations
from kong_lts.database import DatabaseFacts, Fingerprint, RouteRow, SchemaMeta
from kong_lts.deployment import Side
from kong_lts.errors import (
    AdminApiError,
    ApproverError,
    ArchiveError,
    BackupError,
    DatabaseError,
    LoadBalancerError,
    LockHeldError,
    MetricsError,
    ProcessFailedError,
    ProcessNotRunError,
    ProxyError,
    WriteGuardError,
)
from kong_lts.events import BackedUp, Event, StepStarted, TrafficCount
from kong_lts.protocols import (
    Adapters,
    Answer,
    ClusterAdapters,
    Decision,
    Finished,
    NodeStatus,
    Probe,
    Question,
)
from kong_lts.schema import SchemaState
from kong_lts.testing.simulation import (
    SERVER_VERSION,
    Fault,
    Killed,
    SimulatedCluster,
    SimulatedDatabase,
    World,
)

__all__ = [
    "FakeAdminApi",
    "FakeApprover",
    "FakeArchive",
    "FakeClock",
    "FakeDatabase",
    "FakeJournal",
    "FakeLoadBalancer",
    "FakeMetrics",
    "FakeObserver",
    "FakeProcessRunner",
    "FakeProxy",
    "FakeWriteGuard",
    "fake_adapters",
]

_GUARDED = ("routes",)
_REFUSAL = "the configuration is frozen for the upgrade"


def _meta(state: SchemaState) -> tuple[SchemaMeta, ...]:
    """The `schema_meta` of a database in one state."""
    known = migrations()
    first, *rest = known.core_3_4
    executed, pending = {
        SchemaState.EMPTY: ((), ()),
        SchemaState.LTS_2_8: (known.core_2_8, ()),
        SchemaState.PARTLY_UP: (known.core_2_8, (first,)),
        SchemaState.UP: ((*known.core_2_8, *rest), (first,)),
        SchemaState.LTS_3_4: ((*known.core_2_8, *known.core_3_4), ()),
    }[state]
    if state is SchemaState.EMPTY:
        return ()
    return (SchemaMeta(subsystem="core", executed=executed, pending=pending),)


@attrs.define
class FakeDatabase:
    """A database of the simulated world."""

    world: World
    side: Side

    @property
    def _database(self) -> SimulatedDatabase:
        return self.world.cluster(self.side).database

    def _there(self, doing: str) -> SimulatedDatabase:
        if not self._database.exists:
            raise DatabaseError(doing, f"database {self._database.name} does not exist")
        return self._database

    def facts(self) -> DatabaseFacts:
        def seen() -> DatabaseFacts:
            database = self._there("look at the database")
            return DatabaseFacts(
                name=database.name,
                server_version=SERVER_VERSION,
                identity=database.name,
                tables={"routes": len(database.rows)},
                schema_meta=_meta(database.state),
                routes=tuple(
                    RouteRow(id=key, name=key, paths=(path,)) for key, path in database.rows.items()
                ),
            )

        return self.world.look("look at the database", DatabaseError, seen)

    def fingerprint(self) -> Fingerprint:
        doing = "fingerprint the database"
        return self.world.look(doing, DatabaseError, lambda: self._there(doing).fingerprint())

    def create(self, owner: str) -> None:
        database = self._database
        if database.exists and (database.owner != owner or database.state != SchemaState.EMPTY):
            raise DatabaseError(f"create database {database.name}", "it exists already")

        def effect() -> None:
            database.exists, database.owner = True, owner

        self.world.act(f"create database {database.name}", DatabaseError, effect)

    def drop(self, owner: str) -> None:
        database = self._database
        doing = f"drop database {database.name}"
        if not database.exists:
            return
        if database.owner != owner:
            raise DatabaseError(doing, "it does not carry the mark of this upgrade")

        def effect() -> None:
            database.exists, database.owner = False, None
            database.rows, database.state, database.guarded = {}, SchemaState.EMPTY, False

        self.world.act(doing, DatabaseError, effect)

    def hold_lock(self, owner: str) -> None:
        self._there("lock the database")
        if self.world.run_lock is not None:
            raise LockHeldError(self.world.run_lock, f"database {self._database.name}")
        self.world.run_lock = owner

    def release_lock(self) -> None:
        self.world.run_lock = None


@attrs.define
class FakeArchive:
    """Backups of the simulated world."""

    world: World
    side: Side

    @property
    def _database(self) -> SimulatedDatabase:
        return self.world.cluster(self.side).database

    def back_up(self, folder: str) -> BackedUp:
        database = self._database
        if not database.exists:
            raise ArchiveError("dump the database", f"database {database.name} does not exist")
        made = BackedUp(
            folder=folder,
            fingerprint=database.fingerprint(),
            size_bytes=sum(map(len, database.rows.values())),
            server_version=SERVER_VERSION,
            tool_version=SERVER_VERSION,
        )
        there = self.world.backups.get(folder)
        if there is not None and there[0] != made:
            raise BackupError(folder, "a backup of something else stands there")

        def effect() -> None:
            self.world.backups[folder] = (made, dict(database.rows))

        self.world.act(f"back up into {folder}", ArchiveError, effect)
        return made

    def inspect(self, folder: str) -> BackedUp:
        def seen() -> BackedUp:
            if folder not in self.world.backups:
                raise BackupError(folder, "there is no backup")
            return self.world.backups[folder][0]

        return self.world.look(f"inspect {folder}", ArchiveError, seen)

    def restore(self, folder: str) -> Fingerprint:
        made = self.inspect(folder)
        database, rows = self._database, self.world.backups[folder][1]
        if not database.exists:
            raise ArchiveError(f"restore {folder}", f"database {database.name} does not exist")
        if database.state is not SchemaState.EMPTY:
            if database.fingerprint() == made.fingerprint:
                return made.fingerprint
            raise ArchiveError(f"restore {folder}", f"database {database.name} is not empty")

        def effect() -> None:
            database.rows, database.state = dict(rows), SchemaState.LTS_2_8

        self.world.act(f"restore {folder}", ArchiveError, effect)
        return made.fingerprint


@attrs.define
class FakeWriteGuard:
    """Keeps writes out of a simulated database."""

    world: World
    side: Side

    @property
    def _database(self) -> SimulatedDatabase:
        database = self.world.cluster(self.side).database
        if not database.exists:
            raise WriteGuardError("look at the guard", f"database {database.name} does not exist")
        return database

    def _set(self, guarded: bool) -> None:
        database = self._database

        def effect() -> None:
            database.guarded = guarded

        doing = f"{'stop' if guarded else 'resume'} writes on {database.name}"
        self.world.act(doing, WriteGuardError, effect)

    def hold(self) -> tuple[str, ...]:
        self._set(guarded=True)
        return _GUARDED

    def release(self) -> None:
        self._set(guarded=False)

    def held(self) -> tuple[str, ...]:
        return _GUARDED if self._guarded() else ()

    def try_write(self) -> str | None:
        return _REFUSAL if self._guarded() else None

    def _guarded(self) -> bool:
        return self.world.look(
            "look at the guard", WriteGuardError, lambda: self._database.guarded
        )


@attrs.define
class FakeProcessRunner:
    """A node of the simulated world, with `kong` on it and nothing else."""

    world: World
    side: Side
    node: str

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        doing = " ".join(argv)
        commands = self._commands()
        words = tuple(word for word in argv[1:] if word in {w for c in commands for w in c})
        if argv[0].rsplit("/", 1)[-1] != "kong" or words not in commands:
            raise ProcessNotRunError(doing, "no such command on a simulated node")
        finished = commands[words](doing)
        if finished.status not in statuses:
            raise ProcessFailedError(doing, finished.stderr, finished.status, finished.stdout)
        return finished

    @property
    def _cluster(self) -> SimulatedCluster:
        return self.world.cluster(self.side)

    def _commands(self) -> dict[tuple[str, ...], Callable[[str], Finished]]:
        return {
            ("migrations", "list"): self._list,
            ("migrations", "up"): self._up,
            ("migrations", "finish"): self._finish,
            ("start",): self._start,
            ("quit",): self._quit,
            ("health",): self._health,
        }

    def _list(self, doing: str) -> Finished:
        status = {
            SchemaState.EMPTY: 3,
            SchemaState.LTS_2_8: 5,
            SchemaState.PARTLY_UP: 4,
            SchemaState.UP: 4,
            SchemaState.LTS_3_4: 0,
        }
        state = self._cluster.database.state
        return self.world.look(doing, ProcessNotRunError, lambda: Finished(status=status[state]))

    def _up(self, doing: str) -> Finished:
        database = self._cluster.database
        if database.guarded:
            return Finished(status=1, stderr=f"Error: {_REFUSAL} (UPDATE on routes)")
        if database.state in (SchemaState.UP, SchemaState.PARTLY_UP):
            return Finished(status=1, stderr="Error: Database has pending migrations")
        if database.state is SchemaState.LTS_2_8:
            self.world.act(doing, ProcessNotRunError, lambda: self.world.migrate_up(database))
        return Finished(status=0)

    def _finish(self, doing: str) -> Finished:
        database = self._cluster.database

        def effect() -> None:
            database.state = SchemaState.LTS_3_4

        if database.state is SchemaState.UP:
            self.world.act(doing, ProcessNotRunError, effect)
        return Finished(status=0)  # before `up` it answers 0 and does nothing

    def _start(self, doing: str) -> Finished:
        cluster = self._cluster
        ours = (SchemaState.LTS_2_8,) if self.side is Side.CURRENT else (SchemaState.LTS_3_4,)
        if cluster.running[self.node]:
            return Finished(status=1, stderr="Error: Kong is already running")
        if cluster.database.state not in ours:
            return Finished(status=1, stderr="Error: New migrations available")

        def effect() -> None:
            cluster.running[self.node] = True

        self.world.act(doing, ProcessNotRunError, effect)
        return Finished(status=0, stdout="Kong started\n")

    def _quit(self, doing: str) -> Finished:
        def effect() -> None:
            self._cluster.running[self.node] = False

        self.world.act(doing, ProcessNotRunError, effect)
        return Finished(status=0, stdout="Kong stopped (gracefully)\n")

    def _health(self, doing: str) -> Finished:
        running = self.world.look(
            doing, ProcessNotRunError, lambda: self._cluster.running[self.node]
        )
        return Finished(status=0 if running else 1)


@attrs.define
class FakeLoadBalancer:
    """Divides the simulated traffic."""

    world: World

    def set_weight(self, new_percent: int) -> None:
        def effect() -> None:
            self.world.new_percent = new_percent

        doing = f"send {new_percent}% to the new cluster"
        self.world.act(doing, LoadBalancerError, effect)

    def weight(self) -> int:
        return self.world.look("read the weight", LoadBalancerError, lambda: self.world.new_percent)


@attrs.define
class FakeAdminApi:
    """What the simulated nodes say of themselves."""

    world: World
    side: Side

    def status(self, node: str) -> NodeStatus:
        cluster = self.world.cluster(self.side)

        def seen() -> NodeStatus:
            if not cluster.running.get(node):
                raise AdminApiError(f"ask node {node}", "connection refused")
            return NodeStatus(
                version=cluster.version, ready=True, database_reachable=cluster.database.exists
            )

        return self.world.look(f"ask node {node}", AdminApiError, seen)


@attrs.define
class FakeProxy:
    """The proxy of a simulated cluster: a running one answers every probe as it expects."""

    world: World
    side: Side

    def send(self, probe: Probe) -> Answer:
        def seen() -> Answer:
            if not self.world.cluster(self.side).serves:
                raise ProxyError(f"send {probe.name}", "connection refused")
            return Answer(status=probe.expect_status, body=probe.expect_in_body or "")

        return self.world.look(f"send {probe.name}", ProxyError, seen)


@attrs.define
class FakeMetrics:
    """Counts the simulated requests."""

    world: World
    side: Side

    def count(self) -> TrafficCount:
        cluster = self.world.cluster(self.side)

        def seen() -> TrafficCount:
            return TrafficCount(
                requests=cluster.requests,
                errors=cluster.errors,
                latency_ms=self.world.latency_ms() if cluster.requests else None,
            )

        return self.world.look("count requests", MetricsError, seen)


@attrs.define
class FakeClock:
    """The simulated world's clock: waiting takes no time, and clients go on sending."""

    world: World

    def now(self) -> datetime:
        return self.world.now

    def sleep(self, duration_s: float) -> None:
        self.world.pass_time(duration_s)


@attrs.define
class FakeApprover:
    """A person who always says the same."""

    world: World | None = None
    approves: bool = True
    asked: list[Question] = attrs.Factory(list)

    def ask(self, question: Question) -> Decision:
        def seen() -> Decision:
            self.asked.append(question)
            return Decision(approved=self.approves, by="a simulated person")

        if self.world is None:
            return seen()
        return self.world.look(f"ask: {question.title}", ApproverError, seen)


@attrs.define
class FakeObserver:
    """Remembers what it was told."""

    noticed: list[Event] = attrs.Factory(list)

    def notice(self, event: Event) -> None:
        self.noticed.append(event)


@attrs.define
class FakeJournal:
    """A journal in memory, which can arm a fault when a step begins.

    Args:
        world: Where the fault strikes.
        strikes_at: Id of the step.
        fault: What goes wrong there, once.
    """

    world: World | None = None
    strikes_at: str | None = None
    fault: Fault | None = None
    held: list[Event] = attrs.Factory(list)

    def append(self, event: Event) -> None:
        self.held.append(event)
        begun = isinstance(event, StepStarted) and event.step == self.strikes_at
        if self.world is None:
            return
        self.world.fault = None  # whatever was armed for the step before this event is over
        if begun and self.fault is not None:
            fault, self.fault = self.fault, None
            if fault is Fault.KILLED_BEFORE:
                raise Killed(fault)
            self.world.fault = fault

    def events(self) -> tuple[Event, ...]:
        return tuple(self.held)


def fake_adapters(world: World, *, approves: bool = True) -> Adapters:
    """Adapters for everything, over one simulated world."""
    return Adapters(
        current=_cluster_adapters(world, Side.CURRENT),
        new=_cluster_adapters(world, Side.NEW),
        load_balancer=FakeLoadBalancer(world),
        clock=FakeClock(world),
        approver=FakeApprover(world, approves=approves),
        observer=FakeObserver(),
    )


def _cluster_adapters(world: World, side: Side) -> ClusterAdapters:
    return ClusterAdapters(
        database=FakeDatabase(world, side),
        archive=FakeArchive(world, side),
        write_guard=FakeWriteGuard(world, side),
        admin=FakeAdminApi(world, side),
        proxy=FakeProxy(world, side),
        metrics=FakeMetrics(world, side),
        nodes={
            node: FakeProcessRunner(world, side, node) for node in world.cluster(side).running
        },
    )
