"""The events of a run, and their form in a journal.

An event is written and flushed before and after each effect, so that whoever finds the journal
knows what was begun, what was done and what was proved.
"""

import attrs

from kong_lts.events.outcomes import Outcome
from kong_lts.findings import Finding
from kong_lts.serialization import Form, json_schema

__all__ = [
    "Event",
    "Heartbeat",
    "PlanOutdated",
    "RollbackEnded",
    "RollbackStarted",
    "RunCancelled",
    "RunEnded",
    "RunPaused",
    "RunResumed",
    "RunStarted",
    "StepChecked",
    "StepDone",
    "StepFailed",
    "StepFound",
    "StepRetried",
    "StepStarted",
    "StepVerified",
    "UndoDone",
    "UndoFailed",
    "UndoStarted",
    "event_from_json",
    "event_to_json",
    "journal_schema",
]


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
class StepRetried:
    """A step failed in passing, may be repeated, and is looked at and tried again."""

    at: str
    step: str
    reason: str


@attrs.frozen(kw_only=True)
class Heartbeat:
    """Whoever runs the plan is alive, and waits within a step."""

    at: str
    step: str


@attrs.frozen(kw_only=True)
class PlanOutdated:
    """A test has shown that the evaluation was wrong: this plan goes back, never on."""

    at: str
    step: str
    reason: str


@attrs.frozen(kw_only=True)
class RunPaused:
    """Somebody asked for a pause; the run holds before its next step."""

    at: str
    reason: str


@attrs.frozen(kw_only=True)
class RunCancelled:
    """Somebody asked the run to stop before its next step."""

    at: str
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
    | StepRetried
    | Heartbeat
    | PlanOutdated
    | RunPaused
    | RunCancelled
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
