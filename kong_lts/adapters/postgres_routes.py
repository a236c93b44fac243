"""Routes of a 2.8 database, and the services that they lead to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from psycopg import sql

from kong_lts.adapters.postgres_address import Connection
from kong_lts.database import LeftOut, RouteRow, ServiceRow, columns
from kong_lts.findings import Severity
from kong_lts.routing import check_regex, migrate_path

__all__ = ["read_routes", "read_services"]

Row = TypeVar("Row", RouteRow, ServiceRow)

_MOST = 20_000
"""So many routes are held whole, 30 MB of them; they are what the comparison of routes takes."""
_EXAMPLES = 1_000
"""Of more routes, so many whose paths change and that nobody has to look at."""
_ROWS_AT_ONCE = 5_000

_TELLING = """
    EXISTS (SELECT FROM unnest(paths) AS path
            WHERE path !~ '^/?([A-Za-z0-9_~-]+/?)*$' OR left(path, 1) = '~')
    OR regex_priority <> 0 OR path_handling <> 'v0'
    OR headers IS NOT NULL OR cardinality(snis) > 0
"""
_LISTS = frozenset({"protocols", "methods", "hosts", "paths", "snis"})
_FLAVOR = "traditional_compatible"
_CHANGES = "database-path-changes"


def read_routes(
    connection: Connection, table: sql.Identifier
) -> tuple[tuple[RouteRow, ...], tuple[LeftOut, ...]]:
    """All routes, or of too many those that tell something, within the transaction."""
    if _are_few(connection, table):
        query = sql.SQL("SELECT to_jsonb(r) FROM {} AS r ORDER BY id").format(table)
        return tuple(_rows(connection, query, RouteRow)), ()
    # Plain paths are most of them, and nothing happens to them: they need not be held in memory.
    wanted = "SELECT to_jsonb(r) - 'protocols' FROM {} AS r WHERE "
    query = sql.SQL(wanted + _TELLING + " ORDER BY id").format(table)
    return _held(_rows(connection, query, RouteRow))


def _held(routes: Iterable[RouteRow]) -> tuple[tuple[RouteRow, ...], tuple[LeftOut, ...]]:
    """Those to look at, some of those that only change, and how many there are besides."""
    held: list[RouteRow] = []
    room = {None: _MOST, _CHANGES: _EXAMPLES}
    for route in routes:
        like = _CHANGES if _only_changes(route) else None
        room[like] -= 1
        if room[like] >= 0:
            held.append(route)
    left = [LeftOut(table="routes", rows=-n, like=like) for like, n in room.items() if n < 0]
    return tuple(held), tuple(left)


def _only_changes(route: RouteRow) -> bool:
    """Whether its paths get another form, and that is all."""
    plain = (
        not (route.headers or route.snis or route.regex_priority) and route.path_handling == "v0"
    )
    return plain and not any(_is_trouble(path) for path in route.paths)


def _is_trouble(path: str) -> bool:
    """Whether the router of 3.4 refuses what becomes of a path, or reads it in another way."""
    if path.startswith("~"):
        return True
    found = check_regex(migrate_path(path), router_flavor=_FLAVOR)
    return any(finding.severity is not Severity.INFO for finding in found)


def read_services(
    connection: Connection, table: sql.Identifier, routes: sql.Identifier
) -> tuple[ServiceRow, ...]:
    """All services, where the routes are read whole."""
    if not _are_few(connection, routes) or not _are_few(connection, table):
        return ()
    query = sql.SQL("SELECT to_jsonb(s) FROM {} AS s ORDER BY id").format(table)
    return tuple(_rows(connection, query, ServiceRow))


def _are_few(connection: Connection, table: sql.Identifier) -> bool:
    query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT %s) AS few").format(table)
    row = connection.execute(query, [_MOST + 1]).fetchone()
    return row is not None and int(row[0]) <= _MOST


def _rows(connection: Connection, query: sql.Composed, kind: type[Row]) -> Iterator[Row]:
    with connection.cursor(name=f"kong_lts_{kind.__name__}") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(query)
        yield from (_row(row, kind) for (row,) in cursor)


def _row(row: Mapping[str, object], kind: type[Row]) -> Row:
    fields: dict[str, Any] = columns(row, kind)
    for name in _LISTS & fields.keys():
        fields[name] = tuple(fields[name])
    if headers := fields.get("headers"):
        fields["headers"] = {name: tuple(values) for name, values in headers.items()}
    return kind(**fields)
