"""A secret is read where its reference points, and never shown."""

from pathlib import Path

import pytest

from kong_lts.adapters.secrets import masked, resolve_secret
from kong_lts.errors import SecretError

MARKER = "s3cr3t-marker"


def test_from_the_environment() -> None:
    assert resolve_secret("env:TOKEN", {"TOKEN": MARKER}) == MARKER
    assert resolve_secret("env:TOKEN", {"TOKEN": ""}) == ""


@pytest.mark.parametrize(
    ("text", "secret"),
    [(b"s\n", "s"), (b"s", "s"), (b"s\r\n", "s"), (b"s\n\n", "s\n"), (b" s ", " s "), (b"", "")],
)
def test_from_a_file_without_one_line_end(tmp_path: Path, text: bytes, secret: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(text)

    assert resolve_secret(f"file:{path}") == secret


def test_a_reference_to_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="env:NOWHERE"):
        resolve_secret("env:NOWHERE", {})
    with pytest.raises(SecretError, match=f"file:{tmp_path}/none: No such file"):
        resolve_secret(f"file:{tmp_path}/none")
    with pytest.raises(SecretError, match="directory"):
        resolve_secret(f"file:{tmp_path}")


def test_what_may_be_a_secret_is_not_repeated(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff" + MARKER.encode())

    for reference in (MARKER, f"postgres://kong:{MARKER}@host", f"file:{binary}", "env:", ""):
        with pytest.raises(SecretError) as failed:
            resolve_secret(reference, {})
        assert MARKER not in f"{failed.value} {failed.value!r} {failed.value.__cause__}"


def test_masking_takes_the_longest_first() -> None:
    assert masked("abcd ab", ("ab", "abcd", "")) == "*** ***"
