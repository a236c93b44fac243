"""How long a backup of a large database takes, beside a bare `pg_dump`, and with what memory.

Usage: python bench/bench_backup.py [ROWS]
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

import kong_lts.testing
from kong_lts.adapters import PostgresArchive
from kong_lts.adapters.postgres_tools import find_tools
from kong_lts.testing.postgres_server import PostgresServer

ROUNDS = 3
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
        with psycopg.connect(server.url, autocommit=True) as connection:
            small = Path(kong_lts.testing.__file__).with_name("small_28.sql")
            connection.execute(small.read_text("utf-8").encode())
            for statement in FILL.replace("%(rows)s", str(rows)).split(";")[:-1]:
                connection.execute(statement.encode())
            connection.execute("ANALYZE")
        bare = best(lambda folder: pg_dump(server.url, folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ours = best(lambda folder: PostgresArchive.at(server.url).back_up(f"{folder}/backup"))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"rows                       {rows:>10,} (and as many of tags as consumers)")
    print(f"bare pg_dump -F d -j 2     {bare:>10.2f} s")
    print(f"backup with fingerprint    {ours:>10.2f} s = {ours / bare:.2f} times")
    print(f"memory of this process     {grown / 1024:>10.1f} MB more")


def best(act: Callable[[str], object]) -> float:
    """The shortest of some rounds, in seconds of the clock on the wall."""
    found = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            act(folder)
            found.append(time.perf_counter() - begun)
    return min(found)


def pg_dump(url: str, folder: str) -> None:
    """As the guide has it, with two jobs."""
    with psycopg.connect(url) as connection:
        major = str(connection.info.server_version // 10_000)
    tools = find_tools(major, "measuring", bin_dir=None, environ=os.environ)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
    found = conninfo_to_dict(url)
    environ = {name: str(found[key]) for name, key in names.items()}
    argv = [tools.path("pg_dump"), "-F", "d", "-j", "2", "-f", f"{folder}/dump"]
    subprocess.run([*argv, str(found["dbname"])], env={**os.environ, **environ}, check=True)


if __name__ == "__main__":
    main()
