"""The migrations of Kong's database from 2.8 to 3.4, as the stand-in for `kong` runs them.

They do what the real ones do, weaknesses included: the SQL of one runs in a transaction, its work
on rows afterwards without one, and only then is it recorded. Killed in between, they leave the
database as Kong would.

Source:
    Kong/kong 3.4.2 kong/db/migrations and kong/plugins/*/migrations; dumps of a real database
    before and after each command.
"""

import json
from collections.abc import Callable, Mapping

import attrs
import psycopg

from kong_lts.errors import DatabaseError
from kong_lts.routing import is_regex_28, normalise, normalise_regex
from kong_lts.testing import kong_schema_34

__all__ = ["NAMES_28", "NAMES_34", "Connection", "Names", "Records", "read_records", "run"]

Connection = psycopg.Connection[tuple[object, ...]]
Names = Mapping[str, tuple[str, ...]]
"""Migrations by subsystem: `core` first, then plugins by name."""

_Work = Callable[[Connection], None]
_Config = dict[str, object]

NAMES_28: Names = {
    "core": (
        *("000_base", "003_100_to_110", "004_110_to_120", "005_120_to_130", "006_130_to_140"),
        *("007_140_to_150", "008_150_to_200", "009_200_to_210", "010_210_to_211"),
        *("011_212_to_213", "012_213_to_220", "013_220_to_230", "014_230_to_270"),
        "015_270_to_280",
    ),
    "acl": ("000_base_acl", "002_130_to_140", "003_200_to_210", "004_212_to_213"),
    "acme": ("000_base_acme",),
    "basic-auth": ("000_base_basic_auth", "002_130_to_140", "003_200_to_210"),
    "bot-detection": ("001_200_to_210",),
    "hmac-auth": ("000_base_hmac_auth", "002_130_to_140", "003_200_to_210"),
    "ip-restriction": ("001_200_to_210",),
    "jwt": ("000_base_jwt", "002_130_to_140", "003_200_to_210"),
    "key-auth": ("000_base_key_auth", "002_130_to_140", "003_200_to_210"),
    "oauth2": ("000_base_oauth2", "003_130_to_140", "004_200_to_210", "005_210_to_211"),
    "rate-limiting": ("000_base_rate_limiting", "003_10_to_112", "004_200_to_210"),
    "response-ratelimiting": ("000_base_response_rate_limiting",),
    "session": ("000_base_session", "001_add_ttl_index"),
}
"""What 2.8.5 with its bundled plugins knows."""


@attrs.frozen(kw_only=True)
class Records:
    """What the database has recorded, as one release sees it."""

    needs_bootstrap: bool = False
    executed: Names = attrs.field(factory=dict)
    pending: Names = attrs.field(factory=dict)
    new: Names = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class _Migration:
    """One migration: SQL, what it does row by row, and what waits for `finish`."""

    up: str = ""
    up_f: _Work | None = None
    teardown: _Work | None = None


def read_records(connection: Connection, known: Names) -> Records:
    """The records of a database, compared with the migrations that a release knows."""
    found = connection.execute("SELECT to_regclass('schema_meta') IS NOT NULL").fetchone()
    rows = []
    if found == (True,):
        rows = connection.execute(
            "SELECT subsystem, coalesce(executed, '{}'), coalesce(pending, '{}')"
            " FROM schema_meta WHERE key = 'schema_meta'"
        ).fetchall()
    if not rows:
        return Records(needs_bootstrap=True, new=known)
    pending = {(subsystem, name) for subsystem, _, names in rows for name in _listed(names)}
    done = {(subsystem, name) for subsystem, names, _ in rows for name in _listed(names)}
    return Records(
        executed=_only(known, lambda key: key in done and key not in pending),
        pending=_only(known, lambda key: key in pending),
        new=_only(known, lambda key: key not in pending and key not in done),
    )


def run(
    connection: Connection,
    names: Names,
    say: Callable[[str], None],
    *,
    up: bool,
    teardown: bool,
) -> None:
    """Run migrations one after the other, recording each when it is done.

    Args:
        connection: In autocommit mode; each statement counts at once, as in Kong.
        names: Which ones.
        say: Takes the lines that `kong` prints.
        up: Run their first half. What then waits for its second half is recorded as pending.
        teardown: Run their second half.

    Raises:
        DatabaseError: A statement failed. What ran before stays.
    """
    pending = 0
    for subsystem, several in names.items():
        say(f"migrating {subsystem} on database '{connection.info.dbname}'...")
        for name in several:
            waits = _run_one(connection, subsystem, name, up=up, teardown=teardown)
            pending += waits
            state = "pending" if waits else "executed"
            say(f"{subsystem} migrated up to: {name} ({state})")
    count = sum(map(len, names.values()))
    say(f"{count} migration{'s' if count > 1 else ''} processed")
    if count > pending:
        say(f"{count - pending} executed")
    if pending:
        say(f"{pending} pending")


