"""The whole backup: its manifest, its proof, and what it cannot bring back."""

from collections.abc import Iterator
from typing import TypeVar

import attrs

from kong_lts.backup.layout import BackupLayout
from kong_lts.events import (
    BackedUp,
    BackupCompleted,
    Confirmed,
    DeclarativeBackedUp,
    FilesBackedUp,
    KeyringBackedUp,
    LicenceBackedUp,
    Outcome,
    Past,
)
from kong_lts.findings import Finding, Severity
from kong_lts.manifest import BackupManifest, BackupMethod
from kong_lts.protocols import Adapters
from kong_lts.schema import schema_state
from kong_lts.step import PlannedStep, present

__all__ = ["VerifyBackup"]

Kind = TypeVar("Kind")


@attrs.frozen(kw_only=True)
class VerifyBackup(PlannedStep):
    """Complete the backup: manifest, hashes, name; and rehearse its restore where that is asked.

    Source:
        guide, Backup: "we highly recommend to back up data in both methods".
    """

    folder: str
    """Of the backup."""
    deployment: str = ""
    """Its name, for the manifest."""
    rehearse: bool = False
    """Whether the dump is restored into a scratch database, which needs the right to make one."""

    needs_beside = ("backups",)

    @property
    def needs(self) -> tuple[str, ...]:
        """An archive too, where it rehearses."""
        return (*super().needs, *([f"{self.side}.archive"] if self.rehearse else ()))

    @property
    def title(self) -> str:
        """What it does."""
        also = " and rehearse its restore" if self.rehearse else ""
        return f"Verify the backup {self.folder}{also}"

    def run(self, adapters: Adapters, past: Past) -> BackupCompleted:
        """Write the manifest, and give the folder its name."""
        layout = BackupLayout(self.folder)
        backups = present(adapters.backups, "backups", self.id)
        manifest = self._manifest(adapters, past)
        whole = backups.complete(layout.unfinished.folder, self.folder, manifest)
        if self.rehearse:
            archive = present(self.cluster(adapters).archive, "archive", self.id)
            archive.rehearse(layout.database)
        return BackupCompleted(
            folder=self.folder, size_bytes=whole.size_bytes, cannot_restore=whole.cannot_restore
        )

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every file is whole; a method of the guide that is missing is named."""
        manifest = present(adapters.backups, "backups", self.id).inspect(self.folder)
        if BackupMethod.DATABASE not in manifest.methods or manifest.by_hand:
            return
        if BackupMethod.DECLARATIVE not in manifest.methods:
            yield self.obstacle(
                "backup-method-missing",
                "There is a database backup, and no declarative one.",
                "The database backup is the one to go back to. Take a declarative one too, for the"
                " case that it cannot be restored.",
                severity=Severity.WARNING,
            )

    def _manifest(self, adapters: Adapters, past: Past) -> BackupManifest:
        """Everything about the parts but their hashes."""
        parts = _Parts.of(past, BackupLayout(self.folder).unfinished)
        dump, database = parts.one(BackedUp), self.cluster(adapters).database
        facts = database.facts() if dump and database else None
        declarative, keyring = parts.one(DeclarativeBackedUp), parts.one(KeyringBackedUp)
        return BackupManifest(
            created_at=adapters.clock.now().isoformat(),
            deployment=self.deployment,
            methods=parts.methods,
            by_hand=parts.by_hand,
            server_version=dump.server_version if dump else None,
            tool_versions=tuple(_tools(dump, declarative)),
            schema_state=schema_state(facts.schema_meta) if facts else None,
            fingerprint=dump.fingerprint if dump else None,
            entities=declarative.dump.entities if declarative else {},
            keyring_ids=keyring.ids if keyring else (),
            keyring_active=keyring.active if keyring else None,
            cannot_restore=parts.cannot_restore(bool(facts and facts.keyring_ids)),
        )


@attrs.frozen(kw_only=True)
class _Parts:
    """What the steps before have put into the folder, or say of it."""

    layout: BackupLayout
    made: tuple[Outcome, ...]
    by_hand: tuple[str, ...]

    @classmethod
    def of(cls, past: Past, layout: BackupLayout) -> "_Parts":
        said = [f"{i} (by {o.by})" for i, o in _by_hand(past)]
        made = [o for o in past.values() if _place(o).startswith(f"{layout.folder}/")]
        return cls(layout=layout, made=tuple(made), by_hand=tuple(said))

    def one(self, kind: type[Kind]) -> Kind | None:
        return next((outcome for outcome in self.made if isinstance(outcome, kind)), None)

    @property
    def methods(self) -> tuple[BackupMethod, ...]:
        kinds = {self.layout.method_of(_place(outcome)) for outcome in self.made}
        return tuple(method for method in BackupMethod if method in kinds)

    def cannot_restore(self, encrypted: bool) -> tuple[str, ...]:
        """What this backup does not hold, or does not give back."""
        return tuple(text for text, missing in self._gaps(encrypted) if missing)

    def _gaps(self, encrypted: bool) -> Iterator[tuple[str, bool]]:
        dumped, files = (m in self.methods for m in (BackupMethod.DATABASE, BackupMethod.FILES))
        yield "roles, tablespaces and settings of the PostgreSQL server", dumped
        yield "owners and privileges of tables", dumped
        yield "counters, tokens and sessions of the time after the dump", dumped
        yield "the configuration of a database: there is no database backup", not dumped
        yield "kong.conf, certificates and other files of the nodes", not files
        yield "files that a running node writes anew: logs, process ids, sockets", files
        keyring = self.one(KeyringBackedUp)
        yield "encrypted values: the keyring has no backup", encrypted and keyring is None
        yield "encrypted values without the keyring's RSA keys, which are files", bool(keyring)
        if (declarative := self.one(DeclarativeBackedUp)) is not None:
            yield "by decK: basic-auth passwords, RBAC users, tokens, counters", True
            for refused in declarative.dump.refused:
                yield f"by decK: {refused}", True


def _tools(dump: BackedUp | None, declarative: DeclarativeBackedUp | None) -> Iterator[str]:
    """What the parts were made with and of; decK tells the version of the gateway too."""
    if dump is not None:
        yield f"pg_dump {dump.tool_version}"
    if declarative is not None and declarative.dump.deck_version is not None:
        yield f"decK {declarative.dump.deck_version}"
    if declarative is not None and declarative.dump.kong_version is not None:
        yield f"Kong {declarative.dump.kong_version}"


def _place(outcome: Outcome) -> str:
    """Where a part stands; empty for an outcome that is no part of a backup."""
    match outcome:
        case BackedUp() | DeclarativeBackedUp() | FilesBackedUp():
            return outcome.folder
        case KeyringBackedUp() | LicenceBackedUp():
            return outcome.path
    return ""


def _by_hand(past: Past) -> Iterator[tuple[str, Confirmed]]:
    for step, outcome in past.items():
        if isinstance(outcome, Confirmed) and step.startswith("back-up-"):
            yield step, outcome
