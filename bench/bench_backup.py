"""How long a backup of a large database takes, beside a bare `pg_dump`, and with what memory.

Usage: python bench/bench_backup.py [ROWS]

Bare dump and backup are held against each other with the same level of gzip, `pg_dump`'s own and
the one that a backup has by itself, and as each is by itself. Times are the best of some rounds, on
the clock on the wall: on a machine that does nothing else, or they say little. Memory is the peak
of a process that does nothing but the backup, for a tenth of the rows and for all.
"""

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict

import kong_lts
import kong_lts.testing
from kong_lts.adapters import BackupFolders, PostgresArchive, PostgresDatabase, SystemClock
from kong_lts.adapters.postgres_tools import find_tools
from kong_lts.backup import BackUpDatabase, BackupLayout, VerifyBackup
from kong_lts.deployment import Side
from kong_lts.events import Outcome
from kong_lts.findings import blockers
from kong_lts.testing.fakes import FakeApprover, FakeObserver
from kong_lts.testing.postgres_server import PostgresServer

ROUNDS = 3
_OWN, _OURS = 6, 1
MOST = 1.5
"""Times as long as the bare dump."""
FILL = """
    INSERT INTO consumers (id, username, custom_id, tags)
    SELECT md5('c' || n)::uuid, 'user-' || n, 'custom-' || n, ARRAY['a', 'b' || n % 100]
    FROM generate_series(1, %(rows)s / 4) n;
    INSERT INTO keyauth_credentials (id, consumer_id, key)
    SELECT md5('k' || n)::uuid, md5('c' || n)::uuid, md5('key' || n)
    FROM generate_series(1, %(rows)s / 4) n;
    INSERT INTO services (id, name, host, port, protocol)
    SELECT md5('s' || n)::uuid, 'service-' || n, 'host-' || n || '.internal', 80, 'http'
    FROM generate_series(1, %(rows)s / 8) n;
    INSERT INTO routes (id, name, service_id, paths, protocols)
    SELECT md5('r' || n)::uuid, 'route-' || n, md5('s' || n)::uuid, ARRAY['/path/' || n],
           ARRAY['http', 'https']
    FROM generate_series(1, %(rows)s / 8) n;
"""


def main() -> None:
    """Measure, and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with PostgresServer.start() as server:
        few, many = (
            filled(server.url, name, n) for name, n in (("few", rows // 10), ("many", rows))
        )
        bare = {level: best(partial(pg_dump, many, level)) for level in (_OWN, _OURS)}
        ours = {level: best(partial(dump, many, level)) for level in (_OWN, _OURS)}
        whole = best(partial(back_up, many))
        _, *peaks = [peak_of(back_up, url) for url in (few, few, many)]  # the first warms up
    print(f"rows                             {rows:>10,} (and as many of tags as consumers)")
    for level in (_OWN, _OURS):
        print(f"bare pg_dump -F d -j 2 -Z {level}      {bare[level]:>10.2f} s")
    for what, took, alike in (
        (f"backup with gzip's level {_OWN}", ours[_OWN], bare[_OWN]),
        (f"backup with gzip's level {_OURS}", ours[_OURS], bare[_OURS]),
        ("backup as it is, bare as it is", ours[_OURS], bare[_OWN]),
        ("whole, proved; bare as it is", whole, bare[_OWN]),
    ):
        held = "held" if took <= MOST * alike else "NOT HELD"
        print(f"{what:<32} {took:>10.2f} s = {took / alike:.2f} times; at most {MOST}: {held}")
    print(f"peak memory, a tenth of the rows {peaks[0] / 1024:>10.1f} MiB")
    print(f"peak memory, all rows            {peaks[1] / 1024:>10.1f} MiB")


def filled(server: str, name: str, rows: int) -> str:
    """The URL of a new database with so many rows."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        small = Path(kong_lts.testing.__file__).with_name("small_28.sql")
        connection.execute(small.read_text("utf-8").encode())
        for statement in FILL.replace("%(rows)s", str(rows)).split(";")[:-1]:
            connection.execute(statement.encode())
        connection.execute("ANALYZE")
    return url


def back_up(url: str, folder: str) -> None:
    """What a plan does: dump, fingerprint, look at both, manifest of the whole, hashes, look."""
    layout = BackupLayout(f"{folder}/backup")
    adapters = kong_lts.Adapters(
        current=kong_lts.ClusterAdapters(
            database=PostgresDatabase.at(url), archive=PostgresArchive.at(url)
        ),
        backups=BackupFolders(),
        clock=SystemClock(),
        approver=FakeApprover(),
        observer=FakeObserver(),
    )
    at: dict[str, Any] = {"guide": "a guide", "side": Side.CURRENT}
    steps = (
        BackUpDatabase(id="database", folder=layout.unfinished.database, **at),
        VerifyBackup(id="verify", folder=layout.folder, **at),
    )
    past: dict[str, Outcome] = {}
    for step in steps:
        past[step.id] = step.run(adapters, past)
        assert not blockers(step.verify(adapters, past))


def best(act: Callable[[str], object]) -> float:
    """The shortest of some rounds, in seconds."""
    found = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            act(folder)
            found.append(time.perf_counter() - begun)
    return min(found)


def peak_of(act: Callable[[str, str], None], url: str) -> int:
    """The largest that a process of its own gets, in KiB."""
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_measured, args=(act, url, results))
    process.start()
    peak = results.get()
    process.join()
    return peak


def _measured(
    act: Callable[[str, str], None], url: str, results: "multiprocessing.Queue[int]"
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        act(url, folder)
    results.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def dump(url: str, level: int, folder: str) -> None:
    """The database's part, with fingerprint and manifest."""
    attrs.evolve(PostgresArchive.at(url), compression=level).back_up(f"{folder}/backup")


def pg_dump(url: str, level: int, folder: str) -> None:
    """As the guide has it, with two jobs."""
    with psycopg.connect(url) as connection:
        major = str(connection.info.server_version // 10_000)
    tools = find_tools(major, "measuring", bin_dir=None, environ=os.environ)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
    found = conninfo_to_dict(url)
    environ = {name: str(found[key]) for name, key in names.items()}
    argv = [tools.path("pg_dump"), "-F", "d", "-j", "2", "-Z", str(level), "-f", f"{folder}/dump"]
    subprocess.run([*argv, str(found["dbname"])], env={**os.environ, **environ}, check=True)


if __name__ == "__main__":
    main()
