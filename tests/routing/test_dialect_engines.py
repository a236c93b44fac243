"""The dialect against engines of today, `pcre2` and `rurex`, on what is made up here.

Both are newer than what Kong has: what they changed since is not made up here. The engines of the
releases themselves are recorded in `test_dialect.py`.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.routing.dialect.verdict import Flavor, verdict
from tests.conftest import counted

pcre2 = pytest.importorskip("pcre2", reason="pcre2 is not installed")
rurex = pytest.importorskip("rurex", reason="rurex is not installed")

AS_COMPAT = Flavor(anchored=True, named_in_python_style=True)

LITERALS = [
    *("a", "b", "ab", "foo", "/", "-", ".", "~", "_", "0", "12", "&", "é", "{id}", "?<", "[<]"),
    *(r"\.", r"\/", r"\Z", r"\h", r"\Qa.b\E", r"\101", r"\cA", r"\e", r"\x41", r"\v", r"\N", r"\0"),
]
CLASSES = [
    *("[a-z]", "[^/]", "[[a]", "[a[b]", "[a-z&&b]", "[+--]", "[a~~b]", r"[\b]", "[?<]"),
    *(r"[\h]", r"[\101]", r"[\d-]", "[--a]", r"\d", r"\w", r"\s", ".", "[]a]", "[a-c-e]"),
]
REFUSED = [r"(?=a)", r"(?!b)", r"(?<=a)", r"\K", r"\R", r"(*F)"]
QUANTIFIERS = [
    "",
    "",
    "",
    "",
    "+",
    "*",
    "?",
    "{2}",
    "{1,2}",
    "{2,}",
    "++",
    "*+",
    "?+",
    "+?",
    "{2}+",
]
GROUPS = ["(", "(?:", "(?>", "(?<n>", "(?P<m>", "(?'q'", "(?i:", "(?#c)(?:", "(?x: "]


def parts(depth: int = 0) -> st.SearchStrategy[str]:
    """A piece of a pattern."""
    single = st.sampled_from([*LITERALS, *CLASSES]) | st.sampled_from(REFUSED)
    if depth == 2:
        return single
    inner = st.lists(series(depth + 1), min_size=1, max_size=2).map("|".join)
    return single | st.tuples(st.sampled_from(GROUPS), inner).map(lambda g: f"{g[0]}{g[1]})")


def series(depth: int) -> st.SearchStrategy[str]:
    piece = st.tuples(parts(depth), st.sampled_from(QUANTIFIERS)).map("".join)
    return st.lists(piece, min_size=1, max_size=3).map("".join)


patterns = st.lists(series(0).map(lambda s: f"/{s}"), min_size=1, max_size=2).map("|".join)
ascii_paths = st.lists(
    st.text(st.sampled_from("ab/12.-_ foAZ~&[]{}<?"), max_size=6).map(lambda s: f"/{s}"),
    max_size=12,
)
other_paths = st.lists(
    st.text(st.sampled_from("a1é१K/"), max_size=4).map(lambda s: f"/{s}"), max_size=8
)


def by_pcre(pattern: str, path: str) -> bool:
    """Anchored, on bytes, as 2.8 has it."""
    return pcre2.compile(pattern.encode()).match(path.encode()) is not None


def by_rust(pattern: str, path: str) -> bool:
    return bool(as_rust(pattern).is_match(path))


def as_rust(pattern: str) -> Any:
    """The bare engine: `rurex.compile` first applies rules of Python's `re`."""
    return rurex.compile_set([AS_COMPAT.compiled(pattern)])


def is_taken(pattern: str) -> bool:
    try:
        as_rust(pattern)
    except rurex.PatternError:
        return False
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":  # it cannot show the place behind an é
            raise
        return False
    return True


@settings(max_examples=counted(4000))
@given(pattern=patterns)
def test_what_the_dialect_refuses_rust_refuses(pattern: str) -> None:
    found = verdict(pattern, AS_COMPAT)

    assert (found.refusal is None) == is_taken(pattern)


@settings(max_examples=counted(4000))
@given(pattern=patterns, paths=ascii_paths)
def test_a_clean_pattern_matches_the_same_paths_in_both(pattern: str, paths: list[str]) -> None:
    found = verdict(pattern, AS_COMPAT)
    if found.refusal or found.not_pcre or found.differs:
        return

    assert [by_pcre(pattern, p) for p in paths] == [by_rust(pattern, p) for p in paths]


@settings(max_examples=counted(6000))
@given(pattern=patterns, paths=ascii_paths)
def test_a_rewrite_matches_in_both_engines_what_the_pattern_matched(
    pattern: str, paths: list[str]
) -> None:
    rewritten = verdict(pattern, AS_COMPAT).rewritten
    if rewritten is None:
        return

    wanted = [by_pcre(pattern, path) for path in paths]
    assert [by_rust(rewritten, path) for path in paths] == wanted
    assert [by_pcre(rewritten, path) for path in paths] == wanted


@settings(max_examples=counted(4000))
@given(pattern=patterns, paths=other_paths)
def test_the_ascii_form_keeps_other_scripts_out_as_pcre_did(pattern: str, paths: list[str]) -> None:
    ascii_only = verdict(pattern, AS_COMPAT).ascii_only
    if ascii_only is None:
        return

    wanted = [by_pcre(pattern, path) for path in paths]
    assert [by_rust(ascii_only, path) for path in paths] == wanted
