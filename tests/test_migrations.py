"""`up` and `finish` run once each, and are believed only after a look at the database."""

import threading
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import LockHeldError, ProcessFailedError, StepFailedError
from kong_lts.migrations import MigrationsFinish, MigrationsUp, alive
from kong_lts.protocols import Finished
from kong_lts.schema import SchemaState
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import Fault, World
from tests.worlds import NO_PAST, restored_world, rules, without

UP = MigrationsUp(id="up", guide="a guide", side=Side.NEW)
FINISH = MigrationsFinish(id="finish", guide="a guide", side=Side.NEW)
BEFORE = {UP: SchemaState.LTS_2_8, FINISH: SchemaState.UP}
AFTER = {UP: SchemaState.UP, FINISH: SchemaState.LTS_3_4}
BOTH = pytest.mark.parametrize("step", [UP, FINISH], ids=["up", "finish"])


def locked_world(state: SchemaState, seconds: float) -> World:
    """One whose new database somebody is migrating, or was killed while doing so."""
    world = restored_world(state)
    world.new.database.locked_by = "another node"
    world.new.database.locked_until = world.now + timedelta(seconds=seconds)
    return world


@BOTH
def test_a_migration_leads_to_the_next_state(step: MigrationsUp | MigrationsFinish) -> None:
    world = restored_world(BEFORE[step])
    adapters = fake_adapters(world)

    outcome = step.run(adapters, NO_PAST)

    assert outcome.state == AFTER[step] == world.new.database.state
    assert rules(step.verify(adapters, NO_PAST)) == []


def test_up_counts_what_was_executed_and_what_is_pending() -> None:
    outcome = UP.run(fake_adapters(restored_world()), NO_PAST)

    assert (outcome.executed, outcome.pending) == (18, 1)


def test_up_makes_regexes_of_paths_once() -> None:
    world = restored_world()

    UP.run(fake_adapters(world), NO_PAST)

    assert world.new.database.rows["route-0"] == "~/orders/\\d+/0"
    assert world.current.database.rows["route-0"] == "/orders/\\d+/0"


@BOTH
def test_a_migration_that_was_made_is_not_made_again(step: MigrationsUp | MigrationsFinish) -> None:
    world = restored_world(AFTER[step])

    outcome = step.run(fake_adapters(world), NO_PAST)

    assert outcome.state == AFTER[step]
    assert world.effects == []


@BOTH
def test_a_migration_that_says_it_was_made_and_was_not_is_noticed(
    step: MigrationsUp | MigrationsFinish,
) -> None:
    world = restored_world(BEFORE[step])
    world.fault = Fault.LIES

    step.run(fake_adapters(world), NO_PAST)

    assert rules(step.verify(fake_adapters(world), NO_PAST)) == [f"migrations-{step.id}-not-done"]


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (UP, SchemaState.LTS_2_8),
        (UP, SchemaState.UP),
        (FINISH, SchemaState.UP),
        (FINISH, SchemaState.LTS_3_4),
    ],
)
def test_nothing_speaks_against_a_migration_whose_turn_it_is(
    step: MigrationsUp | MigrationsFinish, state: SchemaState
) -> None:
    assert rules(step.check(fake_adapters(restored_world(state)), NO_PAST)) == []


@pytest.mark.parametrize(
    ("step", "state", "rule"),
    [
        (UP, SchemaState.EMPTY, "schema-not-2.8"),
        (UP, SchemaState.OLDER, "schema-not-2.8"),
        (UP, SchemaState.PARTLY_UP, "schema-not-2.8"),
        (UP, SchemaState.LTS_3_4, "schema-not-2.8"),
        (UP, SchemaState.NEWER, "schema-not-2.8"),
        (FINISH, SchemaState.EMPTY, "schema-not-up"),
        (FINISH, SchemaState.LTS_2_8, "schema-not-up"),
        (FINISH, SchemaState.PARTLY_UP, "schema-not-up"),
        (FINISH, SchemaState.NEWER, "schema-not-up"),
    ],
)
def test_a_migration_out_of_turn_is_stopped(
    step: MigrationsUp | MigrationsFinish, state: SchemaState, rule: str
) -> None:
    (finding,) = step.check(fake_adapters(restored_world(state)), NO_PAST)

    assert finding.rule == rule
    assert f"is in the state '{state}'" in finding.message


