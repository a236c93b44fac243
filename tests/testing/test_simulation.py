"""The simulated world keeps time, serves clients, and lets a fault strike once, where told to."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.deployment import Side
from kong_lts.errors import DatabaseError
from kong_lts.schema import SchemaState
from kong_lts.testing import scenarios
from kong_lts.testing.faults import AFTERWARDS, BEFOREHAND, MEANWHILE, Fault, Killed
from kong_lts.testing.simulation import World
from tests.conftest import counted
from tests.worlds import a_world, restored_world

KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_DURING, Fault.KILLED_AFTER)
STRIKING = [fault for fault in Fault if fault not in (Fault.LIES, *MEANWHILE)]


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


@pytest.mark.parametrize("fault", STRIKING)
def test_a_fault_strikes_an_act_before_or_after_its_effect(fault: Fault) -> None:
    world = a_world()
    world.fault = fault

    with pytest.raises(Killed if fault in KILLS else DatabaseError):
        act(world)

    assert world.effects == (["change it"] if fault in AFTERWARDS else [])


def test_a_lie_is_an_act_without_its_effect() -> None:
    world = a_world()
    world.fault = Fault.LIES

    assert not act(world)

    assert world.effects == []


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in MEANWHILE])
def test_a_look_is_struck_only_by_what_comes_before_an_effect(fault: Fault) -> None:
    world = a_world()
    world.fault = fault
    looks = 0

    try:
        looks = world.look("look at it", DatabaseError, lambda: 1)
    except (Killed, DatabaseError):
        assert fault in BEFOREHAND

    assert looks == (fault not in BEFOREHAND)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.UNREACHABLE])
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


def test_what_cannot_be_reached_stays_so_until_it_is_mended() -> None:
    world = a_world()
    world.fault = Fault.UNREACHABLE
    for _ in range(3):
        with pytest.raises(DatabaseError, match="nothing can be reached"):
            act(world)

    world.mend()

    assert act(world)


def test_an_answer_that_comes_too_late_has_its_effect_all_the_same() -> None:
    world = a_world()
    world.fault, begun = Fault.TIMES_OUT, world.now

    with pytest.raises(DatabaseError, match="gives no answer in time"):
        act(world)

    assert world.effects == ["change it"]
    assert world.now - begun == timedelta(minutes=10)
    assert world.current.requests > 0


def test_half_of_an_effect_is_left_by_a_kill_where_there_can_be_half() -> None:
    world = a_world()
    world.fault = Fault.KILLED_DURING
    done = list[str]()

    with pytest.raises(Killed):
        world.act(
            "change it",
            DatabaseError,
            lambda: done.append("all"),
            half=lambda: done.append("half"),
        )

    assert done == ["half"]
    assert world.effects == ["half of: change it"]


def test_a_killed_up_leaves_half_of_the_rows_and_a_lock_that_runs_out() -> None:
    world = a_world()
    database = world.current.database
    database.rows = {"a": "/a/\\d+", "b": "/b/\\d+"}

    world.kill_migration(database)

    assert database.state is SchemaState.PARTLY_UP
    assert sorted(database.rows.values()) == ["/b/\\d+", "~/a/\\d+"]
    assert database.locked_until - world.now == timedelta(minutes=1)


def test_a_colleague_writes_where_he_is_let_and_else_by_sql() -> None:
    world = a_world()
    world.fault = Fault.WRITE

    assert act(world)
    world.current.database.guarded = True
    world.colleague_writes()

    assert world.colleague == {"colleague-0": Side.CURRENT, "colleague-1": Side.CURRENT}
    assert {"colleague-0", "colleague-1"} <= world.current.database.rows.keys()
    assert world.current.database.connections == 2


def test_a_new_cluster_that_lets_writes_in_gets_them() -> None:
    world = restored_world()
    world.new.running = dict.fromkeys(world.new.running, True)

    world.colleague_writes()

    assert world.colleague == {"colleague-0": Side.NEW}


def test_somebody_starts_a_second_run_once() -> None:
    world = a_world()
    started = list[bool]()
    world.second_run = lambda: started.append(True)
    world.fault = Fault.SECOND_RUN

    assert act(world)
    assert act(world)

    assert started == [True]


def test_a_fault_of_effects_spares_as_many_as_it_is_told_to() -> None:
    world = a_world()
    world.fault, world.acts_spared = Fault.LIES, 1

    assert act(world)
    assert world.look("look at it", DatabaseError, lambda: 7) == 7
    assert not act(world)


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
