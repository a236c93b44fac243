"""`kong migrations ...` of the stand-in: texts, statuses and lies as measured on the real program.

Source:
    What 2.8.5 and 3.4.2 print, and how they end, in every state of a database. Not measured: a
    second `up` whose `--lock-timeout` ends before the lock does; here it says what it says else.
"""

import contextlib
import json
import re
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

from kong_lts.errors import DatabaseError
from kong_lts.testing.kong_migrations import (
    NAMES_28,
    NAMES_34,
    Connection,
    Names,
    Records,
    read_records,
    run,
)
from kong_lts.testing.kong_settings import Settings, refuse, say

__all__ = ["NEEDS_BOOTSTRAP", "connect", "listed", "migrations", "records_of"]

NEEDS_BOOTSTRAP = """\
Database needs bootstrapping or is older than Kong 1.0.

To start a new installation from scratch, run 'kong migrations bootstrap'.

To migrate from a version older than 1.0, migrated to Kong 1.5.0 first.\x20
If you still have 'apis' entities, you can convert them to Routes and Services
using the 'kong migrations migrate-apis' command in Kong 1.5.0.

"""

_USAGE = """\
Usage: kong migrations COMMAND [OPTIONS]

Manage database schema migrations.

The available commands are:
  bootstrap                         Bootstrap the database and run all
                                    migrations.

  up                                Run any new migrations.

  finish                            Finish running any pending migrations after
                                    'up'.

  list                              List executed migrations.

  reset                             Reset the database.

Options:
 -y,--yes                           Assume "yes" to prompts and run
                                    non-interactively.

 -q,--quiet                         Suppress all output.

 -f,--force                         Run migrations even if database reports
                                    as already executed.

 --db-timeout     (default 60)      Timeout, in seconds, for all database
                                    operations (including schema consensus for
                                    Cassandra).

 --lock-timeout   (default 60)      Timeout, in seconds, for nodes waiting on
                                    the leader node to finish running
                                    migrations.

 -c,--conf        (optional string) Configuration file.

 -p,--prefix      (optional string)   Override prefix directory.

 --v              verbose
 --vv             debug
"""

_SCHEMA_28 = Path(__file__).with_name("small_28.sql")
_WAIT_S = 0.2
_CRASHED = (
    "[PostgreSQL error] cluster_mutex callback threw an error: ./kong/cmd/utils/migrations.lua"
)


def migrations(settings: Settings) -> int:
    """Run `kong migrations COMMAND`, and return its status."""
    command = settings.words[1] if len(settings.words) > 1 else ""
    work = _COMMANDS.get(command)
    if work is None or (settings.is_28 and command == "status"):
        named = f"No such command for migrations: {command}\n\n" if command else ""
        sys.stderr.write(named + _USAGE)
        return 1
    with connect(settings) as connection:
        return work(settings, connection)


def connect(settings: Settings) -> Connection:
    """A connection as Kong opens one; `Error: ...` and the end when there is none."""
    try:
        connection = psycopg.connect(
            host=settings.key("pg_host", "127.0.0.1"),
            port=settings.key("pg_port", "5432"),
            user=settings.key("pg_user", "kong"),
            password=settings.keys.get("pg_password", ""),
            dbname=settings.key("pg_database", "kong"),
            application_name=f"stand-in for kong {settings.release}",
            connect_timeout=10,
            autocommit=True,
        )
    except psycopg.OperationalError as exc:
        fatal = re.search(r"FATAL: +(.*)", str(exc))
        reason = f"FATAL: {fatal[1]}" if fatal else "connection refused"
        version = "failed to retrieve PostgreSQL server_version_num"
        refuse(f"[PostgreSQL error] {version}: {reason}")
    connection.execute("SET TIME ZONE 'UTC'")
    if schema := settings.keys.get("pg_schema"):
        connection.execute("SELECT set_config('search_path', quote_ident(%s), false)", (schema,))
    return connection


def records_of(settings: Settings, connection: Connection) -> Records:
    """The records of the database, as this release reads them."""
    return read_records(connection, _known(settings))


def listed(names: Names) -> str:
    """Lines of migrations, their subsystems in a column."""
    width = max(map(len, names))
    return "".join(f"{key.rjust(width)}: {', '.join(value)}\n" for key, value in names.items())


def _known(settings: Settings) -> Names:
    return NAMES_28 if settings.is_28 else NAMES_34


def _list(settings: Settings, connection: Connection) -> int:
    records = records_of(settings, connection)
    if records.needs_bootstrap:
        say(NEEDS_BOOTSTRAP)
        return 3
    parts = {
        "Executed migrations": records.executed,
        "Pending migrations": records.pending,
        "New migrations available": records.new,
    }
    say("\n".join(f"{title}:\n{listed(names)}" for title, names in parts.items() if names)[:-1])
    if records.pending and records.new:
        now = time.strftime("%Y/%m/%d %H:%M:%S")
        sys.stderr.write(
            f"{now} [warn] Database has pending migrations from a previous upgrade, and new"
            f" migrations from this upgrade (version {settings.release})\n"
        )
        say(
            "\n\nRun 'kong migrations finish' when ready to complete pending migrations (postgres"
            " database will be incompatible with the previous Kong version)"
        )
    elif records.pending:
        say("\nRun 'kong migrations finish' when ready")
    elif records.new:
        say("\nRun 'kong migrations up' to proceed")
    return 4 if records.pending else 5 if records.new else 0


