"""What the router of 3.4 takes, what it reads in another way, and the exact rewrites."""

import json
from pathlib import Path
from typing import Any

import pytest

from kong_lts.edits import apply_edits
from kong_lts.findings import Finding, Severity
from kong_lts.routing import check_regex
from kong_lts.routing.dialect import check_header_regex, exact_rewrite
from kong_lts.routing.dialect.verdict import Flavor, verdict

COMPATIBLE = "traditional_compatible"
RECORDED = Path(__file__).parents[1] / "golden" / "declarative" / "regex-engines.jsonl"
AS_COMPAT = Flavor(anchored=True, named_in_python_style=True)


def said(path: str, flavor: str = COMPATIBLE) -> dict[str, Finding]:
    return {finding.rule: finding for finding in check_regex(path, router_flavor=flavor)}


@pytest.mark.parametrize(
    "path",
    [
        "/plain",
        "/a(?=b)",
        "~/plain",
        "~/a/[^/]+/b",
        "~/v(1|2)/x$",
        "~/a{2,3}",
        "~/a++b",
        "~/[a-z]*+/x",
        r"~/\x41\/\-\_\@\%",
        "~/[[:alpha:]]+",
        "~/(?i)foo",
        "~/(?<id>[0-9]+)",
        "~/(?P<id>[0-9]+)",
        "~/[]a]",
        "~/[a-]",
        "~/foo.*",
        "~/é",
        r"~/\Aa\z",
    ],
)
def test_there_is_nothing_to_say_about_what_both_engines_read_alike(path: str) -> None:
    assert check_regex(path, router_flavor=COMPATIBLE) == ()


@pytest.mark.parametrize(
    ("path", "rule", "column", "rewritten"),
    [
        ("~/users/{id}", "regex-literal-brace", 9, r"~/users/\{id\}"),
        ("~/x{,3}", "regex-literal-brace", 4, r"~/x\{,3\}"),
        (r"~/a\Z", "regex-escape-z", 4, r"~/a\z"),
        (r"~/a\h+", "regex-escape-pcre-only", 4, r"~/a[ \t]+"),
        (r"~/\Qa.b\E", "regex-escape-pcre-only", 3, r"~/a\.b"),
        (r"~/\101\e\cA", "regex-escape-pcre-only", 3, r"~/\x41\x1B\x01"),
        (r"~/[\b\h]", "regex-escape-pcre-only", 3, r"~/[\x08 \t]"),
        (r"~/a\vb", "regex-escape-pcre-only", 4, r"~/a[\n\x0B\f\r]b"),
        ("~/(?'n'a)", "regex-quoted-group-name", 3, "~/(?<n>a)"),
        ("~/a(?#b)+", "regex-comment-group", 4, "~/a+"),
        ("~/(?|a|b)c", "regex-branch-reset", 3, "~/(?:a|b)c"),
        ("~/(?>foo|bar)x", "regex-atomic-group", 3, "~/(?:foo|bar)x"),
        ("~/(?>ab|a)c", "regex-atomic-group", 3, "~/(?:ab|a)c"),
        ("~/(?>[a-z]+)/b", "regex-atomic-group", 3, "~/(?:[a-z]+)/b"),
        (r"~/[\w-.]", "regex-class-range-shorthand", 3, r"~/[\w\-.]"),
        ("~/[[a]", "regex-nested-class-bracket", 3, r"~/[\[a]"),
        (r"~/\w{1000}", "regex-size-limit", 2, "~/[0-9A-Za-z_]{1000}"),
        ("~/(?ii:a)", "regex-refused", 3, "~/(?i:a)"),
    ],
)
def test_a_construct_that_is_refused_gets_its_exact_rewrite(
    path: str, rule: str, column: int, rewritten: str
) -> None:
    finding = said(path)[rule]

    assert finding.severity.rank >= Severity.WARNING.rank
    assert finding.location is not None
    assert finding.location.column == column
    assert finding.edit is not None
    assert apply_edits(path, [finding.edit]) == rewritten
    assert exact_rewrite(path, router_flavor=COMPATIBLE) == rewritten
    assert rewritten in finding.action


