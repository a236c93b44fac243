"""What the 3.4 migrations do to the tables: SQL that may run twice.

Source:
    Kong/kong 3.4.2 kong/db/migrations/core; dumps of a real database before and after `up`.
"""

__all__ = ["SQL_016", "SQL_017", "SQL_018", "SQL_019", "SQL_020", "columns", "delete_expired"]

_NOW = "timestamptz DEFAULT (CURRENT_TIMESTAMP({}) AT TIME ZONE 'UTC')"


def _sync_tags(table: str) -> str:
    name = f"{table}_sync_tags_trigger"
    return (
        f"DROP TRIGGER IF EXISTS {name} ON {table};"
        f" CREATE TRIGGER {name} AFTER INSERT OR UPDATE OF tags OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION sync_tags();"
    )


def delete_expired(table: str, column: str = "ttl") -> str:
    """A trigger that deletes a few rows whose time is over whenever one is written."""
    name = f"{table}_ttl_trigger"
    return (
        f"DROP TRIGGER IF EXISTS {name} ON {table};"
        f" CREATE TRIGGER {name} AFTER INSERT ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION batch_delete_expired_rows('{column}');"
    )


def columns(table: str, *definitions: str) -> str:
    """New columns of a table, where they are not there yet."""
    return (
        f"ALTER TABLE {table} " + ", ".join(f"ADD IF NOT EXISTS {one}" for one in definitions) + ";"
    )


def _copied(old: str, new: str, then: str = "") -> str:
    """Once only: what comes to the old table later is lost."""
    return f"""
        DO $$ BEGIN
            IF to_regclass('{old}') IS NOT NULL AND to_regclass('{new}') IS NULL THEN
                CREATE TABLE {new} (LIKE {old} INCLUDING ALL);
                {then}
                INSERT INTO {new} SELECT * FROM {old};
            END IF;
        END $$;"""


SQL_016 = (
    _copied(
        "vaults_beta",
        "sm_vaults",
        _sync_tags("sm_vaults")
        + "ALTER TABLE sm_vaults ADD FOREIGN KEY (ws_id) REFERENCES workspaces;",
    )
    + _copied("vaults", "vault_auth_vaults")
    + columns("targets", "cache_key text UNIQUE")
    + columns("upstreams", "hash_on_query_arg text", "hash_fallback_query_arg text")
    + columns("upstreams", "hash_on_uri_capture text", "hash_fallback_uri_capture text")
    + columns("routes", "expression text", "priority bigint")
)

SQL_017 = f"""
    {columns("upstreams", "use_srv_name boolean DEFAULT false")}
    CREATE TABLE IF NOT EXISTS key_sets (
        id uuid PRIMARY KEY, name text UNIQUE, tags text[], ws_id uuid REFERENCES workspaces,
        created_at timestamptz, updated_at timestamptz);
    CREATE INDEX IF NOT EXISTS key_sets_tags_idx ON key_sets USING gin (tags);
    {_sync_tags("key_sets")}
    CREATE TABLE IF NOT EXISTS keys (
        id uuid PRIMARY KEY, set_id uuid REFERENCES key_sets ON DELETE CASCADE, name text UNIQUE,
        cache_key text UNIQUE, ws_id uuid REFERENCES workspaces, kid text, jwk text, pem jsonb,
        tags text[], created_at timestamptz, updated_at timestamptz, UNIQUE (kid, set_id));
    CREATE INDEX IF NOT EXISTS keys_tags_idx ON keys USING gin (tags);
    CREATE INDEX IF NOT EXISTS keys_fkey_key_sets ON keys (set_id);
    {_sync_tags("keys")}"""

SQL_018 = (
    columns("plugins", "instance_name text")
    + """
    DO $$ BEGIN
        ALTER TABLE plugins ADD CONSTRAINT plugins_ws_id_instance_name_unique
            UNIQUE (ws_id, instance_name);
    EXCEPTION WHEN duplicate_table THEN NULL;
    END $$;"""
)

_DATED = ("plugins", "ca_certificates", "certificates", "consumers", "snis", "upstreams")
SQL_019 = (
    "".join(
        columns(table, f"updated_at {_NOW.format(0)}")
        for table in (*_DATED, "workspaces", "clustering_data_planes")
    )
    + columns("targets", f"updated_at {_NOW.format(3)}")
    + """
    CREATE OR REPLACE FUNCTION batch_delete_expired_rows() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          EXECUTE FORMAT('WITH rows AS (SELECT ctid FROM %s WHERE %s < CURRENT_TIMESTAMP AT TIME ZONE ''UTC'' ORDER BY %s LIMIT 2 FOR UPDATE SKIP LOCKED) DELETE FROM %s WHERE ctid IN (TABLE rows)', TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[0], TG_TABLE_NAME);
          RETURN NULL;
        END;
      $$;"""  # noqa: E501  the text is compared with what Kong leaves in the database
    + delete_expired("cluster_events", "expire_at")
    + delete_expired("clustering_data_planes")
)

SQL_020 = f"""
    DROP TABLE IF EXISTS ttls;
    CREATE TABLE IF NOT EXISTS filter_chains (
        id uuid PRIMARY KEY, name text UNIQUE, enabled boolean DEFAULT true,
        route_id uuid REFERENCES routes ON DELETE CASCADE,
        service_id uuid REFERENCES services ON DELETE CASCADE,
        ws_id uuid REFERENCES workspaces ON DELETE CASCADE,
        cache_key text UNIQUE, filters jsonb[], tags text[],
        created_at timestamptz, updated_at timestamptz);
    CREATE UNIQUE INDEX IF NOT EXISTS filter_chains_name_idx ON filter_chains (name);
    CREATE UNIQUE INDEX IF NOT EXISTS filter_chains_cache_key_idx ON filter_chains (cache_key);
    CREATE INDEX IF NOT EXISTS filter_chains_tags_idx ON filter_chains USING gin (tags);
    {_sync_tags("filter_chains")}"""
