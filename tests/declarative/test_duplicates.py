"""What 3.4 takes for the same entity, and what it does not: its ids are made of what is written.

Each file was put to the loader of 3.4.2.
"""

import pytest

from kong_lts.declarative import convert
from kong_lts.findings import Severity

ID = "5b2c9a3e-5c3b-4f43-9a3e-2f4d5f7a1a11"
OTHER = "6b2c9a3e-5c3b-4f43-9a3e-2f4d5f7a1a11"

REFUSED = [
    "workspaces: [{name: a}, {name: a}]",
    "parameters: [{key: a, value: v}, {key: a, value: w}]",
    "consumers: [{username: u, acls: [{group: g}, {group: g}]}]",
    "consumers: [{username: u}]\nacls: [{group: g, consumer: u}, {group: g, consumer: u}]",
    "plugins: [{name: cors}, {name: cors, enabled: false}]",
    f"plugins: [{{name: cors, id: {ID}}}, {{name: cors, id: {ID}}}]",
    "services: [{name: s, host: h, plugins: [{name: cors}, {name: cors}]}]",
    f"services: [{{id: {ID}, host: h, plugins: [{{name: cors}}]}}]\n"
    f"plugins: [{{name: cors, service: {ID}}}]",
    "services: [{name: s, host: h, routes: [{name: r}]}]\nroutes: [{name: r}]",
    "x-service: &s {name: s, host: h}\nservices: [*s, *s]",
]
LOADED = [
    "consumers: [{username: u, acls: [{group: g}]}, {username: v, acls: [{group: g}]}]",
    f"plugins: [{{name: cors}}, {{name: cors, id: {ID}}}]",
    "services: [{name: s, host: h, plugins: [{name: cors}]}]\nplugins: [{name: cors, service: s}]",
    f"services: [{{name: s, id: {ID}, host: h}}]\n"
    f"plugins: [{{name: cors, service: s}}, {{name: cors, service: {ID}}}]",
    "services: [{host: h, plugins: [{name: cors}]}, {host: h, plugins: [{name: cors}]}]",
    "services: [{name: s, host: h, plugins: [{name: cors}], routes: [{plugins: [{name: cors}]}]}]",
    f"upstreams: [{{name: u, targets: [{{target: a, id: {ID}}}, {{target: a, id: {OTHER}}}]}}]",
    "upstreams: [{name: u, targets: [{target: a}]}]\ntargets: [{target: a, upstream: u}]",
    "services: [{host: h}, {host: h}]",
]


def refusals(text: str) -> list[str]:
    findings = convert(f'_format_version: "2.1"\n{text}\n'.encode()).findings
    duplicates = [f for f in findings if "duplicate" in f.message or "twice" in f.rule]
    return [f.rule for f in duplicates if f.severity is Severity.BLOCKER]


@pytest.mark.parametrize("text", REFUSED)
def test_what_3_4_takes_for_one_entity_is_a_blocker(text: str) -> None:
    assert len(refusals(text)) == 1


@pytest.mark.parametrize("text", LOADED)
def test_what_3_4_takes_for_two_is_none(text: str) -> None:
    assert refusals(text) == []


def test_the_same_target_twice_is_a_warning_where_both_are_loaded() -> None:
    file = b"""_format_version: "2.1"
upstreams: [{name: u, targets: [{target: a}]}]
targets: [{target: a, upstream: u}]
"""
    (finding,) = [f for f in convert(file).findings if "target" in f.rule]

    assert finding.rule == "targets-given-twice"
    assert finding.severity is Severity.WARNING
