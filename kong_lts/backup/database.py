"""Backing up the database."""

from collections.abc import Iterator

import attrs

from kong_lts.admin_writes import written_since
from kong_lts.events import BackedUp, Past, WritesStopped
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["BackUpDatabase"]


@attrs.frozen(kw_only=True)
class BackUpDatabase(PlannedStep):
    """Dump the database with PostgreSQL's own tool, and prove what was dumped.

    Source:
        guide, Database backup, method 1.
    """

    folder: str
    """A new folder; it appears only when the backup is complete."""
    stopped_by: str | None = None
    """Id of the step that stopped admin writes: the dump must hold what it saw."""

    notices_drift = True
    needs_of_side = ("archive", "database")

    @property
    def title(self) -> str:
        """What it does."""
        return f"Back up the database of the {self.side} cluster to {self.folder}"

    def run(self, adapters: Adapters, past: Past) -> BackedUp:
        """Dump."""
        return present(self.cluster(adapters).archive, "archive", self.id).back_up(self.folder)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every file is whole, and the dump and the database are what writes had stopped at."""
        cluster = self.cluster(adapters)
        backup = present(cluster.archive, "archive", self.id).inspect(self.folder)
        database = present(cluster.database, "database", self.id)
        stopped = own_outcome(past, self.stopped_by or "", WritesStopped)
        held = [("backed up", backup.fingerprint)]
        held += [("there when writes had stopped", stopped.fingerprint)] if stopped else []
        for when, then in held:
            for line in written_since(then, database.fingerprint(then.taken_at)):
                yield self.obstacle(
                    "backup-differs",
                    f"The database is not what was {when}: {line}.",
                    "Find out who wrote in between, and take a backup again in a new folder.",
                )
