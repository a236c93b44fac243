"""Reads a pattern as 2.8 does: PCRE 8, bytes, anchored at the start of the path."""

import re

import attrs

from kong_lts.digits import whole
from kong_lts.routing.dialect import follow, rust
from kong_lts.routing.dialect.pcre_classes import read_class
from kong_lts.routing.dialect.pcre_escapes import ascii_shorthand, literal, quoted, read_escape
from kong_lts.routing.dialect.pcre_groups import read_group
from kong_lts.routing.dialect.pcre_text import BadPatternError, Flags, Text
from kong_lts.routing.dialect.rust_text import RefusedError
from kong_lts.routing.dialect.tree import (
    ASCII,
    UNBOUNDED,
    Assertion,
    Atomic,
    Chars,
    Node,
    Opaque,
    choice,
    repeat,
    series,
)
from kong_lts.routing.paths import octets

__all__ = ["BadPatternError", "Branch", "Reading", "read"]

_DEEPEST = 250
_PLACES = (Opaque(r"\K"), Opaque(r"\G"))
_COUNTS = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_LARGEST_COUNT = 65535
_GROUP = re.compile(r"(?<!\(\?)\((?![?*])|\(\?(?:P?<(?![=!])|')")
_NAME = re.compile(r"\(\?P?<(\w+)>|\(\?'(\w+)'")
_NOT_SYNTAX = re.compile(r"\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]])*\]", re.DOTALL)


@attrs.frozen
class Branch:
    """One alternative of the whole pattern."""

    start: int
    end: int
    node: Node


@attrs.frozen
class Reading:
    """All that PCRE sees in a pattern, and what of it Rust refuses or reads in another way."""

    tree: Node
    branches: tuple[Branch, ...]
    text: Text


@attrs.define
class _Items:
    """What has been read of a branch."""

    nodes: list[Node] = attrs.field(factory=list)
    repeatable: bool = False
    """Whether a quantifier may follow."""

    def add(self, *nodes: Node) -> None:
        self.nodes.extend(nodes)
        self.repeatable = not isinstance(nodes[-1], Assertion) and nodes[-1] not in _PLACES


def read(pattern: str) -> Reading:
    """What the pattern means to PCRE.

    Raises:
        BadPatternError: PCRE does not take it.

    Source:
        pcre.org/original/doc/html/pcrepattern.html, checked against PCRE 8.39.
    """
    syntax = _NOT_SYNTAX.sub("", pattern)
    names = frozenset(name for pair in _NAME.findall(syntax) for name in pair if name)
    text = Text(pattern, captures=len(_GROUP.findall(syntax)), all_names=names)
    branches = tuple(_branches(text, Flags(), depth=0))
    if not text.ended:
        raise BadPatternError("unmatched parentheses", text.at)
    live = [branch.node for branch in branches if follow.can_begin(branch.node, "/")]
    return Reading(choice(live or [branch.node for branch in branches]), branches, text)


def _branches(text: Text, flags: Flags, depth: int) -> list[Branch]:
    """Everything up to the parenthesis that closes the group, which stays unread."""
    if depth > _DEEPEST:
        raise BadPatternError("parentheses are too deeply nested", text.at)
    found: list[Branch] = []
    items, start = _Items(), text.at
    while True:
        text.skip_space(flags)
        if text.ended or text.next in "|)":
            found.append(Branch(start, text.at, series(items.nodes)))
            if text.ended or text.next == ")":
                return found
            text.take()
            items, start = _Items(), text.at
        elif _at_quantifier(text):
            _repeat_last(text, flags, items)
        elif text.next == "(":
            flags = _parenthesis(text, flags, items, depth)
        elif not _quotes(text, flags, items):
            items.add(_primitive(text, flags))


def _at_quantifier(text: Text) -> bool:
    return text.next in "?*+" or (
        text.next == "{" and _COUNTS.match(text.pattern, text.at) is not None
    )


def _parenthesis(text: Text, flags: Flags, items: _Items, depth: int) -> Flags:
    """A group, a comment, or flags, which change what follows."""

    def inside(inner: Flags) -> Node:
        return choice([branch.node for branch in _branches(text, inner, depth + 1)])

    found = read_group(text, flags, inside)
    if found.node is not None:
        items.add(found.node)
        items.repeatable = found.repeatable
    elif found.sets_flags:
        items.repeatable = False
    return found.flags


def _quotes(text: Text, flags: Flags, items: _Items) -> bool:
    r"""Take `\Q...\E`, or a stray `\E`, which is nothing."""
    start = text.at
    if text.take_if(r"\E"):
        text.trouble("regex-escape-pcre-only", start, "")
        return True
    if not text.take_if(r"\Q"):
        return False
    end = text.pattern.find(r"\E", text.at)
    inner = text.pattern[text.at : end if end >= 0 else None]
    text.at = end + 2 if end >= 0 else len(text.pattern)
    if inner:
        items.add(*(literal(ord(character), flags) for character in inner))
    spelt = "".join(_outside(character, flags) for character in inner)
    text.trouble("regex-escape-pcre-only", start, spelt)
    return True


