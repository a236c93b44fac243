"""The stand-in's migrations leave a database as Kong's own do, finished, failed or killed."""

import contextlib
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import psycopg
import pytest

from kong_lts.database import SchemaMeta
from kong_lts.schema import SchemaState, duplicated_tildes, schema_state
from tests.integration.postgres_databases import Databases, databases_on
from tests.integration.test_kong_program import Kong, Ran

Content: TypeAlias = Mapping[str, list[str]]
Recording: TypeAlias = Callable[[str], Content]

SCHEMA = """
    SELECT 'column', format('%s.%s %s not null %s default %s', c.oid::regclass, a.attname,
           format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
          AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT 'order', format('%s: %s', attrelid::regclass,
                     string_agg(attname, ' ' ORDER BY attnum))
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
          AND attnum > 0 AND NOT attisdropped GROUP BY attrelid
    UNION ALL SELECT 'constraint', format('%s %s %s', conrelid::regclass, conname,
                     pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'trigger', concat(pg_get_triggerdef(oid), tgenabled)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'other', format('%s %s', oid::regclass, relkind)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i')
"""
TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
)
ABORTED = "aborted: another node is performing database changes\n"
GENERATED = {
    *("ca_certificates", "certificates", "clustering_data_planes", "consumers", "plugins"),
    *("snis", "targets", "upstreams", "workspaces"),
}
"""Tables whose `updated_at` is the moment of `up`."""
BLOCKED = "datname = current_database() AND wait_event_type = 'Lock'"
BUNDLED = ("http-log", "post-function", "pre-function")


@pytest.fixture(scope="module")
def small(postgres: str) -> Iterator[Databases]:
    with databases_on(postgres) as made:
        yield made


@pytest.fixture(scope="module")
def real(postgres: str, reference: Path) -> Iterator[Databases]:
    """Copies of a database that a real 2.8 filled."""
    made = Databases(postgres, template="template0")
    load(made.empty(), (reference / "reference/kong/28.sql").read_text("utf-8"))
    copies = Databases(postgres, template=made.made[-1])
    yield copies
    copies.remove()
    made.remove()


@pytest.fixture(scope="module")
def recorded(postgres: str, reference: Path) -> Callable[[str], Content]:
    """What a real Kong left, each dump loaded once."""

    @functools.cache
    def found(dump: str) -> Content:
        made = Databases(postgres, template="template0")
        try:
            url = made.empty()
            load(url, (reference / f"reference/kong/{dump}.sql").read_text("utf-8"))
            return content(url)
        finally:
            made.remove()

    return found


@pytest.fixture(scope="module")
def clean(recorded: Recording) -> Content:
    """What a real `up` and `finish` left."""
    return recorded("after-finish")


@pytest.fixture
def filled(real: Databases) -> Iterator[str]:
    """A real database of 2.8 of its own."""
    yield real.filled()
    real.remove()


@pytest.fixture
def own(small: Databases) -> Iterator[str]:
    """A small database of 2.8 of its own."""
    yield small.filled()
    small.remove()


@attrs.frozen
class Migrating:
    """`kong migrations` of 3.4, at one database."""

    kong: Kong

    @classmethod
    def at(cls, url: str, folder: Path, release: str = "3.4.2") -> "Migrating":
        return cls(Kong.of(release, folder, url))

    def __call__(self, words: str) -> Ran:
        return self.kong.run(f"migrations {words}")

    def to_the_end(self, most: int = 4) -> list[str]:
        """What it takes: `up` where `list` says 5, `finish` where it says 4."""
        taken: list[str] = []
        while (status := self("list").status) and len(taken) < most:
            taken.append({4: "finish", 5: "up"}[status])
            assert self(taken[-1]).status == 0
        return taken


@pytest.fixture
def migrate(filled: str, tmp_path: Path) -> Migrating:
    return Migrating.at(filled, tmp_path)


@pytest.fixture
def migrate_small(own: str, tmp_path: Path) -> Migrating:
    return Migrating.at(own, tmp_path)