def _run_one(
    connection: Connection, subsystem: str, name: str, *, up: bool, teardown: bool
) -> bool:
    """Whether the migration waits for `finish` now."""
    migration = _MIGRATIONS.get((subsystem, name), _Migration())
    if up:
        if migration.up:
            _stage(connection, name, "up", lambda to: _in_transaction(to, migration.up))
        if migration.up_f:
            _stage(connection, name, "up_f", migration.up_f)
        _record(connection, subsystem, name, "pending" if migration.teardown else "executed")
    if teardown and migration.teardown:
        _stage(connection, name, "teardown", migration.teardown)
        _record(connection, subsystem, name, "torn down")
    return bool(migration.teardown) and not teardown


def _stage(connection: Connection, name: str, stage: str, work: _Work) -> None:
    try:
        work(connection)
    except psycopg.Error as exc:
        said = f"{exc.diag.severity}: {exc.diag.message_primary}" if exc.diag.severity else str(exc)
        doing = f"failed to run migration '{name}' {stage}"
        raise DatabaseError(doing=doing, reason=said) from exc


def _in_transaction(connection: Connection, sql: str) -> None:
    with connection.transaction():
        connection.execute(sql.encode())


def _record(connection: Connection, subsystem: str, name: str, state: str) -> None:
    column = "pending" if state == "pending" else "executed"
    no_more = ", pending = array_remove(coalesce(old.pending, '{}'), %(name)s)"
    connection.execute(
        f"""
        INSERT INTO schema_meta AS old (key, subsystem, last_executed, {column})
        VALUES ('schema_meta', %(subsystem)s, %(last)s, ARRAY[%(name)s::text])
        ON CONFLICT (key, subsystem) DO UPDATE
        SET last_executed = coalesce(excluded.last_executed, old.last_executed),
            {column} = array_append(old.{column}, %(name)s)
            {no_more if state == "torn down" else ""}""".encode(),
        {"subsystem": subsystem, "last": None if state == "pending" else name, "name": name},
    )


def _listed(names: object) -> list[str]:
    return list(map(str, names)) if isinstance(names, list) else []


def _only(known: Names, chosen: Callable[[tuple[str, str]], bool]) -> Names:
    parts = {
        subsystem: tuple(name for name in names if chosen((subsystem, name)))
        for subsystem, names in known.items()
    }
    return {subsystem: names for subsystem, names in parts.items() if names}


# -- what happens to rows ---------------------------------------------------------------------


def _migrate_paths(connection: Connection) -> None:
    """Every route by itself, without a transaction; a second run does everything once more."""
    rows = connection.execute("SELECT id, paths FROM routes WHERE paths IS NOT NULL").fetchall()
    for key, paths in rows:
        old = _listed(paths)
        if (new := [_migrate_again(path) for path in old]) != old:
            connection.execute(
                "UPDATE routes SET paths = (SELECT array_agg(convert_from(path, 'UTF8') ORDER BY n)"
                " FROM unnest(%s::bytea[]) WITH ORDINALITY AS new (path, n)) WHERE id = %s",
                ([path.encode("utf-8", "surrogateescape") for path in new], key),
            )


def _migrate_again(path: str) -> str:
    """As `routing.migrate_path`, but with Kong's lack of a guard: `~/a+` becomes `~~/a+`."""
    return "~" + normalise_regex(path) if is_regex_28(path) else normalise(path)


def _tear_down_016(connection: Connection) -> None:
    """Three statements, each for itself: when the last fails, `vaults_beta` is gone already."""
    connection.execute("DROP TABLE IF EXISTS vaults_beta; DROP TABLE IF EXISTS vaults")
    connection.execute(
        "DELETE FROM targets older USING targets newer"
        " WHERE older.created_at < newer.created_at"
        " AND older.upstream_id = newer.upstream_id AND older.target = newer.target"
    )
    connection.execute(
        "UPDATE targets SET cache_key = concat('targets:', upstream_id, ':', target, '::::', ws_id)"
    )


def _for_plugin(plugin: str, change: Callable[[_Config], bool]) -> _Work:
    """Work on the configuration of every plugin of one name; *change* says whether to write it."""

    def work(connection: Connection) -> None:
        rows = connection.execute("SELECT id, name, config::text FROM plugins").fetchall()
        for key, name, text in rows:
            if name != plugin:
                continue
            config: _Config = json.loads(str(text))
            if change(config):
                connection.execute(
                    "UPDATE plugins SET config = %s::jsonb WHERE id = %s",
                    (json.dumps(_as_cjson_writes(config)), key),
                )

    return work


