"""`kong migrations up` killed on a real database: found, and gone on with only when asked for."""

from collections.abc import Sequence
from pathlib import Path

import attrs
import psycopg
import pytest

import kong_lts
from kong_lts.adapters import PostgresDatabase, SystemClock
from kong_lts.deployment import Side
from kong_lts.errors import ProcessFailedError
from kong_lts.findings import Finding, blockers
from kong_lts.migrations import MigrationsFinish, MigrationsUp
from kong_lts.protocols import Adapters, Finished
from kong_lts.routing import migrate_path
from kong_lts.schema import SchemaState, schema_state
from kong_lts.testing.fakes import FakeApprover, FakeObserver
from kong_lts.testing.kong_schema_34 import SQL_016
from tests.integration.postgres_databases import Databases
from tests.integration.test_kong_migrations import blocked, content, held, in_any_order
from tests.integration.test_kong_program import Kong

UP = MigrationsUp(id="up", guide="a guide", side=Side.NEW)
GO_ON = attrs.evolve(UP, continue_interrupted=True)
FINISH = MigrationsFinish(id="finish", guide="a guide", side=Side.NEW)


@attrs.frozen
class Node:
    """Runs the stand-in of 3.4 in this process."""

    kong: Kong

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        ran = self.kong.run(" ".join(argv[1:]))
        if ran.status not in statuses:
            raise ProcessFailedError("kong", ran.stderr, ran.status, ran.stdout)
        return Finished(status=ran.status, stdout=ran.stdout, stderr=ran.stderr)


def adapters_of(url: str, kong: Kong) -> Adapters:
    return kong_lts.Adapters(
        current=kong_lts.ClusterAdapters(),
        new=kong_lts.ClusterAdapters(
            database=PostgresDatabase.at(url), nodes={"new-1": Node(kong)}
        ),
        clock=SystemClock(),
        approver=FakeApprover(),
        observer=FakeObserver(),
    )


def kill_up(databases: Databases, url: str, kong: Kong, table: str) -> None:
    """While it waits for a table; its lock has run out afterwards."""
    with held(url, table):
        process = kong.begin("migrations up")
        databases.until(lambda: blocked(url) == 1)
        process.kill()
        process.communicate()
        databases.run(
            url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        databases.until(lambda: blocked(url) == 0)
    databases.run(url, "UPDATE locks SET ttl = CURRENT_TIMESTAMP - interval '1 second'")


def rules(found: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in found}


@pytest.mark.parametrize("table", ["plugins", "oauth2_tokens"])
def test_it_is_found_and_can_be_gone_on_with(
    databases: Databases, tmp_path: Path, table: str
) -> None:
    """After the core's first migration, and after all of the core's: then `up` seems to be done."""
    url, clean = databases.filled(), databases.filled()
    kong = Kong.of("3.4.2", tmp_path, url)
    for command in ("up", "finish"):
        assert Kong.of("3.4.2", tmp_path, clean).run(f"migrations {command}").status == 0
    kill_up(databases, url, kong, table)
    adapters = adapters_of(url, kong)

    assert rules(blockers(UP.check(adapters, {}))) == {"schema-not-2.8"}
    assert rules(blockers(UP.verify(adapters, {}))) == {"migrations-up-not-done"}
    assert [f.message for f in blockers(GO_ON.check(adapters, {}))] == []
    GO_ON.run(adapters, {})
    assert blockers(GO_ON.verify(adapters, {})) == ()
    assert blockers(FINISH.check(adapters, {})) == ()
    FINISH.run(adapters, {})
    assert blockers(FINISH.verify(adapters, {})) == ()

    assert in_any_order(content(url)) == in_any_order(content(clean))


def test_a_custom_plugin_that_the_node_does_not_know_is_found_before(
    databases: Databases, tmp_path: Path
) -> None:
    """Its records and its rows are there, and nothing in the list of migrations is its own."""
    url = databases.filled()
    adapters = adapters_of(url, Kong.of("3.4.2", tmp_path, url))
    assert blockers(UP.check(adapters, {})) == ()

    databases.run(
        url,
        "INSERT INTO schema_meta (key, subsystem, last_executed, executed)"
        " VALUES ('schema_meta', 'our-auth', '000_base', '{000_base}')",
        "INSERT INTO plugins (id, name, config, enabled, cache_key)"
        " VALUES (md5('our')::uuid, 'our-auth', '{}', true, 'our')",
    )

    (found,) = blockers(UP.check(adapters, {}))
    assert found.rule == "plugin-not-migrated"
    assert "1 our-auth plugins" in found.message


def test_finish_does_not_follow_an_up_that_did_not_end(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.filled()
    kong = Kong.of("3.4.2", tmp_path, url)
    kill_up(databases, url, kong, "oauth2_tokens")

    found = blockers(FINISH.check(adapters_of(url, kong), {}))

    assert rules(found) == {"schema-not-up"}
    assert any("new migrations of session" in finding.message for finding in found)


def test_one_that_did_nothing_begins_anew(databases: Databases, tmp_path: Path) -> None:
    url = databases.filled()
    kong = Kong.of("3.4.2", tmp_path, url)
    kill_up(databases, url, kong, "routes")
    adapters = adapters_of(url, kong)

    assert blockers(UP.check(adapters, {})) == ()
    UP.run(adapters, {})

    assert blockers(UP.verify(adapters, {})) == ()


@pytest.mark.parametrize("rewritten", ["[(\\\\]", "^/shared"], ids=["a regex", "a plain path"])
def test_nobody_goes_on_over_paths_that_are_half_rewritten(
    databases: Databases, tmp_path: Path, rewritten: str
) -> None:
    """Killed between two rows, which nothing notes down."""
    url = databases.filled()
    kong = Kong.of("3.4.2", tmp_path, url)
    one = f"(SELECT id FROM routes WHERE paths[1] ~ '{rewritten}' ORDER BY id LIMIT 1)"
    with psycopg.connect(url) as connection:
        connection.execute(SQL_016.encode())  # it is committed before the first path is looked at
        (path,) = connection.execute(
            f"SELECT paths[1] FROM routes WHERE id = {one}".encode()
        ).fetchone() or ("",)
        connection.execute(
            f"UPDATE routes SET paths = ARRAY[%s] WHERE id = {one}".encode(), [migrate_path(path)]
        )
    assert migrate_path(path) != path
    adapters = adapters_of(url, kong)

    for step in (UP, GO_ON):
        assert rules(blockers(step.check(adapters, {}))) == {"up-was-interrupted"}
    assert schema_state(PostgresDatabase.at(url).facts().schema_meta) is SchemaState.LTS_2_8
