"""A fake for each protocol, over one simulated world; each keeps its protocol's contract."""

from kong_lts.deployment import Side
from kong_lts.protocols import Adapters, ClusterAdapters
from kong_lts.testing.fakes.backups import FakeBackups, FakeNodeFiles
from kong_lts.testing.fakes.beside import (
    FakeApprover,
    FakeClock,
    FakeControl,
    FakeJournal,
    FakeLoadBalancer,
    FakeLock,
    FakeObserver,
)
from kong_lts.testing.fakes.databases import FakeArchive, FakeDatabase, FakeWriteGuard
from kong_lts.testing.fakes.deck import FakeCredentials, FakeDeck
from kong_lts.testing.fakes.keyring import FakeKeyring
from kong_lts.testing.fakes.manifests import FakeManifests
from kong_lts.testing.fakes.nodes import (
    FakeAdminApi,
    FakeMetrics,
    FakeProcessRunner,
    FakeProxy,
)
from kong_lts.testing.simulation import World

__all__ = [
    "FakeAdminApi",
    "FakeApprover",
    "FakeArchive",
    "FakeBackups",
    "FakeClock",
    "FakeControl",
    "FakeCredentials",
    "FakeDatabase",
    "FakeDeck",
    "FakeJournal",
    "FakeKeyring",
    "FakeLoadBalancer",
    "FakeLock",
    "FakeManifests",
    "FakeMetrics",
    "FakeNodeFiles",
    "FakeObserver",
    "FakeProcessRunner",
    "FakeProxy",
    "FakeWriteGuard",
    "fake_adapters",
]


def fake_adapters(world: World, *, approves: bool = True) -> Adapters:
    """Adapters for everything, over one simulated world."""
    return Adapters(
        current=_cluster_adapters(world, Side.CURRENT),
        new=_cluster_adapters(world, Side.NEW),
        load_balancer=FakeLoadBalancer(world),
        backups=FakeBackups(world),
        clock=FakeClock(world),
        approver=FakeApprover(world, approves=approves),
        observer=FakeObserver(),
        lock=FakeLock(world),
        manifests=FakeManifests(world=world),
    )


def _cluster_adapters(world: World, side: Side) -> ClusterAdapters:
    return ClusterAdapters(
        database=FakeDatabase(world, side) if world.has_database else None,
        archive=FakeArchive(world, side) if world.has_database else None,
        write_guard=FakeWriteGuard(world, side) if world.has_database else None,
        deck=FakeDeck(world, side) if world.has_database else None,
        credentials=FakeCredentials(world, side) if world.has_database else None,
        files=FakeNodeFiles(world, side),
        admin=FakeAdminApi(world, side),
        keyring=FakeKeyring(world, side) if world.current.keyring.ids else None,
        proxy=FakeProxy(world, side),
        metrics=FakeMetrics(world, side),
        nodes={node: FakeProcessRunner(world, side, node) for node in world.cluster(side).running},
    )
