"""A plan is made where nothing stands in the way, and is a value that can be written and read."""

import json

import attrs
import pytest
from hypothesis import given, settings

from kong_lts import routing
from kong_lts.deployment import Cluster, Deployment, NodeRole, Side
from kong_lts.errors import FormatError, NotPlannableError, PlanError
from kong_lts.findings import Finding, Severity
from kong_lts.monitoring import Gate, WatchMetrics
from kong_lts.nodes import DoByHand
from kong_lts.planning import Plan, Run, Verdict, plan
from kong_lts.protocols import Probe
from kong_lts.schema import SchemaState
from kong_lts.smoke_test import SmokeTest, StagingTest
from kong_lts.step import Reversibility
from kong_lts.strategies import Settings, Strategy
from kong_lts.testing import scenarios
from kong_lts.testing.generators import plans as any_plan
from kong_lts.testing.generators import ramps
from kong_lts.traffic import DivertTraffic, RampStage
from kong_lts.unshared import RateLimit, Sessions
from kong_lts.versions import KongVersion
from tests.conftest import counted
from tests.worlds import DUAL_CLUSTER, PROBES, a_plan, plans

PLANS = plans()
HYBRID = scenarios.ALL["hybrid-dual-cluster"]
PERSON = DoByHand(
    id="ask", guide="a guide", side=Side.NEW, what="Do it", instructions="With the S3CR3T."
)


def finding(severity: Severity) -> Finding:
    return Finding(
        rule=f"a-{severity}-rule",
        severity=severity,
        subject="kong.conf",
        message="It is so.",
        action="Change it.",
        source="a guide",
    )


