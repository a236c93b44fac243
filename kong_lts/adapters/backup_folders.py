"""Whole backups, as folders of this machine."""

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import attrs

from kong_lts.adapters.sealed_folder import own_folder, prove, records, seal, sealed_text
from kong_lts.errors import BackupError, FormatError
from kong_lts.manifest import BackupManifest

__all__ = ["BackupFolders"]


@attrs.frozen
class BackupFolders:
    """Each backup a folder with mode 0700, its files with 0600."""

    def prepare(self, path: str) -> None:
        part = Path(path)
        with _files(path):
            own_folder(part.parent)
            _remove(part)

    def holds(self, path: str) -> bool:
        part = Path(path)
        with _files(path):
            return part.is_dir() or (part.is_file() and part.stat().st_size > 0)

    def write(self, path: str, text: str) -> None:
        with _files(path):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(file, "w", encoding="utf-8", errors="surrogateescape") as opened:
                opened.write(text)

    def complete(self, unfinished: str, folder: str, manifest: BackupManifest) -> BackupManifest:
        source, target = Path(unfinished), Path(folder)
        if os.path.lexists(target):
            if os.path.lexists(source):
                raise BackupError(folder, "something stands there already; name a new folder")
            return self.inspect(folder)
        with _files(unfinished):
            for left in source.glob(".*.unfinished"):  # of a dump that was interrupted
                _remove(left)
            for name in ("manifest.json", "manifest.json.sha256"):  # of an interrupted completion
                _remove(source / name)
            whole = attrs.evolve(manifest, made_by=_this_process(), files=records(source))
            seal(source, whole.to_json(), target)
        return whole

    def inspect(self, folder: str) -> BackupManifest:
        if Path(folder).name.endswith(".unfinished"):  # whole, perhaps, but nobody said so
            raise BackupError(folder, "the backup was never completed; take it again")
        text = sealed_text(Path(folder))
        try:
            manifest = BackupManifest.from_json(text, path=f"{folder}/manifest.json")
        except FormatError as exc:
            raise BackupError(folder, f"its manifest cannot be read: {exc}") from exc
        prove(Path(folder), manifest.files)
        return manifest

    def read(self, folder: str, path: str) -> str:
        with _files(folder):
            return (Path(folder) / path).read_text(encoding="utf-8", errors="surrogateescape")


def _this_process() -> str:
    user = os.environ.get("USER") or str(os.getuid())
    return f"{user}@{socket.gethostname()} process {os.getpid()}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _files(folder: str) -> Iterator[None]:
    """What the file system raises becomes our error."""
    try:
        yield
    except OSError as exc:
        where = f": {exc.filename}" if exc.filename else ""
        raise BackupError(folder, f"{exc.strerror or exc}{where}") from exc
