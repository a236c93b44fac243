"""A deployment in memory, with its own clock, traffic, and faults that strike where told to."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NoReturn, TypeVar

import attrs

from kong_lts.database import Fingerprint, TableFingerprint
from kong_lts.deployment import Deployment, DeploymentMode, Node, NodeRole, Side
from kong_lts.errors import AdapterError
from kong_lts.events import BackedUp
from kong_lts.routing import migrate_path
from kong_lts.schema import SchemaState

__all__ = [
    "Fault",
    "Killed",
    "SimulatedCluster",
    "SimulatedDatabase",
    "SimulatedDump",
    "SimulatedKeyring",
    "World",
]

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
    basic_auth: tuple[str, ...] = ()
    """Usernames of credentials."""
    guarded: bool = False
    locked_by: str | None = None
    """Who migrates; the lock of one who was killed runs out."""
    locked_until: datetime = _START
    connections: int = 0
    """Sessions of others, beside those of Kong's nodes."""

    def fingerprint(self) -> Fingerprint:
        """What it holds."""
        text = repr((self.state, sorted(self.rows.items())))
        digest = hashlib.sha256(text.encode()).hexdigest()
        table = TableFingerprint(name="routes", rows=len(self.rows), digest=digest)
        return Fingerprint(tables=(table,))


@attrs.define(kw_only=True)
class SimulatedKeyring:
    """The keys of one cluster."""

    ids: tuple[str, ...] = ()
    active: str | None = None
    unrecoverable: tuple[str, ...] = ()
    """Keys that the recovery key does not open."""


@attrs.define(kw_only=True)
class SimulatedCluster:
    """Nodes and their database."""

    side: Side
    version: str
    running: dict[str, bool]
    database: SimulatedDatabase
    requests: int = 0
    errors: int = 0
    """Answers of 500 and more, and requests that got none."""
    lost: int = 0
    """Requests that got none."""
    latency_ms: float = _LATENCY_MS
    """Mean time to answer."""
    failing_percent: int = 0
    """Of the requests that a running node answers, how many fail."""
    metrics_off: bool = False
    """Whether the families that count requests are not switched on."""
    starts_in_s: float = 0.0
    """How long a node takes from its start until it is ready."""
    ready_at: dict[str, datetime] = attrs.Factory(dict)
    """By node; without an entry it is ready as soon as it runs."""
    roles: dict[str, NodeRole | None] = attrs.Factory(dict)
    entities: dict[str, Mapping[str, object]] = attrs.Factory(dict)
    """What was put through the Admin API, by its path."""
    keyring: "SimulatedKeyring" = attrs.Factory(lambda: SimulatedKeyring())

    @property
    def serves(self) -> bool:
        """Whether any node answers requests; a control plane does not."""
        return any(
            runs and self.roles.get(node) is not NodeRole.CONTROL_PLANE
            for node, runs in self.running.items()
        )

    @property
    def has_control_plane(self) -> bool:
        """Whether a control plane runs."""
        return any(
            runs and self.roles.get(node) is NodeRole.CONTROL_PLANE
            for node, runs in self.running.items()
        )


@attrs.frozen(kw_only=True)
class SimulatedDump:
    """A state file of decK."""

    release: str
    """Of the gateway that it was made of."""
    rows: Mapping[str, str]
    """Path by route id."""
    basic_auth: tuple[str, ...] = ()
    """Usernames of credentials."""


