"""Regexes: what stands in for an engine agrees with it or says so, and what a match must hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts import routing
from kong_lts.routing import Request
from kong_lts.routing.router.engines import Engines, PcreRegex, Postfix, RustRegex
from kong_lts.routing.router.samples import samples
from tests.conftest import counted

NONE = Engines()
PIECES = (
    *("a", "b1", "/", "/v1/", r"\.", r"\d", r"\w+", "[a-c]", "[^/]+", "(a|b)", "(?:x|/y)?", "a*"),
    *("(?<n>b)", "(?i)Q", "{2}", "{,2}", "{id}", "|", "$", "^", "(?=a)", r"\1", "++", ".", ".*?"),
    *(r"\b", "(?s).", "[[:alpha:]]", r"\Qa.\E", r"\p{L}", "é"),
)
PATTERNS = st.lists(st.sampled_from(PIECES), max_size=6).map(lambda found: "/" + "".join(found))
TEXTS = st.text("ab1x/.{}idQqé\n", max_size=8).map(lambda text: f"/{text}".encode())


@pytest.fixture(scope="module")
def installed() -> Engines:
    """Both engines of the extra `routing`."""
    for engine in ("pcre2", "rurex"):
        pytest.importorskip(engine, reason=f"{engine} of the extra `routing` is not installed")
    return Engines.installed()


@settings(max_examples=counted(1000))
@given(pattern=PATTERNS, texts=st.lists(TEXTS, max_size=8))
def test_what_stands_in_for_pcre_agrees_or_is_not_sure(
    installed: Engines, pattern: str, texts: list[bytes]
) -> None:
    own, real = PcreRegex(pattern, NONE), PcreRegex(pattern, installed)

    for text in [*texts, *(sample.encode() for sample in samples(pattern))]:
        for found, wanted in (
            (own.begins(text), real.begins(text)),
            (own.occurs(text), real.occurs(text)),
            (own.postfix(text), real.postfix(text)),
        ):
            assert found[0] == wanted[0] or not found[1] or not wanted[1], (pattern, text)


@settings(max_examples=counted(1000))
@given(pattern=PATTERNS, texts=st.lists(TEXTS, max_size=8))
def test_what_stands_in_for_rust_agrees_or_is_not_sure(
    installed: Engines, pattern: str, texts: list[bytes]
) -> None:
    own, real = RustRegex(f"^{pattern}", NONE), RustRegex(f"^{pattern}", installed)

    for text in [*texts, *(sample.encode() for sample in samples(pattern))]:
        found, wanted = own.found(text.decode()), real.found(text.decode())
        assert found[0] == wanted[0] or not found[1], (pattern, text)


@settings(max_examples=counted(1000))
@given(pattern=PATTERNS, texts=st.lists(TEXTS, max_size=8))
def test_a_path_that_matches_holds_the_landmarks(pattern: str, texts: list[bytes]) -> None:
    regex, rust = PcreRegex(pattern, NONE), RustRegex(f"^{pattern}", NONE)

    for text in [*texts, *(sample.encode() for sample in samples(pattern))]:
        if not text.startswith(b"/"):
            continue
        for taken, known in (
            (regex.begins(text)[0], regex.landmarks),
            (rust.found(text.decode())[0] is not None, rust.landmarks),
        ):
            if taken:
                assert text.startswith(known.prefix)
                segments = text.split(b"/")
                assert known.segment is None or any(s.startswith(known.segment) for s in segments)


@pytest.mark.parametrize(
    ("pattern", "prefix", "segment"),
    [
        (r"/users/\d+", b"/users/", b"users"),
        ("/users", b"/users", b"users"),
        ("/a(b|c)/items/x", b"/a", b"items"),
        (r"/v\d+/users$", b"/v", b"users"),
        ("/(?i)users/x", b"/", None),
        ("/a?b/c", b"/", b"c"),
        (r"/a\.b/", b"/a.b/", b"a.b"),
        ("/a|/b", b"/", None),
        ("/a+/bc/", b"/a", b"bc"),
    ],
)
def test_the_landmarks_of_a_pattern(pattern: str, prefix: bytes, segment: bytes | None) -> None:
    known = PcreRegex(pattern, NONE).landmarks

    assert (known.prefix, known.segment) == (prefix, segment)


def test_rust_anchors_only_the_first_alternative() -> None:
    assert RustRegex("^/a|/b/c/", NONE).landmarks.prefix == b""
    assert RustRegex("^/a|/b", NONE).found("/c/b") == ("/b", True)
    assert RustRegex("^/(?:a|b)", NONE).found("/c/b") == (None, True)


@pytest.mark.parametrize(
    ("pattern", "text", "left"),
    [
        ("/a", b"/a/b", Postfix(b"/b")),
        ("/a", b"/b", None),
        (r"/(\d)", b"/12", Postfix(b"2")),
        ("/a|/b", b"/a/b", Postfix(None)),
        ("/a|/b", b"/b/a", Postfix(b"/a")),
        ("/a(?<uri_postfix>.*)", b"/ab", None),
        ("/a{,2}", b"/a{,2}x", Postfix(b"x")),
        ("/a{,2}", b"/aa", None),
    ],
)
@pytest.mark.parametrize("engines", [NONE, Engines.installed()], ids=["re", "installed"])
def test_a_regex_leaves_what_is_behind_its_match(
    engines: Engines, pattern: str, text: bytes, left: Postfix | None
) -> None:
    assert PcreRegex(pattern, engines).postfix(text) == (left, True)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("/a", "/é"), ("/a", "/a\n"), (r"/\p{L}", "/a"), (r"/\p{L}", "/1")],
)
def test_what_stands_in_is_not_sure_beyond_ascii_lines_and_of_properties(
    pattern: str, text: str
) -> None:
    assert not PcreRegex(pattern, NONE).begins(text.encode())[1]
    assert not RustRegex(f"^{pattern}", NONE).found(text)[1]
    assert PcreRegex("/a", NONE).begins(b"/a") == (True, True)


@pytest.mark.parametrize(("path", "found"), [("/(?<uri_postfix>a)", None), ("/(?<rest>a)", "r")])
def test_a_group_of_the_name_that_kong_adds_breaks_the_regex(
    path: str, found: str | None, installed: Engines
) -> None:
    """Not the one that finds out what is hit, but the one that tells what is left."""
    config = {"_format_version": "2.1", "routes": [{"name": "r", "paths": [path]}]}

    match = routing.router(config, release="2.8", engines=installed).match(Request(path="/a"))

    assert (match and match.route) == found


def test_a_pattern_that_no_engine_takes_never_matches() -> None:
    assert PcreRegex("/(", NONE).begins(b"/(") == (False, True)
    assert RustRegex("^/(?=a)", NONE).found("/a") == (None, True)
    assert not RustRegex("^/(?=a)", NONE).compiles


def test_a_limit_that_is_reached_is_no_answer(installed: Engines) -> None:
    regex = PcreRegex("/(a+)+$", installed)

    assert regex.postfix(b"/" + b"a" * 40 + b"b") == (None, False)


def test_rust_takes_characters_and_pcre_bytes(installed: Engines) -> None:
    assert RustRegex("^/.$", installed).found("/é") == ("/é", True)
    assert PcreRegex("/.$", installed).begins("/é".encode()) == (False, True)
    assert RustRegex(r"^/\d$", installed).found("/१") == ("/१", True)


@pytest.mark.parametrize(
    "pattern",
    [r"/\d+", "/(a|b)/x", "/a{2,5}", "/[^/]+/y", r"/(\w)\1", "/(?!admin)[a-z]+", "/x?", "/é"],
)
def test_the_samples_of_a_pattern_match_it(pattern: str) -> None:
    found = samples(pattern)

    assert any(PcreRegex(pattern, Engines.installed()).begins(one.encode())[0] for one in found)
    assert len(found) <= 8


def test_a_pattern_that_pcre_refuses_has_no_samples() -> None:
    assert samples("/(") == []
