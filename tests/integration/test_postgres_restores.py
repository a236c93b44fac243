"""A restore never makes it worse: rehearsed in a scratch database, put beside, swapped by name."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import psycopg
import pytest

from kong_lts.adapters import PostgresArchive, PostgresDatabase, PostgresWriteGuard
from kong_lts.adapters.postgres_tools import find_tools
from kong_lts.database import Fingerprint, differences
from kong_lts.errors import ArchiveError, BackupError
from kong_lts.manifest import DumpFormat, Manifest
from kong_lts.schema import SchemaState, schema_state
from tests.conftest import counted
from tests.integration.postgres_databases import Databases, load, run_and_kill

ELSEWHERE = "UPDATE services SET host = 'elsewhere.internal'"
EACH_FORMAT = pytest.mark.parametrize("dump_format", DumpFormat)


def fingerprint(url: str, at: str | None = None) -> Fingerprint:
    return PostgresDatabase.at(url).fingerprint(at)


def kept_of(databases: Databases, url: str, name: str) -> str:
    """The URL of a replaced database, which is gone after the test."""
    databases.made.append(name)
    return f"{url.rsplit('/', 1)[0]}/{name}"


# --- formats --------------------------------------------------------------------------------------


@EACH_FORMAT
def test_every_format_comes_back_without_the_guard(
    databases: Databases, tmp_path: Path, dump_format: DumpFormat
) -> None:
    url, copy = databases.filled(), databases.empty()
    PostgresWriteGuard.at(url).hold()
    archive = PostgresArchive.at(url, dump_format=dump_format)

    backup = archive.back_up(f"{tmp_path}/backup")
    restored = PostgresArchive.at(copy).restore(f"{tmp_path}/backup")

    assert restored == backup.fingerprint == fingerprint(url, backup.fingerprint.taken_at)
    assert PostgresWriteGuard.at(copy).held() == ()
    assert databases.one(copy, "SELECT count(*) FROM pg_proc WHERE proname ~ '^kong_lts'") == 0
    manifest = Manifest.from_json((tmp_path / "backup/manifest.json").read_text("utf-8"))
    assert manifest.dump_format is dump_format
    assert (tmp_path / "backup" / dump_format.path).exists()


@EACH_FORMAT
def test_one_wrong_byte_in_a_file_of_any_format_is_found(
    databases: Databases, tmp_path: Path, dump_format: DumpFormat
) -> None:
    archive = PostgresArchive.at(databases.filled(), dump_format=dump_format)
    archive.back_up(f"{tmp_path}/backup")

    for path in (p for p in (tmp_path / "backup").rglob("*") if p.is_file()):
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(BackupError):
            archive.inspect(f"{tmp_path}/backup")
        path.write_bytes(good)

    archive.inspect(f"{tmp_path}/backup")


def test_a_file_beside_the_dump_is_found(databases: Databases, tmp_path: Path) -> None:
    archive = PostgresArchive.at(databases.filled())
    archive.back_up(f"{tmp_path}/backup")
    (tmp_path / "backup/kong.conf").write_text("mine")

    with pytest.raises(BackupError, match=r"kong\.conf is not in its manifest"):
        archive.inspect(f"{tmp_path}/backup")


# --- rehearsal ------------------------------------------------------------------------------------


@EACH_FORMAT
def test_a_rehearsal_leaves_no_database_behind(
    databases: Databases, tmp_path: Path, dump_format: DumpFormat
) -> None:
    archive = PostgresArchive.at(databases.filled(), dump_format=dump_format)
    backup = archive.back_up(f"{tmp_path}/backup")
    query = "SELECT array_agg(datname::text ORDER BY 1) FROM pg_database"
    before = databases.one(databases.server, query)

    assert archive.rehearse(f"{tmp_path}/backup") == backup.fingerprint

    assert databases.one(databases.server, query) == before


def test_a_rehearsal_finds_what_a_hash_cannot(databases: Databases, tmp_path: Path) -> None:
    """A dump that restores something else than the fingerprint says: here the manifest lies."""
    url = databases.filled()
    archive = PostgresArchive.at(url)
    archive.back_up(f"{tmp_path}/true")
    databases.run(url, ELSEWHERE)
    archive.back_up(f"{tmp_path}/later")
    lie(tmp_path / "true", tmp_path / "later")
    archive.inspect(f"{tmp_path}/later")

    with pytest.raises(BackupError, match=r"services: .* rows, but not the same ones"):
        archive.rehearse(f"{tmp_path}/later")


def lie(of: Path, into: Path) -> None:
    """Give a backup the fingerprint of another one, with a checksum that fits."""
    one, other = (Manifest.from_json((f / "manifest.json").read_text("utf-8")) for f in (of, into))
    text = attrs.evolve(other, fingerprint=one.fingerprint, created_at=one.created_at).to_json()
    (into / "manifest.json").write_text(text, "utf-8")
    done = subprocess.run(["sha256sum", "manifest.json"], cwd=into, check=True, capture_output=True)
    (into / "manifest.json.sha256").write_bytes(done.stdout)


def test_a_role_that_may_not_create_databases_is_told_so(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.filled()
    PostgresArchive.at(url).back_up(f"{tmp_path}/backup")
    databases.run(databases.server, "CREATE ROLE plain_role LOGIN PASSWORD 'x'")
    try:
        user = urlsplit(url).netloc.rpartition("@")[0]
        poor = PostgresArchive.at(url.replace(user, "plain_role:x"))
        with pytest.raises(ArchiveError, match="permission denied to create database"):
            poor.rehearse(f"{tmp_path}/backup")
    finally:
        databases.run(databases.server, "DROP ROLE plain_role")


# --- the right database ---------------------------------------------------------------------------


def test_another_database_is_replaced_only_by_name(databases: Databases, tmp_path: Path) -> None:
    url, other = databases.filled(), databases.filled()
    PostgresArchive.at(url).back_up(f"{tmp_path}/backup")
    databases.run(other, ELSEWHERE)
    archive, name = PostgresArchive.at(other), urlsplit(other).path[1:]

    with pytest.raises(BackupError, match=f"another database, .* over='{name}'"):
        archive.replace(f"{tmp_path}/backup", f"{name}_kept")
    with pytest.raises(BackupError, match="another database"):
        archive.replace(f"{tmp_path}/backup", f"{name}_kept", over="some_other")
    assert databases.one(other, "SELECT DISTINCT host FROM services") == "elsewhere.internal"

    kept = kept_of(databases, other, f"{name}_kept")
    archive.replace(f"{tmp_path}/backup", f"{name}_kept", over=name)

    assert differences(fingerprint(url), fingerprint(other)) == ()
    assert databases.one(kept, "SELECT DISTINCT host FROM services") == "elsewhere.internal"


# --- a database that hosts other applications -----------------------------------------------------

SHOP = (
    "CREATE SCHEMA shop",
    "CREATE TABLE shop.orders (id int)",
    "INSERT INTO shop.orders SELECT generate_series(1, 10)",
)


@EACH_FORMAT
def test_only_kongs_schema_goes_back(
    databases: Databases, tmp_path: Path, dump_format: DumpFormat
) -> None:
    url = databases.filled()
    databases.run(url, *SHOP)
    archive = PostgresArchive.at(url, dump_format=dump_format)
    backup = archive.back_up(f"{tmp_path}/backup")
    databases.run(url, ELSEWHERE, "INSERT INTO shop.orders VALUES (11)")
    PostgresWriteGuard.at(url).hold()

    restored = archive.replace(f"{tmp_path}/backup", "kong_before")

    assert restored == backup.fingerprint
    assert databases.one(url, "SELECT count(*) FROM shop.orders") == 11
    assert databases.one(url, "SELECT DISTINCT host FROM kong_before.services") == (
        "elsewhere.internal"
    )
    assert PostgresWriteGuard.at(url).held() == ()
    assert archive.replace(f"{tmp_path}/backup", "kong_before") == restored
    works(databases, url)


def works(databases: Databases, url: str) -> None:
    """Kong's own triggers and foreign keys are in place, and stay within its schema."""
    databases.run(
        url,
        "INSERT INTO consumers (id, username, tags) VALUES (md5('x')::uuid, 'x', '{new}')",
    )
    assert databases.one(url, "SELECT count(*) FROM tags WHERE tags = '{new}'") == 1
    crossing = (
        "SELECT count(*) FROM pg_constraint c JOIN pg_class a ON a.oid = conrelid"
        " JOIN pg_class b ON b.oid = confrelid WHERE a.relnamespace <> b.relnamespace"
    )
    assert databases.one(url, crossing) == 0


