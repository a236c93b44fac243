"""Copying the static files of the nodes back."""

from collections.abc import Iterator

import attrs

from kong_lts.events import Done, Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, Reversibility, present

__all__ = ["FilesPoint", "RestoreFiles"]


@attrs.frozen(kw_only=True)
class _FilesStep(PlannedStep):
    folder: str
    """With a folder for each node."""
    nodes: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    """Their names."""

    needs_of_side = ("files",)

    def _differing(self, adapters: Adapters) -> Iterator[tuple[str, tuple[str, ...]]]:
        files = present(self.cluster(adapters).files, "files", self.id)
        for node in self.nodes:
            if paths := files.differing(node, f"{self.folder}/{node}"):
                yield node, paths


@attrs.frozen(kw_only=True)
class FilesPoint(_FilesStep):
    """Look at the files of the nodes before others take their place; the way back restores them.

    Source:
        guide, Troubleshooting: "To restore these static files, just copy and paste".
    """

    @property
    def title(self) -> str:
        """What it does."""
        return f"Compare the files of the {self.side} cluster with their backup {self.folder}"

    @property
    def reversibility(self) -> Reversibility:
        """Whatever takes their place is put right again."""
        return Reversibility.COMPENSATED

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Look."""
        found = [f"{node}: {', '.join(paths)}" for node, paths in self._differing(adapters)]
        return Done(note=f"changed since: {'; '.join(found)}" if found else "")

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """What has changed since the backup is what the way back would undo."""
        for node, paths in self._differing(adapters):
            yield self.obstacle(
                "files-changed",
                f"Files of node {node} are not as they were backed up: {', '.join(paths[:5])}.",
                "The way back would bring the backed-up ones.",
                severity=Severity.WARNING,
            )

    def undo(self, past: Past) -> "RestoreFiles":
        """Copy them back."""
        return RestoreFiles(
            id=f"undo-{self.id}",
            guide=self.guide,
            side=self.side,
            folder=self.folder,
            nodes=self.nodes,
        )


@attrs.frozen(kw_only=True)
class RestoreFiles(_FilesStep):
    """Copy the static files of each node back, with owner and mode; other files stay.

    Source:
        guide, kong.conf backup: "To restore these static files, just copy and paste".
    """

    @property
    def title(self) -> str:
        """What it does."""
        return f"Copy the files of the {self.side} cluster back from {self.folder}"

    @property
    def reversibility(self) -> Reversibility:
        """What it replaces is what the upgrade put there."""
        return Reversibility.RESTORE

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Copy what is not as it was."""
        files = present(self.cluster(adapters).files, "files", self.id)
        put = {node: files.put_back(node, f"{self.folder}/{node}") for node in self.nodes}
        return Done(note="; ".join(f"{n}: {', '.join(paths)}" for n, paths in put.items() if paths))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every one is as it was backed up."""
        for node, paths in self._differing(adapters):
            yield self.obstacle(
                "files-not-restored",
                f"Files of node {node} are not as they were backed up: {', '.join(paths[:5])}.",
                "See what writes them; is the node stopped?",
            )
