"""Entities of the running gateway, or of manifests, looked at as those of files are."""

import functools
from collections.abc import Iterator, Mapping

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import Rule
from kong_lts.checks.as_file import Entity, Place, findings_on
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.in_use import admin_file, answered, live_rows
from kong_lts.checks.kong_plugins import PLUGINS, config_of, secrets_of
from kong_lts.checks.manifests import Manifest, line_of, mapping, names_in, text_of
from kong_lts.findings import Finding, Location, Severity

__all__ = ["CHECK"]

_KINDS = frozenset(
    {"routes", "services", "plugins", "upstreams", "targets", "vaults_beta", "consumer_groups"}
)
_FINE = frozenset({"HEALTHY", "HEALTHCHECKS_OFF", ""})
"""What a balancer says of a target that it uses."""
_EMPTY = "[]"
_REFERENCES = ("service", "route", "consumer", "upstream")


def _look(case: Case) -> Iterator[Seen]:
    yield from _renamed(case)
    migrated = {row.id for row in catalog.changes() if row.migrated}
    for finding in findings_on(case, _entities(case)):
        if finding.rule in _empty_by_default():
            yield attrs.evolve(finding, severity=Severity.INFO)
        elif finding.severity is Severity.BLOCKER and finding.rule in migrated:
            yield attrs.evolve(finding, severity=Severity.WARNING)
        else:
            yield finding
    yield from findings_on(case, _of_manifests(case))
    yield part("plugins of the database", _named, case)
    yield part("upstream-target-unhealthy", _unhealthy, case)
    yield part("database-not-reachable", _reachable, case)


def _entities(case: Case) -> Iterator[Entity]:
    for location, kind, row in live_rows(case.evidence):
        if kind in _KINDS:
            yield kind, _flat(kind, row), (location, location.path or "")


@functools.cache
def _empty_by_default() -> frozenset[str]:
    """Rules on fields that are empty in every answer of 2.8, and that its migration takes away."""
    return frozenset(row.id for row in catalog.plugins() if row.default == _EMPTY)


def _named(case: Case) -> Iterator[Finding]:
    """Plugins of which the database, or the Admin API's root, tells the name alone."""
    facts = case.evidence.database
    shown = {plugin.name for plugin in case.plugins}
    places: dict[str, Place] = {
        name: (case.in_root("/plugins/enabled_in_cluster"), "Admin API")
        for name in names_in(mapping(case.root.get("plugins")).get("enabled_in_cluster"))
    }
    for name in facts.plugins if facts else ():
        places[name] = (Location(table="plugins", row=name), "database")
    rows: list[Entity] = [
        ("plugins", {"name": name}, place) for name, place in places.items() if name not in shown
    ]
    told = {row.id for row in catalog.plugins() if row.by_name}
    yield from (finding for finding in findings_on(case, rows) if finding.rule in told)


def _reachable(case: Case) -> Iterator[Finding]:
    """What /status says of the database."""
    pointer, status = answered(case.evidence.admin.get("/status"))
    database = mapping(status.get("database"))
    if database.get("reachable") is False:
        yield cross_rule("database-not-reachable").finding(
            "database",
            location=Location(path=admin_file("/status"), pointer=f"{pointer}/database"),
            evidence="Admin API",
        )


def _unhealthy(case: Case) -> Iterator[Finding]:
    """Targets that the balancers of the current cluster do not use today."""
    found: dict[str, list[tuple[Location, Mapping[str, object]]]] = {}
    for location, kind, row in live_rows(case.evidence):
        if kind == "health" and text_of(row.get("health")).upper() not in _FINE:
            found.setdefault(location.path or "", []).append((location, row))
    for path, rows in found.items():
        upstream = path.removeprefix("admin/upstreams_").removesuffix("_health.json")
        yield cross_rule("upstream-target-unhealthy").finding(
            f"upstream {upstream}",
            location=rows[0][0],
            evidence=path,
            target=text_of(rows[0][1].get("target")),
            upstream=upstream,
            health=text_of(rows[0][1].get("health")),
            count=len(rows),
        )


def _renamed(case: Case) -> Iterator[Finding]:
    """Vaults, which have another name in the Admin API and in files of 3.4."""
    for location, kind, row in live_rows(case.evidence):
        if kind == "vaults_beta":
            rule = next(r for r in catalog.entities() if r.id == "vaults-beta-entity")
            yield rule.finding(
                f"vault {text_of(row.get('name')) or text_of(row.get('prefix'))}",
                severity=Severity.WARNING,
                location=location,
                evidence=location.path or "",
                field="vaults_beta",
            )
            return


def _flat(kind: str, row: Mapping[str, object]) -> dict[str, object]:
    """The entity as a file would have it; paths of routes have checks of their own."""
    found = {key: value for key, value in row.items() if not (kind == "routes" and key == "paths")}
    for name in _REFERENCES:
        if (reference := row.get(f"{name}_id")) is not None:
            found.setdefault(name, {"id": reference})
    return found


def _of_manifests(case: Case) -> Iterator[Entity]:
    secrets = secrets_of(case.manifests)
    for manifest in case.manifests:
        where = (Location(path=manifest.path, line=_line(manifest)), manifest.path)
        if manifest.kind in PLUGINS:
            name = text_of(manifest.document.get("plugin"))
            plugin = {"name": name, "config": dict(config_of(manifest, secrets))}
            yield "plugins", plugin, where
        elif manifest.kind == "KongIngress":
            route = mapping(manifest.document.get("route"))
            fields = {k: v for k, v in route.items() if k not in ("paths", "path_handling")}
            yield "routes", {"name": manifest.name, **fields}, where


def _line(manifest: Manifest) -> int:
    return line_of(manifest, "config:") or manifest.line


def _rows() -> tuple[Rule, ...]:
    return cross_rule("upstream-target-unhealthy"), cross_rule("database-not-reachable")


CHECK = Check(
    name="the running gateway",
    look=_look,
    rows=_rows,
    needs=("admin", "rows", "kubernetes", "database"),
    needs_called="answers of the Admin API, or a look at the database",
)
