"""Admin writes are kept out and let in again, and both is proved by a trial write."""

import attrs
import pytest

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.deployment import Side
from kong_lts.errors import StepFailedError
from kong_lts.events import Done, Past
from kong_lts.schema import SchemaState
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import Fault
from tests.worlds import NO_PAST, a_world, restored_world, rules, without

STOP = StopAdminWrites(id="stop", guide="a guide", side=Side.CURRENT)
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
