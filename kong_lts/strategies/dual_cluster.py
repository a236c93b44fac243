"""The steps of a dual-cluster upgrade, in the guide's order."""

from collections.abc import Iterator

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.deployment import Cluster, Deployment, Side
from kong_lts.restore import CreateDatabase, RestoreDatabase
from kong_lts.smoke_test import SmokeTest, StagingTest
from kong_lts.step import Step
from kong_lts.strategies import backups, shared
from kong_lts.strategies.settings import Settings

__all__ = ["completion", "control_planes", "steps"]

_GUIDE = "Dual-cluster upgrade, step"


def steps(deployment: Deployment, new: Cluster, settings: Settings) -> tuple[Step, ...]:
    """The whole upgrade of one cluster with a database.

    Args:
        deployment: In traditional mode.
        new: The cluster it becomes.
        settings: What the plan's maker decides.

    Source:
        guide, Dual-cluster upgrade, "Actual steps" 1 to 9.
    """
    return (
        *control_planes(deployment, new, settings),
        *shared.debug_header(settings, new, f"{_GUIDE} 5"),
        *shared.check_routes(settings, f"{_GUIDE} 5"),
        *shared.record(settings, f"{_GUIDE} 5"),
        shared.test(
            StagingTest, "staging-test", f"{_GUIDE} 5", settings, "before it gets any traffic"
        ),
        *shared.test_routes(f"{_GUIDE} 5", settings),
        *shared.compare(settings, f"{_GUIDE} 5"),
        *shared.diversion(settings, f"{_GUIDE} 6", f"{_GUIDE} 7"),
        shared.test(
            SmokeTest,
            "smoke-test",
            "Perform upgrade, step 3",
            settings,
            "now that it has all traffic",
        ),
        *shared.debug_header(settings, new, "Perform upgrade, step 3", on=False),
        *completion(deployment, settings),
    )


def control_planes(deployment: Deployment, new: Cluster, settings: Settings) -> Iterator[Step]:
    """Steps 1 to 4, for every node that has the database."""
    yield from _preparation(deployment, settings)
    yield from _new_cluster(deployment, new, settings)


def _preparation(deployment: Deployment, settings: Settings) -> Iterator[Step]:
    """Steps 1 to 3: stop writes, back up, evaluate."""
    yield StopAdminWrites(
        id=shared.STOP, guide=f"{_GUIDE} 1", side=Side.CURRENT, guard=settings.guard_writes
    )
    yield from backups.back_up(deployment, settings, f"{_GUIDE} 2")
    yield shared.evaluate(f"{_GUIDE} 3")


def _new_cluster(deployment: Deployment, new: Cluster, settings: Settings) -> Iterator[Step]:
    """Step 4: deploy the new cluster, and migrate its database."""
    guide = f"{_GUIDE} 4"
    yield shared.install(deployment, new, settings, guide, "Point it at a database of its own.")
    owner = f"upgrade of {deployment.name}"
    yield CreateDatabase(
        id="create-database", guide=guide, side=Side.NEW, owner=owner, kept_after=shared.RESUME
    )
    yield RestoreDatabase(
        id="restore-database",
        guide=guide,
        side=Side.NEW,
        folder=f"{settings.backup_folder}/database",
    )
    yield from shared.migrate(settings, guide)
    yield StopAdminWrites(
        id="stop-admin-writes-new", guide=f"{_GUIDE} 1", side=Side.NEW, guard=settings.guard_writes
    )
    nodes = shared.with_database(new.nodes)
    yield shared.start("start-nodes", guide, Side.NEW, new, nodes, settings)
    if deployment.current.keyring:
        yield backups.restore_keyring(settings, guide)
    yield from shared.compare_with_deck(deployment, settings, guide)


def completion(deployment: Deployment, settings: Settings) -> Iterator[Step]:
    """Step 9: decommission the current cluster, resume writes, keep watching."""
    guide = f"{_GUIDE} 9"
    if deployment.resources.decommissioning_allowed:
        nodes = shared.with_database(deployment.current.nodes)
        yield shared.stop("decommission", guide, deployment.current, nodes, settings)
    yield ResumeAdminWrites(
        id=shared.RESUME,
        guide=guide,
        side=Side.NEW,
        stopped_by=shared.STOP,
        guard=settings.guard_writes,
    )
    yield shared.watch_afterwards(settings, guide)
