"""Files of nodes that this machine can reach by a path: its own, or what it has mounted."""

import grp
import os
import pwd
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from kong_lts.adapters.node_copies import (
    ATTEMPTS,
    LEFT_OUT,
    became_a_file,
    became_a_folder,
    beside,
    digest_of,
    filled,
    is_absolute,
    new_file,
    our_files,
    proved_copy,
    read_listing,
    still_changing,
)
from kong_lts.errors import NodeFilesError
from kong_lts.manifest import FileListing, NodeFile

__all__ = ["LocalNodeFiles"]


@attrs.frozen
class LocalNodeFiles:
    """Copies files with their owner and mode, and puts them back.

    Args:
        roots: Where the root folder of each node is, by its name: "/" for this machine.
    """

    roots: Mapping[str, str]

    def fetch(self, node: str, paths: Sequence[str], folder: str) -> FileListing:
        doing = f"copying the files of node {node} to {folder}"
        return filled(folder, doing, lambda copies: self._copy(node, paths, copies, doing))

    def differing(self, node: str, folder: str) -> tuple[str, ...]:
        doing = f"comparing the files of node {node} with {folder}"
        listing = read_listing(folder, doing)
        with our_files(doing):
            return tuple(f.path for f in listing.files if self._seen(node, f.path, doing) != f)

    def put_back(self, node: str, folder: str) -> tuple[str, ...]:
        doing = f"putting the files of node {node} back from {folder}"
        listing = read_listing(folder, doing)
        put = []
        with our_files(doing):
            for file in listing.files:  # a folder comes before what is in it
                if self._seen(node, file.path, doing) != file:
                    _put(file, folder, self._at(node, file.path, doing), doing)
                    put.append(file.path)
        return tuple(put)

    def digest(self, node: str, path: str) -> str:
        doing = f"reading {path} of node {node}"
        with our_files(doing):
            return digest_of(self._at(node, path, doing))

    def _at(self, node: str, path: str, doing: str) -> Path:
        if node not in self.roots:
            raise NodeFilesError(doing, "it is not known where its root folder is")
        if not is_absolute(path):
            raise NodeFilesError(doing, f"{path} is no absolute path")
        return Path(self.roots[node]) / path.lstrip("/")

    def _copy(self, node: str, paths: Sequence[str], copies: Path, doing: str) -> FileListing:
        files: dict[str, NodeFile] = {}
        left_out = []
        for path in self._all(node, paths, doing):
            at = self._at(node, path, doing)
            is_noise = path.endswith(LEFT_OUT) and not _is_folder(at)
            file = None if is_noise else self._taken(node, path, copies, doing)
            if file is None:
                left_out.append(path)
            else:
                files[path] = file
        return FileListing(node=node, files=tuple(files.values()), left_out=tuple(left_out))

    def _taken(self, node: str, path: str, copies: Path, doing: str) -> NodeFile | None:
        """What stands there, with a copy that holds just that where it is a file."""
        for _ in range(ATTEMPTS):
            seen = self._seen(node, path, doing)
            if seen is None or seen.sha256 is None:
                return seen
            copy = copies / path.lstrip("/")
            _copy_file(self._at(node, path, doing), copy)
            if digest_of(copy) == seen.sha256:
                return seen
        raise still_changing(path, doing)

    def _all(self, node: str, paths: Sequence[str], doing: str) -> Iterator[str]:
        """Every named path, and what is below it; what is named has to be there."""
        root = Path(self.roots.get(node, "/"))
        for path in paths:
            start = self._at(node, path, doing)
            if not os.path.lexists(start):
                raise NodeFilesError(doing, f"there is no {path}")
            yield path.rstrip("/") or "/"
            if _is_folder(start):
                for found in sorted(_below(start)):
                    yield f"/{found.relative_to(root).as_posix()}"

    def _seen(self, node: str, path: str, doing: str) -> NodeFile | None:
        """What stands there now; None for nothing, and for what is no file, folder or link."""
        at = self._at(node, path, doing)
        try:
            status = at.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        digest = target = None
        if stat.S_ISREG(status.st_mode):
            digest = digest_of(at)
        elif stat.S_ISLNK(status.st_mode):
            target = os.readlink(at)
        elif not stat.S_ISDIR(status.st_mode):
            return None
        mode = 0o777 if target is not None else stat.S_IMODE(status.st_mode)
        owner, group = _user(status.st_uid), _group(status.st_gid)
        return NodeFile(
            path=path, mode=mode, owner=owner, group=group, sha256=digest, target=target
        )


def _below(folder: Path) -> Iterator[Path]:
    """All that is in it; a folder that may not be read is an error, and not passed over."""
    folders = [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                yield Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)


def _copy_file(source: Path, copy: Path) -> None:
    with source.open("rb") as file, open(new_file(copy), "wb") as written:
        shutil.copyfileobj(file, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())


def _put(file: NodeFile, folder: str, at: Path, doing: str) -> None:
    """Beside it first, with owner and mode, then in its place."""
    at.parent.mkdir(parents=True, exist_ok=True)
    if file.sha256 is None and file.target is None:
        if at.is_symlink():
            at.unlink()
        elif os.path.lexists(at) and not at.is_dir():
            raise became_a_file(file.path, doing)
        at.mkdir(exist_ok=True)
        _own(at, file, doing)
        return
    if _is_folder(at):
        raise became_a_folder(file.path, doing)
    new = beside(at)
    new.unlink(missing_ok=True)
    try:
        if file.target is not None:
            new.symlink_to(file.target)
        else:
            _copy_file(proved_copy(file, folder, doing), new)
        _own(new, file, doing)
        new.rename(at)
    finally:
        new.unlink(missing_ok=True)


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
