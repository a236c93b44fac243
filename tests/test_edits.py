"""Edits change their spans and nothing else; a patch shows what they did."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.edits import Edit, Span, apply_edits, patch, patch_of, splice
from kong_lts.errors import EditError
from kong_lts.testing.generators import edits_of
from tests.conftest import counted

TEXT = "one two three\n"
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@\n")


def one_by_one(text: str, edits: tuple[Edit, ...]) -> str:
    """The naive way: the last edit first, so that no place moves before its turn.

    Of insertions at one place the last one comes first too, which `reverse=True` would not do.
    """
    for edit in reversed(sorted(edits, key=lambda e: (e.start, e.end))):  # noqa: C413 - as said
        text = text[: edit.start] + edit.replacement + text[edit.end :]
    return text


def in_order(edits: tuple[Edit, ...]) -> list[Span]:
    """Edits as spans, from the first one on."""
    ordered = sorted(edits, key=lambda e: (e.start, e.end))
    return [(edit.start, edit.end, edit.replacement) for edit in ordered]


def patched(before: str, diff: str) -> str:
    """What the `patch` program makes of a text."""
    old, new, at = re.findall(r"[^\n]*\n|[^\n]+", before), list[str](), 0
    lines = re.findall(r"[^\n]*\n", diff)[2:]
    for line, following in itertools.pairwise([*lines, ""]):
        text = line[1:-1] if following.startswith("\\") else line[1:]
        if found := HUNK.fullmatch(line):
            start = int(found[1]) - (found[2] != "0")
            new += old[at:start]
            at = start
        elif line[0] in " -":
            assert old[at] == text
            new += [text] if line[0] == " " else []
            at += 1
        elif line[0] == "+":
            new.append(text)
    return "".join(new + old[at:])


@settings(max_examples=counted(1000))
@given(data=st.data(), text=st.text("abc\n", max_size=30))
def test_many_edits_at_once_are_one_after_the_other(data: st.DataObject, text: str) -> None:
    edits = data.draw(edits_of(text))

    assert apply_edits(text, edits) == one_by_one(text, edits)


@settings(max_examples=counted(1000))
@given(text=st.text())
def test_no_edit_gives_the_very_same_text(text: str) -> None:
    assert apply_edits(text, ()) is text


@settings(max_examples=counted(1000))
@given(data=st.data(), text=st.text("abc\n", min_size=2, max_size=30))
def test_edits_that_share_a_character_are_refused(data: st.DataObject, text: str) -> None:
    shared = data.draw(st.integers(0, len(text) - 1))
    spans = [
        (data.draw(st.integers(0, shared)), data.draw(st.integers(shared + 1, len(text))))
        for _ in range(2)
    ]
    edits = [Edit(start=start, end=end, replacement="x") for start, end in spans]

    with pytest.raises(EditError, match="two edits want the text at"):
        apply_edits(text, edits)


def test_edits_that_touch_are_no_overlap() -> None:
    edits = [Edit(start=0, end=3, replacement="1"), Edit(start=3, end=4, replacement="-")]

    assert apply_edits(TEXT, edits) == "1-two three\n"


def test_insertions_at_one_place_keep_their_order() -> None:
    edits = [Edit(start=3, end=3, replacement=word) for word in (" b", " a")]

    assert apply_edits(TEXT, edits) == "one b a two three\n"


def test_an_insertion_inside_of_a_replacement_is_refused() -> None:
    edits = [Edit(start=0, end=3, replacement="1"), Edit(start=1, end=1, replacement="x")]

    with pytest.raises(EditError, match="at 1"):
        apply_edits(TEXT, edits)


def test_an_edit_may_reach_the_end_but_not_beyond() -> None:
    whole = Edit(start=0, end=len(TEXT), replacement="")
    beyond = Edit(start=0, end=len(TEXT) + 1, replacement="")

    assert apply_edits(TEXT, [whole]) == ""
    with pytest.raises(EditError, match=f"ends at {len(TEXT) + 1}, the text at {len(TEXT)}"):
        apply_edits(TEXT, [beyond])


def test_an_edit_does_not_end_before_it_starts() -> None:
    with pytest.raises(EditError, match="ends at 2, before it starts at 3"):
        Edit(start=3, end=2, replacement="")


def test_an_edit_does_not_start_before_the_text() -> None:
    with pytest.raises(ValueError, match="'start' must be >= 0"):
        Edit(start=-1, end=0, replacement="")


@settings(max_examples=counted(1000))
@given(text=st.text())
def test_equal_texts_have_an_empty_patch(text: str) -> None:
    assert patch(text, text, "kong.conf") == ""


@settings(max_examples=counted(2000))
@given(
    before=st.text("ab\n\r\f\v\x85\u2028", max_size=40),
    after=st.text("ab\n\r\f\v\x85\u2028", max_size=40),
)
def test_a_patch_leads_from_one_text_to_the_other(before: str, after: str) -> None:
    assert patched(before, patch(before, after, "kong.conf")) == after


def test_a_patch_reads_as_git_writes_it() -> None:
    assert patch("a\nb\n", "a\nc", "kong.conf").splitlines() == [
        "--- a/kong.conf",
        "+++ b/kong.conf",
        "@@ -1,2 +1,2 @@",
        " a",
        "-b",
        "+c",
        "\\ No newline at end of file",
    ]


@settings(max_examples=counted(2000))
@given(data=st.data(), lines=st.lists(st.text("ab\r", max_size=2), max_size=40))
def test_a_patch_of_edits_leads_to_the_edited_text(data: st.DataObject, lines: list[str]) -> None:
    text = "\n".join(lines)
    spans = in_order(data.draw(edits_of(text)))

    assert patched(text, patch_of(text, spans, "kong.yml")) == splice(text, spans)


def test_edits_far_from_each_other_have_hunks_of_their_own() -> None:
    text = "".join(f"line {n}\n" for n in range(1, 1001))
    spans = [(0, 4, "LINE"), (len(text) - 10, len(text) - 6, "more\nlines\nand LINE")]

    diff = patch_of(text, spans, "/etc/kong/kong.yml")

    assert [line for line in diff.splitlines() if line[:2] in ("--", "++", "@@")] == [
        *("--- a/etc/kong/kong.yml", "+++ b/etc/kong/kong.yml"),
        *("@@ -1,4 +1,4 @@", "@@ -997,4 +997,6 @@"),
    ]
    assert patched(text, diff) == splice(text, spans)


def test_edits_that_change_nothing_have_no_patch() -> None:
    assert patch_of(TEXT, [], "kong.yml") == ""
    assert patch_of(TEXT, [(0, 3, "one")], "kong.yml") == ""


def test_spans_are_taken_in_their_order() -> None:
    assert splice(TEXT, [(0, 3, "1"), (4, 7, "2")]) == "1 2 three\n"
    with pytest.raises(EditError, match="two edits want the text at 0"):
        splice(TEXT, [(4, 7, "2"), (0, 3, "1")])
