"""What the database holds, and decK's files do not, or do not bring back."""

from collections.abc import Iterator

import attrs

from kong_lts import catalog
from kong_lts.database import Fingerprint
from kong_lts.state_files import StateDump

__all__ = ["StateGap", "state_gaps"]

_DERIVED = frozenset({"schema_meta", "tags", "workspaces", "workspace_entities"})
"""Written by Kong itself, from what the files hold."""


@attrs.frozen(kw_only=True)
class StateGap:
    """Rows of one table that a sync of decK's files would not bring back."""

    table: str
    rows: int
    """In the database."""
    dumped: int
    """Of these, how many the files hold."""
    note: str = ""

    @property
    def text(self) -> str:
        """One sentence, and what to do where that is known."""
        held = f"{self.rows} in the database, {self.dumped or 'none'} in decK's files"
        return f"{self.table}: {held}. {self.note}".strip()


def state_gaps(fingerprint: Fingerprint, dump: StateDump) -> tuple[StateGap, ...]:
    """Hold a dump against the database that it was made of.

    Args:
        fingerprint: Of the database, at the time of the dump.
        dump: All files of it.

    Returns:
        Every table of which something is missing, or comes back useless.
    """
    return tuple(_gaps(fingerprint, dump))


def _gaps(fingerprint: Fingerprint, dump: StateDump) -> Iterator[StateGap]:
    known = {row.id: row for row in catalog.state_files()}
    for table in sorted(fingerprint.tables, key=lambda table: table.name):
        if table.name in _DERIVED or not table.rows:
            continue
        row = known.get(table.name)
        if row is None:
            note = "Nobody knows whether decK writes this table: look for it in the files."
            yield StateGap(table=table.name, rows=table.rows, dumped=0, note=note)
            continue
        dumped = dump.entities.get(row.kind, 0) if row.kind is not None else 0
        if dumped < table.rows or not row.restores:
            yield StateGap(table=table.name, rows=table.rows, dumped=dumped, note=row.note)
