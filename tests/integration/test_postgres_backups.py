"""A database backup is whole or not there, shows no secret, and every damage to it is found."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

import kong_lts
from kong_lts.adapters import PostgresArchive, PostgresDatabase, PostgresWriteGuard, SystemClock
from kong_lts.adapters.postgres_tools import find_tools
from kong_lts.deployment import Side
from kong_lts.errors import ArchiveError, BackupError
from kong_lts.findings import Finding
from kong_lts.manifest import Manifest
from kong_lts.restore import RestoreDatabase
from kong_lts.testing.fakes import FakeApprover, FakeObserver
from tests.conftest import counted
from tests.integration.postgres_databases import MARKER, Databases, load


def backup_of(databases: Databases, folder: Path) -> Path:
    PostgresArchive.at(databases.filled()).back_up(str(folder))
    return folder


# --- what a backup is -----------------------------------------------------------------------------


def test_a_backup_is_its_owners_alone(databases: Databases, tmp_path: Path) -> None:
    folder = backup_of(databases, tmp_path / "deep" / "backup")

    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert [p.name for p in folder.parent.iterdir()] == ["backup"]


def test_its_manifest_says_what_it_is(databases: Databases, tmp_path: Path) -> None:
    url = databases.filled()
    PostgresArchive.at(url).back_up(f"{tmp_path}/backup")

    manifest = Manifest.from_json((tmp_path / "backup/manifest.json").read_text("utf-8"))

    facts = PostgresDatabase.at(url).facts()
    assert manifest.identity == facts.identity
    assert manifest.database == facts.name
    assert manifest.schema_meta == facts.schema_meta
    assert manifest.server_version == facts.server_version
    assert manifest.fingerprint == PostgresDatabase.at(url).fingerprint()
    assert any("owners and privileges" in text for text in manifest.cannot_restore)
    assert not any("keyring" in text for text in manifest.cannot_restore)
    assert {"manifest.json"} == {
        path.name for path in (tmp_path / "backup").iterdir() if path.suffix == ".json"
    }
    done = subprocess.run(
        ["sha256sum", "-c", "manifest.json.sha256"], cwd=tmp_path / "backup", check=False
    )
    assert done.returncode == 0


def test_the_fingerprint_is_of_the_very_rows_that_were_dumped(
    databases: Databases, tmp_path: Path
) -> None:
    """While somebody writes all the time."""
    url = databases.filled()
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("UPDATE services SET name = md5(random()::text)")
                connection.execute("INSERT INTO consumers (id) VALUES (md5(random()::text)::uuid)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(counted(30)):
            backup = PostgresArchive.at(url).back_up(f"{tmp_path}/{number}")
            empty = PostgresArchive.at(databases.empty())
            assert empty.restore(f"{tmp_path}/{number}") == backup.fingerprint
    finally:
        stop.set()
        writer.join()


def test_a_copy_has_no_guard(databases: Databases, tmp_path: Path) -> None:
    url, copy = databases.filled(), databases.empty()
    PostgresWriteGuard.at(url).hold()
    PostgresArchive.at(url).back_up(f"{tmp_path}/backup")

    PostgresArchive.at(copy).restore(f"{tmp_path}/backup")

    assert PostgresWriteGuard.at(copy).held() == ()
    assert PostgresWriteGuard.at(copy).try_write() is None
    assert databases.one(copy, "SELECT count(*) FROM pg_proc WHERE proname ~ '^kong_lts'") == 0
    triggers = "SELECT count(*) FROM pg_trigger WHERE tgname !~ '^kong_lts' AND NOT tgisinternal"
    assert databases.one(copy, triggers) == databases.one(url, triggers)


def test_a_credential_that_runs_out_meanwhile_is_no_damage(
    databases: Databases, tmp_path: Path
) -> None:
    url, copy = databases.filled(), databases.empty()
    databases.run(
        url,
        "INSERT INTO keyauth_credentials (id, key, ttl)"
        " VALUES (md5('a')::uuid, 'a', clock_timestamp() + interval '2 seconds')",
    )
    backup = PostgresArchive.at(url).back_up(f"{tmp_path}/backup")
    databases.until(lambda: PostgresDatabase.at(url).fingerprint() != backup.fingerprint)

    assert PostgresArchive.at(copy).restore(f"{tmp_path}/backup") == backup.fingerprint
    assert PostgresArchive.at(copy).restore(f"{tmp_path}/backup") == backup.fingerprint
    assert PostgresArchive.at(url).back_up(f"{tmp_path}/backup") == backup


def test_a_real_database_of_2_8_comes_back(
    databases: Databases, reference: Path, tmp_path: Path
) -> None:
    url, copy = databases.empty(), databases.missing()
    load(url, reference / "reference/kong/28.sql")
    PostgresDatabase.at(copy).create("a run")
    backup = PostgresArchive.at(url).back_up(f"{tmp_path}/backup")

    restored = PostgresArchive.at(copy).restore(f"{tmp_path}/backup")

    assert restored == backup.fingerprint == PostgresDatabase.at(url).fingerprint()
    assert restored.unknown_tables == ()


# --- nothing is overwritten -----------------------------------------------------------------------


@pytest.mark.parametrize("what", ["file", "empty folder", "folder", "dangling link", "link"])
def test_what_stands_there_is_left_alone(databases: Databases, tmp_path: Path, what: str) -> None:
    target = tmp_path / "backup"
    if what == "file":
        target.write_text("mine")
    elif what == "dangling link":
        target.symlink_to(tmp_path / "nowhere")
    elif what == "link":
        (tmp_path / "other").mkdir()
        target.symlink_to(tmp_path / "other")
    else:
        target.mkdir()
        if what == "folder":
            (target / "mine").write_text("mine")
    before = sorted(p.name for p in tmp_path.rglob("*"))

    with pytest.raises(BackupError):
        PostgresArchive.at(databases.filled()).back_up(str(target))

    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_a_backup_of_an_earlier_state_is_not_overwritten(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.filled()
    archive = PostgresArchive.at(url)
    backup = archive.back_up(f"{tmp_path}/backup")
    databases.run(url, "UPDATE services SET host = 'elsewhere.internal'")

    with pytest.raises(BackupError, match="another state of this database"):
        archive.back_up(f"{tmp_path}/backup")

    assert archive.inspect(f"{tmp_path}/backup") == backup


def test_nothing_is_restored_over_tables(databases: Databases, tmp_path: Path) -> None:
    folder = backup_of(databases, tmp_path / "backup")
    taken = databases.empty()
    databases.run(taken, "CREATE TABLE mine (id int)")

    with pytest.raises(ArchiveError, match="is not empty"):
        PostgresArchive.at(taken).restore(str(folder))

    assert databases.one(taken, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 1


# --- damage ---------------------------------------------------------------------------------------


def test_one_wrong_byte_in_any_file_is_found(databases: Databases, tmp_path: Path) -> None:
    folder = backup_of(databases, tmp_path / "backup")
    archive = PostgresArchive.at(databases.empty())
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(files) > 20

    for path in files:
        good = path.read_bytes()
        for at in {0, len(good) // 2, len(good) - 1}:
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            with pytest.raises(BackupError):
                archive.inspect(str(folder))
            with pytest.raises(BackupError):
                archive.restore(str(folder))
        path.write_bytes(good)

    archive.inspect(str(folder))


def test_a_missing_cut_or_added_file_is_found(databases: Databases, tmp_path: Path) -> None:
    folder = backup_of(databases, tmp_path / "backup")
    archive = PostgresArchive.at(databases.empty())

    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        good = path.read_bytes()
        path.write_bytes(good[:-1])
        with pytest.raises(BackupError):
            archive.inspect(str(folder))
        path.unlink()
        with pytest.raises(BackupError):
            archive.inspect(str(folder))
        path.write_bytes(good)
    (folder / "dump/99999.dat.gz").write_bytes(b"")
    with pytest.raises(BackupError, match="not in its manifest"):
        archive.inspect(str(folder))


def test_a_damaged_backup_is_not_handed_out_again(databases: Databases, tmp_path: Path) -> None:
    archive = PostgresArchive.at(databases.filled())
    archive.back_up(f"{tmp_path}/backup")
    (tmp_path / "backup/dump/toc.dat").write_bytes(b"")

    with pytest.raises(BackupError):
        archive.back_up(f"{tmp_path}/backup")


def test_a_restore_that_fails_leaves_the_database_empty(
    databases: Databases, tmp_path: Path
) -> None:
    url, copy = databases.filled(), databases.empty()
    # in the dump, and refused by any other database
    databases.run(url, "CREATE TABLE late (id int)")
    databases.run(copy, "CREATE TYPE late AS ENUM ('in the way')")
    PostgresArchive.at(url).back_up(f"{tmp_path}/backup")

    with pytest.raises(ArchiveError, match="already exists"):
        PostgresArchive.at(copy).restore(f"{tmp_path}/backup")

    assert PostgresDatabase.at(copy).facts().tables == {}


# --- killed ---------------------------------------------------------------------------------------

BACK_UP = """\
import sys
from kong_lts.adapters import PostgresArchive
print("begins", flush=True)
PostgresArchive.at("env:KONG_URL").back_up(sys.argv[1])
"""
RESTORE = BACK_UP.replace("back_up", "restore")


def killed(
    code: str, url: str, folder: Path, *, after_s: float | None, with_children: bool = False
) -> tuple[bool, float]:
    """Run a program and kill it; whether that was before its end, and how long it acted.

    Args:
        code: Of the program.
        url: Of its database.
        folder: Of the backup.
        after_s: When it is killed; None is never.
        with_children: Whether PostgreSQL's programs end with it, as they do with the machine.
    """
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, "KONG_URL": url},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after_s)
        acted_s = time.monotonic() - begun
        doomed = descendants(process.pid) if with_children else []
        process.kill()
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return process.returncode == -signal.SIGKILL, acted_s


def descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [p for child in map(int, children) for p in (child, *descendants(child))]


def test_a_backup_that_is_killed_is_no_backup(databases: Databases, tmp_path: Path) -> None:
    """At points from its beginning to just before its end, with pg_dump and without."""
    url = databases.filled()
    archive = PostgresArchive.at(url)
    _, whole_s = killed(BACK_UP, url, tmp_path / "measured", after_s=None)
    count = counted(50)
    kills = 0

    for number in range(count):
        folder = tmp_path / f"backup-{number}"
        kills += killed(
            BACK_UP, url, folder, after_s=whole_s * number / count, with_children=number % 2 == 1
        )[0]
        if folder.exists():
            archive.inspect(str(folder))
        else:
            with pytest.raises(BackupError):
                archive.inspect(str(folder))
        archive.back_up(str(folder))
        archive.inspect(str(folder))

    assert kills >= count / 2  # the measured one may have been slow
    databases.until(lambda: cleans(archive, tmp_path))


def cleans(archive: PostgresArchive, folder: Path) -> bool:
    """Whether nothing is left; the `pg_dump` of a process that was killed goes on for a while."""
    for left in folder.glob(".*.unfinished"):
        archive.back_up(str(folder / left.name.split(".")[1]))
    return not list(folder.glob(".*.unfinished"))


def test_a_restore_that_is_killed_is_whole_or_nothing(databases: Databases, tmp_path: Path) -> None:
    """At points from its beginning to just before its end, with pg_restore and without."""
    folder = backup_of(databases, tmp_path / "backup")
    expected = PostgresArchive.at(databases.empty()).inspect(str(folder)).fingerprint
    _, whole_s = killed(RESTORE, databases.empty(), folder, after_s=None)
    count = counted(50)
    kills = 0

    for number in range(count):
        copy = databases.empty()
        kills += killed(
            RESTORE, copy, folder, after_s=whole_s * number / count, with_children=number % 2 == 1
        )[0]
        # its pg_restore may go on for a while
        databases.until(lambda copy=copy: is_left_alone(databases, copy))  # type: ignore[misc] # bound at once
        database = PostgresDatabase.at(copy)
        is_new = database.fingerprint() == expected
        assert is_new or database.facts().tables == {}, number
        assert (tells(copy, folder) == ()) is is_new
        archive = PostgresArchive.at(copy)
        databases.until(lambda archive=archive: restores(archive, folder))  # type: ignore[misc] # bound at once
        assert tells(copy, folder) == ()

    assert kills >= count / 2  # the measured one may have been slow


def is_left_alone(databases: Databases, url: str) -> bool:
    """Whether nobody is connected to it."""
    name = urlsplit(url).path[1:]
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    return databases.one(databases.server, query) == 0


def tells(url: str, folder: Path) -> tuple[Finding, ...]:
    """What the step's own proof says of the database."""
    step = RestoreDatabase(id="restore", guide="a guide", side=Side.NEW, folder=str(folder))
    cluster = kong_lts.ClusterAdapters(
        database=PostgresDatabase.at(url), archive=PostgresArchive.at(url)
    )
    adapters = kong_lts.Adapters(
        current=kong_lts.ClusterAdapters(),
        new=cluster,
        clock=SystemClock(),
        approver=FakeApprover(),
        observer=FakeObserver(),
    )
    return tuple(step.verify(adapters, {}))


