"""What a regex means, in the terms of both engines: equal trees match the same ASCII paths."""

import functools
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import attrs

__all__ = [
    "ASCII",
    "EMPTY",
    "UNBOUNDED",
    "Assertion",
    "Atomic",
    "Capture",
    "Chars",
    "Choice",
    "Node",
    "Opaque",
    "Repeat",
    "Series",
    "choice",
    "fold_case",
    "holds_capture",
    "mask_of",
    "repeat",
    "series",
]

ASCII = (1 << 128) - 1
"""Mask of all ASCII characters: bit n stands for chr(n)."""
UNBOUNDED = -1


@attrs.frozen
class Chars:
    """One character out of a set."""

    mask: int
    """Its ASCII part."""
    others: bool = False
    """Whether it also takes what is not ASCII, as `.` and `[^/]` do."""
    beyond: frozenset[str] = frozenset()
    """Members by name that are not ASCII, or of which the ASCII part is not known, as `\\p{L}`."""
    weight: int = attrs.field(default=0, eq=False)
    """Bytes that Rust needs for it, where those are more than a few."""


@attrs.frozen
class Series:
    """One after the other."""

    items: tuple["Node", ...]


@attrs.frozen
class Choice:
    """The first branch that leads to a match."""

    branches: tuple["Node", ...]


@attrs.frozen
class Repeat:
    """The same several times; *high* is `UNBOUNDED` where there is no limit."""

    item: "Node"
    low: int
    high: int
    greedy: bool


@attrs.frozen
class Capture:
    """A group whose text callers can get, by name or, where that is None, by number."""

    name: str | None
    item: "Node"


@attrs.frozen
class Assertion:
    """Something about a place that takes no character: `start`, `end`, `word`, ..."""

    kind: str


@attrs.frozen
class Atomic:
    """Once matched, never tried another way; PCRE only."""

    item: "Node"
    at: int = attrs.field(eq=False)


@attrs.frozen
class Opaque:
    """A construct of PCRE that Rust has not, at all: only ever equal to itself."""

    text: str


Node: TypeAlias = Chars | Series | Choice | Repeat | Capture | Assertion | Atomic | Opaque

EMPTY = Series(())


def mask_of(characters: Iterable[str]) -> int:
    """The mask of some ASCII characters."""
    return functools.reduce(lambda mask, c: mask | 1 << ord(c), characters, 0)


_UPPER = mask_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER = _UPPER << 32


def fold_case(mask: int) -> int:
    """The mask with the other case of each of its letters."""
    return mask | (mask & _UPPER) << 32 | (mask & _LOWER) >> 32


def series(items: Iterable[Node]) -> Node:
    """One after the other, flattened; a single one is itself."""
    flat: list[Node] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Series) else (item,))
    return flat[0] if len(flat) == 1 else Series(tuple(flat))


def repeat(item: Node, low: int, high: int, greedy: bool) -> Node:
    """A repetition in its shortest form: `(a+)+` is `a+`, `a{1}` is `a`."""
    if (low, high) == (1, 1):
        return item
    if item == EMPTY or high == 0:
        return EMPTY
    inner = item
    if isinstance(inner, Repeat) and inner.greedy == greedy and inner.low <= 1 and low <= 1:
        if high == UNBOUNDED and inner.high in (UNBOUNDED, 1):
            return Repeat(inner.item, inner.low * low, UNBOUNDED, greedy)
        if high == 1 and inner.high in (UNBOUNDED, 1):
            return Repeat(inner.item, inner.low * low, inner.high, greedy)
    return Repeat(item, low, high, greedy or low == high)


def choice(branches: Sequence[Node]) -> Node:
    """A choice with what all its branches begin with taken out of it."""
    if len(branches) == 1:
        return branches[0]
    split = [branch.items if isinstance(branch, Series) else (branch,) for branch in branches]
    common: list[Node] = []
    while all(split) and all(items[0] == split[0][0] for items in split):
        if holds_capture(split[0][0]):
            break  # two groups are not one: their numbers differ
        common.append(split[0][0])
        split = [items[1:] for items in split]
    rest: Node = Choice(tuple(series(items) for items in split))
    if all(items == () for items in split):
        rest = EMPTY
    return series([*common, rest])


def holds_capture(node: Node) -> bool:
    """Whether a capturing group stands in it."""
    match node:
        case Capture():
            return True
        case Series(items) | Choice(items):
            return any(holds_capture(item) for item in items)
        case Repeat(item=item) | Atomic(item=item):
            return holds_capture(item)
    return False
