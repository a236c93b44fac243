"""The stand-in for `kong` says and does what the real programs were recorded to say and do."""

import contextlib
import io
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import httpx
import psycopg
import pytest

from kong_lts.testing.kong_program import install_kong, main
from kong_lts.testing.kong_server import running_pid
from kong_lts.testing.kong_settings import RELEASE
from tests.integration.postgres_databases import Databases, small_dump

RELEASES = ("2.8.5", "3.4.2")
ROOT = Path(__file__).parents[2]

OF_BOTH = (
    *("version", "version-all", "no-args", "unknown-command", "help"),
    *("health:no-prefix", "stop:no-prefix", "quit:no-prefix", "reload:no-prefix"),
    *("start:empty-db", "start:no-such-db", "start:pg-unreachable", "migrations-list:ok"),
    *("migrations-list:empty", "migrations-up:empty", "migrations-status:ok"),
    *("migrations-bootstrap:again", "migrations-reset:no-tty", "start:bad-conf-value"),
    *("start:conf-missing", "start:bad-listen", "start:port-in-use", "start:already-running"),
    *("health:running", "reload:running", "restart:running", "stop:running", "stop:again"),
    *("health:stopped", "start:after-stop", "quit:running", "quit:again"),
    "migrations-bootstrap:ok",
)
REPLAYED = (
    *(f"2.8.5 {label}" for label in ("start:ok", *OF_BOTH)),
    *(f"3.4.2 {label}" for label in OF_BOTH),
    *("3.4.2 start:28-db-new-migrations", "3.4.2 migrations-list:28-db"),
    *("3.4.2 migrations-status:28-db", "3.4.2 migrations-up:28-db"),
    *("3.4.2 migrations-list:pending", "3.4.2 migrations-status:pending", "3.4.2 start:pending"),
    *("3.4.2 health:pending-running", "3.4.2 stop:pending-running", "3.4.2 migrations-up:pending"),
    *("3.4.2 migrations-finish:pending", "3.4.2 migrations-finish:again"),
    "3.4.2 migrations-up:again",
)
LACKING = (
    ("prepare", "nothing is generated"),
    ("check:.*", "kong.conf is read for what the stand-in itself needs"),
    ("config-.*", "declarative files are not loaded"),
    (".*:dbless.*", "declarative files are not loaded"),
    ("start:unknown-plugin", "no plugin is loaded"),
    ("start:two-bad", "which of two faults is told differs from run to run in Kong itself"),
    ("3.4.2 start:ok", "no unix sockets are left behind that it could warn of"),
)
"""What was recorded and the stand-in deliberately has not, and why."""


@attrs.frozen
class Ran:
    status: int
    stdout: str
    stderr: str
    seconds: float


@attrs.frozen
class Kong:
    """The stand-in of one release, with what it finds in its environment."""

    release: str
    folder: Path
    environ: Mapping[str, str] = attrs.field(repr=False)

    @classmethod
    def of(cls, release: str, folder: Path, url: str, **keys: str) -> "Kong":
        parts = urlsplit(url)
        environ = {
            "PATH": os.environ["PATH"],
            "KONG_PG_HOST": parts.hostname or "",
            "KONG_PG_PORT": str(parts.port),
            "KONG_PG_USER": parts.username or "",
            "KONG_PG_PASSWORD": unquote(parts.password or ""),
            "KONG_PG_DATABASE": parts.path[1:],
            "KONG_PREFIX": str(folder / "prefix"),
        }
        return cls(release, folder, {**environ, **keys})

    @property
    def prefix(self) -> Path:
        return Path(self.environ["KONG_PREFIX"])

    def run(self, words: str, **keys: str) -> Ran:
        """One command in this process, which is much faster."""
        out, err, begun = io.StringIO(), io.StringIO(), time.monotonic()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main(words.split(), {**self.environ, RELEASE: self.release, **keys})
            except SystemExit as exc:
                status = int(exc.code or 0)
        return Ran(status, out.getvalue(), err.getvalue(), time.monotonic() - begun)

    def begin(self, words: str) -> "subprocess.Popen[str]":
        """One command as somebody with a shell would call it."""
        program = install_kong(self.folder / self.release, version=self.release)
        out = subprocess.PIPE
        return subprocess.Popen(
            [program, *words.split()], env=self.environ, stdout=out, stderr=out, text=True
        )

    def gone(self) -> bool:
        return running_pid(self.prefix) is None

    def remove(self) -> None:
        if pid := running_pid(self.prefix):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def databases(server: Databases) -> Iterator[Databases]:
    made = attrs.evolve(server, made=[])
    yield made
    made.remove()


