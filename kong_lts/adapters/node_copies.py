"""Copies of a node's files on this machine: made in one piece, and proved before they go back."""

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import TypeVar

from kong_lts.adapters.sealed_folder import own_folder
from kong_lts.errors import FormatError, NodeFilesError
from kong_lts.manifest import FileListing, NodeFile

__all__ = [
    "ATTEMPTS",
    "LEFT_OUT",
    "became_a_file",
    "became_a_folder",
    "beside",
    "digest_of",
    "filled",
    "is_absolute",
    "new_file",
    "our_files",
    "proved_copy",
    "read_listing",
    "still_changing",
]

ATTEMPTS = 3
"""How often a file is copied that is written to meanwhile."""
LEFT_OUT = (".log", ".pid", ".sock")
"""Endings of what a running node writes anew."""

AnyPath = TypeVar("AnyPath", bound=PurePath)

_LISTING = "files.json"
_CHECKSUM = "files.json.sha256"
_COPIES = "root"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW


def filled(folder: str, doing: str, fill: Callable[[Path], FileListing]) -> FileListing:
    """Make a new folder with what *fill* puts into its `root`, and the listing beside it.

    Raises:
        NodeFilesError: The folder is there, or cannot be filled; then nothing is left of it.
    """
    target = Path(folder)
    if os.path.lexists(target):
        raise NodeFilesError(doing, "the folder is there; name a new one")
    work = target.with_name(f".{target.name}.{secrets.token_hex(4)}.unfinished")
    with our_files(doing):
        own_folder(target.parent)
        work.mkdir(mode=0o700)
        try:
            listing = fill(work / _COPIES)
            data = listing.to_json().encode("utf-8", "surrogateescape")
            (work / _LISTING).write_bytes(data)
            (work / _CHECKSUM).write_text(_sum_line(data), "ascii")
            work.rename(target)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    return listing


def read_listing(folder: str, doing: str) -> FileListing:
    """What was fetched into the folder.

    Raises:
        NodeFilesError: There is no such listing, or it is damaged.
    """
    path = Path(folder, _LISTING)
    with our_files(doing):
        data, checksum = path.read_bytes(), Path(folder, _CHECKSUM).read_bytes()
    if checksum != _sum_line(data).encode():
        raise NodeFilesError(doing, f"{_LISTING} and {_CHECKSUM} do not fit: use another backup")
    try:
        return FileListing.from_json(data.decode("utf-8", "surrogateescape"), path=str(path))
    except FormatError as exc:
        raise NodeFilesError(doing, str(exc)) from exc


def _sum_line(data: bytes) -> str:
    """As `sha256sum -c` reads it."""
    return f"{hashlib.sha256(data).hexdigest()}  {_LISTING}\n"


def proved_copy(file: NodeFile, folder: str, doing: str) -> Path:
    """Where the copy of the file is, if it holds what was fetched.

    Raises:
        NodeFilesError: It is damaged, or not there.
    """
    copy = Path(folder, _COPIES, file.path.lstrip("/"))
    if digest_of(copy) != file.sha256:
        raise NodeFilesError(doing, f"the copy of {file.path} is damaged; use another backup")
    return copy


def beside(path: AnyPath) -> AnyPath:
    """Where a file is written before it takes its place; what an earlier attempt left is there."""
    return path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.kong_lts")


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_file(path: Path) -> int:
    """An open file that is its owner's alone, empty; the folders above it are made."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, _NEW, 0o600)


def is_absolute(path: str) -> bool:
    """Whether it names one place from the root folder on."""
    return path.startswith("/") and ".." not in Path(path).parts and "\0" not in path


def still_changing(path: str, doing: str) -> NodeFilesError:
    """A file that is written to whenever it is copied."""
    why = f"{path} changes while it is copied; stop what writes to it, or leave it out"
    return NodeFilesError(doing, why)


def became_a_file(path: str, doing: str) -> NodeFilesError:
    """A file stands where a folder was fetched."""
    return NodeFilesError(doing, f"{path} was a folder, and is a file now; move it away")


def became_a_folder(path: str, doing: str) -> NodeFilesError:
    """A folder stands where a file or link was fetched."""
    return NodeFilesError(doing, f"{path} is a folder now; move it away")


@contextlib.contextmanager
def our_files(doing: str) -> Iterator[None]:
    """What the file system raises becomes our error."""
    try:
        yield
    except OSError as exc:
        where = f": {exc.filename}" if exc.filename else ""
        raise NodeFilesError(doing, f"{exc.strerror or exc}{where}") from exc
