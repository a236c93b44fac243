"""The steps of a dual-cluster upgrade, in the guide's order."""

from collections.abc import Iterator

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.backup import BackUpDatabase
from kong_lts.deployment import Cluster, Deployment, Side
from kong_lts.migrations import MigrationsFinish, MigrationsUp
from kong_lts.monitoring import WatchMetrics
from kong_lts.nodes import DoByHand, StartNodes, StopNodes
from kong_lts.restore import CreateDatabase, RestoreDatabase
from kong_lts.smoke_test import SmokeTest, StagingTest
from kong_lts.step import Step
from kong_lts.strategies import Settings
from kong_lts.traffic import ramp

__all__ = ["steps"]

_GUIDE = "Dual-cluster upgrade, step"
_STOP = "stop-admin-writes"


def steps(deployment: Deployment, new: Cluster, settings: Settings) -> tuple[Step, ...]:
    """The whole upgrade of one cluster with a database.

    Args:
        deployment: In traditional mode, or the control planes of a hybrid one.
        new: The cluster it becomes.
        settings: What the plan's maker decides.

    Source:
        guide, Dual-cluster upgrade, "Actual steps" 1 to 9.
    """
    return (
        *_preparation(deployment, settings),
        *_new_cluster(deployment, new, settings),
        *_diversion(settings),
        *_completion(deployment, settings),
    )


def _preparation(deployment: Deployment, settings: Settings) -> Iterator[Step]:
    """Steps 1 to 3: stop writes, back up, evaluate."""
    yield StopAdminWrites(id=_STOP, guide=f"{_GUIDE} 1", side=Side.CURRENT)
    yield BackUpDatabase(
        id="back-up-database",
        guide=f"{_GUIDE} 2",
        side=Side.CURRENT,
        folder=settings.backup_folder,
        stopped_by=_STOP,
    )
    yield DoByHand(
        id="back-up-declarative",
        guide=f"{_GUIDE} 2",
        side=Side.CURRENT,
        what="Dump the declarative configuration",
        instructions="Run `deck gateway dump` for each workspace and keep the files beside the"
        " database backup. It is the last resort: decK brings back no basic-auth password.",
    )
    if deployment.current.keyring:
        yield DoByHand(
            id="back-up-keyring",
            guide=f"{_GUIDE} 2",
            side=Side.CURRENT,
            what="Export the keyring",
            instructions="POST /keyring/export on the current cluster; keep the answer and both"
            " RSA keys. Without them the encrypted fields are lost for ever.",
        )
    yield DoByHand(
        id="back-up-files",
        guide=f"{_GUIDE} 2",
        side=Side.CURRENT,
        what="Back up kong.conf, the files of the prefix, and every other file of the deployment",
        instructions="Copy them with their owners and modes: kong.conf, certificates and keys,"
        " nginx templates, custom plugins, the licence.",
    )
    yield DoByHand(
        id="evaluate",
        guide=f"{_GUIDE} 3",
        side=Side.NEW,
        what="Evaluate what changes, and prepare kong.conf for 3.4",
        instructions="Go through the assessment's findings. `kong_lts.kong_conf.rewrite` writes the"
        " new kong.conf; put it on the new nodes.",
    )


