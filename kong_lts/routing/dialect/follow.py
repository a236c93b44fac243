"""What may come next in a pattern, and where it makes no difference that PCRE never tries again."""

from collections.abc import Iterator, Sequence

import attrs

from kong_lts.routing.dialect.tree import (
    ASCII,
    Assertion,
    Atomic,
    Capture,
    Chars,
    Choice,
    Node,
    Opaque,
    Repeat,
    Series,
    choice,
    repeat,
    series,
)

__all__ = ["atomics", "can_begin", "relaxed"]

_BEYOND = 1 << 128
"""The bit for everything that is not ASCII."""
_ANYTHING = ASCII | _BEYOND
_NOTHING_AFTER = {"end": 0, "line end": 1 << ord("\n")}
"""With what a text goes on where the assertion holds."""


def can_begin(node: Node, character: str) -> bool:
    """Whether it can match a text that begins so."""
    mask, empty = _first(node)
    return empty or bool(mask & 1 << ord(character))


def relaxed(node: Node) -> Node:
    """The same pattern without the atomic groups that change nothing: what follows decides."""
    return _relaxed(node, _After(mask=0, free=True))


def atomics(node: Node) -> Iterator[int]:
    """Where the atomic groups and possessive quantifiers stand that are left."""
    match node:
        case Atomic(item, at):
            yield at
            yield from atomics(item)
        case Series(items) | Choice(items):
            for item in items:
                yield from atomics(item)
        case Repeat(item=item) | Capture(item=item):
            yield from atomics(item)


@attrs.frozen
class _After:
    """What comes behind a part of the pattern."""

    mask: int
    """The characters it can begin with."""
    free: bool
    """Whether it matches in any case, as the end of the pattern does."""


def _first(node: Node) -> tuple[int, bool]:
    """Mask of the characters that it can begin with, and whether it may take none."""
    match node:
        case Chars(mask, others, beyond):
            if any("property" in name for name in beyond):
                return _ANYTHING, False
            return mask | (_BEYOND if others or beyond else 0), False
        case Assertion(kind):
            return _NOTHING_AFTER.get(kind, _ANYTHING), False
        case Series(items):
            return _first_of(items)
        case Choice(branches):
            found = [_first(branch) for branch in branches]
            mask = 0
            for begins, _ in found:
                mask |= begins
            return mask, any(empty for _, empty in found)
        case Repeat(item=item, low=low):
            mask, empty = _first(item)
            return mask, empty or low == 0
        case Capture(item=item) | Atomic(item=item):
            return _first(item)
        case Opaque():
            return _ANYTHING, True


def _first_of(items: Sequence[Node]) -> tuple[int, bool]:
    mask = 0
    for item in items:
        begins, empty = _first(item)
        mask |= begins
        if not empty:
            return mask, False
    return mask, True


def _is_free(node: Node) -> bool:
    """Whether it matches in any case."""
    match node:
        case Series(items):
            return all(_is_free(item) for item in items)
        case Choice(branches):
            return any(_is_free(branch) for branch in branches)
        case Repeat(item=item, low=low):
            return low == 0 or _is_free(item)
        case Capture(item=item) | Atomic(item=item):
            return _is_free(item)
    return False


def _behind(rest: Sequence[Node], after: _After) -> _After:
    """What comes behind a part that has *rest* and then *after* behind it."""
    mask, empty = _first_of(rest)
    return _After(
        mask=mask | (after.mask if empty else 0),
        free=after.free and all(_is_free(item) for item in rest),
    )


def _relaxed(node: Node, after: _After) -> Node:
    match node:
        case Series(items):
            return series(
                _relaxed(item, _behind(items[n + 1 :], after)) for n, item in enumerate(items)
            )
        case Choice(branches):
            return choice([_relaxed(branch, after) for branch in branches])
        case Repeat(item, low, high, greedy):
            again = _After(mask=after.mask | _first(item)[0], free=after.free and low <= 1)
            return repeat(_relaxed(item, after if high == 1 else again), low, high, greedy)
        case Capture(name, item):
            return Capture(name, _relaxed(item, after))
        case Atomic(item, at):
            inner = _relaxed(item, _After(after.mask, free=True))
            drops = after.free or _is_settled(inner, after.mask)
            return inner if drops else Atomic(inner, at)
    return node


def _is_settled(node: Node, mask: int) -> bool:
    """Whether no second way through it can help what begins with *mask* behind it."""
    match node:
        case Chars() | Assertion():
            return True
        case Series(items):
            after = _After(mask, free=False)
            return all(
                _is_settled(item, _behind(items[n + 1 :], after).mask)
                for n, item in enumerate(items)
            )
        case Choice(branches):
            apart = _are_apart(branches) or _are_told_apart(branches, mask)
            return apart and all(_is_settled(branch, mask) for branch in branches)
        case Repeat(item, low, high, greedy):
            begins, empty = _first(item)
            varies = low != high and (empty or not greedy or bool(begins & mask))
            return not varies and _is_settled(item, mask | begins)
        case Capture(item=item):
            return _is_settled(item, mask)
    return False


def _are_apart(branches: Sequence[Node]) -> bool:
    """Whether a text that one branch matches is never one for another."""
    taken = 0
    for branch in branches:
        mask, empty = _first(branch)
        if empty or mask & taken:
            return False
        taken |= mask
    return True


def _are_told_apart(branches: Sequence[Node], mask: int) -> bool:
    """The same of `ab|a` before `c`: the shorter one would have to be followed by `b`."""
    spelt = [_spelt(branch) for branch in branches]
    return all(_tells(one, other, mask) for n, one in enumerate(spelt) for other in spelt[n + 1 :])


def _spelt(branch: Node) -> tuple[int, ...] | None:
    """The masks of its characters, if it is nothing but characters."""
    items = branch.items if isinstance(branch, Series) else (branch,)
    if not all(isinstance(item, Chars) for item in items):
        return None
    return tuple(_first(item)[0] for item in items)


def _tells(first: tuple[int, ...] | None, second: tuple[int, ...] | None, mask: int) -> bool:
    """Whether *second* is of no use where *first* has matched."""
    if first is None or second is None:
        return False
    if any(not one & other for one, other in zip(first, second, strict=False)):
        return True
    if len(second) < len(first):
        return not first[len(second)] & mask
    return len(second) == len(first)
