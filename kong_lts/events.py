"""Every class that a journal holds: the outcomes of steps, and the events of a run.

An event is written and flushed before and after each effect, so that whoever finds the journal
knows what was begun, what was done and what was proved.
"""

from collections.abc import Mapping

import attrs

from kong_lts.database import Fingerprint
from kong_lts.findings import Finding
from kong_lts.serialization import Form, json_schema

__all__ = [
    "BackedUp",
    "Confirmed",
    "Diverted",
    "Done",
    "Event",
    "Migrated",
    "Outcome",
    "Past",
    "ProbeResult",
    "Probed",
    "Restored",
    "RollbackEnded",
    "RollbackStarted",
    "RunEnded",
    "RunResumed",
    "RunStarted",
    "StepChecked",
    "StepDone",
    "StepFailed",
    "StepFound",
    "StepStarted",
    "StepVerified",
    "TrafficCount",
    "UndoDone",
    "UndoFailed",
    "UndoStarted",
    "Watched",
    "WritesStopped",
    "event_from_json",
    "event_to_json",
    "journal_schema",
]


# --- outcomes -------------------------------------------------------------------------------------


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

    @property
    def passed(self) -> bool:
        """Whether the answer was the expected one."""
        return self.expected == self.found


@attrs.frozen(kw_only=True)
class Probed:
    """A staging test or smoke test ran."""

    results: tuple[ProbeResult, ...]


@attrs.frozen(kw_only=True)
class TrafficCount:
    """Proxied requests of one side within one watch."""

    requests: int
    errors: int
    """Answers of 500 and more."""
    latency_ms: float | None = None
    """Mean time to answer, where the metrics have it."""

    @property
    def error_ratio(self) -> float:
        """Errors by requests; 0 without any request."""
        return self.errors / self.requests if self.requests else 0.0


@attrs.frozen(kw_only=True)
class Watched:
    """Metrics were watched for a while."""

    watched_s: float
    current: TrafficCount
    new: TrafficCount


Outcome = (
    Done | WritesStopped | BackedUp | Restored | Migrated | Confirmed | Diverted | Probed | Watched
)
"""What `Step.run` gives back: journalled, and handed to later steps."""

Past = Mapping[str, Outcome]
"""Outcomes so far, by step id."""


# --- events ---------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RunStarted:
    """A run began; the journal holds its plan from here on."""

    at: str
    """ISO 8601, UTC, as every `at`."""
    plan: str
    """The plan as JSON."""
    owner: str


@attrs.frozen(kw_only=True)
class RunResumed:
    """Somebody took the run up again."""

    at: str
    owner: str


@attrs.frozen(kw_only=True)
class StepChecked:
    """The preconditions of a step were looked at; a BLOCKER stops the run."""

    at: str
    step: str
    findings: tuple[Finding, ...] = ()


@attrs.frozen(kw_only=True)
class StepStarted:
    """A step is about to act. Written before the effect."""

    at: str
    step: str


@attrs.frozen(kw_only=True)
class StepDone:
    """A step says that it acted. Written after the effect."""

    at: str
    step: str
    outcome: Outcome


@attrs.frozen(kw_only=True)
class StepVerified:
    """The effect of a step was looked at; a BLOCKER stops the run."""

    at: str
    step: str
    findings: tuple[Finding, ...] = ()


@attrs.frozen(kw_only=True)
class StepFailed:
    """A step, or a look at it, raised one of the library's errors."""

    at: str
    step: str
    reason: str


@attrs.frozen(kw_only=True)
class StepFound:
    """After an interruption: had the effect of a begun step happened?"""

    at: str
    step: str
    happened: bool
    findings: tuple[Finding, ...] = ()


@attrs.frozen(kw_only=True)
class RollbackStarted:
    """The way back was taken."""

    at: str
    owner: str
    reason: str


@attrs.frozen(kw_only=True)
class UndoStarted:
    """A step is about to be taken back."""

    at: str
    step: str


@attrs.frozen(kw_only=True)
class UndoDone:
    """A step was taken back, and that was proved; or there was nothing to take back."""

    at: str
    step: str
    note: str = ""


@attrs.frozen(kw_only=True)
class UndoFailed:
    """A step could not be taken back."""

    at: str
    step: str
    reason: str


@attrs.frozen(kw_only=True)
class RunEnded:
    """Every step was done and verified."""

    at: str


@attrs.frozen(kw_only=True)
class RollbackEnded:
    """Every step that was begun is taken back, as far as it can be."""

    at: str


Event = (
    RunStarted
    | RunResumed
    | StepChecked
    | StepStarted
    | StepDone
    | StepVerified
    | StepFailed
    | StepFound
    | RollbackStarted
    | UndoStarted
    | UndoDone
    | UndoFailed
    | RunEnded
    | RollbackEnded
)
"""What a journal holds, in order."""


@attrs.frozen(kw_only=True)
class _Entry:
    event: Event


_FORM = Form(_Entry, "journal entry", unions=(Outcome, Event))


def event_to_json(event: Event) -> str:
    """One line of a journal."""
    return _FORM.to_json(_Entry(event=event), indent=None)


def event_from_json(text: str) -> Event:
    """Read what `event_to_json` wrote.

    Raises:
        FormatError: It is no entry of a journal.
    """
    return _FORM.from_json(text).event


def journal_schema() -> dict[str, object]:
    """JSON Schema of one entry of a journal."""
    return json_schema(_Entry, title="kong_lts journal entry")
