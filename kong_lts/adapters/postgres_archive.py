"""Database backups: dumps with a manifest of the very rows dumped, and their restore."""

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import attrs
from attrs.validators import ge, le

from kong_lts.adapters.postgres_address import Connection, PostgresAddress
from kong_lts.adapters.postgres_facts import (
    identity,
    major_version,
    moment_of,
    read_fingerprint,
    read_schema_meta,
    schema_name,
    server_version,
    table_names,
)
from kong_lts.adapters.postgres_programs import RESTORING, PostgresPrograms
from kong_lts.adapters.postgres_replace import replace_database, replace_schema
from kong_lts.adapters.postgres_swap import drop_beside, make_beside, other_schemas
from kong_lts.adapters.postgres_tools import find_tools
from kong_lts.adapters.sealed_folder import (
    Unfinished,
    prove,
    records,
    remove_left_overs,
    seal,
    sealed_text,
    unfinished,
)
from kong_lts.catalog import migrations
from kong_lts.database import Fingerprint, differences
from kong_lts.errors import ArchiveError, BackupError, FormatError
from kong_lts.events import BackedUp
from kong_lts.manifest import DumpFormat, Manifest

__all__ = ["PostgresArchive"]

_DAY_S = 86_400.0
_CANNOT_RESTORE = (
    "roles, tablespaces and settings of the server or of the database: they are not in a dump",
    "owners and privileges: what is restored belongs to the role that restores it",
    "triggers that stop writes to the configuration: they are left out on purpose",
    "files of the nodes: kong.conf, certificates, custom plugins",
)
_KEYRING = "the keys of the keyring: without their own backup no encrypted value can be read"
_OTHERS = "tables of other applications in the same database, in {}: they are left out on purpose"