@attrs.frozen
class Assessed:
    """All that a plan needs of an assessment."""

    findings: tuple[Finding, ...] = ()
    route_changes: tuple[routing.Difference, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    sessions: tuple[Sessions, ...] = ()


def obstacles(deployment: Deployment, strategy: str | None = None) -> list[str]:
    """The rules that stand in the way of a plan."""
    with pytest.raises(NotPlannableError) as refused:
        plan(deployment, strategy=strategy)
    return [found.rule for found in refused.value.findings if isinstance(found, Finding)]


# --- a value ------------------------------------------------------------------------------------


@settings(max_examples=counted(300))
@given(made=any_plan())
def test_a_plan_comes_back_from_its_json(made: Plan) -> None:
    text = made.to_json()

    assert Plan.from_json(text) == made
    assert Plan.from_json(text).fingerprint == made.fingerprint


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_of_every_strategy_comes_back_from_its_json(name: str) -> None:
    assert Plan.from_json(PLANS[name].to_json()) == PLANS[name]


@pytest.mark.parametrize("name", PLANS)
def test_the_same_deployment_gets_the_same_plan(name: str) -> None:
    assert a_plan(scenarios.ALL[name]).fingerprint == PLANS[name].fingerprint


def test_no_two_plans_have_one_fingerprint() -> None:
    assert len({made.fingerprint for made in PLANS.values()}) == len(PLANS)


def test_a_changed_step_changes_the_fingerprint() -> None:
    made = a_plan()
    changed = attrs.evolve(made, steps=(*made.steps[:-1], attrs.evolve(PERSON)))

    assert changed.fingerprint != made.fingerprint


def test_two_steps_of_one_id_are_refused() -> None:
    text = attrs.evolve(a_plan(), steps=(PERSON, PERSON)).to_json()

    with pytest.raises(FormatError, match="not a plan: two steps have the id ask"):
        Plan.from_json(text)


def test_a_step_that_nobody_knows_is_refused_at_its_place() -> None:
    document = json.loads(a_plan().to_json())
    document["steps"][3]["kind"] = "DropEverything"

    with pytest.raises(
        FormatError, match=r'kind is "DropEverything"; give one of .* @ \$\.steps\[3\]'
    ):
        Plan.from_json(json.dumps(document))


def test_a_step_is_found_by_its_id() -> None:
    made = a_plan()

    assert made.step("divert-100").title == "Divert 100% of the traffic to the new cluster"
    with pytest.raises(KeyError, match="divert-99"):
        made.step("divert-99")


def test_downtime_is_that_of_all_steps() -> None:
    assert PLANS["traditional-dual-cluster"].downtime_s == 0
    assert PLANS["traditional-in-place"].downtime_s == 9.47  # the largest that was measured


@pytest.mark.parametrize(
    ("rows", "seconds"), [(0, 2.04), (170, 2.04), (50_085, 5.75), (100_000, 9.47), (200_000, 16.91)]
)
def test_the_expected_downtime_grows_with_the_configuration(rows: int, seconds: float) -> None:
    settings = Settings(configuration_rows=rows)

    made = plan(scenarios.ALL["traditional-in-place"], settings=settings)

    assert made.downtime_s == pytest.approx(seconds, abs=0.02)


@pytest.mark.parametrize(
    ("name", "no_return", "writes_lost"),
    [
        ("traditional-dual-cluster", "resume-admin-writes", "resume-admin-writes"),
        ("hybrid-dual-cluster", "resume-admin-writes", "resume-admin-writes"),
        ("traditional-in-place", "migrations-up", "resume-admin-writes"),
        ("hybrid-in-place", "migrations-up", "resume-admin-writes"),
        ("db-less-rolling", None, None),
        ("konnect-rolling", None, None),
    ],
)
def test_the_point_of_no_return_is_where_going_back_needs_the_backup_or_loses_writes(
    name: str, no_return: str | None, writes_lost: str | None
) -> None:
    made = PLANS[name]
    points = (made.point_of_no_return, made.writes_lost_from)

    found = tuple(None if at is None else made.steps[at].id for at in points)

    assert found == (no_return, writes_lost)


def test_before_the_point_of_no_return_everything_is_taken_back_without_a_backup() -> None:
    for made in PLANS.values():
        before = made.steps[: made.point_of_no_return]
        assert {s.reversibility for s in before} <= {Reversibility.FREE, Reversibility.COMPENSATED}
        assert attrs.evolve(made, steps=before).point_of_no_return is None


def test_no_credential_stands_in_a_plan() -> None:
    """A header of a probe is a reference, and so is the address of a database."""
    made = a_plan()

    text = made.to_json() + repr(made)

    assert "env:PROBE_TOKEN" in text
    assert "env:KONG_DATABASE_URL" in text
    assert "postgres://" not in text


# --- making one ---------------------------------------------------------------------------------


def test_a_plan_says_where_it_starts_from_and_why_it_is_so() -> None:
    made = plan(DUAL_CLUSTER)

    assert made.deployment is DUAL_CLUSTER
    assert (made.strategy, made.starts_from) == (Strategy.DUAL_CLUSTER, SchemaState.LTS_2_8)
    assert "a second cluster with a database of its own can be afforded" in made.reasons[0]
    assert plan(scenarios.ALL["db-less-rolling"]).starts_from is None


@pytest.mark.parametrize("strategy", ["dual-cluster", Strategy.DUAL_CLUSTER, None], ids=repr)
def test_the_strategy_that_fits_may_be_asked_for(strategy: str | None) -> None:
    assert plan(DUAL_CLUSTER, strategy=strategy) == plan(DUAL_CLUSTER)


@pytest.mark.parametrize(
    ("strategy", "rule"),
    [
        ("rolling", "strategy-rejected"),
        ("in-place", "strategy-rejected"),
        ("blue-green", "unknown-strategy"),
        ("", "unknown-strategy"),
    ],
)
def test_another_strategy_is_refused(strategy: str, rule: str) -> None:
    assert obstacles(DUAL_CLUSTER, strategy) == [rule]


def test_blue_green_is_refused_with_its_reason() -> None:
    with pytest.raises(NotPlannableError, match="two releases would share one database"):
        plan(DUAL_CLUSTER, strategy="blue-green")


def test_a_contradiction_is_not_planned() -> None:
    assert DUAL_CLUSTER.new is not None
    shared = attrs.evolve(DUAL_CLUSTER.new, database=DUAL_CLUSTER.current.database)

    assert obstacles(with_new(DUAL_CLUSTER, shared)) == ["one-database"]


def test_findings_are_kept_and_only_blockers_refuse_the_plan() -> None:
    mild = (finding(Severity.WARNING), finding(Severity.INFO))

    assert plan(DUAL_CLUSTER, assessment=Assessed(mild)).findings[: len(mild)] == mild
    with pytest.raises(NotPlannableError) as refused:
        plan(DUAL_CLUSTER, assessment=Assessed((*mild, finding(Severity.BLOCKER))))
    assert refused.value.findings == (finding(Severity.BLOCKER),)
    assert "- BLOCKER a-blocker-rule: kong.conf: It is so." in str(refused.value)


def with_new(deployment: Deployment, new: Cluster | None) -> Deployment:
    return attrs.evolve(deployment, new=new)


def roles(deployment: Deployment, *kept: NodeRole | None) -> Deployment:
    """The deployment with those of its new nodes that have one of the roles."""
    assert deployment.new is not None
    nodes = tuple(node for node in deployment.new.nodes if node.role in kept)
    return with_new(deployment, attrs.evolve(deployment.new, nodes=nodes))


def test_a_plan_needs_a_new_cluster_with_nodes() -> None:
    assert DUAL_CLUSTER.new is not None
    nobody = attrs.evolve(DUAL_CLUSTER.new, nodes=())

    assert obstacles(with_new(DUAL_CLUSTER, None)) == ["new-cluster-missing"]
    assert obstacles(with_new(DUAL_CLUSTER, nobody)) == ["new-nodes-missing"]


def test_a_plan_needs_the_nodes_of_the_current_cluster() -> None:
    nobody = attrs.evolve(DUAL_CLUSTER.current, nodes=())

    assert obstacles(attrs.evolve(DUAL_CLUSTER, current=nobody)) == ["current-nodes-missing"]


def test_nodes_of_one_cluster_have_names_of_their_own() -> None:
    assert DUAL_CLUSTER.new is not None
    (first, *_) = DUAL_CLUSTER.new.nodes
    twice = attrs.evolve(DUAL_CLUSTER.new, nodes=(first, first))

    assert obstacles(with_new(DUAL_CLUSTER, twice)) == ["node-twice"]


@pytest.mark.parametrize(
    ("kept", "rules"),
    [
        ((NodeRole.CONTROL_PLANE,), ["role-missing"]),
        ((NodeRole.DATA_PLANE,), ["role-missing"]),
        ((), ["new-nodes-missing", "role-missing", "role-missing"]),
    ],
)
def test_hybrid_mode_has_nodes_of_both_roles(kept: tuple[NodeRole, ...], rules: list[str]) -> None:
    assert obstacles(roles(HYBRID, *kept)) == rules


@pytest.mark.parametrize("role", [None, NodeRole.TRADITIONAL])
def test_hybrid_mode_has_nodes_of_no_other_role(role: NodeRole | None) -> None:
    assert HYBRID.new is not None
    nodes = (attrs.evolve(HYBRID.new.nodes[0], name="z", role=role), *HYBRID.new.nodes)
    found = obstacles(with_new(HYBRID, attrs.evolve(HYBRID.new, nodes=nodes)))

    assert found == ["role-unknown"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("traditional-no-resources", "downtime is not said to be acceptable"),
        ("cassandra", "3.4 does not support Cassandra"),
    ],
)
def test_where_no_strategy_fits_the_reason_is_told(name: str, reason: str) -> None:
    with pytest.raises(NotPlannableError, match=f"No strategy of the guide fits: .*{reason}"):
        plan(scenarios.ALL[name])


