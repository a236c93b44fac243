"""A restored database, or schema, in the place of another one, which stays under another name."""

import hashlib
from collections.abc import Iterable
from itertools import chain, count

from psycopg import sql

from kong_lts.adapters.postgres_address import Connection
from kong_lts.errors import ArchiveError

__all__ = [
    "drop_beside",
    "free_name",
    "make_beside",
    "moves",
    "other_schemas",
    "refuse_references",
    "swap",
]

_NAME_BYTES = 63
"""PostgreSQL cuts longer names off, without an error."""
_OTHER_SCHEMAS = """
    SELECT DISTINCT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> %s
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1
"""
_OWN = """
    SELECT format('ALTER TABLE %%s SET SCHEMA %%I;', c.oid::regclass, %(to)s::text)
    FROM pg_class c
    WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                        AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
    UNION ALL
    SELECT format('ALTER ROUTINE %%s SET SCHEMA %%I;', p.oid::regprocedure, %(to)s::text)
    FROM pg_proc p
    WHERE p.pronamespace = %(schema)s::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass
                        AND d.deptype = 'e')
    UNION ALL
    SELECT format('ALTER TYPE %%s SET SCHEMA %%I;', t.oid::regtype, %(to)s::text)
    FROM pg_type t
    WHERE t.typnamespace = %(schema)s::regnamespace AND t.typtype IN ('e', 'd', 'r')
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.objid = t.oid AND d.classid = 'pg_type'::regclass
                        AND d.deptype = 'e')
"""
_REFERENCES = """
    SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
    JOIN pg_class own ON own.oid = confrelid JOIN pg_class other ON other.oid = conrelid
    WHERE contype = 'f' AND own.relnamespace = %(schema)s::regnamespace
      AND other.relnamespace <> own.relnamespace ORDER BY 1
"""


def other_schemas(connection: Connection, own: str) -> tuple[str, ...]:
    """Schemas with tables beside Kong's: of other applications."""
    return tuple(str(name) for (name,) in connection.execute(_OTHER_SCHEMAS, [own]))


def refuse_references(connection: Connection, schema: str, doing: str) -> None:
    """A foreign key of another application would follow the replaced table.

    Raises:
        ArchiveError: There is one.
    """
    found = connection.execute(_REFERENCES, {"schema": _quoted(connection, schema)})
    if tables := [str(name) for (name,) in found]:
        raise ArchiveError(
            doing,
            f"{', '.join(tables)} of another application refers to tables of Kong; a replaced table"
            " would keep that reference. Take it away first",
        )


def moves(connection: Connection, schema: str, to: str) -> str:
    """Statements that move everything in a schema to another one, which is there.

    What belongs to an extension stays, and so do the schema itself and its privileges.
    """
    wanted = {"schema": _quoted(connection, schema), "to": to}
    connection.execute("SELECT set_config('search_path', '', true)")  # so that names are full ones
    return "\n".join(str(line) for (line,) in connection.execute(_OWN, wanted))


def make_beside(server: Connection, name: str, what: str) -> str:
    """An empty database beside another one; one that an interrupted attempt left is made anew.

    Returns:
        Its name.
    """
    beside = f"kong_lts_{hashlib.sha256(f'{what} {name}'.encode()).hexdigest()[:16]}"
    drop_beside(server, beside)
    there = sql.Identifier(beside)
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(there))
    return beside


def drop_beside(server: Connection, beside: str) -> None:
    """Drop it; whoever is still connected is a `pg_restore` that its killed parent left."""
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [beside]
    )
    force = " WITH (FORCE)" if server.info.server_version >= 130_000 else ""
    drop = sql.SQL(f"DROP DATABASE IF EXISTS {{}}{force}")
    server.execute(drop.format(sql.Identifier(beside)))


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """A name to keep something under, with a number after it where an earlier one has it.

    A restore may be needed more than once, and nothing that was kept is ever dropped.
    """
    there = set(taken)
    longest = wanted.encode()[:_NAME_BYTES].decode(errors="ignore")
    numbered = (_shortened(wanted, f"_{number}") for number in count(2))
    return next(name for name in chain([longest], numbered) if name not in there)


def _shortened(name: str, ending: str) -> str:
    return name.encode()[: _NAME_BYTES - len(ending)].decode(errors="ignore") + ending


def swap(server: Connection, name: str, beside: str, keep_as: str) -> None:
    """Both renames within one transaction; PostgreSQL refuses while anybody is connected."""
    taken = [str(found) for (found,) in server.execute("SELECT datname FROM pg_database")]
    keep_as = free_name(keep_as, taken)
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with server.transaction():
        server.execute(rename.format(sql.Identifier(name), sql.Identifier(keep_as)))
        server.execute(rename.format(sql.Identifier(beside), sql.Identifier(name)))


def _quoted(connection: Connection, schema: str) -> str:
    return sql.Identifier(schema).as_string(connection)
