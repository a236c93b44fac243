"""What a look at the current database shows."""

from collections.abc import Iterator

import attrs

from kong_lts import catalog, routing
from kong_lts.catalog.rows import Rule
from kong_lts.checks.as_file import Entity, findings_on
from kong_lts.checks.case import Case
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.platforms import SUPPORTED_POSTGRES
from kong_lts.database import DatabaseFacts, RouteRow
from kong_lts.digits import whole
from kong_lts.findings import Finding, Location, Severity
from kong_lts.schema import SchemaState, duplicated_tildes, schema_state

__all__ = ["CHECK"]

_NAMELESS = "without a name"
"""What is said of a database that a bundle does not name."""
_SHOWN_BY = "database"

_RULE_OF_STATE = {
    SchemaState.EMPTY: "database-empty",
    SchemaState.OLDER: "database-older-than-2.8",
    SchemaState.PARTLY_UP: "database-partly-migrated",
    SchemaState.UP: "database-partly-migrated",
    SchemaState.LTS_3_4: "database-already-3.4",
    SchemaState.NEWER: "database-newer",
}


def _look(case: Case) -> Iterator[Seen]:
    facts = case.evidence.database
    if facts is None:
        return
    rules = {row.id: row for row in catalog.database()}
    yield part(("database-partly-migrated", "database-already-3.4"), _state, facts, rules)
    for lock in facts.locks:
        if lock.held and lock.key == "migrations":
            yield rules["database-locked"].finding(
                f"database {facts.name}".rstrip(),
                name=facts.name or _NAMELESS,
                key=lock.key,
                owner=lock.owner,
                evidence=_SHOWN_BY,
            )
    yield part("path-migrated-twice", _routes, facts, rules)
    if not facts.schema_meta or schema_state(facts.schema_meta) is SchemaState.LTS_2_8:
        yield part("database-path-changes", _migrated_routes, facts, rules, case.router_flavor)
        yield part("routes of the database", _routed, case, facts)
        yield part("plugins of the database", _plugins, facts, rules)
        yield part("database-target-repeated", _targets, facts, rules)
    yield part("database-more-rows", _left_out, facts, rules)
    yield part("postgres-server-unsupported", _server, facts, rules)
    yield part("table-unknown", _tables, facts, rules)


def _state(facts: DatabaseFacts, rules: dict[str, Rule]) -> Iterator[Finding]:
    state = schema_state(facts.schema_meta)
    pending = ", ".join(
        f"{row.subsystem}: {name}" for row in facts.schema_meta for name in row.pending
    )
    if state is SchemaState.EMPTY and not _was_looked_at(facts):
        return  # nobody gave schema_meta
    rule = _RULE_OF_STATE.get(state)
    if pending and state in (SchemaState.OLDER, SchemaState.LTS_2_8):
        rule = "database-pending-on-2.8"
    if rule is not None:
        yield rules[rule].finding(
            f"database {facts.name}".rstrip(),
            location=Location(table="schema_meta"),
            name=facts.name or _NAMELESS,
            state=state,
            pending=pending or "nothing",
            evidence=_SHOWN_BY,
        )


def _was_looked_at(facts: DatabaseFacts) -> bool:
    """Whether an empty `schema_meta` is known to be so, and not only left out."""
    by_adapter = bool(facts.identity or facts.name)
    known = catalog.migrations()
    of_kong = {*known.known_tables, *known.runtime_tables}
    return by_adapter or (bool(facts.tables) and not facts.tables.keys() & of_kong)


def _routes(facts: DatabaseFacts, rules: dict[str, Rule]) -> Iterator[Finding]:
    for route in facts.routes:
        for path in duplicated_tildes(route.paths):
            yield rules["path-migrated-twice"].finding(
                f"route {route.name or route.id}",
                location=Location(table="routes", row=route.id),
                route=route.name or route.id,
                path=path,
                evidence=_SHOWN_BY,
            )


def _migrated_routes(
    facts: DatabaseFacts, rules: dict[str, Rule], router_flavor: str
) -> Iterator[Finding]:
    """What the migration makes of each path, and what 3.4's router says of it."""
    for route in facts.routes:
        name, where = route.name or route.id, Location(table="routes", row=route.id)
        for path in route.paths:
            migrated = routing.migrate_path(path)
            if migrated != path:
                yield rules["database-path-changes"].finding(
                    f"route {name}",
                    location=where,
                    route=name,
                    path=path,
                    migrated=migrated,
                    evidence=_SHOWN_BY,
                )
            for finding in routing.check_regex(migrated, router_flavor=router_flavor):
                yield attrs.evolve(
                    finding, subject=f"route {name}", location=where, edit=None, evidence=_SHOWN_BY
                )


def _routed(case: Case, facts: DatabaseFacts) -> Iterator[Finding]:
    """What the rules on routes of files say of these, but for their paths."""
    yield from findings_on(case, map(_entity, facts.routes))


def _entity(route: RouteRow) -> Entity:
    fields = attrs.asdict(route, filter=lambda _, value: value not in (None, (), {}))
    if route.paths:
        fields["paths"] = ["/"]  # it counts that there are some
    return "routes", fields, (Location(table="routes", row=route.id), _SHOWN_BY)


def _left_out(facts: DatabaseFacts, rules: dict[str, Rule]) -> Iterator[Finding]:
    for left in facts.left_out:
        seen = left.like is not None
        yield rules["database-more-rows"].finding(
            f"table {left.table}",
            severity=Severity.INFO
            if seen and rules[left.like or ""].severity is Severity.INFO
            else None,
            location=Location(table=left.table),
            table=left.table,
            rows=left.rows,
            like=f"are what {left.like} is about" if seen else "have not been looked at",
            evidence=_SHOWN_BY,
        )


def _plugins(facts: DatabaseFacts, rules: dict[str, Rule]) -> Iterator[Finding]:
    for row in facts.plugin_rows:
        yield rules[row.mark].finding(
            f"plugin {row.name}",
            location=Location(table="plugins", row=row.id),
            plugin=row.name,
            row=row.id,
            evidence=_SHOWN_BY,
        )


def _targets(facts: DatabaseFacts, rules: dict[str, Rule]) -> Iterator[Finding]:
    for target in facts.repeated_targets:
        moment = (
            ", created at one moment, on which `finish` fails"
            if target.same_moment
            else "; `finish` deletes the older ones"
        )
        yield rules["database-target-repeated"].finding(
            f"target {target.target}",
            severity=Severity.BLOCKER if target.same_moment else Severity.WARNING,
            location=Location(table="targets"),
            upstream=target.upstream,
            target=target.target,
            rows=target.rows,
            moment=moment,
            evidence=_SHOWN_BY,
        )


def _server(facts: DatabaseFacts, rules: dict[str, Rule]) -> Iterator[Finding]:
    version = facts.server_version
    if version is None:
        return
    major = version.partition(".")[0]
    if not major.isdecimal() or whole(major) not in SUPPORTED_POSTGRES:
        yield rules["postgres-server-unsupported"].finding(
            "PostgreSQL", version=version, evidence=_SHOWN_BY
        )


def _tables(facts: DatabaseFacts, rules: dict[str, Rule]) -> Iterator[Finding]:
    known = catalog.migrations()
    for table in sorted(facts.tables.keys() - {*known.known_tables, *known.runtime_tables}):
        yield rules["table-unknown"].finding(
            f"table {table}", table=table, location=Location(table=table), evidence=_SHOWN_BY
        )


CHECK = Check(
    name="database",
    look=_look,
    rows=catalog.database,
    needs=("database",),
    needs_called="a look at the database",
)
