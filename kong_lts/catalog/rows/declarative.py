"""Rows on the entities and plugins of declarative files."""

from collections.abc import Mapping
from enum import StrEnum

import attrs
from attrs.validators import ge

from kong_lts.catalog.rows.rules import Rule

__all__ = [
    "Change",
    "ChangeKind",
    "Condition",
    "DeclarativeRule",
    "Test",
    "When",
]


class Test(StrEnum):
    """What a rule asks about one field of an entity of a declarative file."""

    EXISTS = "exists"
    """The entity is there; nothing about a field."""
    PRESENT = "present"
    """The field is written, whatever its value."""
    MISSING = "missing"
    """It is not written."""
    UNSET = "unset"
    """Not written, null or an empty text."""
    SET = "set"
    """Neither of these, nor an empty list or mapping."""
    NULL = "is-null"
    EMPTY = "empty"
    """An empty list or mapping, or an empty text."""
    HOLLOW = "hollow"
    """Null or empty: written, and nothing in it."""
    EQUAL = "equal"
    """One of the values."""
    OTHER = "other"
    """Set, and none of the values."""
    BELOW = "below"
    ABOVE = "above"
    SEVERAL = "several"
    """More than one item, or more items than the value says."""
    MATCHES = "matches"
    """A text in it, at any depth, in which the pattern is found."""
    CODE = "code"
    """The same of Lua: what only stands in a comment does not count."""
    BESIDE = "beside"
    """A plugin of the values runs on the same requests."""
    CALL = "call"
    """A function of `kong_lts.declarative.conversions` decides; `call` names it."""


class ChangeKind(StrEnum):
    """What a conversion does with the field of its rule."""

    RENAME = "rename"
    """Give it the name `to`, with its values mapped by `values`."""
    DELETE = "delete"
    SET = "set"
    """Write `value`, or map by `values`, in place of what stands there."""
    ADD = "add"
    """Write the field with `value` where it is not written."""
    CALL = "call"
    """A function of `kong_lts.declarative.conversions` makes the edits; `call` names it."""


class When(StrEnum):
    """When a conversion is made."""

    ALWAYS = "always"
    """3.4 would refuse, lose or misread the field as it is."""
    KEEP_BEHAVIOUR = "keep_behaviour"
    """Only where the caller wants the behaviour of 2.8 written out."""
    AFTER_UPGRADE = "after_upgrade"
    """3.4 still reads the old form and 2.8 does not know the new one: once no 2.8 node is left."""
    KEEP_AFTER_UPGRADE = "keep_after_upgrade"
    """Both: the behaviour of 2.8, in a form that only 3.4 knows."""


@attrs.frozen(kw_only=True)
class Condition:
    """What else has to hold for a rule to speak."""

    test: Test
    field: str = ""
    """Dotted path below the entity, as `config.storage`."""
    values: tuple[str, ...] = ()
    pattern: str | None = None


@attrs.frozen(kw_only=True)
class Change:
    """The conversion that a rule makes."""

    kind: ChangeKind
    to: str = ""
    """Dotted path of the new field."""
    value: str = ""
    """YAML in flow style."""
    values: Mapping[str, str] = attrs.field(factory=dict)
    """New scalars by old ones; what is not listed stays."""
    call: str = ""
    when: When = When.ALWAYS
    modes: tuple[str, ...] = ()
    """Deployment modes in which it is known to be right; none for all."""
    editions: tuple[str, ...] = ()
    """Likewise."""


@attrs.frozen(kw_only=True)
class DeclarativeRule(Rule):
    """A rule on entities of a declarative file: which, what about them, what to do with them."""

    on: tuple[str, ...] = ()
    """Names of plugins, or kinds of entities as in `routes`."""
    test: Test = Test.EXISTS
    field: str = ""
    """Dotted path below the entity; a `*` stands for every key of a mapping."""
    values: tuple[str, ...] = ()
    pattern: str | None = None
    call: str = ""
    keys: tuple[str, ...] = ()
    """Keys of which the entity must have one for the rule to be worth asking; none for any."""
    also: tuple[Condition, ...] = ()
    flavors: tuple[str, ...] = ()
    """Router flavors of 3.4 under which it speaks; none for all."""
    modes: tuple[str, ...] = ()
    """Deployment modes in which it speaks; an unknown mode counts as any. None for all."""
    editions: tuple[str, ...] = ()
    """Likewise."""
    once: bool = False
    """Whether one finding per file says it all."""
    by_name: bool = False
    """Whether it holds for every plugin of the name, where nobody knows the configuration."""
    default: str = ""
    """What 2.8 has for the field where it is not written, as text; empty where it has nothing or
    nobody has looked. An answer of the Admin API shows every default."""
    said_by: str = ""
    """A rule whose finding on the same place says this too, so that it is worth knowing only."""
    needs: int = attrs.field(default=1, validator=ge(1))
    """How many such places in a file make it worth saying."""
    change: Change | None = None
