"""Restoring the declarative configuration: the last resort, when no database can be restored."""

from collections.abc import Iterator

import attrs

from kong_lts.backup import BackupLayout
from kong_lts.backup.declarative import lost_by_deck, read_state_dump
from kong_lts.database import Fingerprint
from kong_lts.errors import StepFailedError
from kong_lts.events import BackedUp, DeclarativeRestored, Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters
from kong_lts.state_files import StateDump
from kong_lts.step import PlannedStep, Reversibility, own_outcome, present

__all__ = ["RestoreDeclarative"]


@attrs.frozen(kw_only=True)
class RestoreDeclarative(PlannedStep):
    """Ping, validate, sync: into an empty database of the release that the files are of.

    Basic-auth credentials are never written: decK would have their hash hashed again, and the hash
    would be the password.

    Source:
        guide, Troubleshooting, method 2; measured with decK v1.55.0 against 2.8.5.
    """

    folder: str
    """The backup."""
    backed_up_by: str | None = None
    """Id of the step that dumped the database, which tells what is lost; without it the backup's
    manifest does."""

    writes_configuration = True
    needs_of_side = ("deck",)
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        where = BackupLayout(self.folder).declarative
        return f"Bring {where} into the {self.side} cluster with decK"

    @property
    def reversibility(self) -> Reversibility:
        """What was in the gateway and not in the files is gone."""
        return Reversibility.RESTORE

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The backup is whole; the gateway answers and takes every file.

        At the first entity that it refuses, sync would stop half way.
        """
        present(adapters.backups, "backups", self.id).inspect(self.folder)
        deck = present(self.cluster(adapters).deck, "deck", self.id)
        deck.ping()
        for file in self._dump(adapters).files:
            for line in deck.validate(file, online=True):
                yield self.obstacle(
                    "declarative-not-valid",
                    f"{file.path}: {line}",
                    "decK would stop half way. Is it the release that the file is of? Then mend"
                    " the file in a copy of the backup.",
                )

    def run(self, adapters: Adapters, past: Past) -> DeclarativeRestored:
        """Sync file by file.

        Raises:
            StepFailedError: The gateway refused an entity; what was done before stays.
        """
        deck = present(self.cluster(adapters).deck, "deck", self.id)
        dump = self._dump(adapters)
        changed, lost = 0, list[str]()
        for file in dump.files:
            found = deck.sync(file)
            if found.errors:
                raise StepFailedError(
                    self.id,
                    f"the gateway refused {len(found.errors)} entities of {file.path}, the first:"
                    f" {found.errors[0]}.",
                    "It is half filled now. Mend the file and resume, which syncs it again.",
                )
            changed += len(found.created) + len(found.updated) + len(found.deleted)
            lost += found.left_out
        if (database := self._database(adapters, past)) is not None:
            lost += lost_by_deck(database, dump.entities)
        return DeclarativeRestored(
            files=tuple(f.path for f in dump.files), changed=changed, lost=tuple(lost)
        )

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nothing is left to do; what could not be brought back is named."""
        deck = present(self.cluster(adapters).deck, "deck", self.id)
        for file in self._dump(adapters).files:
            found = deck.diff(file)
            if not found.is_empty:
                yield self.obstacle(
                    "declarative-differs",
                    f"The gateway is not what {file.path} holds: {len(found.created)} to create,"
                    f" {len(found.updated)} to update, {len(found.deleted)} to delete.",
                    "Somebody writes to it, or sync did not reach its end: run this step again.",
                )
        done = own_outcome(past, self.id, DeclarativeRestored)
        for line in done.lost if done else ():
            yield self.obstacle(
                "declarative-lost",
                f"Not brought back: {line}",
                "The next step brings basic-auth back; for the rest, go back to the database backup"
                " or do what is said here.",
                severity=Severity.WARNING,
            )

    def _database(self, adapters: Adapters, past: Past) -> Fingerprint | None:
        """What the backed-up database held: by the step that dumped it, else by the manifest."""
        if backup := own_outcome(past, self.backed_up_by or "", BackedUp):
            return backup.fingerprint
        backups = present(adapters.backups, "backups", self.id)
        return backups.inspect(self.folder).fingerprint

    def _dump(self, adapters: Adapters) -> StateDump:
        backups = present(adapters.backups, "backups", self.id)
        inside = BackupLayout("").state_dump.lstrip("/")
        return read_state_dump(backups.read(self.folder, inside), self.folder)
