"""The bytes of a declarative file as text, with what decK fills in later set aside."""

import codecs
import functools
import re
from bisect import bisect_right

import attrs

from kong_lts.errors import DeclarativeError

__all__ = ["MAX_BYTES", "PLACEHOLDER", "Source", "decode", "masked"]

MAX_BYTES = 1 << 28
"""Largest file that is read: 256 MiB. The largest measured, 300,000 routes, has 65 MB."""

PLACEHOLDER = "\ue000"
"""Stands for each character of a `${{ env "DECK_..." }}` while the text is parsed."""

_DECK_VARIABLE = re.compile(r"""\$\{\{\s*env\s+\\?["'][A-Za-z_]\w*\\?["']\s*(?:\|\s*\w+\s*)*\}\}""")
_LINE_END = re.compile(r"\r\n|\r|\n")
_BYTE_ORDER_MARK = "\ufeff"


@attrs.frozen(eq=False)
class Source:
    """A file as text, without its byte order mark."""

    text: str
    parsed: str
    """The text as the parser gets it: of the same length, decK's placeholders masked."""
    encoding: str
    mark: str
    """The byte order mark, or nothing."""

    @property
    def has_placeholders(self) -> bool:
        return self.parsed is not self.text

    @functools.cached_property
    def newline(self) -> str:
        """How its lines end."""
        found = _LINE_END.search(self.text)
        return found[0] if found else "\n"

    @functools.cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_END.finditer(self.text))]

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = bisect_right(self._line_starts, at)
        return line, at - self._line_starts[line - 1] + 1

    def encode(self, text: str) -> bytes:
        """The bytes of a text that takes the place of this one."""
        return (self.mark + text).encode(self.encoding)


def decode(data: bytes) -> Source:
    """The text of a file.

    Raises:
        DeclarativeError: It is too large, or neither UTF-8 nor, by its mark, UTF-16.
    """
    if len(data) > MAX_BYTES:
        raise DeclarativeError(f"the file has {len(data)} bytes, more than {MAX_BYTES}")
    encoding = "utf-8"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16-le" if data.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        before = data[: exc.start]
        line, column = before.count(b"\n") + 1, exc.start - before.rfind(b"\n")
        reason = f"byte {column} of the line is not {encoding.upper()}"
        raise DeclarativeError(reason, line=line) from None
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    text = text.removeprefix(mark)
    return Source(text, masked(text), encoding, mark)


def masked(text: str) -> str:
    """The text with decK's placeholders out of the parser's way; itself where there are none."""
    if "${{" not in text:
        return text
    found, count = _DECK_VARIABLE.subn(lambda found: PLACEHOLDER * len(found[0]), text)
    return found if count else text
