"""Routes of every input: what a file alone does not show."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from kong_lts import catalog, routing
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.in_use import FILE, LIVE, RouteInUse
from kong_lts.checks.route_sources import MOST_ROUTES, Configuration
from kong_lts.findings import Finding, Location, Severity
from kong_lts.schema import duplicated_tildes

__all__ = ["CHECK"]

_Written = tuple[str, str, Location]
"""What a route is called, one of its paths, and where it stands."""
_SHOWN = 3
_MOST = 20
_BUFFERING = ("request_buffering", "response_buffering")
_NEW_FIELDS = ("instance_name", "updated_at", "use_srv_name", "hash_on_query_arg")


def _look(case: Case) -> Iterator[Seen]:
    yield part(
        ("deck-requires-route-name-or-id", "route-path-regex-toplevel-not-converted-by-deck"),
        _for_deck,
        case,
    )
    for route in itertools.islice(filter(_buffering, case.routes), _MOST):
        yield cross_rule("http2-buffering").finding(
            f"route {route.name}",
            location=route.location,
            name=route.name,
            field=_buffering(route),
        )
    for route in itertools.islice(filter(_new_field, case.routes), 1):
        yield cross_rule("rollback-new-fields").finding(
            f"route {route.name}", location=route.location, field=_new_field(route)
        )
    yield part("router-tie-break", _ties, case)
    yield part("route-regex-automation", _live, case)


def _for_deck(case: Case) -> Iterator[Finding]:
    """Routes that decK refuses, or leaves as they are; a warning where a script converts by it."""
    by_deck = Severity.WARNING if case.converts_by_deck else Severity.INFO
    of_files = [route for route in case.routes if route.origin == FILE]
    for route in itertools.islice((r for r in of_files if not r.name), 1):
        yield cross_rule("deck-requires-route-name-or-id").finding(
            "routes",
            severity=by_deck,
            location=route.location,
            path=", ".join(route.paths) or "no path",
        )
    lone = (r for r in of_files if r.service is None and any(map(_is_regex, r.paths)))
    for route in itertools.islice(lone, _MOST):
        rule = cross_rule("route-path-regex-toplevel-not-converted-by-deck")
        yield rule.finding(
            f"route {route.name}", severity=by_deck, location=route.location, name=route.name
        )


def _buffering(route: RouteInUse) -> str | None:
    return next((field for field in _BUFFERING if route.fields.get(field) is False), None)


def _new_field(route: RouteInUse) -> str | None:
    return next((field for field in _NEW_FIELDS if field in route.fields), None)


def _is_regex(path: str) -> bool:
    return routing.migrate_path(path).startswith("~") and not path.startswith("~")


def _ties(case: Case) -> Iterator[Finding]:
    """Routes that nothing but their age tells apart, where nobody asks both routers."""
    if any(isinstance(c, Configuration) and c.routes <= MOST_ROUTES for c in case.configurations):
        return
    seen: dict[object, RouteInUse] = {}
    found = 0
    by_file = any(route.origin == FILE for route in case.routes)
    for route in case.routes:
        if route.origin == LIVE and by_file:
            continue  # the same routes once more
        for path in route.paths:
            key = (
                path,
                *(
                    _frozen(route.fields.get(f))
                    for f in ("hosts", "methods", "headers", "snis", "regex_priority")
                ),
            )
            other = seen.setdefault(key, route)
            if other is not route and other.name != route.name and found < _SHOWN:
                found += 1
                yield cross_rule("router-tie-break").finding(
                    f"route {route.name}",
                    location=route.location,
                    one=other.name,
                    other=route.name,
                )


def _frozen(value: object) -> object:
    if isinstance(value, Mapping):
        return tuple(sorted((str(k), str(v)) for k, v in value.items()))
    return tuple(sorted(map(str, value))) if isinstance(value, list) else value


def _live(case: Case) -> Iterator[Finding]:
    """Routes of the running gateway, which the migration of its database rewrites."""
    live = [route for route in case.routes if route.origin == LIVE]
    rows = list(case.evidence.database.routes) if case.evidence.database else []
    paths = [(route.name, path, route.location) for route in live for path in route.paths]
    paths += [
        (row.name or row.id, path, Location(table="routes", row=row.id))
        for row in rows
        for path in row.paths
    ]
    seen = {(name, path): where for name, path, where in reversed(paths)}
    paths = [(name, path, where) for (name, path), where in reversed(seen.items())]
    yield from _rewritten("route-regex-automation", [one for one in paths if _is_regex(one[1])])
    yield from _normalised(paths)
    yield from _migrated_twice(live)
    if case.evidence.database is None:
        yield from _refused(case, live)


def _normalised(paths: Iterable[_Written]) -> Iterator[Finding]:
    """Plain paths that the migration decodes or shortens; 3.4 refuses who writes the old ones."""
    moved = [
        one
        for one in paths
        if not _is_regex(one[1])
        and routing.migrate_path(one[1]) != one[1]
        and one[1].startswith("/")
    ]
    yield from _rewritten("route-normalised-automation", moved)


def _rewritten(rule: str, paths: Sequence[_Written]) -> Iterator[Finding]:
    """Once for all paths that the migration changes in one way."""
    if not paths:
        return
    first, path, where = paths[0]
    yield cross_rule(rule).finding(
        f"route {first}",
        location=where,
        count=len({name for name, _, _ in paths}),
        paths=", ".join(f"{path} ({name})" for name, path, _ in paths[:_SHOWN]),
        new=routing.migrate_path(path),
    )


def _migrated_twice(live: Iterable[RouteInUse]) -> Iterator[Finding]:
    """Paths of an Admin API that two runs of the migration have gone over."""
    rule = next(row for row in catalog.database() if row.id == "path-migrated-twice")
    for route in live:
        for path in duplicated_tildes(route.paths):
            yield rule.finding(
                f"route {route.name}",
                location=route.location,
                route=route.name,
                path=path,
                evidence="Admin API",
            )


def _refused(case: Case, live: list[RouteInUse]) -> Iterator[Finding]:
    """Regexes that 3.4's router would not take; those of a database have their own finding."""
    for route in live:
        for path in route.paths:
            for finding in routing.check_regex(
                routing.migrate_path(path), router_flavor=case.router_flavor
            ):
                yield attrs.evolve(
                    finding,
                    subject=f"route {route.name}",
                    location=route.location,
                    edit=None,
                    evidence="Admin API",
                )


_RULES = (
    "deck-requires-route-name-or-id",
    "route-path-regex-toplevel-not-converted-by-deck",
    "http2-buffering",
    "rollback-new-fields",
    "router-tie-break",
    "route-regex-automation",
    "route-normalised-automation",
)


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(
    name="routes of the running gateway",
    look=_look,
    rows=_rows,
    needs=("declarative", "admin", "rows", "database"),
    needs_called="a configuration with routes",
)
