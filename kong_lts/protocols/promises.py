"""The protocols: each states a promise, its units and its errors."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from kong_lts.database import DatabaseFacts, Fingerprint
from kong_lts.events import BackedUp, Event, TrafficCount
from kong_lts.manifest import BackupManifest, FileListing
from kong_lts.protocols.probes import Answer, Probe
from kong_lts.protocols.values import (
    Decision,
    Finished,
    Instruction,
    KeyringKeys,
    NodeStatus,
    Question,
    Recovered,
)
from kong_lts.state_files import Changes, DeckAbility, DumpedFile, StateDump

__all__ = [
    "AdminApi",
    "Approver",
    "Archive",
    "Backups",
    "Clock",
    "Control",
    "Credentials",
    "Database",
    "Deck",
    "Journal",
    "Keyring",
    "LoadBalancer",
    "Lock",
    "Metrics",
    "NodeFiles",
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


class Backups(Protocol):
    """Whole backups: folders on the machine that runs the plan."""

    def prepare(self, path: str) -> None:
        """Make room for one part of a backup that is not complete yet.

        The folder above is there afterwards, for its owner alone, and nothing stands at *path*:
        what an interrupted attempt left there is removed.

        Raises:
            BackupError: It could not be done.
        """

    def holds(self, path: str) -> bool:
        """Whether a part stands there: a folder, or a file that is not empty.

        Raises:
            BackupError: It cannot be seen.
        """

    def write(self, path: str, text: str) -> None:
        """Write a file of a part, for its owner alone; what stands there is replaced.

        Raises:
            BackupError: It could not be written.
        """

    def complete(self, unfinished: str, folder: str, manifest: BackupManifest) -> BackupManifest:
        """Add to a manifest who made it and the hash of every file; then give the backup its name.

        Nothing if it has that name already.

        Returns:
            The manifest as it stands in the folder.

        Raises:
            BackupError: Something else stands there, or it could not be written.
        """

    def inspect(self, folder: str) -> BackupManifest:
        """Prove a backup: every file has the hash of the manifest, and there is no other file.

        Raises:
            BackupError: It is missing, incomplete or damaged.
        """

    def read(self, folder: str, path: str) -> str:
        """The text of one file of a backup.

        Raises:
            BackupError: It cannot be read.
        """


class NodeFiles(Protocol):
    """Files of the nodes of one cluster, by the name of the node and the path on it."""

    def fetch(self, node: str, paths: Sequence[str], folder: str) -> FileListing:
        """Copy files, and folders with all that is in them, into a new folder of this machine.

        Sockets, pipes, devices, logs and process ids are left out. Links are noted, not followed.

        Args:
            node: Its name.
            paths: Absolute, on the node.
            folder: Where to; its `files.json` keeps path, owner and mode of each.

        Raises:
            NodeFilesError: A path is not there or cannot be read; nothing is left behind.
        """

    def differing(self, node: str, folder: str) -> tuple[str, ...]:
        """Paths on the node that are not as they were fetched: content, owner, mode or kind.

        Raises:
            NodeFilesError: They cannot be looked at.
        """

    def put_back(self, node: str, folder: str) -> tuple[str, ...]:
        """Make every fetched path on the node what it was, each in one moment; others stay.

        Returns:
            The paths that were not as they had been.

        Raises:
            NodeFilesError: One cannot be written, or its owner cannot be set.
        """

    def digest(self, node: str, path: str) -> str:
        """SHA-256 of a file's content, in hexadecimal.

        Raises:
            NodeFilesError: It cannot be read.
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


class Credentials(Protocol):
    """The stored basic-auth credentials of one cluster, which decK cannot bring back."""

    def missing(self, file: DumpedFile) -> tuple[str, ...]:
        """Usernames of the credentials of a state file that the cluster has not, or otherwise.

        Raises:
            CredentialsError: The file or the database cannot be read.
        """

    def restore(self, file: DumpedFile) -> tuple[str, ...]:
        """Put those back, with their ids and their hashes as they are; all of them or none.

        Returns:
            The usernames of those that were missing.

        Raises:
            CredentialsError: A consumer is not there under its old id, to which the hash belongs;
                or the file or the database cannot be read or written.
        """


