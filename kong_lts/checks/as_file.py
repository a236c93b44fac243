"""Entities from anywhere, put to the rules on declarative files."""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from kong_lts import catalog, declarative
from kong_lts.checks.case import Case
from kong_lts.findings import Finding, Location, Severity

__all__ = ["Entity", "Place", "findings_on", "told_once"]

Place = tuple[Location, str]
"""Where an entity stands, and what showed it."""
Entity = tuple[str, Mapping[str, object], Place]
"""The key of its list in a file, its fields, and where it stands."""

_AT_ONCE = 2_000
"""Routes that are read together; while they are, each takes some kB."""
_ONLY_OF_FILES = ("declarative-", "targets-duplicates", "targets-given", "deck-", "tags-")


def told_once(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The findings; what another one of the same place says too is worth knowing only."""
    there = {(finding.rule, finding.location) for finding in findings}
    for finding in findings:
        if (_said_by().get(finding.rule), finding.location) in there:
            yield attrs.evolve(finding, severity=Severity.INFO)
        else:
            yield finding


@functools.cache
def _said_by() -> Mapping[str, str]:
    return {row.id: row.said_by for row in catalog.plugins() if row.said_by}


def findings_on(case: Case, rows: Iterable[Entity]) -> Iterator[Finding]:
    """What the rules on declarative files say of these; one that cannot be read hides no other."""
    said: set[str] = set()
    for some in _in_parts(rows):
        found = case.apart.together(functools.partial(_at_once, case), some, _called)
        yield from (finding for finding in found if finding.rule not in said)
        said |= {finding.rule for finding in found} & _once()


def _in_parts(rows: Iterable[Entity]) -> Iterator[Sequence[Entity]]:
    """Routes, of which there may be many, so many at once; everything else together."""
    routes: list[Entity] = []
    others: list[Entity] = []
    for row in rows:
        (routes if row[0] == "routes" else others).append(row)
        if len(routes) == _AT_ONCE:
            yield routes
            routes = []
    yield routes
    yield others


@functools.cache
def _once() -> frozenset[str]:
    """Rules on entities that speak once of a file, however many parts it is read in."""
    return frozenset(row.id for row in catalog.entities() if row.once)


def _called(entity: Entity) -> str:
    kind, row, (location, _) = entity
    return f"{location}: {kind.removesuffix('s')} {row.get('name') or row.get('id') or ''}".rstrip()


def _at_once(case: Case, rows: Sequence[Entity]) -> Iterator[Finding]:
    """One entity a line, so that it is found."""
    by_kind: dict[str, list[tuple[Mapping[str, object], Place]]] = {}
    for kind, row, place in rows:
        by_kind.setdefault(kind, []).append((row, place))
    if not by_kind:
        return
    lines = ['{"_format_version": "3.0"']
    places: dict[int, Place] = {}
    for kind, members in by_kind.items():
        lines.append(f', "{kind}": [')
        for number, (row, place) in enumerate(members):
            lines.append(("," if number else "") + json.dumps(row, default=str))
            places[len(lines)] = place
        lines.append("]")
    text = "\n".join([*lines, "}"])
    conversion = declarative.convert(
        text.encode("utf-8", "replace"),
        mode=case.deployment.mode,
        edition=case.edition,
        router_flavor=case.router_flavor,
        verify=False,
    )
    for finding in told_once(conversion.findings):
        found = places.get(finding.location.line or 0) if finding.location else None
        if found is None or finding.rule.startswith(_ONLY_OF_FILES):
            continue
        location, evidence = found
        yield attrs.evolve(finding, location=location, edit=None, evidence=evidence)
