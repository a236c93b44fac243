"""The journal of a run, as one SQLite file."""

import contextlib
import fcntl
import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import attrs

from kong_lts.errors import FormatError, JournalError, LockHeldError
from kong_lts.events import Event, event_from_json, event_to_json

__all__ = ["SqliteJournal"]

_APPLICATION_ID = 0x4B4C5453
"""KLTS: tells a journal from any other SQLite file."""
_USER_VERSION = 1
_MAGIC = b"SQLite format 3\x00"
_TABLE = "CREATE TABLE event (number INTEGER PRIMARY KEY, json TEXT NOT NULL)"
_TIMEOUT_S = 10.0


@attrs.define
class SqliteJournal:
    """One row per event, each flushed to the disk before `append` returns.

    Nothing is opened or made before it is needed. From its first `append` on, this object alone may
    write the journal, until `close` or the end of the process; any process may read it meanwhile.
    """

    path: Path = attrs.field(converter=Path)
    """Of the file; it is made where it is not there."""
    _connection: sqlite3.Connection | None = attrs.field(default=None, init=False, repr=False)
    _lock: IO[bytes] | None = attrs.field(default=None, init=False, repr=False)

    def append(self, event: Event) -> None:
        doing = f"writing the journal {self.path}"
        with self._translated(doing):
            if self._connection is None:
                self._open(doing)
            connection = self._connection
            if connection is None:
                raise JournalError(doing, "it is closed")
            # In autocommit, with synchronous=FULL: durable when this returns.
            connection.execute("INSERT INTO event (json) VALUES (?)", (event_to_json(event),))

    def events(self) -> tuple[Event, ...]:
        doing = f"reading the journal {self.path}"
        with self._translated(doing):
            if self._connection is not None:
                return _read(self._connection, doing)
            if not self.path.exists() or self.path.stat().st_size == 0:
                return ()
            _refuse_no_database(self.path, doing)
            with contextlib.closing(_for_reading(self.path)) as connection:
                return _read(connection, doing) if _is_made(connection, doing) else ()

    def close(self) -> None:
        """Let another process write; a later `append` opens the journal again."""
        if self._connection is not None:
            self._connection.close()
        if self._lock is not None:
            self._lock.close()
        self._connection = self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _open(self, doing: str) -> None:
        self._lock = _take_lock(self.path)
        try:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                _sync_folder(self.path)
            _refuse_no_database(self.path, doing)
            self._connection = _for_writing(self.path, doing)
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise JournalError(doing, f"SQLite says: {exc}") from exc
        except OSError as exc:
            raise JournalError(doing, exc.strerror or str(exc)) from exc


def _take_lock(path: Path) -> IO[bytes]:
    """The file beside the journal that its writer holds; it stays, and says who was the last."""
    beside = path.with_name(f"{path.name}.lock")
    handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    lock = open(handle, "r+b", buffering=0)  # noqa: SIM115 - open for as long as it is held
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = lock.read(200).decode(errors="replace").strip()
        lock.close()
        raise LockHeldError(owner=owner or "another process", where=f"the journal {path}") from None
    except OSError:
        lock.close()
        raise
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    return lock


def _refuse_no_database(path: Path, doing: str) -> None:
    if not path.is_file():
        raise JournalError(doing, "it is no regular file")
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start and start != _MAGIC:
        raise JournalError(doing, "this file is no journal; name another one")


def _for_writing(path: Path, doing: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        made = _is_made(connection, doing)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if not made:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_USER_VERSION}")
            connection.execute(_TABLE)
            connection.execute("COMMIT")
        else:
            _refuse_damaged(connection, doing)
    except BaseException:
        connection.close()
        raise
    return connection


def _for_reading(path: Path) -> sqlite3.Connection:
    """Without a lock, beside whoever writes."""
    name = quote(os.fspath(path.absolute()))
    log = path.with_name(f"{path.name}-wal")
    # In a folder where nothing may be written, a file without a log can only be read as it is.
    alone = not log.exists() and not os.access(path.absolute().parent, os.W_OK)
    options = "mode=ro&immutable=1" if alone else "mode=ro"
    return sqlite3.connect(f"file:{name}?{options}", uri=True, timeout=_TIMEOUT_S)


def _is_made(connection: sqlite3.Connection, doing: str) -> bool:
    """Whether the tables are there; False for a file that was only begun."""
    connection.execute("BEGIN")  # one moment for all three: its writer may be making it just now
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    connection.execute("COMMIT")
    if not application and not tables:
        return False
    if application != _APPLICATION_ID:
        raise JournalError(doing, "this SQLite file is no journal; name another one")
    if version != _USER_VERSION:
        raise JournalError(
            doing, f"it is of version {version}, this library reads {_USER_VERSION}; update it"
        )
    return True


def _refuse_damaged(connection: sqlite3.Connection, doing: str) -> None:
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise JournalError(doing, f"it is damaged ({said}); restore it from a copy")


def _read(connection: sqlite3.Connection, doing: str) -> tuple[Event, ...]:
    _refuse_damaged(connection, doing)
    rows = connection.execute("SELECT number, json FROM event ORDER BY number").fetchall()
    if [number for number, _ in rows] != list(range(1, len(rows) + 1)):
        raise JournalError(doing, "events are missing from it; restore it from a copy")
    try:
        return tuple(event_from_json(text) for _, text in rows)
    except FormatError as exc:
        raise JournalError(doing, str(exc)) from exc


def _sync_folder(path: Path) -> None:
    handle = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