@attrs.frozen
class Node:
    """A gateway of the stand-in at a small database, with its listeners' addresses."""

    kong: Kong
    url: str
    proxy: str
    status: str
    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(f"{self.proxy}{path}", headers=headers)


@contextlib.contextmanager
def nodes(databases: Databases, folder: Path) -> Iterator[Callable[[str], Node]]:
    """Makes nodes; what is still running at the end is ended."""
    made: list[Node] = []

    def make(release: str) -> Node:
        url = databases.filled()
        proxy, status = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        listen = {"KONG_PROXY_LISTEN": proxy, "KONG_STATUS_LISTEN": status}
        kong = Kong.of(release, folder / release, url, **listen)
        made.append(Node(kong, url, f"http://{proxy}", f"http://{status}", client))
        return made[-1]

    with httpx.Client(verify=False) as client:
        yield make
    for one in made:
        one.kong.remove()


@pytest.fixture
def node(databases: Databases, tmp_path: Path) -> Iterator[Callable[[str], Node]]:
    with nodes(databases, tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def serving(
    server: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Node]]:
    """A started node of each release, for tests that only send requests."""
    databases = attrs.evolve(server, made=[])
    with nodes(databases, tmp_path_factory.mktemp("serving")) as make:
        yield {release: started(make(release)) for release in RELEASES}
    databases.remove()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(node: Node) -> Node:
    """A node that serves; a 3.4 one after `up`."""
    if node.kong.release == "3.4.2":
        assert node.kong.run("migrations up").status == 0
    assert node.kong.run("start").status == 0
    return node


# -- every recorded command ------------------------------------------------


@attrs.frozen
class Replay:
    """What each command of the recording gave, and what the stand-in gave in its place."""

    expected: Mapping[str, Ran]
    found: Mapping[str, Ran]


@pytest.fixture(scope="module")
def replay(
    server: Databases, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replay]:
    """All commands of the recording in their order, since one leads to the state of the next."""
    databases = attrs.evolve(server, made=[])
    folder = tmp_path_factory.mktemp("replay")
    expected: dict[str, Ran] = {}
    found: dict[str, Ran] = {}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        kongs, names = recorded_state(databases, folder)
        names["19500"] = str(taken.getsockname()[1])
        names["/usr/local/kong"] = str(folder)
        for row in recording(reference):
            label = f"{row['kong']} {row['label']}"
            if label not in (*REPLAYED, "3.4.2 start:ok"):  # others need what that one starts
                continue
            keys = {name: in_place(value, names) for name, value in row["env"].items()}
            if row["db"]:
                keys["KONG_PG_DATABASE"] = names[row["db"]]
            kong = kongs[row["kong"]]
            found[label] = kong.run(" ".join(row["argv"][1:]), **keys)
            expected[label] = Ran(
                row["rc"],
                in_place(row["stdout"], names),
                in_place(row["stderr"], names),
                row["wall_s"],
            )
            if row["label"].startswith("stop:") and "again" not in label:
                databases.until(kong.gone)  # `kong stop` does not wait for it, as was measured
    yield Replay(expected, found)
    for kong in kongs.values():
        kong.remove()
    databases.remove()


