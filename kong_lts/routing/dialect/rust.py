"""Reads a pattern as the router of 3.4 does: Rust's `regex` 1.9.1, or why it refuses.

The grammar is that of regex-syntax 0.7.4, which Kong/atc-router 1.2.0 locks.
"""

import re

import attrs

from kong_lts.digits import whole
from kong_lts.routing.dialect import sets
from kong_lts.routing.dialect.rust_classes import read_class
from kong_lts.routing.dialect.rust_escapes import read_escape
from kong_lts.routing.dialect.rust_text import Flags, RefusedError, Text
from kong_lts.routing.dialect.tree import (
    ASCII,
    UNBOUNDED,
    Assertion,
    Capture,
    Chars,
    Node,
    choice,
    mask_of,
    repeat,
    series,
)

__all__ = ["RefusedError", "read"]

_DEEPEST = 250
_LARGEST_COUNT = 2**32 - 1
_LOOK_AROUND = ("?=", "?!", "?<=", "?<!")
_FLAGS = "imsUuxR"
_NAME_START = re.compile(r"[^\W\d]")
_NAME = re.compile(r"[\w.\[\]]")


def read(pattern: str) -> Node:
    """What the pattern means to Rust.

    Raises:
        RefusedError: It does not compile; sizes are not looked at.

    Source:
        rust-lang/regex, regex-syntax 0.7.4 src/ast/parse.rs.
    """
    text = Text(pattern)
    found = _alternatives(text, Flags(), depth=0)
    if not text.ended:
        raise text.refusal("unopened group")
    return found


def _alternatives(text: Text, flags: Flags, depth: int) -> Node:
    """Everything up to the parenthesis that closes the group, which stays unread."""
    if depth > _DEEPEST:
        raise text.refusal("exceed the maximum number of nested parentheses/brackets (250)")
    branches: list[Node] = []
    items: list[Node | None] = []
    while True:
        text.skip_space(flags)
        if text.ended or text.next in "|)":
            branches.append(series(item for item in items if item is not None))
            if text.ended or text.next == ")":
                return choice(branches)
            items = []
            text.take()
        elif text.next in "?*+{":
            _repeat_last(text, flags, items)
        elif text.next == "(":
            flags, item = _group(text, flags, depth)
            items.append(item)
        else:
            items.append(_primitive(text, flags))


def _primitive(text: Text, flags: Flags) -> Node:
    if text.next == "\\":
        return read_escape(text, flags)
    if text.next == "[":
        return read_class(text, flags)
    match text.take():
        case ".":
            line_ends = 0 if flags.s else mask_of("\r\n" if flags.R else "\n")
            return text.checked(Chars(ASCII & ~line_ends, others=True), flags)
        case "^":
            return Assertion("line start" if flags.m else "start")
        case "$":
            return Assertion("line end" if flags.m else "end")
        case plain:
            return text.checked(sets.character(ord(plain), fold=flags.i), flags)


def _repeat_last(text: Text, flags: Flags, items: list[Node | None]) -> None:
    at = text.at
    if not items or items[-1] is None:
        raise text.refusal("repetition operator missing expression")
    sign = text.take()
    low, high = {"?": (0, 1), "*": (0, UNBOUNDED), "+": (1, UNBOUNDED)}.get(sign) or _counts(
        text, flags, at
    )
    greedy = not text.take_if("?")
    items[-1] = repeat(items[-1], low, high, greedy != flags.U)


def _counts(text: Text, flags: Flags, at: int) -> tuple[int, int]:
    """What stands in the braces of a counted repetition."""
    unclosed = RefusedError("unclosed counted repetition", at)
    text.skip_space(flags)
    if text.ended:
        raise unclosed
    low = high = _decimal(text)
    if text.take_if(","):
        text.skip_space(flags)
        if text.ended:
            raise unclosed
        high = UNBOUNDED if text.next == "}" else _decimal(text)
    if not text.take_if("}"):
        raise unclosed
    if high != UNBOUNDED and low > high:
        reason = "invalid repetition count range, the start must be <= the end"
        raise RefusedError(reason, at)
    return low, high


def _decimal(text: Text) -> int:
    """A number; blanks around it do not matter, and PCRE would take the braces for text."""
    text.skip_blanks()
    at = text.at
    digits = text.take_while("0123456789")
    text.skip_blanks()
    if not digits:
        raise RefusedError("repetition quantifier expects a valid decimal", at)
    if whole(digits) > _LARGEST_COUNT:
        raise RefusedError("decimal literal invalid", at)
    return whole(digits)


def _group(text: Text, flags: Flags, depth: int) -> tuple[Flags, Node | None]:
    """A group, or flags that hold from here on; those are no item that a quantifier can follow."""
    at = text.at
    text.take()
    text.skip_space(flags)
    if any(text.starts(prefix) for prefix in _LOOK_AROUND):
        reason = "look-around, including look-ahead and look-behind, is not supported"
        raise RefusedError(reason, at)
    inner, name, captures = flags, None, True
    if text.starts("?P<") or text.starts("?<"):
        name = _name(text)
    elif text.take_if("?"):
        inner, ended = _flags(text, flags, at)
        if ended:
            return inner, None
        captures = False
    item = _alternatives(text, inner, depth + 1)
    if text.ended:
        raise RefusedError("unclosed group", at)
    text.take()
    return flags, Capture(name, item) if captures else item


def _name(text: Text) -> str:
    text.take_if("?P<") or text.take_if("?<")
    at, name = text.at, ""
    while not text.ended and text.next != ">":
        if not (_NAME if name else _NAME_START).match(text.next):
            raise text.refusal("invalid capture group character")
        name += text.take()
    if text.ended:
        raise RefusedError("unclosed capture group name", at)
    text.take()
    if not name:
        raise RefusedError("empty capture group name", at)
    if name in text.names:
        raise RefusedError("duplicate capture group name", at)
    text.names.add(name)
    return name


def _flags(text: Text, flags: Flags, opened: int) -> tuple[Flags, bool]:
    """The flags after `(?`, and whether they end in `)`, so that they hold for what follows."""
    seen: list[str] = []
    while True:
        if text.ended:
            reason = "expected flag but got end of regex" if seen else "unclosed group"
            raise text.refusal(reason)
        sign = text.next
        if sign in ":)":
            break
        if sign not in _FLAGS and sign != "-":
            raise text.refusal("unrecognized flag")
        if sign in seen:
            reason = "flag negation operator repeated" if sign == "-" else "duplicate flag"
            raise text.refusal(reason)
        seen.append(text.take())
    if seen[-1:] == ["-"]:
        raise text.refusal("dangling flag negation operator")
    text.take()
    if sign == ")" and not seen:
        raise RefusedError("repetition operator missing expression", opened + 1)
    on, changed = True, {}
    for flag in seen:
        on = on and flag != "-"
        if flag != "-":
            changed[flag] = on
    return attrs.evolve(flags, **changed), sign == ")"
