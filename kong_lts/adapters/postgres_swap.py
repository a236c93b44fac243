"""A restored database in the place of another one: made beside it, then swapped by name."""

import hashlib

from psycopg import sql

from kong_lts.adapters.postgres_address import Connection
from kong_lts.adapters.postgres_facts import schema_name
from kong_lts.errors import ArchiveError

__all__ = ["make_beside", "refuse_other_applications", "swap"]

_OTHER_SCHEMAS = """
    SELECT DISTINCT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> %s
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1
"""


def refuse_other_applications(connection: Connection, doing: str) -> None:
    """The backup of another application's tables is as old as Kong's: they would go back too.

    Raises:
        ArchiveError: There are tables outside of Kong's schema.
    """
    own = schema_name(connection)
    others = [str(name) for (name,) in connection.execute(_OTHER_SCHEMAS, [own])]
    if others:
        raise ArchiveError(
            doing,
            f"the database also has tables in {', '.join(others)}, which would go back with it."
            f" Restore only the schema {own} by hand",
        )


def make_beside(server: Connection, name: str) -> str:
    """An empty database beside another one; one that an interrupted attempt left is made anew.

    Returns:
        Its name.
    """
    beside = f"kong_lts_{hashlib.sha256(f'beside {name}'.encode()).hexdigest()[:16]}"
    there = sql.Identifier(beside)
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(there))
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(there))
    return beside


def swap(server: Connection, name: str, beside: str, keep_as: str, doing: str) -> None:
    """Both renames within one transaction; PostgreSQL refuses while anybody is connected.

    Raises:
        ArchiveError: The name to keep the replaced database under is taken.
    """
    query = "SELECT 1 FROM pg_database WHERE datname = %s"
    if server.execute(query, [keep_as]).fetchone():
        raise ArchiveError(doing, f"there is a database {keep_as} already; name another one")
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with server.transaction():
        server.execute(rename.format(sql.Identifier(name), sql.Identifier(keep_as)))
        server.execute(rename.format(sql.Identifier(beside), sql.Identifier(name)))