@attrs.define
class World:
    """Both clusters, the load balancer, backups, and time.

    Every look and every effect of a fake adapter goes through `look` or `act`, where an armed fault
    strikes once.
    """

    current: SimulatedCluster
    new: SimulatedCluster
    has_database: bool = True
    one_address: bool = False
    """Whether both clusters serve at one address, so that no load balancer divides the traffic."""
    new_percent: int = 0
    now: datetime = _START
    backups: dict[str, tuple[BackedUp, str, dict[str, str]]] = attrs.Factory(dict)
    """By folder: what it is, the name of its database, the rows."""
    dumps: dict[str, "SimulatedDump"] = attrs.Factory(dict)
    """What decK wrote, by the path of its file."""
    keyring_exports: dict[str, tuple[str, ...]] = attrs.Factory(dict)
    """Ids of the keys in an export, by its path."""
    replaced: list[str] = attrs.Factory(list)
    """Databases that were replaced, by the name under which they stay."""
    effects: list[str] = attrs.Factory(list)
    """Everything that changed the world, in order."""
    run_lock: str | None = None
    fault: Fault | None = None
    """Strikes once, at the first look or act that it can strike, then is gone."""
    spared: int = 0
    """How many looks and acts an armed fault lets pass first."""

    @classmethod
    def of(cls, deployment: Deployment, *, routes: int = 3, in_place: bool = False) -> "World":
        """A healthy deployment as described, before its upgrade.

        Args:
            deployment: With its new cluster.
            routes: How many routes the current database holds.
            in_place: Whether the new cluster gets the current one's database.
        """
        new = deployment.new or deployment.current
        rows = {f"route-{n}": f"/orders/\\d+/{n}" for n in range(routes)}
        database = SimulatedDatabase(name="kong", state=SchemaState.LTS_2_8, rows=rows)
        own = SimulatedDatabase(name="kong34", exists=False)
        return cls(
            current=SimulatedCluster(
                side=Side.CURRENT,
                version=str(deployment.current.version),
                running={node.name: True for node in deployment.current.nodes},
                roles=_roles(deployment.current.nodes),
                database=database,
                keyring=_keyring(deployment),
            ),
            new=SimulatedCluster(
                side=Side.NEW,
                version=str(new.version),
                running={node.name: False for node in new.nodes},
                roles=_roles(new.nodes),
                database=database if in_place else own,
            ),
            has_database=deployment.mode.has_database,
            one_address=in_place and deployment.mode is DeploymentMode.TRADITIONAL,
        )

    def cluster(self, side: Side) -> SimulatedCluster:
        """One side."""
        return self.current if side is Side.CURRENT else self.new

    def look(self, doing: str, error: type[AdapterError], seen: Callable[[], T]) -> T:
        """Something is looked at.

        Raises:
            AdapterError: An armed fault strikes.
            Killed: An armed fault kills the process.
        """
        if self._due() in (Fault.FAILS_BEFORE, Fault.KILLED_BEFORE):
            self._strike(doing, error)
        return seen()

    def act(self, doing: str, error: type[AdapterError], effect: Callable[[], None]) -> None:
        """Something changes.

        Raises:
            AdapterError: An armed fault strikes.
            Killed: An armed fault kills the process.
        """
        due = self._due()
        if due in (Fault.FAILS_BEFORE, Fault.KILLED_BEFORE):
            self._strike(doing, error)
        if due is Fault.LIES:
            self.fault = None
            return
        effect()
        self.effects.append(doing)
        if due is not None:
            self._strike(doing, error)

    def _due(self) -> Fault | None:
        """The armed fault, unless it lets this one pass."""
        if self.fault is not None and self.spared:
            self.spared -= 1
            return None
        return self.fault

    def _strike(self, doing: str, error: type[AdapterError]) -> NoReturn:
        fault, self.fault = self.fault, None
        if fault in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER):
            raise Killed(doing)
        raise error(doing, f"simulated failure: {fault}")

    def write(self, side: Side, key: str, path: str, *, around_the_guard: bool = False) -> bool:
        """Somebody else writes a route; returns whether the write was taken."""
        database = self.cluster(side).database
        if not database.exists or (database.guarded and not around_the_guard):
            return False
        database.rows[key] = path
        return True

    def pass_time(self, duration_s: float) -> None:
        """Time goes by, and clients send requests."""
        self.now += timedelta(seconds=duration_s)
        requests = int(duration_s * _REQUESTS_PER_S)
        to_new = requests * self.new_percent // 100
        if self.one_address:
            to_new = requests if self.new.serves else 0
        for cluster, share in ((self.new, to_new), (self.current, requests - to_new)):
            cluster.requests += share
            cluster.errors += share * cluster.failing_percent // 100 if cluster.serves else share
            cluster.lost += 0 if cluster.serves else share

    @property
    def lost_requests(self) -> int:
        """Requests that no node answered."""
        return self.current.lost + self.new.lost

    def migrate_up(self, database: SimulatedDatabase) -> None:
        """What `kong migrations up` does to the rows."""
        database.rows = {key: migrate_path(path) for key, path in database.rows.items()}
        database.state = SchemaState.UP


def _keyring(deployment: Deployment) -> SimulatedKeyring:
    if not deployment.current.keyring:
        return SimulatedKeyring()
    return SimulatedKeyring(ids=("RfsDJ2Ol", "xSD219lH"), active="xSD219lH")


def _roles(nodes: tuple[Node, ...]) -> dict[str, NodeRole | None]:
    return {node.name: node.role for node in nodes}
