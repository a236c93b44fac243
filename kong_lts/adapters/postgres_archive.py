"""Database backups: `pg_dump` and `pg_restore`, with a manifest of the very rows dumped."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import attrs

from kong_lts.adapters.local_process import LocalProcessRunner
from kong_lts.adapters.postgres_address import APPLICATION, Connection, PostgresAddress
from kong_lts.adapters.postgres_backup_folder import (
    DUMP,
    Unfinished,
    prove,
    records,
    remove_left_overs,
    seal,
    unfinished,
)
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
from kong_lts.adapters.postgres_swap import make_beside, refuse_other_applications, swap
from kong_lts.adapters.postgres_tools import PostgresTools, find_tools, tool_words
from kong_lts.adapters.postgres_write_guard import FUNCTION, TRIGGER
from kong_lts.database import Fingerprint
from kong_lts.errors import ArchiveError, BackupError, ProcessFailedError, ProcessNotRunError
from kong_lts.events import BackedUp
from kong_lts.manifest import Manifest

__all__ = ["PostgresArchive"]

_DAY_S = 86_400.0
_RESTORING = f"{APPLICATION} restore"
_COMPRESSION = 1
"""Of gzip: four fifths of what its default saves, at a third of the time."""
_LEFT_OUT = (
    # What stops writes belongs to a run, not to the configuration. Owners stand at the end.
    re.compile(rf"\d+; \d+ \d+ TRIGGER .* {TRIGGER}( \S*)?$"),
    re.compile(rf"\d+; \d+ \d+ (FUNCTION \S+|(ACL|COMMENT) \S+ FUNCTION) {FUNCTION}\(\)"),
    # Every new database has these, and only a superuser may make or describe them.
    re.compile(r"\d+; \d+ \d+ (SCHEMA - public|COMMENT - SCHEMA public|ACL - SCHEMA public) "),
    re.compile(r"\d+; \d+ \d+ (EXTENSION - plpgsql|COMMENT - EXTENSION plpgsql) "),
)
"""Lines of `pg_restore --list` that are not restored."""
_CANNOT_RESTORE = (
    "roles, tablespaces and settings of the server or of the database: they are not in a dump",
    "owners and privileges: what is restored belongs to the role that restores it",
    "triggers that stop writes to the configuration: they are left out on purpose",
    "files of the nodes: kong.conf, certificates, custom plugins",
)
_KEYRING = "the keys of the keyring: without their own backup no encrypted value can be read"


@attrs.frozen
class PostgresArchive:
    """Dumps of one database in the directory format.

    A dump holds owners and privileges as they are, and everything else of the one database; a
    restore leaves owners and privileges out, since the roles may not exist on the new side, so
    everything belongs to the role in the URL, which is to be Kong's own.

    Args:
        address: Of the database that is backed up, or restored into.
        bin_dir: Where PostgreSQL's programs are looked for first.
        jobs: How many tables are dumped at a time.
        timeout_s: Seconds that a dump or a restore may take.
    """

    address: PostgresAddress
    bin_dir: str | None = attrs.field(default=None, kw_only=True)
    jobs: int = attrs.field(default=2, kw_only=True)
    timeout_s: float = attrs.field(default=_DAY_S, kw_only=True)

    @classmethod
    def at(cls, url: str, *, bin_dir: str | None = None) -> "PostgresArchive":
        """The archive of the database at a URL, or at the one that a reference names."""
        return cls(PostgresAddress(url), bin_dir=bin_dir)

    def back_up(self, folder: str) -> BackedUp:
        target, doing = Path(folder), f"backing up the database to {folder}"
        if os.path.lexists(target):
            return self._taken_before(target)
        with _files(doing), unfinished(target) as work:
            manifest = self._dump(work, doing)
            seal(work, manifest, target)
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
            tools = self._tools_for(server_version(connection), manifest, doing)
        with _files(doing):
            self._pg_restore(tools, Path(folder) / DUMP, doing)
        with self.address.look(doing, ArchiveError) as connection:
            return read_fingerprint(connection, manifest.created_at)

    def replace(self, folder: str, keep_as: str) -> Fingerprint:
        doing = f"putting the backup {folder} in the place of the database"
        manifest = self._prove(Path(folder))
        name = self.address.name(doing, ArchiveError)
        with self.address.look(doing, ArchiveError) as connection:
            found = read_fingerprint(connection, manifest.created_at)
            if found == manifest.fingerprint:
                return found
            refuse_other_applications(connection, doing)
        with self.address.server(doing, ArchiveError) as server:
            beside = make_beside(server, name)
            restored = attrs.evolve(
                self, address=attrs.evolve(self.address, database=beside)
            ).restore(folder)
            if restored != manifest.fingerprint:
                raise ArchiveError(doing, f"the restored {beside} is not what was backed up")
            swap(server, name, beside, keep_as, doing)
        return restored

    def _taken_before(self, target: Path) -> BackedUp:
        """A backup that stands there, if it is one of what the database holds now."""
        folder = str(target)
        manifest = self._prove(target)
        remove_left_overs(target)
        doing = f"comparing the backup {folder} with the database"
        with self.address.look(doing, ArchiveError) as connection:
            same = identity(connection) == manifest.identity
            if (
                not same
                or read_fingerprint(connection, manifest.created_at) != manifest.fingerprint
            ):
                what = "another state of this database" if same else "another database"
                raise BackupError(folder, f"holds {what} and is not overwritten; name a new folder")
        return _backed_up(folder, manifest)

    def _dump(self, work: Unfinished, doing: str) -> Manifest:
        with self.address.look(doing, ArchiveError) as connection:
            tools = self._tools(major_version(server_version(connection)), doing)
            fingerprint = self._pg_dump(connection, tools, work, doing)
            schema = schema_name(connection)
            keyring = any(t.startswith("keyring_") for t in table_names(connection, schema))
            return Manifest(
                created_at=moment_of(connection),
                database=connection.info.dbname,
                schema=schema,
                identity=identity(connection),
                server_version=server_version(connection),
                tool_version=tools.version,
                schema_meta=read_schema_meta(connection),
                fingerprint=fingerprint,
                files=records(work.path),
                cannot_restore=(*_CANNOT_RESTORE, *([_KEYRING] if keyring else ())),
            )

    def _pg_dump(
        self, connection: Connection, tools: PostgresTools, work: Unfinished, doing: str
    ) -> Fingerprint:
        """Dump while the fingerprint is taken, both of the same snapshot."""
        row = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        dbname, environ = self.address.for_child(
            doing, ArchiveError, options="-c default_transaction_read_only=on"
        )
        argv = [
            tools.path("pg_dump"),
            "--format=directory",
            f"--jobs={self.jobs}",
            f"--compress={_COMPRESSION}",
            f"--snapshot={row[0]}",
            f"--file={work.path / DUMP}",
            "--lock-wait-timeout=60000",
            "--no-password",
            "--no-sync",  # done with the hashes
            f"--dbname={dbname}",
        ]
        with ThreadPoolExecutor(max_workers=1) as pool:
            fingerprint: Future[Fingerprint] = pool.submit(read_fingerprint, connection)
            try:
                self._run(argv, environ, doing, work.lock)
            except BaseException:
                connection.cancel_safe(timeout=10.0)
                raise
            return fingerprint.result()

    def _prove(self, folder: Path) -> Manifest:
        """Hashes, then the list that `pg_restore` makes of the dump."""
        manifest = prove(folder)
        doing = f"listing the dump in {folder}"
        tools = self._tools(major_version(manifest.server_version), doing)
        with _files(doing), tempfile.TemporaryDirectory() as scratch:
            try:
                entries = self._list(tools, folder / DUMP, Path(scratch, "list"), doing)
            except ArchiveError as exc:
                raise BackupError(str(folder), f"its dump cannot be listed: {exc.reason}") from exc
        if not any(" TABLE DATA " in entry for entry in entries):
            raise BackupError(str(folder), "there is no table in its dump")
        return manifest

    def _pg_restore(self, tools: PostgresTools, dump: Path, doing: str) -> None:
        """All or nothing: one transaction, so that a database is never half restored."""
        dbname, environ = self.address.for_child(doing, ArchiveError)
        with tempfile.TemporaryDirectory() as scratch:
            wanted = Path(scratch, "list")
            entries = self._list(tools, dump, wanted, doing)
            kept = [e for e in entries if not any(p.match(e) for p in _LEFT_OUT)]
            wanted.write_text("".join(kept), encoding="utf-8", errors="surrogateescape")
            argv = [
                tools.path("pg_restore"),
                "--single-transaction",
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                "--no-password",
                f"--use-list={wanted}",
                f"--dbname={dbname}",
                str(dump),
            ]
            self._run(argv, {**environ, "PGAPPNAME": _RESTORING}, doing)

    def _list(self, tools: PostgresTools, dump: Path, path: Path, doing: str) -> list[str]:
        """The lines of `pg_restore --list`, each with its end."""
        argv = [tools.path("pg_restore"), "--list", f"--file={path}", str(dump)]
        self._run(argv, dict(self.address.environ), doing)
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        return text.splitlines(keepends=True)

    def _run(
        self, argv: Sequence[str], environ: dict[str, str], doing: str, lock: int | None = None
    ) -> None:
        secrets = self.address.secrets()
        held = () if lock is None else (lock,)
        runner = LocalProcessRunner(environ=environ, secrets=secrets, pass_fds=held)
        try:
            runner.run(argv, timeout_s=self.timeout_s)
        except ProcessFailedError as exc:  # what it said may hold rows
            raise ArchiveError(doing, tool_words(exc.reason, secrets)) from None
        except ProcessNotRunError as exc:
            raise ArchiveError(doing, str(exc)) from None

    def _tools(self, major: str, doing: str) -> PostgresTools:
        return find_tools(major, doing, bin_dir=self.bin_dir, environ=self.address.environ)

    def _tools_for(self, server: str, manifest: Manifest, doing: str) -> PostgresTools:
        """Of the server that is restored into, which may be newer than the dump but not older."""
        here, there = major_version(server), major_version(manifest.server_version)
        if _numbers(here) < _numbers(there):
            raise ArchiveError(doing, f"it is of PostgreSQL {there}, and this server is {server}")
        return self._tools(here, doing)


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
    row = connection.execute(query, [_RESTORING]).fetchone()
    if row and row[0]:
        raise ArchiveError(doing, "another restore into this database is under way; wait for it")


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
