"""Regexes as the gateways match them: by `pcre2` and `rurex` where installed, else by `re`.

2.8 and the `traditional` router of 3.4 match with PCRE, on bytes; `traditional_compatible` matches
with Rust's regex, on characters. Without the packages a pattern is read as its engine reads it and
written again for `re`. The answer is then sure for a text of ASCII without line breaks, unless the
pattern holds what `re` cannot say: recursion, `\\K`, Unicode properties and the like.
"""

import contextlib
import functools
import re
from types import ModuleType
from typing import Generic, TypeVar

import attrs

from kong_lts.routing.dialect import pcre, rust
from kong_lts.routing.dialect.tree import Assertion, Node, Series, choice
from kong_lts.routing.paths import octets
from kong_lts.routing.router.approximation import (
    Landmarks,
    ends_surely,
    landmarks,
    written_for_re,
)

__all__ = ["Engines", "PcreRegex", "Postfix", "RustRegex"]

S = TypeVar("S", str, bytes)

_POSTFIX = "uri_postfix"
_REST = f"(?<{_POSTFIX}>.*)"
_COMPILED = 2048
"""Patterns that Rust has compiled at once: one takes about 60 kB, where PCRE needs 1 kB."""
_LIMIT = "(*LIMIT_MATCH=10000)"
_PCRE2_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|\Z)|\\[pPxgkoN](?:\{[^}]*\})?|\\.|\{(?!\d+(?:,\d*)?\})", re.DOTALL
)


@attrs.frozen
class Postfix:
    """What a regex path leaves of a request path; None where its last branch did not match."""

    rest: bytes | None


@attrs.frozen
class Engines:
    """Which engines match; none gives the same answers on every machine, fewer of them sure."""

    pcre2: ModuleType | None = None
    rurex: ModuleType | None = None

    @classmethod
    def installed(cls) -> "Engines":
        """Those of the extra `routing` that are there."""
        return cls(_pcre2(), _rurex())


@functools.cache
def _pcre2() -> ModuleType | None:
    try:
        import pcre2 as package
    except ImportError:
        return None
    return _module(package)


@functools.cache
def _rurex() -> ModuleType | None:
    try:
        import rurex as package
    except ImportError:
        return None
    return _module(package)


def _module(package: ModuleType) -> ModuleType:
    """For the type checker, to which a package without types is anything."""
    return package


@attrs.frozen
class _Prepared(Generic[S]):
    """A pattern ready to match."""

    compiled: re.Pattern[S] | None
    """Or what another engine has in its place; None where none takes it: it never matches."""
    native: bool
    """Whether it is the engine's own answer, which holds for every text."""
    exact: bool = True
    """Whether it holds at least for ASCII without line breaks."""
    ends: bool = True
    """Whether then the end of a match holds too."""
    limit: type[Exception] | tuple[()] = ()
    """What is raised where the engine gives up."""

    def find(self, text: S, *, anchored: bool) -> tuple[re.Match[S] | None, bool]:
        """The match, if there is one, and whether that is sure."""
        if self.compiled is None:
            return None, self.exact
        try:
            found = self.compiled.match(text) if anchored else self.compiled.search(text)
        except self.limit:
            return None, False
        return found, self.native or (self.exact and _is_plain(text))


def _is_plain(text: str | bytes) -> bool:
    return text.isascii() and ("\n" if isinstance(text, str) else b"\n") not in text  # type: ignore[operator] # both of one type


