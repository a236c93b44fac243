"""What is restored beside the database: files, keyring, and decK's files as the last resort."""

import attrs
import pytest

import kong_lts
from kong_lts.backup import BackupLayout
from kong_lts.database import Fingerprint, TableFingerprint
from kong_lts.deployment import Side
from kong_lts.errors import NotPlannableError, StepFailedError
from kong_lts.execution import execute
from kong_lts.planning import plan_restore
from kong_lts.restore import FilesPoint, RestoreDeclarative, RestoreKeyring
from kong_lts.schema import SchemaState
from kong_lts.testing.fakes import FakeJournal, fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.backup.test_whole import backed_up
from tests.worlds import DUAL_CLUSTER, NO_PAST, SETTINGS, rules

LAYOUT = BackupLayout("kong-lts-backup")
KEYRING = RestoreKeyring(
    id="keyring", guide="a guide", side=Side.NEW, path=LAYOUT.keyring, recovery_key="env:KEY"
)
DECLARATIVE = RestoreDeclarative(
    id="declarative", guide="a guide", side=Side.CURRENT, folder=LAYOUT.folder
)


# --- files ----------------------------------------------------------------------------------------


def test_the_way_back_brings_the_files_that_the_upgrade_replaced() -> None:
    world, _ = backed_up()
    adapters = fake_adapters(world)
    point = FilesPoint(
        id="point",
        guide="a guide",
        side=Side.CURRENT,
        folder=LAYOUT.files,
        nodes=tuple(world.current.running),
    )
    assert rules(point.verify(adapters, NO_PAST)) == []
    before = {node: dict(files) for node, files in world.current.files.items()}
    for files in world.current.files.values():
        files["/etc/kong/kong.conf"] = "of 3.4"
    undo = point.undo(NO_PAST)
    assert set(rules(undo.verify(adapters, NO_PAST))) == {"files-not-restored"}

    undo.run(adapters, NO_PAST)

    assert world.current.files == before
    assert rules(undo.verify(adapters, NO_PAST)) == []


# --- keyring --------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    """The new cluster runs on a copy of the database, with no key in its memory."""
    world, _ = backed_up(ALL["enterprise-keyring"])
    world.new.running = dict.fromkeys(world.new.running, True)
    world.new.database.exists = True
    world.new.database.keyring_ids = world.current.keyring.ids
    return world


def test_every_key_of_the_export_is_imported(world: World) -> None:
    adapters = fake_adapters(world)
    assert "keyring-key-missing" in rules(KEYRING.verify(adapters, NO_PAST))

    KEYRING.run(adapters, NO_PAST)

    assert set(world.new.keyring.ids) == set(world.current.keyring.ids)


def test_a_key_that_the_export_lacks_is_recovered(world: World) -> None:
    world.keyring_exports[LAYOUT.keyring] = world.current.keyring.ids[:1]

    KEYRING.run(fake_adapters(world), NO_PAST)

    assert set(world.new.keyring.ids) == set(world.current.keyring.ids)


def test_a_recovery_of_a_part_is_a_failure(world: World) -> None:
    lost = world.current.keyring.ids[-1]
    world.keyring_exports[LAYOUT.keyring] = world.current.keyring.ids[:1]
    world.new.keyring.unrecoverable = (lost,)

    with pytest.raises(StepFailedError, match=f"does not open {lost}"):
        KEYRING.run(fake_adapters(world), NO_PAST)


def test_a_key_that_is_missing_afterwards_is_a_blocker(world: World) -> None:
    world.keyring_exports[LAYOUT.keyring] = world.current.keyring.ids[:1]
    step = attrs.evolve(KEYRING, recovery_key=None)

    step.run(fake_adapters(world), NO_PAST)

    assert "keyring-key-missing" in rules(step.verify(fake_adapters(world), NO_PAST))


BY_MANIFEST = attrs.evolve(KEYRING, folder=LAYOUT.folder, recovery_key=None)
"""As a restore has it that is planned by itself: no step of its own run made the backup."""


def test_the_manifest_says_which_key_was_active(world: World) -> None:
    manifest = world.completed[LAYOUT.folder]

    assert manifest.keyring_active == world.current.keyring.active is not None
    assert manifest.keyring_active in manifest.keyring_ids


def test_the_key_that_was_active_is_active_again(world: World) -> None:
    adapters = fake_adapters(world)

    BY_MANIFEST.run(adapters, NO_PAST)

    assert world.new.keyring.active == world.current.keyring.active
    assert rules(BY_MANIFEST.verify(adapters, NO_PAST)) == []


