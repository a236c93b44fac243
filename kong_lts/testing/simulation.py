"""A deployment in memory, with its own clock, traffic, and faults that strike where told to."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

import attrs

from kong_lts.database import Fingerprint, TableFingerprint
from kong_lts.deployment import Deployment, DeploymentMode, Node, NodeRole, Side
from kong_lts.errors import AdapterError
from kong_lts.events import BackedUp
from kong_lts.manifest import BackupManifest
from kong_lts.routing import migrate_path
from kong_lts.schema import SchemaState
from kong_lts.testing.faults import AFTERWARDS, AT_AN_EFFECT, BEFOREHAND, MEANWHILE, Fault, Killed
from kong_lts.testing.simulated_parts import SimulatedDump, SimulatedKeyring

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
_FILES = {"/etc/kong/kong.conf": "log_level = info", "/etc/kong/kong.yml": "services: []"}
"""Of every current node."""
_REQUESTS_PER_S = 100
_LATENCY_MS = 20.0
_TIMES_OUT_S = 600.0
SERVER_VERSION = "15.4"
"""Of every simulated PostgreSQL server."""


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
    plugins: dict[str, int] = attrs.Factory(dict)
    """How many of each there are."""
    keyring_ids: tuple[str, ...] = ()
    """Of the keys with which values in it are encrypted."""
    connections: int = 0
    """Sessions of others, beside those of Kong's nodes."""

    def fingerprint(self) -> Fingerprint:
        """What it holds."""
        text = repr((self.state, sorted(self.rows.items())))
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
    """Answers of 500 and more, and requests that got none."""
    lost: int = 0
    """Requests that got none."""
    latency_ms: float = _LATENCY_MS
    """Mean time to answer."""
    failing_percent: int = 0
    """Of the requests that a running node answers, how many fail."""
    metrics_off: bool = False
    """Whether the families that count requests are not switched on."""
    tells_routes: bool = True
    """Whether an answer to `Kong-Debug: 1` names the route."""
    starts_in_s: float = 0.0
    """How long a node takes from its start until it is ready."""
    ready_at: dict[str, datetime] = attrs.Factory(dict)
    """By node; without an entry it is ready as soon as it runs."""
    starts: dict[str, int] = attrs.Factory(dict)
    """How often each node was started."""
    roles: dict[str, NodeRole | None] = attrs.Factory(dict)
    disabled_plugins: tuple[str, ...] = ()
    """Of the bundled ones, as its kong.conf has them."""
    files: dict[str, dict[str, str]] = attrs.Factory(dict)
    """Texts by path, by node."""
    cpus: int = 4
    """Of each node."""
    memory_mib: int = 8192
    configuration: dict[str, str] = attrs.Factory(dict)
    """Hash of what a node without a database has loaded, where it is not that of the others."""
    entities: dict[str, Mapping[str, object]] = attrs.Factory(dict)
    """What was put through the Admin API, by its path."""
    keyring: SimulatedKeyring = attrs.Factory(SimulatedKeyring)

    @property
    def serves(self) -> bool:
        """Whether any node answers requests; a control plane does not."""
        return any(
            runs and self.roles.get(node) is not NodeRole.CONTROL_PLANE
            for node, runs in self.running.items()
        )

    @property
    def serving_percent(self) -> float:
        """How many of the nodes that answer requests do so now."""
        serving = [
            runs
            for node, runs in self.running.items()
            if self.roles.get(node) is not NodeRole.CONTROL_PLANE
        ]
        return 100 * sum(serving) / len(serving) if serving else 0.0

    @property
    def administered(self) -> bool:
        """Whether any node answers at its Admin API; a data plane has none."""
        return any(
            runs and self.roles.get(node) is not NodeRole.DATA_PLANE
            for node, runs in self.running.items()
        )

    @property
    def has_control_plane(self) -> bool:
        """Whether a control plane runs."""
        return any(
            runs and self.roles.get(node) is NodeRole.CONTROL_PLANE
            for node, runs in self.running.items()
        )


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
    dumps: dict[str, SimulatedDump] = attrs.Factory(dict)
    """What decK wrote, by the path of its file."""
    keyring_exports: dict[str, tuple[str, ...]] = attrs.Factory(dict)
    """Ids of the keys in an export, by its path."""
    parts: dict[str, str] = attrs.Factory(dict)
    """What else stands in backups: text by path."""
    completed: dict[str, BackupManifest] = attrs.Factory(dict)
    """Whole backups, by folder."""
    fetched: dict[str, Mapping[str, str]] = attrs.Factory(dict)
    """Copies of a node's files, by the folder they are in."""
    replaced: dict[str, dict[str, str]] = attrs.Factory(dict)
    """The rows of databases that were replaced, by the name under which they stay."""
    effects: list[str] = attrs.Factory(list)
    """Everything that changed the world, in order."""
    colleague: dict[str, Side] = attrs.Factory(dict)
    """Routes that a colleague wrote, and on which side."""
    second_run: Callable[[], None] | None = None
    """What somebody does who starts a second run."""
    run_lock: str | None = None
    fault: Fault | None = None
    """Strikes once, at the first look or act that it can strike, then is gone."""
    spared: int = 0
    """How many looks and acts an armed fault lets pass first."""
    acts_spared: int = 0
    """How many acts it lets pass if it strikes nothing but acts."""

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
                files={node.name: dict(_FILES) for node in deployment.current.nodes},
            ),
            new=SimulatedCluster(
                side=Side.NEW,
                version=str(new.version),
                running={node.name: False for node in new.nodes},
                roles=_roles(new.nodes),
                database=database if in_place else own,
                files={}
                if deployment.mode.has_database  # else whoever installs nodes gives them a file
                else {node.name: dict(_FILES) for node in new.nodes},
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
        due = self._due()
        if due is Fault.TIMES_OUT:
            self.pass_time(_TIMES_OUT_S)
        if due in BEFOREHAND:
            self._strike(doing, error)
        return seen()

    def act(
        self,
        doing: str,
        error: type[AdapterError],
        effect: Callable[[], None],
        *,
        half: Callable[[], None] | None = None,
    ) -> None:
        """Something changes.

        Args:
            doing: What, in words.
            error: What whoever does it raises.
            effect: The change.
            half: What is left of it where the process is killed meanwhile; None for a change that
                is there as a whole or not at all.

        Raises:
            AdapterError: An armed fault strikes.
            Killed: An armed fault kills the process.
        """
        due = self._due()
        if due in AT_AN_EFFECT and self.acts_spared:
            self.acts_spared, due = self.acts_spared - 1, None
        if due is Fault.TIMES_OUT:
            self.pass_time(_TIMES_OUT_S)
        elif due is Fault.KILLED_DURING and half is not None:
            half()
            self.effects.append(f"half of: {doing}")
            self._strike(doing, error)
        elif due in BEFOREHAND or due is Fault.KILLED_DURING:
            self._strike(doing, error)
        elif due is Fault.LIES:
            self.fault = None
            return
        effect()
        self.effects.append(doing)
        if due in AFTERWARDS:
            self._strike(doing, error)

    def _due(self) -> Fault | None:
        """The armed fault, unless it lets this one pass, or somebody else brings it about."""
        if self.fault is not None and self.spared:
            self.spared -= 1
            return None
        if self.fault in MEANWHILE:
            self._meanwhile()
        return self.fault

    def _meanwhile(self) -> None:
        """Somebody else does something, once."""
        fault, self.fault = self.fault, None
        if fault is Fault.WRITE:
            self.colleague_writes()
        elif fault is Fault.SICK:
            self.new.failing_percent = 100
        elif self.second_run is not None:
            self.second_run()

    def _strike(self, doing: str, error: type[AdapterError]) -> NoReturn:
        fault = self.fault
        if fault is not Fault.UNREACHABLE:
            self.fault = None
        if fault in (Fault.KILLED_BEFORE, Fault.KILLED_DURING, Fault.KILLED_AFTER):
            raise Killed(doing)
        raise error(doing, f"simulated failure: {fault}")

    def mend(self) -> None:
        """Whatever went wrong is over: nobody is logged in or fails, and no process lives."""
        self.fault = self.run_lock = None
        self.new.failing_percent = 0
        for cluster in (self.current, self.new):
            cluster.database.connections = 0

    def colleague_writes(self) -> None:
        """Write where the Admin API lets one, else by SQL into the current database."""
        if not self.has_database:
            self._push_configuration()
            return
        key = f"colleague-{len(self.colleague)}"
        self.current.database.connections += 1
        for side in (Side.NEW, Side.CURRENT):
            if self.cluster(side).administered and self.write(side, key, "/colleague"):
                self.colleague[key] = side
                return
        if self.write(Side.CURRENT, key, "/colleague", around_the_guard=True):
            self.colleague[key] = Side.CURRENT

    def _push_configuration(self) -> None:
        """Load another file into one node that takes it; a data plane has its control plane's."""
        cluster = self.new if any(self.new.running.values()) else self.current
        up = (name for name, runs in cluster.running.items() if runs)
        node = next((n for n in up if cluster.roles.get(n) is not NodeRole.DATA_PLANE), None)
        if node is not None:
            cluster.configuration[node] = "c" * 32

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

    def kill_migration(self, database: SimulatedDatabase) -> None:
        """What a killed migration leaves: its lock, and of `up` half of the rows migrated."""
        database.locked_by = "a killed run"
        database.locked_until = self.now + timedelta(seconds=60)
        if database.state is SchemaState.LTS_2_8:
            half = list(database.rows)[::2]
            database.rows |= {key: migrate_path(database.rows[key]) for key in half}
            database.state = SchemaState.PARTLY_UP

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