@pytest.mark.parametrize(
    ("path", "rule", "column"),
    [
        ("~/a(?=b)", "regex-look-around", 4),
        ("~/a(?<!b)c", "regex-look-around", 4),
        (r"~/(a)\1", "regex-backreference", 6),
        (r"~/(?<n>a)\k<n>", "regex-backreference", 10),
        ("~/(?>a|ab)c", "regex-atomic-group", 3),
        ("~/(?>[a-z]+)b", "regex-atomic-group", 3),
        ("~/(?|(a)|(b))", "regex-branch-reset", 3),
        ("~/(a)(?(1)b|c)", "regex-recursion-conditional", 6),
        (r"~/a\K", "regex-escape-pcre-only", 4),
        (r"~/a\R", "regex-escape-pcre-only", 4),
        (r"~/\p{L}{1000}", "regex-size-limit", 2),
        ("~/a(*ACCEPT)", "regex-refused", 4),
    ],
)
def test_a_construct_without_an_exact_form_gets_advice(path: str, rule: str, column: int) -> None:
    finding = said(path)[rule]

    assert finding.severity is Severity.BLOCKER
    assert finding.location is not None
    assert finding.location.column == column
    assert finding.edit is None
    assert exact_rewrite(path, router_flavor=COMPATIBLE) is None


@pytest.mark.parametrize(
    ("path", "rule", "rewritten"),
    [
        ("~/foo|/bar", "regex-toplevel-alternation", "~/(?:foo|bar)"),
        ("~/foo|bar", "regex-toplevel-alternation", "~/foo"),
        ("~/foo|.*", "regex-toplevel-alternation", None),
        ("~/x{ 2}", "regex-literal-brace", r"~/x\{ 2\}"),
        ("~/a++ab", "regex-possessive", None),
        ("~/a?+b", "regex-possessive", "~/a?b"),
        ("~/a{2}+/", "regex-possessive", "~/a{2}/"),
        ("~/[a-z&&b]+", "regex-class-set-operators", r"~/[a-z\&\&b]+"),
        ("~/[+--]", "regex-class-set-operators", r"~/[+-\-]"),
        ("~/[a[b]c]", "regex-nested-class-bracket", r"~/[a\[b]c]"),
        ("~/x?<y", "regex-question-lt-rewrite", r"~/x?\x3Cy"),
        ("~/[?<]", "regex-question-lt-rewrite", r"~/[?\x3C]"),
        (r"~/(?i)\p{Lu}", "regex-reads-differently", None),
    ],
)
def test_what_both_take_and_read_differently_is_a_warning(
    path: str, rule: str, rewritten: str | None
) -> None:
    finding = said(path)[rule]

    assert finding.severity is Severity.WARNING
    assert exact_rewrite(path, router_flavor=COMPATIBLE) == rewritten


@pytest.mark.parametrize(
    ("path", "column", "ascii_only"),
    [
        (r"~/\d+$", 3, "~/[0-9]+$"),
        (r"~/a/[\w.-]+", 5, r"~/a/[0-9A-Za-z_.\-]+"),
        (r"~/a\b", 4, None),
        ("~/[^/]{3}", 3, None),
        ("~/a.", 4, None),
        (r"~/\p{L}+", 3, None),
        (r"~/\W*", 3, None),
    ],
)
def test_what_only_other_scripts_tell_apart_is_information(
    path: str, column: int, ascii_only: str | None
) -> None:
    finding = said(path)["regex-unicode-classes"]

    assert finding.severity is Severity.INFO
    assert finding.location is not None
    assert finding.location.column == column
    assert (finding.edit and finding.edit.replacement) == ascii_only


def test_what_no_engine_takes_is_a_blocker() -> None:
    assert said(r"~/\u0041")["regex-invalid"].severity is Severity.BLOCKER
    assert said("~/(a")["regex-invalid"].severity is Severity.BLOCKER
    assert said("~/\udcff")["regex-refused"].severity is Severity.BLOCKER


