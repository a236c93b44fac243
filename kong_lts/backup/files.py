"""Backing up the files of the nodes, which are in no database."""

from collections.abc import Iterator

import attrs

from kong_lts.errors import NodeFilesError
from kong_lts.events import FilesBackedUp, Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, present

__all__ = ["BackUpFiles"]


@attrs.frozen(kw_only=True)
class BackUpFiles(PlannedStep):
    """Copy the files of each node, which are in no database, with owner and mode.

    Source:
        guide, kong.conf backup: kong.conf, the prefix, and whatever else the deployment needs.
    """

    folder: str
    """A new folder; each node has one of its own in it."""
    nodes: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    """Their names."""
    paths: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    """On each node, absolute."""

    needs_of_side = ("files",)
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Back up {', '.join(self.paths)} of {len(self.nodes)} node(s) to {self.folder}"

    def run(self, adapters: Adapters, past: Past) -> FilesBackedUp:
        """Copy, node by node, and begin anew where an earlier attempt was interrupted."""
        files = present(self.cluster(adapters).files, "files", self.id)
        backups = present(adapters.backups, "backups", self.id)
        copies, left_out = {}, []
        for node in self.nodes:
            where = f"{self.folder}/{node}"
            backups.prepare(where)
            listing = files.fetch(node, self.paths, where)
            copies[node] = sum(file.sha256 is not None for file in listing.files)
            left_out += [f"{node}: {path}" for path in listing.left_out]
        return FilesBackedUp(folder=self.folder, copies=copies, left_out=tuple(left_out))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Each node has what was copied of it; a running node may have changed some files since."""
        files = present(self.cluster(adapters).files, "files", self.id)
        for node in self.nodes:
            try:
                changed = files.differing(node, f"{self.folder}/{node}")
            except NodeFilesError as exc:
                yield self.obstacle("files-not-backed-up", f"{exc}.", "Take this backup again.")
                continue
            if changed:
                yield self.obstacle(
                    "files-changed",
                    f"Files of node {node} have changed since they were copied: "
                    f"{', '.join(changed[:5])}.",
                    "See what writes them. Files that only a running node writes need no backup.",
                    severity=Severity.WARNING,
                )
