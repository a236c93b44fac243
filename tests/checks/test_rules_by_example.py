"""Each rule on text has one input it fires on and one near miss that it leaves alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kong_lts import catalog
from tests.test_pains import assessed

EXAMPLES: Mapping[str, Mapping[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("examples.yaml").read_text("utf-8")
)
FILES = {
    **{row.id: "plugins/own/handler.lua" for row in catalog.custom_plugins()},
    **{row.id: "scripts/job.sh" for row in catalog.automation()},
    **{row.id: "scripts/job.sh" for row in catalog.metrics()},
    **{row.id: "templates/a.template" for row in catalog.templates()},
    **{row.id: "logs/error.log" for row in catalog.error_log()},
    **{row.id: "" for row in catalog.platforms()},
}
"""Where the example of a rule stands, unless it says so itself."""


def rules_of(rule: str, which: str, folder: Path) -> set[str]:
    example = EXAMPLES[rule]
    at = example.get(f"{which}_at") or example.get("at") or FILES[rule]
    text = example[which]
    given: object = example.get("deployment", "oss")
    if not at:
        node = {"name": "gw-1", "operating_system": text}
        current = {"version": "2.8.5", "nodes": [node]}
        given = {"mode": "traditional", "current": current, "new": {"version": "3.4.2"}}
    files = {at: f"{text}\n"} if at else {}
    return {finding.rule for finding in assessed({"files": files, "deployment": given}, folder)}


def test_every_rule_on_text_has_an_example() -> None:
    assert set(EXAMPLES) == set(FILES)


@pytest.mark.parametrize("rule", EXAMPLES)
def test_a_rule_fires(rule: str, tmp_path: Path) -> None:
    assert rule in rules_of(rule, "hit", tmp_path)


@pytest.mark.parametrize("rule", EXAMPLES)
def test_a_rule_leaves_a_near_miss_alone(rule: str, tmp_path: Path) -> None:
    assert rule not in rules_of(rule, "miss", tmp_path)