def _status(settings: Settings, connection: Connection) -> int:
    records = records_of(settings, connection)
    state: dict[str, object] = {"needs_bootstrap": records.needs_bootstrap}
    for kind in ("executed", "pending", "new"):
        names: Names = getattr(records, kind)
        if names:
            state[f"{kind}_migrations"] = [
                {"subsystem": key, "namespace": _namespace(key), "migrations": value}
                for key, value in names.items()
            ]
    say(json.dumps(state, separators=(",", ":")))
    return 0


def _namespace(subsystem: str) -> str:
    return f"kong.{'db' if subsystem == 'core' else f'plugins.{subsystem}'}.migrations" + (
        ".core" if subsystem == "core" else ""
    )


def _bootstrap(settings: Settings, connection: Connection) -> int:
    if not records_of(settings, connection).needs_bootstrap:
        say("Database already bootstrapped")
        return 0
    say("Bootstrapping database...")
    with connection.transaction():
        connection.execute(_SCHEMA_28.read_text().partition("\n-- rows\n")[0].encode())
        connection.execute(
            "INSERT INTO workspaces (id, name) VALUES (%s, 'default')", (uuid.uuid4(),)
        )
        connection.execute(
            "INSERT INTO parameters (key, value) VALUES ('cluster_id', %s)", (str(uuid.uuid4()),)
        )
    _run(connection, _known(settings), 1, up=True, teardown=True)
    say("Database is up-to-date")
    return 0


def _up(settings: Settings, connection: Connection) -> int:
    records = records_of(settings, connection)
    _refuse_unless_bootstrapped(records)
    _refuse_pending(settings, records)
    with _lock(connection, settings.lock_timeout_s, wait=True) as taken:
        if taken:
            _up_alone(settings, connection)
    return 0


def _up_alone(settings: Settings, connection: Connection) -> None:
    records = records_of(settings, connection)
    _refuse_pending(settings, records)
    if settings.forced:
        _run(connection, records.executed, 104, up=True, teardown=True)  # once more, all of it
        records = records_of(settings, connection)
    elif not records.new:
        say("Database is already up-to-date")
    if records.new and not records.pending:
        _run(connection, records.new, 104, up=True, teardown=False)
        records = records_of(settings, connection)
    if records.pending:
        say("\nDatabase has pending migrations; run 'kong migrations finish' when ready")


def _finish(settings: Settings, connection: Connection) -> int:
    _refuse_unless_bootstrapped(records_of(settings, connection))
    with _lock(connection, settings.lock_timeout_s, wait=False) as taken:
        if not taken:
            return 0
        records = records_of(settings, connection)
        if settings.forced:
            _run(connection, records.executed, 149, up=True, teardown=True)
        if records.pending:
            _run(connection, records.pending, 149, up=False, teardown=True)
        if records_of(settings, connection).new:
            say("\nNew migrations available; run 'kong migrations up' to proceed")
        else:
            say("No pending migrations to finish")
    return 0


def _reset(settings: Settings, connection: Connection) -> int:
    if not settings.flags & {"-y", "--yes"}:
        refuse("not a tty: invoke 'reset' non-interactively with the --yes flag")
    say("Resetting database...")
    with connection.transaction():
        connection.execute(
            """
            DO $$ DECLARE name text; BEGIN
                FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
                LOOP EXECUTE format('DROP TABLE %I CASCADE', name); END LOOP;
                DROP FUNCTION IF EXISTS sync_tags(), batch_delete_expired_rows() CASCADE;
            END $$"""
        )
    say("Database successfully reset")
    return 0


_COMMANDS = {
    "bootstrap": _bootstrap,
    "finish": _finish,
    "list": _list,
    "reset": _reset,
    "status": _status,
    "up": _up,
}


def _run(
    connection: Connection,
    names: Names,
    line: int,
    *,
    up: bool,
    teardown: bool,
) -> None:
    try:
        run(connection, names, say, up=up, teardown=teardown)
    except DatabaseError as exc:
        refuse(f"{_CRASHED}:{line}: [PostgreSQL error] {exc}")


def _refuse_unless_bootstrapped(records: Records) -> None:
    if records.needs_bootstrap:
        refuse(f"Cannot run migrations: {NEEDS_BOOTSTRAP}")


def _refuse_pending(settings: Settings, records: Records) -> None:
    if records.pending and not settings.forced:
        refuse("Database has pending migrations; run 'kong migrations finish'")


@contextlib.contextmanager
def _lock(connection: Connection, timeout_s: float, *, wait: bool) -> Iterator[bool]:
    """Kong's row in `locks`. Who comes second does nothing, and says so only on stdout.

    A killed owner leaves its row, which counts until its time is over.
    """
    owner = str(uuid.uuid4())
    if not _took(connection, owner, timeout_s):
        end = time.monotonic() + (timeout_s if wait else 0)
        while time.monotonic() < end and _is_locked(connection):
            time.sleep(_WAIT_S)
        say("aborted: another node is performing database changes")
        yield False
        return
    try:
        yield True
    finally:
        connection.execute("DELETE FROM locks WHERE key = 'migrations' AND owner = %s", (owner,))


def _took(connection: Connection, owner: str, ttl_s: float) -> bool:
    with connection.transaction():
        connection.execute("DELETE FROM locks WHERE ttl < CURRENT_TIMESTAMP")
        done = connection.execute(
            "INSERT INTO locks (key, owner, ttl)"
            " VALUES ('migrations', %s, CURRENT_TIMESTAMP + make_interval(secs => %s))"
            " ON CONFLICT DO NOTHING",
            (owner, ttl_s),
        )
    return done.rowcount == 1


def _is_locked(connection: Connection) -> bool:
    held = "SELECT 1 FROM locks WHERE key = 'migrations' AND ttl >= CURRENT_TIMESTAMP"
    return connection.execute(held).fetchone() is not None
