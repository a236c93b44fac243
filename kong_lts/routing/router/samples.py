"""Texts that a regex takes, made from what PCRE reads in it; whoever uses them checks them."""

from collections.abc import Iterator

from kong_lts.routing.dialect import pcre
from kong_lts.routing.dialect.tree import (
    UNBOUNDED,
    Atomic,
    Capture,
    Chars,
    Choice,
    Node,
    Opaque,
    Repeat,
    Series,
)

__all__ = ["samples"]

_PREFERRED = "ab1x2-_.,A/"
_VARIATIONS = 4
"""How many texts are made of each branch."""
_MOST_COPIES = 64


def samples(pattern: str) -> list[str]:
    """A few texts of different kinds that the pattern should take, simple ones first."""
    try:
        branches = pcre.read(pattern).branches
    except pcre.BadPatternError:
        return []
    found = (
        _sample(branch.node, variation, [])
        for variation in range(_VARIATIONS)
        for branch in branches
    )
    return list(dict.fromkeys(found))


def _sample(node: Node, variation: int, captured: list[str]) -> str:
    """One text; each variation takes other characters, branches and numbers of copies."""
    match node:
        case Chars():
            return _character(node, variation)
        case Series(items):
            return "".join(_sample(item, variation, captured) for item in items)
        case Choice(branches):
            return _sample(branches[variation % len(branches)], variation, captured)
        case Repeat(item, low, high, _):
            most = low + variation if high == UNBOUNDED else min(high, low + variation)
            return _sample(item, variation, captured) * min(most, _MOST_COPIES)
        case Capture(item=item):
            captured.append(_sample(item, variation, captured))
            return captured[-1]
        case Atomic(item=item):
            return _sample(item, variation, captured)
        case Opaque(text) if (number := text[1:]).isdigit() and int(number) <= len(captured):
            return captured[int(number) - 1]
    return ""


def _character(chars: Chars, variation: int) -> str:
    allowed = list(_members(chars.mask))
    if not allowed:
        named = sorted(name for name in chars.beyond if len(name) == 1)
        return named[0] if named else "a"
    return allowed[variation % min(len(allowed), _VARIATIONS)]


def _members(mask: int) -> Iterator[str]:
    """The characters of a mask, those first that make a plain path."""
    yield from (c for c in _PREFERRED if mask >> ord(c) & 1)
    yield from (chr(n) for n in range(128) if mask >> n & 1 and chr(n) not in _PREFERRED)
