"""What a backslash begins, as PCRE 8 reads it without UTF mode: bytes, ASCII classes."""

import re

import attrs

from kong_lts.digits import whole
from kong_lts.routing.dialect import sets
from kong_lts.routing.dialect.pcre_text import BadPatternError, Flags, Text
from kong_lts.routing.dialect.tree import Assertion, Chars, Node, Opaque, mask_of

__all__ = ["Escape", "literal", "quoted", "read_escape"]

ONLY_PCRE = "regex-escape-pcre-only"
BACKREFERENCE = "regex-backreference"

_CONTROLS = {"a": 7, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9}
_ASSERTIONS = {"A": "start", "z": "end", "Z": "end", "b": "word", "B": "not word"}
_BLANKS = {"h": " \t", "v": "\n\v\f\r"}
_BLANKS_AS_RUST = {"h": r" \t", "v": r"\n\x0B\f\r"}
_ASCII_SHORTHANDS = {"d": "0-9", "w": "0-9A-Za-z_", "s": r" \t\n\x0B\f\r"}
_REFUSED = frozenset("lLuU")
_ALONE = {"G": "\\G", "K": "\\K", "X": "\\X", "C": "\\C", "R": "\\R"}
_BROKEN_HEX = "non-hex character in \\x{} (closing brace missing?)"
_PROPERTY = re.compile(
    r"\^?(C[cfnosu]?|L[lmotu&]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?|Any|X(an|ps|sp|uc|wd)"
    r"|[A-Z][a-z]+(_[A-Z][a-z]+)*)"
)
_LETTER = re.compile("[CLMNPSZ]")
_OCTAL = "01234567"
_HEX = "0123456789abcdefABCDEF"
_META = frozenset("\\.+*?()|[]{}^$#")
_CLASS_META = frozenset("\\[]^&-~")
_END_OF_ASCII = 128


@attrs.frozen
class Escape:
    """What an escape means, and how Rust would have to be told."""

    node: Node
    rust: str | None
    """Text for Rust that means the same; None where there is none."""
    code: int | None = None
    """The one character it stands for, if it does."""


def quoted(code: int, *, in_class: bool = False) -> str:
    """Text that is this one character to Rust."""
    character = chr(code)
    if character in (_CLASS_META if in_class else _META):
        return "\\" + character
    if character == "<" or code < 32 or code == 127:
        return f"\\x{code:02X}"
    return character


def literal(code: int, flags: Flags, *, escaped: bool = False) -> Chars:
    """The set of one character; an escape beyond ASCII is a byte, which no text holds alone."""
    if escaped and code >= _END_OF_ASCII:
        return Chars(0, beyond=frozenset({f"byte {code:02x}"}))
    return sets.character(code, fold=flags.i)


def read_escape(text: Text, flags: Flags, *, in_class: bool) -> Escape:
    """An escape, its backslash next."""
    start = text.at
    text.take()
    if text.ended:
        raise BadPatternError("\\ at end of pattern", text.at)
    sign = text.take()
    if not sign.isascii() or not sign.isalnum():
        code = ord(sign)
        plain = sign.isascii() and sign not in "<>"
        return Escape(literal(code, flags), "\\" + sign if plain else quoted(code), code)
    if sign.isdigit():
        return _digits(text, flags, start, in_class)
    if sign.lower() in sets.SHORTHANDS:
        return _shorthand(text, sign, start)
    if sign.lower() in _BLANKS:
        return _blanks(sign)
    if sign in "pP":
        return _property(text, sign)
    if sign in _REFUSED:
        raise _unsupported(start)
    if sign in "cox" or sign in _CONTROLS:
        return _coded(text, flags, sign)
    return _letter(text, flags, sign, start, in_class)


def _unsupported(start: int) -> BadPatternError:
    return BadPatternError("PCRE does not support \\L, \\l, \\N{name}, \\U, or \\u", start + 1)


def _letter(text: Text, flags: Flags, sign: str, start: int, in_class: bool) -> Escape:
    """Every other letter: an assertion, one that PCRE alone has, or itself."""
    if in_class:
        if sign == "b":
            return Escape(literal(8, flags), r"\x08", 8)
        if sign == "N":
            raise BadPatternError("\\N is not supported in a class", start + 1)
        return Escape(literal(ord(sign), flags), sign, ord(sign))
    if sign in _ASSERTIONS:
        return Escape(Assertion(_ASSERTIONS[sign]), r"\z" if sign == "Z" else "\\" + sign)
    if sign in _ALONE:
        return Escape(Opaque(_ALONE[sign]), None)
    if sign in "gk":
        return _reference(text, sign, start)
    if sign == "N":
        if text.starts("{") and not re.compile(r"\{\d+(,\d*)?\}").match(text.pattern, text.at):
            raise _unsupported(start)
        return Escape(Chars(sets.complement(Chars(1 << 10)).mask, others=True), r"[^\n]")
    return Escape(literal(ord(sign), flags), sign, ord(sign))