def restores(archive: PostgresArchive, folder: Path) -> bool:
    try:
        archive.restore(str(folder))
    except ArchiveError:
        return False
    return True


# --- secrets --------------------------------------------------------------------------------------

SPY = """\
#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done >> {log}
tr '\\0' ' ' < /proc/$$/cmdline >> {log}
exec {program} "$@"
"""


@pytest.fixture
def spied(databases: Databases, tmp_path: Path) -> tuple[Path, Path]:
    """PostgreSQL's programs, each of which notes its arguments; and the notes."""
    with psycopg.connect(databases.server) as connection:
        major = str(connection.info.server_version // 10_000)
    tools = find_tools(major, "spying", bin_dir=None, environ=os.environ)
    folder, log = tmp_path / "bin", tmp_path / "log"
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        spy = folder / name
        program = shlex.quote(tools.path(name))
        spy.write_text(SPY.format(log=shlex.quote(str(log)), program=program))
        spy.chmod(0o755)
    return folder, log


def test_no_argument_and_no_file_holds_the_password(
    databases: Databases, spied: tuple[Path, Path], tmp_path: Path
) -> None:
    bin_dir, log = spied
    with psycopg.connect(databases.server, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS marked")
        connection.execute(f"CREATE ROLE marked SUPERUSER LOGIN PASSWORD '{MARKER}'".encode())
    try:
        user = urlsplit(databases.server).netloc.rpartition("@")[0]
        url, copy = (
            u.replace(user, f"marked:{MARKER}") for u in (databases.filled(), databases.empty())
        )
        archive = PostgresArchive.at(url, bin_dir=str(bin_dir))
        archive.back_up(f"{tmp_path}/backup")
        archive.inspect(f"{tmp_path}/backup")
        PostgresArchive.at(copy, bin_dir=str(bin_dir)).restore(f"{tmp_path}/backup")
    finally:
        databases.remove()
        databases.run(databases.server, "DROP ROLE marked")

    notes = log.read_text()
    assert notes.count("--format=directory") >= 1
    assert "--single-transaction" in notes
    for path in (p for p in tmp_path.rglob("*") if p.is_file()):
        assert MARKER.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_a_program_that_fails_shows_no_row_and_no_password(
    databases: Databases, tmp_path: Path, program: str
) -> None:
    """Here it repeats all that it knows."""
    folder = backup_of(databases, tmp_path / "backup")
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    version = PostgresDatabase.at(databases.server).facts().server_version
    for name in ("pg_dump", "pg_restore"):
        (bin_dir / name).write_text(
            f"#!/bin/sh\n[ \"$1\" = --version ] && echo '{name} (PostgreSQL) {version}' && exit 0\n"
            f"echo '{name}: error: it broke, the password was '\"$PGPASSWORD\" >&2\n"
            f"echo 'DETAIL: Key (key)=({MARKER}) already exists.' >&2\n"
            f"echo 'CONTEXT: COPY keyauth_credentials, line 1: \"{MARKER}\"' >&2\nexit 1\n"
        )
        (bin_dir / name).chmod(0o755)
    url = databases.filled()
    archive = PostgresArchive.at(url, bin_dir=str(bin_dir))

    act, where = {
        "pg_dump": (archive.back_up, tmp_path / "new"),
        "pg_restore": (archive.inspect, folder),
    }[program]

    with pytest.raises((ArchiveError, BackupError), match="it broke") as failed:
        act(str(where))

    assert MARKER not in f"{failed.value} {failed.value!r}"
    assert (urlsplit(url).password or MARKER) not in f"{failed.value} {failed.value!r}"
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".*.unfinished"))


