"""A deployment in memory, with a clock of its own, traffic, and faults that strike where they are told to."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import attrs

from kong_lts.database import Fingerprint, TableFingerprint
from kong_lts.deployment import Deployment, Side
from kong_lts.errors import AdapterError
from kong_lts.events import BackedUp
from kong_lts.routing import migrate_path
from kong_lts.schema import SchemaState

__all__ = ["Fault", "Killed", "SimulatedCluster", "SimulatedDatabase", "World"]

T = TypeVar("T")

_START = datetime(2026, 1, 1, tzinfo=UTC)
_REQUESTS_PER_S = 100
_LATENCY_MS = 20.0
SERVER_VERSION = "15.4"
"""Of every simulated PostgreSQL server."""


class Killed(BaseException):
    """The process that runs the plan was killed: nothing catches this but who simulates it."""


class Fault(StrEnum):
    """What goes wrong at one step."""

    FAILS_BEFORE = "fails before its effect"
    FAILS_AFTER = "fails after its effect"
    LIES = "says it did, and did not"
    KILLED_BEFORE = "killed before its effect"
    KILLED_AFTER = "killed after its effect"


@attrs.define(kw_only=True)
class SimulatedDatabase:
    """A database with configuration rows and a schema state."""

    name: str
    exists: bool = True
    owner: str | None = None
    """The mark of whoever created it."""
    state: SchemaState = SchemaState.EMPTY
    rows: dict[str, str] = attrs.Factory(dict)
    """Path by route id."""
    guarded: bool = False

    def fingerprint(self) -> Fingerprint:
        """What it holds."""
        text = repr(sorted(self.rows.items()))
        digest = hashlib.sha256(text.encode()).hexdigest()
        table = TableFingerprint(name="routes", rows=len(self.rows), digest=digest)
        return Fingerprint(tables=(table,))


@attrs.define(kw_only=True)
class SimulatedCluster:
    """Nodes and their database."""

    side: Side
    version: str
    running: dict[str, bool]
    database: SimulatedDatabase
    requests: int = 0
    errors: int = 0

    @property
    def serves(self) -> bool:
        """Whether any node answers."""
        return any(self.running.values())


@attrs.define
class World:
    """Both clusters, the load balancer, backups, and time.

    Every look and every effect of a fake adapter goes through `look` or `act`, where an armed fault
    strikes once.
    """

    current: SimulatedCluster
    new: SimulatedCluster
    new_percent: int = 0
    now: datetime = _START
    backups: dict[str, tuple[BackedUp, dict[str, str]]] = attrs.Factory(dict)
    effects: list[str] = attrs.Factory(list)
    """Everything that changed the world, in order."""
    run_lock: str | None = None
    fault: Fault | None = None
    """Strikes at the next look or act, then is gone."""

    @classmethod
    def of(cls, deployment: Deployment, *, routes: int = 3) -> "World":
        """A healthy deployment as described, before its upgrade.

        Args:
            deployment: With its new cluster.
            routes: How many routes the current database holds.
        """
        new = deployment.new or deployment.current
        rows = {f"route-{n}": f"/orders/\\d+/{n}" for n in range(routes)}
        return cls(
            current=SimulatedCluster(
                side=Side.CURRENT,
                version=str(deployment.current.version),
                running={node.name: True for node in deployment.current.nodes},
                database=SimulatedDatabase(name="kong", state=SchemaState.LTS_2_8, rows=rows),
            ),
            new=SimulatedCluster(
                side=Side.NEW,
                version=str(new.version),
                running={node.name: False for node in new.nodes},
                database=SimulatedDatabase(name="kong34", exists=False),
            ),
        )

    def cluster(self, side: Side) -> SimulatedCluster:
        """One side."""
        return self.current if side is Side.CURRENT else self.new

    def look(self, doing: str, error: type[AdapterError], seen: Callable[[], T]) -> T:
        """Something is looked at.

        Raises:
            AdapterError: An armed fault strikes.
        """
        if self.fault is Fault.FAILS_BEFORE:
            self.fault = None
            raise error(doing, "simulated failure")
        return seen()

    def act(self, doing: str, error: type[AdapterError], effect: Callable[[], None]) -> None:
        """Something changes.

        Raises:
            AdapterError: An armed fault strikes.
            Killed: An armed fault kills the process.
        """
        fault, self.fault = self.fault, None
        if fault is Fault.FAILS_BEFORE:
            raise error(doing, "simulated failure")
        if fault is Fault.LIES:
            return
        effect()
        self.effects.append(doing)
        if fault is Fault.FAILS_AFTER:
            raise error(doing, "simulated failure after the effect")
        if fault is Fault.KILLED_AFTER:
            raise Killed(doing)

    def pass_time(self, duration_s: float) -> None:
        """Time goes by, and clients send requests."""
        self.now += timedelta(seconds=duration_s)
        requests = int(duration_s * _REQUESTS_PER_S)
        to_new = requests * self.new_percent // 100
        for cluster, share in ((self.new, to_new), (self.current, requests - to_new)):
            cluster.requests += share
            cluster.errors += 0 if cluster.serves else share

    def latency_ms(self) -> float:
        """Mean time to answer."""
        return _LATENCY_MS

    @property
    def lost_requests(self) -> int:
        """Requests that no node answered."""
        return self.current.errors + self.new.errors

    def migrate_up(self, database: SimulatedDatabase) -> None:
        """What `kong migrations up` does to the rows."""
        database.rows = {key: migrate_path(path) for key, path in database.rows.items()}
        database.state = SchemaState.UP
