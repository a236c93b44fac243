"""Two plans are compared by what a reviewer wants to know."""

import attrs
import pytest
from hypothesis import given, settings

from kong_lts.findings import Finding, Severity
from kong_lts.planning import Plan, PlanChange, plan, plan_differences
from kong_lts.testing.generators import plans as any_plan
from kong_lts.traffic import RampStage
from kong_lts.versions import KongVersion
from tests.conftest import counted
from tests.worlds import DUAL_CLUSTER, a_plan, plans

PLAN = a_plan()


def told(before: Plan, after: Plan) -> list[str]:
    return [str(difference) for difference in plan_differences(before, after)]


@settings(max_examples=counted(200))
@given(made=any_plan())
def test_a_plan_does_not_differ_from_itself(made: Plan) -> None:
    assert plan_differences(made, Plan.from_json(made.to_json())) == ()


@pytest.mark.parametrize("name", plans())
def test_plans_differ_where_their_fingerprints_do(name: str) -> None:
    other = plans()[name]

    assert bool(plan_differences(PLAN, other)) is (other.fingerprint != PLAN.fingerprint)


def test_a_changed_field_is_told_with_both_values() -> None:
    other = plan(DUAL_CLUSTER, ramp=[RampStage(10, bake_s=45), RampStage(100)])
    before = plan(DUAL_CLUSTER, ramp=[RampStage(10, bake_s=30), RampStage(100)])

    steps = [text for text in told(before, other) if not text.startswith("finding ")]
    assert steps == ["watch-10.watch_s: 30.0 -> 45.0"]


def test_steps_that_came_went_and_moved_are_told() -> None:
    first, second, *rest = PLAN.steps
    swapped = attrs.evolve(PLAN, steps=(second, first, *rest[1:]))

    found = told(PLAN, swapped)

    assert f"{rest[0].id}: removed" in found
    assert {f"{first.id}: moved", f"{second.id}: moved"} & set(found)
    assert f"{rest[0].id}: added" in told(swapped, PLAN)


def test_another_version_is_a_difference_of_the_deployment() -> None:
    current = attrs.evolve(DUAL_CLUSTER.current, version=KongVersion.parse("2.8.3"))
    other = a_plan(attrs.evolve(DUAL_CLUSTER, current=current))

    fields = {(d.subject, d.field) for d in plan_differences(PLAN, other)}

    assert ("deployment", "current") in fields


def test_findings_that_came_and_went_are_told() -> None:
    finding = Finding(
        rule="a-rule",
        severity=Severity.WARNING,
        subject="x",
        message="It is so.",
        action="Do it.",
        source="a guide",
    )
    other = attrs.evolve(PLAN, findings=(*PLAN.findings, finding))

    (added,) = plan_differences(PLAN, other)
    (removed,) = plan_differences(other, PLAN)

    assert (added.change, removed.change) == (PlanChange.ADDED, PlanChange.REMOVED)
    assert added.subject == "finding WARNING a-rule: x: It is so."
