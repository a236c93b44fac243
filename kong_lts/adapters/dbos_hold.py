"""The hold that one worker has on a run: it ends with the process, however that ends.

No clock is asked, so that none can take a run away by a jump: in PostgreSQL the hold is an advisory
lock of a session, beside a SQLite file it is a lock on another file.
"""

import fcntl
import hashlib
import os
import threading
from pathlib import Path
from typing import Protocol, Self

import attrs
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from kong_lts.errors import JournalError

__all__ = ["FileHold", "Hold", "ServerHold"]

_YOUNG_S = 5
"""For so long after the server's start nobody takes a run over: its worker may be alive, and holds
it again as soon as it has noticed that its session is gone."""
_LOOK_S = 1.0

_OLD_ENOUGH = sa.text("SELECT extract(epoch FROM now() - pg_postmaster_start_time()) > :young")
_TAKE = sa.text("SELECT pg_try_advisory_lock(:key)")
_ALIVE = sa.text("SELECT 1")


class Hold(Protocol):
    """A run that this process works on."""

    def release(self) -> None:
        """Let another worker have it."""


@attrs.define
class FileHold:
    """Beside a SQLite file, for the workers of one host."""

    _handle: int

    @classmethod
    def take(cls, database: Path, run: str) -> Self | None:
        """Take the run; None where another process has it.

        Raises:
            JournalError: The file cannot be made.
        """
        path = database.with_name(f"{database.name}.{_digest(run).hex()[:16]}.lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise JournalError(f"taking run {run}", exc.strerror or str(exc)) from exc
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return cls(handle)

    def release(self) -> None:
        os.close(self._handle)


@attrs.define
class ServerHold:
    """In PostgreSQL: a session that is kept for it, and made anew when the server restarts."""

    _engine: sa.Engine = attrs.field(repr=False)
    _key: int
    _session: sa.Connection | None = attrs.field(default=None, repr=False)
    _over: threading.Event = attrs.field(factory=threading.Event, repr=False)
    _keeper: threading.Thread | None = attrs.field(default=None, repr=False)

    @classmethod
    def take(cls, engine: sa.Engine, run: str) -> Self | None:
        """Take the run; None where another process has it, or may have it in a moment.

        Raises:
            JournalError: The server does not answer.
        """
        hold = cls(engine, int.from_bytes(_digest(run)[:8], "big", signed=True))
        try:
            taken = hold._take(patiently=True)
        except SQLAlchemyError as exc:  # its text may hold the URL, and with it a password
            raise JournalError(f"taking run {run}", type(exc).__name__) from None
        if not taken:
            return None
        hold._keeper = threading.Thread(target=hold._keep, name=f"hold of {run}", daemon=True)
        hold._keeper.start()
        return hold

    def release(self) -> None:
        self._over.set()
        if self._keeper is not None:
            self._keeper.join()
        self._drop()

    def _take(self, *, patiently: bool) -> bool:
        session = self._engine.connect()
        try:
            ready = not patiently or session.scalar(_OLD_ENOUGH, {"young": _YOUNG_S})
            if ready and session.scalar(_TAKE, {"key": self._key}):
                self._session = session
                return True
        except BaseException:
            session.invalidate()
            session.close()
            raise
        session.close()
        return False

    def _keep(self) -> None:
        """Notice the end of the session, and take the run again at once."""
        while not self._over.wait(_LOOK_S):
            try:
                if self._session is None:
                    self._take(patiently=False)
                else:
                    self._session.execute(_ALIVE)
            except SQLAlchemyError:
                self._drop()

    def _drop(self) -> None:
        """End the session, and with it the lock; the pool shall not get it back."""
        session, self._session = self._session, None
        if session is not None:
            session.invalidate()
            session.close()


def _digest(run: str) -> bytes:
    return hashlib.sha256(run.encode("utf-8", "surrogatepass")).digest()
