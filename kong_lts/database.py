"""What is known of a Kong database: migrations, facts, and fingerprints to compare copies by."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import attrs

__all__ = [
    "DatabaseFacts",
    "Fingerprint",
    "LeftOut",
    "Lock",
    "PluginRow",
    "RepeatedTarget",
    "RouteRow",
    "SchemaMeta",
    "ServiceRow",
    "TableFingerprint",
    "columns",
    "differences",
]


@attrs.frozen(kw_only=True)
class SchemaMeta:
    """One row of `schema_meta`: the migrations of one subsystem."""

    subsystem: str
    """`core`, or the name of a plugin."""
    executed: tuple[str, ...] = ()
    """Migrations that are done."""
    pending: tuple[str, ...] = ()
    """Migrations that wait for `finish`."""
    last_executed: str | None = None
    """The last of those that are done."""


@attrs.frozen(kw_only=True)
class Lock:
    """One row of `locks`: somebody is migrating, or was killed while doing so."""

    key: str
    """What is locked."""
    owner: str
    """Node that holds it."""
    held: bool
    """False once its time has run out."""


@attrs.frozen(kw_only=True)
class RouteRow:
    """What the assessment needs of one row of `routes`."""

    id: str
    """Its UUID."""
    name: str | None = None
    """Where it has one."""
    paths: tuple[str, ...] = ()
    """As they are stored."""
    protocols: tuple[str, ...] = ()
    """Empty where not all of it was read: every route has one at least."""
    methods: tuple[str, ...] = ()
    """Empty for any."""
    hosts: tuple[str, ...] = ()
    """Empty for any."""
    headers: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, repr=False)
    """Values by name; empty for any."""
    snis: tuple[str, ...] = ()
    """Empty for any."""
    regex_priority: int = 0
    """Greater wins among regexes."""
    strip_path: bool = True
    """Whether the upstream gets the path without what matched."""
    path_handling: str = "v0"
    """`v0` or `v1`."""
    preserve_host: bool = False
    """Whether the upstream gets the client's `Host`."""
    created_at: float | None = None
    """Seconds since 1970; Kong keeps whole ones."""
    service: str | None = None
    """Id of its service."""


@attrs.frozen(kw_only=True)
class ServiceRow:
    """What a router needs of one row of `services`."""

    id: str
    """Its UUID."""
    name: str | None = None
    """Where it has one."""
    protocol: str = "http"
    """As in `http`."""
    host: str = ""
    """Of the upstream."""
    port: int = 80
    """Of the upstream, 0 to 65535."""
    path: str | None = None
    """Of the upstream; None for none."""
    enabled: bool = True
    """Whether it takes requests."""


@attrs.frozen(kw_only=True)
class PluginRow:
    """One row of `plugins` with something that the migrations rewrite, or that they leave."""

    id: str
    """Its UUID."""
    name: str
    """As in `acl`."""
    mark: str
    """What was seen: the id of the rule that is about it."""


@attrs.frozen(kw_only=True)
class RepeatedTarget:
    """One target that an upstream has more than once."""

    upstream: str
    """Its id."""
    target: str
    """As `host:port`."""
    rows: int
    """How often it is there, at least 2."""
    same_moment: bool
    """Whether two of the rows have one `created_at`."""


@attrs.frozen(kw_only=True)
class LeftOut:
    """Rows of a table that are like others that were read, and too many to be held."""

    table: str
    """Its name."""
    rows: int
    """How many are left out."""
    like: str | None = None
    """The rule that is about each of them; None where nobody has looked."""


@attrs.frozen(kw_only=True)
class TableFingerprint:
    """One table: how many rows count, and a hash over them that does not depend on their order."""

    name: str
    """Of the table."""
    rows: int
    """How many rows count."""
    digest: str
    """The hash, in hexadecimal."""