@attrs.frozen
class PostgresArchive:
    """Dumps of one database; where it hosts other applications, only what is outside their schemas.

    A dump holds owners and privileges as they are, but for a plain one; a restore leaves them out,
    since the roles may not exist on the new side, so everything belongs to the role in the URL,
    which is to be Kong's own.

    Args:
        address: Of the database that is backed up, or restored into.
        bin_dir: Where PostgreSQL's programs are looked for first.
        jobs: How many tables are dumped at a time, in the directory format.
        compression: Level of gzip there, 0 to 9. The first saves four fifths of what `pg_dump`'s
            own sixth does, in a third of the time.
        timeout_s: Seconds that a dump or a restore may take.
        dump_format: Of new backups; every format is restored.
    """

    address: PostgresAddress
    bin_dir: str | None = attrs.field(default=None, kw_only=True)
    jobs: int = attrs.field(default=2, kw_only=True)
    compression: int = attrs.field(default=1, kw_only=True, validator=[ge(0), le(9)])
    timeout_s: float = attrs.field(default=_DAY_S, kw_only=True)
    dump_format: DumpFormat = attrs.field(
        default=DumpFormat.DIRECTORY, converter=DumpFormat, kw_only=True
    )

    @classmethod
    def at(
        cls,
        url: str,
        *,
        bin_dir: str | None = None,
        dump_format: DumpFormat | str = DumpFormat.DIRECTORY,
    ) -> "PostgresArchive":
        """The archive of the database at a URL, or at the one that a reference names."""
        return cls(PostgresAddress(url), bin_dir=bin_dir, dump_format=dump_format)

    def back_up(self, folder: str) -> BackedUp:
        target, doing = Path(folder), f"backing up the database to {folder}"
        if os.path.lexists(target):
            return self._taken_before(target)
        with _files(doing), unfinished(target) as work:
            manifest = self._dump(work, doing)
            seal(work.path, manifest.to_json(), target)
        return _backed_up(folder, manifest)

    def inspect(self, folder: str) -> BackedUp:
        return _backed_up(folder, self._prove(Path(folder)))

    def restore(self, folder: str) -> Fingerprint:
        doing = f"restoring the backup {folder}"
        manifest = self._prove(Path(folder))
        with self.address.look(doing, ArchiveError) as connection:
            schema = schema_name(connection)
            if tables := table_names(connection, schema):
                return _already_there(connection, manifest, doing, len(tables))
            _refuse_a_second(connection, doing)
            programs = self._programs_for(server_version(connection), manifest, doing)
        with _files(doing):
            dump = Path(folder) / manifest.dump_format.path
            programs.restore(dump, manifest.dump_format, manifest.schema)
        with self.address.look(doing, ArchiveError) as connection:
            return read_fingerprint(connection, manifest.created_at)

    def rehearse(self, folder: str) -> Fingerprint:
        doing = f"rehearsing the restore of {folder}"
        manifest = self._prove(Path(folder))
        name = self.address.name(doing, ArchiveError)
        with self.address.server(doing, ArchiveError) as server:
            scratch = make_beside(server, name, "rehearsal of")
            try:
                found = self._into(scratch).restore(folder)
            finally:
                drop_beside(server, scratch)
        if lines := differences(manifest.fingerprint, found):
            raise BackupError(folder, f"what it restores is not what was dumped: {lines[0]}")
        return found

    def replace(self, folder: str, keep_as: str, over: str | None = None) -> Fingerprint:
        doing = f"putting the backup {folder} in the place of the database"
        manifest = self._prove(Path(folder))
        with self.address.look(doing, ArchiveError) as connection:
            found = read_fingerprint(connection, manifest.created_at)
            if found == manifest.fingerprint:
                return found
            _refuse_another(connection, manifest, over, folder)
            shared = bool(other_schemas(connection, schema_name(connection)))
            programs = self._programs_for(server_version(connection), manifest, doing)
        dump = Path(folder) / manifest.dump_format.path
        with _files(doing):
            if shared:
                replace_schema(programs, dump, manifest, keep_as)
            else:
                restore = lambda beside: self._into(beside).restore(folder)  # noqa: E731 - one call
                replace_database(self.address, restore, manifest, keep_as, doing)
        with self.address.look(doing, ArchiveError) as connection:
            return read_fingerprint(connection, manifest.created_at)

    def _into(self, database: str) -> "PostgresArchive":
        """The archive of another database on the same server."""
        return attrs.evolve(self, address=attrs.evolve(self.address, database=database))

    def _taken_before(self, target: Path) -> BackedUp:
        """A backup that stands there, if it is one of what the database holds now."""
        folder = str(target)
        manifest = self._prove(target)
        remove_left_overs(target)
        doing = f"comparing the backup {folder} with the database"
        with self.address.look(doing, ArchiveError) as connection:
            same = identity(connection) == manifest.identity
            now = read_fingerprint(connection, manifest.created_at)
            nodes = migrations().node_tables  # which no admin write is needed to change
            if not same or differences(manifest.fingerprint, now, but_for=nodes):
                what = "another state of this database" if same else "another database"
                raise BackupError(folder, f"holds {what} and is not overwritten; name a new folder")
        return _backed_up(folder, manifest)

    def _dump(self, work: Unfinished, doing: str) -> Manifest:
        with self.address.look(doing, ArchiveError) as connection:
            programs = self._programs(major_version(server_version(connection)), doing)
            schema = schema_name(connection)
            others = other_schemas(connection, schema)
            fingerprint = self._pg_dump(connection, programs, others, work)
            keyring = any(t.startswith("keyring_") for t in table_names(connection, schema))
            return Manifest(
                created_at=moment_of(connection),
                database=connection.info.dbname,
                schema=schema,
                identity=identity(connection),
                server_version=server_version(connection),
                tool_version=programs.tools.version,
                schema_meta=read_schema_meta(connection),
                fingerprint=fingerprint,
                files=records(work.path),
                dump_format=self.dump_format,
                other_schemas=others,
                cannot_restore=(
                    *_CANNOT_RESTORE,
                    *([_KEYRING] if keyring else ()),
                    *([_OTHERS.format(", ".join(others))] if others else ()),
                ),
            )

    def _pg_dump(
        self,
        connection: Connection,
        programs: PostgresPrograms,
        others: tuple[str, ...],
        work: Unfinished,
    ) -> Fingerprint:
        """Dump while the fingerprint is taken, both of the same snapshot."""
        row = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        with ThreadPoolExecutor(max_workers=1) as pool:
            fingerprint: Future[Fingerprint] = pool.submit(read_fingerprint, connection)
            try:
                programs.dump(
                    work.path / self.dump_format.path,
                    dump_format=self.dump_format,
                    jobs=self.jobs,
                    compression=self.compression,
                    snapshot=str(row[0]),
                    schemas_left_out=others,
                    lock=work.lock,
                )
            except BaseException:
                connection.cancel_safe(timeout=10.0)
                raise
            return fingerprint.result()

    def _prove(self, folder: Path) -> Manifest:
        """Hashes, then the list that `pg_restore` makes of the dump."""
        manifest = _manifest(folder)
        prove(folder, manifest.files)
        doing = f"listing the dump in {folder}"
        programs = self._programs(major_version(manifest.server_version), doing)
        with _files(doing):
            try:
                dump = folder / manifest.dump_format.path
                listed = programs.holds_tables(dump, manifest.dump_format)
            except ArchiveError as exc:
                raise BackupError(str(folder), f"its dump cannot be listed: {exc.reason}") from exc
        if not listed:
            raise BackupError(str(folder), "its dump is cut off, or there is no table in it")
        return manifest

    def _programs(self, major: str, doing: str) -> PostgresPrograms:
        tools = find_tools(major, doing, bin_dir=self.bin_dir, environ=self.address.environ)
        return PostgresPrograms(
            address=self.address, tools=tools, timeout_s=self.timeout_s, doing=doing
        )

    def _programs_for(self, server: str, manifest: Manifest, doing: str) -> PostgresPrograms:
        """Of the server that is restored into, which may be newer than the dump but not older."""
        here, there = major_version(server), major_version(manifest.server_version)
        if _numbers(here) < _numbers(there):
            raise ArchiveError(doing, f"it is of PostgreSQL {there}, and this server is {server}")
        return self._programs(here, doing)


