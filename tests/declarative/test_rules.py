"""Every row of the catalog speaks where it has to, and keeps silent on a near miss."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kong_lts import catalog
from kong_lts.catalog.rows import DeclarativeRule
from kong_lts.declarative import convert
from kong_lts.findings import Finding, Severity

GOLDEN = Path(__file__).parents[1] / "golden" / "declarative"
RULES = {rule.id: rule for rule in (*catalog.plugins(), *catalog.entities())}
ARGUMENTS = ("mode", "edition", "router_flavor")


def golden(name: str) -> Mapping[str, Any]:
    text = (GOLDEN / name).read_text(encoding="utf-8")
    return dict(YAML(typ="safe").load(text))


PLUGINS = golden("plugin-rules.yaml")
ENTITIES = golden("entity-rules.yaml")


def plugin_file(rule: DeclarativeRule, case: Any, side: str) -> str:
    """A file with the plugins of one side of a case."""
    if isinstance(case, list):
        bodies = [{"config": case[("silent", "fires").index(side) ^ 1]}]
    else:
        bodies = case[side] if isinstance(case[side], list) else [case[side]]
    plugins = [{"name": rule.on[0], **body} for body in bodies]
    head = [case["head"]] if isinstance(case, dict) and "head" in case else []
    return "\n".join(['_format_version: "2.1"', *head, f"plugins: {json.dumps(plugins)}", ""])


def entity_file(side: Mapping[str, str]) -> str:
    if "text" in side:
        return side["text"] if side["text"].endswith("\n") else side["text"] + "\n"
    return f'_format_version: "2.1"\nroutes:\n- name: r\n  paths:\n  - {json.dumps(side["path"])}\n'


def said(rule: str, text: str, case: Any) -> list[Finding]:
    arguments = {k: case[k] for k in ARGUMENTS if isinstance(case, dict) and k in case}
    findings = convert(text.encode(), **arguments).findings
    return [finding for finding in findings if finding.rule == rule]


def cases() -> Iterator[tuple[str, str, str, Any]]:
    for rule, case in PLUGINS.items():
        yield rule, *(plugin_file(RULES[rule], case, side) for side in ("fires", "silent")), case
    for rule, case in ENTITIES.items():
        yield rule, entity_file(case["fires"]), entity_file(case["silent"]), case


def test_every_rule_has_a_case() -> None:
    assert sorted(RULES) == sorted({**PLUGINS, **ENTITIES})


@pytest.mark.parametrize(("rule", "text", "case"), [(r, s, c) for r, _, s, c in cases()])
def test_a_near_miss_is_left_alone(rule: str, text: str, case: Any) -> None:
    assert said(rule, text, case) == []


@pytest.mark.parametrize(("rule", "text", "case"), [(r, f, c) for r, f, _, c in cases()])
def test_the_rule_speaks_with_line_and_column(rule: str, text: str, case: Any) -> None:
    found = said(rule, text, case)

    assert found
    for finding in found:
        assert finding.location is not None
        assert (finding.location.line or 0) >= 1
        assert (finding.location.column or 0) >= 1
        assert finding.severity.rank <= RULES[rule].severity.rank
        assert finding.source == RULES[rule].source


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_what_a_rule_converts_it_does_not_also_call_a_blocker(rule: DeclarativeRule) -> None:
    case = PLUGINS.get(rule.id)
    if rule.change is None or rule.change.when.value != "always" or case is None:
        return
    found = said(rule.id, plugin_file(rule, case, "fires"), case)

    assert [finding.severity for finding in found] != [Severity.BLOCKER]


@pytest.mark.parametrize("edition", ["oss", "enterprise"])
@pytest.mark.parametrize("after_upgrade", [False, True])
def test_whatever_is_converted_is_proved_and_stays(edition: str, *, after_upgrade: bool) -> None:
    for _, fires, silent, _ in cases():
        for text in (fires, silent):
            first = text.encode()
            for _ in range(2):  # the second time there is nothing left to do
                first, again = (
                    convert(
                        first,
                        mode="traditional",
                        edition=edition,
                        keep_behaviour=True,
                        after_upgrade=after_upgrade,
                        verify=True,
                    ).data,
                    first,
                )
            assert first is again
