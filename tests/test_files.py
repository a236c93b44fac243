"""A file that a caller names is read if it is a regular one of bounded size, and else refused."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.errors import UnreadableFileError
from kong_lts.files import list_folder, read_bytes, read_text
from tests.conftest import counted


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files") / "a file"


@settings(max_examples=counted(300))
@given(data=st.binary(max_size=10_000))
def test_every_byte_is_read(file: Path, data: bytes) -> None:
    file.write_bytes(data)

    assert read_bytes(file) == data


@settings(max_examples=counted(300))
@given(data=st.binary(max_size=200))
def test_a_text_holds_the_bytes_that_are_no_utf_8(file: Path, data: bytes) -> None:
    file.write_bytes(data)

    assert read_text(str(file)).encode("utf-8", "surrogateescape") == data


def test_line_ends_are_left_as_they_are(file: Path) -> None:
    file.write_bytes(b"one\r\ntwo\rthree\n")

    assert read_text(file) == "one\r\ntwo\rthree\n"


def test_a_file_may_have_just_as_many_bytes_as_allowed(file: Path) -> None:
    file.write_bytes(b"12345")

    assert read_bytes(file, max_bytes=5) == b"12345"
    with pytest.raises(UnreadableFileError, match="it has 5 bytes, more than 4"):
        read_bytes(file, max_bytes=4)


def test_a_file_that_hides_its_size_is_read_whole_or_refused() -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("/proc/self/status: there is none on this system")

    assert b"VmSize" in read_bytes(status)
    with pytest.raises(UnreadableFileError, match="it has grown to more than 10 bytes"):
        read_bytes(status, max_bytes=10)


def test_a_small_file_needs_little_memory(file: Path) -> None:
    """The largest file that is allowed has more than the memory of this process."""
    file.write_bytes(b"small")
    code = f"from kong_lts.files import read_bytes; print(read_bytes({str(file)!r}))"

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))

    done = subprocess.run(
        [sys.executable, "-c", code], preexec_fn=little, check=True, capture_output=True
    )

    assert done.stdout == b"b'small'\n"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"Cannot read .*/none: No such file"):
        read_text(tmp_path / "none")


def test_a_folder_is_no_file_and_stays_closed(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))

    with pytest.raises(UnreadableFileError, match="Is a directory"):
        read_bytes(tmp_path)

    assert len(os.listdir("/dev/fd")) == before


def test_nobody_waits_for_a_fifo(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    with pytest.raises(UnreadableFileError, match="it is no regular file"):
        read_bytes(fifo)


def test_a_device_is_no_file() -> None:
    with pytest.raises(UnreadableFileError, match="it is no regular file"):
        read_bytes("/dev/zero")


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="null"):
        read_bytes("a\0b")


def test_only_regular_files_of_a_folder_are_listed(tmp_path: Path) -> None:
    for name in ("b.conf", "a.conf", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.conf").mkdir()
    os.mkfifo(tmp_path / "fifo.conf")

    assert list_folder(tmp_path, "*.conf") == (tmp_path / "a.conf", tmp_path / "b.conf")


def test_a_missing_folder_lists_nothing(tmp_path: Path) -> None:
    assert list_folder(tmp_path / "none") == ()