def _manifest(folder: Path) -> Manifest:
    text = sealed_text(folder)
    try:
        return Manifest.from_json(text, path=str(folder / "manifest.json"))
    except FormatError as exc:
        raise BackupError(str(folder), f"its manifest cannot be read: {exc}") from exc


def _already_there(
    connection: Connection, manifest: Manifest, doing: str, tables: int
) -> Fingerprint:
    found = read_fingerprint(connection, manifest.created_at)
    if found != manifest.fingerprint:
        raise ArchiveError(
            doing, f"database {connection.info.dbname} is not empty: it holds {tables} tables"
        )
    return found


def _refuse_a_second(connection: Connection, doing: str) -> None:
    """The `pg_restore` of a process that was killed goes on without it."""
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = %s
    """
    row = connection.execute(query, [RESTORING]).fetchone()
    if row and row[0]:
        raise ArchiveError(doing, "another restore into this database is under way; wait for it")


def _refuse_another(
    connection: Connection, manifest: Manifest, over: str | None, folder: str
) -> None:
    """A backup goes back to the database that it was taken of, or to one that is named."""
    name = connection.info.dbname
    if identity(connection) != manifest.identity and over != name:
        raise BackupError(
            folder,
            f"was taken of another database, {manifest.database} ({manifest.identity}), than this"
            f" {name} ({identity(connection)}). Is the URL right? If it is meant, say so by name:"
            f" over={name!r}",
        )


def _backed_up(folder: str, manifest: Manifest) -> BackedUp:
    return BackedUp(
        folder=folder,
        fingerprint=manifest.fingerprint,
        size_bytes=manifest.size_bytes,
        server_version=manifest.server_version,
        tool_version=manifest.tool_version,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@contextlib.contextmanager
def _files(doing: str) -> Iterator[None]:
    """What the file system raises becomes our error."""
    try:
        yield
    except OSError as exc:
        where = f": {exc.filename}" if exc.filename else ""
        raise ArchiveError(doing, f"{exc.strerror or exc}{where}") from exc
