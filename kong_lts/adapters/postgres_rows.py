"""Rows of a 2.8 database that the migrations rewrite, stumble over, or leave as they are."""

from collections.abc import Mapping

from psycopg import sql

from kong_lts.adapters.postgres_address import Connection
from kong_lts.database import LeftOut, PluginRow, RepeatedTarget

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


_MOST = 1_000
"""So many of each are held; nobody reads more, and there may be a million."""


def read_plugin_rows(
    connection: Connection, table: sql.Identifier
) -> tuple[tuple[PluginRow, ...], tuple[LeftOut, ...]]:
    """Plugins that a rule is about, within the connection's transaction.

    Source:
        changes/sql section 4; run on 2.8.5 and 3.4.2.
    """
    one = sql.SQL(
        "(SELECT id::text, name, {mark}, count(*) OVER () FROM {table} WHERE {condition}"
        " ORDER BY id LIMIT {most})"
    )
    query = sql.SQL(" UNION ALL ").join(
        one.format(
            mark=sql.Literal(mark),
            table=table,
            condition=sql.SQL(condition),
            most=sql.Literal(_MOST),
        )
        for mark, condition in _MARKS.items()
    )
    found = connection.execute(query).fetchall()
    rows = [PluginRow(id=row, name=name, mark=mark) for row, name, mark, _ in found]
    counts = {mark: int(count) for _, _, mark, count in found}
    left = _left_out("plugins", counts)
    return tuple(sorted(rows, key=lambda row: (row.mark, row.id))), left


def read_repeated_targets(
    connection: Connection, table: sql.Identifier
) -> tuple[tuple[RepeatedTarget, ...], tuple[LeftOut, ...]]:
    """Targets that an upstream has more than once, within the connection's transaction.

    Source:
        changes/sql section 3, hazard 4: `finish` fails where two of them have one `created_at`.
    """
    query = sql.SQL(
        """
        SELECT upstream_id::text, target, count(*), count(DISTINCT created_at) < count(*),
               count(*) OVER ()
        FROM {} GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 4 DESC, 1, 2 LIMIT {}
        """
    ).format(table, sql.Literal(_MOST))
    found = connection.execute(query).fetchall()
    targets = [
        RepeatedTarget(upstream=upstream, target=target, rows=int(rows), same_moment=same)
        for upstream, target, rows, same, _ in found
    ]
    count = int(found[0][-1]) if found else 0
    return tuple(targets), _left_out("targets", {"database-target-repeated": count})


def _left_out(table: str, counts: Mapping[str, int]) -> tuple[LeftOut, ...]:
    """What there is beyond what is held, by the rule that is about it."""
    return tuple(
        LeftOut(table=table, rows=count - _MOST, like=rule)
        for rule, count in counts.items()
        if count > _MOST
    )