@pytest.mark.parametrize(
    ("current", "new"),
    [("2.7.1", "3.4.2"), ("3.4.2", "3.4.2"), ("2.8.5", "3.3.1"), ("2.8.5", "3.4.3.5")],
)
def test_only_the_upgrade_of_the_guide_is_planned(current: str, new: str) -> None:
    assert DUAL_CLUSTER.new is not None
    deployment = attrs.evolve(
        DUAL_CLUSTER,
        current=attrs.evolve(DUAL_CLUSTER.current, version=KongVersion.parse(current)),
        new=attrs.evolve(DUAL_CLUSTER.new, version=KongVersion.parse(new)),
    )

    assert obstacles(deployment) == ["no-strategy"]


# --- its settings -------------------------------------------------------------------------------


@settings(max_examples=counted(300))
@given(ramp=ramps())
def test_every_stage_of_a_ramp_is_diverted_and_watched(ramp: tuple[RampStage, ...]) -> None:
    made = plan(DUAL_CLUSTER, ramp=ramp)

    diverted = [s.new_percent for s in made.steps if isinstance(s, DivertTraffic)]
    watched = [s.watch_s for s in made.steps if isinstance(s, WatchMetrics)]
    assert diverted == [stage.percent for stage in ramp]
    assert watched[:-1] == [stage.bake_s for stage in ramp]


