"""The steps of a restore after a failed upgrade: the database first, decK as the last resort."""

from collections.abc import Iterator

from kong_lts.backup import BackupLayout
from kong_lts.deployment import Deployment, Side
from kong_lts.migrations import MigrationsBootstrap
from kong_lts.nodes import NoConnections
from kong_lts.restore import (
    CreateDatabase,
    ImportKongConfig,
    ReplaceDatabase,
    RestoreBasicAuth,
    RestoreDeclarative,
    RestoreFiles,
    RestoreKeyring,
    RestoreLicence,
)
from kong_lts.step import Step
from kong_lts.strategies import shared
from kong_lts.strategies.settings import Settings
from kong_lts.versions import Edition

__all__ = ["steps"]

_GUIDE = "Troubleshooting, method"


def steps(
    deployment: Deployment, settings: Settings, *, declarative: bool, over: str | None = None
) -> tuple[Step, ...]:
    """The way back from a backup, for the current cluster.

    Args:
        deployment: Whose current cluster comes back.
        settings: Names the backup.
        declarative: Whether its database cannot be restored, so that an empty one of the same
            release is bootstrapped and filled by decK.
        over: Name of the database, where the backup is of another one.

    Source:
        guide, Backup: "try to do a database-level restore first, and otherwise bootstrap a new
        database and use deck".
    """
    return tuple(_steps(deployment, settings, declarative, over))


def _steps(
    deployment: Deployment, settings: Settings, declarative: bool, over: str | None
) -> Iterator[Step]:
    layout, guide = BackupLayout(settings.backup_folder), f"{_GUIDE} {2 if declarative else 1}"
    nodes = shared.with_database(deployment.current.nodes)
    by_deck = settings.run_deck or settings.kong_config is None
    yield shared.stop("stop-nodes", guide, deployment.current, nodes, settings)
    yield NoConnections(id="no-connections", guide=guide, side=Side.CURRENT)
    if not declarative:
        yield ReplaceDatabase(
            id="replace-database",
            guide=guide,
            side=Side.CURRENT,
            folder=layout.database,
            over=over,
        )
    yield from _files(deployment, settings, guide)
    if declarative:
        yield from _empty_database(deployment, settings, guide)
    if declarative and not by_deck and settings.kong_config is not None:
        yield ImportKongConfig(
            id="import-kong-config",
            guide=guide,
            side=Side.CURRENT,
            folder=layout.kong_config,
            path=settings.kong_config,
            backup=layout.folder,
            program=settings.program,
        )
    yield shared.start("start-nodes", guide, Side.CURRENT, deployment.current, nodes, settings)
    yield from _on_running_nodes(deployment, settings, guide, by_deck=declarative and by_deck)


def _files(deployment: Deployment, settings: Settings, guide: str) -> Iterator[Step]:
    """After the database, which must not wait for a file; kong.conf before a bootstrap reads it."""
    if settings.files:
        yield RestoreFiles(
            id="restore-files",
            guide=guide,
            side=Side.CURRENT,
            folder=BackupLayout(settings.backup_folder).files,
            nodes=tuple(node.name for node in deployment.current.nodes),
        )


def _on_running_nodes(
    deployment: Deployment, settings: Settings, guide: str, *, by_deck: bool
) -> Iterator[Step]:
    """The keyring, which is in their memory; and where decK fills the database, all that it does
    and what it leaves."""
    layout = BackupLayout(settings.backup_folder)
    if deployment.current.keyring:
        yield RestoreKeyring(
            id="restore-keyring",
            guide=guide,
            side=Side.CURRENT,
            path=layout.keyring,
            folder=layout.folder,
            recovery_key=settings.recovery_key,
        )
    if by_deck and deployment.current.version.edition is Edition.ENTERPRISE:
        yield RestoreLicence(
            id="restore-licence", guide=guide, side=Side.CURRENT, folder=layout.folder
        )
    if by_deck:
        yield RestoreDeclarative(
            id="restore-declarative", guide=guide, side=Side.CURRENT, folder=layout.folder
        )
        yield RestoreBasicAuth(
            id="restore-basic-auth",
            guide=guide,
            side=Side.CURRENT,
            folder=layout.folder,
            logins=settings.logins,
        )


def _empty_database(deployment: Deployment, settings: Settings, guide: str) -> Iterator[Step]:
    """One of the old release, beside the one that could not be restored."""
    yield shared.by_hand(
        "name-database",
        guide,
        Side.CURRENT,
        "Point the current cluster at a database that does not exist yet",
        "In the kong.conf of its nodes (pg_database), and in the adapters of this run. The database"
        " that could not be restored stays as it is.",
    )
    owner = f"restore of {deployment.name}"
    yield CreateDatabase(id="create-database", guide=guide, side=Side.CURRENT, owner=owner)
    yield MigrationsBootstrap(
        id="migrations-bootstrap", guide=guide, side=Side.CURRENT, program=settings.program
    )
