"""The forms that readers of JUnit XML and of SARIF take, held by rules of our own.

Jenkins and Maven Surefire publish what they take of JUnit XML, GitLab shows the first case of a
name alone, and GitHub refuses a whole SARIF file over one result without a line. What these say
is written here as assertions.
"""

import json
import re
from typing import Any
from xml.etree import ElementTree

import attrs
import pytest
from hypothesis import given

from kong_lts.assessment import Assessment
from kong_lts.errors import CannotRenderError
from kong_lts.findings import Finding, Location, Severity
from kong_lts.reports import render
from kong_lts.testing.generators import values_of
from tests.reports import samples
from tests.reports.hostile_samples import hostile
from tests.reports.test_hostile import hostile_texts

SECONDS = re.compile(r"[0-9]+\.[0-9]{3}")
COUNTS = {"tests", "failures", "errors"}
MAY_HAVE = {"failure": {"type", "message"}, "skipped": {"message"}, "system-out": set[str]()}
IN_ORDER = tuple(MAY_HAVE)


def check_junit(text: str) -> None:
    """One suite of cases, each told from all others, with its parts in the order of Surefire."""
    suites = ElementTree.fromstring(text)
    (suite,) = suites
    assert (suites.tag, suite.tag) == ("testsuites", "testsuite")
    assert suites.attrib.keys() == {"name", "time", *COUNTS}
    assert suite.attrib.keys() == {"name", "time", "skipped", *COUNTS}
    assert {name: suite.get(name) for name in COUNTS} == {n: suites.get(n) for n in COUNTS}
    cases = [(case.get("classname"), case.get("name")) for case in suite]
    assert len(set(cases)) == len(cases) == int(suite.get("tests", ""))
    for case in suite:
        check_case(case)


def check_case(case: ElementTree.Element) -> None:
    assert case.tag == "testcase"
    assert case.attrib.keys() == {"classname", "name", "time"}
    assert SECONDS.fullmatch(case.get("time", ""))
    tags = [part.tag for part in case]
    assert sorted(set(tags), key=IN_ORDER.index) == tags
    for part in case:
        assert part.attrib.keys() == MAY_HAVE[part.tag]
        assert len(part) == 0


def check_sarif(text: str) -> None:
    """What GitHub's code scanning asks for beyond the schema."""
    log = json.loads(text)
    (run,) = log["runs"]
    rules: list[Any] = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) <= 25_000
    for rule in rules:
        for name in ("shortDescription", "fullDescription"):
            assert 0 < len(rule[name]["text"]) <= 1_024
        assert rule["help"]["text"]
        assert len(rule["properties"]["tags"]) <= 10
    assert len(run["results"]) <= 25_000
    for result in run["results"]:
        check_result(result, rules, run["originalUriBaseIds"])


def check_result(result: Any, rules: Any, bases: Any) -> None:
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["level"] in ("error", "warning", "note")
    assert re.fullmatch("[0-9a-f]{64}", result["partialFingerprints"]["primaryLocationLineHash"])
    (location,) = result["locations"]
    place = location["physicalLocation"]
    artifact = place["artifactLocation"]
    assert re.fullmatch(r"[\w./~%-]+|file:///[\w./~%-]*", artifact["uri"], re.ASCII)
    assert artifact["uri"].startswith("file:///") != (artifact.get("uriBaseId") in bases)
    assert 1 <= place["region"]["startLine"] <= place["region"]["endLine"]


@given(values_of(Assessment))
def test_every_assessment_has_the_form_that_readers_take(value: Assessment) -> None:
    check_junit(render(value, "junit"))
    check_sarif(render(value, "sarif"))


@given(hostile_texts)
def test_every_report_has_the_form_whatever_the_texts(text: str) -> None:
    for value in hostile(text):
        for format, check in (("junit", check_junit), ("sarif", check_sarif)):
            try:
                rendered = render(value, format)
            except CannotRenderError:
                continue
            check(rendered)


@pytest.mark.parametrize(
    "name", ["finished", "failed", "rolled_back", "safe_rehearsal", "broken_rehearsal", "blocked"]
)
def test_the_samples_have_the_form(name: str) -> None:
    check_junit(render(getattr(samples, name)(), "junit"))


FOUND = Finding(
    rule="some-rule",
    severity=Severity.WARNING,
    subject="route r",
    message="it changes",
    action="Look.",
    source="guide",
)


def of(*findings: Finding) -> Assessment:
    return Assessment(deployment=samples.deployment(), findings=findings)


def test_cases_of_one_name_are_told_apart() -> None:
    other = attrs.evolve(FOUND, message="it changes twice")
    numbered = attrs.evolve(FOUND, subject="route r (2)")

    (suite,) = ElementTree.fromstring(render(of(FOUND, other, numbered), "junit"))

    names = {case.get("name") for case in suite}
    assert names == {"route r", "route r (2)", "route r (2) (2)"}


def test_a_result_without_a_place_stands_in_the_inventory() -> None:
    run = json.loads(render(of(FOUND), "sarif"))["runs"][0]

    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "deployment.yaml"


def test_the_least_of_too_many_results_are_left_out_and_said() -> None:
    many = [attrs.evolve(FOUND, location=Location(path="a", line=n)) for n in range(1, 25_003)]
    worst = attrs.evolve(FOUND, rule="worst", severity=Severity.BLOCKER)

    text = render(of(*many, worst), "sarif")

    run = json.loads(text)["runs"][0]
    (said,) = run["invocations"][0]["toolExecutionNotifications"]
    assert len(run["results"]) == 25_000
    assert run["results"][0]["ruleId"] == "worst"
    assert said["message"]["text"].startswith("3 more findings")
