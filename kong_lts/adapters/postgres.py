"""The PostgreSQL database of one cluster: its facts, its fingerprint, its making and its lock."""

import hashlib

import attrs
import psycopg
from psycopg import sql

from kong_lts.adapters.postgres_address import APPLICATION, Connection, PostgresAddress
from kong_lts.adapters.postgres_facts import read_facts, read_fingerprint, schema_name, table_names
from kong_lts.database import DatabaseFacts, Fingerprint
from kong_lts.errors import DatabaseError, LockHeldError

__all__ = ["PostgresDatabase"]

_MARK = "kong_lts: made by {}"
_NAME_BYTES = 63
"""As long as PostgreSQL lets a name be."""


@attrs.define
class PostgresDatabase:
    """One database; the URL, or a reference to it, is in `address`.

    The schema is the one that unqualified names mean: `options` of the URL may set `search_path`.
    """

    address: PostgresAddress
    """Where the database is."""
    _lock: Connection | None = attrs.field(default=None, init=False, repr=False, eq=False)

    @classmethod
    def at(cls, url: str) -> "PostgresDatabase":
        """The database at a URL, or at the one that a reference names."""
        return cls(PostgresAddress(url))

    def facts(self) -> DatabaseFacts:
        with self.address.look("reading the facts of the database", DatabaseError) as connection:
            return read_facts(connection)

    def fingerprint(self, at: str | None = None) -> Fingerprint:
        doing = "taking the fingerprint of the database"
        with self.address.look(doing, DatabaseError) as connection:
            return read_fingerprint(connection, at)

    def create(self, owner: str) -> None:
        name = self.address.name("creating the database", DatabaseError)
        doing = f"creating the database {name}"
        with self.address.server(doing, DatabaseError) as server:
            if _oid(server, name) is None:
                _make(server, name, owner)
            elif (found := _mark(server, name)) != _MARK.format(owner):
                raise DatabaseError(doing, f"it is there, {_whose(found)}; choose another name")
        with self.address.look(doing, DatabaseError) as inside:
            if tables := table_names(inside, schema_name(inside)):
                raise DatabaseError(doing, f"it is there and holds {len(tables)} tables")

    def drop(self, owner: str) -> None:
        name = self.address.name("dropping the database", DatabaseError)
        doing = f"dropping the database {name}"
        with self.address.server(doing, DatabaseError) as server:
            if _oid(server, name) is None:
                return
            if (found := _mark(server, name)) != _MARK.format(owner):
                raise DatabaseError(doing, f"it was not made for this run: {_whose(found)}")
            self.release_lock()  # it would be in use by ourselves
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))

    def hold_lock(self, owner: str) -> None:
        doing = "keeping other runs away from the database"
        if self._lock is not None and _lives(self._lock):
            return
        application = f"{APPLICATION}: {owner}".encode()[:_NAME_BYTES].decode(errors="ignore")
        session = self.address.connect(doing, DatabaseError, application=application)
        try:
            other = _take_lock(session)
        except psycopg.Error as exc:
            session.close()
            raise self.address.failure(exc, doing, DatabaseError) from None
        if other is not None:
            name = session.info.dbname
            session.close()
            raise LockHeldError(owner=other, where=f"the database {name}")
        self._lock = session

    def release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __del__(self) -> None:
        self.release_lock()


def _oid(server: Connection, name: str) -> int | None:
    row = server.execute("SELECT oid FROM pg_database WHERE datname = %s", [name]).fetchone()
    return int(row[0]) if row else None


def _mark(server: Connection, name: str) -> str | None:
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    row = server.execute(query, [name]).fetchone()
    return row[0] if row else None


def _whose(mark: str | None) -> str:
    """What the comment of a database tells about who made it; other comments are not repeated."""
    ours = mark is not None and mark.startswith(_MARK.format(""))
    return f"its comment says {mark!r}" if ours else "without the mark of kong_lts in its comment"


def _make(server: Connection, name: str, owner: str) -> None:
    """Under another name first, so that it never stands there without its mark."""
    making = f"kong_lts_{hashlib.sha256(f'{name} {owner}'.encode()).hexdigest()[:16]}"
    temporary = sql.Identifier(making)
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(temporary))
    server.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(temporary)
    )
    mark = sql.Literal(_MARK.format(owner))
    server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(temporary, mark))
    server.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(temporary, sql.Identifier(name))
    )


def _take_lock(session: Connection) -> str | None:
    """The lock is taken (None), or somebody has it: who."""
    text = f"kong_lts run {schema_name(session)}"
    key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
    row = session.execute("SELECT pg_try_advisory_lock(%s::bigint)", [key]).fetchone()
    if row and row[0]:
        return None
    query = """
        SELECT a.application_name
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (l.classid::bigint << 32) + l.objid::bigint = %s::bigint
    """
    holder = session.execute(query, [key]).fetchone()
    shown = str(holder[0] or "") if holder else ""
    return shown.removeprefix(f"{APPLICATION}: ") or "an unknown owner"


def _lives(connection: Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        connection.close()
        return False
    return True
