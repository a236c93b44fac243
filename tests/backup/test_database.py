"""A database backup is believed once it is proved, and once it is what writes had stopped at."""

import pytest

from kong_lts.admin_writes import StopAdminWrites
from kong_lts.backup import BackUpDatabase
from kong_lts.deployment import Side
from kong_lts.errors import BackupError, StepFailedError
from kong_lts.events import Past
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import Fault, World
from tests.worlds import NO_PAST, a_world, rules, without

STOP = StopAdminWrites(id="stop", guide="a guide", side=Side.CURRENT)
BACK_UP = BackUpDatabase(
    id="back-up", guide="a guide", side=Side.CURRENT, folder="a folder", stopped_by="stop"
)


def stopped(world: World) -> Past:
    return {"stop": STOP.run(fake_adapters(world), NO_PAST)}


def test_a_backup_holds_what_the_database_held() -> None:
    world = a_world()
    past = stopped(world)

    outcome = BACK_UP.run(fake_adapters(world), past)

    assert outcome.folder == "a folder"
    assert outcome.fingerprint == world.current.database.fingerprint()
    assert rules(BACK_UP.verify(fake_adapters(world), past)) == []


def test_backing_up_twice_is_once() -> None:
    adapters = fake_adapters(a_world())

    assert BACK_UP.run(adapters, NO_PAST) == BACK_UP.run(adapters, NO_PAST)


def test_a_backup_that_is_not_there_fails_the_proof() -> None:
    world = a_world()
    world.fault = Fault.LIES
    BACK_UP.run(fake_adapters(world), NO_PAST)

    with pytest.raises(BackupError, match="a folder: there is no backup"):
        list(BACK_UP.verify(fake_adapters(world), NO_PAST))


def test_a_write_between_the_stop_and_the_backup_is_noticed() -> None:
    world = a_world()
    past = stopped(world)
    world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)

    BACK_UP.run(fake_adapters(world), past)

    (finding,) = BACK_UP.verify(fake_adapters(world), past)
    assert finding.rule == "backup-differs"
    assert "routes: 3 rows expected, 4 found" in finding.message


def test_a_write_after_the_backup_is_noticed_even_if_nobody_knows_of_a_stop() -> None:
    world = a_world()
    BACK_UP.run(fake_adapters(world), NO_PAST)
    assert rules(BACK_UP.verify(fake_adapters(world), NO_PAST)) == []

    world.write(Side.CURRENT, "route-0", "/changed")

    assert rules(BACK_UP.verify(fake_adapters(world), NO_PAST)) == ["backup-differs"]


def test_a_backup_of_something_else_is_left_alone() -> None:
    world = a_world()
    BACK_UP.run(fake_adapters(world), NO_PAST)
    before = dict(world.backups)
    world.write(Side.CURRENT, "route-9", "/late")

    with pytest.raises(BackupError, match="something else"):
        BACK_UP.run(fake_adapters(world), NO_PAST)

    assert world.backups == before


def test_a_backup_harms_nobody_and_stays() -> None:
    assert BACK_UP.reversibility is Reversibility.FREE
    assert BACK_UP.undo(NO_PAST) is None
    assert (BACK_UP.effect.traffic, BACK_UP.effect.administration) == (False, False)


def test_a_backup_needs_an_archive() -> None:
    adapters = without(fake_adapters(a_world()), "current", "archive")

    assert "current.archive" in BACK_UP.needs
    with pytest.raises(StepFailedError, match="there is no archive adapter"):
        BACK_UP.run(adapters, NO_PAST)


def test_the_title_names_the_folder() -> None:
    assert BACK_UP.title == "Back up the database of the current cluster to a folder"
