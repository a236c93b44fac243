"""The PostgreSQL defaults keep their contracts, and say no secret, against a real server."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import psycopg
import pytest

from kong_lts.adapters import (
    PostgresArchive,
    PostgresCredentials,
    PostgresDatabase,
    PostgresWriteGuard,
)
from kong_lts.adapters.postgres_address import PostgresAddress
from kong_lts.errors import (
    ArchiveError,
    CredentialsError,
    DatabaseError,
    LockHeldError,
    WriteGuardError,
)
from kong_lts.protocols import Archive, Database, WriteGuard
from kong_lts.state_files import DumpedFile
from tests.contracts.archive import ArchiveContract, Content
from tests.contracts.credentials import CredentialsContract, Lost
from tests.contracts.database import DatabaseContract, State
from tests.contracts.write_guard import WriteGuardContract
from tests.integration.postgres_databases import MARKER, Databases


class TestPostgresDatabase(DatabaseContract):
    @pytest.fixture
    def make(self, databases: Databases) -> Callable[[State], Database]:
        filled, missing = databases.filled(), databases.missing()
        urls = {State.FILLED: filled, State.MISSING: missing}
        return lambda state: PostgresDatabase.at(urls[state])


class TestPostgresArchive(ArchiveContract):
    @pytest.fixture
    def make(self, databases: Databases) -> Callable[[Content], Archive]:
        filled, other = databases.filled(), databases.filled()
        databases.run(other, "UPDATE services SET host = 'elsewhere.internal'")
        urls: dict[Content, Callable[[], str]] = {
            Content.FILLED: lambda: filled,
            Content.OTHER: lambda: other,
            Content.EMPTY: databases.empty,
        }
        return lambda content: PostgresArchive.at(urls[content]())


USERS = {
    "user0": ("00000000-0000-4000-8000-000000000001", "9da72f07-dabd-4c19-80e7-1357127f0bef"),
    "user1": ("00000000-0000-4000-8000-000000000002", "3f2780ba-b4cb-4dda-a5f3-6d9f8dd3fd88"),
}
"""Ids of credential and consumer by username."""


def hashed(username: str, password: str = "secret") -> str:
    """What Kong stores of a password."""
    return hashlib.sha1(f"{password}{USERS[username][1]}".encode()).hexdigest()


def with_basic_auth(databases: Databases) -> str:
    """A database with the consumers of two credentials, and the second of these."""
    url = databases.filled()
    for username, (one, consumer) in USERS.items():
        databases.run(
            url,
            f"""
            INSERT INTO consumers (id, username, ws_id)
            SELECT '{consumer}', '{username}', id FROM workspaces""",
        )
        if username == "user1":
            databases.run(url, f"""
                INSERT INTO basicauth_credentials (id, consumer_id, username, password, ws_id)
                SELECT '{one}', '{consumer}', '{username}', '{hashed(username)}', id
                FROM workspaces""")  # fmt: skip
    return url


def state_file(folder: Path) -> DumpedFile:
    """What decK dumped when both were there."""
    consumers = [
        {"id": consumer, "username": name, "basicauth_credentials": [
            {"id": one, "username": name, "password": hashed(name), "tags": ["a"]}
        ]}
        for name, (one, consumer) in USERS.items()
    ]  # fmt: skip
    path = folder / "kong.yaml"
    path.write_text(json.dumps({"_format_version": "1.1", "consumers": consumers}))
    return DumpedFile(path=str(path))


class TestPostgresCredentials(CredentialsContract):
    @pytest.fixture
    def url(self, databases: Databases) -> str:
        return with_basic_auth(databases)

    @pytest.fixture
    def lost(self, databases: Databases, url: str, tmp_path: Path) -> Lost:
        def lose_consumers() -> None:
            databases.run(url, "DELETE FROM basicauth_credentials", "DELETE FROM consumers")

        credentials = PostgresCredentials.at(url)
        return Lost(credentials, state_file(tmp_path), lose_consumers)

    def test_the_password_is_the_old_one(self, databases: Databases, url: str, lost: Lost) -> None:
        """As basic-auth itself compares it: salted with the id of the consumer."""
        lost.credentials.restore(lost.file)

        stored = databases.one(
            url, "SELECT password FROM basicauth_credentials WHERE username = 'user0'"
        )
        assert stored == hashed("user0")
        assert databases.one(url, "SELECT count(*) FROM basicauth_credentials") == 2

    def test_the_nodes_are_told_to_forget(self, databases: Databases, url: str, lost: Lost) -> None:
        lost.credentials.restore(lost.file)

        told = "SELECT data FROM cluster_events WHERE channel = 'invalidations'"
        assert str(databases.one(url, told)).startswith("basicauth_credentials:user0:::::")

    def test_another_hash_is_missing_and_mended(
        self, databases: Databases, url: str, lost: Lost
    ) -> None:
        """What decK leaves behind: the hash of a hash."""
        databases.run(url, "UPDATE basicauth_credentials SET password = 'hash of a hash'")

        assert lost.credentials.restore(lost.file) == ("user0", "user1")
        assert lost.credentials.missing(lost.file) == ()

    def test_a_file_without_ids_is_refused(self, url: str, tmp_path: Path) -> None:
        file = state_file(tmp_path)
        path = Path(file.path)
        path.write_text(path.read_text().replace('"id"', '"tags"'))

        with pytest.raises(CredentialsError, match="--with-id"):
            PostgresCredentials.at(url).restore(file)

    def test_a_workspace_that_is_not_there_is_refused(self, url: str, tmp_path: Path) -> None:
        file = attrs.evolve(state_file(tmp_path), workspace="sales")

        with pytest.raises(CredentialsError, match="no workspace sales"):
            PostgresCredentials.at(url).restore(file)


class TestPostgresWriteGuard(WriteGuardContract):
    @pytest.fixture
    def guard(self, databases: Databases) -> WriteGuard:
        return PostgresWriteGuard.at(databases.filled())


# --- fingerprints ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE routes SET paths = paths || '{/more}' WHERE id = (SELECT id FROM routes LIMIT 1)",
        "DELETE FROM acls",
        "UPDATE plugins SET config = config || '{\"x\": 1}'"
        " WHERE id = (SELECT id FROM plugins LIMIT 1)",
        "UPDATE consumers SET tags = '{}' WHERE tags IS NULL",
        "UPDATE tags SET tags = '{odd}' WHERE entity_id = (SELECT entity_id FROM tags LIMIT 1)",
        "UPDATE schema_meta SET pending = '{x}' WHERE subsystem = 'core'",
        "ALTER TABLE services RENAME COLUMN host TO hostname",
        "CREATE TABLE surprise (id int); INSERT INTO surprise VALUES (1)",
        # the same text in another column, and one row twice instead of two rows
        "UPDATE consumers SET username = custom_id, custom_id = username",
    ],
)
def test_any_change_of_the_configuration_changes_the_fingerprint(
    databases: Databases, statement: str
) -> None:
    url = databases.filled()
    before = PostgresDatabase.at(url).fingerprint()

    databases.run(url, statement)

    assert PostgresDatabase.at(url).fingerprint().digest != before.digest


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO cluster_events (id, node_id, at, expire_at, channel, data)"
        " VALUES (md5('x')::uuid, md5('y')::uuid, now(), now(), 'c', 'd')",
        "INSERT INTO locks (key, owner, ttl) VALUES ('x', 'y', now())",
        "CREATE TABLE vitals_stats_seconds_1700000000 (x int);"
        " INSERT INTO vitals_stats_seconds_1700000000 VALUES (1)",
        # rewrites every row at another place
        "UPDATE routes SET name = name; VACUUM FULL routes",
        # moves a column to the end
        "ALTER TABLE consumers ADD COLUMN again text; UPDATE consumers SET again = custom_id;"
        " ALTER TABLE consumers DROP COLUMN custom_id;"
        " ALTER TABLE consumers RENAME COLUMN again TO custom_id",
        "ALTER DATABASE {} SET timezone = 'Asia/Tokyo'; ALTER DATABASE {} SET datestyle = 'German'",
    ],
)
def test_what_is_no_configuration_does_not(databases: Databases, statement: str) -> None:
    url = databases.filled()
    before = PostgresDatabase.at(url).fingerprint()

    databases.run(url, *statement.format(*[urlsplit(url).path[1:]] * 2).split(";"))

    assert PostgresDatabase.at(url).fingerprint() == before


def test_a_credential_whose_time_has_run_out_counts_no_more_and_neither_do_its_tags(
    databases: Databases,
) -> None:
    url = databases.filled()
    before = PostgresDatabase.at(url).fingerprint()
    insert = (
        "INSERT INTO keyauth_credentials (id, consumer_id, key, ttl)"
        " SELECT md5('{0}')::uuid, id, '{0}', now() + '{1}' FROM consumers LIMIT 1"
    )

    databases.run(url, insert.format("old", "-1 second"))
    assert PostgresDatabase.at(url).fingerprint() == before

    databases.run(url, insert.format("new", "1 hour"))
    assert PostgresDatabase.at(url).fingerprint() != before


def test_tables_that_nobody_knows_are_named_and_counted(databases: Databases) -> None:
    url = databases.filled()
    databases.run(url, "CREATE TABLE surprise (id int)", "INSERT INTO surprise VALUES (1)")

    fingerprint = PostgresDatabase.at(url).fingerprint()

    assert fingerprint.unknown_tables == ("surprise",)
    assert next(t.rows for t in fingerprint.tables if t.name == "surprise") == 1


def test_a_schema_of_ones_own_is_honoured(databases: Databases) -> None:
    url = databases.filled()
    databases.run(url, "ALTER SCHEMA public RENAME TO gateway", "CREATE SCHEMA public")
    inside = f"{url}?options=-csearch_path%3Dgateway"

    assert PostgresDatabase.at(url).facts().schema_meta == ()
    assert PostgresDatabase.at(inside).facts().schema_meta
    assert PostgresWriteGuard.at(inside).hold()
    assert PostgresWriteGuard.at(inside).try_write()


# --- facts ----------------------------------------------------------------------------------------


def test_facts_of_a_database(databases: Databases) -> None:
    url = databases.filled()
    databases.run(
        url,
        "INSERT INTO locks VALUES ('migrations', 'node', now() + '1 minute')",
        "UPDATE schema_meta SET pending = NULL WHERE subsystem = 'acl'",
        "CREATE TABLE keyring_meta (id text)",
        "INSERT INTO keyauth_credentials (id, key)"
        " VALUES (md5('e')::uuid, '$ke$1$-aB3xYz-0011-2233')",
        'UPDATE plugins SET config = config || \'{"a": "$ke$1$-k2-00-11"}\'',
    )
    databases.run(url, f"ALTER DATABASE {urlsplit(url).path[1:]} SET timezone = 'Asia/Tokyo'")

    facts = PostgresDatabase.at(url).facts()

    assert [(lock.key, lock.held) for lock in facts.locks] == [("migrations", True)]
    assert all(row.pending == () for row in facts.schema_meta)
    assert facts.keyring_ids == ("aB3xYz", "k2")
    assert len(facts.routes) == databases.one(url, "SELECT count(*) FROM routes")
    assert {row.mark for row in facts.plugin_rows} == {
        "database-functions-move",
        "database-http-log-headers",
    }
    assert sum(facts.plugins.values()) == databases.one(url, "SELECT count(*) FROM plugins")
    assert facts.connections == 0
    with psycopg.connect(url):
        assert PostgresDatabase.at(url).facts().connections == 1


def test_routes_are_whole_with_their_services(databases: Databases) -> None:
    url = databases.filled()
    databases.run(
        url,
        "UPDATE routes SET headers = '{\"x-a\": [\"1\"]}', methods = '{GET}', regex_priority = 3,"
        " created_at = '2026-11-23 10:00:00+00' WHERE name = 'orders-item'",
    )

    facts = PostgresDatabase.at(url).facts()

    (route,) = (route for route in facts.routes if route.name == "orders-item")
    assert route.headers == {"x-a": ("1",)}
    assert route.methods == ("GET",)
    assert route.protocols
    assert route.regex_priority == 3
    assert route.created_at == 1795428000.0
    assert route.service in {service.id for service in facts.services}
    assert all(service.host and service.enabled for service in facts.services)


def test_of_too_many_routes_only_those_that_tell_something_are_read(databases: Databases) -> None:
    url = databases.filled()
    databases.run(
        url,
        "INSERT INTO routes (id, paths) SELECT md5('many' || n)::uuid, ARRAY['/many/' || n]"
        " FROM generate_series(1, 20001) AS n",
        "INSERT INTO routes (id, name, regex_priority) VALUES (md5('a')::uuid, 'first', 5)",
    )

    facts = PostgresDatabase.at(url).facts()

    assert {route.name for route in facts.routes} == {
        *("orders-item", "orders-old", "users-item", "files", "reports", "first"),
    }
    assert all(not route.protocols for route in facts.routes)
    assert facts.services == ()
    assert facts.left_out == ()


def test_what_may_come_a_million_times_is_held_so_far_and_counted(databases: Databases) -> None:
    url = databases.filled()
    databases.run(
        url,
        "INSERT INTO routes (id, paths) SELECT md5('many' || n)::uuid, ARRAY['/many/[0-9]+/' || n]"
        " FROM generate_series(1, 20001) AS n",
        "INSERT INTO routes (id, name, paths) VALUES (md5('z')::uuid, 'look', '{/a(?=b)}')",
        "INSERT INTO plugins (id, name, enabled, config) SELECT md5('p' || n)::uuid, 'http-log',"
        ' true, \'{"headers": {"a": ["b"]}}\' FROM generate_series(1, 1500) AS n',
        "INSERT INTO targets (id, upstream_id, target, weight, created_at)"
        " SELECT md5('t' || n)::uuid, id, 'twice-' || n / 2, 100, now()"
        " FROM generate_series(2, 3001) AS n, (SELECT id FROM upstreams LIMIT 1) AS u",
    )

    facts = PostgresDatabase.at(url).facts()

    assert "look" in {route.name for route in facts.routes}
    assert 1000 < len(facts.routes) < 1010
    left = {one.like: one.rows for one in facts.left_out}
    assert left["database-http-log-headers"] >= 500
    assert left["database-target-repeated"] == 500
    assert left["database-path-changes"] >= 19_001
    assert sum(row.mark == "database-http-log-headers" for row in facts.plugin_rows) == 1000
    assert len(facts.repeated_targets) == 1000


def test_a_look_cannot_write(databases: Databases) -> None:
    address = PostgresAddress(databases.filled())

    with (
        pytest.raises(DatabaseError, match="read-only"),
        address.look("looking", DatabaseError) as connection,
    ):
        connection.execute("DELETE FROM routes")


# --- making, dropping, locking --------------------------------------------------------------------


def test_a_making_that_was_killed_leaves_nothing_in_the_way(databases: Databases) -> None:
    url = databases.missing()
    PostgresDatabase.at(url).create("a run")
    PostgresDatabase.at(url).drop("a run")
    name = urlsplit(url).path[1:]
    making = databases.one(
        databases.server, f"SELECT 'kong_lts_' || left(encode(sha256('{name} a run'), 'hex'), 16)"
    )
    databases.run(databases.server, f'CREATE DATABASE "{making}"')

    PostgresDatabase.at(url).create("a run")

    assert databases.one(
        databases.server, f"SELECT count(*) FROM pg_database WHERE datname = '{making}'"
    ) == 0  # fmt: skip
    PostgresDatabase.at(url).drop("a run")


def test_a_database_that_is_in_use_is_not_dropped(databases: Databases) -> None:
    url = databases.missing()
    database = PostgresDatabase.at(url)
    database.create("a run")

    with psycopg.connect(url), pytest.raises(DatabaseError, match="being accessed"):
        database.drop("a run")

    database.drop("a run")


def test_the_end_of_a_process_frees_its_lock(databases: Databases) -> None:
    url = databases.filled()
    code = (
        "import sys; from kong_lts.adapters import PostgresDatabase\n"
        "database = PostgresDatabase.at('env:KONG_URL'); database.hold_lock('a run that dies')\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "KONG_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockHeldError, match="a run that dies"):
            PostgresDatabase.at(url).hold_lock("another")
        holder.kill()
        holder.wait()

    database = PostgresDatabase.at(url)
    databases.until(lambda: _locks(database))
    database.release_lock()


def _locks(database: PostgresDatabase) -> bool:
    try:
        database.hold_lock("another")
    except LockHeldError:
        return False
    return True


def test_a_lock_is_taken_again_where_the_server_has_ended_its_session(
    databases: Databases,
) -> None:
    url = databases.filled()
    one, other = PostgresDatabase.at(url), PostgresDatabase.at(url)
    one.hold_lock("one")
    databases.run(
        databases.server,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'kong_lts: one'",
    )
    databases.until(lambda: _locks(other))

    with pytest.raises(LockHeldError):
        one.hold_lock("one")

    other.release_lock()


# --- the guard ------------------------------------------------------------------------------------


def test_the_guard_lets_traffic_write(databases: Databases) -> None:
    url = databases.filled()
    PostgresWriteGuard.at(url).hold()

    databases.run(
        url,
        "INSERT INTO ratelimiting_metrics (identifier, period, period_date, value)"
        " VALUES ('a', 'minute', now(), 1)",
        # Kong's cleanup, which finds nothing
        "DELETE FROM keyauth_credentials WHERE ttl < CURRENT_TIMESTAMP AT TIME ZONE 'UTC'",
    )


def test_the_guard_lets_the_triggers_of_a_custom_plugin_write_their_tags(
    databases: Databases,
) -> None:
    url = databases.filled()
    databases.run(
        url,
        "CREATE TABLE custom_counters (id uuid, tags text[])",
        "CREATE TRIGGER custom_sync_tags AFTER INSERT ON custom_counters"
        " FOR EACH ROW EXECUTE FUNCTION sync_tags()",
    )
    PostgresWriteGuard.at(url).hold()

    databases.run(url, "INSERT INTO custom_counters VALUES (md5('x')::uuid, '{a}')")


def test_a_guarded_credential_stays_when_its_time_runs_out(databases: Databases) -> None:
    """So that the configuration can still be seen as of the moment when writes had stopped."""
    url = databases.filled()
    databases.run(
        url,
        "INSERT INTO keyauth_credentials (id, key, ttl)"
        " VALUES (md5('a')::uuid, 'a', clock_timestamp() + interval '1 second')",
    )
    PostgresWriteGuard.at(url).hold()
    database = PostgresDatabase.at(url)
    stopped = database.fingerprint()
    databases.until(lambda: database.fingerprint() != stopped)

    with pytest.raises(psycopg.DatabaseError, match="stopped for the upgrade"):
        databases.run(url, "DELETE FROM keyauth_credentials WHERE ttl < now()")

    assert database.fingerprint(stopped.taken_at) == stopped


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO services (id, name) VALUES (md5('x')::uuid, 'x')",
        "UPDATE routes SET name = 'x'",
        "DELETE FROM plugins",
        "UPDATE tags SET tags = NULL",
        "INSERT INTO workspaces (id, name) VALUES (md5('x')::uuid, 'x')",
        "DELETE FROM keyauth_credentials",
    ],
)
def test_the_guard_refuses(databases: Databases, statement: str) -> None:
    url = databases.filled()
    before = PostgresDatabase.at(url).fingerprint()
    PostgresWriteGuard.at(url).hold()

    with pytest.raises(psycopg.DatabaseError, match="stopped for the upgrade"):
        databases.run(url, statement)

    assert PostgresDatabase.at(url).fingerprint() == before


def test_a_table_that_came_later_is_guarded_by_holding_again(databases: Databases) -> None:
    url = databases.filled()
    guard = PostgresWriteGuard.at(url)
    tables = guard.hold()
    databases.run(url, "CREATE TABLE key_sets (id uuid)")

    assert set(guard.hold()) - set(tables) == {"key_sets"}


def test_a_guard_that_somebody_switched_off_is_not_held(databases: Databases) -> None:
    url = databases.filled()
    guard = PostgresWriteGuard.at(url)
    tables = guard.hold()
    databases.run(url, "ALTER TABLE routes DISABLE TRIGGER kong_lts_no_writes")

    assert set(tables) - set(guard.held()) == {"routes"}
    assert guard.hold() == tables


def test_a_trial_write_leaves_nothing(databases: Databases) -> None:
    url = databases.filled()
    before = PostgresDatabase.at(url).fingerprint()

    PostgresWriteGuard.at(url).try_write()

    assert PostgresDatabase.at(url).fingerprint() == before


def test_a_guard_of_no_kong_database_is_an_error(databases: Databases) -> None:
    guard = PostgresWriteGuard.at(databases.empty())

    with pytest.raises(WriteGuardError, match="no tables of Kong"):
        guard.hold()
    with pytest.raises(WriteGuardError):
        guard.try_write()
    guard.release()


# --- bad addresses --------------------------------------------------------------------------------


def test_no_error_and_no_repr_shows_a_password(databases: Databases, tmp_path: Path) -> None:
    port = urlsplit(databases.server).port
    host = f"127.0.0.1:{port}"
    urls = [
        f"postgresql://kong:{MARKER}@127.0.0.1:1/kong",
        f"postgresql://kong:{MARKER}@{host}/kong",
        f"postgresql://kong:{MARKER}/x@{host}/kong",
        f"postgresql://kong:x@{MARKER}@{host}/kong",
        f"postgresql://kong:{MARKER}%zz@{host}/kong",
        f"postgresql://{host}/kong?password={MARKER}&nonsense=1",
        f"host=127.0.0.1 port={port} user=kong password='{MARKER}",
        f"{MARKER}",
        "env:NOWHERE",
    ]
    for number, url in enumerate(urls):
        database = PostgresDatabase.at(url)
        archive, guard = PostgresArchive.at(url), PostgresWriteGuard.at(url)
        with pytest.raises(DatabaseError) as facts:
            database.facts()
        with pytest.raises(DatabaseError) as made:
            database.create("a run")
        with pytest.raises(DatabaseError) as locked:
            database.hold_lock("a run")
        with pytest.raises(ArchiveError) as backup:
            archive.back_up(f"{tmp_path}/{number}")
        with pytest.raises(WriteGuardError) as held:
            guard.hold()
        errors = [facts.value, made.value, locked.value, backup.value, held.value]
        shown = [f"{e} {e!r} {e.__cause__}" for e in errors]
        shown += [repr(adapter) for adapter in (database, archive, guard)]
        assert not [text for text in shown if MARKER in text]
    assert os.listdir(tmp_path) == []


def test_a_wrong_password_is_said_plainly(databases: Databases) -> None:
    parts = urlsplit(databases.server)
    url = f"postgresql://kong:{MARKER}@{parts.hostname}:{parts.port}/postgres"

    with pytest.raises(DatabaseError, match='password authentication failed for user "kong"'):
        PostgresDatabase.at(url).facts()
