"""What steps give back: journalled, and handed to later steps."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from kong_lts.database import Fingerprint
from kong_lts.events.traffic import Diverted, Probed, ProbeResult, Recorded, Watched
from kong_lts.state_files import StateDump

__all__ = [
    "BackedUp",
    "BackupCompleted",
    "Confirmed",
    "CredentialsRestored",
    "DataPlaneSeen",
    "DataPlanesSeen",
    "DeclarativeBackedUp",
    "DeclarativeCompared",
    "DeclarativeRestored",
    "Done",
    "FileCompared",
    "FilesBackedUp",
    "KeyringBackedUp",
    "LicenceBackedUp",
    "Migrated",
    "Outcome",
    "Past",
    "Restored",
    "WritesStopped",
    "mixed_since",
]


@attrs.frozen(kw_only=True)
class Done:
    """The step did its work; there is nothing more to say."""

    note: str = ""
    """What is worth knowing of it."""


@attrs.frozen(kw_only=True)
class WritesStopped:
    """Writes to the configuration are kept out of a database."""

    tables: tuple[str, ...]
    """Those that are guarded; empty where writes are only noticed."""
    proof: str
    """The refusal that a trial write met."""
    fingerprint: Fingerprint
    """What the database held when the writes had stopped."""


@attrs.frozen(kw_only=True)
class BackedUp:
    """A backup is complete."""

    folder: str
    """Of the backup."""
    fingerprint: Fingerprint
    """What the database held."""
    size_bytes: int
    """Of all files together."""
    server_version: str
    """Of PostgreSQL, as in "15.4"."""
    tool_version: str
    """Of pg_dump."""


@attrs.frozen(kw_only=True)
class DeclarativeBackedUp:
    """decK wrote the configuration into a backup."""

    folder: str
    """Of the backup."""
    dump: StateDump
    """The files that decK wrote."""


@attrs.frozen(kw_only=True)
class KeyringBackedUp:
    """The keyring was exported into a backup."""

    path: str
    """File of the export."""
    ids: tuple[str, ...]
    """Of the keys in it; no key."""
    active: str | None = None
    """The one that new values were encrypted with."""


@attrs.frozen(kw_only=True)
class LicenceBackedUp:
    """The licences of the database were saved."""

    path: str
    """File with the licences."""
    count: int
    """How many licences."""


@attrs.frozen(kw_only=True)
class FilesBackedUp:
    """Files of the nodes were copied into a backup."""

    folder: str
    """Of the backup."""
    copies: Mapping[str, int]
    """How many files, by node."""
    left_out: tuple[str, ...] = ()
    """What was not copied, as `node: path`."""


@attrs.frozen(kw_only=True)
class BackupCompleted:
    """A whole backup has its manifest and its name."""

    folder: str
    """Of the backup."""
    size_bytes: int
    """Of all files together."""
    cannot_restore: tuple[str, ...] = ()
    """What it does not give back."""


@attrs.frozen(kw_only=True)
class DeclarativeRestored:
    """decK brought files of a backup into a gateway."""

    files: tuple[str, ...]
    """Those of the backup, in the order of the restore."""
    changed: int
    """Entities created, updated and deleted."""
    lost: tuple[str, ...] = ()
    """What it could not bring back."""


@attrs.frozen(kw_only=True)
class FileCompared:
    """One converted state file of decK beside a gateway: kinds and names, without any content."""

    path: str
    """Of the converted file."""
    changed_by_3_4: tuple[str, ...] = ()
    """What conversion and migration change alike, as `2 x RULE`."""
    only_in_file: tuple[str, ...] = ()
    """Entities that decK would create."""
    different: tuple[str, ...] = ()
    """Entities that decK would update."""
    only_in_cluster: tuple[str, ...] = ()
    """Entities that decK would delete."""
    refused: tuple[str, ...] = ()
    """What the gateway would not take."""


@attrs.frozen(kw_only=True)
class DeclarativeCompared:
    """decK's converted files were compared with a gateway."""

    files: tuple[FileCompared, ...]
    """Those that were compared."""
    not_compared: str = ""
    """Why the others were not."""


@attrs.frozen(kw_only=True)
class Restored:
    """A backup was restored into a database."""

    folder: str
    """Of the backup."""
    database: str
    """Name of the database."""
    fingerprint: Fingerprint
    """What it holds now."""


@attrs.frozen(kw_only=True)
class Migrated:
    """`kong migrations up` or `finish` ended."""

    state: str
    """The schema state that was seen afterwards."""
    executed: int = 0
    """Migrations that this run carried out."""
    pending: int = 0
    """Migrations that `finish` has still to carry out."""
    duration_s: float = 0.0
    """How long the command took."""


@attrs.frozen(kw_only=True)
class Confirmed:
    """A person did something, or allowed it."""

    by: str
    """Who it was."""
    note: str = ""
    """What they said."""


@attrs.frozen(kw_only=True)
class DataPlaneSeen:
    """How a data plane was when it was looked at."""

    name: str
    """Of the node."""
    configuration: str = ""
    """Hash of what it has loaded; empty where it does not tell."""
    requests: int | None = None
    """Since its start, where it tells."""
    workers: tuple[int, ...] = ()
    """Processes that serve, where it tells."""

    def is_another_process(self, before: "DataPlaneSeen") -> bool:
        """Whether it was restarted or reloaded since an earlier look, as far as it tells."""
        if before.workers and self.workers and not set(before.workers) & set(self.workers):
            return True
        if before.requests is None or self.requests is None:
            return False
        return self.requests < before.requests


@attrs.frozen(kw_only=True)
class DataPlanesSeen:
    """Data planes were looked at, to see later whether they are still so."""

    nodes: tuple[DataPlaneSeen, ...]
    """Those that answered."""


@attrs.frozen(kw_only=True)
class CredentialsRestored:
    """Basic-auth credentials were put back with their stored hashes."""

    usernames: tuple[str, ...]
    """Of those that were missing."""
    logins: tuple[ProbeResult, ...] = ()
    """What the logins that prove it answered."""


Outcome = (
    Done
    | WritesStopped
    | BackedUp
    | DeclarativeBackedUp
    | KeyringBackedUp
    | LicenceBackedUp
    | FilesBackedUp
    | BackupCompleted
    | Restored
    | DeclarativeRestored
    | DeclarativeCompared
    | CredentialsRestored
    | Migrated
    | Confirmed
    | DataPlanesSeen
    | Diverted
    | Probed
    | Recorded
    | Watched
)
"""What `Step.run` gives back: journalled, and handed to later steps."""

Past = Mapping[str, Outcome]
"""Outcomes so far, by step id."""


def mixed_since(past: Past) -> datetime | None:
    """When both clusters began to serve, for the last time; None where nobody knows."""
    diverted = [
        _time(outcome.at)
        for outcome in past.values()
        if isinstance(outcome, Diverted) and 0 < outcome.new_percent < 100
    ]
    again = [_time(one.diverted_at) for one in past.values() if isinstance(one, Watched)]
    first = sorted(filter(None, diverted))[:1]
    return max((*filter(None, again), *first), default=None)


def _time(text: str) -> datetime | None:
    """A time of a journal; None for what is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
