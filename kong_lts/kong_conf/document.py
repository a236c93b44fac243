"""KongConf: a kong.conf as it stands, every byte of it; parse() and read()."""

import functools
import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar, cast

import attrs

from kong_lts.errors import ConfError
from kong_lts.files import read_bytes
from kong_lts.kong_conf.statements import Section, Setting, Statements, statements

__all__ = ["MAX_BYTES", "KongConf", "parse", "read"]

Answer = TypeVar("Answer")

MAX_BYTES = 16 << 20
"""Largest kong.conf that is read: 16 MiB. The commented file that Kong ships has 80 kB."""


def _frozen(given: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(given))


@attrs.frozen(kw_only=True)
class KongConf:
    """A kong.conf and the environment of the process that reads it; `str()` is the file's text."""

    text: str = attrs.field(repr=False)  # may hold passwords
    """The file as it is; bytes that are no UTF-8 as surrogates."""
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False, converter=_frozen)
    """Variables such as `KONG_LOG_LEVEL`; they win over the file."""
    path: str | None = None
    """Of the file; None for a text."""

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
    def _statements(self) -> Statements:
        return statements(self.text)


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
