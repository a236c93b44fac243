"""What one transaction shows: facts of a Kong database, and the fingerprint of what it holds."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import partial

from psycopg import sql

from kong_lts.adapters.postgres_address import APPLICATION, Connection
from kong_lts.adapters.postgres_routes import read_routes, read_services
from kong_lts.adapters.postgres_rows import read_plugin_rows, read_repeated_targets
from kong_lts.catalog import migrations
from kong_lts.database import (
    DatabaseFacts,
    Fingerprint,
    Lock,
    SchemaMeta,
    TableFingerprint,
)

__all__ = [
    "identity",
    "is_runtime",
    "major_version",
    "moment_of",
    "read_facts",
    "read_fingerprint",
    "read_schema_meta",
    "schema_name",
    "server_version",
    "table_names",
]

_TEXTS = ("text", "character varying", "json", "jsonb", "text[]")
_ENCRYPTED = r"\$ke\$1\$-([^-\s\"]+)-"
"""Of Enterprise's keyring, as `$ke$1$-<key id>-<nonce>-<ciphertext>`."""


def is_runtime(table: str) -> bool:
    """Whether traffic or the nodes write a table; Enterprise numbers some, by time."""
    known = migrations().runtime_tables
    return table in known or re.sub(r"(_\d+)+$", "", table) in known


def server_version(connection: Connection) -> str:
    """As in "15.4", or "9.6.24" before PostgreSQL 10."""
    number = connection.info.server_version
    if number >= 100_000:
        return f"{number // 10_000}.{number % 10_000}"
    return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"


def major_version(version: str) -> str:
    """What makes two releases of PostgreSQL read each other's dumps: "15", or "9.6"."""
    return ".".join(version.split(".")[: 2 if version.startswith("9.") else 1])


def schema_name(connection: Connection) -> str:
    """The schema that unqualified names mean here, as Kong finds it too."""
    row = connection.execute("SELECT current_schema(), current_setting('search_path')").fetchone()
    current, path = row or (None, "")
    if current:
        return str(current)
    wanted = [part.strip().strip('"') for part in path.split(",")]
    return next((name for name in wanted if name and name != "$user"), "public")


def table_names(connection: Connection, schema: str) -> tuple[str, ...]:
    """All tables, sorted; a partitioned one counts once."""
    return tuple(_estimates(connection, schema))


def identity(connection: Connection) -> str:
    """Tells whether two connections reach the very same database."""
    oid = _one(connection, "SELECT oid FROM pg_database WHERE datname = current_database()")
    may = "SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
    if _one(connection, may):
        cluster = _one(connection, "SELECT system_identifier FROM pg_control_system()")
        return f"{cluster}/{oid}"
    info = connection.info
    return f"{info.hostaddr or info.host}:{info.port}/{oid}"


def read_facts(connection: Connection) -> DatabaseFacts:
    """Everything but the fingerprint; the connection is in a transaction that only reads."""
    schema = schema_name(connection)
    tables = _estimates(connection, schema)
    at = partial(sql.Identifier, schema)
    routes = read_routes(connection, at("routes")) if "routes" in tables else ((), ())
    plugins = read_plugin_rows(connection, at("plugins")) if "plugins" in tables else ((), ())
    targets = read_repeated_targets(connection, at("targets")) if "targets" in tables else ((), ())
    return DatabaseFacts(
        name=connection.info.dbname,
        server_version=server_version(connection),
        identity=identity(connection),
        tables=tables,
        schema_meta=read_schema_meta(connection),
        locks=_locks(connection, at("locks")) if "locks" in tables else (),
        plugins=_plugins(connection, at("plugins")) if "plugins" in tables else {},
        routes=routes[0],
        services=read_services(connection, at("services"), at("routes"))
        if {"services", "routes"} <= tables.keys()
        else (),
        plugin_rows=plugins[0],
        repeated_targets=targets[0],
        left_out=(*routes[1], *plugins[1], *targets[1]),
        keyring_ids=_keyring_ids(connection, schema, tables),
        connections=_connections(connection),
    )


def read_schema_meta(connection: Connection) -> tuple[SchemaMeta, ...]:
    """The rows of `schema_meta`, none where there is no such table."""
    schema = schema_name(connection)
    if "schema_meta" not in table_names(connection, schema):
        return ()
    query = sql.SQL(
        "SELECT subsystem, executed, pending, last_executed FROM {} "
        "WHERE key = 'schema_meta' ORDER BY subsystem COLLATE \"C\""
    ).format(sql.Identifier(schema, "schema_meta"))
    return tuple(
        SchemaMeta(
            subsystem=subsystem,
            executed=tuple(executed or ()),
            pending=tuple(pending or ()),  # NULL and {} both mean none
            last_executed=last,
        )
        for subsystem, executed, pending, last in connection.execute(query)
    )


def read_fingerprint(connection: Connection, at: str | None = None) -> Fingerprint:
    """Count and hash the configuration; the connection is in a transaction that only reads.

    The server computes it, so that memory does not grow with rows: of each row its text, columns by
    name, of that two hashes of 32 bits, and of all rows the sums of both, which no order changes.
    `hashtext` is the same in every version of PostgreSQL that Kong runs on, a third of the cost of
    MD5, and there under FIPS too; only between machines of different byte order it differs.

    Args:
        connection: In its transaction.
        at: The moment, ISO 8601, at which a `ttl` must not have run out; None is now. A copy that
            is held against an older fingerprint has to be seen as of that one's moment.
    """
    moment = sql.Literal(at) if at is not None else sql.SQL("CURRENT_TIMESTAMP")
    schema = schema_name(connection)
    columns = _columns(connection, schema)
    counted = [name for name in table_names(connection, schema) if not is_runtime(name)]
    known = {*migrations().known_tables, *migrations().runtime_tables}
    return Fingerprint(
        taken_at=at or moment_of(connection),
        tables=tuple(_table(connection, schema, name, columns, moment) for name in counted),
        unknown_tables=tuple(name for name in counted if name not in known),
    )


