"""A manifest goes to JSON and back."""

import pytest

from kong_lts.database import Fingerprint, SchemaMeta, TableFingerprint
from kong_lts.errors import FormatError
from kong_lts.manifest import FileRecord, Manifest

MANIFEST = Manifest(
    created_at="2026-11-23T10:00:00+00:00",
    database="kong",
    schema="public",
    identity="1/2",
    server_version="15.4",
    tool_version="15.6",
    schema_meta=(SchemaMeta(subsystem="core", executed=("000_base",)),),
    fingerprint=Fingerprint(tables=(TableFingerprint(name="routes", rows=1, digest="x"),)),
    files=(
        FileRecord(path="dump/toc.dat", size_bytes=5, sha256="a"),
        FileRecord(path="dump/1.dat.gz", size_bytes=7, sha256="b"),
    ),
    cannot_restore=("owners",),
)


def test_it_comes_back_as_it_was() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    assert MANIFEST.size_bytes == 12


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": 1}'])
def test_what_is_no_manifest_is_an_error(text: str) -> None:
    with pytest.raises(FormatError, match="backup manifest"):
        Manifest.from_json(text, path="manifest.json")


def test_its_schema_names_every_field() -> None:
    properties = Manifest.json_schema()["properties"]

    assert isinstance(properties, dict)
    assert {"format_version", "fingerprint", "files", "cannot_restore"} <= set(properties)