def test_another_active_key_is_a_blocker_and_is_put_right(world: World) -> None:
    adapters = fake_adapters(world)
    BY_MANIFEST.run(adapters, NO_PAST)
    other = next(i for i in world.new.keyring.ids if i != world.current.keyring.active)
    world.new.keyring.active = other

    (finding,) = BY_MANIFEST.verify(adapters, NO_PAST)
    BY_MANIFEST.run(adapters, NO_PAST)

    assert finding.rule == "keyring-key-not-active"
    assert other in finding.message
    assert rules(BY_MANIFEST.verify(adapters, NO_PAST)) == []


def test_a_key_of_the_export_that_nothing_uses_yet_has_to_be_there_too(world: World) -> None:
    world.new.database.keyring_ids = ()
    adapters = fake_adapters(world)
    BY_MANIFEST.run(adapters, NO_PAST)
    world.new.keyring.ids = world.new.keyring.ids[:1]
    world.new.keyring.active = None

    assert "keyring-key-missing" in rules(BY_MANIFEST.verify(adapters, NO_PAST))


# --- the last resort ------------------------------------------------------------------------------


def test_deck_fills_an_empty_database_of_the_old_release() -> None:
    world, manifest = backed_up()
    plan = plan_restore(DUAL_CLUSTER, declarative=True, settings=SETTINGS)
    rows = dict(world.current.database.rows)

    def new_database() -> None:
        database = world.current.database
        database.exists, database.rows, database.state = False, {}, SchemaState.EMPTY
        database.guarded = False

    adapters = fake_adapters(world)
    stop = [step.id for step in plan.steps].index("create-database")
    first = attrs.evolve(plan, steps=plan.steps[:stop])
    assert execute(first, adapters, journal=FakeJournal()).ok
    new_database()
    world.current.database.exists = True
    world.current.database.owner = f"restore of {DUAL_CLUSTER.name}"
    run = execute(attrs.evolve(plan, steps=plan.steps[stop:]), adapters, journal=FakeJournal())

    assert run.verdict is kong_lts.Verdict.SUCCEEDED, run.reason
    assert world.current.database.rows == rows
    assert manifest.entities == {"routes": len(rows)}
    assert all(world.current.running.values())


def test_what_the_gateway_refuses_stops_it() -> None:
    world, _ = backed_up()
    world.current.database.guarded = True
    world.current.database.rows = {}

    with pytest.raises(StepFailedError, match="refused 1 entities"):
        DECLARATIVE.run(fake_adapters(world), NO_PAST)


def test_a_gateway_that_is_not_what_the_files_hold_is_a_blocker() -> None:
    world, _ = backed_up()
    assert rules(DECLARATIVE.verify(fake_adapters(world), NO_PAST)) == []
    world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)

    assert rules(DECLARATIVE.verify(fake_adapters(world), NO_PAST)) == ["declarative-differs"]


def test_the_database_comes_back_first_where_it_can() -> None:
    world, _ = backed_up()
    before = dict(world.current.database.rows)
    world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)
    plan = plan_restore(DUAL_CLUSTER, settings=SETTINGS)

    run = execute(plan, fake_adapters(world), journal=FakeJournal())

    assert run.ok, run.reason
    assert world.current.database.rows == before
    assert [step.id for step in plan.steps] == [
        "stop-nodes", "no-connections", "replace-database", "restore-files", "start-nodes",
    ]  # fmt: skip


def test_a_restore_by_deck_tells_what_is_lost_though_no_run_of_its_own_made_the_backup() -> None:
    world, manifest = backed_up()
    assert manifest.fingerprint is not None
    world.current.database.guarded = False

    done = DECLARATIVE.run(fake_adapters(world), NO_PAST)
    table = TableFingerprint(name="rbac_users", rows=2, digest="d")
    whole = attrs.evolve(manifest, fingerprint=Fingerprint(tables=(table,)))
    world.completed[LAYOUT.folder] = whole
    more = DECLARATIVE.run(fake_adapters(world), NO_PAST)

    assert not any("rbac_users" in line for line in done.lost)
    assert any("2 rows of rbac_users" in line for line in more.lost)


def test_there_is_no_restore_of_a_database_that_is_not_there() -> None:
    with pytest.raises(NotPlannableError, match="no database"):
        plan_restore(ALL["db-less-rolling"])
