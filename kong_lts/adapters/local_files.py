"""Files of nodes that this machine can reach by a path: its own, or what it has mounted."""

import contextlib
import grp
import hashlib
import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from kong_lts.adapters.sealed_folder import own_folder
from kong_lts.errors import FormatError, NodeFilesError
from kong_lts.manifest import FileListing, NodeFile

__all__ = ["LocalNodeFiles"]

_LISTING = "files.json"
_COPIES = "root"
_LEFT_OUT = (".log", ".pid", ".sock")
"""Endings of what a running node writes anew."""


@attrs.frozen
class LocalNodeFiles:
    """Copies files with their owner and mode, and puts them back.

    Args:
        roots: Where the root folder of each node is, by its name: "/" for this machine.
    """

    roots: Mapping[str, str]

    def fetch(self, node: str, paths: Sequence[str], folder: str) -> FileListing:
        doing = f"copying the files of node {node} to {folder}"
        target = Path(folder)
        if os.path.lexists(target):
            raise NodeFilesError(doing, "the folder is there; name a new one")
        work = target.with_name(f".{target.name}.{secrets.token_hex(4)}.unfinished")
        with _files(doing):
            own_folder(target.parent)
            work.mkdir(mode=0o700)
            try:
                listing = self._copy(node, paths, work / _COPIES, doing)
                (work / _LISTING).write_text(listing.to_json(), "utf-8", "surrogateescape")
                work.rename(target)
            except BaseException:
                shutil.rmtree(work, ignore_errors=True)
                raise
        return listing

    def differing(self, node: str, folder: str) -> tuple[str, ...]:
        doing = f"comparing the files of node {node} with {folder}"
        listing = _listing(folder, doing)
        with _files(doing):
            return tuple(f.path for f in listing.files if self._seen(node, f.path, doing) != f)

    def put_back(self, node: str, folder: str) -> tuple[str, ...]:
        doing = f"putting the files of node {node} back from {folder}"
        listing = _listing(folder, doing)
        put = []
        with _files(doing):
            for file in listing.files:  # a folder comes before what is in it
                if self._seen(node, file.path, doing) != file:
                    _put(file, Path(folder) / _COPIES, self._at(node, file.path, doing), doing)
                    put.append(file.path)
        return tuple(put)

    def digest(self, node: str, path: str) -> str:
        doing = f"reading {path} of node {node}"
        with _files(doing), self._at(node, path, doing).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _at(self, node: str, path: str, doing: str) -> Path:
        if node not in self.roots:
            raise NodeFilesError(doing, "it is not known where its root folder is")
        if not path.startswith("/") or ".." in Path(path).parts:
            raise NodeFilesError(doing, f"{path} is no absolute path")
        return Path(self.roots[node]) / path.lstrip("/")

    def _copy(self, node: str, paths: Sequence[str], copies: Path, doing: str) -> FileListing:
        files: dict[str, NodeFile] = {}
        left_out = []
        for path in self._all(node, paths, doing):
            seen = self._seen(node, path, doing)
            if seen is None or Path(path).suffix in _LEFT_OUT:
                left_out.append(path)
                continue
            files[path] = seen
            if seen.sha256 is not None:
                copy = copies / path.lstrip("/")
                copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                _copy_file(self._at(node, path, doing), copy)
        return FileListing(node=node, files=tuple(files.values()), left_out=tuple(left_out))

    def _all(self, node: str, paths: Sequence[str], doing: str) -> Iterator[str]:
        """Every named path, and what is below it; what is named has to be there."""
        for path in paths:
            start = self._at(node, path, doing)
            if not os.path.lexists(start):
                raise NodeFilesError(doing, f"there is no {path}")
            yield path.rstrip("/") or "/"
            if start.is_dir() and not start.is_symlink():
                for found in sorted(start.rglob("*")):
                    yield f"/{found.relative_to(self.roots[node]).as_posix()}"

    def _seen(self, node: str, path: str, doing: str) -> NodeFile | None:
        """What stands there now; None for nothing, and for what is no file, folder or link."""
        at = self._at(node, path, doing)
        try:
            status = at.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        digest = target = None
        if stat.S_ISREG(status.st_mode):
            with at.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        elif stat.S_ISLNK(status.st_mode):
            target = os.readlink(at)
        elif not stat.S_ISDIR(status.st_mode):
            return None
        mode = 0o777 if target is not None else stat.S_IMODE(status.st_mode)
        owner, group = _user(status.st_uid), _group(status.st_gid)
        return NodeFile(
            path=path, mode=mode, owner=owner, group=group, sha256=digest, target=target
        )


def _listing(folder: str, doing: str) -> FileListing:
    path = Path(folder, _LISTING)
    with _files(doing):
        text = path.read_text("utf-8", "surrogateescape")
    try:
        return FileListing.from_json(text, path=str(path))
    except FormatError as exc:
        raise NodeFilesError(doing, str(exc)) from exc


def _copy_file(source: Path, copy: Path) -> None:
    with source.open("rb") as file, open(os.open(copy, _NEW, 0o600), "wb") as written:
        shutil.copyfileobj(file, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def _put(file: NodeFile, copies: Path, at: Path, doing: str) -> None:
    """Beside it first, with owner and mode, then in its place."""
    at.parent.mkdir(parents=True, exist_ok=True)
    if file.sha256 is None and file.target is None:
        if at.is_symlink():
            at.unlink()
        elif os.path.lexists(at) and not at.is_dir():
            raise NodeFilesError(
                doing, f"{file.path} was a folder, and is a file now; move it away"
            )
        at.mkdir(exist_ok=True)
        _own(at, file, doing)
        return
    if _is_folder(at):
        raise NodeFilesError(doing, f"{file.path} is a folder now; move it away")
    beside = at.with_name(f".{at.name}.{secrets.token_hex(4)}.kong_lts")
    try:
        if file.target is not None:
            beside.symlink_to(file.target)
        else:
            _copy_file(copies / file.path.lstrip("/"), beside)
        _own(beside, file, doing)
        beside.rename(at)
    finally:
        beside.unlink(missing_ok=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _own(path: Path, file: NodeFile, doing: str) -> None:
    try:
        user = pwd.getpwnam(file.owner).pw_uid if not file.owner.isdecimal() else int(file.owner)
        group = grp.getgrnam(file.group).gr_gid if not file.group.isdecimal() else int(file.group)
    except KeyError as exc:
        raise NodeFilesError(doing, f"{file.path}: no such owner or group here: {exc}") from exc
    os.chown(path, user, group, follow_symlinks=False)
    if file.target is None:
        path.chmod(file.mode)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


@contextlib.contextmanager
def _files(doing: str) -> Iterator[None]:
    """What the file system raises becomes our error."""
    try:
        yield
    except OSError as exc:
        where = f": {exc.filename}" if exc.filename else ""
        raise NodeFilesError(doing, f"{exc.strerror or exc}{where}") from exc
