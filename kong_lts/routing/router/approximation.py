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
    Opaque,
    Repeat,
    Series,
)
from kong_lts.routing.paths import octets

__all__ = ["Landmarks", "Written", "ends_surely", "landmarks", "written_for_re"]

_ASSERTIONS = {
    "start": r"\A",
    "end": r"\Z",
    "line start": r"(?<![^\n])",
    "line end": r"(?![^\n])",
    "word": r"\b",
    "not word": r"\B",
}
_NOTHING = "(?!)"
_ALIKE = re.compile(r"\\\d$|\(\?<?[=!]")
"""What of PCRE's own constructs `re` writes alike: back-references and look-around."""
_UNLIKE = re.compile(r"\[\[|--|&&|\|\||~~|\\[^\W\ddwsDWSbB]|\(\?[^=!<:]|[+*?}]\+")
"""What it does not write alike, or warns of."""


@attrs.frozen
class Written:
    """A pattern for `re`."""

    text: str
    exact: bool
    """Whether it means the same for a text of ASCII without line breaks."""


@attrs.define
class _Writer:
    beyond: str
    """The range of what is not ASCII."""
    of_bytes: bool
    exact: bool = True

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
            case Opaque(text) if _ALIKE.match(text) and not _UNLIKE.search(text):
                self.exact = False
                return text
        self.exact = False
        return ""

    def _set(self, chars: Chars) -> str:
        ranges = "".join(_ranges(chars.mask)) + (self.beyond if chars.others else "")
        if any("property" in name for name in chars.beyond):
            self.exact = False  # which ASCII characters have it is not known
            ranges += r"\w"
        single = [name for name in chars.beyond if len(name) == 1]
        if not ranges and single:
            return self._characters(single)
        return f"[{ranges}]" if ranges else _NOTHING

    def _characters(self, characters: Sequence[str]) -> str:
        if not self.of_bytes:
            return f"[{re.escape(''.join(sorted(characters)))}]"
        texts = (octets(c).decode("latin-1") for c in characters)
        return f"(?:{'|'.join(sorted(map(re.escape, texts)))})"


def _ranges(mask: int) -> list[str]:
    """The ASCII characters of a mask as the inside of a class."""
    found: list[list[int]] = []
    for code in range(128):
        if not mask >> code & 1:
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return [f"\\x{first:02x}-\\x{last:02x}" for first, last in found]


def written_for_re(node: Node, *, of_bytes: bool) -> Written:
    """The pattern as `re` has it; what it cannot say is left out or guessed.

    Args:
        node: What the engine reads in the pattern.
        of_bytes: Whether it matches bytes, as PCRE does here; the text is then latin-1.
    """
    beyond = r"\x80-\xff" if of_bytes else "\\u0080-\\U0010ffff"
    writer = _Writer(beyond, of_bytes)
    return Written(writer.write(node), writer.exact)


_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]])*\]|\((?:\?[^:)]*:|\?P?<[^>]*>)?|[)|*+?{]", re.DOTALL
)


def ends_surely(pattern: str) -> bool:
    """Whether a pattern, once read, still tells where its matches end.

    What all branches of an alternation begin with is read as if it stood before them. That takes
    the same texts, but another part of them where it is of no fixed length: `\\w+a|\\w+b`.
    """
    groups = [[False, False]]
    """Of each open group, whether it has branches, and a quantifier in one."""
    for token in _TOKEN.findall(pattern):
        if token.startswith("("):
            groups.append([False, False])
        elif token == ")" and len(groups) > 1:
            branches, quantified = groups.pop()
            if branches and quantified:
                return False
            groups[-1][1] |= quantified
        elif token in ("|", "*", "+", "?", "{"):
            groups[-1][token != "|"] = True
    return not any(branches and quantified for branches, quantified in groups)


@attrs.frozen
class Landmarks:
    """What is in every path that a pattern takes."""

    prefix: bytes = b""
    """How it begins."""
    segment: bytes | None = None
    """How one of its segments begins; the longest beginning that is known."""


def landmarks(node: Node, *, anchored: bool) -> Landmarks:
    """What is in every path in which the pattern matches, at the start if *anchored*."""
    runs = [b""]
    for item in node.items if isinstance(node, Series) else (node,):
        literal, whole = _literal(item)
        runs[-1] += literal
        if not whole:
            runs.append(b"")
    segments = [segment for run in runs for segment in run.split(b"/")[1:]]
    longest = max(filter(None, segments), key=len, default=None)
    return Landmarks(runs[0] if anchored else b"", longest)


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
    return octets(name), True