def recorded_state(databases: Databases, folder: Path) -> tuple[dict[str, Kong], dict[str, str]]:
    """The databases that were there when the recording began, by the names that it has for them."""
    urls = {"cli28": databases.filled(), "cli28b": databases.filled(), "cli34": databases.empty()}
    urls |= {name: databases.empty() for name in ("cliempty", "cliimp28", "cliimp34")}
    urls["nosuchdb"] = databases.missing()
    kongs = {
        release: Kong.of(
            *(release, folder, urls["cli28"]),
            KONG_PREFIX=str(folder / f"p{release[0]}{release[2]}"),
            KONG_PROXY_LISTEN=f"127.0.0.1:{free_port()}",
        )
        for release in RELEASES
    }
    names = {name: urlsplit(url).path[1:] for name, url in urls.items()}
    made = kongs["3.4.2"].run("migrations bootstrap", KONG_PG_DATABASE=names["cli34"])
    assert made.status == 0
    return kongs, names


def recording(reference: Path) -> list[dict[str, Any]]:
    lines = (reference / "reference/kong/cli.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def in_place(text: str, names: Mapping[str, str]) -> str:
    """Text of the recording with the names of this machine; longer ones first."""
    ordered = sorted(names, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, ordered)), lambda found: names[found[0]], text)


def why_lacking(label: str) -> str:
    reasons = (why for pattern, why in LACKING if re.fullmatch(rf"(\S+ )?({pattern})", label))
    return next(reasons, "")


@pytest.mark.parametrize("label", REPLAYED)
def test_a_command_answers_as_it_was_recorded(replay: Replay, label: str) -> None:
    expected, found = replay.expected[label], replay.found[label]

    assert found.status == expected.status
    assert in_no_order(found.stdout) == in_no_order(expected.stdout)
    assert found.stderr == expected.stderr


def in_no_order(stdout: str) -> object:
    """`migrations status` is JSON, and Kong writes its keys in any order."""
    return json.loads(stdout) if stdout.startswith("{") else stdout


def test_every_recorded_command_is_replayed_or_named_as_lacking(reference: Path) -> None:
    labels = [f"{row['kong']} {row['label']}" for row in recording(reference)]

    assert [label for label in labels if (label in REPLAYED) == bool(why_lacking(label))] == []
    assert set(REPLAYED) <= set(labels)
    assert [p for p, _ in LACKING if not any(re.search(rf"{p}$", each) for each in labels)] == []


@pytest.mark.parametrize("command", ["check", "config", "hybrid", "prepare", "roar", "vault"])
def test_a_command_that_it_lacks_is_refused_by_name(tmp_path: Path, command: str) -> None:
    ran = Kong.of("3.4.2", tmp_path, "postgresql://kong@127.0.0.1:1/kong").run(command)

    assert ran.status == 1
    assert ran.stderr.startswith(f"Error: the stand-in has no 'kong {command}'\n")


def test_the_installed_program_gives_the_same_answer(databases: Databases, tmp_path: Path) -> None:
    kong = Kong.of("3.4.2", tmp_path, databases.filled())
    expected = kong.run("migrations list")

    called = kong.begin("migrations list")

    assert called.communicate(timeout=60) == (expected.stdout, expected.stderr)
    assert called.returncode == expected.status == 5


# -- start, stop and what lies between ------------------------------------------------


def test_a_3_4_node_starts_only_after_up(node: Callable[[str], Node]) -> None:
    new = node("3.4.2")

    refused = new.kong.run("start")
    new.kong.run("migrations up")
    begun = new.kong.run("start")

    assert refused.status == 1
    assert "New migrations available; run 'kong migrations up' to proceed" in refused.stderr
    assert begun.status == 0
    assert begun.stdout.startswith(
        "Database has pending migrations:\n         core: 016_280_to_300"
    )
    assert begun.stdout.endswith("Kong started\n")