def _as_cjson_writes(value: object) -> object:
    """As Lua has it: an empty list is no other than an empty object, and numbers are floats."""
    match value:
        case dict():
            return {name: _as_cjson_writes(item) for name, item in value.items()}
        case []:
            return {}
        case list():
            return [_as_cjson_writes(item) for item in value]
        case bool() | None:
            return value
        case int() | float():
            number = float(f"{value:.14g}")
            return int(number) if number.is_integer() else number
    return value


def _copy_functions(config: _Config) -> bool:
    if config.get("functions"):
        config["access"] = config["functions"]
    return True  # every row is written again


def _drop_functions(config: _Config) -> bool:
    return bool(config.get("functions")) and config.pop("functions") is not None


def _join_headers(config: _Config) -> bool:
    headers = config.get("headers")
    if not isinstance(headers, dict):
        return False
    joined = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in headers.items()
        if value not in ([], {})
    }
    config["headers"] = joined or None
    return joined != headers or not joined


def _rename_lists(config: _Config) -> bool:
    """A move of 2.1 that costs the lists when `-f` runs it again: the old names are long gone."""
    for new, old in (("allow", "whitelist"), ("deny", "blacklist")):
        config.pop(new, None)
        if old in config:
            config[new] = config.pop(old)
    return True


# -- which does what --------------------------------------------------------------------------

_FUNCTIONS = {
    (plugin, "001_280_to_300"): _Migration(
        up_f=_for_plugin(plugin, _copy_functions), teardown=_for_plugin(plugin, _drop_functions)
    )
    for plugin in ("post-function", "pre-function")
}
_NEW_34 = {
    ("core", "016_280_to_300"): _Migration(
        up=kong_schema_34.SQL_016, up_f=_migrate_paths, teardown=_tear_down_016
    ),
    ("core", "017_300_to_310"): _Migration(up=kong_schema_34.SQL_017),
    ("core", "018_310_to_320"): _Migration(up=kong_schema_34.SQL_018),
    ("core", "019_320_to_330"): _Migration(up=kong_schema_34.SQL_019),
    ("core", "020_330_to_340"): _Migration(up=kong_schema_34.SQL_020),
    ("acme", "001_280_to_300"): _Migration(
        up="CREATE INDEX IF NOT EXISTS acme_storage_ttl_idx ON acme_storage (ttl)"
    ),
    ("acme", "002_320_to_330"): _Migration(up=kong_schema_34.delete_expired("acme_storage")),
    ("http-log", "001_280_to_300"): _Migration(teardown=_for_plugin("http-log", _join_headers)),
    ("key-auth", "004_320_to_330"): _Migration(
        up=kong_schema_34.delete_expired("keyauth_credentials")
    ),
    ("oauth2", "006_320_to_330"): _Migration(
        up=kong_schema_34.delete_expired("oauth2_authorization_codes")
        + kong_schema_34.delete_expired("oauth2_tokens")
    ),
    ("oauth2", "007_320_to_330"): _Migration(
        up=kong_schema_34.columns(
            "oauth2_authorization_codes", "plugin_id uuid REFERENCES plugins ON DELETE CASCADE"
        )
    ),
    **_FUNCTIONS,
    ("rate-limiting", "005_320_to_330"): _Migration(
        up=kong_schema_34.delete_expired("ratelimiting_metrics")
    ),
    ("session", "002_320_to_330"): _Migration(up=kong_schema_34.delete_expired("sessions")),
}
_LOSING = {
    (plugin, name): _Migration(teardown=_for_plugin(plugin, _rename_lists))
    for plugin, name in (
        ("acl", "003_200_to_210"),
        ("bot-detection", "001_200_to_210"),
        ("ip-restriction", "001_200_to_210"),
    )
}
_IN_TWO_HALVES = {
    ("core", "009_200_to_210"),
    ("oauth2", "004_200_to_210"),
    *((plugin, "003_200_to_210") for plugin in ("basic-auth", "hmac-auth", "jwt", "key-auth")),
}
"""Older ones with nothing left to do in their second half, but it is recorded."""

_MIGRATIONS: Mapping[tuple[str, str], _Migration] = {
    **{key: _Migration(teardown=lambda _: None) for key in _IN_TWO_HALVES},
    **_LOSING,
    **_NEW_34,
}


def _with_new() -> Names:
    subsystems = sorted({*NAMES_28, *(subsystem for subsystem, _ in _NEW_34)} - {"core"})
    return {
        subsystem: (*NAMES_28.get(subsystem, ()), *(n for s, n in _NEW_34 if s == subsystem))
        for subsystem in ("core", *subsystems)
    }


NAMES_34: Names = _with_new()
"""What 3.4.2 with its bundled plugins knows: that of 2.8.5 and what came since."""
