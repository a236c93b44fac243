"""The steps that back up the current cluster, as the guide asks for in every strategy."""

from collections.abc import Iterator

from kong_lts.backup import (
    BackUpDatabase,
    BackUpDeclarative,
    BackUpFiles,
    BackUpKeyring,
    BackupLayout,
    BackUpLicence,
    ExportKongConfig,
    VerifyBackup,
)
from kong_lts.deployment import Deployment, Side
from kong_lts.restore import RestoreKeyring
from kong_lts.step import Step
from kong_lts.strategies.basics import STOP, by_hand
from kong_lts.strategies.settings import Settings
from kong_lts.versions import Edition

__all__ = ["back_up", "back_up_files", "restore_keyring", "verify_backup"]

_BACK_UP_KEYRING = "back-up-keyring"


def back_up(deployment: Deployment, settings: Settings, guide: str) -> Iterator[Step]:
    """Every kind of backup that the guide asks for where there is a database."""
    parts = BackupLayout(settings.backup_folder).unfinished
    yield BackUpDatabase(
        id="back-up-database",
        guide=guide,
        side=Side.CURRENT,
        folder=parts.database,
        stopped_by=STOP,
    )
    yield _back_up_declarative(deployment, settings, guide)
    if settings.kong_config is not None:
        yield ExportKongConfig(
            id="export-kong-config",
            guide=guide,
            side=Side.CURRENT,
            folder=parts.kong_config,
            path=settings.kong_config,
            program=settings.program,
        )
    if deployment.current.version.edition is Edition.ENTERPRISE and settings.run_deck:
        yield BackUpLicence(
            id="back-up-licence", guide=guide, side=Side.CURRENT, path=parts.licence
        )
    if deployment.current.keyring:
        yield BackUpKeyring(id=_BACK_UP_KEYRING, guide=guide, side=Side.CURRENT, path=parts.keyring)
    yield back_up_files(deployment, settings, guide)
    yield verify_backup(deployment, settings, guide)


def _back_up_declarative(deployment: Deployment, settings: Settings, guide: str) -> Step:
    if deployment.tools.deck is not None and settings.run_deck:
        return BackUpDeclarative(
            id="back-up-declarative",
            guide=guide,
            side=Side.CURRENT,
            folder=BackupLayout(settings.backup_folder).unfinished.declarative,
            tags=settings.select_tags,
        )
    return by_hand(
        "back-up-declarative",
        guide,
        Side.CURRENT,
        "Dump the declarative configuration",
        "Run `deck gateway dump` for each workspace and keep the"
        " files beside the database backup. It is the last resort: decK brings back no basic-auth"
        " password.",
    )


def back_up_files(deployment: Deployment, settings: Settings, guide: str) -> Step:
    """The files of the nodes, which are in no database."""
    if not settings.files:
        return by_hand(
            "back-up-files",
            guide,
            Side.CURRENT,
            "Back up kong.conf, the files of the prefix, and every other file of the deployment",
            "Copy them with their owners and modes: kong.conf, certificates and keys, nginx"
            " templates, custom plugins, the licence.",
        )
    return BackUpFiles(
        id="back-up-files",
        guide=guide,
        side=Side.CURRENT,
        folder=BackupLayout(settings.backup_folder).unfinished.files,
        nodes=tuple(node.name for node in deployment.current.nodes),
        paths=settings.files,
    )


def verify_backup(deployment: Deployment, settings: Settings, guide: str) -> VerifyBackup:
    """The whole backup, complete and proved."""
    return VerifyBackup(
        id="verify-backup",
        guide=guide,
        side=Side.CURRENT,
        folder=settings.backup_folder,
        deployment=deployment.name,
        rehearse=settings.rehearse_restore and deployment.mode.has_database,
    )


def restore_keyring(settings: Settings, guide: str) -> RestoreKeyring:
    """Keys into the memory of the new nodes."""
    return RestoreKeyring(
        id="restore-keyring",
        guide=guide,
        side=Side.NEW,
        path=BackupLayout(settings.backup_folder).keyring,
        backed_up_by=_BACK_UP_KEYRING,
        recovery_key=settings.recovery_key,
    )