def test_traditional_matches_by_pcre_as_2_8_did() -> None:
    assert said("~/a(?=b)|/c", "traditional") == {}


def test_expressions_neither_anchor_nor_rename_groups() -> None:
    assert said("~/a|/b", "expressions") == {}
    assert said("~/x?<y", "expressions") == {}
    assert "regex-look-around" in said("~/a(?=b)", "expressions")


def test_a_header_regex_is_checked_as_3_4_lower_cases_it() -> None:
    refused = check_header_regex("~*A(?=B)", router_flavor=COMPATIBLE)

    assert [finding.rule for finding in refused] == ["regex-look-around"]
    assert check_header_regex("~*a|b", router_flavor=COMPATIBLE) == ()
    assert check_header_regex("a(?=b)", router_flavor=COMPATIBLE) == ()
    assert check_header_regex("~*a(?=b)", router_flavor="traditional") == ()


def test_a_long_literal_start_moves_the_column_and_stays_in_the_rewrite() -> None:
    finding = said("~/api/v1/users-and-orders/{id}")["regex-literal-brace"]

    assert finding.location is not None
    assert finding.location.column == 27
    assert finding.edit is not None
    assert finding.edit.replacement == r"~/api/v1/users-and-orders/\{id\}"


def test_groups_nested_beyond_reason_are_an_answer_and_no_crash() -> None:
    assert said(f"~/{'(' * 50}a{')' * 50}") == {}
    assert "regex-refused" in said(f"~/{'(' * 5000}a{')' * 5000}")


NOT_LOOKED_FOR = (
    "different names for subpatterns of the same number are not allowed",
    "recursive call could loop indefinitely",
    "lookbehind assertion is not fixed length",
)
"""Reasons of PCRE for patterns that Rust refuses anyway."""

recorded: list[dict[str, Any]] = [
    json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()
]
"""What PCRE 8.39 and regex 1.9.1, the engines of both releases, said of patterns and paths."""


@pytest.mark.parametrize(
    "written",
    [
        r"\g{%}", r"\g%", r"\g{-%}", r"\g<%>", r"\k<%>", r"\%", "(?(%)b)", "(?(+%)b)", "(?%)",
        "(?-%)", "(?P>%)", "(?P=%)", "(?&%)", "(?R%)", "(?(R%)b)", "(?C%)", "{%}", "{1,%}",
        r"\x{%}", r"\o{%}", r"\N{%}", r"[\x{%}]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("digits", ["\u00b2", "\u0663", "9" * 5_000, "0" * 5_000 + "1"])
def test_whatever_stands_for_a_number_is_an_answer_and_no_crash(written: str, digits: str) -> None:
    path = f"~/(a)a{written.replace('%', digits)}"

    for flavor in ("traditional", COMPATIBLE):
        assert all(finding.message for finding in check_regex(path, router_flavor=flavor))


def test_the_same_patterns_are_taken_and_refused_as_by_the_engines() -> None:
    for row in recorded:
        found = verdict(row["pattern"], AS_COMPAT)
        if row["pcre"] not in NOT_LOOKED_FOR:
            assert (found.not_pcre is not None) == (row["pcre"] is not None), row
        assert (found.refusal is not None) == (row["rust"] is not None), row


def test_what_is_said_to_be_the_same_matches_the_same_paths() -> None:
    for row in recorded:
        found = verdict(row["pattern"], AS_COMPAT)
        if found.refusal is None and found.not_pcre is None and not found.differs:
            for path, (by_pcre, by_rust) in row["paths"].items():
                assert not path.isascii() or by_pcre == by_rust, (row["pattern"], path)


def test_a_rewrite_matches_what_the_pattern_matched() -> None:
    for row in recorded:
        found = verdict(row["pattern"], AS_COMPAT)
        if found.not_pcre is None:
            assert found.rewritten == row.get("rewritten"), row["pattern"]
        for (path, (before, _)), after in zip(
            row["paths"].items(), row.get("then", ()), strict="then" in row
        ):
            assert not path.isascii() or (before is None) == (after is None), (row["pattern"], path)
