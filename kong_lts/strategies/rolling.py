"""The steps of a rolling upgrade of nodes without a database, in the guide's order."""

from collections.abc import Iterator, Sequence

from kong_lts.backup import BackupLayout, SaveDeclarative
from kong_lts.deployment import Cluster, Deployment, DeploymentMode, Side
from kong_lts.smoke_test import SmokeTest, StagingTest
from kong_lts.step import Step
from kong_lts.strategies import shared
from kong_lts.strategies.settings import Settings
from kong_lts.traffic import DivertTraffic

__all__ = ["replacement", "steps"]

_GUIDE = "Rolling upgrade, step"


def steps(deployment: Deployment, new: Cluster, settings: Settings) -> tuple[Step, ...]:
    """The whole upgrade of DB-less nodes, or of Konnect data planes.

    Args:
        deployment: In DB-less or Konnect mode.
        new: The nodes it becomes.
        settings: What the plan's maker decides.

    Source:
        guide, Rolling upgrade, steps 1 to 8.
    """
    db_less = deployment.mode is DeploymentMode.DB_LESS
    return (
        *_preparation(deployment, settings, db_less=db_less),
        *replacement(deployment.current, new, settings, guide=_GUIDE),
        *_completion(settings, db_less=db_less),
    )


def _preparation(deployment: Deployment, settings: Settings, *, db_less: bool) -> Iterator[Step]:
    """Steps 1 to 3: stop updates, back up, evaluate."""
    yield shared.by_hand(
        shared.STOP,
        f"{_GUIDE} 1",
        Side.CURRENT,
        "Stop every configuration update",
        "No POST /config, no push of kong.yml, no change on the control plane, until the end.",
    )
    if db_less:
        yield _save_declarative(deployment, settings)
    yield shared.back_up_files(deployment, settings, f"{_GUIDE} 2")
    if settings.files or (db_less and settings.kong_yml):
        yield shared.verify_backup(deployment, settings, f"{_GUIDE} 2")
    yield shared.evaluate(f"{_GUIDE} 3")
    if db_less:
        yield shared.by_hand(
            "convert-declarative",
            f"{_GUIDE} 3",
            Side.NEW,
            "Convert kong.yml for the new nodes",
            "`kong_lts.declarative.convert` writes it; `kong config parse` of 3.4 must take it."
            " Keep the current file for the current nodes: 2.8 does not read the converted one.",
        )


def _save_declarative(deployment: Deployment, settings: Settings) -> Step:
    """kong.yml of the current nodes; decK is not for DB-less ones."""
    if settings.kong_yml is None:
        return shared.by_hand(
            "back-up-declarative",
            f"{_GUIDE} 2",
            Side.CURRENT,
            "Save a copy of kong.yml",
            "Copy the very file that each node loads, and compare its hash on all nodes. decK is"
            " not for DB-less nodes.",
        )
    return SaveDeclarative(
        id="back-up-declarative",
        guide=f"{_GUIDE} 2",
        side=Side.CURRENT,
        folder=BackupLayout(settings.backup_folder).unfinished.kong_yml,
        nodes=tuple(node.name for node in deployment.current.nodes),
        path=settings.kong_yml,
    )


def replacement(
    current: Cluster, new: Cluster, settings: Settings, *, guide: str
) -> Iterator[Step]:
    """Steps 4 to 7: one new node first, then batch by batch, each with its share of the traffic.

    New nodes come before current ones go, so that there are never fewer than before.

    Args:
        current: Its nodes without a control plane are replaced.
        new: The nodes that replace them.
        settings: Ramp, gates and probes.
        guide: Section, without the number.
    """
    old = shared.without_database(current.nodes)
    fresh = shared.without_database(new.nodes)
    before = stopped = started = 0
    for number, batch in enumerate(_batches(fresh), start=1):
        yield from _new_nodes(number, batch, new, settings, guide)
        started += len(batch)
        percent = max(1, 100 * started // len(fresh))
        yield from _share(before, percent, settings, guide)
        before = percent
        gone = len(old) * started // len(fresh)
        if gone > stopped:
            leaving = old[stopped:gone]
            yield shared.stop(f"stop-batch-{number}", f"{guide} 7", current, leaving, settings)
            stopped = gone


def _new_nodes(
    number: int, batch: Sequence[str], new: Cluster, settings: Settings, guide: str
) -> Iterator[Step]:
    """Nodes of one batch, installed and started; the very first one is tested."""
    yield shared.by_hand(
        f"install-batch-{number}",
        f"{guide} {4 if number == 1 else 5}",
        Side.NEW,
        f"Install {', '.join(batch)} with {new.version}",
        "Same size as a current node, with the new kong.conf and the converted configuration; do"
        " not start it.",
    )
    yield shared.start(f"start-batch-{number}", f"{guide} 5", Side.NEW, new, batch, settings)
    if number == 1:
        yield shared.test(
            StagingTest, "staging-test", f"{guide} 4", settings, "before it gets any traffic"
        )
        yield from shared.test_routes(f"{guide} 4", settings)


def _share(before: int, percent: int, settings: Settings, guide: str) -> Iterator[Step]:
    """The new nodes' share of the traffic, and a watch over it."""
    if not before:
        yield shared.check_metrics(settings, f"{guide} 6")
    diverted = DivertTraffic(
        id=f"divert-{percent}",
        guide=f"{guide} 6",
        side=Side.NEW,
        new_percent=percent,
        before_percent=before,  # the way back too: no more current nodes run than for that share
    )
    yield diverted
    yield shared.watch_stage(diverted, settings, f"{guide} 6", settings.ramp[0].bake_s)


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """One node first; then batches of a quarter of all, at least one."""
    yield names[:1]
    size = max(1, len(names) // 4)
    for at in range(1, len(names), size):
        yield names[at : at + size]


def _completion(settings: Settings, *, db_less: bool) -> Iterator[Step]:
    """Step 8: smoke test, resume updates, keep watching."""
    yield shared.test(
        SmokeTest, "smoke-test", "Perform upgrade, step 3", settings, "now that it has all traffic"
    )
    yield shared.by_hand(
        "resume-admin-writes",
        f"{_GUIDE} 8",
        Side.NEW,
        "Resume configuration updates",
        "The current nodes are gone; from here on only the converted kong.yml is changed."
        if db_less
        else "The current nodes are gone; changes on the control plane may go on.",
    )
    yield shared.watch_afterwards(settings, f"{_GUIDE} 8")
