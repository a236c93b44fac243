"""A PostgreSQL of one's own, here with programs that only look like PostgreSQL's."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from kong_lts.errors import PostgresServerError
from kong_lts.testing.postgres_server import PostgresServer

ROOT = Path(__file__).parents[2]

HEADER = """\
#!/bin/sh
if [ "$1" = --version ]; then echo '{version}'; exit; fi
echo "$(basename "$0") $(id -u) $*" >> {calls}
"""
BODIES = {
    "initdb": """\
data=${1#--pgdata=}
mkdir "$data" && touch "$data/postgresql.conf" || exit 1
for word; do case $word in --pwfile=*) cp "${word#*=}" %(folder)s/password
    ls -l "${word#*=}" > %(folder)s/mode;; esac; done
""",
    "postgres": "echo $$ > %(folder)s/pid; trap 'exit 0' INT; while :; do sleep 0.02; done\n",
    "psql": """\
[ -s %(folder)s/pid ] || exit 2
cat >> %(folder)s/stdin
echo "$PGPASSWORD" > %(folder)s/given
""",
    "createdb": "exit 0\n",
}


@attrs.frozen
class Programs:
    """A folder of them, one where they write down their calls, and one for the server's files."""

    bin_dir: Path
    notes: Path
    files: Path

    def write(self, name: str, body: str, version: str = "postgres (PostgreSQL) 15.4") -> None:
        header = HEADER.format(version=version, calls=self.notes / "calls")
        path = self.bin_dir / name
        path.write_text(header + body)
        path.chmod(0o755)

    def start(self) -> PostgresServer:
        return PostgresServer.start(self.files, self.bin_dir)

    def calls(self) -> list[str]:
        return (self.notes / "calls").read_text().splitlines()

    def note(self, name: str) -> str:
        return (self.notes / name).read_text().strip()

    def left(self) -> list[Path]:
        return list(self.files.iterdir())


@pytest.fixture
def programs() -> Iterator[Programs]:
    # Not pytest's own folder: nobody else gets into that, and PostgreSQL is never run by root.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = Programs(*(Path(folder, name) for name in ("installed/15/bin", "notes", "files")))
        made.bin_dir.mkdir(parents=True)
        for each in (made.notes, made.files):
            each.mkdir()
            each.chmod(0o777)
        (made.notes / "calls").touch()
        (made.notes / "calls").chmod(0o666)
        for name, body in BODIES.items():
            made.write(name, body % {"folder": made.notes})
        yield made