@EACH_FORMAT
def test_a_schema_of_kongs_own_goes_back(
    databases: Databases, tmp_path: Path, dump_format: DumpFormat
) -> None:
    url = databases.filled()
    databases.run(url, "ALTER SCHEMA public RENAME TO kong", "CREATE SCHEMA public", *SHOP)
    own = f"{url}?options=-csearch_path%3Dkong"
    archive = PostgresArchive.at(own, dump_format=dump_format)
    backup = archive.back_up(f"{tmp_path}/backup")
    databases.run(own, ELSEWHERE)

    assert archive.replace(f"{tmp_path}/backup", "kong_before") == backup.fingerprint

    assert databases.one(url, "SELECT count(*) FROM shop.orders") == 10
    works(databases, own)


def test_the_dump_holds_nothing_of_other_applications(databases: Databases, tmp_path: Path) -> None:
    url, copy = databases.filled(), databases.empty()
    databases.run(url, *SHOP, 'CREATE SCHEMA "Odd *name"', 'CREATE TABLE "Odd *name".t (id int)')

    backup = PostgresArchive.at(url).back_up(f"{tmp_path}/backup")

    assert PostgresArchive.at(copy).restore(f"{tmp_path}/backup") == backup.fingerprint
    assert databases.one(copy, "SELECT to_regclass('shop.orders')::text") is None
    assert databases.one(copy, "SELECT count(*) FROM pg_tables WHERE tablename = 't'") == 0
    manifest = Manifest.from_json((tmp_path / "backup/manifest.json").read_text("utf-8"))
    assert manifest.other_schemas == ("Odd *name", "shop")
    assert any("other applications" in text for text in manifest.cannot_restore)


