"""One field of an entity, found by its dotted path, and what a rule asks about it."""

import re
from collections.abc import Sequence as Several

import attrs

from kong_lts.catalog.rows import Condition, DeclarativeRule, Test
from kong_lts.declarative.entities import Entity
from kong_lts.declarative.nodes import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    is_empty,
    is_null,
    kind_of,
    number,
    texts,
)
from kong_lts.declarative.source import PLACEHOLDER, Source

__all__ = ["Field", "Subject", "find", "holds", "may_be_secret", "shown"]

_SECRET = re.compile(
    r"secret|password|passwd|token|(?:^|_)auth$|credential|private|(?:^|_)keys?$|cert|headers?$|api_?key",
    re.IGNORECASE,
)
_LUA_COMMENT = re.compile(
    r"""
    "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
    | (?P<comment> --\[(?P<level>=*)\[.*?(?:\](?P=level)\]|\Z) | --[^\n]* )
    | \[(?P<of_text>=*)\[.*?(?:\](?P=of_text)\]|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_SHOWN = 60
_WITHHELD = "a value that is not shown"


@attrs.frozen(eq=False)
class Subject:
    """An entity that rules are asked about; for a plugin, with the config that it shares."""

    entity: Entity
    shared: Mapping | None = None
    """What `_config` refers to, of decK's `_plugin_configs`."""

    @property
    def name(self) -> str:
        value = self.entity.node.get("name")
        return value.value if isinstance(value, Scalar) else ""

    @property
    def disabled(self) -> bool:
        """Whether it is switched off, so that nothing about its behaviour matters."""
        value = self.entity.node.get("enabled")
        return isinstance(value, Scalar) and value.value.lower() in ("false", "no", "off")


@attrs.frozen(eq=False)
class Field:
    """Where a field is written, or would be."""

    name: str
    homes: tuple[Mapping, ...]
    """The mappings that may hold it, the one that counts first."""
    places: tuple[tuple[Mapping, int], ...]
    """Its pairs, those that do not count included."""
    entity: Mapping
    absent: str | None = None
    """The mapping below the entity that should hold it, where not even that is written."""

    @property
    def value(self) -> Node | None:
        """The value that counts; None where the field is not written."""
        return self.places[0][0].pairs[self.places[0][1]][1] if self.places else None

    @property
    def key(self) -> Node | None:
        return self.places[0][0].pairs[self.places[0][1]][0] if self.places else None

    @property
    def home(self) -> Mapping | None:
        """What holds it or should; None where more than one level is missing."""
        if self.homes:
            return self.homes[0]
        return self.entity if self.absent is not None else None


def find(subject: Subject, path: str) -> Field:
    """The field at the end of a dotted path below an entity."""
    entity = subject.entity.node
    homes = [entity]
    *parents, name = path.split(".")
    for depth, parent in enumerate(parents):
        values = [mapping.pairs[n][1] for home in homes for mapping, n in home.everywhere(parent)]
        homes = [value for value in values if isinstance(value, Mapping)]
        if depth == 0 and parent == "config" and subject.shared is not None:
            homes.append(subject.shared)
    places = tuple(place for home in homes for place in home.everywhere(name))
    absent = None
    if not homes and len(parents) == 1 and entity.get(parents[0]) is None:
        absent = parents[0]
    return Field(name, tuple(homes), places, entity, absent)


def holds(asked: DeclarativeRule | Condition, field: Field) -> Node | None:
    """What makes the answer yes: the value, the key or the home of the field; None for no.

    `BESIDE` and `CALL` are not answered here.
    """
    value = field.value
    match asked.test:
        case Test.EXISTS:
            return field.home
        case Test.MISSING | Test.UNSET if value is None:
            return field.home
        case Test.MATCHES | Test.CODE:
            pattern = re.compile(asked.pattern or "")
            read = _without_comments if asked.test is Test.CODE else str
            return next((text for text in texts(value) if pattern.search(read(text.value))), None)
    if value is None:
        return None
    return field.key if _holds(asked.test, value, asked.values) else None


def _without_comments(code: str) -> str:
    """Lua code with a blank in place of each comment; text in quotes stays."""
    return _LUA_COMMENT.sub(lambda found: " " if found["comment"] else found[0], code)


def _holds(test: Test, value: Node, values: Several[str]) -> bool:
    match test:
        case Test.PRESENT:
            return True
        case Test.UNSET:
            return is_null(value) or (isinstance(value, Scalar) and not value.value)
        case Test.SET:
            return not is_empty(value)
        case Test.NULL:
            return is_null(value)
        case Test.EMPTY:
            return is_empty(value) and not is_null(value)
        case Test.HOLLOW:
            return is_empty(value)
        case Test.EQUAL:
            return isinstance(value, Scalar) and not is_null(value) and value.value in values
        case Test.OTHER:
            return (
                isinstance(value, Scalar) and not is_empty(value) and not _is_one_of(value, values)
            )
        case Test.BELOW:
            found = number(value)
            return found is not None and found < float(values[0])
        case Test.ABOVE:
            found = number(value)
            return found is not None and found > float(values[0])
        case Test.SEVERAL:
            at_least = int(values[0]) if values else 2
            return isinstance(value, Sequence) and len(value.items) >= at_least
    return False


def _is_one_of(value: Scalar, values: Several[str]) -> bool:
    """Whether it is a listed value, or one that decK fills in, which nobody knows yet."""
    return value.value in values or PLACEHOLDER in value.value


def may_be_secret(field: str) -> bool:
    """Whether the value of a field with this name is never to be repeated."""
    return _SECRET.search(field) is not None


def shown(node: Node | None, field: str, source: Source) -> str:
    """A value as a message may repeat it; what may be a secret is not repeated."""
    if node is None:
        return "nothing"
    if may_be_secret(field):
        return _WITHHELD
    if isinstance(node, Scalar):
        text = source.text[node.start : node.end] if PLACEHOLDER in node.value else node.value
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    if isinstance(node, Sequence) and all(isinstance(item, Scalar) for item in node.items):
        inner = ", ".join(item.value for item in node.items if isinstance(item, Scalar))
        inner = inner.replace(PLACEHOLDER, "")
        if len(inner) <= _SHOWN and "\n" not in inner:
            return f"[{inner}]"
    return f"a {kind_of(node)}"
