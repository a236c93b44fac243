"""The protocols: each states a promise, its units and its errors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from kong_lts.database import DatabaseFacts, Fingerprint
from kong_lts.events import BackedUp, Event, TrafficCount
from kong_lts.protocols.values import Answer, Decision, Finished, NodeStatus, Probe, Question

__all__ = [
    "AdminApi",
    "Approver",
    "Archive",
    "Clock",
    "Database",
    "Deck",
    "Journal",
    "LoadBalancer",
    "Metrics",
    "Observer",
    "ProcessRunner",
    "Proxy",
    "WriteGuard",
]


class Database(Protocol):
    """The PostgreSQL database of one cluster."""

    def facts(self) -> DatabaseFacts:
        """Look at it, within one read-only transaction.

        Raises:
            DatabaseError: It does not exist, or cannot be reached.
        """

    def fingerprint(self, at: str | None = None) -> Fingerprint:
        """Count and hash the configuration, within one `REPEATABLE READ READ ONLY` transaction.

        Args:
            at: The moment as of which rows with a `ttl` count; `taken_at` of the fingerprint that
                this one is held against. None is now.

        Raises:
            DatabaseError: It does not exist, or cannot be reached.
        """

    def create(self, owner: str) -> None:
        """Create the database, empty and marked as made by *owner*.

        Nothing if it is there with that mark and still empty.

        Raises:
            DatabaseError: It is there without the mark, or cannot be created.
        """

    def drop(self, owner: str) -> None:
        """Drop the database if it carries the mark of *owner*; nothing if it does not exist.

        Raises:
            DatabaseError: It does not carry the mark, is in use, or cannot be dropped.
        """

    def hold_lock(self, owner: str) -> None:
        """Keep every other run away until `release_lock`, or until this process ends.

        Raises:
            LockHeldError: Another run has it.
            DatabaseError: The database cannot be reached.
        """

    def release_lock(self) -> None:
        """Let others in again; nothing if it is not held."""


class Archive(Protocol):
    """Dumps of one database, by PostgreSQL's own tools of the server's major version."""

    def back_up(self, folder: str) -> BackedUp:
        """Dump the database into a new folder, which appears only when it is complete.

        Raises:
            BackupError: A backup of something else stands there.
            ArchiveError: The dump failed; nothing is left behind.
        """

    def inspect(self, folder: str) -> BackedUp:
        """Prove a backup: every file has the hash of the manifest, and the dump can be listed.

        Raises:
            BackupError: It is missing, incomplete or damaged.
        """

    def restore(self, folder: str) -> Fingerprint:
        """Restore a backup into this database, which must be empty.

        The triggers that keep writes out are not restored.

        Returns:
            What the database holds afterwards.

        Raises:
            BackupError: The backup is missing, incomplete or damaged.
            ArchiveError: The database is not empty, or the restore failed.
        """

    def rehearse(self, folder: str) -> Fingerprint:
        """Restore a backup into a scratch database, which is gone afterwards, and compare.

        Returns:
            What the scratch database held: the same as the backup.

        Raises:
            BackupError: The backup is missing, incomplete or damaged, or something else came out.
            ArchiveError: No scratch database can be made, or the restore failed.
        """

    def replace(self, folder: str, keep_as: str, over: str | None = None) -> Fingerprint:
        """Put a backup in the place of this database, never over it.

        It is restored into a new database beside, compared with the manifest, and only then the
        names are swapped. Where the database hosts other applications too, only Kong's schema is
        replaced. Nothing happens if the database holds what the backup holds.

        Args:
            folder: The backup.
            keep_as: Name under which the replaced database, or schema, stays.
            over: Name of this database, where it is meant although the backup is of another one.

        Returns:
            What the database holds afterwards.

        Raises:
            BackupError: The backup is missing, incomplete or damaged, or of another database.
            ArchiveError: Somebody uses the database, the name to keep it under is taken, or the
                restore failed; it is as it was.
        """


class WriteGuard(Protocol):
    """Keeps writes to the configuration out of a database; counters and sessions go on."""

    def hold(self) -> tuple[str, ...]:
        """Keep writes out; nothing changes where they are kept out already.

        Returns:
            The tables that are guarded.

        Raises:
            WriteGuardError: It could not be done.
        """

    def release(self) -> None:
        """Let writes in again; nothing if they are.

        Raises:
            WriteGuardError: It could not be done.
        """

    def held(self) -> tuple[str, ...]:
        """The tables that are guarded now.

        Raises:
            WriteGuardError: It could not be seen.
        """

    def try_write(self) -> str | None:
        """Try a write that is taken back whatever happens.

        Returns:
            The refusal it met, None if it would have been taken.

        Raises:
            WriteGuardError: It failed for another reason.
        """


class Deck(Protocol):
    """The `deck` program against the Admin API of one cluster."""

    def ping(self) -> str:
        """The version of Kong that answers.

        Raises:
            DeckError: None does.
        """

    def dump(self, path: str) -> None:
        """Write the declarative configuration to a new file.

        Raises:
            DeckError: It failed, or the file is there.
        """


class ProcessRunner(Protocol):
    """Runs commands on one node, never through a shell."""

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        """Run a command to its end.

        Args:
            argv: Program and arguments; no secret stands in them.
            timeout_s: Seconds after which it is ended.
            statuses: Exit statuses that are no failure.

        Raises:
            ProcessNotRunError: It could not be started, or did not end in time.
            ProcessFailedError: It ended with another status.
        """


class LoadBalancer(Protocol):
    """Divides the proxy traffic between the current and the new cluster.

    It may have two attributes more, which the defaults have: `precision_percent`, how far in points
    the share may be from the one asked for, and `delay_s`, the seconds that a change takes.
    """

    def set_weight(self, new_percent: int) -> None:
        """Send *new_percent* (0 to 100) to the new cluster, the rest to the current one.

        Raises:
            LoadBalancerError: It refused, or could not be reached.
        """

    def weight(self) -> int:
        """The share of the new cluster that is in force, in percent.

        Raises:
            LoadBalancerError: It could not be reached.
        """


class AdminApi(Protocol):
    """The Admin API or status listener of each node of one cluster."""

    def status(self, node: str) -> NodeStatus:
        """How a node is.

        Raises:
            AdminApiError: It does not answer.
        """


class Proxy(Protocol):
    """The proxy listener of one cluster, beside the load balancer."""

    def send(self, probe: Probe) -> Answer:
        """Send one request.

        Raises:
            ProxyError: No answer came.
        """


class Metrics(Protocol):
    """Proxied requests of one cluster, in its own release's names."""

    def count(self) -> TrafficCount:
        """All requests since the nodes started; the mean latency is over all of them.

        Raises:
            MetricsError: The metrics cannot be read, or the families that hold this are off.
        """


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


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """The time now, in UTC."""

    def sleep(self, duration_s: float) -> None:
        """Wait."""


class Approver(Protocol):
    """The person who is asked."""

    def ask(self, question: Question) -> Decision:
        """Ask, and wait for the answer.

        Raises:
            ApproverError: Nobody can be asked.
        """


class Observer(Protocol):
    """Somebody who watches a run."""

    def notice(self, event: Event) -> None:
        """An event has been journalled. Must not raise."""
