"""What a finding weighs: the guide's category of its change, and the requests that it concerns."""

import bisect
import functools
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from kong_lts import catalog, routing
from kong_lts.checks.case import Case
from kong_lts.evidence import AccessLog
from kong_lts.findings import Finding

__all__ = ["Traffic", "ranked"]

_LITERAL = re.compile(r"[A-Za-z0-9/_~%-]*")
_GROUP = re.compile(r"\(\?<(?![=!])")


@functools.cache
def _categories() -> Mapping[str, int]:
    """The guide's category by rule; the lowest, where several changes are found by one rule."""
    found: dict[str, int] = {}
    for row in catalog.changes():
        for rule in row.rules if row.category is not None else ():
            found[rule] = min(found.get(rule, 5), row.category or 5)
    return found


def ranked(case: Case, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings with category and traffic, where they have any."""
    categories = _categories()
    counted = case.apart.look("requests of the access log", _traffic, case)
    traffic = next(iter(counted), None)
    for finding in findings:
        category = categories.get(finding.rule)
        requests = traffic.concerned(finding) if traffic is not None else None
        if category is not None or requests is not None:
            finding = attrs.evolve(finding, category=category, traffic=requests)
        yield finding


def _traffic(case: Case) -> "Iterator[Traffic]":
    if case.evidence.access_log is not None:
        yield Traffic.of(case)


@attrs.define(eq=False)
class Traffic:
    """Requests of the access log by route, service, and place of a plugin."""

    by_route: Mapping[str, int]
    by_service: Mapping[str, int]
    total: int
    plugins: Mapping[str, tuple[list[int], list[int]]]
    """By file: the lines where plugins begin, and the requests of each."""

    @classmethod
    def of(cls, case: Case) -> "Traffic":
        """Count what the log has for the routes that are known."""
        log = case.evidence.access_log or AccessLog()
        by_route, by_service = _counted(case, log)
        places: dict[str, list[tuple[int, int]]] = {}
        for plugin in case.plugins:
            path, line = plugin.location.path, plugin.location.line
            if path is None or line is None:
                continue
            if plugin.route is not None:
                requests = by_route.get(plugin.route, 0)
            elif plugin.service is not None:
                requests = by_service.get(plugin.service, 0)
            else:
                requests = log.requests
            places.setdefault(path, []).append((line, requests))
        plugins = {}
        for path, found in places.items():
            found.sort()
            plugins[path] = ([line for line, _ in found], [count for _, count in found])
        return cls(by_route, by_service, log.requests, plugins)

    def concerned(self, finding: Finding) -> int | None:
        """The requests that a finding is about; None where nobody can tell."""
        kind, _, name = finding.subject.partition(" ")
        if kind == "route":
            names = [part.removeprefix("route ") for part in finding.subject.split(" and ")]
            known = [self.by_route[one] for one in names if one in self.by_route]
            return max(known) if known else None
        if kind == "service":
            return self.by_service.get(name)
        where = finding.location
        path = where.path if where is not None else None
        if kind == "plugin" and where is not None and path is not None and path in self.plugins:
            lines, counts = self.plugins[path]
            at = bisect.bisect_right(lines, where.line or 0) - 1
            return counts[at] if at >= 0 else None
        return self.by_route.get(finding.subject)


def _counted(case: Case, log: AccessLog) -> tuple[dict[str, int], dict[str, int]]:
    """Requests by route and by service; a path goes to the longest prefix, regexes first."""
    prefixes: dict[str, tuple[str, str | None]] = {}
    patterns: dict[str, list[tuple[re.Pattern[str], str, str | None]]] = {}
    for route in case.routes:
        for path in route.paths or ("/",):
            migrated = routing.migrate_path(path)
            if migrated.startswith("~"):
                compiled = _compiled(migrated[1:])
                if compiled is not None:
                    literal = _LITERAL.match(migrated, 1)
                    head = literal[0] if literal else ""
                    found = patterns.setdefault(head.rpartition("/")[0], [])
                    found.append((compiled, route.name, route.service))
            else:
                prefixes.setdefault(migrated, (route.name, route.service))
    by_route = dict.fromkeys((route.name for route in case.routes), 0)
    by_service: dict[str, int] = {}
    for path, count in log.paths.items():
        owner = _owner(path, prefixes, patterns)
        if owner is not None:
            name, service = owner
            by_route[name] = by_route.get(name, 0) + count
            if service is not None:
                by_service[service] = by_service.get(service, 0) + count
    return by_route, by_service


def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_GROUP.sub("(?P<", pattern))
    except (re.error, OverflowError, RecursionError):
        return None


def _owner(
    path: str,
    prefixes: Mapping[str, tuple[str, str | None]],
    patterns: Mapping[str, list[tuple[re.Pattern[str], str, str | None]]],
) -> tuple[str, str | None] | None:
    if patterns:
        at = len(path)
        while at >= 0:
            for pattern, name, service in patterns.get(path[:at], ()):
                if pattern.match(path):
                    return name, service
            at = path.rfind("/", 0, at) if at > 0 else -1
    for end in range(len(path), 0, -1):
        if (owner := prefixes.get(path[:end])) is not None:
            return owner
    return None
