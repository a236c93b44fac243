"""Databases of a test: each its own, gone afterwards."""

import contextlib
import multiprocessing
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import attrs
import psycopg

import kong_lts.testing
from kong_lts.adapters.postgres_tools import find_tools

MARKER = "s3cr3t-marker"
"""Stands wherever a password can be, and may be seen nowhere."""

WAIT_S = 20.0


@attrs.define
class Databases:
    """Makes databases on one server."""

    server: str = attrs.field(repr=False)
    template: str
    made: list[str] = attrs.Factory(list)

    def filled(self) -> str:
        """A 2.8 database of its own."""
        return self._make(f'TEMPLATE "{self.template}"')

    def empty(self) -> str:
        return self._make("TEMPLATE template0")

    def missing(self) -> str:
        """Where no database is."""
        self.made.append(f"test_{uuid.uuid4().hex[:12]}")
        return at(self.server, self.made[-1])

    def run(self, url: str, *statements: str) -> None:
        """Run statements, each by itself."""
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def one(self, url: str, query: str) -> object:
        with psycopg.connect(url) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def until(self, condition: Callable[[], bool]) -> None:
        """Look again and again; the server notices the end of a session in its own time."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline

    def remove(self) -> None:
        """Drop what was made for this test."""
        while self.made:
            name = self.made.pop()
            self.run(self.server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _make(self, how: str) -> str:
        url = self.missing()
        self.run(self.server, f'CREATE DATABASE "{self.made[-1]}" {how}')
        return url


@contextlib.contextmanager
def databases_on(server: str) -> Iterator[Databases]:
    """Databases on a server, with a small 2.8 database to copy from."""
    databases = Databases(server, template="")
    url = databases.empty()
    databases.template = databases.made.pop()
    try:
        databases.run(url, small_dump().read_text(encoding="utf-8"))
        yield databases
    finally:
        databases.remove()
        databases.run(server, f'DROP DATABASE "{databases.template}" WITH (FORCE)')


def at(server: str, database: str) -> str:
    """The URL of another database on a server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


def small_dump() -> Path:
    """The dump of a small 2.8 database."""
    return Path(kong_lts.testing.__file__).with_name("small_28.sql")


def load(url: str, dump: Path) -> None:
    """With psql, since a dump has its `COPY` data inline."""
    with psycopg.connect(url) as connection:
        major = str(connection.info.server_version // 10_000)
    tools = find_tools(major, "loading", bin_dir=None, environ=os.environ)
    parts = urlsplit(url)
    subprocess.run(
        [tools.path("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-f", str(dump)],
        env={**os.environ, "PGHOST": parts.hostname or "", "PGPORT": str(parts.port),
             "PGUSER": parts.username or "", "PGPASSWORD": parts.password or "",
             "PGDATABASE": parts.path[1:]},
        check=True,
    )  # fmt: skip


def run_and_kill(target: Callable[..., object], *args: object, after_s: float | None) -> float:
    """Run a function in a copy of this process, and kill that after a while, None for never.

    Returns:
        The seconds that it ran.
    """
    process = multiprocessing.get_context("fork").Process(target=target, args=args)
    begun = time.monotonic()
    process.start()
    process.join(after_s)
    process.kill()
    process.join()
    return time.monotonic() - begun