# --- the right programs ---------------------------------------------------------------------------


def test_programs_of_another_major_version_are_not_taken(tmp_path: Path) -> None:
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 17.2 (Debian 17)'\n")
        (tmp_path / name).chmod(0o755)
    environ = {"PATH": str(tmp_path), "KONG_LTS_POSTGRES_BIN": "/nonexistent"}

    with pytest.raises(
        ArchiveError, match=r"PostgreSQL 11.*found only 17\.2.*postgresql-client-11"
    ):
        find_tools("11", "backing up", bin_dir=None, environ=environ)

    assert find_tools("17", "backing up", bin_dir=None, environ=environ).version == "17.2"
    named = find_tools("17", "backing up", bin_dir=str(tmp_path), environ={"PATH": ""})
    assert named.folder == tmp_path


def test_a_full_disk_is_an_error_of_ours(databases: Databases, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    with pytest.raises(ArchiveError, match="backing up the database"):
        PostgresArchive.at(databases.filled()).back_up(f"{blocked}/backup")


def test_a_manifest_of_the_future_is_refused(databases: Databases, tmp_path: Path) -> None:
    folder = backup_of(databases, tmp_path / "backup")
    document = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**document, "format_version": 99}))
    digest = subprocess.run(
        ["sha256sum", "manifest.json"], cwd=folder, check=True, capture_output=True
    )
    (folder / "manifest.json.sha256").write_bytes(digest.stdout)

    with pytest.raises(BackupError, match="format_version"):
        PostgresArchive.at(databases.empty()).inspect(str(folder))


def test_a_backup_that_was_moved_is_the_same(databases: Databases, tmp_path: Path) -> None:
    archive = PostgresArchive.at(databases.filled())
    backup = archive.back_up(f"{tmp_path}/backup")
    shutil.move(f"{tmp_path}/backup", f"{tmp_path}/moved")

    assert archive.inspect(f"{tmp_path}/moved").fingerprint == backup.fingerprint
