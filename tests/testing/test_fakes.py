"""What the fakes do beyond the contracts of their protocols: they fail, and are Kong, as told."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from kong_lts.deployment import Side
from kong_lts.errors import (
    AdapterError,
    ArchiveError,
    JournalError,
    ProcessFailedError,
    ProcessNotRunError,
    WriteGuardError,
)
from kong_lts.events import Event, RunEnded, StepStarted
from kong_lts.protocols import Probe, Question
from kong_lts.schema import SchemaState, schema_state
from kong_lts.testing.fakes import (
    FakeAdminApi,
    FakeApprover,
    FakeArchive,
    FakeDatabase,
    FakeJournal,
    FakeLoadBalancer,
    FakeMetrics,
    FakeProcessRunner,
    FakeProxy,
    FakeWriteGuard,
)
from kong_lts.testing.simulation import Fault, Killed, World
from tests.worlds import AT, a_world, restored_world

ENDED = RunEnded(at=AT)
STARTED = StepStarted(at=AT, step="a-step")


def node(world: World, side: Side = Side.NEW) -> FakeProcessRunner:
    return FakeProcessRunner(world, side, "y-1" if side is Side.NEW else "x-1")


def kong(world: World, *words: str, side: Side = Side.NEW, **statuses: tuple[int, ...]) -> int:
    """Run kong, and take its status."""
    return node(world, side).run(["kong", *words], timeout_s=1, **statuses).status


# --- the journal --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "written"),
    [
        (Fault.FAILS_BEFORE, JournalError, 1),
        (Fault.FAILS_AFTER, JournalError, 2),
        (Fault.KILLED_BEFORE, Killed, 1),
        (Fault.KILLED_AFTER, Killed, 2),
    ],
)
def test_a_journal_breaks_at_the_event_it_is_told_to(
    fault: Fault, error: type[BaseException], written: int
) -> None:
    journal = FakeJournal(strikes_at=1, fault=fault)
    journal.append(ENDED)

    with pytest.raises(error):
        journal.append(ENDED)

    assert len(journal.events()) == written
    journal.append(ENDED)
    assert len(journal.events()) == written + 1


def test_a_journal_that_has_a_step_arms_the_world_when_the_step_begins() -> None:
    world = a_world()
    journal = FakeJournal(world=world, strikes_at="a-step", fault=Fault.LIES)

    armed = []
    for event in (ENDED, STARTED, ENDED, STARTED):
        journal.append(event)
        armed.append(world.fault)

    assert armed == [None, Fault.LIES, None, None]


def test_a_journal_kills_at_a_step_once_its_beginning_is_written() -> None:
    journal = FakeJournal(world=a_world(), strikes_at="a-step", fault=Fault.KILLED_BEFORE)

    with pytest.raises(Killed):
        journal.append(STARTED)

    assert journal.events() == (STARTED,)


def test_a_journal_without_a_world_leaves_its_fault_alone() -> None:
    world = a_world()
    world.fault = Fault.LIES

    FakeJournal().append(STARTED)

    assert world.fault is Fault.LIES


def test_what_was_read_is_not_changed_by_what_is_written_later() -> None:
    journal = FakeJournal()
    before: tuple[Event, ...] = journal.events()

    journal.append(ENDED)

    assert before == ()


# --- kong on a node -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (SchemaState.EMPTY, 3),
        (SchemaState.OLDER, 5),
        (SchemaState.LTS_2_8, 5),
        (SchemaState.PARTLY_UP, 4),
        (SchemaState.UP, 4),
        (SchemaState.LTS_3_4, 0),
        (SchemaState.NEWER, 0),
    ],
)
def test_kong_lists_migrations_as_the_state_is(state: SchemaState, status: int) -> None:
    assert kong(restored_world(state), "migrations", "list", statuses=(0, 3, 4, 5)) == status


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (SchemaState.LTS_2_8, SchemaState.UP),
        (SchemaState.LTS_3_4, SchemaState.LTS_3_4),
        (SchemaState.EMPTY, SchemaState.EMPTY),
    ],
)
def test_up_leads_from_one_state_to_another(state: SchemaState, after: SchemaState) -> None:
    world = restored_world(state)

    assert kong(world, "migrations", "up") == 0

    assert world.new.database.state is after


@pytest.mark.parametrize("state", [SchemaState.UP, SchemaState.PARTLY_UP])
def test_up_refuses_while_something_is_pending(state: SchemaState) -> None:
    with pytest.raises(ProcessFailedError, match="Database has pending migrations"):
        kong(restored_world(state), "migrations", "up")


def test_up_cannot_write_where_writes_are_kept_out() -> None:
    world = restored_world()
    world.new.database.guarded = True

    with pytest.raises(ProcessFailedError, match="frozen for the upgrade"):
        kong(world, "migrations", "up")


@pytest.mark.parametrize(
    ("state", "after"),
    [(SchemaState.UP, SchemaState.LTS_3_4), (SchemaState.LTS_2_8, SchemaState.LTS_2_8)],
)
def test_finish_before_up_answers_0_and_does_nothing(
    state: SchemaState, after: SchemaState
) -> None:
    world = restored_world(state)

    assert kong(world, "migrations", "finish") == 0

    assert world.new.database.state is after


@pytest.mark.parametrize("command", ["up", "finish"])
def test_whoever_comes_second_says_so_answers_0_and_does_nothing(command: str) -> None:
    world = restored_world()
    world.new.database.locked_by = "another node"
    world.new.database.locked_until = world.now + timedelta(seconds=60)

    said = node(world).run(["kong", "migrations", command], timeout_s=1)

    assert (said.status, said.stdout) == (
        *(0, "aborted: another node is performing database changes\n"),
    )
    assert world.effects == []


def test_a_lock_runs_out() -> None:
    world = restored_world()
    world.new.database.locked_by = "another node"
    world.new.database.locked_until = world.now + timedelta(seconds=60)
    database = FakeDatabase(world, Side.NEW)
    assert [lock.held for lock in database.facts().locks] == [True]

    world.pass_time(60)

    assert [lock.held for lock in database.facts().locks] == [False]
    assert kong(world, "migrations", "up") == 0


def test_a_running_node_is_not_started_again() -> None:
    with pytest.raises(ProcessFailedError, match="Kong is already running"):
        kong(a_world(), "start", side=Side.CURRENT)


def test_health_tells_whether_kong_runs() -> None:
    world = a_world()

    assert kong(world, "health", side=Side.CURRENT) == 0
    assert kong(world, "health", statuses=(0, 1)) == 1


@pytest.mark.parametrize(
    "argv", [["kong", "reset"], ["rm", "-rf"], ["kong", "migrations", "reset"]]
)
def test_a_simulated_node_has_kong_and_nothing_else(argv: list[str]) -> None:
    with pytest.raises(ProcessNotRunError, match="no such command on a simulated node"):
        node(a_world()).run(argv, timeout_s=1)


# --- the others ---------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(SchemaState))
def test_every_state_of_a_database_can_be_looked_at(state: SchemaState) -> None:
    facts = FakeDatabase(restored_world(state), Side.NEW).facts()

    assert schema_state(facts.schema_meta) is state


def test_a_node_is_ready_once_it_has_started() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    world.new.starts_in_s = 10
    kong(world, "start")
    admin = FakeAdminApi(world, Side.NEW)
    assert not admin.status("y-1").ready

    world.pass_time(10)

    assert admin.status("y-1").ready


def test_a_guard_is_of_a_database_that_is_there() -> None:
    guard = FakeWriteGuard(a_world(), Side.NEW)

    for look in (guard.hold, guard.held, guard.try_write):
        with pytest.raises(WriteGuardError, match="does not exist"):
            look()


def test_a_cluster_in_which_everything_fails_answers_500() -> None:
    world = a_world()
    probe = Probe(name="root")
    assert FakeProxy(world, Side.CURRENT).send(probe).status == 200

    world.current.failing_percent = 100

    assert FakeProxy(world, Side.CURRENT).send(probe).status == 500


def touches(world: World) -> dict[str, Callable[[], object]]:
    """One look through each fake, by name."""
    side = Side.CURRENT
    return {
        "facts": FakeDatabase(world, side).facts,
        "fingerprint": FakeDatabase(world, side).fingerprint,
        "guard": FakeWriteGuard(world, side).held,
        "status": lambda: FakeAdminApi(world, side).status("x-1"),
        "probe": lambda: FakeProxy(world, side).send(Probe(name="root")),
        "count": FakeMetrics(world, side).count,
        "weight": FakeLoadBalancer(world).weight,
        "health": lambda: kong(world, "health", side=side),
        "ask": lambda: FakeApprover(world).ask(Question(step="a", title="b", instructions="c")),
    }


@pytest.mark.parametrize("name", touches(a_world()))
def test_a_fault_reaches_every_adapter_as_an_error_of_its_own(name: str) -> None:
    world = a_world()
    look = touches(world)[name]
    look()
    world.fault = Fault.FAILS_BEFORE

    with pytest.raises(AdapterError, match="simulated failure") as failed:
        look()

    assert type(failed.value) is not AdapterError


def test_an_archive_holds_what_was_there_and_not_what_came_later() -> None:
    world = a_world()
    made = FakeArchive(world, Side.CURRENT).back_up("a folder")

    world.write(Side.CURRENT, "route-9", "/late")

    assert FakeArchive(world, Side.CURRENT).inspect("a folder") == made
    assert made.fingerprint != world.current.database.fingerprint()


def test_there_is_nothing_to_back_up_or_to_fill_where_there_is_no_database() -> None:
    world = a_world()
    FakeArchive(world, Side.CURRENT).back_up("a folder")
    archive = FakeArchive(world, Side.NEW)

    with pytest.raises(ArchiveError, match="database kong34 does not exist"):
        archive.back_up("another folder")
    with pytest.raises(ArchiveError, match="database kong34 does not exist"):
        archive.restore("a folder")
    with pytest.raises(ArchiveError, match="database kong34 does not exist"):
        archive.replace("a folder", "kept")


def test_a_database_that_is_replaced_again_is_kept_under_another_name() -> None:
    world = a_world()
    archive = FakeArchive(world, Side.CURRENT)
    archive.back_up("a folder")
    world.migrate_up(world.current.database)
    archive.replace("a folder", "kept")
    world.migrate_up(world.current.database)
    archive.replace("a folder", "kept")

    assert list(world.replaced) == ["kept", "kept_2"]


@pytest.mark.parametrize(
    ("side", "state"), [(Side.CURRENT, SchemaState.LTS_3_4), (Side.NEW, SchemaState.LTS_2_8)]
)
def test_kong_starts_on_a_database_of_its_own_release_only(side: Side, state: SchemaState) -> None:
    world = restored_world(state)
    world.current.database.state = state
    world.current.running["x-1"] = False

    with pytest.raises(ProcessFailedError):
        kong(world, "start", side=side)
