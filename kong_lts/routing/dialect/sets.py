"""Sets of characters as both engines know them by name."""

import string

from kong_lts.routing.dialect.tree import ASCII, Chars, fold_case, mask_of

__all__ = ["POSIX", "SHORTHANDS", "character", "complement", "span", "union"]

_PUNCTUATION = mask_of(string.punctuation)
_ALPHABET = mask_of(string.ascii_letters)
_DIGITS = mask_of(string.digits)
_WORD = _ALPHABET | _DIGITS | mask_of("_")
_SPACE = mask_of(" \t\n\v\f\r")
_CONTROL = mask_of(map(chr, range(32))) | mask_of("\x7f")

SHORTHANDS = {"d": _DIGITS, "s": _SPACE, "w": _WORD}
"""ASCII members of `\\d`, `\\s` and `\\w`; PCRE has no others, Rust adds all of Unicode."""

POSIX = {
    "alnum": _ALPHABET | _DIGITS,
    "alpha": _ALPHABET,
    "ascii": ASCII,
    "blank": mask_of(" \t"),
    "cntrl": _CONTROL,
    "digit": _DIGITS,
    "graph": ASCII & ~_CONTROL & ~mask_of(" "),
    "lower": mask_of(string.ascii_lowercase),
    "print": ASCII & ~_CONTROL,
    "punct": _PUNCTUATION,
    "space": _SPACE,
    "upper": mask_of(string.ascii_uppercase),
    "word": _WORD,
    "xdigit": mask_of(string.hexdigits),
}
"""`[[:alpha:]]` and its like, ASCII in both engines."""

_END_OF_ASCII = 128


def character(code: int, *, fold: bool = False) -> Chars:
    """The set of one character."""
    if code >= _END_OF_ASCII:
        return Chars(0, beyond=frozenset({chr(code).lower() if fold else chr(code)}))
    return Chars(fold_case(1 << code) if fold else 1 << code)


def span(first: int, last: int, *, fold: bool = False) -> Chars:
    """The set of all characters from *first* to *last*."""
    mask = sum(1 << code for code in range(first, min(last, _END_OF_ASCII - 1) + 1))
    beyond = frozenset({f"{chr(first)}-{chr(last)}"}) if last >= _END_OF_ASCII else frozenset()
    return Chars(fold_case(mask) if fold else mask, beyond=beyond)


def complement(chars: Chars) -> Chars:
    """All characters that are not in the set."""
    beyond = frozenset(f"not {name}" for name in chars.beyond)
    return Chars(ASCII & ~chars.mask, not chars.others, beyond, chars.weight)


def union(left: Chars, right: Chars) -> Chars:
    """All characters that are in one of two sets."""
    return Chars(
        left.mask | right.mask,
        left.others or right.others,
        left.beyond | right.beyond,
        left.weight + right.weight,
    )
