"""A backup's folder: made in one piece or not at all, and proved by its hashes."""

import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from kong_lts.errors import BackupError
from kong_lts.manifest import FileRecord

__all__ = [
    "Unfinished",
    "own_folder",
    "prove",
    "records",
    "remove_left_overs",
    "seal",
    "sealed_text",
    "unfinished",
]

_MANIFEST = "manifest.json"
_CHECKSUM = "manifest.json.sha256"
"""As `sha256sum -c` reads it, since the manifest cannot hold its own hash."""
_SUFFIX = ".unfinished"
_MAX_MANIFEST_BYTES = 64 << 20


@attrs.frozen
class Unfinished:
    """A folder that becomes a backup when it is sealed."""

    path: Path
    lock: int
    """Open file on the folder: whoever has it open is still writing."""


@contextlib.contextmanager
def unfinished(target: Path) -> Iterator[Unfinished]:
    """A new folder beside *target*, which only its owner may enter; gone if the block fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_left_overs(target)
    prefix = f".{target.name}."
    path = Path(tempfile.mkdtemp(prefix=prefix, suffix=_SUFFIX, dir=target.parent))
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Unfinished(path, lock)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def remove_left_overs(target: Path) -> None:
    """Remove what an earlier process left beside *target* when it was killed.

    Unless somebody still writes to it: perhaps a program that it had started, and that goes on.
    """
    for left in target.parent.glob(f".{glob.escape(target.name)}.*{_SUFFIX}"):
        _remove_if_left(left)


def records(folder: Path) -> tuple[FileRecord, ...]:
    """Size and hash of every file below *folder*; each is made durable, and its owner's alone."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if not p.is_dir()):
        path.chmod(0o600)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        name = path.relative_to(folder).as_posix()
        found.append(FileRecord(path=name, size_bytes=size, sha256=digest))
    return tuple(found)


def own_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, and those above it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def seal(folder: Path, manifest: str, target: Path) -> None:
    """Add the manifest, make everything durable and its owner's alone, and give it its name.

    Raises:
        OSError: Something stands under that name, or the disk is full.
    """
    text = manifest.encode()
    digest = hashlib.sha256(text).hexdigest()
    for name, content in ((_MANIFEST, text), (_CHECKSUM, f"{digest}  {_MANIFEST}\n".encode())):
        (folder / name).unlink(missing_ok=True)  # of an attempt that ended just here
        _write(folder / name, content)
    for inside in (*(p for p in folder.rglob("*") if p.is_dir()), folder):
        inside.chmod(0o700)
        _sync_folder(inside)
    # An empty folder may be replaced by this, and nothing else.
    folder.rename(target)
    _sync_folder(target.parent)


def sealed_text(folder: Path) -> str:
    """The text of the manifest, if it is as it was written.

    Raises:
        BackupError: It is missing, incomplete or damaged.
    """
    if not folder.is_dir():
        raise BackupError(str(folder), "there is no such folder")
    try:
        with (folder / _MANIFEST).open("rb") as file:
            text = file.read(_MAX_MANIFEST_BYTES)
        checksum = (folder / _CHECKSUM).read_bytes()
    except OSError as exc:
        why = f"it is no complete backup: {exc.strerror}: {Path(exc.filename or '').name}"
        raise BackupError(str(folder), why) from exc
    if checksum != f"{hashlib.sha256(text).hexdigest()}  {_MANIFEST}\n".encode():
        raise BackupError(str(folder), f"{_MANIFEST} and {_CHECKSUM} do not fit: it is damaged")
    try:
        return text.decode()
    except UnicodeDecodeError as exc:
        raise BackupError(str(folder), f"its manifest cannot be read: {exc}") from exc


def prove(folder: Path, recorded: Sequence[FileRecord]) -> None:
    """Hold every file against what the manifest says of it.

    Raises:
        BackupError: Files are missing, damaged or not in the manifest; names each.
    """
    faults = [f"{r.path} {why}" for r in recorded if (why := _fault(folder, r)) is not None]
    listed = {record.path for record in recorded}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    strangers = there - listed - {_MANIFEST, _CHECKSUM}
    faults += [f"{name} is not in its manifest" for name in sorted(strangers)]
    if faults:
        raise BackupError(str(folder), f"it is damaged: {_some(faults)}. Use another backup.")


def _fault(folder: Path, record: FileRecord) -> str | None:
    path = folder / record.path
    if ".." in Path(record.path).parts or Path(record.path).is_absolute():
        return "is outside of it"
    if path.is_symlink() or not path.is_file():
        return "is missing"
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != record.size_bytes:
                return "has another size"
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        return f"cannot be read ({exc.strerror})"
    return None if digest == record.sha256 else "has another content"


def _some(faults: Sequence[str]) -> str:
    more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
    return "; ".join(faults[:5]) + more


def _remove_if_left(path: Path) -> None:
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except OSError:  # somebody still writes to it, or nobody can tell
        return
    finally:
        os.close(lock)


def _write(path: Path, text: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
