"""Bundles of evidence, each with a pain of earlier upgrades, or with nothing worth a warning."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import kong_lts
from kong_lts import catalog
from kong_lts.catalog.rows import ConfTrigger
from kong_lts.deployment import parse_deployment
from kong_lts.findings import Finding, Severity
from tests.checks.weak_certificates import EC_192, RSA_1024, SHA_1

FOLDER = Path(__file__).parent / "pains"
PRESETS = {
    "oss": """\
mode: traditional
current: {version: 2.8.5, database: {kind: postgres, server_version: '13.11'}}
new: {version: 3.4.2}
resources: {second_cluster: true, downtime_acceptable: true}
""",
    "ee": """\
mode: traditional
current: {version: 2.8.4.14, database: {kind: postgres, server_version: '13.11'}}
new: {version: 3.4.3.12}
resources: {second_cluster: true, downtime_acceptable: true}
""",
    "db-less": """\
mode: db-less
current: {version: 2.8.5}
new: {version: 3.4.2}
""",
    "hybrid-oss": """\
mode: hybrid
current:
  version: 2.8.5
  nodes: [{name: cp-1, role: control_plane}, {name: dp-1, role: data_plane}]
new: {version: 3.4.2}
resources: {second_cluster: true, downtime_acceptable: true}
""",
    "hybrid-ee": """\
mode: hybrid
current:
  version: 2.8.4.14
  nodes: [{name: cp-1, role: control_plane}, {name: dp-1, role: data_plane}]
new: {version: 3.4.3.12}
resources: {second_cluster: true, downtime_acceptable: true}
""",
}
MARKS = {"@RSA1024@": RSA_1024, "@SHA1@": SHA_1, "@EC192@": EC_192}
WITHOUT_LINES = ("environ", ".json")
"""Variables and entities, of which the evidence has no text."""
ABSENT = {row.id for row in catalog.kong_conf() if row.trigger is ConfTrigger.ABSENT}
MOST_BESIDE = 4
"""So many warnings may be about something else."""


def bundles(*names: str) -> list[Any]:
    yaml = YAML(typ="safe", pure=True)
    found = []
    for name in names:
        for bundle in yaml.load(FOLDER.joinpath(f"{name}.yaml").read_text("utf-8")):
            label = f"{bundle.get('pain') or bundle.get('rule', 'clean')} {bundle['form']}"
            found.append(pytest.param(bundle, id=re.sub(r"\W+", "-", label)))
    return found


PAINS = bundles("routes", "database", "plugins", "nodes", "forms", "operations", "variables")
OTHERS = bundles("other")


def deployment_of(given: object) -> kong_lts.Deployment:
    if isinstance(given, str):
        return parse_deployment(PRESETS[given])

    def texts(value: object) -> object:
        if isinstance(value, Mapping):
            return {key: texts(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [texts(inner) for inner in value]
        return value if isinstance(value, bool) else str(value)

    return parse_deployment(json.dumps(texts(given)))


def assessed(bundle: Mapping[str, Any], folder: Path) -> tuple[Finding, ...]:
    for name, text in bundle["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for mark, pem in MARKS.items():
            at = text.find(mark)
            indent = " " * (at - text.rfind("\n", 0, at) - 1)
            text = text.replace(mark, pem.replace("\n", f"\n{indent}").rstrip())
        path.write_text(text, encoding="utf-8")
    evidence = kong_lts.read_evidence(folder)
    return kong_lts.assess(deployment_of(bundle["deployment"]), evidence).findings


def has_its_line(finding: Finding, files: Mapping[str, str]) -> bool:
    """Whether a finding on a text names the line; what is not there has none."""
    where = finding.location
    if where is None or where.path is None or where.path not in files:
        return True
    if finding.rule in ABSENT:
        return True
    return where.line is not None or where.path.endswith(WITHOUT_LINES)


@pytest.mark.parametrize("bundle", [*PAINS, *OTHERS])
def test_a_pain_is_found_in_words_that_name_it(bundle: Mapping[str, Any], tmp_path: Path) -> None:
    least = Severity(bundle.get("severity", "warning"))
    findings = assessed(bundle, tmp_path)
    assert bundle.get("rule", "") in {"", *(f.rule for f in findings)}
    assert [str(f) for f in findings if not has_its_line(f, bundle["files"])] == []
    said = [
        f"{f.rule} {f.subject} {f.message} {f.action}".lower()
        for f in findings
        if f.severity.rank >= least.rank
    ]
    words = [[word.lower() for word in group] for group in bundle["words"]]

    about = [text for text in said if any(word in text for group in words for word in group)]

    assert all(any(word in text for text in about for word in group) for group in words), said
    if least is not Severity.INFO:
        assert len(said) - len(about) <= MOST_BESIDE, said


@pytest.mark.parametrize("bundle", bundles("clean", "clean_operations"))
def test_a_bundle_without_a_pain_has_no_warning(bundle: Mapping[str, Any], tmp_path: Path) -> None:
    found = [str(f) for f in assessed(bundle, tmp_path) if f.severity is not Severity.INFO]

    assert found == []


def test_the_pains_that_any_input_shows_are_here() -> None:
    shown = {row.id for row in catalog.pains() if row.rules}

    assert {bundle.values[0]["pain"] for bundle in PAINS} >= shown