class PcreRegex:
    """A pattern as PCRE 8 matches it; compiled when it is first asked."""

    def __init__(self, pattern: str, engines: Engines) -> None:
        self.text = octets(pattern)
        self._pattern = pattern
        self._engines = engines

    @functools.cached_property
    def _alone(self) -> _Prepared[bytes]:
        return _prepared_pcre(self._pattern, self._engines)

    @functools.cached_property
    def _with_rest(self) -> _Prepared[bytes]:
        return _prepared_pcre(self._pattern + _REST, self._engines, limit=_LIMIT)

    def begins(self, text: bytes) -> tuple[bool, bool]:
        """Whether it matches at the start of the text, and whether that is sure."""
        found, sure = self._alone.find(text, anchored=True)
        return found is not None, sure

    def occurs(self, text: bytes) -> tuple[bool, bool]:
        """Whether it matches anywhere in the text, and whether that is sure."""
        found, sure = self._alone.find(text, anchored=False)
        return found is not None, sure

    @property
    def takes_a_rest(self) -> bool:
        """Whether the engine still takes it when Kong has added the group for what is left."""
        return self._with_rest.compiled is not None

    def postfix(self, text: bytes) -> tuple[Postfix | None, bool]:
        """What is left behind a match at the start, None for no match; and whether that is sure."""
        found, sure = self._with_rest.find(text, anchored=True)
        if found is None:
            return None, sure
        sure = sure and self._with_rest.ends
        try:
            return Postfix(found.group(_POSTFIX)), sure
        except (IndexError, KeyError):  # the pattern ends in an open quotation or comment
            return Postfix(None), sure

    @functools.cached_property
    def landmarks(self) -> Landmarks:
        """What is in every path at whose start it matches."""
        try:
            return landmarks(pcre.read(self._pattern).tree, anchored=True)
        except pcre.BadPatternError:
            return Landmarks()


def _prepared_pcre(pattern: str, engines: Engines, *, limit: str = "") -> _Prepared[bytes]:
    if engines.pcre2 is not None:
        text = octets(limit + _PCRE2_TOKEN.sub(_as_pcre_8, pattern))
        error: type[Exception] = engines.pcre2.LibraryError
        try:
            # Kong asks for matches at the start, for which PCRE's compiler to machine code is no
            # help here: it would have to be told when compiling.
            return _Prepared(engines.pcre2.compile(text, jit=False), native=True, limit=error)
        except error:
            return _Prepared(None, native=True)
    try:
        # All branches: `tree` leaves out what no path begins with, but a header may.
        tree = choice([branch.node for branch in pcre.read(pattern).branches])
    except pcre.BadPatternError:
        return _Prepared(None, native=True)
    written = written_for_re(tree, of_bytes=True)
    return _stand_in(
        written.text.encode("latin-1"), written.exact, ends_surely(pattern.removesuffix(_REST))
    )


def _as_pcre_8(token: re.Match[str]) -> str:
    """Braces that are no quantifier to PCRE 8 are text; PCRE2 takes more of them for one."""
    return "\\{" if token[0] == "{" else token[0]


def _stand_in(pattern: S, exact: bool, ends: bool) -> _Prepared[S]:
    try:
        return _Prepared(re.compile(pattern), native=False, exact=exact, ends=ends)
    except (re.error, RecursionError, OverflowError):
        return _Prepared(None, native=False, exact=False)


class RustRegex:
    """A pattern as Rust's regex matches it; compiled when it is asked."""

    def __init__(self, pattern: str, engines: Engines) -> None:
        self._pattern = pattern
        self._engines = engines

    def found(self, text: str) -> tuple[str | None, bool]:
        """The first match in the text, and whether that is sure."""
        prepared = _prepared_rust(self._pattern, self._engines)
        match, sure = prepared.find(text, anchored=False)
        if match is None:
            return None, sure
        return match.group(), sure and prepared.ends

    @property
    def compiles(self) -> bool:
        """Whether Rust takes it at all; a route with a header for which it does not is dropped."""
        return _rust_tree(self._pattern) is not None

    @functools.cached_property
    def landmarks(self) -> Landmarks:
        """What is in every path in which it matches."""
        tree = _rust_tree(self._pattern)
        if tree is None:
            return Landmarks()
        anchored = isinstance(tree, Series) and tree.items[:1] == (Assertion("start"),)
        return landmarks(tree, anchored=anchored)


def _rust_tree(pattern: str) -> Node | None:
    try:
        return rust.read(pattern)
    except rust.RefusedError:
        return None


@functools.lru_cache(maxsize=_COMPILED)
def _prepared_rust(pattern: str, engines: Engines) -> _Prepared[str]:
    tree = _rust_tree(pattern)
    if tree is None:
        return _Prepared(None, native=True)
    if engines.rurex is not None:
        # It refuses a few patterns that `re` refuses, such as flags in the middle.
        with contextlib.suppress(engines.rurex.error):
            return _Prepared(engines.rurex.compile(pattern), native=True)
    written = written_for_re(tree, of_bytes=False)
    return _stand_in(written.text, written.exact, ends_surely(pattern.removesuffix(_REST)))
