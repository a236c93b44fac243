"""Events and messages of the runs of a durable engine.

They live in the engine's own database, SQLite or PostgreSQL, beside what the engine itself keeps.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import attrs
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from kong_lts.adapters.dbos_hold import FileHold, Hold, ServerHold
from kong_lts.errors import FormatError, JournalError, LockHeldError
from kong_lts.events import Event, event_from_json, event_to_json

__all__ = ["PAUSE", "RunStore", "StoredJournal"]

_META = sa.MetaData()
_EVENT = sa.Table(
    "kong_lts_event",
    _META,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("json", sa.Text, nullable=False),
)
_MESSAGE = sa.Table(
    "kong_lts_message",
    _META,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),
)
_PATIENCE_S = 60.0
"""How long a database that does not answer is waited for: the time of a restart."""
_RETRY_S = 0.5
PAUSE = threading.Event()
"""Never set: waiting for it is a pause that no clock can prolong."""

Result = TypeVar("Result")


@attrs.frozen
class RunStore:
    """The tables; every call stands a restart of the server."""

    engine: sa.Engine = attrs.field(repr=False)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open it, and make the tables if they are missing.

        Args:
            url: As SQLAlchemy takes it: `sqlite:////path` or `postgresql+psycopg://...`.

        Raises:
            JournalError: It cannot be opened.
        """
        try:
            engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        except (SQLAlchemyError, ImportError) as exc:
            raise JournalError("opening the engine's database", type(exc).__name__) from None
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _durable)
        store = cls(engine)
        doing = "making the engine's tables"
        store.do(doing, lambda c: _META.create_all(c, checkfirst=True), patience_s=0)
        return store

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def journal(self, run: str) -> "StoredJournal":
        """The journal of one run."""
        return StoredJournal(self, run)

    def tell(self, run: str, topic: str, text: str) -> None:
        """Leave a message for a run; it stays until somebody reads it, however long that takes.

        Raises:
            JournalError: It could not be stored.
        """

        def insert(connection: sa.Connection) -> None:
            number = len(_texts(connection, run, topic))
            values = {"run": run, "topic": topic, "number": number, "text": text}
            connection.execute(sa.insert(_MESSAGE).values(values))

        self.do("leaving a message", insert)

    def told(self, run: str, topic: str) -> tuple[str, ...]:
        """Every message of a topic, the first one first.

        Raises:
            JournalError: They cannot be read.
        """
        return self.do("reading messages", lambda connection: _texts(connection, run, topic))

    def hold(self, run: str) -> "Hold | None":
        """Take the run for this process; None where another one has it."""
        if self.engine.dialect.name == "sqlite":
            return FileHold.take(Path(str(self.engine.url.database)), run)
        return ServerHold.take(self.engine, run)

    def do(
        self, doing: str, act: Callable[[sa.Connection], Result], *, patience_s: float = _PATIENCE_S
    ) -> Result:
        """Act on a connection, again and again while the server is away.

        Raises:
            JournalError: It stayed away.
        """
        until = time.monotonic() + patience_s
        while True:
            try:
                with self.engine.connect() as connection:
                    return act(connection)
            except IntegrityError:
                raise  # an answer, not a failure
            except SQLAlchemyError as exc:
                # Its text may hold the URL, and with it a password.
                if time.monotonic() > until or not _passes(exc):
                    raise JournalError(doing, f"the database: {type(exc).__name__}") from None
            PAUSE.wait(_RETRY_S)


def _durable(connection: Any, _: object) -> None:
    """Each commit of SQLite is on the disk when it returns."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _passes(exc: SQLAlchemyError) -> bool:
    """Whether it may work a moment later: the server is away, or another one has the file."""
    return isinstance(exc, sa.exc.OperationalError | sa.exc.InterfaceError) or bool(
        getattr(exc, "connection_invalidated", False)
    )


def _texts(connection: sa.Connection, run: str, topic: str) -> tuple[str, ...]:
    table = _MESSAGE.c
    rows = sa.select(table.text).where(table.run == run, table.topic == topic)
    return tuple(connection.execute(rows.order_by(table.number)).scalars())


@attrs.define
class StoredJournal:
    """The events of one run, each with its number: what another worker wrote is never hidden."""

    store: RunStore
    run: str
    _known: int | None = attrs.field(default=None, init=False)

    def append(self, event: Event) -> None:
        if self._known is None:
            self._known = len(self._rows())
        number, text = self._known, event_to_json(event)
        try:
            self.store.do(self._doing("writing"), lambda c: self._insert(c, number, text))
        except IntegrityError:
            # Ours, if the answer to the first try was lost on its way.
            if self._rows()[number] != text:
                raise LockHeldError(owner="another worker", where=f"run {self.run}") from None
        self._known = number + 1

    def events(self) -> tuple[Event, ...]:
        rows = self._rows()
        self._known = len(rows)
        try:
            return tuple(map(event_from_json, rows))
        except FormatError as exc:
            raise JournalError(self._doing("reading"), str(exc)) from exc

    def _doing(self, verb: str) -> str:
        return f"{verb} the journal of run {self.run}"

    def _insert(self, connection: sa.Connection, number: int, text: str) -> None:
        values = {"run": self.run, "number": number, "json": text}
        connection.execute(sa.insert(_EVENT).values(values))

    def _rows(self) -> tuple[str, ...]:
        table = _EVENT.c
        rows = sa.select(table.json).where(table.run == self.run).order_by(table.number)
        return self.store.do(self._doing("reading"), lambda c: tuple(c.execute(rows).scalars()))