@attrs.frozen(kw_only=True)
class Fingerprint:
    """The configuration that a database holds, table by table.

    Runtime tables (counters, sessions, tokens, events, locks) are left out, and so are rows whose
    `ttl` has run out. Two databases with the same schema state and the same fingerprint hold the
    same configuration.
    """

    tables: tuple[TableFingerprint, ...]
    """Those that count, by name."""
    unknown_tables: tuple[str, ...] = ()
    """Tables that no list of Kong's has; they are counted in."""
    taken_at: str | None = attrs.field(default=None, eq=False)
    """The moment, ISO 8601, as of which rows with a `ttl` counted. A later look has to be as of the
    same moment, or a row that ran out in between would pass for a change."""

    @property
    def digest(self) -> str:
        """One hash over all tables."""
        rows = sorted((t.name, t.rows, t.digest) for t in self.tables)
        return hashlib.sha256(repr(rows).encode()).hexdigest()

    @property
    def rows(self) -> int:
        """Rows in all tables that count."""
        return sum(table.rows for table in self.tables)


@attrs.frozen(kw_only=True)
class DatabaseFacts:
    """What one read-only look at a database shows.

    The same as `database.json` of a bundle of evidence.
    """

    name: str = ""
    """Of the database."""
    server_version: str | None = None
    """As in "15.4"; None where nobody looked."""
    identity: str = ""
    """Tells whether two connections reach the very same database."""
    tables: Mapping[str, int] = attrs.Factory(dict)
    """Rows by table, as PostgreSQL estimates them; 0 where it never counted."""
    schema_meta: tuple[SchemaMeta, ...] = ()
    """How far its migrations are."""
    locks: tuple[Lock, ...] = ()
    """Who migrates."""
    plugins: Mapping[str, int] = attrs.Factory(dict)
    """Number of plugins by name."""
    routes: tuple[RouteRow, ...] = ()
    """All of them with everything that decides which one wins. Where there are too many, only
    those in which the migration or the router of 3.4 sees something, without their protocols; a
    plain path of letters, digits, `_`, `-`, `~` and single slashes stays as it is."""
    services: tuple[ServiceRow, ...] = ()
    """Those of the routes, where these are whole."""
    plugin_rows: tuple[PluginRow, ...] = ()
    """Plugins that the migrations rewrite, or leave."""
    repeated_targets: tuple[RepeatedTarget, ...] = ()
    """What 3.4 refuses to have twice."""
    left_out: tuple[LeftOut, ...] = ()
    """What else there is: of anything that may come a million times, only so much is held."""
    keyring_ids: tuple[str, ...] = ()
    """Ids of the keys in use in encrypted values."""
    encrypted_values: int = 0
    """How many values are encrypted, where somebody counted them."""
    connections: int = 0
    """Sessions of others on this database."""


_TIMES = "created_at"
_LINKS = {"service_id": "service"}


def columns(
    row: Mapping[str, object], kind: type[RouteRow] | type[ServiceRow]
) -> dict[str, object]:
    """The fields of one of the classes, of a row as PostgreSQL or an export has it.

    NULL means the same as nothing, a moment is text or seconds, and a link is an id or a mapping
    with one.
    """
    named = {_LINKS.get(name, name): value for name, value in row.items() if value is not None}
    fields = {field.alias for field in attrs.fields(kind)}
    found = {name: value for name, value in named.items() if name in fields}
    if isinstance(link := found.get("service"), Mapping):
        found["service"] = link.get("id")
    if isinstance(moment := found.get(_TIMES), str):
        found[_TIMES] = _seconds(moment)
    return found


def _seconds(moment: str) -> float | str:
    """Since 1970; the text itself where it is no moment, for whoever checks types."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def differences(
    expected: Fingerprint, found: Fingerprint, *, but_for: Iterable[str] = ()
) -> tuple[str, ...]:
    """What differs between two fingerprints, one line a table, empty when they are equal.

    Args:
        expected: What should be there.
        found: What is.
        but_for: Tables that do not count.
    """
    then, now = _by_name(expected.tables), _by_name(found.tables)
    lines = []
    for name in sorted((then.keys() | now.keys()) - set(but_for)):
        one, other = then.get(name), now.get(name)
        if one is None or other is None:
            lines.append(f"{name}: {'appeared' if one is None else 'is missing'}")
        elif one.rows != other.rows:
            lines.append(f"{name}: {one.rows} rows expected, {other.rows} found")
        elif one.digest != other.digest:
            lines.append(f"{name}: {one.rows} rows, but not the same ones")
    return tuple(lines)


def _by_name(tables: Iterable[TableFingerprint]) -> dict[str, TableFingerprint]:
    return {table.name: table for table in tables}