def load(url: str, dump: str) -> None:
    """A dump with its `COPY` data inline, without psql."""
    text = re.sub(r"(?m)^\\(un)?restrict .*\n", "", dump)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for part in re.split(r"(?m)^(COPY .* FROM stdin;\n(?:.*\n)*?\\\.\n)", text):
            if not part.startswith("COPY "):
                cursor.execute(part.encode())
                continue
            statement, _, rows = part.partition("\n")
            with cursor.copy(statement.encode()) as copy:
                copy.write(rows.removesuffix("\\.\n"))


def content(url: str) -> Content:
    """Schema and rows; only the moment of `up` is taken out."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        for kind, text in connection.execute(SCHEMA):
            found.setdefault(kind, []).append(text)
        for (table,) in connection.execute(TABLES).fetchall():
            rows = connection.execute(f'SELECT to_jsonb(t)::text FROM public."{table}" t'.encode())
            texts = [row for (row,) in rows]
            found[f"rows of {table}"] = list(map(timeless, texts)) if table in GENERATED else texts
    return {name: sorted(texts) for name, texts in found.items()}


def timeless(row: str) -> str:
    return re.sub(r'"updated_at": "[^"]+"', '"updated_at": "a time"', row)


def schema_of(found: Content) -> Content:
    """Without rows, and without functions, which the small database words in its own way."""
    left_out = ("rows of ", "function")
    return {name: texts for name, texts in found.items() if not name.startswith(left_out)}


def in_any_order(found: Content) -> Content:
    """Without the order in which migrations were recorded, which a recovery changes."""
    rows = [json.loads(row) for row in found["rows of schema_meta"]]
    records = [f"{row['subsystem']} {sorted(row['executed'])} {row['pending']}" for row in rows]
    return {**found, "rows of schema_meta": sorted(records)}


def select(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def records(url: str) -> tuple[SchemaMeta, ...]:
    if select(url, "SELECT to_regclass('schema_meta')") == [(None,)]:
        return ()
    names = "SELECT subsystem, coalesce(executed, '{}'), coalesce(pending, '{}') FROM schema_meta"
    return tuple(
        SchemaMeta(subsystem=subsystem, executed=tuple(executed), pending=tuple(waiting))
        for subsystem, executed, waiting in select(url, names)
    )


def state(url: str) -> SchemaState:
    return schema_state(records(url))


def pending(url: str) -> dict[str, tuple[str, ...]]:
    return {row.subsystem: row.pending for row in records(url) if row.pending}


def paths(url: str) -> list[str]:
    return sorted(path for (path,) in select(url, "SELECT unnest(paths) FROM routes"))


# -- what a clean run leaves ------------------------------------------------


def test_up_and_then_finish_leave_what_kong_left(
    filled: str, recorded: Recording, clean: Content, migrate: Migrating
) -> None:
    assert migrate("up").status == 0
    assert content(filled) == recorded("after-up")

    assert migrate("finish").status == 0
    assert content(filled) == clean


def test_the_small_database_goes_the_same_way(
    small: Databases, recorded: Recording, tmp_path: Path
) -> None:
    url = small.filled()
    migrate = Migrating.at(url, tmp_path)
    seen = [(state(url), schema_of(content(url)))]

    for command in ("up", "finish"):
        assert migrate(command).status == 0
        seen.append((state(url), schema_of(content(url))))

    assert seen == [
        (state_, schema_of(recorded(dump)))
        for state_, dump in (
            (SchemaState.LTS_2_8, "28"),
            (SchemaState.UP, "after-up"),
            (SchemaState.LTS_3_4, "after-finish"),
        )
    ]
    small.remove()


@pytest.mark.parametrize(("release", "dump"), [("2.8.5", "28"), ("3.4.2", "after-finish")])
def test_bootstrap_makes_the_schema_of_its_release(
    small: Databases, recorded: Recording, tmp_path: Path, release: str, dump: str
) -> None:
    url = small.empty()
    assert state(url) == SchemaState.EMPTY

    assert Migrating.at(url, tmp_path, release)("bootstrap").status == 0

    assert schema_of(content(url)) == schema_of(recorded(dump))
    small.remove()


def test_reset_leaves_nothing(own: str, migrate_small: Migrating) -> None:
    assert migrate_small("reset --yes").status == 0

    assert state(own) == SchemaState.EMPTY
    assert set(content(own)) == set()


# -- what Kong says and does not do ------------------------------------------------


def test_finish_on_a_2_8_database_does_nothing_and_says_success(
    own: str, migrate_small: Migrating
) -> None:
    before = content(own)

    ran = migrate_small("finish")

    assert ran.status == 0
    assert ran.stdout == "\nNew migrations available; run 'kong migrations up' to proceed\n"
    assert content(own) == before


def test_up_refuses_while_finish_is_to_come(own: str, migrate_small: Migrating) -> None:
    migrate_small("up")
    before = content(own)

    ran = migrate_small("up")

    assert ran.status == 1
    assert "Database has pending migrations; run 'kong migrations finish'" in ran.stderr
    assert content(own) == before


def test_a_forced_up_opens_what_allow_and_deny_closed(
    filled: str, recorded: Recording, migrate: Migrating
) -> None:
    """And changes no other row, while finish is to come."""
    migrate("up")

    ran = migrate("up -f")

    assert ran.status == 0
    assert "54 migrations processed\n54 executed\n" in ran.stdout
    before, found = recorded("after-up"), content(filled)
    opened = ("acl", "bot-detection", "ip-restriction")
    assert found["rows of plugins"] == sorted(
        without_lists(row) if json.loads(row)["name"] in opened else row
        for row in before["rows of plugins"]
    )
    changed = {name for name, rows in found.items() if rows != before[name]}
    assert changed == {"rows of plugins", "rows of schema_meta"}
    assert pending(filled) == {
        "core": ("016_280_to_300",),
        **dict.fromkeys(("http-log", "post-function", "pre-function"), ("001_280_to_300",)),
    }


def without_lists(row: str) -> str:
    """A row of plugins, as PostgreSQL writes JSON, without `allow` and `deny`."""
    return re.sub(r'"(?:deny|allow)": (?:null|\[[^]]*\])(?:, )?', "", row).replace(", }", "}")


def test_a_forced_up_after_finish_doubles_the_tilde(own: str, migrate_small: Migrating) -> None:
    migrate_small("up")
    migrate_small("finish")

    assert migrate_small("up -f").status == 0

    doubled = duplicated_tildes(tuple(paths(own)))
    assert sorted(doubled) == [
        "~~/orders/(?<id>[0-9]+)$",
        "~~/reports/[a-z]+\\.pdf",
        "~~/users/\\d+",
    ]


def test_finish_empties_what_a_2_8_node_wrote_after_up(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    migrate_small("up")
    small.run(
        own, "UPDATE plugins SET config = '{\"functions\": [\"late\"]}' WHERE name = 'pre-function'"
    )

    assert migrate_small("finish").status == 0

    config = "SELECT config FROM plugins WHERE name = 'pre-function'"
    assert select(own, config) == [({},)]


def test_of_a_target_that_is_there_twice_the_later_one_stays(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    migrate_small("up")
    small.run(
        own,
        "INSERT INTO targets (id, created_at, upstream_id, target, weight, ws_id)"
        " SELECT md5(id::text)::uuid, created_at + interval '1 s', upstream_id, target, 7, ws_id"
        " FROM targets WHERE target = '127.0.0.1:8080'",
    )

    assert migrate_small("finish").status == 0

    assert small.one(own, "SELECT array_agg(weight ORDER BY weight) FROM targets") == [7, 50]


def test_two_targets_of_one_moment_stop_finish_in_its_middle(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    migrate_small("up")
    small.run(
        own,
        "INSERT INTO targets (id, created_at, upstream_id, target, weight, ws_id)"
        " SELECT md5(id::text)::uuid, created_at, upstream_id, target, 7, ws_id"
        " FROM targets WHERE target = '127.0.0.1:8080'",
    )

    ran = migrate_small("finish")

    assert ran.status == 1
    assert 'duplicate key value violates unique constraint "targets_cache_key_key"' in ran.stderr
    assert small.one(own, "SELECT to_regclass('vaults_beta') IS NULL") is True
    assert pending(own)["core"] == ("016_280_to_300",)
    small.run(own, "DELETE FROM targets WHERE weight = 7")
    assert migrate_small.to_the_end() == ["finish"]


# -- triggers that keep writes out ------------------------------------------------


@pytest.mark.parametrize("table", ["plugins", "routes", "tags", "targets"])
def test_a_guarded_table_stops_what_writes_to_it(
    filled: str, small: Databases, clean: Content, reference: Path, migrate: Migrating, table: str
) -> None:
    expected = guarded(reference)[table]
    small.run(filled, guard(reference, table))

    up = migrate("up")
    listed = migrate("list")
    finish = migrate("finish") if up.status == 0 else Ran(0, "", "", 0)

    assert (up.status, reason(up)) == (expected["up_rc"], expected["up_err"])
    assert listed.status == expected["list_rc"]
    assert (finish.status, reason(finish)) == (
        expected["finish_rc"] or 0,
        expected["finish_err"],
    )
    left = [f"{name}|{{{','.join(names)}}}" for name, names in sorted(pending(filled).items())]
    assert " ; ".join(left) == expected["pending_at_end"]
    assert small.one(filled, "SELECT count(*) FROM locks") == 0
    small.run(filled, "DROP FUNCTION lt_write_freeze CASCADE")
    migrate.to_the_end()
    assert in_any_order(content(filled)) == in_any_order(clean)


def test_other_guarded_tables_are_in_nobodys_way(
    filled: str, small: Databases, clean: Content, reference: Path, migrate: Migrating
) -> None:
    tables = [
        table
        for table, row in guarded(reference).items()
        if (row["up_rc"], row["finish_rc"]) == (0, 0)
    ]
    assert len(tables) == 6
    small.run(filled, guard(reference, *tables))

    assert (migrate("up").status, migrate("finish").status) == (0, 0)

    small.run(filled, "DROP FUNCTION lt_write_freeze CASCADE")
    assert content(filled) == clean


def guarded(reference: Path) -> dict[str, dict[str, Any]]:
    """What was measured with triggers on one table."""
    file = reference / "reference/kong/freeze/up_with_triggers_single_table.jsonl"
    return {row["table"]: row for row in map(json.loads, file.read_text("utf-8").splitlines())}


def guard(reference: Path, *tables: str) -> str:
    """The triggers that were measured with, on these tables alone."""
    sql = (reference / "reference/kong/freeze/freeze_row.sql").read_text("utf-8")
    return re.sub(r"ARRAY\[.*?\]", f"ARRAY{list(tables)}", sql)


def reason(ran: Ran) -> str:
    return ran.stderr.partition("\n")[0]


# -- the lock, and a kill ------------------------------------------------


def test_a_lock_makes_up_wait_and_then_do_nothing_and_say_success(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    lock(small, own, seconds=30)
    before = content(own)

    up = migrate_small("up --lock-timeout 1")
    finish = migrate_small("finish --lock-timeout 60")

    assert (up.status, up.stdout) == (0, ABORTED)
    assert up.seconds > 1
    assert (finish.status, finish.stdout) == (0, ABORTED)
    assert finish.seconds < 10
    assert content(own) == before


def test_the_lock_of_a_killed_one_counts_until_its_time_is_over(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    lock(small, own, seconds=-1)

    assert migrate_small("up").status == 0

    assert state(own) == SchemaState.UP
    assert small.one(own, "SELECT count(*) FROM locks") == 0


def test_up_waits_no_longer_than_the_lock_of_a_killed_one(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    lock(small, own, seconds=2)

    ran = migrate_small("up")

    assert ran.stdout == ABORTED
    assert ran.seconds < 20
    assert state(own) == SchemaState.LTS_2_8


def lock(databases: Databases, url: str, *, seconds: float) -> None:
    databases.run(
        url,
        "INSERT INTO locks (key, owner, ttl) VALUES ('migrations', 'another',"
        f" CURRENT_TIMESTAMP + make_interval(secs => {seconds}))",
    )


def test_a_second_up_refuses_once_the_first_has_something_pending(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    with held(own, "plugins"):
        first = migrate_small.kong.begin("migrations up")
        small.until(lambda: blocked(own) == 1)
        second = migrate_small("up")

    assert second.status == 1
    assert "Database has pending migrations; run 'kong migrations finish'" in second.stderr
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert state(own) == SchemaState.UP


def test_of_two_that_begin_together_one_does_nothing(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    stand_in = "datname = current_database() AND application_name LIKE 'stand-in%'"
    with held(own, "upstreams"):
        first = migrate_small.kong.begin("migrations up")
        small.until(lambda: blocked(own) == 1)
        second = migrate_small.kong.begin("migrations up")
        small.until(lambda: sessions(own, stand_in) == 2)

    said = [one.communicate(timeout=60) for one in (first, second)]
    assert first.returncode == 0
    refused = "Error: Database has pending migrations; run 'kong migrations finish'"
    assert said[1][0] == ABORTED or said[1][1].startswith(refused)
    assert paths(own) == paths_of_a_clean_up(small, migrate_small.kong.folder)


def paths_of_a_clean_up(databases: Databases, folder: Path) -> list[str]:
    url = databases.filled()
    assert Migrating.at(url, folder)("up").status == 0
    return paths(url)


@pytest.mark.parametrize(
    ("command", "table", "left", "recovery"),
    [
        ("up", "routes", {}, ["up", "finish"]),
        ("up", "plugins", {"core": "016_280_to_300"}, ["finish", "up", "finish"]),
        (
            *("up", "oauth2_tokens"),
            {"core": "016_280_to_300", "http-log": "001_280_to_300"},
            ["finish", "up", "finish"],
        ),
        ("finish", "plugins", dict.fromkeys(BUNDLED, "001_280_to_300"), ["finish"]),
    ],
)
def test_a_kill_leaves_what_was_done_and_the_rest_can_follow(
    filled: str,
    small: Databases,
    clean: Content,
    migrate: Migrating,
    command: str,
    table: str,
    left: dict[str, str],
    recovery: list[str],
) -> None:
    if command == "finish":
        migrate("up")
    with held(filled, table):
        running = migrate.kong.begin(f"migrations {command}")
        small.until(lambda: blocked(filled) == 1)
        running.kill()
        running.communicate()
        small.run(filled, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {BLOCKED}")
        small.until(lambda: blocked(filled) == 0)

    listed, finished = migrate("list"), migrate("finish")

    assert listed.status == (4 if left else 5)
    assert pending(filled) == {name: (one,) for name, one in left.items()}
    assert finished.stdout == ABORTED
    assert finished.status == 0
    small.run(filled, "UPDATE locks SET ttl = CURRENT_TIMESTAMP - interval '1 second'")  # its end
    assert migrate.to_the_end() == recovery
    assert in_any_order(content(filled)) == in_any_order(clean)


def test_a_kill_in_the_middle_shows_as_partly_up(
    own: str, small: Databases, migrate_small: Migrating
) -> None:
    with held(own, "plugins"):
        running = migrate_small.kong.begin("migrations up")
        small.until(lambda: blocked(own) == 1)
        running.kill()
        running.communicate()

    assert state(own) == SchemaState.PARTLY_UP


@contextlib.contextmanager
def held(url: str, table: str) -> Iterator[None]:
    """Nobody else gets at the table meanwhile."""
    with psycopg.connect(url) as connection:
        connection.execute(f'LOCK TABLE "{table}"'.encode())
        yield
        connection.rollback()


def blocked(url: str) -> int:
    """How many sessions wait for a lock."""
    return sessions(url, BLOCKED)


def sessions(url: str, which: str) -> int:
    return len(select(url, f"SELECT FROM pg_stat_activity WHERE {which}"))
