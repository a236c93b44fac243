"""`kong config db_import`: where neither the database backup nor decK's files can be restored."""

from collections.abc import Iterator

import attrs

from kong_lts.catalog import state_files
from kong_lts.events import Done, Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, Reversibility, present, runner_of

__all__ = ["ImportKongConfig"]

_TIMEOUT_S = 1800.0


@attrs.frozen(kw_only=True)
class ImportKongConfig(PlannedStep):
    """Put the export back on the node, look that the node would load it, and import it.

    Nodes must not run meanwhile: nothing makes them forget what they have in their cache.

    Source:
        guide, Database backup, method 2: "deck is more powerful ... in that it invalidates Kong
        cache automatically".
    """

    folder: str
    """With the copy."""
    path: str
    """Of the file on the node."""
    backup: str | None = None
    """The whole backup, whose manifest tells how many rows there were."""
    program: tuple[str, ...] = ("kong",)
    """How kong is called on the node."""

    writes_configuration = True
    needs_of_side = ("nodes", "files", "database")

    @property
    def title(self) -> str:
        """What it does."""
        return f"Import {self.folder} into the database of the {self.side} cluster with kong config"

    @property
    def reversibility(self) -> Reversibility:
        """It adds to what is there, and replaces."""
        return Reversibility.RESTORE

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The backup is whole, and the node takes the file: a part of it would not be imported."""
        self._counted(adapters)
        node, runner = runner_of(self.cluster(adapters), self.node, self.id)
        present(self.cluster(adapters).files, "files", self.id).put_back(node, self.folder)
        argv = [*self.program, "config", "parse", self.path]
        if runner.run(argv, timeout_s=_TIMEOUT_S, statuses=(0, 1)).status != 0:
            yield self.obstacle(
                "kong-config-not-loadable",
                f"`kong config parse` of node {node} refuses {self.path}.",
                "Is the node of the release that wrote it? Run the command to see the reason.",
            )
        yield self.obstacle(
            "kong-config-is-no-deck",
            "`kong config db_import` knows no workspaces, and no running node forgets its cache.",
            "Start the nodes after it, not before; expect what was cached at the export.",
            severity=Severity.WARNING,
        )

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Import; a second time it changes nothing, since every entity has its id."""
        _, runner = runner_of(self.cluster(adapters), self.node, self.id)
        argv = [*self.program, "config", "db_import", self.path]
        runner.run(argv, timeout_s=_TIMEOUT_S)
        return Done()

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """As many rows of each kind are there as were backed up; some, where nobody counted."""
        database = present(self.cluster(adapters).database, "database", self.id)
        kept = {table.id for table in state_files() if table.kind is not None}
        found = {t.name: t.rows for t in database.fingerprint().tables if t.name in kept}
        wanted = self._counted(adapters)
        lines = [
            f"{name}: {found.get(name, 0)} of {count}"
            for name, count in wanted.items()
            if name in kept and found.get(name, 0) < count
        ]
        if lines or not any(found.values()):
            yield self.obstacle(
                "kong-config-not-imported",
                "The import ended well, and the database does not hold what was backed up:"
                f" {'; '.join(lines) or 'it is empty'}.",
                "Is the node's database the one that this run looks at?",
            )

    def _counted(self, adapters: Adapters) -> dict[str, int]:
        """Rows of each table when the backup was made; nothing where its database was not."""
        if self.backup is None or adapters.backups is None:
            return {}
        held = adapters.backups.inspect(self.backup).fingerprint
        return {table.name: table.rows for table in held.tables} if held else {}
