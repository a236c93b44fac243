"""From dev to prod: a plan can require a run that succeeded elsewhere, and tells what differs."""

import attrs
import pytest

from kong_lts import kong_conf
from kong_lts.database import DatabaseFacts
from kong_lts.deployment import Deployment
from kong_lts.errors import NotPlannableError
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding, Severity
from kong_lts.planning import Plan, Preproduction, plan
from kong_lts.versions import KongVersion
from tests.interruptions import Stage
from tests.worlds import DUAL_CLUSTER, a_plan

DONE = Stage(a_plan()).execute()


def evidence(conf: str = "", plugins: tuple[str, ...] = (), **environ: str) -> Evidence:
    return Evidence(
        kong_conf=kong_conf.parse(conf, environ=environ),
        database=DatabaseFacts(
            name="kong", server_version="15.4", plugins=dict.fromkeys(plugins, 1)
        ),
    )


def planned(deployment: Deployment = DUAL_CLUSTER, here: Evidence | None = None) -> Plan:
    before = Preproduction(run=DONE, evidence=evidence("log_level = info", ("acl",)))
    return plan(deployment, evidence=here, preproduction=before)


def told(made: Plan) -> list[Finding]:
    """What the run before has to do with."""
    return [finding for finding in made.findings if finding.subject == "pre-production"]


def rules(made: Plan) -> list[str]:
    return [finding.rule for finding in told(made)]


def refused(**arguments: Preproduction | bool | None) -> list[str]:
    with pytest.raises(NotPlannableError) as error:
        plan(DUAL_CLUSTER, **arguments)  # type: ignore[arg-type] # what the tests give
    return [found.rule for found in error.value.findings if isinstance(found, Finding)]


def test_without_a_requirement_no_run_is_needed() -> None:
    assert rules(plan(DUAL_CLUSTER)) == []


def test_a_plan_can_require_a_run_before() -> None:
    assert refused(require_preproduction=True) == ["preproduction-missing"]
    before = Preproduction(run=DONE)
    assert rules(plan(DUAL_CLUSTER, preproduction=before, require_preproduction=True)) == []


def test_a_run_that_did_not_succeed_does_not_count() -> None:
    stopped = Stage(a_plan()).execute(approves=False)

    assert refused(preproduction=Preproduction(run=stopped)) == ["preproduction-unfinished"]


def test_the_same_deployment_has_no_finding() -> None:
    assert rules(planned(here=evidence("log_level = info # as there", ("acl",)))) == []


def test_another_version_is_a_finding() -> None:
    current = attrs.evolve(DUAL_CLUSTER.current, version=KongVersion.parse("2.8.3"))

    made = planned(attrs.evolve(DUAL_CLUSTER, current=current))

    (finding,) = told(made)
    assert (finding.rule, finding.severity) == (
        *("preproduction-differs-in-version", Severity.WARNING),
    )
    assert "current version: 2.8.3 here, 2.8.5 on the pre-production" in finding.message


def test_other_settings_are_a_finding_without_their_values() -> None:
    here = evidence("log_level = debug\npg_password = S3CR3T", ("acl",), KONG_PROXY_LISTEN="off")

    (finding,) = told(planned(here=here))

    assert finding.rule == "preproduction-differs-in-kong-conf"
    assert "log_level, pg_password, proxy_listen" in finding.message
    assert "S3CR3T" not in str(finding) + planned(here=here).to_json()


def test_a_plugin_that_was_not_tried_is_a_finding_and_one_that_is_not_used_here_is_none() -> None:
    conf = "log_level = info"

    (finding,) = told(planned(here=evidence(conf, ("acl", "oauth2"))))

    assert finding.rule == "preproduction-lacks-plugins"
    assert "oauth2" in finding.message
    assert rules(planned(here=evidence(conf, ()))) == []


def test_the_evidence_tells_plans_apart_and_gives_the_rows() -> None:
    one, other = (plan(DUAL_CLUSTER, evidence=evidence(c)) for c in ("", "log_level = debug"))

    assert one.inputs != other.inputs
    assert one.fingerprint != other.fingerprint
    assert plan(DUAL_CLUSTER).inputs is None
