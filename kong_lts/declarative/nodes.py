"""What a declarative file is made of, each part with its place in the text."""

import re
from collections.abc import Iterator
from typing import TypeAlias

import attrs

__all__ = [
    "Dull",
    "Mapping",
    "Node",
    "Pair",
    "Scalar",
    "Sequence",
    "is_empty",
    "is_null",
    "is_text",
    "kind_of",
    "number",
    "same",
    "texts",
]

_NUMBER = re.compile(r"[-+]?\.?\d")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = frozenset(
    word
    for name in ("true", "false", "yes", "no", "on", "off")
    for word in (name, name.capitalize(), name.upper())
)

# These are made by the million: mutable classes with slots, equal only to themselves.


@attrs.define(eq=False)
class Scalar:
    """One value or key, as text."""

    value: str
    start: int
    end: int
    style: str | None
    """The quote, `|`, `>`, or None for a plain one."""
    plain: bool
    """Whether its text decides its type, as that of an unquoted one does."""
    uses: int = 0
    """How many aliases lead here."""
    label: str | None = None
    """Its anchor."""


@attrs.define(eq=False)
class Sequence:
    """A list."""

    start: int
    flow: bool
    end: int = 0
    items: list["Node"] = attrs.field(factory=list)
    uses: int = 0
    label: str | None = None


@attrs.define(eq=False)
class Mapping:
    """Keys and values, in the order of the text, with what `<<` brings in."""

    start: int
    flow: bool
    end: int = 0
    pairs: list["Pair"] = attrs.field(factory=list)
    key: "Node | None" = None
    """Read, and waiting for its value."""
    merged: list["Mapping"] = attrs.field(factory=list)
    uses: int = 0
    label: str | None = None
    _values: "dict[str, Node] | None" = None

    @property
    def values(self) -> "dict[str, Node]":
        """The value that counts for each key that is text; the mapping must be complete."""
        if self._values is None:
            layers = reversed(list(self.layers())) if self.merged else (self,)
            self._values = {
                key.value: value
                for mapping in layers
                for key, value, _ in mapping.pairs
                if type(key) is Scalar
            }
        return self._values

    def own(self, name: str) -> list[int]:
        """Where pairs with this key stand, not counting merged ones; the last one counts."""
        return [
            n
            for n, pair in enumerate(self.pairs)
            if type(pair[0]) is Scalar and pair[0].value == name
        ]

    def layers(self) -> Iterator["Mapping"]:
        """The mapping itself and all that `<<` brings in, each once, the one that counts first."""
        if not self.merged:
            yield self
            return
        seen: list[Mapping] = []
        waiting = [self]
        while waiting:
            mapping = waiting.pop(0)
            if mapping not in seen:
                seen.append(mapping)
                yield mapping
                waiting[:0] = mapping.merged

    def everywhere(self, name: str) -> list[tuple["Mapping", int]]:
        """All pairs with this key, here and in what is merged; the first one counts."""
        if not self.merged:
            return [(self, n) for n in reversed(self.own(name))]
        return [(mapping, n) for mapping in self.layers() for n in reversed(mapping.own(name))]

    def get(self, name: str) -> "Node | None":
        """The value that counts for a key; None where it is not written."""
        values = self._values  # asked for by the million
        return (self.values if values is None else values).get(name)


@attrs.define(eq=False)
class Dull:
    """Routes in a row of which the rules want no more than this: most routes are such."""

    start: int
    end: int = 0
    count: int = 0
    names: list[tuple[str, int]] = attrs.field(factory=list)
    """Every name, and where it stands."""
    identities: list[tuple[str, int]] = attrs.field(factory=list)
    """Every id, likewise."""
    telling: list[tuple[str, "Scalar"]] = attrs.field(factory=list)
    """Those of the paths that deserve a look, each with what its route is called."""
    uses: int = 0
    label: str | None = None


Node: TypeAlias = Scalar | Sequence | Mapping | Dull
Pair: TypeAlias = tuple[Node, Node, int]
"""A key, its value, and where that ends: of an alias, not where its anchor is."""


def is_null(node: Node | None) -> bool:
    """Whether it is written as null; not whether it is missing."""
    return type(node) is Scalar and node.plain and node.value in _NULLS


def is_text(node: Node | None) -> bool:
    """Whether it is a text, and not a number, a boolean or null that only looks like one."""
    return type(node) is Scalar and kind_of(node) == "text"


def is_empty(node: Node | None) -> bool:
    """Whether nothing is in it: null, an empty text, list or mapping."""
    if node is None or is_null(node):
        return True
    if isinstance(node, Scalar):
        return not node.value
    if isinstance(node, Sequence):
        return not node.items
    return isinstance(node, Mapping) and not node.pairs and not node.merged


def kind_of(node: Node) -> str:
    """What it is, for people."""
    if isinstance(node, Sequence):
        return "list"
    if not isinstance(node, Scalar):
        return "mapping"
    if not node.plain:
        return "text"
    if node.value in _NULLS:
        return "null"
    if node.value in _BOOLEANS:
        return "boolean"
    return "text" if number(node) is None else "number"


def number(node: Node | None) -> float | None:
    """Its value if it is a number."""
    if not isinstance(node, Scalar) or not node.plain or not _NUMBER.match(node.value):
        return None
    text = node.value.replace("_", "")
    try:
        return float(int(text, 0)) if text[:2] in ("0x", "0o", "0b") else float(text)
    except (ValueError, OverflowError):
        return None


def same(one: Node, other: Node) -> bool:
    """Whether two values are equal, whatever their style."""
    return _same(one, other, set())


def _same(one: Node, other: Node, compared: set[tuple[int, int]]) -> bool:
    """The same; a pair of nodes that aliases lead to often is compared once."""
    if one is other or (id(one), id(other)) in compared:
        return True
    compared.add((id(one), id(other)))
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one.value == other.value and kind_of(one) == kind_of(other)
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return len(one.items) == len(other.items) and all(
            _same(left, right, compared) for left, right in zip(one.items, other.items, strict=True)
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        left, right = one.values, other.values
        return left.keys() == right.keys() and all(
            _same(value, right[name], compared) for name, value in left.items()
        )
    return False


def texts(node: Node | None) -> Iterator[Scalar]:
    """Every scalar in it but keys, each node once however many aliases lead to it."""
    waiting = [] if node is None else [node]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if isinstance(current, Scalar):
            yield current
        elif id(current) not in seen:
            seen.add(id(current))
            if isinstance(current, Sequence):
                waiting.extend(reversed(current.items))
            elif isinstance(current, Mapping):
                waiting.extend(current.merged)
                waiting.extend(value for _, value, _ in reversed(current.pairs))
