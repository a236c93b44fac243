"""Route paths: the guess of 2.8, the normal form, and what the migration makes of both."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kong_lts.routing import (
    already_migrated,
    is_regex_28,
    migrate_path,
    normalise,
    normalise_regex,
)
from tests.conftest import counted

RESERVED = "!#$%&'()*+,/:;=?@[]"
SPECIAL = ".^-{}\\|"

byte = st.integers(0, 255)
triplet = st.builds("%{:02x}".format, byte) | st.builds("%{:02X}".format, byte)
plain_part = st.text("abcXYZ019.-_~/%", max_size=6) | triplet | st.sampled_from(["/..", "/.", "//"])
plain_path = st.lists(plain_part, max_size=8).map(lambda parts: "/" + "".join(parts))
any_path = st.lists(plain_part | st.text(max_size=4), max_size=8).map(
    lambda parts: "/" + "".join(parts)
)
regex_path = any_path.filter(is_regex_28)


class Row(NamedTuple):
    path: str
    is_regex: bool
    effective_28: str
    form_34: str


@pytest.fixture(scope="module")
def table(reference: Path) -> list[Row]:
    """What Kong's own code made of each path, without those that 2.8's schema refuses for a `~`."""
    text = (reference / "reference/changes/regex-paths.md").read_text("utf-8")
    return list(rows_of(text))


def rows_of(text: str) -> Iterator[Row]:
    for line in text.partition("## Test table")[2].splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)]
        if len(cells) > 7 and cells[1].isdigit():
            path, guess, effective, form = (cells[i] for i in (2, 4, 5, 6))
            plain = [re.sub(r"^`(.*)`( \(changed\))?$", r"\1", c) for c in (path, effective, form)]
            yield Row(plain[0], guess == "yes", *plain[1:])


def test_every_path_of_the_table_is_guessed_as_2_8_does(table: list[Row]) -> None:
    assert len(table) == 118
    assert [row for row in table if is_regex_28(row.path) != row.is_regex] == []


def test_every_path_of_the_table_is_used_as_2_8_does(table: list[Row]) -> None:
    used = {
        row.path: normalise_regex(row.path) if row.is_regex else normalise(row.path)
        for row in table
    }

    assert used == {row.path: row.effective_28 for row in table}


def test_every_path_of_the_table_is_migrated_as_3_4_does(table: list[Row]) -> None:
    """But for those with a `~` in front, which the real one would give a second."""
    of_28 = [row for row in table if not row.path.startswith("~")]

    assert {row.path: migrate_path(row.path) for row in of_28} == {
        row.path: row.form_34 for row in of_28
    }


@pytest.mark.parametrize(
    ("path", "migrated"),
    [
        ("/", "/"),
        ("/a b", "~/a b"),
        ("/caf%C3%A9", "/café"),
        ("/é", "~/é"),
        ("/a%2fb", "/a%2Fb"),
        ("/a/../b", "/b"),
        ("/re%2Ex\\d+", "~/re\\.x\\d+"),
        ("/re%7bx\\d+", "~/re\\{x\\d+"),
        ("/half%4", "/half%4"),
        ("/%ff", "/\udcff"),
        ("/line\n", "/line\n"),
        ("/two\n\n", "~/two\n\n"),
    ],
)
def test_the_migration_of_one_path(path: str, migrated: str) -> None:
    assert migrate_path(path) == migrated


@settings(max_examples=counted(2000))
@given(plain_path)
def test_a_plain_path_stays_plain_and_is_normal(path: str) -> None:
    migrated = migrate_path(path)

    assert migrated == normalise(path)
    assert not already_migrated(migrated)
    assert normalise_once_more(migrated) == migrated


def normalise_once_more(path: str) -> str:
    """As normalise, but for a `%` that decoding has brought in front of two digits."""
    return path if re.search(r"%(?=[0-9a-fA-F]{2})", path) else normalise(path)


@settings(max_examples=counted(2000))
@given(plain_path)
def test_the_normal_form_has_no_dot_segment_and_no_empty_one(path: str) -> None:
    segments = normalise(path).split("/")

    assert not {".", ".."} & set(segments)
    assert "" not in segments[1:-1]


@settings(max_examples=counted(2000))
@given(any_path)
def test_the_migration_changes_nothing_that_it_made_a_regex(path: str) -> None:
    migrated = migrate_path(path)

    assert already_migrated(migrated) == is_regex_28(path)
    if already_migrated(migrated):
        assert migrate_path(migrated) == migrated


@settings(max_examples=counted(2000))
@given(regex_path)
@example("/a+%4")
def test_a_regex_without_triplets_only_gets_a_tilde(path: str) -> None:
    pattern = re.sub("%(?!$)", "", path)

    assert migrate_path(pattern) == (f"~{pattern}" if is_regex_28(pattern) else normalise(pattern))


@given(byte)
def test_a_triplet_is_decoded_unless_its_character_is_reserved(value: int) -> None:
    character = bytes((value,)).decode("utf-8", "surrogateescape")
    decoded = f"%{value:02X}" if character in RESERVED else character

    assert normalise(f"/a%{value:02x}b") == f"/a{decoded}b"
    quoted = f"\\{decoded}" if character in SPECIAL else decoded
    assert normalise_regex(f"/a%{value:02x}b") == f"/a{quoted}b"


@settings(max_examples=counted(2000))
@given(st.binary(max_size=12))
def test_bytes_that_are_no_text_go_through(data: bytes) -> None:
    path = "/" + data.decode("utf-8", "surrogateescape")

    for changed in (normalise(path), normalise_regex(path), migrate_path(path)):
        assert isinstance(changed.encode("utf-8", "surrogateescape"), bytes)


@settings(max_examples=counted(2000))
@given(st.text("abc019.-_~/%"), st.characters(exclude_characters="abc019.-_~/%\n"))
def test_one_character_more_makes_a_regex(path: str, character: str) -> None:
    assert not is_regex_28(path)
    assert is_regex_28(path + character) == (re.fullmatch("[a-zA-Z0-9]", character) is None)
