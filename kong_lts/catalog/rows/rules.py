"""Rows on kong.conf, migrations, metrics and whatever a sentence says."""

from collections.abc import Mapping
from enum import StrEnum

import attrs
from attrs.validators import ge, matches_re, min_len

from kong_lts.findings import Finding, Location, Severity
from kong_lts.versions import Release

__all__ = [
    "ConfKey",
    "ConfKeys",
    "ConfRewriting",
    "ConfTrigger",
    "CounterPlugin",
    "Counts",
    "EarlierDefault",
    "KeyType",
    "KongConfRule",
    "Limit",
    "MeasuredDowntime",
    "MetricQuery",
    "Migrations",
    "Quantity",
    "Rule",
    "StateTable",
]


@attrs.frozen(kw_only=True)
class Migrations:
    """Names of migrations and tables, as both releases have them."""

    core_2_8: tuple[str, ...]
    """Executed in the core of every 2.8 database."""
    core_3_4: tuple[str, ...]
    """What 3.4 adds to them."""
    tables_3_4: tuple[str, ...]
    """Made by the first of these, before it rewrites a path and before anything is noted down."""
    plugins_3_4: Mapping[str, tuple[str, ...]]
    """What 3.4 adds to those of each plugin that has any."""
    left_over: tuple[str, ...]
    """Names of older releases that a 2.8 database may still list."""
    runtime_tables: tuple[str, ...]
    """Written by traffic or by the nodes themselves; not configuration."""
    node_tables: tuple[str, ...]
    """Written by running nodes too, and yet worth a backup: certificates that are renewed, the
    keyring, what a plugin discovers."""
    known_tables: tuple[str, ...]
    """Every table that is none of the runtime ones and that either release, or Enterprise, is known
    to have."""
    source: str


@attrs.frozen(kw_only=True)
class MeasuredDowntime:
    """How long nobody answered in an in-place upgrade of one size."""

    id: str
    rows: int = attrs.field(validator=ge(0))
    """Of configuration, all tables together."""
    seconds: float = attrs.field(validator=ge(0))
    source: str


@attrs.frozen(kw_only=True)
class StateTable:
    """A table of the database, and what decK's state files hold of it."""

    id: str
    """The name of the table."""
    kind: str | None = None
    """The key of its list in a state file; None where decK never writes one."""
    restores: bool = True
    """Whether what is in the file can be used after a sync."""
    note: str = ""
    """What is lost, and what to do."""
    source: str


class Counts(StrEnum):
    """How a plugin writes its limits."""

    PERIODS = "periods"
    """A field for each of second, minute, hour, day, month, year."""
    NAMED_PERIODS = "named_periods"
    """Such fields below each name of `limits`."""
    WINDOWS = "windows"
    """Two lists, `limit` and `window_size`."""


@attrs.frozen(kw_only=True)
class CounterPlugin:
    """A plugin that counts requests against limits."""

    id: str
    """Its name."""
    store: str
    """The field that says where it counts."""
    default_store: str
    """Of 2.8."""
    local_at_sync_rate: int | None = None
    """The `sync_rate` with which each node counts for itself, whatever the store."""
    counts: Counts
    source: str = attrs.field(validator=min_len(1))
    verified: str = "measured"


class Quantity(StrEnum):
    """What a query on metrics is about."""

    PRESENT = "present"
    """A family that every node of the release has, whatever is switched on."""
    REQUESTS = "requests"
    """Proxied requests by status."""
    LATENCY = "latency"
    """A histogram of the time from the first byte of a request to the last of its answer, in ms."""


@attrs.frozen(kw_only=True)
class MetricQuery:
    """Where one release keeps a quantity."""

    id: str
    release: Release
    quantity: Quantity
    family: str = attrs.field(validator=matches_re(r"[a-z_]+"))
    """Its name; a histogram's ends in `_bucket`, `_sum` and `_count`."""
    select: Mapping[str, str] = attrs.field(factory=dict)
    """Labels of the samples that count."""
    by: str = ""
    """The label that tells them apart; over all others they are summed."""
    off_by_default: str = ""
    """Field of the prometheus plugin's `config` that turns it on; empty where it is always on."""
    turned_on_by: str = ""
    """Id of the rule that turns it on."""
    source: str = attrs.field(validator=min_len(1))


class KeyType(StrEnum):
    """How Kong types the text of a kong.conf key."""

    BOOLEAN = "boolean"
    NGX_BOOLEAN = "ngx_boolean"
    """`on` or `off`, as a text."""
    NUMBER = "number"
    ARRAY = "array"
    ENUM = "enum"
    STRING = "string"
    TEXT = "text"
    """No type of its own: a text, and 2.8 refuses a number."""


@attrs.frozen(kw_only=True)
class Limit:
    """What a number has to be; outside of it Kong does not start."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    whole: bool = False
    required: bool = False
    """Kong crashes where it is unset, or a number's key has none."""


@attrs.frozen(kw_only=True)
class EarlierDefault:
    """A default of Enterprise before one of its patch releases."""

    before: str
    default: str | None


