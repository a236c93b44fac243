"""`kong config`, for those who cannot run decK, and the licences that decK does not write."""

import attrs
import pytest

import kong_lts
from kong_lts.backup import BackUpLicence, ExportKongConfig
from kong_lts.deployment import Side
from kong_lts.errors import BackupError, NodeFilesError
from kong_lts.findings import Severity
from kong_lts.planning import plan_restore
from kong_lts.restore import (
    ImportKongConfig,
    RestoreBasicAuth,
    RestoreDeclarative,
    RestoreLicence,
)
from kong_lts.step import Step
from kong_lts.testing.fakes import FakeBackups, fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import Fault, World
from tests.backup.test_whole import backed_up
from tests.worlds import DUAL_CLUSTER, NO_PAST, a_world, rules

PATH = "/var/tmp/kong.yml"
EXPORT = ExportKongConfig(
    id="export", guide="a guide", side=Side.CURRENT, folder="b/kong-config", path=PATH
)
IMPORT = ImportKongConfig(
    id="import", guide="a guide", side=Side.CURRENT, folder="b/kong-config", path=PATH
)
SETTINGS = kong_lts.Settings(run_deck=False, kong_config=PATH)


# --- kong config ----------------------------------------------------------------------------------


def test_what_kong_config_exports_is_copied_and_the_warning_goes_with_it() -> None:
    world = a_world()

    done = EXPORT.run(fake_adapters(world), NO_PAST)

    assert list(done.copies.values()) == [1]
    (finding,) = EXPORT.verify(fake_adapters(world), NO_PAST)
    assert (finding.rule, finding.severity) == ("kong-config-is-no-deck", Severity.INFO)
    assert "which decK does better" in EXPORT.title
    assert EXPORT.run(fake_adapters(world), NO_PAST) == done


def test_an_export_that_ends_well_and_writes_nothing_is_found() -> None:
    """Measured: that is what it does where the folder is not there."""
    world = a_world()
    world.fault = Fault.LIES

    with pytest.raises(NodeFilesError, match=f"there is no {PATH}"):
        EXPORT.run(fake_adapters(world), NO_PAST)

    assert "kong-config-not-exported" in rules(EXPORT.verify(fake_adapters(world), NO_PAST))


def test_the_import_brings_the_rows_into_an_empty_database() -> None:
    world = a_world()
    EXPORT.run(fake_adapters(world), NO_PAST)
    rows = dict(world.current.database.rows)
    world.current.database.rows = {}
    assert rules(IMPORT.verify(fake_adapters(world), NO_PAST)) == ["kong-config-not-imported"]

    (warning,) = IMPORT.check(fake_adapters(world), NO_PAST)
    IMPORT.run(fake_adapters(world), NO_PAST)

    assert (warning.rule, warning.severity) == ("kong-config-is-no-deck", Severity.WARNING)
    assert world.current.database.rows == rows
    assert rules(IMPORT.verify(fake_adapters(world), NO_PAST)) == []


def test_an_import_of_a_part_is_found_by_the_counts_of_the_backup() -> None:
    world, manifest = backed_up()
    EXPORT.run(fake_adapters(world), NO_PAST)
    step = attrs.evolve(IMPORT, backup="kong-lts-backup")
    assert manifest.fingerprint is not None
    assert rules(step.verify(fake_adapters(world), NO_PAST)) == []
    world.current.database.rows.popitem()

    (finding,) = step.verify(fake_adapters(world), NO_PAST)

    assert "routes: 2 of 3" in finding.message


def test_an_export_that_stands_there_already_is_said() -> None:
    world = a_world()
    assert rules(EXPORT.check(fake_adapters(world), NO_PAST)) == []
    EXPORT.run(fake_adapters(world), NO_PAST)

    assert rules(EXPORT.check(fake_adapters(world), NO_PAST)) == ["kong-config-in-the-way"]


def test_the_file_of_the_backup_is_put_back_before_it_is_imported() -> None:
    world = a_world()
    EXPORT.run(fake_adapters(world), NO_PAST)
    for files in world.current.files.values():
        files.pop(PATH, None)

    assert rules(IMPORT.check(fake_adapters(world), NO_PAST)) == ["kong-config-is-no-deck"]


