"""A marked password, put wherever text comes in, is in nothing that comes out."""

from pathlib import Path

import attrs
import pytest

from kong_lts import kong_conf
from kong_lts.assessment import Assessment, assess
from kong_lts.deployment import Side
from kong_lts.errors import KongLtsError, ProcessFailedError, StepFailedError
from kong_lts.events import event_to_json
from kong_lts.evidence import Evidence, StateFile, read_evidence
from kong_lts.execution import execute
from kong_lts.planning import plan
from kong_lts.protocols import Answer, Finished, Probe
from kong_lts.reports import render
from kong_lts.testing.fakes import FakeJournal, FakeProxy, fake_adapters
from kong_lts.testing.simulation import World
from tests.worlds import DUAL_CLUSTER

MARK = "S3CR3T-marked"
CONF = f"""\
database = postgres
pg_password = {MARK}
pg_ro_password = {MARK}
pg_host = {MARK}.example,also
admin_gui_auth_conf = {{"ldap_password": "{MARK}"}}
smtp_password = {MARK}
portal_session_conf = {{"secret": "{MARK}", "cookie_lifetime": 1}}
session_secret = {MARK}
worker_consistency = eventual
unknown_password = {MARK}
"""
ENVIRON = {
    "KONG_PG_PASSWORD": MARK,
    "KONG_ADMIN_GUI_SESSION_CONF": f'{{"secret": "{MARK}"}}',
    "KONG_LICENSE_DATA": MARK,
    "KONG_PG_PORT": MARK,
}
STATE = f"""\
_format_version: "1.1"
services:
- name: a
  url: http://user:{MARK}@upstream.internal/path
  routes:
  - name: r
    paths: ["/a/\\\\d+"]
consumers:
- username: somebody
  basicauth_credentials:
  - username: somebody
    password: {MARK}
  keyauth_credentials:
  - key: {MARK}
plugins:
- name: session
  config: {{secret: {MARK}, cookie_lifetime: 1}}
- name: openid-connect
  config: {{client_secret: [{MARK}], session_secret: {MARK}}}
- name: rate-limiting
  config: {{redis_password: {MARK}, policy: redis, minute: 1}}
""".encode()


def evidence() -> Evidence:
    conf = kong_conf.parse(CONF, environ=ENVIRON)
    return Evidence(kong_conf=conf, declarative=(StateFile(path="kong.yml", data=STATE),))


def test_an_assessment_repeats_no_secret() -> None:
    found = evidence()

    assessment = assess(DUAL_CLUSTER, found)

    assert assessment.findings
    assert MARK not in repr(found)
    assert MARK not in assessment.to_json()
    assert MARK not in repr(assessment)
    assert Assessment.from_json(assessment.to_json()).to_json() == assessment.to_json()


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_no_report_repeats_a_secret(form: str) -> None:
    assert MARK not in render(assess(DUAL_CLUSTER, evidence()), form)


def test_a_bundle_that_cannot_be_read_repeats_no_secret(tmp_path: Path) -> None:
    for name, text in {
        "database.json": f'{{"plugins": "{MARK}", "locks": [{{"key": "{MARK}"}}]}}',
        "environ": f"KONG_PG_PASSWORD={MARK}\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    with pytest.raises(KongLtsError) as refused:
        read_evidence(tmp_path)

    assert MARK not in str(refused.value) + repr(refused.value)


@attrs.define
class _Echo(FakeProxy):
    """A service that sends back what it got, credentials and all."""

    def send(self, probe: Probe) -> Answer:
        return Answer(status=500, body=MARK, headers={"X-Echo": MARK})


@attrs.define
class _Careless:
    """A node on which kong prints its configuration."""

    def run(self, argv: object, *, timeout_s: float, statuses: object = (0,)) -> Finished:
        return Finished(status=0, stdout=f"pg_password = {MARK}", stderr=f"{MARK} aborted")


def test_neither_answers_nor_what_kong_prints_is_in_a_journal() -> None:
    probe = Probe(name="root", headers={"Authorization": "env:PROBE_TOKEN"})
    made = plan(DUAL_CLUSTER, probes=(probe,))
    for careless in (True, False):
        world, journal = World.of(DUAL_CLUSTER), FakeJournal()
        adapters = fake_adapters(world)
        nodes = {"y-1": _Careless()} if careless else adapters.new.nodes
        new = attrs.evolve(adapters.new, nodes=nodes, proxy=_Echo(world, Side.NEW))

        run = execute(made, attrs.evolve(adapters, new=new), journal=journal)

        assert not run.ok
        assert MARK not in "".join(map(event_to_json, journal.events())) + repr(run)


def test_an_error_shows_the_last_words_of_a_program_and_not_its_output() -> None:
    error = ProcessFailedError("kong config", "no such file", 1, f"pg_password = {MARK}")

    assert MARK not in str(error) + repr(error)
    assert MARK not in str(StepFailedError("a-step", str(error)))
