"""Findings read alike from run to run, the worst first."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.findings import Finding, Location, Severity, blockers, in_order
from kong_lts.testing.generators import findings
from tests.conftest import counted


def finding(
    rule: str = "a-rule",
    severity: Severity = Severity.WARNING,
    location: Location | None = None,
    subject: str = "worker_consistency",
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        subject=subject,
        message="It has another default.",
        action="Set it.",
        source="a release note",
        location=location,
    )


@settings(max_examples=counted(300))
@given(found=st.lists(findings(), max_size=6), data=st.data())
def test_the_order_of_findings_does_not_depend_on_where_they_come_from(
    found: list[Finding], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(found))

    ordered = in_order(found)

    assert sorted(map(repr, ordered)) == sorted(map(repr, found))
    assert list(map(str, in_order(shuffled))) == list(map(str, ordered))


@settings(max_examples=counted(300))
@given(found=st.lists(findings(), max_size=6))
def test_the_worst_come_first(found: list[Finding]) -> None:
    ranks = [f.severity.rank for f in in_order(found)]

    assert ranks == sorted(ranks, reverse=True)


def test_line_9_comes_before_line_10() -> None:
    nine, ten = (finding(location=Location(path="kong.conf", line=n)) for n in (9, 10))

    assert in_order([ten, nine]) == (nine, ten)


def test_only_blockers_stand_in_the_way() -> None:
    found = [finding(severity=severity) for severity in Severity]

    assert blockers(found) == (found[2],)


def test_severities_have_ranks() -> None:
    assert [s.rank for s in (Severity.INFO, Severity.WARNING, Severity.BLOCKER)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (Location(), ""),
        (Location(path="kong.yml"), "kong.yml"),
        (Location(path="kong.yml", line=3, column=7), "kong.yml:3:7"),
        (Location(line=3), "line 3"),
        (Location(table="routes"), "table routes"),
        (Location(table="routes", row="an id"), "table routes, row an id"),
    ],
)
def test_a_location_says_where(location: Location, text: str) -> None:
    assert str(location) == text


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (None, "WARNING a-rule: worker_consistency: It has another default."),
        (Location(), "WARNING a-rule: worker_consistency: It has another default."),
        (
            Location(path="kong.conf", line=3),
            "WARNING a-rule: kong.conf:3: worker_consistency: It has another default.",
        ),
    ],
)
def test_a_finding_is_one_line(location: Location | None, text: str) -> None:
    assert str(finding(location=location)) == text
