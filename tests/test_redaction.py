"""Redacted evidence holds no secret, and the assessment says the same of it."""

import base64
import json
import re

import attrs
import pytest

import kong_lts
from kong_lts.testing.scenarios import ALL
from tests.test_secrets import CONF, ENVIRON, MARK, STATE

DEPLOYMENT = ALL["traditional-dual-cluster"]
SCRIPT = f"""\
curl -H 'Kong-Admin-Token: {MARK}' http://a:{MARK}@gw:8001/upstreams/a/targets -d target=x
API_KEY={MARK} deck sync
"""
MANIFEST = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: s}}
stringData:
  client_secret: {MARK}
  password: "{MARK}"
"""
EVIDENCE = kong_lts.Evidence(
    kong_conf=kong_lts.kong_conf.parse(CONF, environ={**ENVIRON, "KONG_PG_PORT": "5432"}),
    environ={"KONG_PG_PASSWORD": MARK, "KONG_PG_HOST": "db"},
    declarative=STATE,
    admin={"/plugins": {"data": [{"name": "session", "config": {"secret": MARK}}]}},
    rows={"keyauth_credentials": ({"key": MARK},)},
    kubernetes=(kong_lts.TextFile(path="kubernetes/s.yaml", text=MANIFEST),),
    scripts=(kong_lts.TextFile(path="scripts/a.sh", text=SCRIPT),),
)


def test_evidence_survives_json() -> None:
    assert kong_lts.Evidence.from_json(EVIDENCE.to_json()) == EVIDENCE


def test_no_secret_is_left() -> None:
    text = kong_lts.redacted(EVIDENCE).to_json().replace(f"{MARK}.example", "a host")

    assert MARK not in text


def test_equal_secrets_stay_equal_and_others_differ() -> None:
    rows = ({"key": "one"}, {"key": "one"}, {"key": "two"})
    evidence = kong_lts.redacted(attrs.evolve(EVIDENCE, rows={"keyauth_credentials": rows}))

    first, second, third = (row["key"] for row in evidence.rows["keyauth_credentials"])
    assert first == second != third


def test_references_stay() -> None:
    state = b"plugins: [{name: session, config: {secret: '{vault://env/secret}'}}]\n"

    found = kong_lts.redacted(attrs.evolve(EVIDENCE, declarative=state))

    assert b"{vault://env/secret}" in found.declarative[0].data


def test_the_assessment_says_the_same() -> None:
    def said(evidence: kong_lts.Evidence) -> list[tuple[str, str]]:
        return [(f.rule, f.subject) for f in kong_lts.assess(DEPLOYMENT, evidence).findings]

    assert said(kong_lts.redacted(EVIDENCE)) == said(EVIDENCE)


def test_a_kubernetes_secret_keeps_only_what_a_check_reads() -> None:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    state = f"_format_version: '3.0'\nplugins: [{{name: session, config: {{secret: {MARK}}}}}]\n"
    data = {"kong.yml": encoded(state), "anything": encoded(f"{MARK}-and-more")}
    lines = "".join(f"  {name}: {value}\n" for name, value in data.items())
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata:\n{lines}"
    file = kong_lts.TextFile(path="kubernetes/secret.yaml", text=text)

    (found,) = kong_lts.redacted(kong_lts.Evidence(kubernetes=(file,))).kubernetes

    assert data["anything"] not in found.text
    kept = re.search(r"kong\.yml: (\S+)", found.text)
    assert kept is not None
    decoded = base64.b64decode(kept[1]).decode()
    assert "_format_version" in decoded
    assert MARK not in decoded


@pytest.mark.parametrize(
    "text",
    [
        f'data:\n  kong.conf: "pg_password = {MARK} and more"\n',
        f"data:\n  kong.conf: pg_password = {MARK}\n",
        f'data:\n  kong.conf: "pg_port = 1\\npg_password = a {MARK}\\nadmin_listen = off"\n',
        json.dumps({"data": {"kong.conf": f"pg_port = 1\npg_password = {MARK}\n"}}),
        json.dumps({"data": {"kong.yml": f"plugins:\n- config:\n    secret: {MARK}\n"}}),
        json.dumps({"data": {"kong.conf": f"pg_password = {MARK}"}}),
        f"args:\n- --kong-admin-token\n- {MARK}\n",
        f'args: ["--kong-admin-token", "{MARK}"]\n',
        f"command: [sh, -c, 'KONG_PG_PASSWORD={MARK} kong start']\n",
        f"args: [sh, -c, \"export PGPASSWORD='{MARK} {MARK}'; kong start\"]\n",
        f"args: ['export PGPASSWORD=''{MARK}''']\n",
        f'args: ["export PGPASSWORD=\\"{MARK}\\""]\n',
        f"args: [sh, -c, 'curl -u admin:{MARK} http://kong']\n",
        f"args: [curl, -u, 'admin:{MARK}', http://kong]\n",
        f"args:\n- --user\n- admin:{MARK}\n",
        f"env:\n- name: DB_PASS\n  value: {MARK}\n- name: MYSQL_PWD\n  value: {MARK}\n",
        f"config:\n  add:\n    headers:\n    - 'x-internal-token: {MARK}'\n",
        f"config:\n  add:\n    querystring:\n    - api_key:{MARK}\n",
        json.dumps({"config": {"add": {"headers": [f"X-Api-Token:{MARK}"]}}}),
        f"config: {{aws_key: {MARK}}}\n",
        f'access:\n- ngx.req.set_header("Authorization", "Bearer {MARK}")\n',
        f'access:\n- "ngx.req.set_header(\\"X-Token\\", \\"{MARK}\\")"\n',
        f'access:\n- |\n  local token = "{MARK}"\n  kong.log(token)\n',
        f'data:\n  handler.lua: |\n    local h = {{}}\n    h["Authorization"] = "Basic {MARK}"\n',
        f"metadata:\n  annotations:\n    a/b: {json.dumps(json.dumps({'api_key': MARK}))}\n",
        f"env:\n- name: X\n  value: {json.dumps(json.dumps({'password': MARK}))}\n",
        f"data:\n  a.json: {json.dumps(json.dumps([{'secret': MARK}]))}\n",
        f"kind: ConfigMap\nbinaryData:\n  a: {MARK}\n",
    ],
)
def test_a_manifest_keeps_no_secret_however_it_is_written(text: str) -> None:
    manifest = kong_lts.TextFile(path="kubernetes/k.yaml", text=text)

    found = kong_lts.redacted(kong_lts.Evidence(kubernetes=(manifest,)))

    assert MARK not in found.kubernetes[0].text
    assert "redacted" in found.kubernetes[0].text


@pytest.mark.parametrize(
    "text",
    [
        'data:\n  kong.conf: "admin_listen = off\\nworker_consistency = strict"\n',
        json.dumps({"data": {"kong.yml": "_format_version: '2.1'\nservices: []\n"}}),
        "args:\n- --kong-admin-token-file\n- /run/token\n- --publish-service=kong/proxy\n",
        "args: [sh, -c, 'KONG_DATABASE=off kong start']\n",
        "selector: app=kong,token_name=x\n",
        'config: {key_names: ["token", "apikey"]}\n',
        "config:\n  key_names:\n  - token\n  - x-api-key\n",
        "args: [sh, -c, 'curl -u $USER:$PASSWORD http://kong']\n",
        "access:\n- kong.request.get_header('X-Token')\n",
        'access:\n- kong.service.request.set_header("X-Token", token)\n',
        "config:\n  add:\n    headers:\n    - 'x-internal-token: {vault://env/x}'\n    - a:b\n",
        'value: "{{ .Values.password }}"\n',
        'value: "{vault://env/my-secret}"\n',
        "env:\n- name: KONG_PROXY_PASS\n  value: http://upstream\n",
        f"data:\n  a.json: {json.dumps(json.dumps([{'name': 'x'}]))}\n",
    ],
)
def test_a_manifest_without_a_secret_stays_as_it_is(text: str) -> None:
    manifest = kong_lts.TextFile(path="kubernetes/k.yaml", text=text)

    found = kong_lts.redacted(kong_lts.Evidence(kubernetes=(manifest,)))

    assert found.kubernetes[0].text == text