def _outside(character: str, flags: Flags) -> str:
    """A character as a text that stands for it, outside a class."""
    blank = flags.x and (character in " #" or not character.isprintable())
    return f"\\x{ord(character):02X}" if blank else quoted(ord(character))


def _primitive(text: Text, flags: Flags) -> Node:
    start = text.at
    if text.next == "\\":
        return _escape(text, flags)
    if text.next == "[":
        found = read_class(text, flags)
        if isinstance(found, Chars) and found.others:
            _note_counting(text, start)
        return found
    sign = text.take()
    match sign:
        case ".":
            _note_counting(text, start)
            return Chars(ASCII if flags.s else ASCII & ~(1 << 10), others=True)
        case "^":
            return Assertion("line start" if flags.m else "start")
        case "$":
            return Assertion("line end" if flags.m else "end")
        case "{":
            _literal_brace(text, start)
        case "<" if text.pattern[start - 1 : start] == "?":
            text.trouble("regex-question-lt-rewrite", start, r"\x3C")
    return literal(ord(sign), flags)


def _note_counting(text: Text, start: int) -> None:
    """`.` and `[^/]` count characters in Rust and bytes in PCRE; unbounded, that is all one."""
    if text.ended or text.next not in "*+":
        text.unicode(start)


def _escape(text: Text, flags: Flags) -> Node:
    start = text.at
    escape = read_escape(text, flags, in_class=False)
    source = text.pattern[start : text.at]
    if escape.node != _as_rust_reads(source, flags):
        text.trouble(_escape_rule(escape.node, source), start, escape.rust)
    sign = source[1]
    if sign in "dws":
        text.unicode(start, f"[{ascii_shorthand(sign)}]")
    elif sign in "DWSpPbB":
        text.unicode(start)
    elif sign in "HVN":
        _note_counting(text, start)
    return escape.node


def _escape_rule(node: Node, source: str) -> str:
    if isinstance(node, Opaque) and source[1] in "gk123456789":
        subroutine = source[:3] in (r"\g<", r"\g'")
        return "regex-recursion-conditional" if subroutine else "regex-backreference"
    if source[1] in "pP" and _as_rust_reads(source, Flags()) == node:
        return "regex-reads-differently"
    return "regex-escape-z" if source == r"\Z" else "regex-escape-pcre-only"


def _as_rust_reads(source: str, flags: Flags) -> Node | None:
    """What an escape is to Rust; None if it refuses."""
    try:
        return rust.read(f"(?i){source}" if flags.i else source)
    except RefusedError:
        return None


def _literal_brace(text: Text, start: int) -> None:
    """`{` that begins no quantifier is text, up to its `}`; Rust has no such braces."""
    text.trouble("regex-literal-brace", start, r"\{")
    closing = text.pattern.find("}", start)
    if closing >= 0 and re.fullmatch(r"[\w ,.-]*", text.pattern[start + 1 : closing]):
        after, text.at = text.at, closing + 1
        text.trouble("regex-literal-brace", closing, r"\}")
        text.at = after


def _repeat_last(text: Text, flags: Flags, items: _Items) -> None:
    if not items.repeatable:
        raise BadPatternError("nothing to repeat", text.at)
    items.repeatable = False
    low, high = _counts(text)
    quantified = text.at
    text.skip_space(flags)
    lazy = text.take_if("?")
    possessive = not lazy and text.take_if("+")
    if text.at == quantified or not (lazy or possessive):
        text.at = quantified
    elif text.at > quantified + 1:  # Rust lets no blank stand between them, even under (?x)
        text.trouble("regex-possessive", quantified, "" if possessive else "?")
    last = _last_byte(text, items)
    greedy = lazy == flags.U
    items.nodes[-1] = repeat(last, low, high, greedy)
    if possessive:
        at = text.at
        text.trouble("regex-possessive", at - 1, "")
        items.nodes[-1] = Atomic(repeat(last, low, high, True), at - 1)


def _last_byte(text: Text, items: _Items) -> Node:
    """What a quantifier applies to: of a character beyond ASCII, only its last byte."""
    last = items.nodes[-1]
    if isinstance(last, Chars) and not last.mask and len(last.beyond) == 1:
        (name,) = last.beyond
        if len(name) == 1 and not last.others:
            at = text.at - 1
            text.trouble("regex-unicode-classes", at, None)
            bytewise = [Chars(0, beyond=frozenset({f"byte {octet:02x}"})) for octet in octets(name)]
            items.nodes[-1:] = bytewise
            return bytewise[-1]
    return last


def _counts(text: Text) -> tuple[int, int]:
    sign = text.next
    if sign != "{":
        text.take()
        return {"?": (0, 1), "*": (0, UNBOUNDED), "+": (1, UNBOUNDED)}[sign]
    found = _COUNTS.match(text.pattern, text.at)
    assert found is not None  # `_at_quantifier` has looked
    text.at = found.end()
    low = whole(found[1])
    high = low if found[2] is None else whole(found[3]) if found[3] else UNBOUNDED
    if max(low, high) > _LARGEST_COUNT:
        raise BadPatternError("number too big in {} quantifier", text.at)
    if high != UNBOUNDED and high < low:
        raise BadPatternError("numbers out of order in {} quantifier", text.at)
    return low, high
