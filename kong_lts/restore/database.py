"""Restoring a database backup, always into a new database, never over one that is in use."""

from collections.abc import Iterator

import attrs

from kong_lts.database import differences
from kong_lts.deployment import Side
from kong_lts.events import Done, Past, Restored
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters
from kong_lts.schema import SchemaState, schema_state
from kong_lts.step import PlannedStep, Reversibility, present

__all__ = [
    "CreateDatabase",
    "DropDatabase",
    "ReplaceDatabase",
    "RestoreDatabase",
    "RestorePoint",
]


@attrs.frozen(kw_only=True)
class CreateDatabase(PlannedStep):
    """Create the new cluster's database, on a server of the same major version.

    Source:
        guide, Dual-cluster upgrade: "Install a new database of the same version".
    """

    owner: str
    """The mark it gets, so that the way back drops no database but this one."""
    kept_after: str | None = None
    """Id of the step from which on it holds writes that nothing else has; then it is kept."""

    writes_configuration = True
    needs_of_side = ("database",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Create the database of the {self.side} cluster"

    @property
    def reversibility(self) -> Reversibility:
        """It is dropped."""
        return Reversibility.COMPENSATED

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Create it, empty and marked."""
        present(self.cluster(adapters).database, "database", self.id).create(self.owner)
        return Done()

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """It is there, empty, not the current one, and on the same major version."""
        facts = present(self.cluster(adapters).database, "database", self.id).facts()
        if (state := schema_state(facts.schema_meta)) is not SchemaState.EMPTY:
            yield self.obstacle(
                "new-database-not-empty",
                f"Database {facts.name} already holds a Kong schema (state: {state}).",
                "Name a database that does not exist yet.",
            )
        if adapters.current.database is None or self.side is Side.CURRENT:
            return
        current = adapters.current.database.facts()
        if current.identity == facts.identity:
            yield self.obstacle(
                "same-database",
                f"Both clusters are pointed at one database, {facts.name}.",
                "Point the new cluster at a database of its own.",
            )
        if _major(current.server_version) != _major(facts.server_version):
            yield self.obstacle(
                "database-version-differs",
                f"The new server is PostgreSQL {facts.server_version},"
                f" the current one {current.server_version}.",
                "Use a server of the same major version.",
            )

    def undo(self, past: Past) -> "DropDatabase | None":
        """Drop it; but not where writes went to it, which are nowhere else."""
        if self.kept_after is not None and self.kept_after in past:
            return None
        return DropDatabase(
            id=f"undo-{self.id}", guide=self.guide, side=self.side, owner=self.owner
        )


@attrs.frozen(kw_only=True)
class DropDatabase(PlannedStep):
    """Drop a database that this upgrade created."""

    owner: str
    """The mark that it must carry."""

    writes_configuration = True
    needs_of_side = ("database",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Drop the database of the {self.side} cluster"

    @property
    def reversibility(self) -> Reversibility:
        """It held a copy; the backup has the same."""
        return Reversibility.RESTORE

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Drop it, if it carries the mark."""
        present(self.cluster(adapters).database, "database", self.id).drop(self.owner)
        return Done()

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """A second drop finds nothing: the promise of `Database.drop`."""
        present(self.cluster(adapters).database, "database", self.id).drop(self.owner)
        yield from ()


@attrs.frozen(kw_only=True)
class RestoreDatabase(PlannedStep):
    """Restore the backup into the new database, and hold both against each other.

    Source:
        guide, Dual-cluster upgrade: "with the backup data from step 2 above".
    """

    folder: str
    """Of the dump."""

    writes_configuration = True
    needs_of_side = ("database", "archive")

    @property
    def title(self) -> str:
        """What it does."""
        return f"Restore {self.folder} into the database of the {self.side} cluster"

    @property
    def reversibility(self) -> Reversibility:
        """The database it fills is dropped by the step that created it."""
        return Reversibility.COMPENSATED

    def run(self, adapters: Adapters, past: Past) -> Restored:
        """Restore."""
        cluster = self.cluster(adapters)
        found = present(cluster.archive, "archive", self.id).restore(self.folder)
        name = present(cluster.database, "database", self.id).facts().name
        return Restored(folder=self.folder, database=name, fingerprint=found)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The database holds what the backup holds."""
        cluster = self.cluster(adapters)
        wanted = present(cluster.archive, "archive", self.id).inspect(self.folder).fingerprint
        found = present(cluster.database, "database", self.id).fingerprint(wanted.taken_at)
        for line in differences(wanted, found):
            yield self.obstacle(
                "restore-differs",
                f"The restored database is not what was backed up: {line}.",
                "Roll back, which drops it, and restore again; is something else writing to it?",
            )


@attrs.frozen(kw_only=True)
class RestorePoint(PlannedStep):
    """Prove the backup to which an in-place upgrade goes back; from `up` on only it leads back.

    Source:
        guide, In-place upgrade: "prioritize the database-level method"; nothing passes this point
        without a verified backup.
    """

    folder: str
    """Of the dump."""

    notices_drift = True
    needs_of_side = ("archive", "database")

    @property
    def title(self) -> str:
        """What it does."""
        return f"Prove the backup {self.folder}, the only way back from here on"

    @property
    def reversibility(self) -> Reversibility:
        """By itself it changes nothing; its way back is that of whatever follows, the restore."""
        return Reversibility.COMPENSATED

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Inspect every file of the backup."""
        found = present(self.cluster(adapters).archive, "archive", self.id).inspect(self.folder)
        return Done(note=found.fingerprint.digest)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The backup holds what the database holds now."""
        cluster = self.cluster(adapters)
        wanted = present(cluster.archive, "archive", self.id).inspect(self.folder).fingerprint
        found = present(cluster.database, "database", self.id).fingerprint(wanted.taken_at)
        for line in differences(wanted, found):
            yield self.obstacle(
                "backup-differs",
                f"The backup is not what the database holds: {line}.",
                "Nothing may write any more; take the last backup again in a new folder.",
            )

    def undo(self, past: Past) -> "ReplaceDatabase":
        """Put the backup in the place of the migrated database."""
        return ReplaceDatabase(
            id=f"undo-{self.id}", guide=self.guide, side=self.side, folder=self.folder
        )


@attrs.frozen(kw_only=True)
class ReplaceDatabase(PlannedStep):
    """Put the backup in the place of a migrated database, which stays under another name.

    Source:
        guide, Troubleshooting, method 1; measured: `pg_restore --clean` over a database that saw
        `up` leaves 2.8's schema_meta over 3.4's paths, so it is restored beside and swapped.
    """

    folder: str
    """Of the dump."""
    over: str | None = None
    """Name of the database, where it is meant although the backup is of another one."""

    writes_configuration = True
    needs_of_side = ("archive", "database")

    @property
    def title(self) -> str:
        """What it does."""
        return f"Put the backup {self.folder} in the place of the database"

    @property
    def reversibility(self) -> Reversibility:
        """The replaced database is still there, under another name."""
        return Reversibility.COMPENSATED

    def run(self, adapters: Adapters, past: Past) -> Restored:
        """Restore beside, compare, swap; nothing if the database was not migrated yet."""
        cluster = self.cluster(adapters)
        database = present(cluster.database, "database", self.id)
        name = database.facts().name
        database.release_lock()  # nobody may be connected while the names change
        try:
            archive = present(cluster.archive, "archive", self.id)
            found = archive.replace(self.folder, f"{name}_before_rollback", self.over)
        finally:
            database.hold_lock("rollback")
        return Restored(folder=self.folder, database=name, fingerprint=found)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The database holds what the backup holds."""
        cluster = self.cluster(adapters)
        wanted = present(cluster.archive, "archive", self.id).inspect(self.folder).fingerprint
        found = present(cluster.database, "database", self.id).fingerprint(wanted.taken_at)
        for line in differences(wanted, found):
            yield self.obstacle(
                "restore-differs",
                f"The database is not what was backed up: {line}.",
                "Keep every node stopped, and see what writes to it.",
            )


def _major(server_version: str | None) -> str:
    """The part of a PostgreSQL version that dumps depend on; 9.x has two."""
    numbers = (server_version or "unknown").split(".")
    return ".".join(numbers[:2]) if numbers[0] == "9" else numbers[0]
