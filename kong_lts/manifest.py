"""Manifest: what a database backup holds, and what it cannot bring back."""

from enum import StrEnum

import attrs

from kong_lts.database import Fingerprint, SchemaMeta
from kong_lts.serialization import Form, json_schema

__all__ = ["DumpFormat", "FileRecord", "Manifest"]


class DumpFormat(StrEnum):
    """The guide's formats of a database dump."""

    DIRECTORY = "directory"
    """Compressed, and dumped by several jobs at once."""
    TAR = "tar"
    """One file, not compressed."""
    PLAIN = "plain"
    """One file of SQL, which `psql` restores."""

    @property
    def path(self) -> str:
        """Where the dump is in a backup."""
        return {"directory": "dump", "tar": "dump.tar", "plain": "dump.sql"}[self]


@attrs.frozen(kw_only=True)
class FileRecord:
    """One file of a backup."""

    path: str
    """Relative to the backup's folder."""
    size_bytes: int
    sha256: str


@attrs.frozen(kw_only=True)
class Manifest:
    """What stands in `manifest.json` of a database backup."""

    created_at: str
    """ISO 8601, UTC; the moment whose rows it holds is no earlier."""
    database: str
    schema: str
    """Where Kong's tables are in it."""
    identity: str
    """Of the database, as `DatabaseFacts.identity`."""
    server_version: str
    tool_version: str
    """Of the `pg_dump` that wrote it."""
    schema_meta: tuple[SchemaMeta, ...]
    fingerprint: Fingerprint
    """Of the very rows that were dumped."""
    files: tuple[FileRecord, ...]
    dump_format: DumpFormat = DumpFormat.DIRECTORY
    other_schemas: tuple[str, ...] = ()
    """Of other applications in the same database; they are not in the dump."""
    cannot_restore: tuple[str, ...] = ()
    """What this backup does not hold, or does not give back."""

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.files)

    def to_json(self) -> str:
        """The manifest as JSON, with `format_version`."""
        return _FORM.to_json(self)

    @classmethod
    def from_json(cls, text: str, *, path: str | None = None) -> "Manifest":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        return _FORM.from_json(text, path=path)

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """JSON Schema of `to_json`."""
        return json_schema(cls, title="kong_lts database backup")


_FORM = Form(Manifest, "backup manifest")
