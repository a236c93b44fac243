"""What steps give back: journalled, and handed to later steps."""

from collections.abc import Mapping
from enum import StrEnum

import attrs

from kong_lts.database import Fingerprint
from kong_lts.state_files import StateDump

__all__ = [
    "BackedUp",
    "BackupCompleted",
    "Confirmed",
    "CredentialsRestored",
    "DeclarativeBackedUp",
    "DeclarativeRestored",
    "Diverted",
    "Done",
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
]


@attrs.frozen(kw_only=True)
class Done:
    """The step did its work; there is nothing more to say."""

    note: str = ""


@attrs.frozen(kw_only=True)
class WritesStopped:
    """Writes to the configuration are kept out of a database."""

    tables: tuple[str, ...]
    proof: str
    """The refusal that a trial write met."""
    fingerprint: Fingerprint
    """What the database held when the writes had stopped."""


@attrs.frozen(kw_only=True)
class BackedUp:
    """A backup is complete."""

    folder: str
    fingerprint: Fingerprint
    size_bytes: int
    server_version: str
    tool_version: str


@attrs.frozen(kw_only=True)
class DeclarativeBackedUp:
    """decK wrote the configuration into a backup."""

    folder: str
    dump: StateDump


@attrs.frozen(kw_only=True)
class KeyringBackedUp:
    """The keyring was exported into a backup."""

    path: str
    ids: tuple[str, ...]
    """Of the keys in it; no key."""
    active: str | None = None
    """The one that new values were encrypted with."""


@attrs.frozen(kw_only=True)
class LicenceBackedUp:
    """The licences of the database were saved."""

    path: str
    count: int


@attrs.frozen(kw_only=True)
class FilesBackedUp:
    """Files of the nodes were copied into a backup."""

    folder: str
    copies: Mapping[str, int]
    """How many files, by node."""
    left_out: tuple[str, ...] = ()
    """What was not copied, as `node: path`."""


@attrs.frozen(kw_only=True)
class BackupCompleted:
    """A whole backup has its manifest and its name."""

    folder: str
    size_bytes: int
    cannot_restore: tuple[str, ...] = ()
    """What it does not give back."""


@attrs.frozen(kw_only=True)
class DeclarativeRestored:
    """decK brought files of a backup into a gateway."""

    files: tuple[str, ...]
    changed: int
    """Entities created, updated and deleted."""
    lost: tuple[str, ...] = ()
    """What it could not bring back."""


@attrs.frozen(kw_only=True)
class Restored:
    """A backup was restored into a database."""

    folder: str
    database: str
    fingerprint: Fingerprint


@attrs.frozen(kw_only=True)
class Migrated:
    """`kong migrations up` or `finish` ended."""

    state: str
    """The schema state that was seen afterwards."""
    executed: int = 0
    pending: int = 0
    duration_s: float = 0.0


@attrs.frozen(kw_only=True)
class Confirmed:
    """A person did something, or allowed it."""

    by: str
    note: str = ""


@attrs.frozen(kw_only=True)
class Diverted:
    """The load balancer was told a new division."""

    new_percent: int


@attrs.frozen(kw_only=True)
class ProbeResult:
    """One request of a staging or smoke test, and what came back."""

    name: str
    expected: str
    found: str
    answered: bool = True
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


@attrs.frozen(kw_only=True)
class Probed:
    """A staging test or smoke test ran."""

    results: tuple[ProbeResult, ...]
    routes_told: bool = True
    """Whether the gateway told which route answered, where that was asked for."""


@attrs.frozen(kw_only=True)
class RecordedAnswer:
    """What one cluster answered to a probe; no body, only what it takes to compare one."""

    probe: str
    status: int
    body: Mapping[str, str] = attrs.Factory(dict)
    """Hash of each first-level part of a JSON body by its JSON path; `$` alone for another one."""
    headers: Mapping[str, str] = attrs.Factory(dict)
    route: str = ""
    """Who took it, where the gateway told."""
    service: str = ""
    latency_ms: float | None = None


@attrs.frozen(kw_only=True)
class Recorded:
    """The answers of one cluster, for the other one to be compared with."""

    answers: tuple[RecordedAnswer, ...]
    unanswered: tuple[str, ...] = ()
    """Probes that got no answer, and why."""


@attrs.frozen(kw_only=True)
class LatencyBucket:
    """One step of a histogram."""

    up_to_ms: float
    requests: int
    """Those that took as long or less."""


@attrs.frozen(kw_only=True)
class TrafficCount:
    """Proxied requests of one side, since its nodes started or within one watch."""

    requests: int
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
    verdict: GateVerdict
    text: str
    """The figures, in words."""
    stops: bool
    """Whether the run does not go on for it."""


@attrs.frozen(kw_only=True)
class Watched:
    """Metrics were watched for a while."""

    watched_s: float
    current: TrafficCount
    new: TrafficCount
    judged: tuple[Judged, ...] = ()
    led_back_to_percent: int | None = None
    """The share of the new cluster after its traffic was led back; None where it was not."""
    answered_by: str = ""
    """Who approved, rejected or aborted, where somebody did."""
    refused: str = ""
    """Why the run does not go on though no gate stops it."""


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
    | CredentialsRestored
    | Migrated
    | Confirmed
    | Diverted
    | Probed
    | Recorded
    | Watched
)
"""What `Step.run` gives back: journalled, and handed to later steps."""

Past = Mapping[str, Outcome]
"""Outcomes so far, by step id."""
