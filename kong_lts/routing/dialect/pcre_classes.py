"""`[...]` as PCRE 8 reads it: no nesting, no set operators, a hyphen that is often just that."""

import re

import attrs

from kong_lts.routing.dialect import rust_classes, rust_text, sets
from kong_lts.routing.dialect.pcre_escapes import (
    ascii_shorthand,
    literal,
    quoted,
    read_escape,
)
from kong_lts.routing.dialect.pcre_text import SPACE, BadPatternError, Flags, Text
from kong_lts.routing.dialect.tree import ASCII, Assertion, Chars, Node, fold_case

__all__ = ["read_class"]

_POSIX = re.compile(r"\[:(\^?)([a-z]+):\]")
_POSIX_LIKE = re.compile(r"\[([:.=])(?:\\[\]\\]|(?!\[\1|\1\])[^\]])*\1\]")
_UNCLOSED = "missing terminating ] for character class"
_WORD_BOUNDARY = ("[[:<:]]", "[[:>:]]")


@attrs.define
class _Class:
    """A class as far as it has been read, and the same for Rust."""

    found: Chars = attrs.field(factory=lambda: Chars(0))
    rust: list[str] = attrs.field(factory=list)
    ascii: list[str] = attrs.field(factory=list)
    """As `rust`, but with `\\d`, `\\w` and `\\s` spelt out."""
    reasons: list[str] = attrs.field(factory=list)
    """Rules that what was read broke, most telling first."""
    not_ascii: bool = False
    can_rewrite: bool = True

    def add(self, chars: Chars, rust: str | None, only_ascii: str | None = None) -> None:
        self.found = sets.union(self.found, chars)
        if rust is None:
            self.can_rewrite = False
            return
        self.rust.append(rust)
        self.ascii.append(rust if only_ascii is None else only_ascii)


def read_class(text: Text, flags: Flags) -> Node:
    """A class, its opening bracket next; notes what Rust makes of it if that is something else."""
    start = text.at
    if text.pattern[start : start + 7] in _WORD_BOUNDARY:
        text.at += 7
        text.trouble("regex-escape-pcre-only", start, None)
        return Assertion("word edge")
    if _POSIX_LIKE.match(text.pattern, start):
        raise BadPatternError("POSIX named classes are supported only within a class", start)
    text.take()
    negated = text.take_if("^")
    members = _Class()
    _skip_empty_quotes(text)
    if not text.ended and text.next == "]":
        _literal(text, flags, members)
    while True:
        if text.ended:
            raise BadPatternError(_UNCLOSED, text.at)
        if text.take_if("]"):
            break
        _member(text, flags, members)
    found = sets.complement(members.found) if negated else members.found
    _note(text, flags, start, found, members, "[^" if negated else "[")
    return found


def _skip_empty_quotes(text: Text) -> None:
    while text.take_if(r"\Q\E") or text.take_if(r"\E"):
        pass


def _member(text: Text, flags: Flags, members: _Class) -> None:
    if text.starts("[") and _POSIX_LIKE.match(text.pattern, text.at):
        _posix(text, flags, members)
    elif text.take_if(r"\Q"):
        members.reasons.append("regex-escape-pcre-only")
        for character in text.take_until(r"\E", _UNCLOSED):
            members.add(literal(ord(character), flags), quoted(ord(character), in_class=True))
    elif text.take_if(r"\E"):
        members.reasons.append("regex-escape-pcre-only")
    else:
        _literal(text, flags, members)


def _posix(text: Text, flags: Flags, members: _Class) -> None:
    named = _POSIX.match(text.pattern, text.at)
    if named is None or named[2] not in sets.POSIX:
        raise BadPatternError("unknown POSIX class name", text.at)
    text.at = named.end()
    mask = sets.POSIX[named[2]]
    chars = Chars(fold_case(mask) if flags.i else mask)
    members.add(sets.complement(chars) if named[1] else chars, named[0])


