"""Which route wins is told for each configuration that is known, within a budget."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

import kong_lts
from kong_lts.assessment import Assessment
from kong_lts.checks.route_sources import MOST_ROUTES
from kong_lts.database import DatabaseFacts, RouteRow, ServiceRow
from kong_lts.evidence import AccessLog, Evidence, StateFile
from kong_lts.findings import Finding, Location, Severity
from kong_lts.testing.scenarios import ALL

DB_LESS, DATABASE = ALL["db-less-rolling"], ALL["traditional-dual-cluster"]
USERS: dict[str, Any] = {"name": "users", "paths": ["/users"], "methods": ["GET"]}
USER: dict[str, Any] = {"name": "user", "paths": [r"/users/\d+"]}
SWAPPED = "a regex path comes before any prefix"


def kong_yml(*routes: dict[str, Any], version: str | None = "2.1", **other: Any) -> bytes:
    service = {"name": "s", "host": "up.test", "path": "/svc", "routes": list(routes)}
    head = {} if version is None else {"_format_version": version}
    return json.dumps({**head, "services": [service], **other}).encode()


def assessed(data: bytes | tuple[StateFile, ...], conf: str | None = None) -> Assessment:
    confs = {} if conf is None else {"": kong_lts.kong_conf.parse(conf)}
    return kong_lts.assess(DB_LESS, Evidence(declarative=data, kong_conf=confs))


def told(assessment: Assessment, rule: str = "route-winner-changes") -> Sequence[Finding]:
    """What is said of routes, but for odd clients."""
    found = [f for f in assessment.findings if f.rule == rule]
    return [f for f in found if "Host`" not in f.message]


def missing(assessment: Assessment) -> list[str]:
    return [n.missing for n in assessment.not_checked if n.rule == "route-winner-changes"]


def test_a_changed_winner_names_both_routes_the_request_the_cause_and_the_way_out() -> None:
    (finding,) = told(assessed(kong_yml(USERS, USER)))

    assert finding.severity is Severity.WARNING
    assert finding.subject == "route users and route user"
    assert finding.location == Location(path="kong.yml", line=1)
    assert "GET unnamed.invalid/users/1: route users in 2.8, route user in 3.4" in finding.message
    assert SWAPPED in finding.message
    assert "router_flavor = traditional" in finding.action


def test_changes_are_ranked_by_the_access_log() -> None:
    routes = [
        {"name": f"{path}-{age}", "paths": [f"/{path}"], "created_at": age, "id": f"{ident}{tail}"}
        for path in "abc"
        for age, ident in enumerate("12")
        for tail in (f"0000000-0000-4000-8000-00000000000{'abc'.index(path)}",)
    ]
    log = AccessLog(requests=9, paths={"/b/1": 7, "/c": 2})
    evidence = Evidence(declarative=kong_yml(*routes), access_log=log)

    found = told(kong_lts.assess(DB_LESS, evidence))

    assert [(f.subject[:7], f.traffic) for f in found] == [
        ("route b", 7),
        ("route c", 2),
        ("route a", 0),
    ]
    assert "7 lines of the access log" in found[0].message


def test_routes_that_do_not_meet_are_left_alone() -> None:
    other = {"name": "orders", "paths": ["/orders"], "methods": ["POST"]}

    assert told(assessed(kong_yml(USERS, other))) == []


def test_the_traditional_router_decides_as_before() -> None:
    assert told(assessed(kong_yml(USERS, USER), "router_flavor = traditional\n")) == []


def test_another_upstream_path_of_the_same_route_is_a_rule_of_its_own() -> None:
    route = {"name": "a", "paths": ["/a"], "path_handling": "v1"}

    (finding,) = told(assessed(kong_yml(route)), "route-upstream-changes")

    assert "/ax: route a in 2.8 and 3.4, but the upstream gets /svcx in 2.8 and /svc/x" in (
        finding.message
    )


def test_equal_created_at_counts_only_where_routes_overlap() -> None:
    same = {"paths": ["/a"], "created_at": 7}
    apart = {"name": "c", "paths": ["/c"], "created_at": 7}

    (finding,) = told(assessed(kong_yml({"name": "a", **same}, {"name": "b", **same}, apart)))

    assert finding.subject == "route a and route b"
    assert "any may win after a restart" in finding.message


def test_what_only_odd_clients_meet_is_one_finding_for_all() -> None:
    routes = [{"name": f"r{n}", "hosts": [f"h{n}.test"]} for n in range(5)]

    (finding,) = (
        f for f in assessed(kong_yml(*routes)).findings if f.rule == "route-winner-changes"
    )

    assert finding.severity is Severity.INFO
    assert "(5 of the requests" in finding.message


def test_an_answer_of_kong_in_place_of_another_is_no_warning() -> None:
    route = {"name": "tls", "snis": ["a.test"], "protocols": ["https"]}
    other = {"name": "other", "hosts": ["b.test"]}

    severities = {
        f.message.partition(": ")[2].partition(" (")[0]: f.severity
        for f in told(assessed(kong_yml(route, other)))
    }

    assert severities == {
        "route other in 2.8, route tls": Severity.WARNING,
        "no route in 2.8, route tls": Severity.INFO,
    }


def test_a_route_that_nothing_reaches_is_shadowed() -> None:
    routes = [{"name": n, "paths": ["/a"], "created_at": i} for i, n in enumerate("ab")]

    (finding,) = told(assessed(kong_yml(*routes)), "route-shadowed")

    assert finding.severity is Severity.INFO
    assert finding.message.startswith("Of the requests that were made for it, none reaches route")


def test_the_changes_are_values_with_no_credential_in_them() -> None:
    header = {"headers": {"x-api-key": ["S3CR3T"]}}

    assessment = assessed(kong_yml({**USERS, **header}, {**USER, **header}))

    change = assessment.route_changes[0]
    assert change.request.headers == (("x-api-key", "***"),)
    assert "S3CR3T" not in assessment.to_json()
    assert Assessment.from_json(assessment.to_json()) == assessment
    said = [f.message for f in kong_lts.plan(DB_LESS, assessment=assessment).findings]
    assert any("a header of it may be a credential" in message for message in said)


@pytest.mark.parametrize(("version", "winners"), [("1.1", 1), ("2.1", 1), (None, 1)])
def test_every_format_of_2_8_is_compared(version: str | None, winners: int) -> None:
    assert len(told(assessed(kong_yml(USERS, USER, version=version)))) == winners


def test_a_converted_file_is_held_against_what_it_was() -> None:
    converted = {**USER, "paths": [r"~/users/\d+"]}

    assert len(told(assessed(kong_yml(USERS, converted, version="3.0")))) == 1


def test_a_file_of_3_4_that_2_8_cannot_have_had_is_not_compared() -> None:
    assessment = assessed(kong_yml({"name": "a", "paths": ["~/plain"]}, version="3.0"))

    assert missing(assessment) == [
        "kong.yml: what 2.8 runs; format 3.0 has paths that 2.8 never had"
    ]


def test_routes_that_3_4_refuses_are_not_compared() -> None:
    (reason,) = missing(assessed(kong_yml({"name": "a", "paths": ["/a(?=b)"]})))

    assert reason.startswith("kong.yml: a router that takes its routes: route a: paths:")


def test_beyond_the_budget_nothing_is_guessed() -> None:
    routes = [{"name": f"r{n}", "paths": [f"/{n}"]} for n in range(40_001)]

    assessment = assessed(kong_yml(*routes))

    assert told(assessment) == []
    (reason,) = missing(assessment)
    assert reason.startswith("kong.yml: 40001 routes; up to 40000 are compared")


def test_more_changes_than_anybody_reads_are_counted() -> None:
    pairs = [
        {
            "name": f"{age}-{n}",
            "hosts": [f"h{n}.test"],
            "created_at": age,
            "id": f"{age:08x}-0000-4000-8000-{n:012x}",
        }
        for n in range(101)
        for age in (1, 2)
    ]

    assessment = assessed(kong_yml(*pairs))

    assert len(told(assessment)) == 100
    assert missing(assessment) == ["kong.yml: 101 changes; the 100 that weigh most are told"]


def test_workspaces_of_one_gateway_are_compared_together() -> None:
    files = tuple(
        StateFile(path=f"state/{n}.yaml", data=kong_yml(route, _workspace=n, version="1.1"))
        for n, route in (("one", USERS), ("two", USER))
    )

    evidence = Evidence(declarative=files)

    (finding,) = told(kong_lts.assess(DATABASE, evidence))
    assert finding.subject == "route users and route user"
    assert told(kong_lts.assess(DB_LESS, evidence)) == []


def test_a_name_of_two_workspaces_is_told_apart_and_still_probed() -> None:
    files = tuple(
        StateFile(path=f"state/{n}.yaml", data=kong_yml(route, _workspace=n))
        for n, route in (("one", USERS), ("two", {**USER, "name": "users"}))
    )

    assessment = kong_lts.assess(DATABASE, Evidence(declarative=files))

    (finding,) = told(assessment)
    assert finding.subject == "route users and route two»users"
    step = kong_lts.plan(DATABASE, assessment=assessment).step("staging-test-routes")
    assert {r for p in step.probes for r in p.expect_routes} <= {"users", "no route"}  # type: ignore[union-attr] # a staging test


def test_without_ids_of_the_database_a_tie_is_said_to_be_open() -> None:
    data = kong_yml({"name": "a", "paths": ["/a"]}, {"name": "b", "paths": ["/a"]})

    (finding,) = told(kong_lts.assess(DATABASE, Evidence(declarative=data)))

    assert "route a or route b in 2.8, route a or route b in 3.4" in finding.message


OLD = RouteRow(
    id="00000000-0000-4000-8000-000000000001",
    name="old",
    paths=("/a",),
    protocols=("http",),
    created_at=1.0,
    service="s1",
)
YOUNG = attrs.evolve(OLD, id="00000000-0000-4000-8000-000000000002", name="young", created_at=2.0)
SERVICE = ServiceRow(id="s1", name="s", host="up.test")


def of_database(*routes: RouteRow, services: tuple[ServiceRow, ...] = (SERVICE,)) -> Assessment:
    facts = DatabaseFacts(name="kong", routes=routes, services=services)
    return kong_lts.assess(DATABASE, Evidence(database=facts))


def test_the_routes_of_a_database_are_compared() -> None:
    (finding,) = told(of_database(OLD, YOUNG))

    assert finding.location == Location(table="routes", row=OLD.id)
    assert finding.evidence == "database"
    assert "route old in 2.8, route young in 3.4" in finding.message


def test_the_oldest_route_of_a_database_may_have_the_greatest_id_too() -> None:
    assert told(of_database(OLD, attrs.evolve(YOUNG, created_at=0.5))) == []


def test_a_disabled_service_has_no_routes() -> None:
    assert told(of_database(OLD, YOUNG, services=(attrs.evolve(SERVICE, enabled=False),))) == []


def test_rows_with_their_paths_only_are_not_compared() -> None:
    assert missing(of_database(OLD, RouteRow(id=YOUNG.id, paths=("/a",)))) == [
        "all columns of the 2 routes of database kong"
    ]


def test_a_name_that_a_database_has_twice_gives_way_to_the_id() -> None:
    (finding,) = told(of_database(OLD, attrs.evolve(YOUNG, name="old")))

    assert f"route old in 2.8, route {YOUNG.id} in 3.4" in finding.message


def test_the_database_counts_where_files_are_there_too() -> None:
    facts = DatabaseFacts(name="kong", routes=(OLD,), services=(SERVICE,))
    evidence = Evidence(database=facts, declarative=kong_yml(USERS, USER))

    assert told(kong_lts.assess(DATABASE, evidence)) == []


def test_the_documentation_says_how_many_are_compared() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "compare-routing.md"

    assert f"up to {MOST_ROUTES:,} routes" in page.read_text(encoding="utf-8")
