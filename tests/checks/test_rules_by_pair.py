"""Each rule on more than one text fires on one bundle and leaves a near miss alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kong_lts import catalog
from kong_lts.checks import ALL
from tests.checks.test_rules_by_example import EXAMPLES
from tests.declarative.test_rules import RULES as DECLARATIVE
from tests.test_pains import assessed

PAIRS: Mapping[str, Mapping[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("pairs.yaml").read_text("utf-8")
)
_KNOWN = catalog.migrations()
MARKS = {
    "@CORE@": _KNOWN.core_2_8,
    "@CORE34@": (*_KNOWN.core_2_8, *_KNOWN.core_3_4),
    "@CORE35@": (*_KNOWN.core_2_8, *_KNOWN.core_3_4, "021_340_to_350"),
}
ELSEWHERE = {"baseline-unused"}
"""It takes a baseline: tests/checks/test_suppressions.py."""


def rules_of(rule: str, which: str, folder: Path) -> set[str]:
    pair = PAIRS[rule]
    files = {}
    for path, text in pair[which].items():
        for mark, names in MARKS.items():
            text = text.replace(mark, json.dumps(list(names)))
        files[path] = text
    bundle = {"files": files, "deployment": pair.get(f"{which}_on") or pair["on"]}
    return {finding.rule for finding in assessed(bundle, folder)}


def test_every_rule_of_the_catalog_and_of_a_check_has_a_hit_and_a_near_miss() -> None:
    by_pair = {
        row.id
        for rows in (
            catalog.cross_input(),
            catalog.database(),
            catalog.prerequisites(),
            catalog.routes(),
            catalog.inputs(),
        )
        for row in rows
    }
    of_checks = {rule for check in ALL for rule in check.rules()}
    of_files = {row.id for row in catalog.kong_conf()} | set(DECLARATIVE)  # tests of their own

    assert set(PAIRS) | ELSEWHERE == by_pair
    assert of_checks <= by_pair | set(EXAMPLES) | of_files


@pytest.mark.parametrize("rule", PAIRS)
def test_a_rule_fires(rule: str, tmp_path: Path) -> None:
    assert rule in rules_of(rule, "hit", tmp_path)


@pytest.mark.parametrize("rule", PAIRS)
def test_a_rule_leaves_a_near_miss_alone(rule: str, tmp_path: Path) -> None:
    assert rule not in rules_of(rule, "miss", tmp_path)
