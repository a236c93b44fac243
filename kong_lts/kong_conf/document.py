"""KongConf: a kong.conf as it stands, every byte of it, and what Kong's parser sees in it."""

import functools
import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeVar, cast

import attrs

from kong_lts.errors import ConfError
from kong_lts.files import read_bytes

__all__ = ["BLANKS", "BOM", "MAX_BYTES", "KongConf", "Section", "Setting", "parse", "read"]

Answer = TypeVar("Answer")

MAX_BYTES = 16 << 20
"""Largest kong.conf that is read: 16 MiB. The commented file that Kong ships has 80 kB."""

BOM = "\ufeff"
"""Byte order mark; Kong does not know it."""

BLANKS = " \t\n\v\f\r"
"""What Lua calls a blank; Python's own idea of one is wider."""

_STATEMENT = re.compile(r"^[ \t\v\f\r]*(?![#; \t\n\v\f\r])[^\n]+", re.MULTILINE)
"""A line that is neither blank nor a comment."""
_SECTION = re.compile(r"\[([^\]]+)\]")
_NOT_IN_A_KEY = re.compile(r"[^0-9A-Za-z]")

_TEMPLATE = re.compile(r"\{\{|\{%|\{#|<%|\$\{[^${}]*\}|\A\$[A-Za-z_][A-Za-z0-9_]*\Z|\A\$\(")
"""Jinja, Helm, ERB or etlua, and the shell's variables."""
_MARKUP = re.compile(r"\{\{|\{%|\{#|<%")
_BRANCH = re.compile(r"\s*(?:\{%|<%(?!=)|\{\{-?\s*(?:if|else|end|range|with)\b)")
"""A line that decides whether the lines below it are there."""
_NGINX = "nginx_"
"""Directives of nginx have variables of their own, so that a `$` there says nothing."""


@attrs.frozen(kw_only=True)
class Setting:
    """One `key = value` of a kong.conf, as Penlight's parser finds it; alike in both releases."""

    key: str
    """As Kong knows it: every character but letters and digits is a `_`."""
    written: str
    """As it stands in the file."""
    raw: str = attrs.field(repr=False)
    """The value with its trailing comment, from the first character that is no blank."""
    line: int
    last_line: int
    """Further down than `line` where the lines are joined by a backslash."""
    start: int
    """Where its first line starts in the text."""
    end: int
    """Where its last line ends, before the line end."""
    lost: bool = False
    """Below a `[section]`: no release reads it."""

    @property
    def value_at(self) -> int | None:
        """Where the value starts in the text, None if it runs over several lines."""
        return self.end - len(self.raw) if self.line == self.last_line else None

    @property
    def is_template(self) -> bool:
        """Whether the line is to be filled in by a tool, so that nobody knows the value yet."""
        if self.written_by_template:
            return True
        pattern = _MARKUP if self.key.startswith(_NGINX) else _TEMPLATE
        return bool(pattern.search(self.raw.strip(BLANKS)))

    @property
    def written_by_template(self) -> bool:
        """Whether even the key is to be filled in."""
        return bool(_MARKUP.search(self.written))


@attrs.frozen(kw_only=True)
class Section:
    """A line that starts with `[`: whatever follows it is lost."""

    line: int
    start: int
    text: str = attrs.field(repr=False)

    @property
    def name(self) -> str | None:
        """What is between the brackets; None makes the parser crash."""
        found = _SECTION.search(self.text, 0, self.text.rfind("]") + 1)
        return key_of(found[1]) if found else None


def _frozen(given: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(given))


@attrs.define
class _Statements:
    """What a text says, in the order of its lines."""

    settings: list[Setting] = attrs.field(factory=list)
    sections: list[Section] = attrs.field(factory=list)
    without_value: list[int] = attrs.field(factory=list)
    branches: list[int] = attrs.field(factory=list)
    unfinished: tuple[int, int] | None = None
    """Line and place of a statement that a backslash leaves open at the end."""
    last_line: int = 0
    """Where it starts."""


@attrs.frozen(kw_only=True)
class KongConf:
    """A kong.conf and the environment of the process that reads it; `str()` is the file's text."""

    text: str = attrs.field(repr=False)  # may hold passwords
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False, converter=_frozen)
    path: str | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Every assignment, in the order of the file; the last one of a key counts."""
        return tuple(self._statements.settings)

    @property
    def sections(self) -> tuple[Section, ...]:
        """Lines that start with `[`."""
        return tuple(self._statements.sections)

    @property
    def without_value(self) -> tuple[int, ...]:
        """Numbers of the lines that are no assignment and are passed over."""
        return tuple(self._statements.without_value)

    @property
    def unfinished(self) -> int | None:
        """Number of the last line's first line, if it ends in a backslash and so is lost."""
        unfinished = self._statements.unfinished
        return unfinished[0] if unfinished else None

    @property
    def open_at(self) -> int:
        """Where lines can be added: at the end, or above what would swallow or change with them.

        That is a section, a last line with a backslash at its end, and a last line without a line
        end, which would have to get one.
        """
        places = [section.start for section in self.sections[:1]]
        if self._statements.unfinished:
            places.append(self._statements.unfinished[1])
        if not self.text.endswith("\n"):
            places.append(self._statements.last_line)
        return min(places, default=len(self.text))

    @functools.cached_property
    def by_key(self) -> Mapping[str, Setting]:
        """The assignment that counts, by key; those below a section are not in it."""
        return {setting.key: setting for setting in self.settings if not setting.lost}

    def remembered(self, asked: tuple[object, ...], work: Callable[[], Answer]) -> Answer:
        """What some work on this file gives, done once: a rewrite after a comparison is cheap.

        Args:
            asked: What the work depends on, itself included.
        """
        if asked not in self._memory:
            self._memory[asked] = work()
        return cast("Answer", self._memory[asked])

    @functools.cached_property
    def _memory(self) -> dict[tuple[object, ...], object]:
        return {}

    @functools.cached_property
    def all_by_key(self) -> Mapping[str, tuple[Setting, ...]]:
        """Every assignment that a release sees, by key; the one that counts is the last."""
        found: dict[str, list[Setting]] = {}
        for setting in self.settings:
            if not setting.lost:
                found.setdefault(setting.key, []).append(setting)
        return {key: tuple(settings) for key, settings in found.items()}

    @functools.cached_property
    def alternatives(self) -> frozenset[str]:
        """Keys that several branches of a template set, so that nobody knows which line counts."""
        if not self._statements.branches:
            return frozenset()
        found = self.all_by_key.items()
        return frozenset(key for key, lines in found if self.are_apart(lines[0], lines[-1]))

    def are_apart(self, one: Setting, other: Setting) -> bool:
        """Whether a template chooses between the lines of two assignments."""
        first, last = sorted((one.line, other.line))
        branches = self._statements.branches
        return bisect_right(branches, first) < bisect_left(branches, last)

    @functools.cached_property
    def _statements(self) -> _Statements:
        return _read_statements(self.text)