def test_nodes_start_after_the_import_since_it_makes_none_forget_its_cache() -> None:
    ids = [
        step.id for step in plan_restore(DUAL_CLUSTER, declarative=True, settings=SETTINGS).steps
    ]

    assert ids.index("import-kong-config") < ids.index("start-nodes")
    assert "restore-declarative" not in ids


# --- licences -------------------------------------------------------------------------------------

LICENCE = BackUpLicence(id="licence", guide="a guide", side=Side.CURRENT, path="b/licence.json")
BACK = RestoreLicence(id="licence-back", guide="a guide", side=Side.CURRENT, folder="b")


def licensed_world() -> World:
    world = World.of(ALL["enterprise-keyring"])
    world.current.entities["licenses/one"] = {"id": "one", "payload": "signed"}
    return world


def test_a_licence_comes_back_under_its_id() -> None:
    world = licensed_world()
    done = LICENCE.run(fake_adapters(world), NO_PAST)
    assert rules(LICENCE.verify(fake_adapters(world), NO_PAST)) == []
    world.current.entities.clear()
    assert rules(BACK.verify(fake_adapters(world), NO_PAST)) == ["licence-missing"]

    BACK.run(fake_adapters(world), NO_PAST)

    assert done.count == 1
    assert world.current.entities == {"licenses/one": {"id": "one", "payload": "signed"}}
    assert rules(BACK.verify(fake_adapters(world), NO_PAST)) == []


def test_another_licence_under_its_id_is_found() -> None:
    world = licensed_world()
    LICENCE.run(fake_adapters(world), NO_PAST)
    world.current.entities["licenses/one"] = {"id": "one", "payload": "another"}

    assert rules(BACK.verify(fake_adapters(world), NO_PAST)) == ["licence-missing"]


@pytest.mark.parametrize(
    "step",
    [
        BACK,
        attrs.evolve(IMPORT, backup="b"),
        RestoreBasicAuth(id="basic", guide="a guide", side=Side.CURRENT, folder="b"),
        RestoreDeclarative(id="deck", guide="a guide", side=Side.CURRENT, folder="b"),
    ],
    ids=lambda step: step.id,
)
def test_nothing_of_a_backup_that_is_not_whole_is_restored(step: Step) -> None:
    world = licensed_world()
    LICENCE.run(fake_adapters(world), NO_PAST)
    EXPORT.run(fake_adapters(world), NO_PAST)

    with pytest.raises(BackupError):
        tuple(step.check(fake_adapters(world), NO_PAST))


def test_the_text_of_a_licence_is_in_no_error() -> None:
    world = licensed_world()
    FakeBackups(world).write("b/licence.json", '{"payload": "signed"}')

    with pytest.raises(BackupError) as failed:
        BACK.run(fake_adapters(world), NO_PAST)

    assert "signed" not in f"{failed.value} {failed.value!r}"


def test_a_lie_about_the_licence_is_found() -> None:
    world = licensed_world()
    world.fault = Fault.LIES

    LICENCE.run(fake_adapters(world), NO_PAST)

    assert rules(LICENCE.verify(fake_adapters(world), NO_PAST)) == ["licence-not-backed-up"]


def test_open_source_has_no_licence_to_save() -> None:
    of = {
        name: [step.id for step in kong_lts.plan(ALL[name]).steps]
        for name in ("enterprise-keyring", "traditional-dual-cluster")
    }

    enterprise = ALL["enterprise-keyring"].current.version.edition
    open_source = attrs.evolve(
        DUAL_CLUSTER,
        current=attrs.evolve(DUAL_CLUSTER.current, version=kong_lts.KongVersion.parse("2.8.5")),
        new=attrs.evolve(DUAL_CLUSTER.new, version=kong_lts.KongVersion.parse("3.4.2"))
        if DUAL_CLUSTER.new
        else None,
    )
    assert enterprise is kong_lts.Edition.ENTERPRISE
    assert "back-up-licence" in of["enterprise-keyring"]
    assert "back-up-licence" not in [step.id for step in kong_lts.plan(open_source).steps]
