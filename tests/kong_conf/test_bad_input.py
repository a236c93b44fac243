"""What is no kong.conf: a clear error with its place, in bounded time."""

import os
import time
from pathlib import Path

import pytest

from kong_lts import kong_conf
from kong_lts.errors import ConfError, UnreadableFileError
from kong_lts.kong_conf.document import MAX_BYTES


def test_a_nul_is_named_with_its_place() -> None:
    with pytest.raises(ConfError, match=r"kong\.conf:2: a NUL byte at character 3"):
        kong_conf.parse(b"a = b\nab\0", path="kong.conf")


def test_bytes_that_are_no_utf_8_survive() -> None:
    data = b"# caf\xe9\npg_password = \xff\xfe\n"
    assert str(kong_conf.parse(data)).encode("utf-8", "surrogateescape") == data
    kong_conf.diff(kong_conf.parse(data), edition="oss")


def test_a_hundred_megabytes_are_refused_at_once() -> None:
    text = "a" * 100_000_000
    began = time.process_time()
    with pytest.raises(ConfError, match=r"this is no kong\.conf"):
        kong_conf.parse(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "text",
    [
        "pg_password = " + "#\\" * 500_000,
        " " * 1_000_000,
        "a" + " " * 1_000_000 + "b",
        "pg_host = a" + " " * 1_000_000 + "b",
        "=" * 1_000_000,
        "\\\n" * 100_000,
        "[" * 1_000_000,
        "pg_host = " + "${" * 500_000,
        "pg_port = " + "1" * 1_000_000,
        "pg_password = {vault://env" + "/a" * 500_000 + "}",
        "nginx_upstream_keepalive_timeout = " + "1" * 1_000_000,
        "# " + "a" * 1_000_000 + "\nclient_max_body_size = 1m\n",
    ],
    ids=lambda text: f"{text[:24]!r} and so on",
)
def test_one_long_line_takes_linear_time(text: str) -> None:
    conf = kong_conf.parse(text)
    began = time.process_time()
    kong_conf.diff(conf, edition="oss")
    kong_conf.rewrite(conf, edition="oss").patch()
    assert time.process_time() - began < 5


def test_a_file_of_a_hundred_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "kong.conf"
    path.touch()
    os.truncate(path, 100_000_000)
    with pytest.raises(UnreadableFileError, match=r"kong\.conf.* it has 100000000 bytes"):
        kong_conf.read(path)


def test_a_file_of_the_largest_size_is_read() -> None:
    conf = kong_conf.parse("#" + "x" * (MAX_BYTES - 1))
    assert conf.settings == ()


def test_a_folder_a_pipe_and_a_missing_file_are_named(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, tmp_path / "missing"):
        with pytest.raises(UnreadableFileError, match=path.name):
            kong_conf.read(path)