def _new_cluster(deployment: Deployment, new: Cluster, settings: Settings) -> Iterator[Step]:
    """Steps 4 and 5: deploy the new cluster, migrate its database, test it."""
    yield DoByHand(
        id="install",
        guide=f"{_GUIDE} 4",
        side=Side.NEW,
        what=f"Install a cluster of {new.version} with the capacity of the current one",
        instructions="Same number of nodes, CPU and memory; do not start it. Point it at a database"
        " of its own.",
    )
    yield CreateDatabase(
        id="create-database",
        guide=f"{_GUIDE} 4",
        side=Side.NEW,
        owner=f"upgrade of {deployment.name}",
    )
    yield RestoreDatabase(
        id="restore-database",
        guide=f"{_GUIDE} 4",
        side=Side.NEW,
        folder=settings.backup_folder,
    )
    program = settings.program
    conf = ("-c", settings.configuration) if settings.configuration else ()
    yield MigrationsUp(
        id="migrations-up", guide=f"{_GUIDE} 4", side=Side.NEW, program=program, options=conf
    )
    yield MigrationsFinish(
        id="migrations-finish", guide=f"{_GUIDE} 4", side=Side.NEW, program=program, options=conf
    )
    yield DoByHand(
        id="customize",
        guide=f"{_GUIDE} 3",
        side=Side.NEW,
        what="Customize the new cluster's configuration data",
        instructions="Change in the new database what the migrations leave and the evaluation asks"
        " for: above all turn on the prometheus families that the gates read"
        " (status_code_metrics, latency_metrics), which 3.4 leaves off.",
    )
    yield StopAdminWrites(id="stop-admin-writes-new", guide=f"{_GUIDE} 1", side=Side.NEW)
    yield StartNodes(
        id="start-nodes",
        guide=f"{_GUIDE} 4",
        side=Side.NEW,
        nodes=tuple(node.name for node in new.nodes),
        program=program,
        configuration=settings.configuration,
        version=str(new.version),
    )
    if deployment.current.keyring:
        yield DoByHand(
            id="import-keyring",
            guide=f"{_GUIDE} 4",
            side=Side.NEW,
            what="Import the keyring",
            instructions="POST /keyring/import on the new cluster, then compare GET /keyring with"
            " the ids of the export. Never generate a key before that.",
        )
    yield _test(StagingTest, "staging-test", f"{_GUIDE} 5", settings, "before it gets any traffic")


def _diversion(settings: Settings) -> Iterator[Step]:
    """Steps 6 and 7: divert traffic stage by stage, and watch."""
    diversions = ramp(settings.ramp, guide=f"{_GUIDE} 6")
    for stage, diversion in zip(settings.ramp, diversions, strict=True):
        if stage.approval:
            yield DoByHand(
                id=f"approve-{stage.percent}",
                guide=f"{_GUIDE} 6",
                side=Side.NEW,
                what=f"Approve that {stage.percent}% of the traffic is diverted",
                instructions="Look at what the gates have seen so far.",
            )
        yield diversion
        yield WatchMetrics(
            id=f"watch-{stage.percent}",
            guide=f"{_GUIDE} 7",
            side=Side.NEW,
            watch_s=stage.bake_s,
            gates=settings.gates,
        )


def _completion(deployment: Deployment, settings: Settings) -> Iterator[Step]:
    """Step 9: smoke test, decommission the current cluster, resume writes, keep watching."""
    yield _test(
        SmokeTest, "smoke-test", "Perform upgrade, step 3", settings, "now that it has all traffic"
    )
    if deployment.resources.decommissioning_allowed:
        yield StopNodes(
            id="decommission",
            guide=f"{_GUIDE} 9",
            side=Side.CURRENT,
            nodes=tuple(node.name for node in deployment.current.nodes),
            program=settings.program,
            version=str(deployment.current.version),
            whole_cluster=True,
        )
    yield ResumeAdminWrites(
        id="resume-admin-writes", guide=f"{_GUIDE} 9", side=Side.NEW, stopped_by=_STOP
    )
    yield WatchMetrics(
        id="watch-afterwards",
        guide=f"{_GUIDE} 9",
        side=Side.NEW,
        watch_s=settings.watch_afterwards_s,
        gates=settings.gates,
        needs_current=False,
    )


def _test(
    kind: type[StagingTest] | type[SmokeTest], name: str, guide: str, settings: Settings, when: str
) -> Step:
    """The probes; where there are none, a person tests, since a test of nothing proves nothing."""
    if settings.probes:
        return kind(id=name, guide=guide, side=Side.NEW, probes=settings.probes)
    return DoByHand(
        id=name,
        guide=guide,
        side=Side.NEW,
        what=f"Test the new cluster {when}",
        instructions="The plan has no probes. Send requests for all use cases to the new cluster's"
        " proxy: does key-auth authenticate, does every important route answer as before?",
    )
