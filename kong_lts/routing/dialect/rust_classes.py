"""`[...]` as regex-syntax reads it: with nested classes and set operators, which PCRE has not."""

import re

from kong_lts.routing.dialect import sets
from kong_lts.routing.dialect.rust_escapes import read_escape
from kong_lts.routing.dialect.rust_text import Flags, RefusedError, Text
from kong_lts.routing.dialect.tree import Chars, Node, fold_case

__all__ = ["read_class"]

_DEEPEST = 250
_POSIX = re.compile(r"\[:(\^?)(\w+):\]")
_OPERATORS = ("&&", "--", "~~")


def read_class(text: Text, flags: Flags, depth: int = 0) -> Chars:
    """A class, its opening bracket next."""
    opened = text.at
    if depth > _DEEPEST:
        raise text.refusal("exceed the maximum number of nested parentheses/brackets (250)")
    text.take()
    text.skip_space(flags)
    negated = text.take_if("^")
    text.skip_space(flags)
    left: Chars | None = None
    operator = ""
    found = _leading_literals(text, flags)
    while True:
        text.skip_space(flags)
        if text.ended:
            raise RefusedError("unclosed character class", opened)
        pair = text.pattern[text.at : text.at + 2]
        if pair[0] != "]" and pair not in _OPERATORS:
            found = sets.union(found, _member(text, flags, opened, depth))
            continue
        left = found if left is None else _combined(left, operator, found)
        if pair[0] == "]":
            text.take()
            break
        operator, found = pair, Chars(0)
        text.at += 2
    return text.checked(sets.complement(left) if negated else left, flags)


def _leading_literals(text: Text, flags: Flags) -> Chars:
    """Any number of `-`, or one `]`, right behind the opening bracket."""
    found = Chars(0)
    while not text.ended and text.next == "-":
        text.take()
        text.skip_space(flags)
        found = sets.character(ord("-"))
    if found == Chars(0) and not text.ended and text.next == "]":
        text.take()
        found = sets.character(ord("]"))
    return found


def _combined(left: Chars, operator: str, right: Chars) -> Chars:
    beyond = left.beyond | right.beyond
    match operator:
        case "&&":
            return Chars(left.mask & right.mask, left.others and right.others, beyond)
        case "--":
            return Chars(left.mask & ~right.mask, left.others and not right.others, beyond)
        case _:
            return Chars(left.mask ^ right.mask, left.others != right.others, beyond)


def _member(text: Text, flags: Flags, opened: int, depth: int) -> Chars:
    if text.next == "[":
        named = _POSIX.match(text.pattern, text.at)
        if named is None or named[2] not in sets.POSIX:
            return read_class(text, flags, depth + 1)
        text.at = named.end()
        mask = sets.POSIX[named[2]]
        members = Chars(fold_case(mask) if flags.i else mask)
        return sets.complement(members) if named[1] else members
    return _range(text, flags, opened)


def _range(text: Text, flags: Flags, opened: int) -> Chars:
    at = text.at
    first = _item(text, flags)
    text.skip_space(flags)
    if text.ended:
        raise RefusedError("unclosed character class", opened)
    if text.next != "-" or _after_next(text, flags) in ("]", "-"):
        return _as_set(first, at)
    text.take()
    text.skip_space(flags)
    if text.ended:
        raise RefusedError("unclosed character class", opened)
    second_at = text.at
    last = _item(text, flags)
    start, end = _code(first, at), _code(last, second_at)
    if start > end:
        raise RefusedError("invalid character class range, the start must be <= the end", at)
    return sets.span(start, end, fold=flags.i)


def _after_next(text: Text, flags: Flags) -> str:
    """The character behind the next one, blanks left out where they mean nothing."""
    ahead = Text(text.pattern, text.at + 1)
    ahead.skip_space(flags)
    return "" if ahead.ended else ahead.next


def _item(text: Text, flags: Flags) -> Node | int:
    """One member: the code of a character, or a set, or an assertion."""
    if text.next != "\\":
        return ord(text.take())
    start = text.at
    found = read_escape(text, Flags(x=flags.x, u=flags.u))
    literal = isinstance(found, Chars) and text.pattern[start + 1] not in "dDsSwWpP"
    if not literal or not isinstance(found, Chars):
        return found
    return found.mask.bit_length() - 1 if found.mask else ord(min(found.beyond))


def _as_set(item: Node | int, at: int) -> Chars:
    if isinstance(item, int):
        return sets.character(item)
    if not isinstance(item, Chars):
        raise RefusedError("invalid escape sequence found in character class", at)
    return item


def _code(item: Node | int, at: int) -> int:
    if not isinstance(item, int):
        raise RefusedError("invalid range boundary, must be a literal", at)
    return item