@pytest.mark.parametrize("percents", [(100, 50), (50,), (10, 10, 100), (0, 100)])
def test_a_ramp_that_does_not_rise_to_all_is_refused(percents: tuple[int, ...]) -> None:
    with pytest.raises(PlanError, match="rises from stage to stage and ends at 100%"):
        plan(DUAL_CLUSTER, ramp=[RampStage(percent) for percent in percents])


def test_a_stage_with_an_approval_asks_first() -> None:
    made = plan(DUAL_CLUSTER, ramp=[RampStage(50, approval=True), RampStage(100)])

    ids = [step.id for step in made.steps]
    assert ids[ids.index("divert-50") - 1] == "approve-50"
    assert "approve-100" not in ids


def test_without_a_word_the_ramp_is_the_careful_one() -> None:
    ids = [step.id for step in plan(DUAL_CLUSTER).steps]

    assert [i for i in ids if i.startswith("divert")] == [
        *("divert-1", "divert-10", "divert-50", "divert-100"),
    ]


def test_arguments_win_over_settings() -> None:
    own = Settings(
        ramp=(RampStage(20), RampStage(100)),
        gates=(Gate(min_requests=5),),
        probes=(Probe(name="own"),),
        backup_folder="/backups/2026",
    )

    made = plan(DUAL_CLUSTER, settings=own)
    other = plan(DUAL_CLUSTER, settings=own, ramp=[RampStage(100)], probes=PROBES, gates=[Gate()])

    assert [s.id for s in made.steps if s.id.startswith("divert")] == ["divert-20", "divert-100"]
    assert [s.id for s in other.steps if s.id.startswith("divert")] == ["divert-100"]
    staging, other_staging = made.step("staging-test"), other.step("staging-test")
    assert isinstance(staging, StagingTest)
    assert isinstance(other_staging, StagingTest)
    assert (staging.probes, other_staging.probes) == (own.probes, PROBES)
    watch, other_watch = made.step("watch-100"), other.step("watch-100")
    assert isinstance(watch, WatchMetrics)
    assert isinstance(other_watch, WatchMetrics)
    assert (watch.gates, other_watch.gates) == (own.gates, (Gate(),))
    assert "/backups/2026" in made.to_json()
    assert "/backups/2026" in other.to_json()


def change(method: str) -> routing.Difference:
    found = routing.Match.of((routing.Candidate(route="r1"),), uncertain=False)
    request = routing.Request(method=method, path="/a", host="a.test")
    return routing.Difference(
        cause=routing.Cause.OTHER, request=request, match_28=found, match_34=None
    )


@pytest.mark.parametrize("name", ["traditional-dual-cluster", "db-less-rolling"])
def test_the_requests_whose_route_changes_go_to_both_clusters(name: str) -> None:
    made = plan(scenarios.ALL[name], assessment=Assessed(route_changes=(change("GET"),)))

    step = made.step("staging-test-routes")
    assert isinstance(step, StagingTest)
    assert [probe.expect_routes for probe in step.current_probes] == [("r1",)]
    assert [probe.expect_routes for probe in step.probes] == [("no route",)]
    assert Plan.from_json(made.to_json()) == made
    assert {finding.rule for finding in made.findings} <= {"mixed-window"}


def test_in_place_the_new_cluster_alone_is_asked() -> None:
    deployment = scenarios.ALL["traditional-in-place"]

    made = plan(deployment, assessment=Assessed(route_changes=(change("GET"),)))

    step = made.step("smoke-test-routes")
    assert isinstance(step, SmokeTest)
    assert step.needs == ("new.proxy",)


def test_requests_that_a_test_must_not_send_are_said() -> None:
    made = plan(DUAL_CLUSTER, assessment=Assessed(route_changes=(change("POST"),) * 7))

    (said, _) = made.findings  # the other one is about the time in which both clusters serve
    assert said.rule == "staging-test-leaves-out"
    assert "POST a.test/a: POST may change something" in said.message
    assert "staging-test-routes" not in [step.id for step in made.steps]


def test_without_probes_a_person_tests() -> None:
    """A test of nothing would pass."""
    for name in ("staging-test", "smoke-test"):
        assert isinstance(plan(DUAL_CLUSTER).step(name), DoByHand)


# --- what a run ends with -----------------------------------------------------------------------


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_a_run_that_succeeded_is_ok(verdict: Verdict) -> None:
    run = Run(plan=a_plan(), events=(), verdict=verdict)

    assert run.ok is (verdict is Verdict.SUCCEEDED)