def test_a_reference_of_another_application_is_no_victim(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.filled()
    databases.run(url, *SHOP, "CREATE TABLE shop.mine (id uuid REFERENCES public.services (id))")
    archive = PostgresArchive.at(url)
    archive.back_up(f"{tmp_path}/backup")
    databases.run(url, ELSEWHERE)
    before = fingerprint(url)

    with pytest.raises(ArchiveError, match=r"shop\.mine of another application refers"):
        archive.replace(f"{tmp_path}/backup", "kong_before")

    assert differences(before, fingerprint(url, before.taken_at)) == ()


def test_a_schema_that_cannot_be_restored_is_as_it_was(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.filled()
    databases.run(url, *SHOP, "CREATE TABLE late (id int)")
    archive = PostgresArchive.at(url)
    archive.back_up(f"{tmp_path}/backup")
    in_the_way = ("DROP TABLE late", "CREATE TYPE late AS (id int)")
    databases.run(url, ELSEWHERE, *in_the_way)
    before = fingerprint(url)

    with pytest.raises(ArchiveError, match="already exists"):
        archive.replace(f"{tmp_path}/backup", "kong_before")

    assert differences(before, fingerprint(url, before.taken_at)) == ()


def test_what_is_replaced_again_is_kept_under_another_name(
    databases: Databases, tmp_path: Path
) -> None:
    shared, alone = databases.filled(), databases.filled()
    databases.run(shared, *SHOP)
    for number, url in enumerate((shared, alone)):
        archive = PostgresArchive.at(url)
        archive.back_up(f"{tmp_path}/{number}")
        name = urlsplit(url).path[1:]
        for kept in ("", "_2", "_3"):
            databases.made.append(f"{name}_kept{kept}")
            databases.run(url, ELSEWHERE)
            archive.replace(f"{tmp_path}/{number}", f"{name}_kept", over=name)

    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname ~ '_kept(_2|_3)?$'"
    assert databases.one(shared, schemas) == 3
    there = "SELECT count(*) FROM pg_database WHERE datname ~ '_kept(_2|_3)?$'"
    assert databases.one(databases.server, there) == 3


def test_a_schema_that_comes_out_otherwise_is_put_back(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.filled()
    databases.run(url, *SHOP)
    archive = PostgresArchive.at(url)
    archive.back_up(f"{tmp_path}/true")
    databases.run(url, ELSEWHERE)
    archive.back_up(f"{tmp_path}/later")
    lie(tmp_path / "true", tmp_path / "later")
    before = fingerprint(url)

    with pytest.raises(ArchiveError, match="nothing was replaced"):
        archive.replace(f"{tmp_path}/later", "kong_before")

    assert differences(before, fingerprint(url, before.taken_at)) == ()
    assert databases.one(url, "SELECT count(*) FROM pg_namespace WHERE nspname ~ 'before'") == 0
    works(databases, url)


# --- killed ---------------------------------------------------------------------------------------


def replace(url: str, folder: str, keep_as: str) -> None:
    PostgresArchive.at(url).replace(folder, keep_as)


@pytest.mark.parametrize("shared", [False, True], ids=["database", "schema"])
def test_a_killed_replacement_leaves_the_old_state_or_the_new(
    databases: Databases, tmp_path: Path, shared: bool
) -> None:
    count = counted(50)
    whole_s: float | None = None
    for number in range(count + 1):
        url = databases.filled()
        databases.run(url, *(SHOP if shared else ()))
        archive, folder = PostgresArchive.at(url), f"{tmp_path}/{number}"
        new = archive.back_up(folder).fingerprint
        databases.run(url, ELSEWHERE)
        old = fingerprint(url, new.taken_at)
        name = f"{urlsplit(url).path[1:]}_kept"
        databases.made.append(name)

        after_s = None if whole_s is None else whole_s * (number - 1) / count
        ran_s = run_and_kill(replace, url, folder, name, after_s=after_s)
        whole_s = whole_s or ran_s

        databases.until(lambda url=url, at=new.taken_at: settles(url, at))  # type: ignore[misc] # bound at once
        assert fingerprint(url, new.taken_at) in (old, new), number
        databases.until(lambda a=archive, f=folder, n=name: ends(a, f, n))  # type: ignore[misc] # bound at once
        assert fingerprint(url, new.taken_at) == new


def settles(url: str, at: str | None) -> bool:
    """Whether the `psql` or `pg_restore` of a killed process lets the tables be looked at."""
    try:
        fingerprint(url, at)
    except Exception:
        return False
    return True


def ends(archive: PostgresArchive, folder: str, keep_as: str) -> bool:
    try:
        archive.replace(folder, keep_as)
    except ArchiveError:
        return False
    return True


# --- the guide's own command ----------------------------------------------------------------------


MEASURED = {"after-up": 25, "after-finish": 33}
"""Errors with PostgreSQL 15; another version words and counts a little differently."""
CORE = "SELECT {} FROM schema_meta WHERE subsystem = 'core'"
REWRITTEN = "SELECT array_agg(paths ORDER BY id) FROM routes WHERE paths[1] ~ '^~'"


@pytest.mark.parametrize("migrated", MEASURED)
def test_the_guides_own_restore_does_damage_to_a_migrated_database(
    databases: Databases, reference: Path, tmp_path: Path, migrated: str
) -> None:
    """It ends with errors, with the records of 2.8 over the paths and tables of 3.4."""
    url = databases.empty()
    load(url, reference / "reference/kong/28.sql")
    before = fingerprint(url)
    PostgresArchive.at(url).back_up(f"{tmp_path}/backup")
    migrate(databases, url, reference, migrated)
    rewritten = databases.one(url, REWRITTEN)

    errors = pg_restore_clean(url, tmp_path / "backup/dump")

    assert abs(errors - MEASURED[migrated]) <= 8, errors
    facts = PostgresDatabase.at(url).facts()
    assert schema_state(facts.schema_meta) is SchemaState.LTS_2_8
    assert databases.one(url, CORE.format("'015_270_to_280' = ANY (executed)")) is True
    assert databases.one(url, CORE.format("cardinality(coalesce(pending, '{}'))")) == 0
    assert rewritten is not None
    assert databases.one(url, REWRITTEN) == rewritten  # which 2.8 compares as plain text
    assert {"sm_vaults", "key_sets", "keys", "filter_chains"} <= facts.tables.keys()
    lines = differences(before, fingerprint(url, before.taken_at))
    assert {"routes", "plugins"} <= {line.partition(":")[0] for line in lines}, lines


@pytest.mark.parametrize("migrated", MEASURED)
@pytest.mark.parametrize("shared", [False, True], ids=["database", "schema"])
def test_ours_does_none(
    databases: Databases, reference: Path, tmp_path: Path, migrated: str, shared: bool
) -> None:
    url = databases.empty()
    load(url, reference / "reference/kong/28.sql")
    databases.run(url, *(SHOP if shared else ()))
    before = fingerprint(url)
    PostgresArchive.at(url).back_up(f"{tmp_path}/backup")
    migrate(databases, url, reference, migrated)
    name = f"{urlsplit(url).path[1:]}_kept"
    kept_of(databases, url, name)

    replaced = PostgresArchive.at(url).replace(f"{tmp_path}/backup", name)

    facts = PostgresDatabase.at(url).facts()
    assert schema_state(facts.schema_meta) is SchemaState.LTS_2_8
    assert differences(before, replaced) == ()
    assert differences(before, fingerprint(url, before.taken_at)) == ()
    assert databases.one(url, REWRITTEN) is None
    assert not {"sm_vaults", "key_sets", "keys", "filter_chains"} & facts.tables.keys()
    works(databases, url)


def migrate(databases: Databases, url: str, reference: Path, migrated: str) -> None:
    """What a real `kong migrations` left, in the place of what is there."""
    databases.run(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    load(url, reference / f"reference/kong/{migrated}.sql")


def pg_restore_clean(url: str, dump: Path) -> int:
    """The guide's Troubleshooting, method 1, to the letter; returns how many errors it had."""
    with psycopg.connect(url) as connection:
        major = str(connection.info.server_version // 10_000)
    tools = find_tools(major, "restoring", bin_dir=None, environ=os.environ)
    done = subprocess.run(
        [tools.path("pg_restore"), f"--dbname={url}", "--clean", str(dump)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.count("error:")