def parse(
    text: str | bytes, *, environ: Mapping[str, str] | None = None, path: str | None = None
) -> KongConf:
    """Take a kong.conf as it stands; nothing is judged but whether it is a text at all.

    Args:
        text: The file. Bytes that are no UTF-8 are kept, as surrogates.
        environ: Environment of the Kong process; `KONG_*` variables beat the file.
        path: What findings and errors call the file.

    Raises:
        ConfError: It holds a NUL, or is larger than `MAX_BYTES`.
    """
    if len(text) > MAX_BYTES:
        raise ConfError(f"it has more than {MAX_BYTES} bytes; this is no kong.conf", path=path)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if (at := text.find("\0")) >= 0:
        line = text.count("\n", 0, at) + 1
        reason = f"a NUL byte at character {at - text.rfind(chr(10), 0, at)}; this is no text"
        raise ConfError(reason, path=path, line=line)
    return KongConf(text=text, environ=environ or {}, path=path)


def read(path: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None) -> KongConf:
    """Read a kong.conf from a file.

    Args:
        path: A regular file.
        environ: As for `parse`.

    Raises:
        UnreadableFileError: It is missing, no regular file or too large.
        ConfError: As for `parse`.
    """
    name = os.fspath(path)
    return parse(read_bytes(name, max_bytes=MAX_BYTES), environ=environ, path=name)


def key_of(written: str) -> str:
    """The key as Kong knows it; a character beyond ASCII counts once per byte."""
    if written.isascii() and written.isidentifier():
        return written
    return _NOT_IN_A_KEY.sub(lambda found: "_" * len(bytes_of(found[0])), written)


def bytes_of(character: str) -> bytes:
    """The bytes of a character in the file; one that is no UTF-8 travels as a surrogate."""
    is_byte = "\udc80" <= character <= "\udcff"
    return character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")


@attrs.define
class _Joined:
    """Lines on their way to one statement."""

    text: str
    line: int
    last_line: int
    start: int
    end: int
    unfinished: bool = False


def _read_statements(text: str) -> _Statements:
    found = _Statements(last_line=text.rfind("\n") + 1)
    settings = found.settings
    for joined in _joined_lines(text):
        if joined.end == len(text):
            found.last_line = joined.start
        if joined.unfinished:
            found.unfinished = (joined.line, joined.start)
        elif joined.text.startswith("["):
            found.sections.append(Section(line=joined.line, start=joined.start, text=joined.text))
        elif (setting := _assignment(joined, lost=bool(found.sections))) is not None:
            settings.append(setting)
        elif not _MARKUP.search(joined.text):
            found.without_value.append(joined.line)
        if "%" in joined.text or "{{" in joined.text:
            found.branches += [joined.line] if _BRANCH.match(joined.text) else []
    return found


def _joined_lines(text: str) -> Iterator[_Joined]:
    """The statements of a text, those with a backslash at the end joined with their next line.

    A text that ends within a statement loses it, as in Kong.
    """
    pieces: list[str] = []
    line, counted, first, start = 1, 0, 1, 0
    for found in _STATEMENT.finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        if not pieces:
            first, start = line, found.start()
        content = found[0]
        stripped = content.rstrip(BLANKS)
        if stripped.endswith("\\"):
            pieces.append(stripped[:-1])
            continue
        whole = "".join([*pieces, content]) if pieces else content
        yield _Joined(whole, first, line, start, found.end())
        pieces = []
    if pieces:
        yield _Joined("", first, line, start, len(text), unfinished=True)


def _assignment(joined: _Joined, *, lost: bool) -> Setting | None:
    """The key and value of a statement, None if it has no `=`."""
    before, sign, after = joined.text.partition("=")
    if not sign:
        return None
    written = before.strip(BLANKS)
    raw = after.lstrip(BLANKS)
    return Setting(
        key=key_of(written),
        written=written,
        raw=raw,
        line=joined.line,
        last_line=joined.last_line,
        start=joined.start,
        end=joined.end,
        lost=lost,
    )
