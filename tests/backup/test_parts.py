"""Every part of a backup is proved where it is taken, and what it lacks is named."""

import attrs
import pytest

from kong_lts.backup import BackUpDeclarative, BackUpFiles, BackUpKeyring, SaveDeclarative
from kong_lts.backup.declarative import lost_by_deck
from kong_lts.database import Fingerprint, TableFingerprint
from kong_lts.deployment import Side
from kong_lts.errors import NodeFilesError
from kong_lts.findings import Severity
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import Fault, World
from tests.worlds import NO_PAST, a_world, rules

DECLARATIVE = BackUpDeclarative(
    id="declarative", guide="a guide", side=Side.CURRENT, folder="b/declarative"
)
KEYRING = BackUpKeyring(id="keyring", guide="a guide", side=Side.CURRENT, path="b/keyring.export")


def files(world: World) -> BackUpFiles:
    return BackUpFiles(
        id="files",
        guide="a guide",
        side=Side.CURRENT,
        folder="b/files",
        nodes=tuple(world.current.running),
        paths=("/etc/kong/kong.conf",),
    )


def saved(world: World) -> SaveDeclarative:
    return SaveDeclarative(
        id="yml",
        guide="a guide",
        side=Side.CURRENT,
        folder="b/kong-yml",
        nodes=tuple(world.current.running),
        path="/etc/kong/kong.yml",
    )


# --- declarative ----------------------------------------------------------------------------------


def test_what_deck_wrote_is_counted_against_the_database() -> None:
    world = a_world()
    done = DECLARATIVE.run(fake_adapters(world), NO_PAST)
    past = {"declarative": done}
    assert rules(DECLARATIVE.verify(fake_adapters(world), past)) == []

    world.write(Side.CURRENT, "route-9", "/late")

    (finding,) = DECLARATIVE.verify(fake_adapters(world), past)
    assert (finding.rule, finding.severity) == ("declarative-incomplete", Severity.WARNING)
    assert "routes: 4 in the database, 3 in the files" in finding.message


def test_an_interrupted_dump_is_taken_anew() -> None:
    world = a_world()
    first = DECLARATIVE.run(fake_adapters(world), NO_PAST)

    assert DECLARATIVE.run(fake_adapters(world), NO_PAST) == first


def test_a_dump_that_nobody_knows_of_is_no_backup() -> None:
    assert rules(DECLARATIVE.verify(fake_adapters(a_world()), NO_PAST)) == [
        "declarative-not-backed-up"
    ]


def table(name: str, rows: int) -> TableFingerprint:
    return TableFingerprint(name=name, rows=rows, digest="")


def test_basic_auth_is_named_as_lost_although_it_is_in_the_files() -> None:
    database = Fingerprint(tables=(table("basicauth_credentials", 5), table("services", 2)))

    (line,) = lost_by_deck(database, {"basicauth_credentials": 5, "services": 2})

    assert line.startswith("decK does not bring back the 5 rows of basicauth_credentials.")


def test_a_table_that_deck_never_writes_is_named_only_where_it_has_rows() -> None:
    empty, filled = (Fingerprint(tables=(table("rbac_users", n),)) for n in (0, 3))

    assert lost_by_deck(empty, {}) == ()
    assert "3 rows of rbac_users" in lost_by_deck(filled, {})[0]


def test_a_table_that_nobody_knows_is_named() -> None:
    database = Fingerprint(tables=(table("my_own", 2),), unknown_tables=("my_own",))

    assert lost_by_deck(database, {"services": 1}) == (
        "nobody knows whether decK writes the 2 rows of my_own",
    )


# --- keyring --------------------------------------------------------------------------------------


def a_keyring_world() -> World:
    return World.of(ALL["enterprise-keyring"])


def test_every_key_in_use_is_in_the_export() -> None:
    world = a_keyring_world()
    world.current.database.keyring_ids = world.current.keyring.ids
    done = KEYRING.run(fake_adapters(world), NO_PAST)

    assert done.ids == world.current.keyring.ids
    assert done.active == world.current.keyring.active
    assert rules(KEYRING.verify(fake_adapters(world), {"keyring": done})) == []


