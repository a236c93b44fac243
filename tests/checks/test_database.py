"""What a look at the database means for the upgrade."""

from collections import Counter
from collections.abc import Sequence

import attrs
import pytest

import kong_lts
from kong_lts import catalog
from kong_lts.database import (
    DatabaseFacts,
    LeftOut,
    Lock,
    PluginRow,
    RepeatedTarget,
    RouteRow,
    SchemaMeta,
)
from kong_lts.findings import Severity
from kong_lts.testing.scenarios import ALL

_KNOWN = catalog.migrations()
FINISHED = SchemaMeta(subsystem="core", executed=_KNOWN.core_2_8)
HEALTHY = DatabaseFacts(name="kong", server_version="15.4", schema_meta=(FINISHED,))


def found(facts: DatabaseFacts, conf: str | None = None) -> Sequence[kong_lts.Finding]:
    """The findings that the database shows."""
    known = {} if conf is None else {"": kong_lts.kong_conf.parse(conf)}
    evidence = kong_lts.Evidence(database=facts, kong_conf=known)
    findings = kong_lts.assess(ALL["traditional-dual-cluster"], evidence).findings
    return [f for f in findings if f.evidence == "database"]


def rules(facts: DatabaseFacts, conf: str | None = None) -> list[str]:
    return [f.rule for f in found(facts, conf)]


def test_a_database_without_a_name_is_told_as_such() -> None:
    behind = SchemaMeta(subsystem="core", executed=_KNOWN.core_2_8[:-1])

    (finding,) = found(DatabaseFacts(identity="1", schema_meta=(behind,)))

    assert finding.subject == "database"
    assert finding.message == "Database without a name lacks migrations of 2.8."


def test_a_complete_2_8_database_is_left_alone() -> None:
    assert rules(HEALTHY) == []


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ((), "database-empty"),
        ((attrs.evolve(FINISHED, executed=_KNOWN.core_2_8[:-1]),), "database-older-than-2.8"),
        (
            (FINISHED, SchemaMeta(subsystem="acl", pending=("004_212_to_213",))),
            "database-pending-on-2.8",
        ),
        (
            (attrs.evolve(FINISHED, pending=_KNOWN.core_3_4[:1]),),
            "database-partly-migrated",
        ),
        (
            (
                attrs.evolve(
                    FINISHED,
                    executed=(*_KNOWN.core_2_8, *_KNOWN.core_3_4[1:]),
                    pending=_KNOWN.core_3_4[:1],
                ),
            ),
            "database-partly-migrated",
        ),
        (
            (attrs.evolve(FINISHED, executed=(*_KNOWN.core_2_8, *_KNOWN.core_3_4)),),
            "database-already-3.4",
        ),
        (
            (attrs.evolve(FINISHED, executed=(*_KNOWN.core_2_8, "021_340_to_350")),),
            "database-newer",
        ),
    ],
)
def test_every_other_state_is_a_blocker_of_its_own(rows: tuple[SchemaMeta, ...], rule: str) -> None:
    blockers = found(attrs.evolve(HEALTHY, schema_meta=rows))

    assert [(f.rule, f.severity) for f in blockers] == [(rule, Severity.BLOCKER)]


@pytest.mark.parametrize(("held", "expected"), [(False, []), (True, ["database-locked"])])
def test_only_a_held_lock_speaks(held: bool, expected: list[str]) -> None:
    lock = Lock(key="migrations", owner="somebody", held=held)

    assert rules(attrs.evolve(HEALTHY, locks=(lock,))) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/plain", []),
        ("/v1.0/orders", []),
        ("/users/[0-9]+", ["database-path-changes"]),
        ("/a%20b", ["database-path-changes"]),
        ("/look(?=ahead)", ["regex-look-around", "database-path-changes"]),
        ("~~/x", ["path-migrated-twice"]),
    ],
)
def test_paths_are_held_against_the_migration_and_the_router(
    path: str, expected: list[str]
) -> None:
    facts = attrs.evolve(HEALTHY, routes=(RouteRow(id="r1", name="one", paths=(path,)),))

    assert rules(facts) == expected


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (RouteRow(id="r1", paths=("/a",), regex_priority=1023), []),
        (RouteRow(id="r1", paths=("/a",), regex_priority=1024), ["route-regex-priority-large"]),
        (RouteRow(id="r1", paths=("/a",), regex_priority=-1), ["route-regex-priority-negative"]),
        (RouteRow(id="r1", paths=("/a",), path_handling="v1"), ["route-path-handling-v1"]),
        (RouteRow(id="r1", headers={"x": ("~*(?=a)",)}), ["router-header-regex-not-validated"]),
        (RouteRow(id="r1", headers={"x": ("~*a", "b")}), ["router-header-regex-multi"]),
        (RouteRow(id="r1", headers={"x": ("a",)}, hosts=("h",), methods=("GET",)), []),
        (
            RouteRow(id="r1", headers={"x": ("a",)}, hosts=("h",), methods=("GET",), paths=("/a",)),
            ["route-many-criteria"],
        ),
    ],
)
def test_what_a_route_says_without_any_request_is_seen_in_its_row(
    route: RouteRow, expected: list[str]
) -> None:
    findings = found(attrs.evolve(HEALTHY, routes=(route,)))

    assert [f.rule for f in findings] == expected
    assert {(f.location.table, f.location.row) for f in findings if f.location} <= {
        ("routes", "r1")
    }


