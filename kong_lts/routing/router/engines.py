"""Regexes as the gateways match them: by `pcre2` and `rurex` where installed, else by `re`.

2.8 and the `traditional` router of 3.4 match with PCRE, on bytes; `traditional_compatible` with
Rust's regex, on characters. Without the packages a pattern is read as that engine reads it and
written again for `re`. The answer is then sure for a text of ASCII without line breaks, unless the
pattern holds what `re` cannot say (recursion, `\\K`, Unicode properties and the like).
"""

import functools
import re
from collections.abc import Callable
from types import ModuleType
from typing import Protocol

import attrs

from kong_lts.routing.dialect import pcre, rust
from kong_lts.routing.router.approximation import written_for_re
from kong_lts.routing.router.request import octets

__all__ = ["Engines", "PcreRegex", "Postfix", "RustRegex"]

_POSTFIX = "uri_postfix"
_REST = f"(?<{_POSTFIX}>.*)"
_LIMIT = "(*LIMIT_MATCH=10000)"
_PCRE_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|\Z)|\\[pPxgkoN](?:\{[^}]*\})?|\\.|\{(?!\d+(?:,\d*)?\})", re.DOTALL
)


class _Found(Protocol):
    def group(self, group: str | int = 0, /) -> bytes | None: ...


class _Compiled(Protocol):
    def match(self, string: bytes, /) -> _Found | None: ...

    def search(self, string: bytes, /) -> _Found | None: ...


@attrs.frozen
class Postfix:
    """What a regex path leaves of a request path; None where its last branch did not match."""

    rest: bytes | None


@attrs.frozen(eq=False)
class Engines:
    """Which engines match; a caller who wants the same answers everywhere takes none."""

    pcre2: ModuleType | None = None
    rurex: ModuleType | None = None

    @classmethod
    def installed(cls) -> "Engines":
        """Those of the extra `routing` that are there."""
        return cls(pcre2=_pcre2(), rurex=_rurex())


@functools.cache
def _pcre2() -> ModuleType | None:
    try:
        import pcre2
    except ImportError:
        return None
    return pcre2


@functools.cache
def _rurex() -> ModuleType | None:
    try:
        import rurex
    except ImportError:
        return None
    return rurex


@attrs.frozen
class _Prepared:
    """A pattern ready to match, and for which texts its answer is to be relied on."""

    compiled: _Compiled | None
    """None where no engine takes it."""
    exact: bool
    """Whether it holds for every text of ASCII without line breaks."""
    native: bool = False
    """Whether it is the engine's own answer, which holds for all texts."""

    def is_sure(self, text: bytes) -> bool:
        return self.native or (self.exact and text.isascii() and b"\n" not in text)


class PcreRegex:
    """A pattern as PCRE 8 matches it."""

    def __init__(self, pattern: str, engines: Engines) -> None:
        self.text = octets(pattern)
        self._pattern = pattern
        self._engines = engines

    @functools.cached_property
    def _alone(self) -> _Prepared:
        return _prepared_for_pcre(self._pattern, "", self._engines)

    @functools.cached_property
    def _with_rest(self) -> _Prepared:
        return _prepared_for_pcre(self._pattern, _REST, self._engines)

    def begins(self, text: bytes) -> tuple[bool, bool]:
        """Whether it matches at the start of the text, and whether that is sure."""
        return self._ask(self._alone, lambda compiled: compiled.match(text), text)

    def occurs(self, text: bytes) -> tuple[bool, bool]:
        """Whether it matches anywhere in the text, and whether that is sure."""
        return self._ask(self._alone, lambda compiled: compiled.search(text), text)

    def postfix(self, text: bytes) -> tuple[Postfix | None, bool]:
        """What is left of the text behind a match at its start; None if there is no match."""
        prepared = self._with_rest
        if prepared.compiled is None:
            return None, prepared.native
        try:
            found = prepared.compiled.match(text)
        except Exception as exc:  # noqa: BLE001 - the limit has an error of the package
            return None, _reraise_unless_limit(exc)
        if found is None:
            return None, prepared.is_sure(text)
        try:
            rest = found.group(_POSTFIX)
        except (IndexError, KeyError):
            rest = None
        return Postfix(rest), prepared.is_sure(text)

    def _ask(
        self, prepared: _Prepared, ask: Callable[[_Compiled], _Found | None], text: bytes
    ) -> tuple[bool, bool]:
        if prepared.compiled is None:
            return False, False
        try:
            return ask(prepared.compiled) is not None, prepared.is_sure(text)
        except Exception as exc:  # noqa: BLE001
            return False, _reraise_unless_limit(exc)