@pytest.mark.parametrize("commands", [("up",), ("up", "finish")])
def test_a_2_8_node_starts_and_serves_on_a_migrated_database(
    node: Callable[[str], Node], tmp_path: Path, commands: tuple[str, ...]
) -> None:
    old = node("2.8.5")
    new = Kong.of("3.4.2", tmp_path, old.url)
    for command in commands:
        assert new.run(f"migrations {command}").status == 0

    assert old.kong.run("start").stdout.endswith("Kong started\n")

    assert old.get("/users/7").json()["route"] == "users-item"
    listed = old.kong.run("migrations list")
    assert (listed.status, "Pending" in listed.stdout) == (0, False)


def test_stop_ends_before_the_process_does(
    node: Callable[[str], Node], databases: Databases
) -> None:
    one = started(node("2.8.5"))

    assert one.kong.run("stop").status == 0

    databases.until(one.kong.gone)
    with pytest.raises(httpx.TransportError):
        one.get("/status")


def test_quit_ends_after_the_process(node: Callable[[str], Node]) -> None:
    one = started(node("2.8.5"))

    assert one.kong.run("quit").status == 0

    assert one.kong.gone()


def test_a_prefix_that_cannot_be_made_is_said(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    prefix = tmp_path / "file" / "prefix"

    ran = Kong.of("2.8.5", tmp_path, databases.filled(), KONG_PREFIX=str(prefix)).run("start")

    assert ran.status == 1
    assert f"could not create prefix directory {prefix}: Not a directory" in ran.stderr


def test_settings_come_from_a_file_too_and_the_environment_wins(
    databases: Databases, tmp_path: Path
) -> None:
    kong = Kong.of("2.8.5", tmp_path, databases.filled())
    conf = tmp_path / "kong.conf"
    conf.write_text(f"# ours\nprefix = {tmp_path}/of-file # no other\npg_database = nosuch\n")
    environ = {name: value for name, value in kong.environ.items() if name != "KONG_PREFIX"}

    ran = attrs.evolve(kong, environ=environ).run(f"health -c {conf}")
    listed = kong.run(f"migrations list -c {conf}")

    assert f"no such prefix: {tmp_path}/of-file\n" in ran.stderr
    assert listed.status == 0


# -- the gateway ------------------------------------------------


@pytest.mark.parametrize("release", RELEASES)
def test_requests_reach_the_routes_of_the_database(
    serving: Mapping[str, Node], release: str
) -> None:
    one = serving[release]

    answers = {
        "plain": one.get("/status"),
        "regex": one.get("/users/7"),
        "no match": one.get("/users/x"),
        "encoded": one.get("/shared%20files/a", Host="files.example.com"),
        "wrong host": one.get("/shared%20files/a"),
        "wrong method": one.client.post(f"{one.proxy}/users/~me/profile"),
        "no key": one.get("/orders"),
        "wrong key": one.get("/orders", apikey="nobody's"),
        "key": one.get("/orders", apikey="throw-away-key-of-anna"),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        **dict.fromkeys(("plain", "regex", "encoded", "key"), 200),
        **dict.fromkeys(("no match", "wrong host", "wrong method"), 404),
        **dict.fromkeys(("no key", "wrong key"), 401),
    }
    assert answers["plain"].json() == {"service": "status", "route": "status", "kong": release}
    assert answers["regex"].json()["route"] == "users-item"


@pytest.mark.parametrize(
    ("release", "recorded", "at_404"),
    [("2.8.5", "kong-debug-28", "compact"), ("3.4.2", "kong-debug-34-default", "over lines")],
)
def test_refusals_are_worded_as_they_were_recorded(
    serving: Mapping[str, Node], reference: Path, release: str, recorded: str, at_404: str
) -> None:
    text = (reference / f"reference/kong/metrics/{recorded}.txt").read_bytes().decode()
    one = serving[release]

    unmatched, refused = one.get("/nowhere"), one.get("/orders")

    assert body_of(text, "/nowhere") == unmatched.text
    assert ("\n" in unmatched.text) == (at_404 == "over lines")
    assert body_of(text, "/gamma/x") == refused.text
    assert refused.headers["WWW-Authenticate"] == 'Key realm="kong"'
    assert unmatched.headers["Content-Type"] == "application/json; charset=utf-8"


def body_of(recorded: str, path: str) -> str:
    """The body of the first answer that was recorded for a path."""
    _, _, answer = recorded.replace("\r\n", "\n").partition(f"## GET {path}\n")
    return answer.partition("\n\n")[2].partition("\n##")[0].rstrip("\n")


@pytest.mark.parametrize(("release", "ready"), [("2.8.5", 404), ("3.4.2", 200)])
def test_the_status_listener(serving: Mapping[str, Node], release: str, ready: int) -> None:
    one = serving[release]

    assert one.client.get(f"{one.status}/status").json()["database"] == {"reachable": True}
    assert one.client.get(f"{one.status}/status/ready").status_code == ready
    assert one.client.get(f"{one.status}/other").text == '{"message":"Not found"}'


def test_3_4_counts_requests_only_once_the_plugin_is_told_to(
    node: Callable[[str], Node], databases: Databases
) -> None:
    one = started(node("3.4.2"))
    one.get("/status")
    before = one.client.get(f"{one.status}/metrics").text
    databases.run(
        one.url,
        "UPDATE plugins SET config = config || '{\"status_code_metrics\": true}'"
        " WHERE name = 'prometheus'",
    )

    assert one.kong.run("reload").stdout == "Kong reloaded\n"

    databases.until(lambda: "requests_total" in seen(one, "/status"))
    assert "requests_total" not in before
    assert "latency" not in one.client.get(f"{one.status}/metrics").text


def seen(node: Node, path: str) -> str:
    """The metrics after one more request."""
    node.get(path)
    return node.client.get(f"{node.status}/metrics").text


def test_reload_takes_what_the_database_has_by_then(
    node: Callable[[str], Node], databases: Databases
) -> None:
    one = started(node("2.8.5"))
    databases.run(one.url, "UPDATE routes SET paths = '{/new}' WHERE name = 'status'")
    before = one.get("/new").status_code

    assert one.kong.run("reload").status == 0

    databases.until(lambda: one.get("/new").status_code == 200)
    assert before == 404


def test_a_reload_without_a_database_leaves_what_is_served(
    node: Callable[[str], Node], databases: Databases
) -> None:
    one = started(node("2.8.5"))
    log = one.kong.prefix / "logs/error.log"

    one.kong.run("reload", KONG_PG_DATABASE="nosuch")

    databases.until(lambda: "not reloaded" in log.read_text())
    assert one.get("/status").status_code == 200
    assert one.kong.run("quit").status == 0


def test_a_route_that_rust_does_not_take_is_missing_and_only_the_log_tells(
    node: Callable[[str], Node], databases: Databases
) -> None:
    one = node("3.4.2")
    databases.run(one.url, "UPDATE routes SET paths = '{/y/(?=a)[a-z]+}' WHERE name = 'status'")
    started(one)

    assert one.get("/y/ab").status_code == 404
    assert one.client.get(f"{one.status}/status/ready").status_code == 200
    assert "could not add route: 00000002-" in (one.kong.prefix / "logs/error.log").read_text()

    one.kong.run("restart", KONG_ROUTER_FLAVOR="traditional")
    assert one.get("/y/ab").status_code == 200


# -- secrets ------------------------------------------------


def test_the_password_is_in_the_environment_file_alone(
    node: Callable[[str], Node], databases: Databases
) -> None:
    one = node("3.4.2")
    password = one.kong.environ["KONG_PG_PASSWORD"]
    (one.kong.prefix).mkdir(parents=True)
    (one.kong.prefix / ".kong_env").touch(mode=0o644)
    said, lines = "", ""

    with lock_of_table(one.url, "upstreams"):
        up = one.kong.begin("migrations up")
        databases.until(lambda: waits_for_a_lock(one.url))
        lines += command_lines()
    out, err = up.communicate(timeout=60)
    assert up.returncode == 0
    said += out + err
    for words in ("start", "health", "reload", "migrations list", "migrations status", "restart"):
        ran = one.kong.run(words)
        said += ran.stdout + ran.stderr
    lines += command_lines()
    said += "".join(
        one.kong.run(words, KONG_PG_PORT="1").stderr + one.kong.run(words, KONG_PG_USER="x").stderr
        for words in ("start", "migrations up", "restart")
    )

    assert str(one.kong.prefix) in lines  # so it did look at the server's own
    assert password not in lines + said
    assert password not in (one.kong.prefix / "logs/error.log").read_text()
    file = one.kong.prefix / ".kong_env"
    assert password in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p for p in files_with(one.kong.prefix, password) if p != file] == []