@pytest.mark.parametrize(
    ("like", "severity"),
    [("database-path-changes", Severity.INFO), (None, Severity.WARNING)],
)
def test_rows_that_were_too_many_are_counted(like: str | None, severity: Severity) -> None:
    left = LeftOut(table="routes", rows=7, like=like)

    (finding,) = found(attrs.evolve(HEALTHY, left_out=(left,)))

    assert (finding.rule, finding.severity) == ("database-more-rows", severity)
    assert "7 more rows of routes" in finding.message


def test_a_pattern_that_only_rust_refuses_is_no_blocker_under_the_old_router() -> None:
    facts = attrs.evolve(HEALTHY, routes=(RouteRow(id="r1", paths=("/look(?=ahead)",)),))

    assert rules(facts, "router_flavor = traditional\n") == ["database-path-changes"]


@pytest.mark.parametrize(
    ("same_moment", "severity"), [(True, Severity.BLOCKER), (False, Severity.WARNING)]
)
def test_a_repeated_target_blocks_where_finish_would_fail(
    same_moment: bool, severity: Severity
) -> None:
    target = RepeatedTarget(upstream="u1", target="10.0.0.1:80", rows=2, same_moment=same_moment)

    findings = found(attrs.evolve(HEALTHY, repeated_targets=(target,)))

    assert [(f.rule, f.severity) for f in findings] == [("database-target-repeated", severity)]


@pytest.mark.parametrize(
    "mark",
    [
        "database-http-log-headers",
        "database-functions-move",
        "database-aws-lambda-left",
        "database-acme-vault-left",
    ],
)
def test_plugin_rows_speak_for_their_rule(mark: str) -> None:
    row = PluginRow(id="p1", name="acme", mark=mark)

    assert rules(attrs.evolve(HEALTHY, plugin_rows=(row,))) == [mark]


@pytest.mark.parametrize(
    ("version", "expected"),
    [("12.0", []), ("16.3", []), ("11.9", ["postgres-server-unsupported"])],
)
def test_the_server_has_to_be_supported_by_3_4(version: str, expected: list[str]) -> None:
    assert rules(attrs.evolve(HEALTHY, server_version=version)) == expected


def test_a_table_of_somebody_else_is_told() -> None:
    facts = attrs.evolve(HEALTHY, tables={"routes": 3, "sessions": 9, "shop_orders": 5})

    assert ("table-unknown", "table shop_orders") in [(f.rule, f.subject) for f in found(facts)]
    assert sum(f.rule == "table-unknown" for f in found(facts)) == 1


def test_many_routes_are_looked_at_in_parts_and_each_is_told() -> None:
    routes = tuple(
        RouteRow(id=f"{n}", name=f"r{n}", paths=(f"/{n}",), protocols=("http",), path_handling="v1")
        for n in range(4_001)
    )

    told = found(attrs.evolve(HEALTHY, routes=routes), "router_flavor = expressions")

    by_rule = Counter(f.rule for f in told)
    assert by_rule["route-path-handling-v1"] == 4_001
    assert by_rule["route-flavor-expressions-ignores-paths"] == 1
    assert {f.location.row for f in told if f.location and f.location.row} == {r.id for r in routes}
