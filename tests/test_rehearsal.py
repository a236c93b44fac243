"""A rehearsal runs a plan with every fault at every step, and sees what a step forgets."""

from collections.abc import Iterator
from typing import get_args

import attrs
import pytest

from kong_lts.events import Past
from kong_lts.findings import Finding
from kong_lts.planning import AnyStep, Plan, Rehearsal, Verdict
from kong_lts.protocols import Adapters
from kong_lts.rehearsal import rehearse
from kong_lts.restore import DropDatabase
from kong_lts.schema import SchemaState
from kong_lts.step import PlannedStep, Step
from kong_lts.testing.simulation import Fault
from tests.conftest import NIGHTLY
from tests.worlds import a_plan, plans

PLANS = plans()
PLAN = a_plan()
SURVIVORS = {
    "StopAdminWrites.verify": "nobody in the simulated world tries to write meanwhile",
    "DoByHand.verify": "a person who says no raises an error already",
    "StartNodes.verify": "`run` itself waits until every node is ready, and fails if none gets so",
    "StopNodes.verify": "`run` itself waits until every process is gone",
    "StagingTest.verify": "no fault makes a simulated node answer wrongly",
    "SmokeTest.verify": "no fault makes a simulated node answer wrongly",
    "WatchMetrics.verify": "no fault makes a simulated node answer wrongly",
    "NoConnections.verify": "nobody in the simulated world stays connected",
    "RestorePoint.verify": "nobody in the simulated world writes after the last backup",
}
"""Methods without which a rehearsal still holds, and why; the tests of their own modules see it."""


# --- what a rehearsal tells ---------------------------------------------------------------------


def test_a_plan_holds_with_every_fault_at_every_step() -> None:
    rehearsal = rehearse(PLAN)

    assert rehearsal.ok
    assert rehearsal.broken == ()
    assert len(rehearsal.cases) == 2 + len(PLAN.steps) * len(Fault) * 2


@pytest.mark.parametrize("name", PLANS)
def test_every_strategy_holds(name: str) -> None:
    faults = list(Fault) if NIGHTLY else [Fault.KILLED_AFTER, Fault.LIES]

    assert rehearse(PLANS[name], faults=faults).broken == ()


def test_every_case_ends_as_its_way_out_leads() -> None:
    cases = rehearse(PLAN, faults=[Fault.FAILS_AFTER]).cases

    ends = {(case.way, case.verdict) for case in cases}

    assert ends == {("resume", Verdict.SUCCEEDED), ("roll back", Verdict.ROLLED_BACK)}


def test_the_first_cases_are_undisturbed() -> None:
    first, second, *others = rehearse(PLAN, faults=[Fault.LIES]).cases

    assert (first.step, first.fault, second.step, second.fault) == ("none",) * 4
    assert {(case.step, case.fault) for case in others} == {
        (step.id, "says it did, and did not") for step in PLAN.steps
    }


def test_without_faults_only_the_undisturbed_cases_are_left() -> None:
    assert len(rehearse(PLAN, faults=()).cases) == 2


def test_a_rehearsal_is_the_same_each_time() -> None:
    faults = [Fault.KILLED_AFTER]

    assert rehearse(PLAN, faults=faults) == rehearse(PLAN, faults=faults)


def without_step(plan: Plan, step_id: str) -> Plan:
    return attrs.evolve(plan, steps=tuple(step for step in plan.steps if step.id != step_id))


@pytest.mark.parametrize(
    "step_id",
    [
        *("back-up-database", "create-database", "restore-database", "migrations-up"),
        *("migrations-finish", "start-nodes", "divert-100", "resume-admin-writes"),
    ],
)
def test_a_plan_without_one_of_its_steps_is_broken(step_id: str) -> None:
    assert not rehearse(without_step(PLAN, step_id), faults=()).ok


def test_a_plan_in_another_order_is_broken() -> None:
    backwards = attrs.evolve(PLAN, steps=tuple(reversed(PLAN.steps)))

    (resumed, _) = rehearse(backwards, faults=()).cases

    assert resumed.verdict is Verdict.STOPPED
    assert resumed.broken[0].startswith("it ended as stopped, not as succeeded: ")


def test_a_plan_that_cannot_even_begin_is_broken() -> None:
    stale = attrs.evolve(PLAN, starts_from=SchemaState.LTS_3_4)

    (resumed, rolled_back) = rehearse(stale, faults=()).cases

    assert resumed.broken[0].endswith("The journal is empty: no run was started in it.")
    assert rolled_back.verdict is Verdict.STOPPED


def test_a_plan_that_migrates_twice_is_broken() -> None:
    index = [step.id for step in PLAN.steps].index("migrations-up")
    create, restore, up = PLAN.steps[index - 2 : index + 1]
    drop = create.undo({})
    assert isinstance(drop, DropDatabase)
    again = tuple(attrs.evolve(step, id=f"{step.id}-again") for step in (create, restore, up))
    steps = (*PLAN.steps[: index + 1], drop, *again, *PLAN.steps[index + 1 :])

    (resumed, _) = rehearse(attrs.evolve(PLAN, steps=steps), faults=()).cases

    assert "kong migrations up ran 2 times" in resumed.broken


def test_a_broken_case_says_what_did_not_hold() -> None:
    (resumed, _) = rehearse(without_step(PLAN, "divert-100"), faults=()).cases

    assert "10% of the traffic is on the new cluster, not 100%" in resumed.broken


# --- mutations ----------------------------------------------------------------------------------


def nothing_to_see(self: object, adapters: Adapters, past: Past) -> Iterator[Finding]:
    yield from ()


def no_way_back(self: object, past: Past) -> Step | None:
    return None


def mutants() -> dict[str, tuple[type, str, object]]:
    """Each `verify` and `undo` that a step of some plan has of its own, by name."""
    replacements = {"verify": nothing_to_see, "undo": no_way_back}
    planned = {type(step) for plan in PLANS.values() for step in plan.steps}
    return {
        f"{kind.__name__}.{method}": (kind, method, replacement)
        for kind in get_args(AnyStep)
        for method, replacement in replacements.items()
        if kind in planned and getattr(kind, method) is not getattr(PlannedStep, method, None)
    }


def rehearsed_without(kind: type, method: str, replacement: object) -> Rehearsal:
    """A rehearsal of a plan that has such a step, while the step lacks the method.

    The class itself is changed, and set right again: the way back reads its plan from the journal,
    and a class that is not among the steps of a plan does not survive that.
    """
    plan = next(p for p in (PLAN, *PLANS.values()) if any(type(s) is kind for s in p.steps))
    with pytest.MonkeyPatch.context() as mutation:
        mutation.setattr(kind, method, replacement)
        return rehearse(plan, faults=[Fault.LIES])


@pytest.mark.parametrize("name", [name for name in mutants() if name not in SURVIVORS])
def test_a_step_without_its_proof_or_its_way_back_breaks_a_rehearsal(name: str) -> None:
    assert not rehearsed_without(*mutants()[name]).ok


@pytest.mark.parametrize("name", SURVIVORS)
def test_a_survivor_is_still_one(name: str) -> None:
    """If a rehearsal has come to see it, it does not belong on the list any more."""
    assert rehearsed_without(*mutants()[name]).ok