@BOTH
def test_the_lock_of_a_killed_migration_is_waited_out(
    step: MigrationsUp | MigrationsFinish,
) -> None:
    world = locked_world(BEFORE[step], 60)
    begun = world.now

    assert rules(step.check(fake_adapters(world), NO_PAST)) == []

    assert timedelta(seconds=60) <= world.now - begun < timedelta(seconds=70)


@BOTH
def test_a_lock_that_stays_stops_the_migration(step: MigrationsUp | MigrationsFinish) -> None:
    world = locked_world(BEFORE[step], 3600)

    (finding,) = step.check(fake_adapters(world), NO_PAST)

    assert finding.rule == "migrations-locked"
    assert "another node" in finding.message


@BOTH
def test_a_migration_that_was_aborted_is_none_though_its_status_is_0(
    step: MigrationsUp | MigrationsFinish,
) -> None:
    world = locked_world(BEFORE[step], 3600)

    with pytest.raises(StepFailedError, match=f"Step {step.id} failed: .* it was aborted"):
        step.run(fake_adapters(world), NO_PAST)

    assert world.effects == []


def test_up_over_a_half_done_one_is_refused_by_kong_itself() -> None:
    world = restored_world(SchemaState.PARTLY_UP)

    with pytest.raises(ProcessFailedError, match="Database has pending migrations"):
        UP.run(fake_adapters(world), NO_PAST)


@BOTH
def test_a_path_that_was_migrated_twice_is_noticed(step: MigrationsUp | MigrationsFinish) -> None:
    world = restored_world(AFTER[step])
    world.new.database.rows["route-1"] = "~~/orders/\\d+/1"

    (finding,) = step.verify(fake_adapters(world), NO_PAST)

    assert finding.rule == "path-migrated-twice"
    assert "Route route-1 has the path '~~/orders/" in finding.message


@attrs.define
class _Listing:
    """A node on which `kong migrations list` ends with another status than the database says."""

    status: int

    def run(self, argv: object, *, timeout_s: float, statuses: object = (0,)) -> Finished:
        return Finished(status=self.status)


@pytest.mark.parametrize(
    ("step", "status", "wrong"),
    [
        (UP, 4, False),
        (FINISH, 0, False),
        (UP, 0, True),
        (UP, 5, True),
        (FINISH, 3, True),
        (FINISH, 4, True),
        (FINISH, 5, True),
    ],
)
def test_kong_has_to_list_what_the_database_says(
    step: MigrationsUp | MigrationsFinish, status: int, wrong: bool
) -> None:
    adapters = fake_adapters(restored_world(AFTER[step]))
    listing = attrs.evolve(adapters.new, nodes={"y-1": _Listing(status)})

    found = rules(step.verify(attrs.evolve(adapters, new=listing), NO_PAST))

    assert found == (["migrations-list-disagrees"] if wrong else [])


def test_a_copy_is_dropped_but_the_current_database_needs_its_backup() -> None:
    for step in (UP, FINISH):
        assert step.reversibility is Reversibility.COMPENSATED
        assert attrs.evolve(step, in_place=True).reversibility is Reversibility.RESTORE
        assert step.undo(NO_PAST) is None


@BOTH
def test_a_migration_runs_on_a_node_of_its_cluster(step: MigrationsUp | MigrationsFinish) -> None:
    world = restored_world(BEFORE[step])
    elsewhere = attrs.evolve(step, node="y-9")
    nowhere = without(fake_adapters(world), "new", "nodes")

    with pytest.raises(StepFailedError, match="no process runner for node y-9"):
        elsewhere.run(fake_adapters(world), NO_PAST)
    with pytest.raises(StepFailedError, match="no process runner for node None"):
        step.run(nowhere, NO_PAST)


def test_kong_is_called_as_the_plan_says() -> None:
    world = restored_world()
    step = attrs.evolve(
        UP, node="y-2", program=("/opt/kong/bin/kong",), options=("-c", "/etc/kong34.conf")
    )

    step.run(fake_adapters(world), NO_PAST)

    assert world.effects == ["/opt/kong/bin/kong migrations up -c /etc/kong34.conf"]


def test_titles_name_the_command() -> None:
    assert UP.title == "Run kong migrations up on the database of the new cluster"
    assert FINISH.title == "Run kong migrations finish on the database of the new cluster"


