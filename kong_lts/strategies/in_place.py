"""The steps of an in-place upgrade, in the guide's order, with what can be done before the stop."""

from collections.abc import Iterator

import attrs

from kong_lts import catalog
from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.backup import BackUpDatabase
from kong_lts.deployment import Cluster, Deployment, Side
from kong_lts.nodes import NoConnections
from kong_lts.restore import FilesPoint, RestorePoint
from kong_lts.smoke_test import SmokeTest
from kong_lts.step import Step
from kong_lts.strategies import backups, shared
from kong_lts.strategies.settings import Settings

__all__ = ["completion", "control_planes", "expected_downtime_s", "steps"]

_GUIDE = "In-place upgrade, step"


def expected_downtime_s(rows: int | None) -> float:
    """From the stop to the first answer, by what was measured.

    Args:
        rows: Of configuration in the database; None takes the largest that was measured.
    """
    small, *_, large = catalog.durations()
    if rows is None:
        return large.seconds
    slope = (large.seconds - small.seconds) / (large.rows - small.rows)
    return round(small.seconds + max(rows - small.rows, 0) * slope, 2)


def steps(deployment: Deployment, new: Cluster, settings: Settings) -> tuple[Step, ...]:
    """The whole upgrade of one cluster on its own database.

    Args:
        deployment: In traditional mode.
        new: The cluster it becomes; its database is the current one.
        settings: What the plan's maker decides.

    Source:
        guide, In-place upgrade, steps 1 to 10.
    """
    return (
        *control_planes(deployment, new, settings, downtime=True),
        *shared.debug_header(settings, new, f"{_GUIDE} 7"),
        *shared.check_routes(settings, f"{_GUIDE} 7", leads_back_to=None),
        shared.test(
            SmokeTest,
            "smoke-test",
            "Perform upgrade, step 3",
            settings,
            "now that it has all traffic",
        ),
        *_routes_test(settings),
        *shared.compare(settings, "Perform upgrade, step 3", leads_back_to=None),
        *shared.debug_header(settings, new, "Perform upgrade, step 3", on=False),
        shared.watch_afterwards(settings, f"{_GUIDE} 8", "watch-new"),
        *completion(settings),
    )


def _routes_test(settings: Settings) -> Iterator[Step]:
    """The requests whose route changes; the current cluster is not there to be asked too."""
    if probes := settings.route_probes.new:
        guide = "Perform upgrade, step 3"
        yield SmokeTest(id="smoke-test-routes", guide=guide, side=Side.NEW, probes=probes)


def control_planes(
    deployment: Deployment, new: Cluster, settings: Settings, *, downtime: bool
) -> Iterator[Step]:
    """Steps 1 to 7, for every node that has the database.

    Args:
        deployment: What is upgraded.
        new: The cluster it becomes.
        settings: What the plan's maker decides.
        downtime: Whether these nodes serve the traffic: not in hybrid mode.
    """
    yield StopAdminWrites(
        id=shared.STOP, guide=f"{_GUIDE} 1", side=Side.CURRENT, guard=settings.guard_writes
    )
    yield from backups.back_up(deployment, settings, f"{_GUIDE} 2")
    yield shared.evaluate(f"{_GUIDE} 3")
    staging = shared.by_hand(
        "staging-on-copy",
        f"{_GUIDE} 4",
        Side.NEW,
        "Run staging tests on a copy",
        f"Restore {settings.backup_folder}/database into a scratch database, run `kong migrations"
        " up` and `finish` there, start one 3.4 node on it, in a container for instance, and send"
        " requests for all use cases: does key-auth authenticate? Say no only if it does not: then"
        " this plan is stale.",
    )
    yield attrs.evolve(staging, leads_back_to=shared.EVALUATE)
    where = "Point it at the database of the current cluster."
    yield shared.install(deployment, new, settings, f"{_GUIDE} 6", where)
    if downtime:
        yield from shared.record(settings, f"{_GUIDE} 4")
    yield from _migration(deployment, new, settings, downtime=downtime)


def _migration(
    deployment: Deployment, new: Cluster, settings: Settings, *, downtime: bool
) -> Iterator[Step]:
    """Steps 5 to 7: from the stop of the current nodes to the start of the new ones."""
    current = shared.with_database(deployment.current.nodes)
    yield shared.stop(
        "stop-nodes",
        f"{_GUIDE} 5",
        deployment.current,
        current,
        settings,
        downtime_s=expected_downtime_s(settings.configuration_rows) if downtime else 0.0,
    )
    if settings.files:
        yield FilesPoint(
            id="files-point",
            guide=f"{_GUIDE} 9",
            side=Side.CURRENT,
            folder=f"{settings.backup_folder}/files",
            nodes=tuple(node.name for node in deployment.current.nodes),
        )
    yield NoConnections(id="no-connections", guide=f"{_GUIDE} 5", side=Side.CURRENT)
    folder = f"{settings.backup_folder}-after-stop"
    yield BackUpDatabase(
        id="back-up-after-stop",
        guide=f"{_GUIDE} 2",
        side=Side.CURRENT,
        folder=folder,
        stopped_by=shared.STOP,
    )
    yield RestorePoint(id="restore-point", guide=f"{_GUIDE} 9", side=Side.CURRENT, folder=folder)
    yield from shared.migrate(settings, f"{_GUIDE} 7", in_place=True)
    yield StopAdminWrites(
        id="stop-admin-writes-new", guide=f"{_GUIDE} 1", side=Side.NEW, guard=settings.guard_writes
    )
    fresh = shared.with_database(new.nodes)
    yield shared.start("start-nodes", f"{_GUIDE} 7", Side.NEW, new, fresh, settings)
    if deployment.current.keyring:
        yield backups.restore_keyring(settings, f"{_GUIDE} 7")
    yield from shared.compare_with_deck(deployment, settings, f"{_GUIDE} 7")


def completion(settings: Settings) -> Iterator[Step]:
    """Step 10: the current cluster is gone, writes resume."""
    yield shared.by_hand(
        "decommission",
        f"{_GUIDE} 10",
        Side.CURRENT,
        "Decommission the current cluster",
        "Its nodes are stopped. Take their packages and units away, so that nobody starts them on"
        " the migrated database.",
    )
    yield ResumeAdminWrites(
        id=shared.RESUME, guide=f"{_GUIDE} 10", side=Side.NEW, guard=settings.guard_writes
    )
    yield shared.watch_afterwards(settings, f"{_GUIDE} 10")
