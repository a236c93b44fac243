"""A backup is one when it has its manifest, which says what it holds and what it does not."""

import attrs
import pytest

from kong_lts.backup import BackupLayout, VerifyBackup
from kong_lts.deployment import Deployment, Side
from kong_lts.errors import BackupError
from kong_lts.events import Past
from kong_lts.execution import execute
from kong_lts.manifest import BackupManifest, BackupMethod
from kong_lts.testing.fakes import FakeBackups, FakeJournal, fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.worlds import DUAL_CLUSTER, NO_PAST, a_plan, a_world, rules

VERIFY = VerifyBackup(id="verify", guide="a guide", side=Side.CURRENT, folder="kong-lts-backup")


def backed_up(deployment: Deployment = DUAL_CLUSTER) -> tuple[World, BackupManifest]:
    """The world after the backup of a whole plan."""
    plan, world = a_plan(deployment), World.of(deployment)
    last = [step.id for step in plan.steps].index("verify-backup")
    short = attrs.evolve(plan, steps=plan.steps[: last + 1])
    run = execute(short, fake_adapters(world), journal=FakeJournal())
    assert run.ok, run.reason
    return world, FakeBackups(world).inspect("kong-lts-backup")


def test_the_manifest_says_what_was_taken() -> None:
    world, manifest = backed_up()

    assert manifest.methods == (
        BackupMethod.DATABASE,
        BackupMethod.DECLARATIVE,
        BackupMethod.FILES,
    )
    assert manifest.by_hand == ()
    assert manifest.deployment == DUAL_CLUSTER.name
    assert manifest.fingerprint == world.current.database.fingerprint()
    assert manifest.schema_state == "2.8"
    assert manifest.entities == {"routes": 3}
    assert manifest.tool_versions == ("pg_dump 15.4", "decK 1.55.0", "Kong 2.8.5")
    assert any("basic-auth passwords" in line for line in manifest.cannot_restore)


def test_a_keyring_is_in_it_by_the_ids_of_its_keys() -> None:
    world, manifest = backed_up(ALL["enterprise-keyring"])

    assert BackupMethod.KEYRING in manifest.methods
    assert manifest.keyring_ids == world.current.keyring.ids


def test_a_db_less_backup_has_kong_yml_and_says_that_there_is_no_database() -> None:
    _, manifest = backed_up(ALL["db-less-rolling"])

    assert manifest.methods == (BackupMethod.DECLARATIVE, BackupMethod.FILES)
    assert manifest.fingerprint is None
    assert any("there is no database backup" in line for line in manifest.cannot_restore)


def test_a_database_backup_alone_is_named_as_such() -> None:
    world = a_world()
    adapters = fake_adapters(world)
    layout = BackupLayout("kong-lts-backup").unfinished
    assert adapters.current.archive is not None
    past: Past = {"back-up-database": adapters.current.archive.back_up(layout.database)}

    done = VERIFY.run(adapters, past)

    (finding,) = VERIFY.verify(adapters, {**past, "verify": done})
    assert finding.rule == "backup-method-missing"
    assert any("files of the nodes" in line for line in done.cannot_restore)


def test_completing_twice_is_once() -> None:
    world, manifest = backed_up()

    again = VERIFY.run(fake_adapters(world), NO_PAST)

    assert again.cannot_restore == manifest.cannot_restore


def test_without_any_part_there_is_nothing_to_verify() -> None:
    with pytest.raises(BackupError):
        VERIFY.run(fake_adapters(a_world()), NO_PAST)


def test_a_rehearsal_needs_an_archive() -> None:
    assert VERIFY.needs == ("backups",)
    assert attrs.evolve(VERIFY, rehearse=True).needs == ("backups", "current.archive")
    assert rules(VERIFY.check(fake_adapters(a_world()), NO_PAST)) == []
