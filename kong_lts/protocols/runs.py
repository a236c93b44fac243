"""What is promised of a run: its journal and lock, time, and the people who are asked."""

from datetime import datetime
from typing import Protocol

from kong_lts.events import Event
from kong_lts.protocols.values import (
    Decision,
    Instruction,
    Question,
)

__all__ = [
    "Approver",
    "Clock",
    "Control",
    "Journal",
    "Lock",
    "Observer",
]


class Journal(Protocol):
    """Every event of one run, durable before it counts."""

    def append(self, event: Event) -> None:
        """Write one event; returns when it would survive a power cut.

        Raises:
            JournalError: It could not be written.
            LockHeldError: Another process is writing this journal.
        """

    def events(self) -> tuple[Event, ...]:
        """All events so far, in order.

        Raises:
            JournalError: They cannot be read.
        """


class Lock(Protocol):
    """Keeps a second run away from a deployment that has no database."""

    def hold_lock(self, owner: str) -> None:
        """Keep every other run away until `release_lock`, or until this process ends.

        Raises:
            LockHeldError: Another run has it; names its owner.
            LockError: It could not be seen who has it.
        """

    def release_lock(self) -> None:
        """Let others in again; nothing if it is not held."""


class Control(Protocol):
    """Somebody who may hold or stop a run that is going on."""

    def instruction(self) -> Instruction:
        """What is wanted now. Must not raise, and is asked often."""


class Clock(Protocol):
    """Time.

    It may have one method more, which the default has: `meanwhile(act, every_s)`, a context within
    which *act* is called every so often beside whatever else goes on. With it a run gives signs of
    life while one long call of a step takes its time.
    """

    def now(self) -> datetime:
        """The time now, in UTC."""

    def sleep(self, duration_s: float) -> None:
        """Wait."""


class Approver(Protocol):
    """The person who is asked.

    It may have one method more, which the defaults have: `peek(question) -> Decision | None` asks
    without waiting, None where there is no answer yet. With it, metrics are watched meanwhile.
    """

    def ask(self, question: Question) -> Decision:
        """Ask, and wait for the answer.

        Raises:
            ApproverError: Nobody can be asked.
        """


class Observer(Protocol):
    """Somebody who watches a run."""

    def notice(self, event: Event) -> None:
        """An event has been journalled. Must not raise."""
