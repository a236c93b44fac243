"""Every fake keeps the contract of its protocol, as the default does."""

from collections.abc import Callable, Collection, Mapping

import pytest

from kong_lts.deployment import Side
from kong_lts.protocols import (
    AdminApi,
    Approver,
    Archive,
    Backups,
    Clock,
    Control,
    Database,
    Journal,
    LoadBalancer,
    Lock,
    Metrics,
    Observer,
    Order,
    ProcessRunner,
    Proxy,
    WriteGuard,
)
from kong_lts.testing.fakes import (
    FakeAdminApi,
    FakeApprover,
    FakeArchive,
    FakeBackups,
    FakeClock,
    FakeControl,
    FakeCredentials,
    FakeDatabase,
    FakeDeck,
    FakeJournal,
    FakeKeyring,
    FakeLoadBalancer,
    FakeLock,
    FakeManifests,
    FakeMetrics,
    FakeNodeFiles,
    FakeObserver,
    FakeProcessRunner,
    FakeProxy,
    FakeWriteGuard,
)
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import Fault, World
from tests.contracts.admin_api import AdminApiContract, AdminEntitiesContract, NodeState
from tests.contracts.archive import ArchiveContract, Content
from tests.contracts.backups import BackupsContract
from tests.contracts.credentials import CredentialsContract, Lost
from tests.contracts.database import DatabaseContract, State
from tests.contracts.deck import DeckContract, Gateway
from tests.contracts.gathering import GatheringContract, Make, written
from tests.contracts.journal import JournalContract
from tests.contracts.keyring import KeyringContract, Keyrings
from tests.contracts.load_balancer import LoadBalancerContract
from tests.contracts.manifests import Make as MakeManifests
from tests.contracts.manifests import ManifestsContract, Object
from tests.contracts.metrics import MetricsContract, Traffic
from tests.contracts.node_files import CONF, NodeFilesContract, NodeWithFiles
from tests.contracts.people import (
    ApproverContract,
    ClockContract,
    ControlContract,
    LockContract,
    ObserverContract,
)
from tests.contracts.proxy import ProxyContract
from tests.contracts.write_guard import WriteGuardContract


@pytest.fixture
def world() -> World:
    """A healthy deployment whose new cluster has no database yet."""
    return World.of(next(d for d in ALL.values() if d.new is not None))


class TestGatheringFromFakes(GatheringContract):
    @pytest.fixture
    def make(self, world: World) -> Make:
        def make(mark: str, files: Mapping[str, str]) -> tuple[str, ProcessRunner]:
            node = next(iter(world.current.running))
            world.current.files[node] = {
                f"/srv/{path}": written(text, "/srv", mark) for path, text in files.items()
            }
            return "/srv", FakeProcessRunner(world, Side.CURRENT, node)

        return make


class TestFakeManifests(ManifestsContract):
    @pytest.fixture
    def make(self, world: World) -> MakeManifests:
        def make(objects: Collection[Object], closed: Collection[str]) -> FakeManifests:
            return FakeManifests(world=world, there=tuple(objects), forbidden=frozenset(closed))

        return make


class TestFakeDatabase(DatabaseContract):
    @pytest.fixture
    def make(self, world: World) -> Callable[[State], Database]:
        sides = {State.FILLED: Side.CURRENT, State.MISSING: Side.NEW}
        return lambda state: FakeDatabase(world, sides[state])


class TestFakeWriteGuard(WriteGuardContract):
    @pytest.fixture
    def guard(self, world: World) -> WriteGuard:
        return FakeWriteGuard(world, Side.CURRENT)


class TestFakeLoadBalancer(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, world: World) -> LoadBalancer:
        return FakeLoadBalancer(world)


class TestFakeJournal(JournalContract):
    @pytest.fixture
    def open_journal(self) -> Callable[[], Journal]:
        journal = FakeJournal()
        return lambda: journal


class TestFakeClock(ClockContract):
    @pytest.fixture
    def clock(self, world: World) -> Clock:
        return FakeClock(world)


class TestFakeObserver(ObserverContract):
    @pytest.fixture
    def observer(self) -> Observer:
        return FakeObserver()


class TestFakeControl(ControlContract):
    @pytest.fixture
    def make(self) -> Callable[[Order], Control]:
        return lambda order: FakeControl([order])


class TestFakeLock(LockContract):
    @pytest.fixture
    def make(self, world: World) -> Callable[[], Lock]:
        return lambda: FakeLock(world)


