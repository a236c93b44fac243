"""The lock of a deployment without a database: a file beside its inventory."""

import fcntl
import os
from pathlib import Path
from typing import IO

import attrs

from kong_lts.errors import LockError, LockHeldError

__all__ = ["FileLock"]


@attrs.define
class FileLock:
    """One file that one process holds; it stays, and says whose it was last."""

    path: Path = attrs.field(converter=Path)
    """Of the lock file, beside the inventory."""
    _file: IO[bytes] | None = attrs.field(default=None, init=False, repr=False)

    def hold_lock(self, owner: str) -> None:
        doing = f"locking {self.path}"
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            file = open(handle, "r+b", buffering=0)  # noqa: SIM115 - open for as long as it is held
        except OSError as exc:
            raise LockError(doing, exc.strerror or str(exc)) from exc
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            other = file.read(200).decode(errors="replace").strip() or "another process"
            file.close()
            if isinstance(exc, BlockingIOError):
                raise LockHeldError(other, f"the deployment of {self.path}") from None
            raise LockError(doing, exc.strerror or str(exc)) from exc
        file.truncate(0)
        file.write(f"{owner}\n".encode())
        self._file = file

    def release_lock(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