def lives(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


def whoever_runs_it() -> int:
    return os.geteuid() or pwd.getpwnam("nobody").pw_uid


# -- a life ------------------------------------------------------------------


def test_it_is_gone_with_its_files_at_the_end(programs: Programs) -> None:
    with programs.start() as server:
        assert server.major == 15
        assert lives(programs.note("pid"))
        assert len(programs.left()) == 1

    assert not lives(programs.note("pid"))
    assert programs.left() == []


def test_it_is_gone_after_an_exception_too(programs: Programs) -> None:
    with pytest.raises(KeyError), programs.start():
        raise KeyError

    assert not lives(programs.note("pid"))
    assert programs.left() == []


def test_stopping_twice_does_nothing(programs: Programs) -> None:
    server = programs.start()

    server.stop()
    server.stop()

    assert programs.left() == []


def test_no_program_of_the_server_is_run_by_root(programs: Programs) -> None:
    programs.start().stop()

    users = {line.split()[0]: int(line.split()[1]) for line in programs.calls()}
    assert users["initdb"] == users["postgres"] == whoever_runs_it() != 0


def test_programs_that_the_other_user_cannot_read_are_copied(programs: Programs) -> None:
    if os.geteuid():
        pytest.skip("another user: only root becomes one")
    programs.bin_dir.parent.chmod(0o700)

    with programs.start() as server:
        assert server.bin_dir != programs.bin_dir
        assert (server.bin_dir / "psql").is_file()

    assert programs.left() == []


# -- the password ------------------------------------------------------------------


def test_the_password_stands_in_no_argument_and_no_repr(programs: Programs) -> None:
    with programs.start() as server:
        server.create_database("shop")
        password = programs.note("password")

        assert f":{password}@127.0.0.1:{server.port}/postgres" in server.url
        assert password == programs.note("given")
        assert password not in repr(server) + "".join(programs.calls())
        assert programs.note("mode").startswith("-rw-------")


def test_two_servers_have_different_passwords(programs: Programs) -> None:
    with programs.start() as one, programs.start() as other:
        assert one.url != other.url
        assert one.port != other.port


# -- databases ------------------------------------------------------------------


def test_a_database_has_an_address(programs: Programs) -> None:
    with programs.start() as server:
        assert server.create_database("shop") == server.url.replace("/postgres", "/shop")

    assert any(
        line.startswith("createdb") and line.endswith("-- shop") for line in programs.calls()
    )


def test_a_dump_of_a_newer_pg_dump_loads(programs: Programs, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text("\\restrict abc\nSELECT 1;\n\\unrestrict abc\n")

    with programs.start() as server:
        server.load("shop", dump)

    assert programs.note("stdin") == "SELECT 1;"


def test_a_dump_that_is_not_there_is_an_error(programs: Programs, tmp_path: Path) -> None:
    with programs.start() as server, pytest.raises(PostgresServerError) as caught:
        server.load("shop", tmp_path / "none.sql")

    assert "none.sql into the database shop" in str(caught.value)
    assert "No such file" in str(caught.value)


def test_a_statement_that_fails_is_an_error_with_the_servers_words(
    programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "dump.sql").write_text("SELEC 1;")
    with programs.start() as server:
        server.bin_dir.joinpath("psql").write_text("#!/bin/sh\necho 'ERROR: syntax' >&2; exit 3\n")

        with pytest.raises(PostgresServerError, match="ERROR: syntax"):
            server.load("shop", tmp_path / "dump.sql")


# -- what can be wrong ------------------------------------------------------------------


def test_a_folder_without_programs_is_named(programs: Programs, tmp_path: Path) -> None:
    with pytest.raises(PostgresServerError) as caught:
        PostgresServer.start(programs.files, tmp_path)

    assert f"{tmp_path}/postgres" in str(caught.value)
    assert "No such file" in str(caught.value)
    assert programs.left() == []


def test_a_folder_that_the_environment_names_is_taken_or_complained_of(tmp_path: Path) -> None:
    script = "from kong_lts.testing.postgres_server import PostgresServer as P; P.start()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "KONG_LTS_POSTGRES_BIN": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    assert f"PostgresServerError: asking {tmp_path}/postgres" in done.stderr


def test_a_cluster_that_cannot_be_made_is_an_error_and_leaves_nothing(programs: Programs) -> None:
    programs.write("initdb", "echo 'initdb: error: no space' >&2; exit 1\n")

    with pytest.raises(PostgresServerError) as caught:
        programs.start()

    assert "initialising a cluster in " in str(caught.value)
    assert "initdb: error: no space" in str(caught.value)
    assert programs.left() == []


def test_a_server_that_ends_at_once_is_an_error_with_its_last_words(programs: Programs) -> None:
    programs.write("postgres", "echo 'FATAL: out of semaphores' >&2; exit 1\n")
    programs.write("psql", "exit 2\n")

    with pytest.raises(PostgresServerError) as caught:
        programs.start()

    assert "it ended; its log ends: FATAL: out of semaphores" in str(caught.value)
    assert programs.left() == []


def test_an_unknown_version_is_an_error(programs: Programs) -> None:
    programs.write("postgres", "", version="something else")

    with pytest.raises(PostgresServerError, match="it says 'something else"):
        programs.start()


@pytest.mark.parametrize(
    ("said", "major"),
    [("postgres (PostgreSQL) 12.22 (Debian 12.22-1)", 12), ("postgres (PostgreSQL) 16beta1", 16)],
)
def test_the_major_version_is_read(programs: Programs, said: str, major: int) -> None:
    programs.write("postgres", BODIES["postgres"] % {"folder": programs.notes}, version=said)

    with programs.start() as server:
        assert server.major == major


def test_a_folder_that_the_other_user_cannot_enter_is_an_error(
    programs: Programs, tmp_path: Path
) -> None:
    if os.geteuid():
        pytest.skip("another user: only root becomes one")
    tmp_path.chmod(0o700)

    with pytest.raises(PostgresServerError, match="Permission denied"):
        PostgresServer.start(tmp_path, programs.bin_dir)

    assert list(tmp_path.iterdir()) == []
