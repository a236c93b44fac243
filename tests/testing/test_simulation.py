"""The simulated world keeps time, serves clients, and lets a fault strike once, where told to."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.deployment import Side
from kong_lts.errors import DatabaseError
from kong_lts.schema import SchemaState
from kong_lts.testing import scenarios
from kong_lts.testing.simulation import Fault, Killed, World
from tests.conftest import counted
from tests.worlds import a_world, restored_world

BEFORE = (Fault.FAILS_BEFORE, Fault.KILLED_BEFORE)
KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)


def act(world: World) -> bool:
    """One effect on a world; whether it happened."""
    done = list[bool]()
    world.act("change it", DatabaseError, lambda: done.append(True))
    return bool(done)


# --- a deployment -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", scenarios.ALL)
def test_a_world_is_the_deployment_before_its_upgrade(name: str) -> None:
    deployment = scenarios.ALL[name]
    world = World.of(deployment)

    assert world.current.running == {node.name: True for node in deployment.current.nodes}
    assert not any(world.new.running.values())
    assert world.current.database.state is SchemaState.LTS_2_8
    assert not world.new.database.exists
    assert (world.new_percent, world.effects, world.backups) == (0, [], {})


def test_an_upgrade_in_place_has_one_database() -> None:
    world = World.of(scenarios.ALL["traditional-in-place"], in_place=True)

    assert world.cluster(Side.NEW).database is world.cluster(Side.CURRENT).database


def test_a_world_has_as_many_routes_as_it_is_told_to() -> None:
    world = World.of(scenarios.ALL["traditional-dual-cluster"], routes=7)

    assert len(world.current.database.rows) == 7


def test_up_makes_regexes_of_the_paths_and_leaves_plain_ones() -> None:
    world = a_world()
    world.current.database.rows = {"regex": "/a/\\d+", "plain": "/a/b"}

    world.migrate_up(world.current.database)

    assert world.current.database.rows == {"regex": "~/a/\\d+", "plain": "/a/b"}
    assert world.current.database.state is SchemaState.UP


def test_a_migrated_database_has_another_fingerprint() -> None:
    world = a_world()
    before = world.current.database.fingerprint()

    world.migrate_up(world.current.database)

    assert world.current.database.fingerprint() != before


# --- traffic ------------------------------------------------------------------------------------


@settings(max_examples=counted(500))
@given(
    percent=st.integers(0, 100),
    seconds=st.lists(st.floats(0, 1000), max_size=4),
    up=st.tuples(st.booleans(), st.booleans()),
)
def test_every_request_is_answered_or_lost(
    percent: int, seconds: list[float], up: tuple[bool, bool]
) -> None:
    world = a_world()
    for cluster, runs in zip((world.current, world.new), up, strict=True):
        cluster.running = dict.fromkeys(cluster.running, runs)
    world.new_percent = percent

    for duration_s in seconds:
        world.pass_time(duration_s)

    sent = sum(int(duration_s * 100) for duration_s in seconds)
    assert world.current.requests + world.new.requests == sent
    assert world.current.lost == (0 if up[0] else world.current.requests)
    assert world.new.lost == (0 if up[1] else world.new.requests)
    assert world.lost_requests == world.current.lost + world.new.lost


def test_an_answer_that_is_an_error_is_not_lost() -> None:
    world = a_world()
    world.current.failing_percent = 25

    world.pass_time(10)

    assert (world.current.requests, world.current.errors, world.lost_requests) == (1000, 250, 0)


def test_time_passes() -> None:
    world = a_world()
    before = world.now

    world.pass_time(1.5)

    assert world.now - before == timedelta(seconds=1.5)


# --- writes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("guarded", [True, False])
def test_only_a_guard_refuses_a_write_and_not_one_around_it(guarded: bool) -> None:
    world = a_world()
    world.current.database.guarded = guarded

    assert world.write(Side.CURRENT, "a", "/a") is not guarded
    assert world.write(Side.CURRENT, "b", "/b", around_the_guard=True)

    assert ("a" in world.current.database.rows) is not guarded
    assert world.current.database.rows["b"] == "/b"


def test_nothing_is_written_to_a_database_that_is_not_there() -> None:
    world = a_world()

    assert not world.write(Side.NEW, "a", "/a", around_the_guard=True)
    assert world.new.database.rows == {}


def test_a_copy_is_written_to_on_its_own() -> None:
    world = restored_world()

    assert world.write(Side.NEW, "a", "/a")

    assert "a" not in world.current.database.rows


# --- faults -------------------------------------------------------------------------------------


def test_without_a_fault_everything_happens_and_is_noted() -> None:
    world = a_world()

    assert act(world)

    assert world.effects == ["change it"]
    assert world.look("look at it", DatabaseError, lambda: 7) == 7


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.LIES])
def test_a_fault_strikes_an_act_before_or_after_its_effect(fault: Fault) -> None:
    world = a_world()
    world.fault = fault

    with pytest.raises(Killed if fault in KILLS else DatabaseError):
        act(world)

    assert world.effects == ([] if fault in BEFORE else ["change it"])


def test_a_lie_is_an_act_without_its_effect() -> None:
    world = a_world()
    world.fault = Fault.LIES

    assert not act(world)

    assert world.effects == []


@pytest.mark.parametrize("fault", list(Fault))
def test_a_look_is_struck_only_by_what_comes_before_an_effect(fault: Fault) -> None:
    world = a_world()
    world.fault = fault
    looks = 0

    try:
        looks = world.look("look at it", DatabaseError, lambda: 1)
    except (Killed, DatabaseError):
        assert fault in BEFORE

    assert looks == (fault not in BEFORE)
    assert world.fault is (None if fault in BEFORE else fault)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_strikes_once(fault: Fault) -> None:
    world = a_world()
    world.fault = fault
    for _ in range(2):
        try:
            last = act(world)
        except (Killed, DatabaseError):
            last = False

    assert last
    assert world.fault is None


def test_a_fault_spares_as_many_touches_as_it_is_told_to() -> None:
    world = a_world()
    world.fault, world.spared = Fault.FAILS_BEFORE, 2
    world.look("look at it", DatabaseError, lambda: None)
    act(world)

    with pytest.raises(DatabaseError, match="change it: simulated failure: fails before"):
        act(world)

    assert world.effects == ["change it"]


def test_a_kill_is_caught_by_nobody_who_catches_errors() -> None:
    assert not issubclass(Killed, Exception)
