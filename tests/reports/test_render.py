"""render: which value has which format, and how every report opens."""

import json
import re
import subprocess
import sys
from collections.abc import Callable

import attrs
import pytest

from kong_lts.assessment import Assessment
from kong_lts.errors import CannotRenderError
from kong_lts.findings import Severity
from kong_lts.planning import Rehearsal, plan
from kong_lts.reports import render
from kong_lts.strategies import choose_strategy
from tests.reports import samples

FORMATS = ("text", "terminal", "markdown", "html", "json")

VALUES: dict[str, Callable[[], object]] = {
    "assessment": samples.blocked,
    "nothing found": samples.clear,
    "choice": lambda: choose_strategy(samples.deployment()),
    "plan": samples.short_plan,
    "real plan": lambda: plan(samples.deployment()),
    "rehearsal": samples.broken_rehearsal,
    "finished": samples.finished,
    "killed and resumed": samples.killed_and_resumed,
    "killed": samples.killed,
    "failed": samples.failed,
    "rolled back": samples.rolled_back,
    "rollback failed": samples.rollback_failed,
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_each_value_has_each_format_and_equal_values_equal_reports(
    value: Callable[[], object], format: str
) -> None:
    assert render(value(), format) == render(value(), format) != ""


VERDICTS = [
    (samples.blocked, "Blocked: 1 finding stands in the way of the upgrade of shop"),
    (samples.clear, "Nothing found stands in the way of the upgrade of shop from 2.8.5 to 3.4.2"),
    (
        samples.short_plan,
        "Planned: dual-cluster upgrade of shop from 2.8.5 to 3.4.2 in 15 steps; no",
    ),
    (samples.safe_rehearsal, "Rehearsed: every invariant held in 8 rehearsed cases of the dual-"),
    (samples.broken_rehearsal, "Not safe: invariants broke in 1 case of 9 rehearsed cases of the"),
    (samples.finished, "Upgrade done in 5 min 24 s; traffic is 100% on the new cluster; admin wri"),
    (samples.killed_and_resumed, "Upgrade done in 5 min 24 s; traffic is 100% on the new cluster;"),
    (samples.failed, "Stopped at step migrations-up: kong migrations up ended with status 1:"),
    (samples.killed, "Interrupted at step divert-50; traffic is 10% or 50% on the new cluster"),
    (samples.rolled_back, "Rolled back in 6 s; all traffic is on the current cluster; admin writ"),
    (samples.rollback_failed, "Rollback failed at step divert-50: Setting the weight: the load"),
]


@pytest.mark.parametrize(("value", "verdict"), VERDICTS)
def test_a_report_opens_with_the_verdict(value: Callable[[], object], verdict: str) -> None:
    text, markdown, html = (render(value(), name) for name in ("text", "markdown", "html"))

    assert text.replace("\n", " ").startswith(verdict)
    assert markdown.startswith(f"# {verdict}")
    assert f"<h1>{verdict}" in html


def test_a_choice_gives_its_reason_in_its_first_sentence() -> None:
    choice = choose_strategy(samples.deployment())

    assert render(choice, "markdown").startswith(
        "# The guide's flow chart leads to dual-cluster: traditional mode, and a second cluster"
    )


def test_warnings_and_gaps_are_in_the_verdict_of_an_assessment_without_blockers() -> None:
    found = samples.blocked()
    kept = tuple(f for f in found.findings if f.severity is not Severity.BLOCKER)

    text = render(type(found)(deployment=found.deployment, findings=kept), "text")

    assert text.replace("\n", " ").startswith(
        "Nothing found stands in the way of the upgrade of shop from 2.8.5 to 3.4.2;"
        " 1 warning to act on."
    )


def test_a_rehearsal_without_a_case_is_not_called_safe() -> None:
    text = render(Rehearsal(plan=samples.short_plan(), cases=()), "text")

    assert text.startswith("Not rehearsed")


def test_json_of_a_run_has_verdict_steps_times_outcomes_and_findings() -> None:
    document = json.loads(render(samples.rolled_back(), "json"))

    assert document["format_version"] == 1
    assert document["verdict"] == "rolled back"
    assert document["new_percent"] == [0]
    assert document["steps"][0]["step"] == "stop-admin-writes"
    assert document["steps"][0]["started"] == "2024-05-01T12:00:00.100000+00:00"
    assert document["steps"][0]["worked_s"] == 0.6
    assert document["outcomes"]["divert-50"] == {"kind": "Diverted", "new_percent": 50}
    assert [finding["rule"] for finding in document["findings"]] == ["gate-shut"]
    assert document["not_begun"] == ["divert-100", "watch-100", "resume-admin-writes"]


def test_json_of_a_rehearsal_has_its_cases() -> None:
    document = json.loads(render(samples.broken_rehearsal(), "json"))

    assert document["ok"] is False
    assert len(document["cases"]) == 9
    assert document["cases"][-1]["broken"][1] == "admin writes are still stopped"


def test_json_of_a_plan_and_of_an_assessment_is_their_own_form() -> None:
    made, found = samples.short_plan(), samples.blocked()

    assert render(made, "json") == made.to_json()
    assert render(found, "json") == found.to_json()


@pytest.mark.parametrize("format", ["mermaid", "pdf", ""])
def test_a_format_that_is_not_there_names_those_that_are(format: str) -> None:
    with pytest.raises(CannotRenderError) as caught:
        render(samples.clear(), format)

    assert caught.value.value == "Assessment"
    assert caught.value.format == format
    assert caught.value.formats == (*FORMATS, "sarif", "junit")


def test_a_value_that_is_no_report_is_named_by_its_type_only() -> None:
    with pytest.raises(CannotRenderError) as caught:
        render("postgres://kong:secret@db/kong", "text")

    assert caught.value.value == "str"
    assert "secret" not in str(caught.value)


WITHOUT_EXTRAS = """
import sys
sys.modules["jinja2"] = sys.modules["rich"] = None
from kong_lts.assessment import Assessment
from kong_lts.errors import CannotRenderError
from kong_lts.reports import render
from tests.reports import samples
render(samples.clear(), "markdown")
for format in ("html", "terminal"):
    try:
        render(samples.clear(), format)
    except CannotRenderError as exc:
        print(exc)
"""


COLOURS = re.compile(r"\x1b\[[\d;]*m")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_on_a_terminal_the_text_is_the_same_in_colours(value: Callable[[], object]) -> None:
    coloured = render(value(), "terminal")

    assert COLOURS.sub("", coloured) == render(value(), "text")
    assert COLOURS.match(coloured)


def test_a_blocker_is_red_and_a_warning_is_yellow() -> None:
    lines = render(samples.blocked(), "terminal").splitlines()

    assert sum(line.startswith("\x1b[1;31mBLOCKER") for line in lines) == 1
    assert sum(line.startswith("\x1b[1;33mWARNING") for line in lines) == 1


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def test_without_its_packages_a_format_is_refused_and_says_what_to_install() -> None:
    assert run_python(WITHOUT_EXTRAS).count("pip install kong-lts[reports]") == 2


def test_importing_reports_does_not_load_jinja2() -> None:
    code = "import sys, kong_lts.reports; print('jinja2' in sys.modules)"

    assert run_python(code).strip() == "False"


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_object_is_shown_as_python_writes_it(value: Callable[[], object]) -> None:
    for format in FORMATS[:4]:
        assert not re.search(r"\w+\(\w+=|object at 0x|<class|None\b", render(value(), format))


def _repeated(number: int) -> Assessment:
    finding = samples.CASSANDRA
    many = tuple(attrs.evolve(finding, subject=f"route {n}") for n in range(number))
    return attrs.evolve(samples.blocked(), findings=many)


def test_many_findings_open_with_how_many_each_rule_has() -> None:
    text = render(_repeated(26), "text")

    assert "Findings by rule" in text
    assert re.search(r"conf-database-cassandra +BLOCKER +26\b", text)


def test_few_findings_need_no_table_of_their_rules() -> None:
    assert "Findings by rule" not in render(_repeated(25), "text")
