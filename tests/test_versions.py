"""Versions of Kong are read as Kong prints them, ordered, and sorted into editions."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.errors import VersionError
from kong_lts.testing.generators import versions
from kong_lts.versions import Edition, KongVersion, Release
from tests.conftest import counted


@settings(max_examples=counted(1000))
@given(version=versions())
def test_a_version_comes_back_from_its_text(version: KongVersion) -> None:
    assert KongVersion.parse(str(version)) == version


@settings(max_examples=counted(1000))
@given(one=versions(), other=versions())
def test_versions_are_ordered_part_by_part(one: KongVersion, other: KongVersion) -> None:
    assert (one < other) == (one.parts < other.parts)
    assert (one <= other) == (one.parts <= other.parts)
    assert (one == other) == (one.parts == other.parts)


@settings(max_examples=counted(1000))
@given(text=st.text() | st.text("0123456789.- \nv"))
def test_a_text_is_a_version_or_an_error_that_repeats_it(text: str) -> None:
    try:
        said = str(KongVersion.parse(text))
    except VersionError as exc:
        said = exc.text

    assert said in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2.8",
        "2.8.5.1.1",
        "2.8.",
        "2.8.x",
        "v2.8.5",
        "2.8.5-",
        "2.8.5-Enterprise",
        "2.8.5 enterprise",
        "2,8,5",
        "-2.8.5",
        "2.8.12345",
        "٢.٨.٥",  # noqa: RUF001 - digits that are not ASCII
    ],
)
def test_what_kong_never_prints_is_refused(text: str) -> None:
    with pytest.raises(VersionError, match="is no Kong version"):
        KongVersion.parse(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2.8.5", (2, 8, 5)),
        (" 2.8.5\n", (2, 8, 5)),
        ("2.8.4.14", (2, 8, 4, 14)),
        ("2.8.4.14-enterprise-edition", (2, 8, 4, 14)),
        ("3.4.0-rc.1", (3, 4, 0)),
    ],
)
def test_what_kong_prints_is_read(text: str, parts: tuple[int, ...]) -> None:
    assert KongVersion.parse(text).parts == parts


def test_three_parts_are_open_source_and_four_are_enterprise() -> None:
    assert KongVersion.parse("2.8.5").edition is Edition.OSS
    assert KongVersion.parse("2.8.4.14").edition is Edition.ENTERPRISE


def test_an_enterprise_version_follows_the_open_source_one_it_builds_on() -> None:
    texts = ["2.8.5", "2.8.4.14", "2.8.4", "2.8.10", "3.4.3.5", "2.8.4.2"]

    ordered = sorted(map(KongVersion.parse, texts))

    assert list(map(str, ordered)) == [
        *("2.8.4", "2.8.4.2", "2.8.4.14", "2.8.5", "2.8.10", "3.4.3.5"),
    ]


@pytest.mark.parametrize("text", ["2.7.9", "2.80.1", "3.3.1", "3.40.0", "12.8.1", "3.5.0.1"])
def test_a_version_of_another_release_is_no_lts(text: str) -> None:
    assert KongVersion.parse(text).release is None


@pytest.mark.parametrize(
    ("text", "release"),
    [("2.8.0", Release.V2_8), ("2.8.4.14", Release.V2_8), ("3.4.3.5", Release.V3_4)],
)
def test_a_patch_belongs_to_its_release(text: str, release: Release) -> None:
    assert KongVersion.parse(text).release is release


def test_a_version_compares_with_nothing_else() -> None:
    with pytest.raises(TypeError):
        assert KongVersion.parse("2.8.5") < "3.4.2"


def test_a_version_can_be_a_key_and_be_pickled() -> None:
    version = KongVersion.parse("2.8.5")

    assert {version: 1}[pickle.loads(pickle.dumps(version))] == 1


def test_a_release_and_an_edition_are_plain_texts_too() -> None:
    assert (Release.V2_8, Release.V3_4) == ("2.8", "3.4")
    assert (Edition.OSS, Edition.ENTERPRISE) == ("oss", "enterprise")
