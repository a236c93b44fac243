"""What is promised of databases: facts, dumps, backups, and what is kept in them and out."""

from collections.abc import Sequence
from typing import Protocol

from kong_lts.database import DatabaseFacts, Fingerprint
from kong_lts.events import BackedUp
from kong_lts.manifest import BackupManifest, FileListing
from kong_lts.state_files import DumpedFile

__all__ = [
    "Archive",
    "Backups",
    "Credentials",
    "Database",
    "NodeFiles",
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
            keep_as: Name under which the replaced database, or schema, stays; a number follows
                where it is taken.
            over: Name of this database, where it is meant although the backup is of another one.

        Returns:
            What the database holds afterwards.

        Raises:
            BackupError: The backup is missing, incomplete or damaged, or of another database.
            ArchiveError: Somebody uses the database, or the restore failed; it is as it was.
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
