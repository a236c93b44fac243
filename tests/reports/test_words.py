"""Durations, times and sizes for people; text made harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_lts.reports.text import wrapped
from kong_lts.reports.words import (
    clean,
    duration,
    listed,
    percent,
    sentences,
    shortened,
    shown_time,
    size,
)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (0.04, "less than 0.1 s"),
        (0.1, "0.1 s"),
        (1.94, "1.9 s"),
        (2, "2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599.6, "1 h"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86_400 * 2 + 4 * 3600 + 59, "2 d 4 h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2024-05-01T12:00:00+00:00", "2024-05-01 12:00:00"),
        ("2024-05-01T14:00:00.75+02:00", "2024-05-01 12:00:00"),
        ("2024-05-01T12:00:00", "2024-05-01 12:00:00"),
        ("about\nnoon", "about noon"),
        (None, ""),
    ],
)
def test_a_time_is_shown_in_utc_and_what_is_no_time_as_it_is(at: str | None, expected: str) -> None:
    assert shown_time(at) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1536, "1.5 KiB"),
        (5 << 30, "5 GiB"),
        (2 << 40, "2.0 TiB"),
    ],
)
def test_a_size_has_its_unit(size_bytes: int, expected: str) -> None:
    assert size(size_bytes) == expected


@pytest.mark.parametrize(("ratio", "expected"), [(0, "0%"), (0.0025, "0.25%"), (1, "100%")])
def test_a_ratio_is_a_percentage(ratio: float, expected: str) -> None:
    assert percent(ratio) == expected


def test_a_long_list_says_how_much_is_left_out() -> None:
    assert listed("abcde", 3) == "a, b, c and 2 more"
    assert listed("abc", 3) == "a, b, c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It failed on 3.4 here. Mend it.", "It failed on 3.4 here"),
        ("no end", "no end"),
        ("x" * 300, "x" * 197 + "..."),
    ],
)
def test_a_reason_is_shortened_to_its_first_sentence(text: str, expected: str) -> None:
    assert shortened(text) == expected


@given(st.text(max_size=40))
def test_a_clean_text_is_one_line_and_cleaning_it_again_changes_nothing(text: str) -> None:
    once = clean(text)

    assert "\n" not in once
    assert clean(once) == once


def test_what_cannot_be_seen_is_shown_as_an_escape() -> None:
    assert clean("a\x1b[0m\u202eb\udc80\tc") == r"a\x1b[0m\u202eb\udc80 c"


def test_sentences_behind_each_other_end_each() -> None:
    assert sentences("it is gone", "Set it.", "", " why? ") == "it is gone. Set it. why?"


def test_a_word_wider_than_a_column_goes_on_behind_a_sign_between_its_parts() -> None:
    rule = "route-path-regex-toplevel-not-converted-by-deck"

    assert wrapped(rule, 30) == ["route-path-regex-toplevel-not-", "converted-by-deck"]
    assert wrapped("/etc/kong/state-of-a-workspace.yaml:12", 16) == [
        "/etc/kong/state-",
        "of-a-workspace.",
        "yaml:12",
    ]
    assert wrapped("a-" + "x" * 30, 16) == ["a-" + "x" * 14, "x" * 16]


@given(st.text("ab-/\u4e00 ", max_size=60), st.integers(2, 12))
def test_no_line_is_wider_and_no_sign_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)

    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(sum(2 if sign == "\u4e00" else 1 for sign in line) <= width for line in lines)
