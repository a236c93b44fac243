"""Reads a file or folder that a caller names; nothing else in the core opens one.

Only regular files of bounded size are read, so that a FIFO, a device or a runaway log cannot stop
an assessment.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from kong_lts.errors import UnreadableFileError

__all__ = ["MAX_BYTES", "list_folder", "read_bytes", "read_chunks", "read_text"]

MAX_BYTES = 1 << 30
"""Largest file that is read: 1 GiB. The largest kong.yml measured, 300,000 routes, has 65 MB."""


def read_bytes(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> bytes:
    """All bytes of a regular file.

    Raises:
        UnreadableFileError: It is missing, no regular file, or larger than *max_bytes*.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableFileError(name, "it is no regular file")
            if status.st_size > max_bytes:
                reason = f"it has {status.st_size} bytes, more than {max_bytes}"
                raise UnreadableFileError(name, reason)
            data = _up_to(file, max_bytes, expected=status.st_size)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise UnreadableFileError(name, reason) from exc
    if len(data) > max_bytes:
        raise UnreadableFileError(name, f"it has grown to more than {max_bytes} bytes")
    return data


def _without_waiting(path: str, flags: int) -> int:
    """Opening a FIFO without a writer would wait for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _up_to(file: BinaryIO, max_bytes: int, *, expected: int) -> bytes:
    """All bytes, or some more than *max_bytes*, with no memory for more than there are.

    Files in /proc say that they have none, and a log grows meanwhile.
    """
    data = file.read(expected + 1)
    while len(data) <= max_bytes and (more := file.read(len(data) + 1)):
        data += more
    return data


def read_text(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> str:
    """A regular file as UTF-8; bytes that are not are kept as surrogates and survive a rewrite.

    Raises:
        UnreadableFileError: As `read_bytes`.
    """
    return read_bytes(path, max_bytes=max_bytes).decode("utf-8", "surrogateescape")


def read_chunks(
    path: str | os.PathLike[str],
    *,
    chunk_bytes: int = 1 << 20,
    progress: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """A regular file of any size in chunks of whole lines; a line longer than a chunk is cut.

    Args:
        path: The file.
        chunk_bytes: About how much is in memory at once.
        progress: Told how many bytes have been read so far.

    Raises:
        UnreadableFileError: It is missing, or no regular file.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableFileError(name, "it is no regular file")
            rest, so_far = b"", 0
            while data := file.read(chunk_bytes):
                so_far += len(data)
                cut = data.rfind(b"\n") + 1 or (len(data) if len(rest) > chunk_bytes else 0)
                if cut:
                    yield rest + data[:cut]
                rest = data[cut:] if cut else rest + data
                if progress is not None:
                    progress(so_far)
            if rest:
                yield rest
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise UnreadableFileError(name, reason) from exc


def list_folder(path: str | os.PathLike[str], pattern: str = "*") -> tuple[Path, ...]:
    """The regular files of a folder that match a pattern, sorted; none if there is no folder."""
    return tuple(sorted(found for found in Path(path).glob(pattern) if found.is_file()))
