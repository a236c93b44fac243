"""Routes of a 2.8 database, and the services that they lead to."""

from collections.abc import Mapping
from typing import Any, TypeVar

from psycopg import sql

from kong_lts.adapters.postgres_address import Connection
from kong_lts.database import RouteRow, ServiceRow, columns

__all__ = ["read_routes", "read_services"]

Row = TypeVar("Row", RouteRow, ServiceRow)

_MOST = 20_000
"""So many routes are held whole, 30 MB of them; they are what the comparison of routes takes."""
_ROWS_AT_ONCE = 5_000

_TELLING = """
    EXISTS (SELECT FROM unnest(paths) AS path
            WHERE path !~ '^/?([A-Za-z0-9_~-]+/?)*$' OR left(path, 1) = '~')
"""
_LISTS = frozenset({"protocols", "methods", "hosts", "paths", "snis"})


def read_routes(connection: Connection, table: sql.Identifier) -> tuple[RouteRow, ...]:
    """All routes, or of too many the paths that are not plain, within the transaction."""
    if _are_few(connection, table):
        query = sql.SQL("SELECT to_jsonb(r) FROM {} AS r ORDER BY id").format(table)
        return _rows(connection, query, RouteRow)
    # Plain paths are most of them, and nothing happens to them: they need not be held in memory.
    wanted = "SELECT jsonb_build_object('id', id, 'name', name, 'paths', paths) FROM {} WHERE "
    query = sql.SQL(wanted + _TELLING + " ORDER BY id").format(table)
    return _rows(connection, query, RouteRow)


def read_services(
    connection: Connection, table: sql.Identifier, routes: sql.Identifier
) -> tuple[ServiceRow, ...]:
    """All services, where the routes are read whole."""
    if not _are_few(connection, routes) or not _are_few(connection, table):
        return ()
    query = sql.SQL("SELECT to_jsonb(s) FROM {} AS s ORDER BY id").format(table)
    return _rows(connection, query, ServiceRow)


def _are_few(connection: Connection, table: sql.Identifier) -> bool:
    query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT %s) AS few").format(table)
    row = connection.execute(query, [_MOST + 1]).fetchone()
    return row is not None and int(row[0]) <= _MOST


def _rows(connection: Connection, query: sql.Composed, kind: type[Row]) -> tuple[Row, ...]:
    with connection.cursor(name=f"kong_lts_{kind.__name__}") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(query)
        return tuple(_row(row, kind) for (row,) in cursor)


def _row(row: Mapping[str, object], kind: type[Row]) -> Row:
    fields: dict[str, Any] = columns(row, kind)
    for name in _LISTS & fields.keys():
        fields[name] = tuple(fields[name])
    if headers := fields.get("headers"):
        fields["headers"] = {name: tuple(values) for name, values in headers.items()}
    return kind(**fields)