@contextlib.contextmanager
def lock_of_table(url: str, table: str) -> Iterator[None]:
    """Nobody else gets at the table meanwhile."""
    with psycopg.connect(url) as connection:
        connection.execute(f'LOCK TABLE "{table}"'.encode())
        yield
        connection.rollback()


def waits_for_a_lock(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    return row == (1,)


def command_lines() -> str:
    """The arguments of every process of this machine."""
    text = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # gone by now
            text.append(file.read_text(errors="replace"))
    return "\n".join(text)


def files_with(folder: Path, text: str) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if text in path.read_text(errors="replace")]


# -- the server that these tests run on ------------------------------------------------

USES_A_SERVER = """
import os, pathlib, sys
sys.path[:0] = {paths!r}
import psycopg
from kong_lts.testing.postgres_server import PostgresServer

with PostgresServer.start(pathlib.Path({folder!r})) as server:
    server.load(server.create_database("kong").rpartition("/")[2], pathlib.Path({dump!r}))
    with psycopg.connect(server.url.replace("/postgres", "/kong")) as connection:
        found = connection.execute("SELECT count(*), current_setting('data_directory') FROM routes")
        print(os.geteuid(), *found.fetchone(), flush=True)
    {then}
"""


@pytest.mark.parametrize(
    ("user", "then"),
    [("the caller", "raise SystemExit('something else fails')"), ("nobody", "pass")],
)
def test_a_server_runs_for_whoever_asks_and_leaves_nothing(
    postgres: str, user: str, then: str
) -> None:
    del postgres  # only asks for PostgreSQL
    paths = [str(ROOT), *(path for path in sys.path if path.endswith("-packages"))]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        script = USES_A_SERVER.format(paths=paths, folder=folder, dump=str(small_dump()), then=then)
        done = run_as(None if user == "the caller" else user, script)

        left = list(Path(folder).iterdir())

    assert re.fullmatch(r"\d+ 8 \S+/data\n", done.stdout), done.stderr
    assert done.stderr == ("" if then == "pass" else "something else fails\n")
    assert left == []
    assert done.stdout.split()[2] not in command_lines()


def run_as(user: str | None, script: str) -> "subprocess.CompletedProcess[str]":
    """Run Python as another user, or skip the test where that one may not."""
    if user is None:
        return python(sys.executable, script)
    if os.geteuid():
        pytest.skip("another user: only root can become one")
    for program in (sys.executable, shutil.which("python3", path=os.defpath) or sys.executable):
        version = "import sys; print(sys.version_info[:2])"
        with contextlib.suppress(OSError):
            if python(program, version, user).stdout == f"{sys.version_info[:2]}\n":
                return python(program, script, user)
    pytest.skip(f"another user: {user} may run no Python {sys.version_info[:2]}")


def python(
    program: str, script: str, user: str | None = None
) -> "subprocess.CompletedProcess[str]":
    group = pwd.getpwnam(user).pw_gid if user else None
    return subprocess.run(
        [program, "-B", "-c", script],
        user=user,
        group=group,
        extra_groups=[] if user else None,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
    )
