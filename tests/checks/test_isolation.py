"""A file, a node or an entity over which something crashes is named, and hides no other.

What crashes here is real: an input of another type than it says, as a caller without a type
checker may give it, or a document that no reader takes.
"""

from typing import Any

import attrs
import pytest

import kong_lts
from kong_lts import Evidence, kong_conf
from kong_lts.evidence import AccessLog
from kong_lts.testing.scenarios import ALL

STATE = b"""_format_version: "1.1"
services:
- name: a
  url: http://a.test
  routes: [{name: r, paths: ["/a/[0-9]+"]}]
  plugins: [{name: oauth2}, {name: my-plugin}]
consumers:
- username: c
  basicauth_credentials: [{username: u, password: 0123456789abcdef0123456789abcdef01234567}]
"""
MANIFEST = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i}
spec: {rules: [{http: {paths: [{path: "/b/[0-9]+", backend: {}}]}}]}
"""
LUA = 'local Base = require "kong.plugins.base_plugin"\nlocal P = {}\nP.PRIORITY = 900\nreturn P'
SCRIPT = "# kong-lts: ignore[no-such-rule] accepted\ncurl -X POST $ADMIN/targets/1/healthy\n"
CONF = "worker_consistency = strict\nadmin_gui_auth = openid-connect\n"
HYBRID = ALL["hybrid-dual-cluster"]


def _file(path: str, text: object) -> kong_lts.TextFile:
    return kong_lts.TextFile(path=path, text=text)  # type: ignore[arg-type] # bytes are the fault


HEALTHY = Evidence(
    kong_conf={
        "cp-1": kong_conf.parse(CONF, path="kong.conf.d/cp-1.conf"),
        "dp-1": kong_conf.parse(
            "role = data_plane\ndatabase = off\n", path="kong.conf.d/dp-1.conf"
        ),
    },
    declarative=(kong_lts.StateFile(path="state/good.yaml", data=STATE),),
    kubernetes=(_file("kubernetes/good.yaml", MANIFEST),),
    custom_plugins=(_file("plugins/mine/handler.lua", LUA),),
    scripts=(_file("scripts/good.sh", SCRIPT),),
    templates=(_file("templates/good.conf", "lua_shared_dict kong_db_cache 5m;\n"),),
    certificates=(_file("certificates/good.pem", "none"),),
    access_log=AccessLog(requests=2, paths={"/a/1": 2}),
    admin={
        "/plugins": {"data": [{"id": "1", "name": "zipkin", "config": {"header_type": "jaeger"}}]}
    },
)
FIELDS = ("kubernetes", "custom_plugins", "scripts", "templates", "certificates")
SUFFIX = {"kubernetes": "yaml", "custom_plugins": "lua", "certificates": "pem"}


def _with_bad(field: str) -> tuple[Evidence, str]:
    """The healthy evidence with one bad input before the others, and what that one is called."""
    given: Any = getattr(HEALTHY, field)
    if field == "kong_conf":
        content: Any = b"role = control_plane\n"
        bad = kong_conf.KongConf(text=content)
        return attrs.evolve(HEALTHY, kong_conf={"dp-0": bad, **given}), "dp-0"
    if field == "declarative":
        text: Any = STATE.decode()
        state = kong_lts.StateFile(path="state/bad.yaml", data=text)
        return attrs.evolve(HEALTHY, declarative=(state, *given)), "state/bad.yaml"
    folder = "plugins/bad" if field == "custom_plugins" else field
    path = f"{folder}/bad.{SUFFIX.get(field, 'conf')}"
    files: Any = (_file(path, b"kong: 2.8\n"), *given)
    return attrs.evolve(HEALTHY, **{field: files}), path


def _said(assessment: kong_lts.Assessment) -> set[tuple[str, str, str]]:
    return {(f.rule, f.subject, str(f.location)) for f in assessment.findings}


@pytest.mark.parametrize("field", ["kong_conf", "declarative", *FIELDS])
def test_one_that_crashes_is_named_and_hides_no_other(field: str) -> None:
    evidence, name = _with_bad(field)
    alone = kong_lts.assess(HYBRID, HEALTHY)

    found = kong_lts.assess(HYBRID, evidence)

    assert len(alone.findings) > 20
    assert _said(alone) - _said(found) == set()
    crashed = [entry for entry in found.not_checked if "it failed with" in entry.missing]
    assert any(name in entry.rule for entry in crashed), crashed


def test_all_of_them_at_once_hide_no_other() -> None:
    fields: Any = ("kong_conf", "declarative", *FIELDS)
    evidence = attrs.evolve(HEALTHY, **{f: getattr(_with_bad(f)[0], f) for f in fields})
    alone = kong_lts.assess(HYBRID, HEALTHY)

    found = kong_lts.assess(HYBRID, evidence)

    assert _said(alone) - _said(found) == set()
    assert {f.traffic for f in alone.findings} <= {f.traffic for f in found.findings}


def test_a_healthy_deployment_crashes_nowhere() -> None:
    assessment = kong_lts.assess(HYBRID, HEALTHY)

    assert [entry for entry in assessment.not_checked if "it failed with" in entry.missing] == []


def test_a_node_whose_conf_does_not_load_leaves_the_others_compared() -> None:
    flavors = ("traditional", "expressions")
    nodes = {f: kong_conf.parse(f"router_flavor = {f}\n") for f in flavors}
    bad = kong_conf.parse("log_level = nonsense\n")

    found = kong_lts.assess(HYBRID, Evidence(kong_conf={"cp-0": bad, **nodes}))

    assert "conf-nodes-differ" in {finding.rule for finding in found.findings}


def test_an_entity_that_no_reader_takes_is_named_and_hides_no_other() -> None:
    deep: Any = {}
    for _ in range(2_000):
        deep = {"a": deep}
    rows = [
        {"id": "1", "name": "jwt", "config": {"deep": deep}},
        {"id": "2", "name": "zipkin", "config": {"http_endpoint": 1, "header_type": "b3"}},
        {"id": "3", "name": "collector"},
    ]
    alone = kong_lts.assess(HYBRID, Evidence(admin={"/plugins": {"data": rows[1:]}}))

    found = kong_lts.assess(HYBRID, Evidence(admin={"/plugins": {"data": rows}}))

    assert {f.rule for f in alone.findings} - {f.rule for f in found.findings} == set()
    assert any("plugin jwt" in entry.rule for entry in found.not_checked)
