"""Rows of a 2.8 database that the migrations rewrite, stumble over, or leave as they are."""

from psycopg import sql

from kong_lts.adapters.postgres_address import Connection
from kong_lts.database import PluginRow, RepeatedTarget

__all__ = ["read_plugin_rows", "read_repeated_targets"]

_MARKS = {
    "database-http-log-headers": """
        name = 'http-log' AND EXISTS (
            SELECT FROM jsonb_each(CASE jsonb_typeof(config->'headers') WHEN 'object'
                                   THEN config->'headers' ELSE '{}' END) AS header
            WHERE jsonb_typeof(header.value) = 'array')
    """,
    "database-functions-move": """
        name IN ('pre-function', 'post-function')
        AND CASE jsonb_typeof(config->'functions') WHEN 'array'
            THEN jsonb_array_length(config->'functions') > 0 ELSE false END
    """,
    "database-aws-lambda-left": """
        name = 'aws-lambda'
        AND (config ? 'proxy_scheme' OR coalesce(config->>'aws_region', '') = '')
    """,
    "database-acme-vault-left": """
        name = 'acme' AND config->>'storage' = 'vault'
        AND config#>>'{storage_config,vault,auth_method}' IS NULL
    """,
}
"""Conditions by the id of the rule that is about them."""


def read_plugin_rows(connection: Connection, table: sql.Identifier) -> tuple[PluginRow, ...]:
    """Plugins that a rule is about, within the connection's transaction.

    Source:
        changes/sql section 4; run on 2.8.5 and 3.4.2.
    """
    one = sql.SQL("SELECT id::text, name, {mark} FROM {table} WHERE {condition}")
    query = sql.SQL(" UNION ALL ").join(
        one.format(mark=sql.Literal(mark), table=table, condition=sql.SQL(condition))
        for mark, condition in _MARKS.items()
    )
    found = connection.execute(query).fetchall()
    rows = [PluginRow(id=row, name=name, mark=mark) for row, name, mark in found]
    return tuple(sorted(rows, key=lambda row: (row.mark, row.id)))


def read_repeated_targets(
    connection: Connection, table: sql.Identifier
) -> tuple[RepeatedTarget, ...]:
    """Targets that an upstream has more than once, within the connection's transaction.

    Source:
        changes/sql section 3, hazard 4: `finish` fails where two of them have one `created_at`.
    """
    query = sql.SQL(
        """
        SELECT upstream_id::text, target, count(*), count(DISTINCT created_at) < count(*)
        FROM {} GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2
        """
    ).format(table)
    return tuple(
        RepeatedTarget(upstream=upstream, target=target, rows=int(rows), same_moment=same)
        for upstream, target, rows, same in connection.execute(query)
    )
