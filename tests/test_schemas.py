"""The JSON Schemas in the package are those of its value classes, and real documents fit them.

After a change of a value class, `python -m tests.test_schemas` writes the files anew; a change that
older documents do not fit needs another `FORMAT_VERSION`.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import kong_lts
from kong_lts.assessment import Assessment, assess
from kong_lts.baseline import Baseline
from kong_lts.deployment import Deployment
from kong_lts.events import Event, event_to_json, journal_schema
from kong_lts.evidence import Evidence
from kong_lts.fleet import FleetRun, MemberRun, Standing
from kong_lts.manifest import BackupManifest, Manifest
from kong_lts.planning import Plan
from kong_lts.reports import render
from kong_lts.reports.json_form import REPORT_SCHEMAS
from kong_lts.strategies import choose_strategy
from kong_lts.testing import scenarios
from kong_lts.testing.generators import deployments, events, values_of
from kong_lts.testing.generators import plans as any_plan
from tests.conftest import counted
from tests.interruptions import Stage
from tests.reports import samples
from tests.worlds import plans

FOLDER = Path(kong_lts.__file__).parent / "schemas"
SCHEMAS: Mapping[str, Callable[[], dict[str, object]]] = {
    "assessment": Assessment.json_schema,
    "baseline": Baseline.json_schema,
    "backup": BackupManifest.json_schema,
    "deployment": Deployment.json_schema,
    "evidence": Evidence.json_schema,
    "journal": journal_schema,
    "manifest": Manifest.json_schema,
    "plan": Plan.json_schema,
    **REPORT_SCHEMAS,
}
"""What makes each file of the folder."""

EACH = pytest.mark.parametrize("name", SCHEMAS)


def text_of(name: str) -> str:
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def problems(name: str, text: str) -> list[str]:
    """What a JSON text has that its schema does not allow."""
    jsonschema: Any = pytest.importorskip("jsonschema")
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [
        error.message
        for error in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(text))
    ]


@EACH
def test_the_file_in_the_package_is_the_schema_of_the_class(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text_of(name)


def test_there_is_no_other_file() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.json" for name in SCHEMAS}


@EACH
def test_every_reference_leads_somewhere(name: str) -> None:
    text = text_of(name)
    there = {f"#/$defs/{kind}" for kind in json.loads(text)["$defs"]}

    used = {line.split('"')[3] for line in text.splitlines() if '"$ref"' in line}

    assert used == there


@EACH
def test_a_file_is_a_schema(name: str) -> None:
    jsonschema: Any = pytest.importorskip("jsonschema")

    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name]())


@pytest.mark.parametrize("scenario", scenarios.ALL)
def test_every_scenario_fits(scenario: str) -> None:
    deployment = scenarios.ALL[scenario]
    assessment = assess(deployment, Evidence())

    assert problems("deployment", deployment.to_json()) == []
    assert problems("assessment", assessment.to_json()) == []


@pytest.mark.parametrize("scenario", plans())
def test_the_plan_of_every_strategy_fits(scenario: str) -> None:
    assert problems("plan", plans()[scenario].to_json()) == []


def test_the_journal_of_a_real_run_fits() -> None:
    stage = Stage()
    stage.execute(approves=False)
    stage.resume()
    stage.roll_back()

    entries = [event_to_json(event) for event in stage.journal.events()]

    assert [problems("journal", entry) for entry in entries] == [[]] * len(entries)


FLEET = FleetRun(
    members=tuple(
        MemberRun(name=f"shop-{standing}", wave=1, standing=standing, reason="because")
        for standing in Standing
    )
)
REPORTS: Mapping[str, tuple[Callable[[], object], ...]] = {
    "report_run": (samples.finished, samples.killed_and_resumed, samples.rolled_back),
    "report_rehearsal": (samples.safe_rehearsal, samples.broken_rehearsal),
    "report_fleet": (lambda: FLEET,),
    "report_choice": (lambda: choose_strategy(samples.deployment()),),
}


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_in_json_fits(name: str) -> None:
    assert [problems(name, render(make(), "json")) for make in REPORTS[name]] == [[]] * len(
        REPORTS[name]
    )
    assert problems(name, "{}")


@settings(max_examples=counted(200))
@given(deployment=deployments())
def test_every_deployment_fits(deployment: Deployment) -> None:
    assert problems("deployment", deployment.to_json()) == []


@settings(max_examples=counted(100))
@given(plan=any_plan())
def test_every_plan_fits(plan: Plan) -> None:
    assert problems("plan", plan.to_json()) == []


@settings(max_examples=counted(200))
@given(event=events())
def test_every_event_fits(event: Event) -> None:
    assert problems("journal", event_to_json(event)) == []


@settings(max_examples=counted(100))
@given(manifest=values_of(Manifest))
def test_every_manifest_fits(manifest: Manifest) -> None:
    assert problems("manifest", manifest.to_json()) == []


@settings(max_examples=counted(100))
@given(manifest=values_of(BackupManifest))
def test_the_manifest_of_every_whole_backup_fits(manifest: BackupManifest) -> None:
    assert problems("backup", manifest.to_json()) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("deployment", {"colour": "red"}),
        ("deployment", {"mode": "rolling"}),
        ("deployment", {"name": 5}),
        ("deployment", {"format_version": 2}),
        ("deployment", {"current": {"version": "2.8"}}),
        ("plan", {"steps": [{"kind": "DropEverything", "id": "a"}]}),
        ("plan", {"steps": [{"kind": "DivertTraffic", "id": "a"}]}),
        ("plan", {"starts_from": "2.9"}),
        ("journal", {"event": {"at": "now"}}),
        ("journal", {"event": {"kind": "RunEnded", "at": "now", "by": "me"}}),
    ],
)
def test_what_the_library_refuses_does_not_fit(name: str, change: dict[str, object]) -> None:
    deployment = scenarios.ALL["traditional-dual-cluster"]
    texts = {
        "deployment": deployment.to_json(),
        "plan": plans()["traditional-dual-cluster"].to_json(),
        "journal": '{"format_version": 1}',
    }

    assert problems(name, json.dumps({**json.loads(texts[name]), **change})) != []


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for schema_name in SCHEMAS:
        (FOLDER / f"{schema_name}.json").write_text(text_of(schema_name), encoding="utf-8")
