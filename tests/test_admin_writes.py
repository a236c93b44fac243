"""Admin writes are kept out and let in again, and both is proved by a trial write."""

import attrs
import pytest

import kong_lts
from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites, drift, written_since
from kong_lts.database import Fingerprint, TableFingerprint
from kong_lts.deployment import Side
from kong_lts.errors import StepFailedError
from kong_lts.events import Done, Past
from kong_lts.execution import execute
from kong_lts.findings import Severity
from kong_lts.migrations import MigrationsUp
from kong_lts.planning import Plan, Verdict
from kong_lts.protocols import Decision, Question
from kong_lts.schema import SchemaState
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import FakeApprover, fake_adapters
from kong_lts.testing.simulation import Fault, World
from tests.interruptions import Stage
from tests.worlds import (
    DUAL_CLUSTER,
    NO_PAST,
    a_plan,
    a_world,
    plans,
    restored_world,
    rules,
    without,
    world_of,
)

STOP = StopAdminWrites(id="stop", guide="a guide", side=Side.CURRENT)
UP = MigrationsUp(id="up", guide="a guide", side=Side.NEW)
RESUME = ResumeAdminWrites(id="resume", guide="a guide", side=Side.NEW, stopped_by="stop")


def test_stopped_writes_are_refused_and_the_refusal_is_kept() -> None:
    world = a_world()
    adapters = fake_adapters(world)

    outcome = STOP.run(adapters, NO_PAST)

    assert not world.write(Side.CURRENT, "route-9", "/late")
    assert outcome.tables == ("routes",)
    assert "frozen for the upgrade" in outcome.proof
    assert outcome.fingerprint == world.current.database.fingerprint()
    assert rules(STOP.verify(adapters, NO_PAST)) == []


def test_stopping_twice_is_once() -> None:
    adapters = fake_adapters(a_world())

    assert STOP.run(adapters, NO_PAST) == STOP.run(adapters, NO_PAST)


def test_stopping_the_current_cluster_leaves_the_new_one_alone() -> None:
    world = restored_world()

    STOP.run(fake_adapters(world), NO_PAST)

    assert world.write(Side.NEW, "route-9", "/late")


def test_writes_that_were_not_stopped_are_noticed() -> None:
    world = a_world()
    world.fault = Fault.LIES

    outcome = STOP.run(fake_adapters(world), NO_PAST)

    assert outcome.proof == ""
    assert rules(STOP.verify(fake_adapters(world), NO_PAST)) == ["admin-writes-not-stopped"]


def test_stopping_is_taken_back_by_resuming_the_same_cluster() -> None:
    world = a_world()
    STOP.run(fake_adapters(world), NO_PAST)

    STOP.undo(NO_PAST).run(fake_adapters(world), NO_PAST)

    assert world.write(Side.CURRENT, "route-9", "/late")


def test_resumed_writes_are_taken() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    world.new.database.guarded = True
    adapters = fake_adapters(world)

    assert RESUME.run(adapters, NO_PAST) == Done()

    assert rules(RESUME.verify(adapters, NO_PAST)) == []
    assert world.write(Side.NEW, "route-9", "/new")


def test_writes_that_are_still_refused_are_noticed() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    world.new.database.guarded = True

    assert rules(RESUME.verify(fake_adapters(world), NO_PAST)) == ["admin-writes-not-resumed"]


def test_writes_are_not_resumed_while_the_current_database_has_drifted() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    past: Past = {"stop": STOP.run(fake_adapters(world), NO_PAST)}
    assert rules(RESUME.check(fake_adapters(world), past)) == []

    world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)

    (finding,) = RESUME.check(fake_adapters(world), past)
    assert finding.rule == "configuration-drifted"
    assert "routes: 3 rows expected, 4 found" in finding.message


@pytest.mark.parametrize("past", [NO_PAST, {"stop": Done()}], ids=["unknown", "of another kind"])
def test_without_a_fingerprint_nothing_can_have_drifted(past: Past) -> None:
    assert rules(RESUME.check(fake_adapters(a_world()), past)) == []


def test_without_the_current_database_nothing_can_be_compared() -> None:
    world = a_world()
    past: Past = {"stop": STOP.run(fake_adapters(world), NO_PAST)}

    assert rules(RESUME.check(without(fake_adapters(world), "current", "database"), past)) == []


def test_only_the_first_write_on_the_new_cluster_is_beyond_return() -> None:
    current = attrs.evolve(RESUME, side=Side.CURRENT)

    assert RESUME.reversibility is Reversibility.NONE
    assert current.reversibility is Reversibility.FREE
    assert STOP.reversibility is Reversibility.COMPENSATED
    assert RESUME.undo(NO_PAST) is None


@pytest.mark.parametrize("missing", ["database", "write_guard"])
def test_stopping_needs_a_guard_and_a_database(missing: str) -> None:
    adapters = without(fake_adapters(a_world()), "current", missing)

    assert f"current.{missing}" in STOP.needs
    with pytest.raises(StepFailedError, match=f"there is no {missing} adapter"):
        STOP.run(adapters, NO_PAST)