class Deck(Protocol):
    """The `deck` program against the Admin API of one cluster."""

    def ping(self) -> str:
        """The version of Kong that answers, as `KongVersion.parse` takes it.

        Raises:
            DeckError: None does.
        """

    def abilities(self) -> frozenset[DeckAbility]:
        """What the installed program knows.

        Raises:
            DeckError: It cannot be run.
        """

    def dump(self, folder: str, *, tags: Sequence[str] = ()) -> StateDump:
        """Write the configuration into a new folder, which appears only when it is complete.

        On Enterprise each workspace gets a file of its own, and each workspace's roles get another.

        Args:
            folder: Where to.
            tags: One file for each of these, with what has the tag; what has none of them is left
                out. Empty is everything.

        Raises:
            DeckError: It failed, or the folder is there.
        """

    def validate(self, file: DumpedFile, *, online: bool) -> tuple[str, ...]:
        """Look at a file without its basic-auth credentials, which some releases refuse always.

        Args:
            file: What to look at.
            online: Whether each entity is shown to the gateway, which changes nothing in it.

        Returns:
            What is wrong with it.

        Raises:
            DeckError: It could not be looked at.
        """

    def diff(self, file: DumpedFile) -> Changes:
        """What `sync` would do, `Changes.left_out` included.

        Of a basic-auth credential that is there, nobody compares the password.

        Raises:
            DeckError: It could not be found out.
        """

    def sync(self, file: DumpedFile) -> Changes:
        """Make the gateway hold what a file holds, and delete what it does not hold.

        Basic-auth credentials are neither created nor changed; `Changes.left_out` names them. What
        the gateway refuses is in `Changes.errors`, and what was done before stays done.

        Raises:
            DeckError: It could not be begun, or nobody knows how it ended.
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

    def workspaces(self) -> tuple[str, ...]:
        """The names of all workspaces; none on open source.

        Raises:
            AdminApiError: No node has an Admin API that answers.
        """

    def entities(
        self, path: str, *, workspace: str | None = None
    ) -> tuple[Mapping[str, object], ...]:
        """All entities of a collection, from its first page to its last.

        Args:
            path: As in `licenses` or `rbac/users`.
            workspace: Where to look; None is the default one.

        Raises:
            AdminApiError: There is no such collection, or no answer.
        """

    def put(self, path: str, entity: Mapping[str, object], *, workspace: str | None = None) -> None:
        """Create an entity, or replace it.

        Args:
            path: Collection and id, as in `licenses/0c5b...`.
            entity: What it is.
            workspace: Where; None is the default one.

        Raises:
            AdminApiError: It was refused, or no answer came.
        """


class Keyring(Protocol):
    """The keys with which Kong Enterprise encrypts fields of the database."""

    def keys(self) -> KeyringKeys:
        """Which keys it holds.

        Raises:
            KeyringError: It does not answer, or there is none.
        """

    def export(self, path: str) -> tuple[str, ...]:
        """Write all keys, encrypted by the keyring's public key, to a new file of its owner alone.

        Returns:
            The ids of the keys in it.

        Raises:
            KeyringError: The file is there, or the keys cannot be had.
        """

    def load(self, path: str) -> None:
        """Import the keys of an export; nothing for keys that are there.

        Raises:
            KeyringError: The file cannot be read, or the private key does not open it.
        """

    def recover(self, private_key: str) -> Recovered:
        """Open the keys that the database holds, as far as that goes.

        Args:
            private_key: Reference of the recovery key, `file:PATH` or `env:NAME`.

        Raises:
            KeyringError: It was refused; that some keys stay closed is no error here.
        """

    def activate(self, key_id: str) -> None:
        """Encrypt new values with this key: after a recovery, nothing is written without it.

        Raises:
            KeyringError: There is no such key, or it was refused.
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
    """Time."""

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
