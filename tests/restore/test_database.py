"""A backup is restored into a database of its own, which the way back drops again."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.backup import BackUpDatabase
from kong_lts.database import DatabaseFacts
from kong_lts.deployment import Side
from kong_lts.errors import ArchiveError, BackupError, DatabaseError, StepFailedError
from kong_lts.events import Done
from kong_lts.protocols import Adapters, ClusterAdapters
from kong_lts.restore import CreateDatabase, DropDatabase, RestoreDatabase, RestorePoint
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import FakeDatabase, fake_adapters
from kong_lts.testing.simulation import Fault, World
from tests.conftest import counted
from tests.worlds import NO_PAST, a_world, restored_world, rules, without

CREATE = CreateDatabase(id="create", guide="a guide", side=Side.NEW, owner="a run")
RESTORE = RestoreDatabase(id="restore", guide="a guide", side=Side.NEW, folder="a folder")
BACK_UP = BackUpDatabase(id="back-up", guide="a guide", side=Side.CURRENT, folder="a folder")


@attrs.define
class OlderServer(FakeDatabase):
    """A database on a server of another version."""

    server_version: str | None = "15.4"

    def facts(self) -> DatabaseFacts:
        return attrs.evolve(super().facts(), server_version=self.server_version)


def dropping(create: CreateDatabase) -> DropDatabase:
    """The step that takes back the making of a database which nobody wrote to."""
    drop = create.undo(NO_PAST)
    assert drop is not None
    return drop


def test_a_database_that_was_written_to_is_kept() -> None:
    kept = attrs.evolve(CREATE, kept_after="resume-admin-writes")

    assert kept.undo(NO_PAST) is not None
    assert kept.undo({"resume-admin-writes": Done()}) is None


def on_servers(current: str | None, new: str | None) -> Adapters:
    world = a_world()
    adapters = fake_adapters(world)
    CREATE.run(adapters, NO_PAST)
    return attrs.evolve(
        adapters,
        current=ClusterAdapters(database=OlderServer(world, Side.CURRENT, current)),
        new=ClusterAdapters(database=OlderServer(world, Side.NEW, new)),
    )


def backed_up() -> World:
    world = a_world()
    BACK_UP.run(fake_adapters(world), NO_PAST)
    return world


def test_a_created_database_is_there_and_empty() -> None:
    world = a_world()

    CREATE.run(fake_adapters(world), NO_PAST)

    assert world.new.database.exists
    assert rules(CREATE.verify(fake_adapters(world), NO_PAST)) == []


def test_creating_twice_is_once() -> None:
    adapters = fake_adapters(a_world())

    assert CREATE.run(adapters, NO_PAST) == CREATE.run(adapters, NO_PAST)


def test_a_database_that_was_not_created_fails_the_proof() -> None:
    world = a_world()
    world.fault = Fault.LIES
    CREATE.run(fake_adapters(world), NO_PAST)

    with pytest.raises(DatabaseError, match="does not exist"):
        list(CREATE.verify(fake_adapters(world), NO_PAST))


def test_somebody_elses_database_is_not_taken() -> None:
    adapters = fake_adapters(restored_world())

    with pytest.raises(DatabaseError, match="it exists already"):
        CREATE.run(adapters, NO_PAST)


def test_a_database_with_a_schema_is_not_new() -> None:
    world = restored_world()

    (finding,) = CREATE.verify(fake_adapters(world), NO_PAST)

    assert finding.rule == "new-database-not-empty"
    assert "(state: 2.8)" in finding.message


def test_one_database_for_both_clusters_is_noticed() -> None:
    adapters = fake_adapters(a_world())
    same = attrs.evolve(adapters, new=adapters.current)

    assert "same-database" in rules(CREATE.verify(same, NO_PAST))


@pytest.mark.parametrize(
    ("current", "new"),
    [("15.4", "15.9"), ("9.6.3", "9.6.24"), ("16beta1", "16beta1"), (None, None)],
)
def test_servers_of_one_major_version_are_left_alone(current: str | None, new: str | None) -> None:
    assert rules(CREATE.verify(on_servers(current, new), NO_PAST)) == []


@pytest.mark.parametrize(
    ("current", "new"), [("15.4", "16.1"), ("9.5.1", "9.6.1"), ("15.4", None), (None, "15.4")]
)
def test_servers_of_two_major_versions_are_noticed(current: str | None, new: str | None) -> None:
    assert rules(CREATE.verify(on_servers(current, new), NO_PAST)) == ["database-version-differs"]


def test_without_the_current_database_there_is_nothing_to_compare() -> None:
    world = a_world()
    CREATE.run(fake_adapters(world), NO_PAST)

    adapters = without(fake_adapters(world), "current", "database")

    assert rules(CREATE.verify(adapters, NO_PAST)) == []


def test_creating_is_taken_back_by_dropping_what_carries_the_mark() -> None:
    world = a_world()
    CREATE.run(fake_adapters(world), NO_PAST)
    undo = dropping(CREATE)

    undo.run(fake_adapters(world), NO_PAST)

    assert undo == DropDatabase(id="undo-create", guide="a guide", side=Side.NEW, owner="a run")
    assert not world.new.database.exists
    assert rules(undo.verify(fake_adapters(world), NO_PAST)) == []


def test_nothing_is_dropped_that_carries_another_mark() -> None:
    world = restored_world()
    drop = dropping(attrs.evolve(CREATE, owner="another run"))

    with pytest.raises(DatabaseError, match="it does not carry the mark"):
        drop.run(fake_adapters(world), NO_PAST)

    assert world.new.database.exists


def test_the_current_database_carries_no_mark_at_all() -> None:
    world = a_world()
    drop = dropping(attrs.evolve(CREATE, side=Side.CURRENT))

    with pytest.raises(DatabaseError, match="it does not carry the mark"):
        drop.run(fake_adapters(world), NO_PAST)

    assert world.current.database.exists


def test_dropping_what_is_not_there_is_nothing() -> None:
    world = a_world()

    dropping(CREATE).run(fake_adapters(world), NO_PAST)

    assert world.effects == []


@settings(max_examples=counted(200))
@given(rows=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=5))
def test_whatever_was_backed_up_comes_back(rows: dict[str, str]) -> None:
    world = a_world()
    world.current.database.rows = rows
    adapters = fake_adapters(world)
    for step in (BACK_UP, CREATE):
        step.run(adapters, NO_PAST)

    outcome = RESTORE.run(adapters, NO_PAST)

    assert outcome.database == world.new.database.name
    assert outcome.fingerprint == world.current.database.fingerprint()
    assert world.new.database.rows == rows
    assert rules(RESTORE.verify(adapters, NO_PAST)) == []


def test_restoring_twice_is_once() -> None:
    adapters = fake_adapters(backed_up())
    CREATE.run(adapters, NO_PAST)

    assert RESTORE.run(adapters, NO_PAST) == RESTORE.run(adapters, NO_PAST)


def test_nothing_is_restored_over_a_database_that_holds_something_else() -> None:
    world = backed_up()
    adapters = fake_adapters(world)
    CREATE.run(adapters, NO_PAST)
    RESTORE.run(adapters, NO_PAST)
    world.new.database.rows = {"route-0": "/another"}

    with pytest.raises(ArchiveError, match="is not empty"):
        RESTORE.run(adapters, NO_PAST)

    assert world.new.database.rows == {"route-0": "/another"}


def test_a_restore_that_did_not_happen_is_noticed() -> None:
    world = backed_up()
    CREATE.run(fake_adapters(world), NO_PAST)
    world.fault = Fault.LIES

    RESTORE.run(fake_adapters(world), NO_PAST)

    (finding,) = RESTORE.verify(fake_adapters(world), NO_PAST)
    assert finding.rule == "restore-differs"
    assert "routes: 3 rows expected, 0 found" in finding.message


def test_there_is_nothing_to_restore_without_a_backup() -> None:
    adapters = fake_adapters(a_world())
    CREATE.run(adapters, NO_PAST)

    with pytest.raises(BackupError, match="a folder: there is no backup"):
        RESTORE.run(adapters, NO_PAST)


# --- in place -----------------------------------------------------------------------------------

POINT = RestorePoint(id="point", guide="a guide", side=Side.CURRENT, folder="a folder")


def migrated() -> World:
    """A world whose current database was backed up and then migrated."""
    world = backed_up()
    world.migrate_up(world.current.database)
    return world


def test_a_restore_point_is_a_backup_of_what_is_there_now() -> None:
    world = backed_up()

    outcome = POINT.run(fake_adapters(world), NO_PAST)

    assert outcome.note == world.current.database.fingerprint().digest
    assert rules(POINT.verify(fake_adapters(world), NO_PAST)) == []


def test_a_backup_of_something_older_is_no_restore_point() -> None:
    world = backed_up()
    world.write(Side.CURRENT, "route-9", "/late")

    (finding,) = POINT.verify(fake_adapters(world), NO_PAST)

    assert finding.rule == "backup-differs"
    assert "routes: 3 rows expected, 4 found" in finding.message


def test_without_a_backup_there_is_no_restore_point() -> None:
    with pytest.raises(BackupError, match="a folder: there is no backup"):
        POINT.run(fake_adapters(a_world()), NO_PAST)


def test_from_a_restore_point_on_the_backup_leads_back() -> None:
    world = migrated()
    undo = POINT.undo(NO_PAST)

    outcome = undo.run(fake_adapters(world), NO_PAST)

    assert outcome.fingerprint == a_world().current.database.fingerprint()
    assert world.current.database.rows == a_world().current.database.rows
    assert list(world.replaced) == ["kong_before_rollback"]
    assert rules(undo.verify(fake_adapters(world), NO_PAST)) == []


def test_a_database_that_was_not_migrated_is_not_replaced() -> None:
    world = backed_up()
    before = list(world.effects)

    POINT.undo(NO_PAST).run(fake_adapters(world), NO_PAST)

    assert world.effects == before


def test_a_database_that_was_not_replaced_is_noticed() -> None:
    world = migrated()
    world.fault = Fault.LIES

    POINT.undo(NO_PAST).run(fake_adapters(world), NO_PAST)

    assert rules(POINT.undo(NO_PAST).verify(fake_adapters(world), NO_PAST)) == ["restore-differs"]


def test_the_lock_is_let_go_while_the_names_change_and_taken_again() -> None:
    world = migrated()
    FakeDatabase(world, Side.CURRENT).hold_lock("a run")

    POINT.undo(NO_PAST).run(fake_adapters(world), NO_PAST)

    assert world.run_lock == "rollback"


def test_what_an_upgrade_in_place_takes_to_be_brought_back() -> None:
    undo = POINT.undo(NO_PAST)

    assert (POINT.reversibility, undo.reversibility) == (
        *(Reversibility.COMPENSATED, Reversibility.COMPENSATED),
    )
    assert undo.undo(NO_PAST) is None
    assert POINT.title == "Prove the backup a folder, the only way back from here on"
    assert undo.title == "Put the backup a folder in the place of the database"
    assert set(undo.needs) == set(POINT.needs) == {"current.archive", "current.database"}


# --- what it takes ------------------------------------------------------------------------------


def test_what_it_takes_to_bring_things_back() -> None:
    assert CREATE.reversibility is Reversibility.COMPENSATED
    assert dropping(CREATE).reversibility is Reversibility.RESTORE
    assert RESTORE.reversibility is Reversibility.COMPENSATED
    assert RESTORE.undo(NO_PAST) is None
    assert dropping(CREATE).undo(NO_PAST) is None


@pytest.mark.parametrize("missing", ["database", "archive"])
def test_restoring_needs_a_database_and_an_archive(missing: str) -> None:
    world = backed_up()
    CREATE.run(fake_adapters(world), NO_PAST)
    adapters = without(fake_adapters(world), "new", missing)

    assert f"new.{missing}" in RESTORE.needs
    with pytest.raises(StepFailedError, match=f"there is no {missing} adapter"):
        RESTORE.run(adapters, NO_PAST)


def test_titles_name_the_cluster() -> None:
    assert CREATE.title == "Create the database of the new cluster"
    assert dropping(CREATE).title == "Drop the database of the new cluster"
    assert RESTORE.title == "Restore a folder into the database of the new cluster"