@BOTH
def test_no_step_ever_forces_a_migration(step: MigrationsUp | MigrationsFinish) -> None:
    world = restored_world(BEFORE[step])

    step.run(fake_adapters(world), NO_PAST)

    (effect,) = world.effects
    assert effect.split() == ["kong", "migrations", step.id]


# --- plugins ------------------------------------------------------------------------------------


def test_a_plugin_of_the_database_that_the_node_does_not_have_is_a_blocker() -> None:
    world = restored_world()
    world.new.database.plugins = {"http-log": 2, "cors": 1}
    world.new.disabled_plugins = ("http-log",)

    (finding,) = UP.check(fake_adapters(world), NO_PAST)

    assert finding.rule == "plugin-not-migrated"
    assert "2 http-log plugins" in finding.message


def test_a_plugin_that_the_database_does_not_hold_need_not_be_enabled() -> None:
    world = restored_world()
    world.new.database.plugins = {"key-auth": 1}
    world.new.disabled_plugins = ("http-log", "acme")

    assert rules(UP.check(fake_adapters(world), NO_PAST)) == []


# --- interrupted --------------------------------------------------------------------------------


def test_paths_that_an_interrupted_up_rewrote_are_found_though_nothing_was_noted_down() -> None:
    world = restored_world()
    world.new.database.rows["route-0"] = "~/orders/\\d+/0"

    assert rules(UP.check(fake_adapters(world), NO_PAST)) == ["up-was-interrupted"]


def test_an_interrupted_up_leads_to_the_restore_unless_asked_otherwise() -> None:
    world = restored_world(SchemaState.PARTLY_UP)
    world.new.database.rows["route-0"] = "~~/orders/\\d+/0"

    assert rules(UP.check(fake_adapters(world), NO_PAST)) == [
        "schema-not-2.8",
        "path-migrated-twice",
    ]


GO_ON = attrs.evolve(UP, continue_interrupted=True)


def partly_migrated(*, every_path: bool) -> World:
    world = restored_world()
    if every_path:
        world.migrate_up(world.new.database)
    world.new.database.state = SchemaState.PARTLY_UP
    return world


def test_whoever_asks_for_it_goes_on_where_every_path_is_rewritten() -> None:
    adapters = fake_adapters(partly_migrated(every_path=True))

    assert rules(GO_ON.check(adapters, NO_PAST)) == []


def test_nobody_goes_on_where_paths_are_half_rewritten() -> None:
    adapters = fake_adapters(partly_migrated(every_path=False))

    assert set(rules(GO_ON.check(adapters, NO_PAST))) == {"paths-half-migrated"}


def test_a_plain_path_that_was_decoded_is_rewritten() -> None:
    """`/a%20b` becomes `/a b`, which 2.8 would take for a regex."""
    world = partly_migrated(every_path=True)
    world.new.database.rows["route-0"] = "/shared files"

    assert rules(GO_ON.check(fake_adapters(world), NO_PAST)) == []


@pytest.mark.parametrize("path", ["/a(b)", "/a\\d", "/a$", "/a{2}"])
def test_a_regex_without_its_tilde_is_not(path: str) -> None:
    world = partly_migrated(every_path=True)
    world.new.database.rows["route-0"] = path

    assert rules(GO_ON.check(fake_adapters(world), NO_PAST)) == ["paths-half-migrated"]


def test_a_node_that_does_not_see_the_database_is_found_before_anything_runs() -> None:
    world = restored_world()
    world.current.database.state = SchemaState.LTS_3_4
    adapters = fake_adapters(world)
    elsewhere = attrs.evolve(adapters.new, nodes=adapters.current.nodes)

    found = rules(UP.check(attrs.evolve(adapters, new=elsewhere), NO_PAST))

    assert found == ["migrations-list-disagrees"]


# --- time ---------------------------------------------------------------------------------------


class Patient:
    """A clock that notes how often it was looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def sleep(self, duration_s: float) -> None:
        self.looks += 1
        raise LockHeldError("somebody", "the wait")


def test_whoever_ends_the_wait_still_waits_for_the_end_of_the_command() -> None:
    ended = []

    def command() -> Finished:
        ended.append(threading.Event().wait(0.2))
        return Finished(status=0)

    clock = Patient()
    with pytest.raises(LockHeldError):
        alive(clock, command, beat_s=0.01)

    assert (clock.looks, len(ended)) == (1, 1)
