"""A pattern of PCRE or Rust, once read: written for Python's `re`, and what a match must hold."""

import re
from collections.abc import Sequence

import attrs

from kong_lts.routing.dialect.tree import (
    UNBOUNDED,
    Assertion,
    Atomic,
    Capture,
    Chars,
    Choice,
    Node,
    Repeat,
    Series,
)

__all__ = ["CannotWriteError", "Landmarks", "landmarks", "written_for_re"]

_ASSERTIONS = {
    "start": r"\A",
    "end": r"\Z",
    "line start": r"(?<![^\n])",
    "line end": r"(?![^\n])",
    "word": r"\b",
    "not word": r"\B",
}
_ALL = (1 << 128) - 1
_NOTHING = "(?!)"


class CannotWriteError(Exception):
    """`re` has no way to say this; not meant to leave this package."""


@attrs.frozen
class _Writer:
    beyond: str
    """The range of what is not ASCII."""
    of_bytes: bool

    def write(self, node: Node) -> str:
        match node:
            case Chars():
                return self._set(node)
            case Series(items):
                return "".join(map(self.write, items))
            case Choice(branches):
                return f"(?:{'|'.join(map(self.write, branches))})"
            case Repeat(item, low, high, greedy):
                most = "" if high == UNBOUNDED else str(high)
                return f"(?:{self.write(item)}){{{low},{most}}}{'' if greedy else '?'}"
            case Capture(name, item):
                named = f"?P<{name}>" if name and name.isidentifier() and name.isascii() else ""
                return f"({named}{self.write(item)})"
            case Atomic(item):
                return f"(?>{self.write(item)})"
            case Assertion(kind) if kind in _ASSERTIONS:
                return _ASSERTIONS[kind]
        raise CannotWriteError

    def _set(self, chars: Chars) -> str:
        if any("property" in name for name in chars.beyond):
            raise CannotWriteError  # which ASCII characters have it is not known
        single = [name for name in chars.beyond if len(name) == 1]
        if not chars.mask and not chars.others and single:
            return self._characters(single)
        ranges = "".join(_ranges(chars.mask)) + (self.beyond if chars.others else "")
        return f"[{ranges}]" if ranges else _NOTHING

    def _characters(self, characters: Sequence[str]) -> str:
        if not self.of_bytes:
            return f"[{re.escape(''.join(sorted(characters)))}]"
        texts = (c.encode("utf-8", "surrogateescape").decode("latin-1") for c in characters)
        return f"(?:{'|'.join(sorted(map(re.escape, texts)))})"


def _ranges(mask: int) -> list[str]:
    """The ASCII characters of a mask as the inside of a class."""
    found: list[str] = []
    while mask:
        first = (mask & -mask).bit_length() - 1
        after = ~(mask >> first) & _ALL
        length = (after & -after).bit_length() - 1
        last = first + length - 1
        found.append(f"\\x{first:02x}" + (f"-\\x{last:02x}" if length > 1 else ""))
        mask &= ~((1 << (last + 1)) - 1)
    return found


def written_for_re(node: Node, *, of_bytes: bool) -> str:
    """The pattern as `re` has it; for a text of ASCII without line breaks it means the same.

    Args:
        node: What the engine reads in the pattern.
        of_bytes: Whether it matches bytes, as PCRE does here; the text returned is then latin-1.

    Raises:
        CannotWriteError: There is no such text.
    """
    beyond = r"\x80-\xff" if of_bytes else "\\u0080-\\U0010ffff"
    return _Writer(beyond, of_bytes).write(node)


@attrs.frozen
class Landmarks:
    """What is in every path that a pattern takes."""

    prefix: bytes = b""
    """How it begins."""
    segment: bytes | None = None
    """A whole segment somewhere in it; the longest that is known."""


def landmarks(node: Node, *, anchored: bool) -> Landmarks:
    """What is in every path in which the pattern matches, at the start if *anchored*."""
    runs = [b""]
    for item in node.items if isinstance(node, Series) else (node,):
        literal, whole = _literal(item)
        runs[-1] += literal
        if not whole:
            runs.append(b"")
    # Only what stands between two slashes of one run is known to be a whole segment.
    segments = [segment for run in runs for segment in run.split(b"/")[1:-1]]
    return Landmarks(
        runs[0] if anchored else b"", max(filter(None, segments), key=len, default=None)
    )


def _literal(node: Node) -> tuple[bytes, bool]:
    """A literal beginning, and whether it is all of the node."""
    match node:
        case Chars(mask, others, beyond):
            return _one(mask, others, beyond)
        case Series(items):
            so_far = b""
            for item in items:
                literal, whole = _literal(item)
                so_far += literal
                if not whole:
                    return so_far, False
            return so_far, True
        case Capture(item=item) | Atomic(item=item):
            return _literal(item)
        case Repeat(item=item, low=low) if low > 0:
            return _literal(item)[0], False
        case Assertion():
            return b"", True
    return b"", False


def _one(mask: int, others: bool, beyond: frozenset[str]) -> tuple[bytes, bool]:
    """The only character of a set, if it has just one."""
    if others or mask.bit_count() + len(beyond) != 1:
        return b"", False
    if mask:
        return bytes((mask.bit_length() - 1,)), True
    (name,) = beyond
    if len(name) > 1:
        return b"", False
    return name.encode("utf-8", "surrogateescape"), True
