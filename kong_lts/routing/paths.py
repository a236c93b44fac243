"""Route paths: 2.8's guess whether one is a regex, normalising, and 3.4's migration of it.

Kong compares bytes, Python compares characters. Every function here takes and returns `str`; bytes
that are not UTF-8 travel in it as `surrogateescape` has them.
"""

import re
from collections.abc import Callable

__all__ = [
    "already_migrated",
    "is_regex_28",
    "migrate_path",
    "normalise",
    "normalise_regex",
    "octets",
]

_PLAIN = re.compile(
    rb"[a-zA-Z0-9.\-_~/%]*$"
)  # `$` lets one newline at the end pass, as PCRE's does
_TRIPLET = re.compile(rb"%([0-9a-fA-F]{2})")
_RESERVED = frozenset(b"!#$%&'()*+,/:;=?@[]")
_REGEX_SPECIAL = frozenset(b".^-{}\\|")


def is_regex_28(path: str) -> bool:
    """Whether 2.8 takes *path* for a regex: it holds anything but `a-z A-Z 0-9 . - _ ~ / %`.

    3.4 does not guess: there a path is a regex when it starts with `~`.

    Source:
        Kong/kong 2.8.5 kong/router.lua.
    """
    return _PLAIN.match(octets(path)) is None


def already_migrated(path: str) -> bool:
    """Whether *path* is a regex as 3.x writes it, `~/...`; no 2.8 schema accepts such a path."""
    return path.startswith("~/")


def normalise(path: str) -> str:
    """The plain path that 3.4 stores and compares: decoded, without dot segments, slashes merged.

    Triplets of reserved characters stay, in upper case (`%2f` becomes `%2F`); a `%` without two
    hexadecimal digits behind it stays too.

    Source:
        Kong/kong 3.4.2 kong/tools/uri.lua, RFC 3986 sections 2.2 and 5.2.4.
    """
    if path in ("", "/"):
        return path
    data = _TRIPLET.sub(_decoder(_raw), octets(path))
    if b"." in data or b"//" in data:
        data = _without_dot_segments(data)
    return _text(data)


def normalise_regex(path: str) -> str:
    """The regex *path* with its triplets decoded; a decoded `. ^ - { } \\ |` gets a backslash.

    Source:
        Kong/kong 3.4.2 kong/db/migrations/migrate_path_280_300.lua.
    """
    return _text(_TRIPLET.sub(_decoder(_quoted), octets(path)))


def migrate_path(path: str) -> str:
    """What the 3.4 database migration makes of a 2.8 path.

    A plain path is normalised; a regex gets a `~` in front and its triplets decoded. A 2.8 database
    holds only paths that start with `/`. One that starts with `~` was written by 3.x, or migrated
    before, and comes back as it is: Kong itself has no such guard, and its own second run makes
    `~~/x` of `~/x`.

    Args:
        path: As the `routes` table, or a declarative file of format 1.1 or 2.1, has it.

    Source:
        Kong/kong 3.4.2 kong/db/migrations/migrate_path_280_300.lua.
    """
    if path.startswith("~"):
        return path
    return "~" + normalise_regex(path) if is_regex_28(path) else normalise(path)


def octets(text: str) -> bytes:
    """The bytes of a text, among them those that are not UTF-8.

    A lone surrogate, which no file or request can hold, becomes three bytes that are no UTF-8.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _decoder(written: Callable[[int], bytes]) -> Callable[[re.Match[bytes]], bytes]:
    """A replacement for a triplet: reserved ones in upper case, others as *written* has them."""

    def decode(triplet: re.Match[bytes]) -> bytes:
        byte = int(triplet[1], 16)
        return triplet[0].upper() if byte in _RESERVED else written(byte)

    return decode


def _raw(byte: int) -> bytes:
    return bytes((byte,))


def _quoted(byte: int) -> bytes:
    return b"\\" + _raw(byte) if byte in _REGEX_SPECIAL else _raw(byte)


def _without_dot_segments(data: bytes) -> bytes:
    """RFC 3986 dot segment removal that also merges slashes."""
    first, *segments = data.split(b"/")
    kept = [] if first in (b"", b".", b"..") else [first]
    for segment in segments:
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(b"/" + segment)
    if segments and segments[-1] in (b"", b".", b".."):
        kept.append(b"/")
    return b"".join(kept)
