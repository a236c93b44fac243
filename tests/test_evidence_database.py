"""database.json is taken as people, queries and exports write it."""

import json
from pathlib import Path

import pytest

import kong_lts
from kong_lts.database import DatabaseFacts, SchemaMeta
from kong_lts.errors import FormatError

CORE = SchemaMeta(subsystem="core", executed=("000_base",), pending=("016_280_to_300",))


def facts_of(document: object, folder: Path) -> DatabaseFacts:
    (folder / "database.json").write_text(json.dumps(document), encoding="utf-8")
    found = kong_lts.read_evidence(folder).database
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"tables": ["routes"]}, {"tables": {"routes": 0}}),
        ({"tables": {"routes": "10", "tags": None}}, {"tables": {"routes": 10, "tags": 0}}),
        ({"tables": {"routes": {"rows": 10}}}, {"tables": {"routes": 10}}),
        ({"tables": [{"relname": "routes", "n_live_tup": 9}]}, {"tables": {"routes": 9}}),
        ({"plugins": [{"name": "acl", "count": "3"}]}, {"plugins": {"acl": 3}}),
        ({"plugins": [{"name": "acl"}, {"name": "acl"}]}, {"plugins": {"acl": 2}}),
        (
            {"schema_meta": {"core": {"executed": "{000_base}", "pending": "016_280_to_300"}}},
            {"schema_meta": (CORE,)},
        ),
        ({"keyring_ids": [{"id": "a1"}, "b2"]}, {"keyring_ids": ("a1", "b2")}),
        ({"encrypted_values": "12"}, {"encrypted_values": 12}),
        ({"server_version": 130011}, {"server_version": "13.11"}),
        ({"server_version": 13.11}, {"server_version": "13.11"}),
        ({"server_version": "15.4 (Debian 15.4-1)"}, {"server_version": "15.4 (Debian 15.4-1)"}),
        ({"tables": None, "locks": None, "name": None, "routes": 12}, {"tables": {}, "name": ""}),
    ],
)
def test_a_form_that_people_write_is_read(
    given: object, wanted: dict[str, object], tmp_path: Path
) -> None:
    found = facts_of(given, tmp_path)

    assert {name: getattr(found, name) for name in wanted} == wanted


def test_a_lock_may_be_named_by_its_key(tmp_path: Path) -> None:
    locks = facts_of({"locks": {"migrations": {"owner": "job-1"}}}, tmp_path).locks

    assert [(lock.key, lock.owner, lock.held) for lock in locks] == [("migrations", "job-1", True)]


@pytest.mark.parametrize("given", [{"encrypted_values": True}, {"keyring_ids": 3}, []])
def test_what_says_nothing_is_refused(given: object, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        facts_of(given, tmp_path)


def test_variables_are_read_as_shells_and_systemd_write_them(tmp_path: Path) -> None:
    text = (
        '# of the node\nexport KONG_A=1\ndeclare -x KONG_B="a b"\nKONG_C=\'c\'\nKONG_D=d="e"\nno\n'
    )
    (tmp_path / "environ").write_text(text)

    environ = kong_lts.read_evidence(tmp_path).configurations[""].environ

    assert environ == {"KONG_A": "1", "KONG_B": "a b", "KONG_C": "c", "KONG_D": 'd="e"'}