class TestFakeProxy(ProxyContract):
    @pytest.fixture
    def make(self, world: World) -> Callable[[bool], Proxy]:
        return lambda there: FakeProxy(world, Side.CURRENT if there else Side.NEW)


class TestFakeApprover(ApproverContract):
    @pytest.fixture
    def make(self, world: World) -> Callable[[bool | None], Approver]:
        def make(said: bool | None) -> Approver:
            world.fault = Fault.FAILS_BEFORE if said is None else None
            return FakeApprover(world, approves=bool(said))

        return make


class TestFakeBackups(BackupsContract):
    @pytest.fixture
    def make(self, world: World) -> Callable[[], Backups]:
        return lambda: FakeBackups(world)


class TestFakeNodeFiles(NodeFilesContract):
    @pytest.fixture
    def node(self, world: World) -> NodeWithFiles:
        world.current.running["gw"] = True
        files = world.current.files.setdefault("gw", {CONF: "first"})

        def write(text: str) -> None:
            files[CONF] = text

        return NodeWithFiles(FakeNodeFiles(world, Side.CURRENT), write)


class TestFakeArchive(ArchiveContract):
    @pytest.fixture
    def make(self, world: World) -> Callable[[Content], Archive]:
        """The worlds share their backups."""

        def make(content: Content) -> Archive:
            if content is Content.FILLED:
                return FakeArchive(world, Side.CURRENT)
            other = World.of(next(d for d in ALL.values() if d.new is not None), routes=5)
            other.backups = world.backups
            other.current.database.name = "another"
            if content is Content.OTHER:
                return FakeArchive(other, Side.CURRENT)
            FakeDatabase(other, Side.NEW).create("a run")
            return FakeArchive(other, Side.NEW)

        return make


def _of_one_node() -> World:
    """Both clusters with one node each, of one name."""
    world = World.of(ALL["traditional-dual-cluster"])
    for cluster in (world.current, world.new):
        cluster.running = {"node": True}
    world.new.database.exists = True
    return world


class TestFakeAdminApi(AdminApiContract, AdminEntitiesContract):
    @pytest.fixture
    def make(self) -> Callable[[NodeState], AdminApi]:
        def make(state: NodeState) -> AdminApi:
            world = _of_one_node()
            world.new.running["node"] = state is not NodeState.DOWN
            world.new.database.exists = state is not NodeState.WITHOUT_DATABASE
            side = Side.CURRENT if state is NodeState.READY_2_8 else Side.NEW
            return FakeAdminApi(world, side)

        return make


class TestFakeMetrics(MetricsContract):
    @pytest.fixture
    def make(self) -> Callable[[Traffic], Metrics]:
        def make(traffic: Traffic) -> Metrics:
            world = _of_one_node()
            world.current.failing_percent = 10
            world.pass_time(10)
            world.current.running["node"] = traffic is not Traffic.DOWN
            world.current.metrics_off = traffic is Traffic.OFF
            return FakeMetrics(world, Side.CURRENT)

        return make


class TestFakeDeck(DeckContract):
    @pytest.fixture
    def gateway(self) -> Gateway:
        world = World.of(ALL["traditional-dual-cluster"])

        def lose_a_route() -> None:
            world.current.database.rows.popitem()

        def stop() -> None:
            world.current.running = dict.fromkeys(world.current.running, False)

        return Gateway(FakeDeck(world, Side.CURRENT), lose_a_route, stop)


class TestFakeKeyring(KeyringContract):
    @pytest.fixture
    def keyrings(self) -> Keyrings:
        world = World.of(ALL["enterprise-keyring"])
        world.new.running = dict.fromkeys(world.new.running, True)

        def stop() -> None:
            world.current.running = dict.fromkeys(world.current.running, False)

        def spoil(key_id: str) -> None:
            world.new.keyring.unrecoverable = (key_id,)

        current, new = (FakeKeyring(world, side) for side in (Side.CURRENT, Side.NEW))
        return Keyrings(current, new, recovery_key="file:key.pem", spoil=spoil, stop=stop)


class TestFakeCredentials(CredentialsContract):
    @pytest.fixture
    def lost(self) -> Lost:
        world = World.of(ALL["traditional-dual-cluster"])
        world.current.database.basic_auth = ("user0", "user1")
        (file,) = FakeDeck(world, Side.CURRENT).dump("state").files
        world.current.database.basic_auth = ("user1",)

        def lose_consumers() -> None:
            world.current.database.rows.clear()

        return Lost(FakeCredentials(world, Side.CURRENT), file, lose_consumers)
