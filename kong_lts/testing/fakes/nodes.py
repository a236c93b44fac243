"""The nodes of a simulated cluster: their commands, their listeners, their metrics."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import attrs

from kong_lts.catalog import migrations
from kong_lts.deployment import NodeRole, Side
from kong_lts.errors import (
    AdminApiError,
    MetricsError,
    ProcessFailedError,
    ProcessNotRunError,
    ProxyError,
)
from kong_lts.events import LatencyBucket, TrafficCount
from kong_lts.protocols import (
    NO_ROUTE,
    Answer,
    Finished,
    NodeStatus,
    Probe,
)
from kong_lts.schema import SchemaState
from kong_lts.testing.fakes.databases import REFUSAL, locks
from kong_lts.testing.fakes.reading import READS, read
from kong_lts.testing.simulation import (
    SimulatedCluster,
    World,
)
from kong_lts.versions import Edition, KongVersion, Release

__all__ = ["FakeAdminApi", "FakeMetrics", "FakeProcessRunner", "FakeProxy"]

T = TypeVar("T")

_BOUNDS_MS = (25.0, 50.0, 100.0, 400.0, 1000.0, 60000.0)
_FIRST_WORKER = 100
_ABORTED = "aborted: another node is performing database changes\n"


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
        if argv[0] == "grep":  # in a log of a simulated node, which has no line
            found = Finished(status=1, stdout="0\n")
            return self.world.look(doing, ProcessNotRunError, lambda: found)
        if doing in ("nproc", "cat /proc/meminfo"):
            return self.world.look(doing, ProcessNotRunError, lambda: self._size(doing))
        if argv[0] in READS:
            files = self._cluster.files.get(self.node, {})
            return self.world.look(doing, ProcessNotRunError, lambda: read(files, argv, statuses))
        if argv[1:2] == ["config"]:
            return self._config(doing, argv[2], argv[3], statuses)
        commands = self._commands()
        words = tuple(word for word in argv[1:] if word in {w for c in commands for w in c})
        if argv[0].rsplit("/", 1)[-1] != "kong" or words not in commands:
            raise ProcessNotRunError(doing, "no such command on a simulated node")
        finished = commands[words](doing)
        if finished.status not in statuses:
            raise ProcessFailedError(doing, finished.stderr, finished.status, finished.stdout)
        return finished

    def _config(self, doing: str, command: str, path: str, statuses: Sequence[int]) -> Finished:
        """`kong config`: its files hold the rows, one a line."""
        files, database = self._cluster.files.setdefault(self.node, {}), self._cluster.database

        def exported() -> None:
            files[path] = "\n".join(f"{key} {value}" for key, value in database.rows.items())

        def imported() -> None:
            rows = dict(line.split(" ", 1) for line in files[path].splitlines())
            database.rows = {**database.rows, **rows}

        if command == "db_export":
            self.world.act(doing, ProcessNotRunError, exported)
        elif path not in files:
            if 1 not in statuses:
                raise ProcessFailedError(doing, "Error: no such file", 1, "")
            return Finished(status=1, stderr="Error: no such file")
        elif command == "db_import":
            self.world.act(doing, ProcessNotRunError, imported)
        return Finished(status=0, stdout="parse successful\n")

    @property
    def _cluster(self) -> SimulatedCluster:
        return self.world.cluster(self.side)

    def _commands(self) -> dict[tuple[str, ...], Callable[[str], Finished]]:
        return {
            ("migrations", "list"): self._list,
            ("migrations", "bootstrap"): self._bootstrap,
            ("migrations", "up"): self._up,
            ("migrations", "finish"): self._finish,
            ("start",): self._start,
            ("reload",): self._reload,
            ("quit",): self._quit,
            ("version",): self._version,
            ("health",): self._health,
        }

    def _size(self, doing: str) -> Finished:
        memory = f"MemTotal:       {self._cluster.memory_mib << 10} kB\n"
        return Finished(status=0, stdout=f"{self._cluster.cpus}\n" if doing == "nproc" else memory)

    def _version(self, doing: str) -> Finished:
        said = f"{self._cluster.version}\n"
        return self.world.look(doing, ProcessNotRunError, lambda: Finished(status=0, stdout=said))

    def _reload(self, doing: str) -> Finished:
        if not self._cluster.running[self.node]:
            return Finished(status=1, stderr="Error: nginx not running")

        def effect() -> None:
            self._cluster.configuration.pop(self.node, None)

        self.world.act(doing, ProcessNotRunError, effect)
        return Finished(status=0, stdout="Kong reloaded\n")

    def _list(self, doing: str) -> Finished:
        status = {
            SchemaState.EMPTY: 3,
            SchemaState.OLDER: 5,
            SchemaState.LTS_2_8: 5,
            SchemaState.PARTLY_UP: 4,
            SchemaState.UP: 4,
            SchemaState.LTS_3_4: 0,
            SchemaState.NEWER: 0,
        }
        if KongVersion.parse(self._cluster.version).release is Release.V2_8:
            # of what 3.4 adds it knows nothing
            status = dict.fromkeys(SchemaState, 0) | {SchemaState.EMPTY: 3, SchemaState.OLDER: 5}
        state = self._cluster.database.state
        said = self._new_migrations() if status[state] == 5 else ""
        finished = Finished(status=status[state], stdout=said)
        return self.world.look(doing, ProcessNotRunError, lambda: finished)

    def _new_migrations(self) -> str:
        known = {"core": migrations().core_3_4, **migrations().plugins_3_4}
        lines = [
            f"{name:>13}: {', '.join(names)}"
            for name, names in known.items()
            if name not in self._cluster.disabled_plugins
        ]
        return "\n".join(["New migrations available:", *lines, "", "Run 'kong migrations up'"])

    def _locked(self) -> bool:
        return any(lock.held for lock in locks(self._cluster.database, self.world.now))

    def _bootstrap(self, doing: str) -> Finished:
        database = self._cluster.database

        def effect() -> None:
            database.state = SchemaState.LTS_2_8

        if database.state is SchemaState.EMPTY:
            self.world.act(doing, ProcessNotRunError, effect)
        return Finished(status=0)

    def _up(self, doing: str) -> Finished:
        database = self._cluster.database
        if database.guarded:
            return Finished(status=1, stderr=f"Error: {REFUSAL} (UPDATE on routes)")
        if self._locked():
            return Finished(status=0, stdout=_ABORTED)  # it answers 0 and does nothing
        if database.state in (SchemaState.UP, SchemaState.PARTLY_UP):
            return Finished(status=1, stderr="Error: Database has pending migrations")
        if database.state is SchemaState.LTS_2_8:
            self._migrate(doing, lambda: self.world.migrate_up(database))
        return Finished(status=0)

    def _finish(self, doing: str) -> Finished:
        database = self._cluster.database
        if self._locked():
            return Finished(status=0, stdout=_ABORTED)  # it answers 0 and does nothing

        def effect() -> None:
            database.state = SchemaState.LTS_3_4

        if database.state is SchemaState.UP:
            self._migrate(doing, effect)
        return Finished(status=0)  # before `up` it answers 0 and does nothing

    def _migrate(self, doing: str, effect: Callable[[], None]) -> None:
        database = self._cluster.database
        self.world.act(
            doing, ProcessNotRunError, effect, half=lambda: self.world.kill_migration(database)
        )

    def _start(self, doing: str) -> Finished:
        cluster = self._cluster
        if cluster.running[self.node]:
            return Finished(status=1, stderr="Error: Kong is already running")
        if _uses_database(self.world, self.side, self.node):
            ours = SchemaState.LTS_2_8 if self.side is Side.CURRENT else SchemaState.LTS_3_4
            if cluster.database.state is not ours:
                return Finished(status=1, stderr="Error: New migrations available")
        elif self.world.has_database and self.side is Side.NEW and not cluster.has_control_plane:
            # A current data plane has its configuration in a cache; a new one has none yet.
            return Finished(status=1, stderr="Error: no control plane of its own release answers")

        def effect() -> None:
            cluster.running[self.node] = True
            cluster.starts[self.node] = cluster.starts.get(self.node, 0) + 1
            starting = timedelta(seconds=cluster.starts_in_s)
            cluster.ready_at[self.node] = self.world.now + starting

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
class FakeAdminApi:
    """What the simulated nodes say of themselves."""

    world: World
    side: Side

    def status(self, node: str) -> NodeStatus:
        cluster = self.world.cluster(self.side)

        def seen() -> NodeStatus:
            if not cluster.running.get(node):
                raise AdminApiError(f"ask node {node}", "connection refused")
            uses_database = _uses_database(self.world, self.side, node)
            reachable = cluster.database.exists or not uses_database
            started = cluster.ready_at.get(node, self.world.now) <= self.world.now
            return NodeStatus(
                version=cluster.version,
                ready=started and reachable,
                database_reachable=reachable,
                configuration_hash=None if uses_database else _loaded(cluster, node),
                workers=(_FIRST_WORKER + cluster.starts.get(node, 0),),
            )

        return self.world.look(f"ask node {node}", AdminApiError, seen)

    def root(self) -> Mapping[str, object]:
        version = self.world.cluster(self.side).version
        return self._look("read /", lambda: {"version": version})

    def workspaces(self) -> tuple[str, ...]:
        edition = KongVersion.parse(self.world.cluster(self.side).version).edition
        names = ("default",) if edition is Edition.ENTERPRISE else ()
        return self._look("ask for the workspaces", lambda: names)

    def entities(
        self, path: str, *, workspace: str | None = None
    ) -> tuple[Mapping[str, object], ...]:
        if path == "clustering/data-planes":
            return self._look(f"read {path}", self._data_planes)
        there = self.world.cluster(self.side).entities
        return self._look(
            f"read {path}",
            lambda: tuple(e for key, e in there.items() if key.rpartition("/")[0] == path),
        )

    def put(self, path: str, entity: Mapping[str, object], *, workspace: str | None = None) -> None:
        self._look(f"write {path}", lambda: None)

        def effect() -> None:
            self.world.cluster(self.side).entities[path] = dict(entity)

        self.world.act(f"write {path}", AdminApiError, effect)

    def _data_planes(self) -> tuple[Mapping[str, object], ...]:
        cluster = self.world.cluster(self.side)
        digest = cluster.database.fingerprint().digest[:32]
        seen = int(self.world.now.timestamp())
        return tuple(
            {
                "hostname": n,
                "version": cluster.version,
                "sync_status": "normal",
                "config_hash": digest,
                "last_seen": seen,
            }
            for n, role in cluster.roles.items()
            if role is NodeRole.DATA_PLANE and cluster.running[n] and cluster.has_control_plane
        )

    def _look(self, doing: str, seen: Callable[[], T]) -> T:
        def reached() -> T:
            if not any(self.world.cluster(self.side).running.values()):
                raise AdminApiError(doing, "connection refused")
            return seen()

        return self.world.look(doing, AdminApiError, reached)


@attrs.define
class FakeProxy:
    """The proxy of a simulated cluster: a healthy one answers every probe as it expects."""

    world: World
    side: Side

    def send(self, probe: Probe) -> Answer:
        def seen() -> Answer:
            cluster = self.world.cluster(self.side)
            if not cluster.serves:
                raise ProxyError(f"send {probe.name}", "connection refused")
            if cluster.failing_percent == 100:
                return Answer(status=500)
            if probe.expect_routes:
                return _taken_by(probe.expect_routes[0], told=cluster.tells_routes)
            headers = _named("a route") if cluster.tells_routes and _asked(probe) else {}
            body = probe.expect_in_body or ""
            return Answer(status=probe.expect_status, body=body, headers=headers)

        return self.world.look(f"send {probe.name}", ProxyError, seen)


def _taken_by(route: str, *, told: bool) -> Answer:
    """What a gateway says to `Kong-Debug: 1`."""
    if route == NO_ROUTE:
        return Answer(status=404, body='{"message":"no Route matched with those values"}')
    return Answer(status=200, headers=_named(route) if told else {})


def _named(route: str) -> dict[str, str]:
    return {"Kong-Route-Name": route}


def _asked(probe: Probe) -> bool:
    return "Kong-Debug" in probe.headers


@attrs.define
class FakeMetrics:
    """Counts the simulated requests."""

    world: World
    side: Side

    def count(self) -> TrafficCount:
        cluster = self.world.cluster(self.side)

        def seen() -> TrafficCount:
            if not cluster.serves or cluster.metrics_off:
                raise MetricsError("count requests", "no node has such metrics")
            requests, latency_ms = cluster.requests, cluster.latency_ms
            statuses = {"200": requests - cluster.errors, "500": cluster.errors}
            return TrafficCount(
                requests=requests,
                errors=cluster.errors,
                latency_ms=latency_ms if requests else None,
                statuses={code: n for code, n in statuses.items() if n},
                latencies=tuple(
                    LatencyBucket(up_to_ms=bound, requests=requests if latency_ms <= bound else 0)
                    for bound in _BOUNDS_MS
                ),
                timed=requests,
            )

        return self.world.look("count requests", MetricsError, seen)


def _uses_database(world: World, side: Side, node: str) -> bool:
    role = world.cluster(side).roles.get(node)
    return world.has_database and role is not NodeRole.DATA_PLANE


def _loaded(cluster: SimulatedCluster, node: str) -> str:
    """What a node without a database has loaded; all of one cluster the same, as a rule."""
    return cluster.configuration.get(node, cluster.version.ljust(32, "0"))
