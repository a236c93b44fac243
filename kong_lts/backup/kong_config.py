"""`kong config db_export`: the guide's other tool, for those who cannot run decK."""

from collections.abc import Iterator

import attrs

from kong_lts.errors import NodeFilesError
from kong_lts.events import FilesBackedUp, Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, present, runner_of

__all__ = ["ExportKongConfig"]

_TIMEOUT_S = 1800.0


@attrs.frozen(kw_only=True)
class ExportKongConfig(PlannedStep):
    """Have a node write all entities into a file, look that it takes it back, and copy it.

    Source:
        guide, Database backup, method 2: "Please use deck unless you are sure of the kong config
        CLI, otherwise you might get unexpected outcome"; measured: `db_export` into a folder that
        is not there ends with 0 and writes nothing.
    """

    folder: str
    """Where the copy goes."""
    path: str
    """Of the new file on the node."""
    program: tuple[str, ...] = ("kong",)
    """How kong is called on the node."""

    needs_of_side = ("nodes", "files")
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does, and that it is not the better way."""
        return f"Export the configuration with kong config to {self.folder}, which decK does better"

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nothing stands where the export goes: kong would not overwrite it, and it may be old."""
        node, _ = runner_of(self.cluster(adapters), self.node, self.id)
        if self._is_there(adapters, node):
            yield self.obstacle(
                "kong-config-in-the-way",
                f"{self.path} is on node {node} already, and will be taken for the export.",
                "Unless an earlier attempt of this run wrote it, move it away.",
                severity=Severity.WARNING,
            )

    def run(self, adapters: Adapters, past: Past) -> FilesBackedUp:
        """Export, unless the node has the file already, and copy it."""
        node, runner = runner_of(self.cluster(adapters), self.node, self.id)
        files = present(self.cluster(adapters).files, "files", self.id)
        if not self._is_there(adapters, node):
            runner.run([*self.program, "config", "db_export", self.path], timeout_s=_TIMEOUT_S)
        present(adapters.backups, "backups", self.id).prepare(self.folder)
        files.fetch(node, (self.path,), self.folder)
        return FilesBackedUp(folder=self.folder, copies={node: 1})

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The copy is there, and the release that wrote it would load it."""
        node, runner = runner_of(self.cluster(adapters), self.node, self.id)
        files = present(self.cluster(adapters).files, "files", self.id)
        try:
            changed = files.differing(node, self.folder)
        except NodeFilesError as exc:
            yield self.obstacle("kong-config-not-exported", f"{exc}.", "Take this backup again.")
            return
        if changed:
            yield self.obstacle(
                "kong-config-not-exported",
                f"{self.path} on node {node} is not what was copied.",
                "Take this backup again.",
            )
        parsed = runner.run(
            [*self.program, "config", "parse", self.path], timeout_s=_TIMEOUT_S, statuses=(0, 1)
        )
        if parsed.status != 0:
            yield self.obstacle(
                "kong-config-not-loadable",
                f"Node {node} does not take back what it exported: {_reason(parsed.stderr)}",
                "2.8 refuses its own export while it has a vault of the beta. Go back to the"
                " database backup instead.",
                severity=Severity.WARNING,
            )
        yield self.obstacle(
            "kong-config-is-no-deck",
            "`kong config` knows no workspaces, exports what is in the node's cache, and its import"
            " does not make running nodes forget theirs.",
            "Use it only where neither the database backup nor decK's files can be restored.",
            severity=Severity.INFO,
        )

    def _is_there(self, adapters: Adapters, node: str) -> bool:
        try:
            present(self.cluster(adapters).files, "files", self.id).digest(node, self.path)
        except NodeFilesError:
            return False
        return True


def _reason(stderr: str) -> str:
    """The first line that names a fault; the rest may repeat values of the configuration."""
    lines = [line.strip() for line in stderr.splitlines() if "rror" in line]
    return (lines or ["it gave no reason"])[0][:200]