def test_a_key_in_use_that_the_export_lacks_is_a_blocker() -> None:
    world = a_keyring_world()
    world.current.database.keyring_ids = ("l0stKey1", *world.current.keyring.ids)
    done = KEYRING.run(fake_adapters(world), NO_PAST)

    (finding,) = KEYRING.verify(fake_adapters(world), {"keyring": done})

    assert (finding.rule, finding.severity) == ("keyring-key-missing", Severity.BLOCKER)
    assert "l0stKey1" in finding.message


def test_an_export_that_is_not_there_is_no_backup() -> None:
    world = a_keyring_world()
    world.fault = Fault.LIES
    done = KEYRING.run(fake_adapters(world), NO_PAST)

    assert rules(KEYRING.verify(fake_adapters(world), {"keyring": done})) == [
        "keyring-not-backed-up"
    ]


def test_an_empty_keyring_is_a_blocker() -> None:
    world = a_keyring_world()
    adapters = fake_adapters(world)
    world.current.keyring.ids = ()
    done = KEYRING.run(adapters, NO_PAST)

    assert "keyring-empty" in rules(KEYRING.verify(adapters, {"keyring": done}))


# --- files ----------------------------------------------------------------------------------------


def test_the_files_of_every_node_are_copied() -> None:
    world = a_world()
    step = files(world)

    done = step.run(fake_adapters(world), NO_PAST)

    assert done.copies == dict.fromkeys(world.current.running, 1)
    assert rules(step.verify(fake_adapters(world), NO_PAST)) == []
    assert step.run(fake_adapters(world), NO_PAST) == done


def test_a_file_that_changes_afterwards_is_told_and_stops_nothing() -> None:
    world = a_world()
    step = files(world)
    step.run(fake_adapters(world), NO_PAST)
    node = next(iter(world.current.files))
    world.current.files[node]["/etc/kong/kong.conf"] = "changed"

    (finding,) = step.verify(fake_adapters(world), NO_PAST)

    assert (finding.rule, finding.severity) == ("files-changed", Severity.WARNING)
    assert f"node {node}" in finding.message


def test_a_copy_that_is_not_there_is_a_blocker() -> None:
    world = a_world()
    step = attrs.evolve(files(world), nodes=tuple(world.current.running)[:1])
    world.fault = Fault.LIES
    step.run(fake_adapters(world), NO_PAST)

    (finding,) = step.verify(fake_adapters(world), NO_PAST)

    assert (finding.rule, finding.severity) == ("files-not-backed-up", Severity.BLOCKER)


def test_a_path_that_a_node_lacks_is_an_error() -> None:
    world = a_world()

    with pytest.raises(NodeFilesError, match="there is no /nowhere"):
        attrs.evolve(files(world), paths=("/nowhere",)).run(fake_adapters(world), NO_PAST)


# --- kong.yml -------------------------------------------------------------------------------------


def test_kong_yml_is_saved_from_one_node_and_is_the_same_on_all() -> None:
    world = World.of(ALL["db-less-rolling"])
    step = saved(world)

    step.run(fake_adapters(world), NO_PAST)

    assert rules(step.verify(fake_adapters(world), NO_PAST)) == []


def test_another_kong_yml_on_one_node_is_a_blocker() -> None:
    world = World.of(ALL["db-less-rolling"])
    step = saved(world)
    step.run(fake_adapters(world), NO_PAST)
    last = list(world.current.running)[-1]
    world.current.files[last]["/etc/kong/kong.yml"] = "services: [another]"

    (finding,) = step.verify(fake_adapters(world), NO_PAST)

    assert (finding.rule, finding.severity) == ("kong-yml-differs", Severity.BLOCKER)


def test_a_push_after_the_copy_is_a_blocker() -> None:
    world = World.of(ALL["db-less-rolling"])
    step = saved(world)
    step.run(fake_adapters(world), NO_PAST)
    for node in world.current.running:
        world.current.files[node]["/etc/kong/kong.yml"] = "services: [pushed]"

    assert rules(step.verify(fake_adapters(world), NO_PAST)) == ["kong-yml-changed"]