def _shorthand(text: Text, sign: str, start: int) -> Escape:
    members = Chars(sets.SHORTHANDS[sign.lower()])
    return Escape(members if sign.islower() else sets.complement(members), "\\" + sign)


def ascii_shorthand(sign: str) -> str:
    """The members of `\\d`, `\\w` or `\\s` as a class lists them."""
    return _ASCII_SHORTHANDS[sign]


def _blanks(sign: str) -> Escape:
    members = Chars(mask_of(_BLANKS[sign.lower()]))
    rust = _BLANKS_AS_RUST[sign.lower()]
    if sign.islower():
        return Escape(members, f"[{rust}]")
    return Escape(sets.complement(members), f"[^{rust}]")


def _digits(text: Text, flags: Flags, start: int, in_class: bool) -> Escape:
    """A back-reference, or the octal number of a character."""
    text.at = start + 1
    if not in_class and text.next != "0":
        digits = text.take_while("0123456789")
        number = whole(digits)
        if number <= text.captures or (number < 10 and digits[0] not in "89"):
            if number > text.captures:
                raise BadPatternError("reference to non-existent subpattern", text.at)
            return Escape(Opaque(f"\\{number}"), None)
        text.at = start + 1
    if text.next in "89":
        code = ord(text.take())
        return Escape(literal(code, flags), chr(code), code)
    code = int(text.take_while(_OCTAL, 3), 8)
    if code > 0o377:
        reason = "octal value is greater than \\377 in 8-bit non-UTF-8 mode"
        raise BadPatternError(reason, text.at)
    return _numbered(code, flags)


def _numbered(code: int, flags: Flags) -> Escape:
    rust = f"\\x{code:02X}" if code < _END_OF_ASCII else None
    return Escape(literal(code, flags, escaped=True), rust, code)


def _coded(text: Text, flags: Flags, sign: str) -> Escape:
    """`\\x41`, `\\o{101}`, `\\cA`, `\\n` and their like."""
    if sign in _CONTROLS:
        code = _CONTROLS[sign]
        return Escape(literal(code, flags), r"\x1B" if sign == "e" else "\\" + sign, code)
    if sign == "c":
        if text.ended:
            raise BadPatternError("\\c at end of pattern", text.at)
        if not text.next.isascii():
            raise BadPatternError("\\c must be followed by an ASCII character", text.at)
        return _numbered(ord(text.take().upper()) ^ 64, flags)
    if text.take_if("{"):
        digits = text.take_while(_OCTAL if sign == "o" else _HEX)
        if not digits or not text.take_if("}"):
            raise BadPatternError(_BROKEN_HEX, text.at)
        code = int(digits, 8 if sign == "o" else 16)
        if code > 0xFF:
            reason = "character value in \\x{} or \\o{} is too large"
            raise BadPatternError(reason, text.at)
        return _numbered(code, flags)
    if sign == "o":
        raise BadPatternError("missing opening brace after \\o", text.at)
    return _numbered(int(text.take_while(_HEX, 2) or "0", 16), flags)


def _property(text: Text, sign: str) -> Escape:
    if text.ended:
        raise BadPatternError("malformed \\P or \\p sequence", text.at)
    if text.take_if("{"):
        name = text.take_until("}", "malformed \\P or \\p sequence")
        known = _PROPERTY.fullmatch(name)
    else:
        name = text.take()
        known = _LETTER.fullmatch(name)
    if not known:
        raise BadPatternError("unknown property name after \\P or \\p", text.at)
    negated = (sign == "P") != name.startswith("^")
    name = name.lstrip("^")
    rust_name = "LC" if name == "L&" else name
    found = Chars(0, beyond=frozenset({f"property {rust_name.lower()}"}))
    rust = f"\\{'P' if negated else 'p'}{{{rust_name}}}"
    node = sets.complement(found) if negated else found
    return Escape(node, None if re.match("X[a-z]|Cs", name) else rust)


def _reference(text: Text, sign: str, start: int) -> Escape:
    """`\\g` and `\\k`, in all their forms."""
    pairs = {"{": "}", "<": ">", "'": "'"}
    if not text.ended and text.next in pairs:
        closing = pairs[text.take()]
        name = text.take_until(closing, "subpattern name expected")
    elif sign == "g":
        name = text.take_while("+-", 1) + text.take_while("0123456789")
    else:
        reason = "\\k is not followed by a braced, angle-bracketed, or quoted name"
        raise BadPatternError(reason, start + 1)
    if not name:
        raise BadPatternError("a numbered reference must not be zero", text.at)
    text.check_reference(name)
    return Escape(Opaque(text.pattern[start : text.at]), None)