def test_both_touch_administration_and_no_traffic() -> None:
    for step in (STOP, RESUME):
        assert (step.effect.administration, step.effect.traffic) == (True, False)


def test_titles_name_the_cluster() -> None:
    assert STOP.title == "Stop admin writes on the current cluster"
    assert RESUME.title == "Resume admin writes on the new cluster"


# --- drift ----------------------------------------------------------------------------------------


def drifted(world: World, plan: Plan, at: str) -> list[str]:
    """What is noticed before a step of a plan whose first step has noted what there is."""
    adapters = fake_adapters(world)
    past = {plan.steps[0].id: plan.steps[0].run(adapters, NO_PAST)}
    world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)
    return rules(drift(plan.steps, plan.step(at), adapters, past))


@pytest.mark.parametrize(
    "at", ["evaluate", "install", "migrations-up", "divert-10", "decommission"]
)
def test_a_write_is_noticed_at_every_later_step(at: str) -> None:
    assert drifted(a_world(), a_plan(), at) == ["configuration-drifted"]


def a_table(name: str, digest: str) -> TableFingerprint:
    return TableFingerprint(name=name, rows=1, digest=digest)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("acme_storage", False),  # a certificate was renewed
        ("keyring_meta", False),
        ("oic_issuers", False),
        ("certificates", True),
        ("schema_meta", True),
        ("my_own", True),
    ],
)
def test_what_running_nodes_write_by_themselves_is_no_drift(name: str, counts: bool) -> None:
    then, now = (Fingerprint(tables=(a_table(name, digest),)) for digest in ("one", "other"))

    assert bool(written_since(then, now)) is counts


def test_steps_that_compare_by_themselves_do_not_compare_twice() -> None:
    assert drifted(a_world(), a_plan(), "back-up-database") == []


def test_what_a_migration_changes_is_no_drift() -> None:
    plan = plans()["traditional-in-place"]

    assert drifted(world_of(plan), plan, "migrations-up") == ["configuration-drifted"]
    assert drifted(world_of(plan), plan, "migrations-finish") == []


def test_the_new_database_is_noted_anew_once_it_is_migrated() -> None:
    world, plan = restored_world(SchemaState.LTS_3_4), a_plan()
    adapters = fake_adapters(world)
    stop = plan.step("stop-admin-writes-new")
    past = {stop.id: stop.run(adapters, NO_PAST)}
    assert rules(drift(plan.steps, plan.step("divert-10"), adapters, past)) == []

    world.write(Side.NEW, "route-9", "/late", around_the_guard=True)

    (finding,) = drift(plan.steps, plan.step("divert-10"), adapters, past)
    assert "The new cluster was written to after step stop-admin-writes-new" in finding.message
    assert rules(drift(plan.steps, plan.step("watch-afterwards"), adapters, past)) == []


def test_a_run_stops_at_the_step_after_the_write() -> None:
    stage = Stage()

    class Colleague(FakeApprover):
        def ask(self, question: Question) -> Decision:
            if question.step == "evaluate":
                stage.world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)
            return super().ask(question)

    adapters = attrs.evolve(stage.adapters(), approver=Colleague(stage.world))
    run = execute(stage.plan, adapters, journal=stage.journal)

    assert (run.verdict, run.stopped_at) == (Verdict.STOPPED, "install")
    assert "was written to after step stop-admin-writes" in (run.reason or "")


# --- without triggers -----------------------------------------------------------------------------

WATCHED = attrs.evolve(STOP, guard=False)


def test_where_triggers_are_not_allowed_writes_are_noticed_and_the_plan_says_so() -> None:
    world = a_world()
    adapters = without(fake_adapters(world), "current", "write_guard")

    outcome = WATCHED.run(adapters, NO_PAST)

    assert outcome.tables == ()
    assert world.write(Side.CURRENT, "route-9", "/late")
    (finding,) = WATCHED.verify(adapters, NO_PAST)
    assert (finding.rule, finding.severity) == ("admin-writes-not-kept-out", Severity.WARNING)
    assert "noticed, and not kept out" in WATCHED.title
    assert WATCHED.needs == ("current.database",)
    assert rules(drift((WATCHED, UP), UP, adapters, {"stop": outcome})) == ["configuration-drifted"]


def test_the_whole_plan_goes_without_triggers() -> None:
    plan = kong_lts.plan(DUAL_CLUSTER, settings=kong_lts.Settings(guard_writes=False))

    assert not any("write_guard" in need for step in plan.steps for need in step.needs)
    resumed = attrs.evolve(RESUME, guard=False)
    adapters = without(fake_adapters(restored_world()), "new", "write_guard")
    resumed.run(adapters, NO_PAST)
    assert rules(resumed.verify(adapters, NO_PAST)) == []