def _literal(text: Text, flags: Flags, members: _Class) -> None:
    """A character, a range of them, or an escape that stands for several."""
    first = _one(text, flags, members)
    if first is None:
        if text.starts("-") and not text.starts("-]"):
            members.reasons.insert(0, "regex-class-range-shorthand")
        return
    if text.starts("-") and not text.starts("-]"):
        before = text.at
        text.take()
        _skip_empty_quotes(text)
        if text.ended:
            raise BadPatternError(_UNCLOSED, text.at)
        if not text.starts("]"):
            _range(text, flags, members, first)
            return
        text.at = before
    members.add(literal(first, flags), _spelt(first, flags, members))


def _range(text: Text, flags: Flags, members: _Class, first: int) -> None:
    if text.starts("[") and _POSIX_LIKE.match(text.pattern, text.at):
        raise BadPatternError("invalid range in character class", text.at)
    last = _one(text, flags, members)
    if last is None:
        raise BadPatternError("invalid range in character class", text.at)
    if first > last:
        raise BadPatternError("range out of order in character class", text.at)
    spelt = f"{_spelt(first, flags, members)}-{_spelt(last, flags, members)}"
    members.add(sets.span(first, last, fold=flags.i), spelt)


def _one(text: Text, flags: Flags, members: _Class) -> int | None:
    """The code of the next character, or None after an escape that stands for several."""
    if text.next != "\\":
        if text.next == "[":
            members.reasons.append("regex-nested-class-bracket")
        return ord(text.take())
    start = text.at
    escape = read_escape(text, flags, in_class=True)
    if escape.code is not None:
        if not text.pattern[start + 1].isascii() or text.pattern[start + 1].isalnum():
            members.reasons.append("regex-escape-pcre-only")
        if escape.rust is None:
            members.can_rewrite = False
        return escape.code
    assert isinstance(escape.node, Chars)  # in a class nothing else is left
    sign = text.pattern[start + 1]
    if sign in "dws":
        members.add(escape.node, escape.rust, ascii_shorthand(sign))
    else:
        rust = escape.rust
        if sign in "hHvV":
            members.reasons.append("regex-escape-pcre-only")
        if sign in "hv" and rust is not None:
            rust = rust[1:-1]  # a class of its own already
        members.add(escape.node, rust)
    return None


def _spelt(code: int, flags: Flags, members: _Class) -> str:
    if code > 127:
        members.not_ascii = True
    blank = flags.x and chr(code) in SPACE + "#"
    return f"\\x{code:02X}" if blank else quoted(code, in_class=True)


def _note(
    text: Text, flags: Flags, start: int, found: Chars, members: _Class, opening: str
) -> None:
    """Note where Rust refuses this class, or takes other characters."""
    source = text.pattern[start : text.at]
    if members.ascii != members.rust or members.not_ascii:
        spelt = f"{opening}{''.join(members.ascii)}]"
        fits = members.can_rewrite and not members.not_ascii
        text.unicode(start, spelt if fits else None)
    if _to_rust(source, flags) == found:
        return
    rust = f"{opening}{''.join(members.rust)}]" if members.can_rewrite else None
    if rust is not None and found.mask == ASCII and found.others:
        rust = r"[\s\S]"
    text.trouble(_reason(source, members), start, rust)


def _to_rust(source: str, flags: Flags) -> Chars | None:
    """What Rust takes the class for, in the way that 3.4 hands it over; None if it refuses."""
    reader = rust_text.Text(source.replace("?<", "?P<"))
    try:
        found = rust_classes.read_class(reader, rust_text.Flags(i=flags.i, x=flags.x))
    except rust_text.RefusedError:
        return None
    return found if reader.ended else None


def _reason(source: str, members: _Class) -> str:
    if "?<" in source:
        return "regex-question-lt-rewrite"
    if members.reasons:
        return members.reasons[0]
    return "regex-class-set-operators"
