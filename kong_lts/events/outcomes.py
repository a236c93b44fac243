"""What steps give back: journalled, and handed to later steps."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from kong_lts.database import Fingerprint
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
    "Diverted",
    "Done",
    "FileCompared",
    "FilesBackedUp",
    "GateVerdict",
    "Judged",
    "KeyringBackedUp",
    "LatencyBucket",
    "LicenceBackedUp",
    "Migrated",
    "Outcome",
    "Past",
    "ProbeResult",
    "Probed",
    "Recorded",
    "RecordedAnswer",
    "Restored",
    "TrafficCount",
    "Watched",
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
class Diverted:
    """The load balancer was told a new division."""

    new_percent: int
    """Share of the traffic that the new cluster gets, 0 to 100."""
    at: str = ""
    """When it was in force."""


@attrs.frozen(kw_only=True)
class ProbeResult:
    """One request of a staging or smoke test, and what came back."""

    name: str
    """Of the probe."""
    expected: str
    """In words, as `found`."""
    found: str
    """In words; equal to `expected` where the probe passed."""
    answered: bool = True
    """Whether anything came back at all."""
    slower_ms: float | None = None
    """How much longer the answer took than that of the other cluster, where that is a lot."""

    @property
    def passed(self) -> bool:
        """Whether the answer was the expected one."""
        return self.expected == self.found


@attrs.frozen(kw_only=True)
class CredentialsRestored:
    """Basic-auth credentials were put back with their stored hashes."""

    usernames: tuple[str, ...]
    """Of those that were missing."""
    logins: tuple[ProbeResult, ...] = ()
    """What the logins that prove it answered."""


@attrs.frozen(kw_only=True)
class Probed:
    """A staging test or smoke test ran."""

    results: tuple[ProbeResult, ...]
    """One for each probe."""
    routes_told: bool = True
    """Whether the gateway told which route answered, where that was asked for."""
    not_looked_at: int = 0
    """Routes of the database that neither a probe nor a log tells of."""


@attrs.frozen(kw_only=True)
class RecordedAnswer:
    """What one cluster answered to a probe; no body, only what it takes to compare one."""

    probe: str
    """Name of the probe."""
    status: int
    """HTTP status, 100 to 599."""
    body: Mapping[str, str] = attrs.Factory(dict)
    """Hash of each first-level part of a JSON body by its JSON path; `$` alone for another one."""
    headers: Mapping[str, str] = attrs.Factory(dict)
    """Those that are compared, such as content type and location."""
    route: str = ""
    """Who took it, where the gateway told."""
    service: str = ""
    """Where the gateway told."""
    latency_ms: float | None = None
    """From the first byte sent to the last one received."""


@attrs.frozen(kw_only=True)
class Recorded:
    """The answers of one cluster, for the other one to be compared with."""

    answers: tuple[RecordedAnswer, ...]
    """One for each probe that got one."""
    unanswered: tuple[str, ...] = ()
    """Probes that got no answer, and why."""


@attrs.frozen(kw_only=True)
class LatencyBucket:
    """One step of a histogram."""

    up_to_ms: float
    """Its upper bound."""
    requests: int
    """Those that took as long or less."""


@attrs.frozen(kw_only=True)
class TrafficCount:
    """Proxied requests of one side, since its nodes started or within one watch."""

    requests: int
    """How many, those with errors among them."""
    errors: int
    """Answers of 500 and more."""
    latency_ms: float | None = None
    """Mean time to answer, where the metrics have it."""
    statuses: Mapping[str, int] = attrs.Factory(dict)
    """Requests by status, where the metrics have it."""
    latencies: tuple[LatencyBucket, ...] = ()
    """The time to answer, rising; what took longer than the last one is in `timed` alone."""
    timed: int = 0
    """Requests whose time to answer is known."""

    @property
    def error_ratio(self) -> float:
        """Errors by requests; 0 without any request."""
        return self.errors / self.requests if self.requests else 0.0


class GateVerdict(StrEnum):
    """What a gate says of a watch."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    """Too little was seen to tell."""
    NO_DATA = "no data"


@attrs.frozen(kw_only=True)
class Judged:
    """What one gate says of a watch, and why."""

    gate: str
    """Name of the gate."""
    verdict: GateVerdict
    """What it says."""
    text: str
    """The figures, in words."""
    stops: bool
    """Whether the run does not go on for it."""


@attrs.frozen(kw_only=True)
class Watched:
    """Metrics were watched for a while."""

    watched_s: float
    """How long."""
    current: TrafficCount
    """What the current cluster served meanwhile."""
    new: TrafficCount
    """What the new cluster served meanwhile."""
    judged: tuple[Judged, ...] = ()
    """One for each gate."""
    led_back_to_percent: int | None = None
    """The share of the new cluster after its traffic was led back; None where it was not."""
    answered_by: str = ""
    """Who approved, rejected or aborted, where somebody did."""
    refused: str = ""
    """Why the run does not go on though no gate stops it."""
    diverted_at: str = ""
    """When the traffic was diverted again that an earlier watch had led back; empty where not."""


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
