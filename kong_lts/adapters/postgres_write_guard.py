"""Row triggers that keep writes to the configuration out of a Kong database."""

import contextlib
import uuid
from collections.abc import Iterator

import attrs
import psycopg
from psycopg import sql

from kong_lts.adapters.postgres_address import Connection, PostgresAddress, words
from kong_lts.adapters.postgres_facts import is_runtime, schema_name, table_names
from kong_lts.catalog import migrations
from kong_lts.errors import WriteGuardError

__all__ = ["FUNCTION", "TRIGGER", "PostgresWriteGuard"]

FUNCTION = "kong_lts_refuse_write"
TRIGGER = "kong_lts_no_writes"
"""Their names; a restore leaves them out."""

_REFUSED = "KL001"
"""SQLSTATE of the refusal."""
_ALSO_REFUSED = ("25006", "42501")
"""A read-only transaction; a missing privilege: both keep writes out as well."""

_WRITTEN_BY_MIGRATIONS = "schema_meta"

_BODY = """
BEGIN
  -- What the triggers of a table that is not guarded do, such as one of a custom plugin.
  IF TG_TABLE_NAME = 'tags' AND pg_trigger_depth() > 1 THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'writes to the configuration are stopped for the upgrade (% on %)',
    TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'KL001', HINT = 'They are let in again when the upgrade says so.';
END
"""


@attrs.frozen
class PostgresWriteGuard:
    """`BEFORE INSERT OR UPDATE OR DELETE` triggers per row on every known configuration table.

    Per row, since a trigger per statement also refuses Kong's cleanup where no row has expired. It
    does refuse the cleanup of a credential whose time has run out while the guard is held, which
    Kong logs as a warning and tries again: so nothing at all leaves the configuration, and a later
    look can see it as of the moment when writes had stopped. Tables that traffic or the nodes write
    stay writable.
    """

    address: PostgresAddress
    """Where the database is."""

    @classmethod
    def at(cls, url: str) -> "PostgresWriteGuard":
        """The guard of the database at a URL, or at the one that a reference names."""
        return cls(PostgresAddress(url))

    def hold(self) -> tuple[str, ...]:
        with self._change("stopping the writes to the configuration") as connection:
            schema = schema_name(connection)
            wanted = [name for name in table_names(connection, schema) if _is_guarded(name)]
            if not wanted:
                raise WriteGuardError(
                    "stopping the writes to the configuration",
                    f"there are no tables of Kong in schema {schema} of this database",
                )
            _make_function(connection, schema)
            held = _held(connection, schema)
            for name in wanted:
                if name not in held:
                    _make_trigger(connection, schema, name)
            return _held(connection, schema)

    def release(self) -> None:
        with self._change("letting writes to the configuration in") as connection:
            schema = schema_name(connection)
            for name in _triggered(connection, schema):
                connection.execute(
                    sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(
                        sql.Identifier(TRIGGER), sql.Identifier(schema, name)
                    )
                )
            connection.execute(
                sql.SQL("DROP FUNCTION IF EXISTS {}()").format(sql.Identifier(schema, FUNCTION))
            )

    def held(self) -> tuple[str, ...]:
        doing = "looking whether writes to the configuration are stopped"
        with self.address.look(doing, WriteGuardError) as connection:
            return _held(connection, schema_name(connection))

    def try_write(self) -> str | None:
        doing = "trying a write to the configuration"
        with self.address.session(doing, WriteGuardError) as connection:
            query = sql.SQL("INSERT INTO {} (id, username) VALUES (%s, %s)").format(
                sql.Identifier(schema_name(connection), "consumers")
            )
            trial = uuid.uuid4()
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(query, [trial, f"kong_lts trial write {trial}"])
            except psycopg.Error as exc:
                if exc.sqlstate not in (_REFUSED, *_ALSO_REFUSED):
                    raise
                return words(exc, self.address.secrets())
        return None

    @contextlib.contextmanager
    def _change(self, doing: str) -> Iterator[Connection]:
        """One transaction, and one change of the guard at a time."""
        with (
            self.address.session(doing, WriteGuardError) as connection,
            connection.transaction(),
        ):
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [TRIGGER])
            yield connection


def _is_guarded(table: str) -> bool:
    known = migrations()
    writable = {*known.node_tables, _WRITTEN_BY_MIGRATIONS}
    return table in known.known_tables and not is_runtime(table) and table not in writable


def _make_function(connection: Connection, schema: str) -> None:
    connection.execute(
        sql.SQL(
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql "
            "SET search_path = pg_catalog, pg_temp AS {}"
        ).format(sql.Identifier(schema, FUNCTION), sql.Literal(_BODY))
    )


def _make_trigger(connection: Connection, schema: str, table: str) -> None:
    connection.execute(
        sql.SQL("DROP TRIGGER IF EXISTS {trigger} ON {table}").format(
            trigger=sql.Identifier(TRIGGER), table=sql.Identifier(schema, table)
        )
    )
    connection.execute(
        sql.SQL(
            "CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE PROCEDURE {function}()"
        ).format(
            trigger=sql.Identifier(TRIGGER),
            table=sql.Identifier(schema, table),
            function=sql.Identifier(schema, FUNCTION),
        )
    )


def _held(connection: Connection, schema: str) -> tuple[str, ...]:
    """Tables whose trigger fires."""
    return _triggered(connection, schema, states=("O", "A"))


def _triggered(
    connection: Connection, schema: str, states: tuple[str, ...] = ("O", "A", "D", "R")
) -> tuple[str, ...]:
    query = """
        SELECT c.relname
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND t.tgname = %s AND t.tgenabled::text = ANY (%s)
          AND NOT c.relispartition
        ORDER BY c.relname COLLATE "C"
    """
    rows = connection.execute(query, [schema, TRIGGER, list(states)])
    return tuple(str(name) for (name,) in rows)
