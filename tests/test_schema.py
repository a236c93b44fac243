"""The state of a database is read off the lists of its `schema_meta`."""

import json
from pathlib import Path

import pytest

from kong_lts.catalog import migrations
from kong_lts.database import SchemaMeta
from kong_lts.schema import (
    SchemaState,
    duplicated_tildes,
    migrations_listed,
    schema_state,
    subsystems_listed,
)

KNOWN = migrations()
FIRST, *REST = KNOWN.core_3_4


def core(*executed: str, pending: tuple[str, ...] = ()) -> SchemaMeta:
    return SchemaMeta(subsystem="core", executed=executed, pending=pending)


ACL = SchemaMeta(subsystem="acl", executed=("000_base_acl",))
NEARLY_2_8 = core(*KNOWN.core_2_8[:-1])
LTS_2_8 = core(*KNOWN.core_2_8)
UP = core(*KNOWN.core_2_8, *REST, pending=(FIRST,))
LTS_3_4 = core(*KNOWN.core_2_8, *KNOWN.core_3_4)


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ((), SchemaState.EMPTY),
        ((ACL,), SchemaState.OLDER),
        ((NEARLY_2_8,), SchemaState.OLDER),
        ((core(*KNOWN.core_2_8[1:], *KNOWN.core_3_4),), SchemaState.OLDER),
        ((LTS_2_8,), SchemaState.LTS_2_8),
        ((ACL, LTS_2_8), SchemaState.LTS_2_8),
        ((core(*KNOWN.core_2_8, *KNOWN.left_over),), SchemaState.LTS_2_8),
        ((core(*KNOWN.core_2_8, pending=(FIRST,)),), SchemaState.PARTLY_UP),
        ((core(*KNOWN.core_2_8, FIRST),), SchemaState.PARTLY_UP),
        ((core(*KNOWN.core_2_8, *REST),), SchemaState.PARTLY_UP),
        ((UP,), SchemaState.UP),
        ((LTS_3_4,), SchemaState.LTS_3_4),
        ((core(*KNOWN.core_3_4, *KNOWN.left_over, *KNOWN.core_2_8),), SchemaState.LTS_3_4),
        ((core(*KNOWN.core_2_8, "021_340_to_350"),), SchemaState.NEWER),
        ((core(*LTS_3_4.executed, pending=("021_340_to_350",)),), SchemaState.NEWER),
    ],
)
def test_the_lists_of_the_core_tell_the_state(
    rows: tuple[SchemaMeta, ...], state: SchemaState
) -> None:
    assert schema_state(rows) is state


def test_a_plugin_with_pending_migrations_keeps_a_database_from_being_finished() -> None:
    pending = SchemaMeta(subsystem="acl", executed=ACL.executed, pending=("004_212_to_213",))

    assert schema_state((LTS_3_4, pending)) is SchemaState.UP


def test_the_last_executed_migration_tells_nothing() -> None:
    """Measured: of a finished core it is 016_280_to_300, the first of 3.4's."""
    row = SchemaMeta(subsystem="core", executed=LTS_3_4.executed, last_executed=FIRST)

    assert schema_state((row,)) is SchemaState.LTS_3_4


def test_only_a_doubled_tilde_at_the_start_is_a_trace_of_a_second_run() -> None:
    paths = ("/a", "~/a", "/~~/a", "~~/a", "~/~~", "~~")

    assert duplicated_tildes(paths) == ("~~/a", "~~")


def test_the_new_migrations_are_read_off_the_list_that_3_4_prints(reference: Path) -> None:
    lines = (reference / "reference/kong/cli.jsonl").read_text("utf-8").splitlines()
    runs = {run["label"]: run for run in map(json.loads, lines) if run["kong"] == "3.4.2"}

    new = migrations_listed(runs["migrations-list:28-db"]["stdout"])

    assert dict(new) == {"core": migrations().core_3_4, **migrations().plugins_3_4}
    assert migrations_listed(runs["migrations-list:pending"]["stdout"]) == {}


def test_so_are_the_subsystems_that_the_node_knows(reference: Path) -> None:
    lines = (reference / "reference/kong/cli.jsonl").read_text("utf-8").splitlines()
    runs = {run["label"]: run for run in map(json.loads, lines) if run["kong"] == "3.4.2"}

    found = subsystems_listed(runs["migrations-list:28-db"]["stdout"])

    assert {"core", "acl", "basic-auth", "ip-restriction", "response-ratelimiting"} < found
    assert {"core", *migrations().plugins_3_4} <= found
    assert not found & {"cors", "Executed", "migrations", "available"}