def moment_of(connection: Connection) -> str:
    """When the transaction began, by the server's clock; its time zone is UTC."""
    row = connection.execute("SELECT to_json(transaction_timestamp())::text").fetchone()
    return str(row[0]).strip('"') if row else ""


def _table(
    connection: Connection,
    schema: str,
    table: str,
    columns: dict[str, list[str]],
    moment: sql.Composable,
) -> TableFingerprint:
    names = sorted(columns.get(table, ()))
    query = sql.SQL(
        """
        SELECT count(*),
               sum(hashtext(line COLLATE "C")::bigint),
               sum(hashtext((line || '+') COLLATE "C")::bigint)
        FROM (
            SELECT ROW({fields})::text AS line FROM {table} WHERE {alive}
            OFFSET 0  -- or the planner would take the text of each row twice
        ) AS lines
        """
    ).format(
        fields=sql.SQL(", ").join(sql.Identifier(table, name) for name in names),
        table=sql.Identifier(schema, table),
        alive=_alive(schema, table, columns, moment),
    )
    row = connection.execute(query).fetchone() or (0, None, None)
    text = repr((names, int(row[0]), str(row[1]), str(row[2])))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return TableFingerprint(name=table, rows=int(row[0]), digest=digest)


_DEAD = sql.SQL("{} <= ({}::timestamptz AT TIME ZONE 'UTC')")


def _alive(
    schema: str, table: str, columns: dict[str, list[str]], moment: sql.Composable
) -> sql.Composable:
    """Which rows count: those whose ttl has not run out, and tags of rows that count."""
    if "ttl" in columns.get(table, ()):
        field = sql.Identifier(table, "ttl")
        return sql.SQL("({} IS NULL OR NOT {})").format(field, _DEAD.format(field, moment))
    short_lived = [
        name for name, has in columns.items() if {"id", "ttl"} <= set(has) and not is_runtime(name)
    ]
    if table != "tags" or not short_lived:
        return sql.SQL("true")
    dead = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT id::text FROM {} WHERE {}").format(
            sql.Identifier(schema, name), _DEAD.format(sql.Identifier("ttl"), moment)
        )
        for name in sorted(short_lived)
    )
    return sql.SQL("entity_id::text NOT IN ({})").format(dead)


def _columns(
    connection: Connection, schema: str, types: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Columns by table; of certain types only, where some are given."""
    query = """
        SELECT c.relname, a.attname
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
          AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
          AND (%(types)s::text[] = '{}' OR format_type(a.atttypid, NULL) = ANY (%(types)s))
        ORDER BY 1, 2
    """
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(query, {"schema": schema, "types": list(types)}):
        found.setdefault(table, []).append(column)
    return found


def _estimates(connection: Connection, schema: str) -> dict[str, int]:
    query = """
        SELECT c.relname, greatest(c.reltuples, 0)::bigint
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        ORDER BY c.relname COLLATE "C"
    """
    return {str(name): int(rows) for name, rows in connection.execute(query, [schema])}


def _locks(connection: Connection, table: sql.Identifier) -> tuple[Lock, ...]:
    query = sql.SQL(
        "SELECT key, coalesce(owner, ''), coalesce(ttl > (CURRENT_TIMESTAMP AT TIME ZONE 'UTC'), "
        "false) FROM {} ORDER BY 1"
    ).format(table)
    return tuple(Lock(key=k, owner=o, held=held) for k, o, held in connection.execute(query))


def _plugins(connection: Connection, table: sql.Identifier) -> dict[str, int]:
    query = sql.SQL(
        'SELECT name COLLATE "C", count(*) FROM {} WHERE name IS NOT NULL GROUP BY 1 ORDER BY 1'
    )
    return dict(connection.execute(query.format(table)).fetchall())


def _keyring_ids(connection: Connection, schema: str, tables: Iterable[str]) -> tuple[str, ...]:
    """Only Enterprise has a keyring; without its tables nothing is searched."""
    if not any(name.startswith("keyring_") for name in tables):
        return ()
    found: set[str] = set()
    for table, columns in _columns(connection, schema, _TEXTS).items():
        if is_runtime(table):
            continue
        for column in columns:
            query = sql.SQL(
                "SELECT DISTINCT (regexp_matches({column}::text, %s, 'g'))[1] FROM {table} "
                "WHERE {column}::text LIKE '%%$ke$1$-%%'"
            ).format(column=sql.Identifier(column), table=sql.Identifier(schema, table))
            found |= {str(key) for (key,) in connection.execute(query, [_ENCRYPTED])}
    return tuple(sorted(found))


def _connections(connection: Connection) -> int:
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND backend_type = 'client backend' AND left(coalesce(application_name, ''), %s) <> %s
    """
    row = connection.execute(query, [len(APPLICATION), APPLICATION]).fetchone()
    return int(row[0]) if row else 0


def _one(connection: Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
