"""Manifests: what a backup holds, and what it cannot bring back."""

from collections.abc import Mapping
from enum import StrEnum

import attrs

from kong_lts.database import Fingerprint, SchemaMeta
from kong_lts.serialization import Form, json_schema

__all__ = [
    "BackupManifest",
    "BackupMethod",
    "DumpFormat",
    "FileListing",
    "FileRecord",
    "Manifest",
    "NodeFile",
]


class BackupMethod(StrEnum):
    """The guide's kinds of backup."""

    DATABASE = "database"
    DECLARATIVE = "declarative"
    KEYRING = "keyring"
    LICENCE = "licence"
    FILES = "files"


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
    """Of the file."""
    sha256: str
    """In hexadecimal."""


@attrs.frozen(kw_only=True)
class Manifest:
    """What stands in `manifest.json` of a database backup."""

    created_at: str
    """ISO 8601, UTC; the moment whose rows it holds is no earlier."""
    database: str
    """Its name."""
    schema: str
    """Where Kong's tables are in it."""
    identity: str
    """Of the database, as `DatabaseFacts.identity`."""
    server_version: str
    """Of PostgreSQL, as in "15.4"."""
    tool_version: str
    """Of the `pg_dump` that wrote it."""
    schema_meta: tuple[SchemaMeta, ...]
    """How far its migrations were."""
    fingerprint: Fingerprint
    """Of the very rows that were dumped."""
    files: tuple[FileRecord, ...]
    """Every file of the dump."""
    dump_format: DumpFormat = DumpFormat.DIRECTORY
    """How it was dumped."""
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


@attrs.frozen(kw_only=True)
class BackupManifest:
    """What stands in `manifest.json` of a whole backup: every kind of it in one folder.

    The database backup is a folder in it with a manifest of its own.
    """

    created_at: str
    """ISO 8601, UTC."""
    made_by: str = ""
    """User, host and process."""
    deployment: str = ""
    """Its name."""
    methods: tuple[BackupMethod, ...]
    """The kinds of backup in the folder."""
    by_hand: tuple[str, ...] = ()
    """What people say that they have put elsewhere."""
    server_version: str | None = None
    """Of PostgreSQL."""
    tool_versions: tuple[str, ...] = ()
    """As in "pg_dump 15.6"; of decK and of Kong too, where decK has dumped."""
    schema_state: str | None = None
    """Of the database that was dumped."""
    fingerprint: Fingerprint | None = None
    """Of the very rows that were dumped."""
    entities: Mapping[str, int] = attrs.Factory(dict)
    """How many of each kind are in the declarative backup."""
    keyring_ids: tuple[str, ...] = ()
    """Of the keys in the keyring's export; no key."""
    keyring_active: str | None = None
    """Id of the one that new values were encrypted with."""
    files: tuple[FileRecord, ...] = ()
    """Every file of the backup."""
    cannot_restore: tuple[str, ...] = ()
    """What this backup does not hold, or does not give back."""

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.files)

    def to_json(self) -> str:
        """The manifest as JSON, with `format_version`."""
        return _BACKUP_FORM.to_json(self)

    @classmethod
    def from_json(cls, text: str, *, path: str | None = None) -> "BackupManifest":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        return _BACKUP_FORM.from_json(text, path=path)

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """JSON Schema of `to_json`."""
        return json_schema(cls, title="kong_lts backup")


_BACKUP_FORM = Form(BackupManifest, "backup manifest")


@attrs.frozen(kw_only=True)
class NodeFile:
    """A file, folder or link of a node, as it was there."""

    path: str
    """On the node, absolute."""
    mode: int
    """Permission bits."""
    owner: str
    """Name of the user."""
    group: str
    """Name of the group."""
    sha256: str | None = None
    """Of a file's content; None for folders and links."""
    target: str | None = None
    """Of a link."""


@attrs.frozen(kw_only=True)
class FileListing:
    """What stands in `files.json` beside the copies of one node's files."""

    node: str
    """Its name."""
    files: tuple[NodeFile, ...]
    """What was copied of it."""
    left_out: tuple[str, ...] = ()
    """What was not copied: sockets, logs and process ids."""

    def to_json(self) -> str:
        """The listing as JSON, with `format_version`."""
        return _LISTING_FORM.to_json(self)

    @classmethod
    def from_json(cls, text: str, *, path: str | None = None) -> "FileListing":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        return _LISTING_FORM.from_json(text, path=path)


_LISTING_FORM = Form(FileListing, "listing of files")
