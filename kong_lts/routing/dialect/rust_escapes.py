"""What a backslash begins, as regex-syntax reads it."""

import re

from kong_lts.routing.dialect import sets
from kong_lts.routing.dialect.rust_text import Flags, RefusedError, Text
from kong_lts.routing.dialect.tree import Assertion, Chars, Node

__all__ = ["read_escape", "read_property"]

_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_ASSERTIONS = {"A": "start", "z": "end", "b": "word", "B": "not word"}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_NOT_ESCAPABLE = frozenset("<>")
_WEIGHTS = {"d": 4650, "w": 48321, "s": 680, "D": 11677, "W": 45197, "S": 1925}
_PROPERTY_WEIGHT = 41610
"""Measured with regex 1.9.1: 10 MiB by how often each can be repeated; `\\p{L}` is the largest."""
_CATEGORY = re.compile(
    r"(C[cfnosu]?|L[lmotuC]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)", re.IGNORECASE
)
_BIG_CATEGORY = re.compile("[CL]|Lo|Cn|Any", re.IGNORECASE)
_UNKNOWN_CATEGORIES = frozenset({"cs"})
_SCRIPT = re.compile(r"[A-Za-z]{3,}(_[A-Za-z]+)*")
_PCRE_ONLY = re.compile(r"X\w\w")
_LARGEST_CODE = 0x10FFFF


def read_escape(text: Text, flags: Flags) -> Node:
    """An escape, its backslash next; in a class, the caller refuses assertions."""
    at = text.at
    text.take()
    if text.ended:
        raise RefusedError("incomplete escape sequence, reached end of pattern prematurely", at)
    sign = text.take()
    if sign in "0123456789":
        raise RefusedError("backreferences are not supported", at)
    if sign in _HEX_DIGITS:
        return text.checked(_hexadecimal(text, flags, at, _HEX_DIGITS[sign]), flags)
    if sign in "pP":
        return text.checked(read_property(text, flags, at, negated=sign == "P"), flags)
    if sign.lower() in sets.SHORTHANDS:
        weight = _WEIGHTS[sign] if flags.u else 0
        members = Chars(sets.SHORTHANDS[sign.lower()], weight=weight)
        return text.checked(members if sign.islower() else sets.complement(members), flags)
    if sign in _CONTROLS:
        return sets.character(_CONTROLS[sign])
    if sign in _ASSERTIONS:
        return Assertion(_ASSERTIONS[sign])
    if not sign.isascii() or sign.isalnum() or sign in _NOT_ESCAPABLE:
        raise RefusedError("unrecognized escape sequence", at)
    return sets.character(ord(sign))


def _hexadecimal(text: Text, flags: Flags, at: int, length: int) -> Chars:
    text.skip_space(flags)
    if text.take_if("{"):
        end = text.pattern.find("}", text.at)
        digits = text.pattern[text.at : end] if end >= 0 else ""
        text.at = end + 1
    else:
        digits = text.pattern[text.at : text.at + length]
        text.at += length
        if len(digits) < length:
            raise RefusedError("incomplete escape sequence, reached end of pattern prematurely", at)
    if re.fullmatch("[0-9A-Fa-f]+", digits) is None:
        raise RefusedError("invalid hexadecimal digit", at)
    code = int(digits, 16)
    if code > _LARGEST_CODE or 0xD800 <= code <= 0xDFFF:
        raise RefusedError("hexadecimal literal is not a Unicode scalar value", at)
    return sets.character(code, fold=flags.i)


def read_property(text: Text, flags: Flags, at: int, *, negated: bool) -> Chars:
    """`\\p{...}` from behind its letter."""
    if text.ended:
        raise RefusedError("incomplete escape sequence, reached end of pattern prematurely", at)
    if text.take_if("{"):
        end = text.pattern.find("}", text.at)
        if end < 0:
            raise RefusedError("incomplete escape sequence, reached end of pattern prematurely", at)
        name = text.pattern[text.at : end]
        text.at = end + 1
    else:
        name = text.take()
    if not _is_property(name):
        raise RefusedError("Unicode property not found", at)
    label = f"property {name.lower()}{' folded' if flags.i else ''}"
    weight = _PROPERTY_WEIGHT if _BIG_CATEGORY.fullmatch(name) else _PROPERTY_WEIGHT // 4
    found = Chars(0, beyond=frozenset({label}), weight=weight)
    return sets.complement(found) if negated else found


def _is_property(name: str) -> bool:
    """Whether Rust knows it, of the names that PCRE knows: categories and scripts."""
    if name.lower() in _UNKNOWN_CATEGORIES or _PCRE_ONLY.fullmatch(name):
        return False
    return bool(_CATEGORY.fullmatch(name) or _SCRIPT.fullmatch(name))
