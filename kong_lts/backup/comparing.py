"""CompareDeclarative: decK's files of the backup, converted, beside the migrated cluster."""

from collections import Counter
from collections.abc import Iterator, Sequence

import attrs

from kong_lts.backup.declarative import read_state_dump
from kong_lts.backup.layout import BackupLayout
from kong_lts.declarative.convert import convert
from kong_lts.errors import AdapterError, BackupError, DeclarativeError, FormatError
from kong_lts.events import DeclarativeCompared, FileCompared, Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters, Backups, Deck
from kong_lts.state_files import DumpedFile
from kong_lts.step import PlannedStep, own_outcome, present
from kong_lts.versions import Edition

__all__ = ["CompareDeclarative"]

_MOST_NAMES = 5
_ACTION = (
    "Look at each on the new cluster: there the database's own migration counts. Sync nothing"
    " blindly: decK writes no basic-auth password back, and deletes what its file has not."
)


@attrs.frozen(kw_only=True)
class CompareDeclarative(PlannedStep):
    """Convert decK's files of the backup, and see by decK where the migrated cluster differs.

    It is a second opinion on the migration: what it finds is told, and stops nothing.

    Source:
        developer.konghq.com, LTS upgrade 2.8 to 3.4, "convert and diff"; measured with decK 1.55:
        `diff` alone ended with 0 where `validate` named entities that 3.4 refused, so both are run.
    """

    folder: str
    """The backup."""
    converted: str
    """A folder for the converted files, which are for their owner alone."""
    edition: Edition
    """Of both clusters."""

    needs_of_side = ("deck",)
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Compare decK's converted files with the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> DeclarativeCompared:
        """Convert and compare file by file; where that cannot be done, say why."""
        deck = present(self.cluster(adapters).deck, "deck", self.id)
        backups = present(adapters.backups, "backups", self.id)
        files: list[FileCompared] = []
        try:
            deck.ping()
            inside = BackupLayout("").state_dump.lstrip("/")
            for file in read_state_dump(backups.read(self.folder, inside), self.folder).files:
                files.append(self._compared(deck, backups, file))
        except (AdapterError, BackupError, DeclarativeError, FormatError) as exc:
            return DeclarativeCompared(files=tuple(files), not_compared=str(exc))
        return DeclarativeCompared(files=tuple(files))

    def _compared(self, deck: Deck, backups: Backups, file: DumpedFile) -> FileCompared:
        name = file.path.removeprefix(f"{self.folder}/")
        text = backups.read(self.folder, name)
        conversion = convert(text.encode("utf-8", "surrogateescape"), edition=self.edition)
        path = f"{self.converted}/{name.rpartition('/')[2]}"
        backups.prepare(path)
        backups.write(path, conversion.data.decode("utf-8", "surrogateescape"))
        ours = attrs.evolve(file, path=path)
        found = deck.diff(ours)
        changed = Counter(finding.rule for finding in conversion.applied)
        return FileCompared(
            path=path,
            changed_by_3_4=tuple(f"{count} x {rule}" for rule, count in sorted(changed.items())),
            only_in_file=found.created,
            different=found.updated,
            only_in_cluster=found.deleted,
            refused=(*found.errors, *deck.validate(ours, online=True)),
        )

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nothing that was found stops the run."""
        done = own_outcome(past, self.id, DeclarativeCompared)
        if done is None:
            yield self.obstacle("declarative-not-compared", "Nobody has compared them.", "Resume.")
            return
        for file in done.files:
            yield from self._said(file)
        if done.not_compared:
            yield self._told(
                "declarative-not-compared",
                f"decK's files could not all be compared: {done.not_compared.rstrip('.')}.",
                "Compare by hand (`deck gateway diff`), or rely on the tests that follow.",
            )

    def _said(self, file: FileCompared) -> Iterator[Finding]:
        if file.changed_by_3_4:
            yield self._told(
                "declarative-changed-by-migration",
                f"What 3.4's own migration changes is converted in {file.path} too, and no"
                f" difference: {', '.join(file.changed_by_3_4)}.",
                "Nothing; keep the converted file instead of the 2.8 one.",
                Severity.INFO,
            )
        parts = (
            ("only in the file", file.only_in_file),
            ("different", file.different),
            ("only in the cluster", file.only_in_cluster),
        )
        if found := [f"{len(names)} {what} ({_listed(names)})" for what, names in parts if names]:
            yield self._told(
                "declarative-differs-from-migration",
                f"The {self.side} cluster is not what {file.path} says: {'; '.join(found)}.",
                _ACTION,
            )
        if file.refused:
            yield self._told(
                "declarative-not-valid",
                f"3.4 would refuse {len(file.refused)} part(s) of {file.path}, the first:"
                f" {file.refused[0].rstrip('.')}.",
                "Mend the file before it is ever synced; the cluster has what the migration made.",
            )

    def _told(
        self, rule: str, message: str, action: str, severity: Severity = Severity.WARNING
    ) -> Finding:
        return self.obstacle(rule, message, action, severity=severity)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
