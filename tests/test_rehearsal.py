"""A rehearsal runs a plan with every fault at every step, and sees what a step forgets."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from kong_lts.backup import VerifyBackup
from kong_lts.events import Past, RollbackEnded, RollbackStarted
from kong_lts.findings import Finding
from kong_lts.planning import AnyStep, Case, Plan, Run, Verdict
from kong_lts.protocols import Adapters
from kong_lts.rehearsal import cases_of_step, rehearse
from kong_lts.rehearsal.cases import Disturbance, rehearsed
from kong_lts.rehearsal.stage import AGAIN, WAYS, Prefix, Stage, undisturbed
from kong_lts.restore import DropDatabase, ReplaceDatabase
from kong_lts.schema import SchemaState
from kong_lts.step import PlannedStep, Step
from kong_lts.testing.faults import ON_THE_WAY_BACK, PASSING, Fault
from kong_lts.testing.simulation import World
from tests.conftest import NIGHTLY
from tests.worlds import a_plan, plans

PLANS = plans()
PLAN = a_plan()
ACTS = {name: undisturbed(plan).acts for name, plan in PLANS.items()}
SURVIVORS = {
    "DoByHand.verify": "a person who says no raises an error in `run` already",
    "InstallNodes.verify": "whoever installs in the simulated world does as he says",
    "ReloadNodes.verify": "the reload itself loads the file anew over what a colleague had loaded",
    "ValidateDeclarative.verify": "nobody in the simulated world spoils a converted file",
    "compare-configuration-again.verify": "once a new node runs, the simulated colleague changes"
    " that one",
    "GuardDataPlanes.verify": "no fault ends a current data plane",
    "StartNodes.verify": "`run` itself waits until every node is ready, and fails if none gets so",
    "StopNodes.verify": "`run` itself waits until every process is gone",
    "stop-admin-writes-new.undo": "the way back drops or replaces that database, guard and all;"
    " once it holds writes it is not guarded any more",
    "divert-100.undo": "the step before it leads from 100% to 0% as well, and both clusters are"
    " whole meanwhile",
    "CheckMetrics.verify": "`run` itself fails where the metrics of a side cannot be read",
    "VerifyBackup.verify": "`run` itself restores it into a scratch database, and fails if there is"
    " none",
    "FilesPoint.undo": "nobody in the simulated world changes files",
    "FilesPoint.verify": "it only tells",
}
"""What a rehearsal does not miss, and why; the tests of their own modules see it."""


# --- what a rehearsal tells ---------------------------------------------------------------------


def test_a_plan_holds_with_every_fault_at_every_step() -> None:
    rehearsal = rehearse(PLAN)

    assert rehearsal.broken == ()
    assert rehearsal.ok
    assert {(case.step, case.fault) for case in rehearsal.cases} >= {
        (step.id, str(fault)) for step in PLAN.steps for fault in Fault
    }


@pytest.mark.parametrize("name", PLANS)
def test_every_strategy_holds(name: str) -> None:
    """In the normal run one fault each, another one for each plan."""
    faults = list(Fault) if NIGHTLY else [list(Fault)[list(PLANS).index(name)]]

    assert rehearse(PLANS[name], faults=faults).broken == ()


def test_there_are_at_least_eight_scenarios_of_every_mode_and_strategy() -> None:
    assert len(PLANS) >= 8
    assert len({(p.deployment.mode, p.strategy) for p in PLANS.values()}) == 6


@pytest.mark.parametrize("fault", PASSING)
def test_every_case_ends_as_its_way_out_leads(fault: Fault) -> None:
    cases = rehearse(PLAN, faults=[fault]).cases

    ends = {(case.way, case.verdict) for case in cases}

    assert ends == {
        ("resume", Verdict.SUCCEEDED),
        ("roll back", Verdict.ROLLED_BACK),
        ("roll back again", Verdict.ROLLED_BACK),
    }


def ends(fault: Fault, step: str) -> Verdict:
    """How a run ends that is resumed after a fault."""
    cases = rehearse(PLAN, faults=[fault]).cases
    (case,) = (c for c in cases if c.step == step and c.way == "resume")
    return case.verdict


def test_a_killed_up_leads_to_the_way_back() -> None:
    assert ends(Fault.KILLED_DURING, "migrations-up") is Verdict.ROLLED_BACK
    assert ends(Fault.KILLED_DURING, "migrations-finish") is Verdict.SUCCEEDED


def test_a_write_that_came_too_late_for_the_backup_leads_to_the_way_back() -> None:
    assert ends(Fault.WRITE, "stop-admin-writes") is Verdict.SUCCEEDED
    assert ends(Fault.WRITE, "back-up-database") is Verdict.ROLLED_BACK
    assert ends(Fault.WRITE, "resume-admin-writes") is Verdict.ROLLED_BACK
    assert ends(Fault.WRITE, "watch-afterwards") is Verdict.SUCCEEDED


def test_a_sick_new_cluster_never_gets_past_its_test() -> None:
    assert ends(Fault.SICK, "start-nodes") is Verdict.ROLLED_BACK
    assert ends(Fault.SICK, "watch-10") is Verdict.SUCCEEDED  # mended, and watched again


def test_the_first_cases_are_undisturbed() -> None:
    first, second, *others = rehearse(PLAN, faults=[Fault.LIES]).cases

    assert (first.step, first.fault, second.step, second.fault) == ("none",) * 4
    assert {(case.step, case.fault) for case in others} == {
        *((step.id, "says it did, and did not") for step in PLAN.steps),
        *(
            (step, "says it did, and did not, at its last effect")
            # of two nodes each; a file beside what decK wrote
            for step in ("start-nodes", "decommission", "back-up-files", "back-up-declarative")
        ),
    }


def back_again(step: str, fault: Fault, plan: Plan = PLAN) -> tuple[Case, Stage]:
    """The run stands behind a step, and its way back is struck."""
    ids = [made.id for made in plan.steps]
    stage = Prefix.up_to(ids[ids.index(step) + 1], plan).stage()
    return rehearsed(stage, Disturbance(step=step, fault=fault), AGAIN, ()), stage


@pytest.mark.parametrize("fault", sorted(set(ON_THE_WAY_BACK) - {Fault.SECOND_RUN}))
@pytest.mark.parametrize(
    "step", ["stop-admin-writes", "create-database", "start-nodes", "divert-100"]
)
def test_a_way_back_that_is_struck_is_taken_up_again_to_its_end(step: str, fault: Fault) -> None:
    case, stage = back_again(step, fault)

    events = stage.journal.events()
    ends = [type(e) for e in events if isinstance(e, RollbackStarted | RollbackEnded)]
    assert (case.way, case.verdict, case.broken) == (AGAIN, Verdict.ROLLED_BACK, ())
    once = ends == [RollbackStarted, RollbackEnded]  # the lie was about nothing, or it came late
    assert ends == [RollbackStarted, RollbackStarted, RollbackEnded] or (
        once and fault in (Fault.LIES, Fault.TIMES_OUT)
    )


def test_every_step_that_is_taken_back_has_such_a_case_for_each_fault() -> None:
    found = {(c.step, c.fault) for c in rehearse(PLAN).cases if c.way == AGAIN}
    taken_back = [step.id for step in PLAN.steps[:-1] if step.undo({}) is not None]

    assert found == {(step, str(fault)) for step in taken_back for fault in ON_THE_WAY_BACK}


def test_a_way_back_that_loses_something_when_it_is_struck_is_broken() -> None:
    """In place: a restore that is only believed to have happened."""
    plan = PLANS["traditional-in-place"]
    with pytest.MonkeyPatch.context() as mutation:
        mutation.setattr(ReplaceDatabase, "verify", lambda self, adapters, past: iter(()))

        lied, _ = back_again("restore-point", Fault.LIES, plan)

        steps = [step.id for step in plan.steps]
        stage = Prefix.up_to(steps[steps.index("migrations-finish") + 1], plan).stage()
        lost = rehearsed(stage, Disturbance(step="restore-point", fault=Fault.LIES), AGAIN, ())

    assert lied.broken == ()  # nothing has happened yet that it had to bring back
    assert "the current database has changed" in lost.broken


def test_without_faults_only_the_undisturbed_cases_are_left() -> None:
    assert len(rehearse(PLAN, faults=()).cases) == 2


def test_a_rehearsal_is_the_same_each_time() -> None:
    faults = [Fault.KILLED_AFTER]

    assert rehearse(PLAN, faults=faults) == rehearse(PLAN, faults=faults)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", [Fault.KILLED_DURING, Fault.LIES, Fault.WRITE, Fault.SECOND_RUN])
def test_a_case_that_goes_on_from_its_step_ends_as_one_from_the_beginning(
    fault: Fault, way: str
) -> None:
    for step in PLAN.steps:
        disturbance = Disturbance(step=step.id, fault=fault)
        prefix = Prefix.up_to(step.id, PLAN)
        stage, whole = prefix.stage(), Stage.of(PLAN)

        assert rehearsed(stage, disturbance, way, ()) == rehearsed(whole, disturbance, way, ())
        assert stage.world.effects == whole.world.effects
        assert stage.journal.events() == whole.journal.events()


def test_no_case_leaves_anything_to_the_next_one() -> None:
    prefix = Prefix.up_to("migrations-up", PLAN)
    before = prefix.stage().world.effects

    rehearsed(prefix.stage(), Disturbance(step="migrations-up", fault=Fault.LIES), WAYS[0], ())

    assert prefix.stage().world.effects == before
    assert prefix.stage().witness.broken == []


def test_the_cases_of_each_step_may_be_run_side_by_side() -> None:
    faults = [Fault.KILLED_AFTER]
    with ThreadPoolExecutor(2) as executor:
        side_by_side = rehearse(PLAN, faults=faults, executor=executor)

    assert side_by_side == rehearse(PLAN, faults=faults)


def test_an_invariant_of_ones_own_must_hold_too() -> None:
    def few_effects(world: World, run: Run | None) -> Iterable[str]:
        if run is not None and run.ok and len(world.effects) > 3:
            yield f"{len(world.effects)} effects"

    (resumed, rolled_back) = rehearse(PLAN, faults=(), invariants=[few_effects]).cases

    assert resumed.broken
    assert resumed.broken[0].endswith(" effects")
    assert rolled_back.broken == ()


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
    never_diverted = without_step(without_step(PLAN, "divert-100"), "watch-100")

    (resumed, _) = rehearse(never_diverted, faults=()).cases

    assert "10% of the traffic is on the new cluster, not 100%" in resumed.broken


def test_a_plan_that_lets_writes_in_before_it_has_a_backup_is_broken() -> None:
    steps = {step.id: step for step in PLAN.steps}
    early = attrs.evolve(PLAN, steps=(steps["resume-admin-writes"], *PLAN.steps[:3]))

    (resumed, _) = rehearse(early, faults=()).cases

    assert "step resume-admin-writes was begun without a verified backup" in resumed.broken


def test_a_plan_that_stops_nodes_before_it_diverts_is_broken() -> None:
    order = ["start-nodes", "decommission", "divert-100"]
    steps = sorted(PLAN.steps, key=lambda step: order.index(step.id) if step.id in order else -1)

    (resumed, _) = rehearse(attrs.evolve(PLAN, steps=tuple(steps)), faults=()).cases

    assert resumed.broken


# --- mutations ----------------------------------------------------------------------------------


@attrs.frozen
class Mutant:
    """A plan in which one step lacks its proof or its way back."""

    plan: str
    step: AnyStep
    method: str

    @property
    def names(self) -> tuple[str, str]:
        return f"{type(self.step).__name__}.{self.method}", f"{self.step.id}.{self.method}"

    @property
    def may_survive(self) -> bool:
        if isinstance(self.step, VerifyBackup) and not self.step.rehearse:
            return False
        if self.names[1] == "divert-100.undo" and PLANS[self.plan].strategy.value == "rolling":
            return False  # there the other half of the nodes is gone meanwhile
        if self.names[1] == "divert-100.undo" and self.plan.startswith("hybrid"):
            return False
        return any(name in SURVIVORS for name in self.names)

    def __str__(self) -> str:
        return f"{self.plan}: {self.names[1]}"


def mutants() -> Iterator[Mutant]:
    """Each `verify` and each `undo` that a step of some plan has of its own."""
    for name, plan in PLANS.items():
        for step in plan.steps:
            for method in ("verify", "undo"):
                own = getattr(type(step), method) is not getattr(PlannedStep, method, None)
                if own and (method == "verify" or step.undo({}) is not None):
                    yield Mutant(name, step, method)


def taken_out(mutant: Mutant) -> Callable[..., Any]:
    """The method, but for that one step."""
    original, step_id = getattr(type(mutant.step), mutant.method), mutant.step.id

    def verify(self: AnyStep, adapters: Adapters, past: Past) -> Iterator[Finding]:
        yield from () if self.id == step_id else original(self, adapters, past)

    def undo(self: AnyStep, past: Past) -> Step | None:
        return None if self.id == step_id else original(self, past)

    return verify if mutant.method == "verify" else undo


def is_missed(mutant: Mutant) -> bool:
    """Whether a rehearsal fails without the method.

    The class itself is changed, and set right again: the way back reads its plan from the journal,
    and a class that is not among the steps of a plan does not survive that.
    """
    plan, acts = PLANS[mutant.plan], ACTS[mutant.plan]
    with pytest.MonkeyPatch.context() as mutation:
        mutation.setattr(type(mutant.step), mutant.method, taken_out(mutant))
        return any(
            case.broken
            for step in (None, mutant.step.id)
            for fault in ((Fault.LIES,) if step is None else Fault)
            for case in cases_of_step(plan, step, faults=(fault,), invariants=(), acts=acts)
        )


MUTANTS = tuple(mutants())


@pytest.mark.parametrize("mutant", MUTANTS if NIGHTLY else MUTANTS[::10], ids=str)
def test_a_step_without_its_proof_or_its_way_back_breaks_a_rehearsal(mutant: Mutant) -> None:
    """A survivor that a rehearsal has come to see does not belong on the list any more."""
    assert is_missed(mutant) is not mutant.may_survive


def test_every_survivor_is_a_mutant() -> None:
    assert set(SURVIVORS) <= {name for mutant in MUTANTS for name in mutant.names}


def test_most_mutants_do_not_survive() -> None:
    assert sum(not mutant.may_survive for mutant in MUTANTS) > 100