@attrs.frozen(kw_only=True)
class ConfKey:
    """One key of kong.conf, as one release knows it."""

    defaults: Mapping[str, str | None]
    """By edition, as text; None where it is unset. An edition that is missing drops the key."""
    type: KeyType
    values: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Of an enum, by edition."""
    secret: bool = False
    earlier: tuple[EarlierDefault, ...] = ()
    """Oldest first."""
    limit: Limit | None = None
    flags: tuple[str, ...] = ()
    """What may follow the address of a listener; N, A and B stand for numbers and durations."""


@attrs.frozen(kw_only=True)
class ConfKeys:
    """Every key of kong.conf in one release, and how they depend on each other."""

    source: str
    namespaces: Mapping[str, tuple[str, ...]]
    """Beginnings of keys that need no row of their own, by edition."""
    keys: Mapping[str, ConfKey]
    aliases: Mapping[str, str]
    """Keys that fill another one where that is unset."""
    old_names: Mapping[str, tuple[str, ...]]
    """Deprecated keys that do so, after the aliases."""
    fan_out: Mapping[str, tuple[str, ...]]
    """Keys that become directives of nginx in several blocks."""
    dh_groups: tuple[str, ...]
    """Diffie-Hellman parameters that OpenSSL knows by name; anything else is a file."""
    header_tokens: Mapping[str, tuple[str, ...]]
    trace_types: tuple[str, ...]
    cipher_suites: Mapping[str, Mapping[str, str | None]]
    prefix_paths: Mapping[str, str]
    """Files that Kong names by itself, below `prefix`."""


@attrs.frozen(kw_only=True)
class Rule:
    """What every rule has: a lasting id, how bad it can be, what to do, and who says so."""

    id: str = attrs.field(validator=matches_re(r"[a-z0-9]+(-[a-z0-9.]+)*"))
    severity: Severity
    """The most it can be; code may only lower it."""
    message: str = attrs.field(validator=min_len(1))
    action: str = attrs.field(validator=min_len(1))
    source: str = attrs.field(validator=min_len(1))
    verified: str = "measured"
    """`measured` on real gateways, or `documents` where only texts say it: all of Enterprise."""

    def finding(
        self,
        subject: str,
        *,
        severity: Severity | None = None,
        location: Location | None = None,
        evidence: str | None = None,
        **words: object,
    ) -> Finding:
        """What this rule says about one subject.

        Args:
            subject: What it is about.
            severity: Lower than the row's, where the deployment makes it so.
            location: Where it stands.
            evidence: Which input showed it.
            words: Fill the `{...}` of the row's message and action.
        """
        chosen = self.severity
        if severity is not None and severity.rank < chosen.rank:
            chosen = severity
        given = {"subject": subject, **words}
        return Finding(
            rule=self.id,
            severity=chosen,
            subject=subject,
            message=self.message.format_map(given),
            action=self.action.format_map(given),
            source=self.source,
            location=location,
            evidence=evidence,
        )


class ConfTrigger(StrEnum):
    """What makes a rule on kong.conf speak."""

    SET = "set"
    """One of its keys is set, in the file or by a variable, with one of its values."""
    ABSENT = "absent"
    """One of its keys is not set, and its default differs between the releases."""
    CODE = "code"
    """`kong_lts.kong_conf` names it where it finds what the rule is about."""


class ConfRewriting(StrEnum):
    """What a rewrite of kong.conf does about a rule."""

    NONE = "none"
    COMMENT_OUT = "comment_out"
    RENAME = "rename"
    """Give the value to the key `to`, unless that is set."""
    PIN = "pin"
    """Write the key with the default of 2.8, or with `pin`, where behaviour is to be kept."""
    ESCAPE = "escape"
    """Write the value so that 3.4 reads what 2.8 read, where behaviour is to be kept."""
    DROP_ITEM = "drop_item"
    """Take the `values` out of a list."""
    ASK = "ask"
    """No tool can decide; `question` says what a person has to."""


@attrs.frozen(kw_only=True)
class KongConfRule(Rule):
    """A rule on keys of kong.conf.

    Its texts may use `{key}`, `{value}` (`its value` where that may be a secret), `{old}` and
    `{new}` (the defaults of both releases), `{in_2_8}` (the default in words, with those of earlier
    patch releases where nobody said which one is in use), `{pin}` (what restores it), and what the
    code that names it gives.
    """

    trigger: ConfTrigger
    keys: tuple[str, ...] = ()
    """A `*` at the end stands for any rest."""
    values: tuple[str, ...] = ()
    """As text, `on` and `off` for booleans; none for any."""
    except_values: tuple[str, ...] = ()
    when: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Other keys, each of which has one of the values under 2.8."""
    unless: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Keys, none of which has one of the values."""
    if_unknown: bool = False
    """Whether it speaks where nobody knows the value of a key of `when` or `unless`."""
    info_unless: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Keys without one of these values lower the severity to INFO."""
    call: str = ""
    """A function of `kong_lts.kong_conf.tests_of_values` that looks at the value too."""
    editions: tuple[str, ...] = ()
    """None for both."""
    roles: tuple[str, ...] = ()
    """None for all."""
    once: bool = False
    """Whether one finding per file says it all."""
    rewriting: ConfRewriting = ConfRewriting.NONE
    to: str = ""
    as_loaded: bool = False
    """A rename writes the value that 2.8 has made of it, not its text."""
    pin: str | None = None
    unless_references: bool = False
    """No pin where the value of any key is a reference to a vault."""
    question: str = ""
    before: str = ""
    """For the reference: lines of a kong.conf that it speaks about."""
    after: str = ""
    """What a rewrite makes of them."""
