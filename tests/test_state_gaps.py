"""What a dump of decK lacks is said table by table, and nothing else."""

from kong_lts.database import Fingerprint, TableFingerprint
from kong_lts.state_files import StateDump
from kong_lts.state_gaps import state_gaps


def held(**tables: int) -> Fingerprint:
    return Fingerprint(
        tables=tuple(TableFingerprint(name=n, rows=rows, digest="") for n, rows in tables.items())
    )


def dumped(**entities: int) -> StateDump:
    return StateDump(folder="state", files=(), entities=entities)


def test_what_is_in_the_files_is_no_gap() -> None:
    assert state_gaps(held(routes=3, sm_vaults=1), dumped(routes=3, vaults=1)) == ()


def test_nor_is_an_empty_table_or_one_that_kong_writes_itself() -> None:
    assert state_gaps(held(rbac_users=0, tags=9, workspaces=1, schema_meta=4), dumped()) == ()


def test_fewer_entities_than_rows_are_one() -> None:
    (gap,) = state_gaps(held(routes=3), dumped(routes=1))

    assert (gap.table, gap.rows, gap.dumped) == ("routes", 3, 1)
    assert gap.text == "routes: 3 in the database, 1 in decK's files."


def test_basic_auth_is_one_though_it_is_in_the_files() -> None:
    (gap,) = state_gaps(held(basicauth_credentials=2), dumped(basicauth_credentials=2))

    assert gap.dumped == 2
    assert "kong config db_import" in gap.note


def test_what_deck_never_writes_says_what_to_do() -> None:
    gaps = state_gaps(held(vaults_beta=1, rbac_users=4, keyring_meta=1), dumped())

    assert [gap.table for gap in gaps] == ["keyring_meta", "rbac_users", "vaults_beta"]
    assert all(gap.note for gap in gaps)
    assert "4 in the database, none in decK's files" in gaps[1].text


def test_a_table_that_nobody_knows_is_one() -> None:
    (gap,) = state_gaps(held(my_own=2), dumped())

    assert "Nobody knows" in gap.text
