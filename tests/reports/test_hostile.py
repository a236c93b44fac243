"""Whatever a user's text holds, it shows as text: no markup, no cell, no terminal code."""

import itertools
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kong_lts.reports import render
from kong_lts.reports.document import inline
from kong_lts.reports.markdown import escaped
from kong_lts.reports.text import COLUMNS
from kong_lts.reports.words import clean
from tests.reports.hostile_samples import hostile

SIGNS = "|`\\\n\r\t*_[]()<>&~#-+=.1!a b$\"'{}%;:/é你\u0301\u200b\u202e\x1b\x07\x9b\x00\udc80\u2028"
WORDS = (
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "![x](https://example.com/x.png)",
    "[x](javascript:alert(1))",
    "\n# heading",
    "\n\n| a | b |\n| --- | --- |",
    "`a|b`",
    "``",
    "\\|",
    "\\`|",
    "<!-- ",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "&lt;",
    "&#124;",
    "\x1b[31mred",
    "\x1b]8;;https://example.com\x07",
    "1. ",
    " #",
    " ##",
    "~~gone~~",
    "<https://example.com>",
    "x" * 130,
    "你" * 70,
)
hostile_texts = st.lists(
    st.one_of(st.sampled_from(WORDS), st.text(alphabet=SIGNS, max_size=12)), min_size=1, max_size=6
).map(lambda parts: "t" + "".join(parts))
"""Begins with a letter, so that nothing is left out for being empty."""

markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shown(tokens: list[Token]) -> Iterator[str]:
    """The text that a reader of Markdown sees, piece by piece."""
    for token in tokens:
        if token.type in ("text", "code_inline"):
            yield token.content
        yield from shown(token.children or [])


def without_marks(text: str) -> str:
    """Backticks may mark code or stand for themselves."""
    return text.replace("`", "")


@given(hostile_texts)
@pytest.mark.parametrize("head", ["", "# ", "- ", "- **Label**: ", "1. ", "text\n"])
def test_escaped_text_shows_as_it_is_anywhere_in_markdown(head: str, text: str) -> None:
    line = clean(text)

    tokens = markdown.parse(head + escaped(line))

    assert without_marks("".join(shown(tokens))).endswith(without_marks(line))


@given(hostile_texts)
@example("t`a|b`\\")
def test_escaped_text_stays_in_its_cell(text: str) -> None:
    cell = escaped(clean(text), cell=True)

    tokens = markdown.parse(f"| a | b |\n| --- | --- |\n| {cell} | {cell} |\n")

    cells = [token for token in tokens if token.type == "td_open"]
    texts = [t for before, t in itertools.pairwise(tokens) if before in cells]
    assert len(cells) == 2
    for found in texts:
        assert without_marks("".join(shown([found]))) == without_marks(clean(text))


@given(hostile_texts)
def test_a_markdown_report_has_the_same_blocks_whatever_the_texts(text: str) -> None:
    for harmless, value in zip(hostile("t"), hostile(text), strict=True):
        expected = [t.type for t in markdown.parse(render(harmless, "markdown"))]
        assert [t.type for t in markdown.parse(render(value, "markdown"))] == expected


@attrs.define
class Page:
    """The tags and the text of an HTML page."""

    tags: list[str] = attrs.Factory(list)
    attributes: set[str] = attrs.Factory(set)
    text: list[str] = attrs.Factory(list)

    @classmethod
    def of(cls, source: str) -> "Page":
        page = cls()

        class Parser(HTMLParser):
            def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
                if tag != "code":
                    page.tags.append(tag)
                page.attributes.update(name for name, _ in attrs)

            def handle_data(self, data: str) -> None:
                page.text.append(data)

        parser = Parser()
        parser.feed(source)
        parser.close()
        return page


@given(hostile_texts)
def test_an_html_report_has_the_same_tags_whatever_the_texts(text: str) -> None:
    for harmless, value in zip(hostile("t"), hostile(text), strict=True):
        page, expected = Page.of(render(value, "html")), Page.of(render(harmless, "html"))

        assert page.tags == expected.tags
        assert page.attributes - expected.attributes <= {"class"}
        plain = "".join(part.text for part in inline(clean(text)))
        assert plain in "".join(page.text) or clean(text) in "".join(page.text)


def columns(line: str) -> int:
    """How many columns of a terminal a line takes."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in line)
    return len(line) + wide - sum(unicodedata.combining(sign) > 0 for sign in line)


@given(hostile_texts)
def test_a_text_report_keeps_to_its_width_and_has_no_control_character(text: str) -> None:
    for value in hostile(text):
        report = render(value, "text")

        assert max(map(columns, report.splitlines())) <= COLUMNS
        seen = {unicodedata.category(sign) for sign in report.replace("\n", "")}
        assert not seen & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(hostile_texts)
@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_a_report_can_be_written_as_utf_8(format: str, text: str) -> None:
    for value in hostile(text):
        assert render(value, format).encode("utf-8")
