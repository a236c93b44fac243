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
    """Who runs it."""


@attrs.frozen(kw_only=True)
class RunResumed:
    """Somebody took the run up again."""

    at: str
    """ISO 8601, UTC."""
    owner: str
    """Who runs it."""


@attrs.frozen(kw_only=True)
class StepChecked:
    """The preconditions of a step were looked at; a BLOCKER stops the run."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    findings: tuple[Finding, ...] = ()
    """What the look found."""


@attrs.frozen(kw_only=True)
class StepStarted:
    """A step is about to act. Written before the effect."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""


@attrs.frozen(kw_only=True)
class StepDone:
    """A step says that it acted. Written after the effect."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    outcome: Outcome
    """What it gave back."""


@attrs.frozen(kw_only=True)
class StepVerified:
    """The effect of a step was looked at; a BLOCKER stops the run."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    findings: tuple[Finding, ...] = ()
    """What the look found."""


@attrs.frozen(kw_only=True)
class StepFailed:
    """A step, or a look at it, raised one of the library's errors."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    reason: str
    """Text of the error."""


@attrs.frozen(kw_only=True)
class StepRetried:
    """A step failed in passing, may be repeated, and is looked at and tried again."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    reason: str
    """Text of the error."""


@attrs.frozen(kw_only=True)
class Heartbeat:
    """Whoever runs the plan is alive, and waits within a step."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    note: str = ""
    """What is noticed meanwhile: an order that comes after the step, a limit that is past."""


@attrs.frozen(kw_only=True)
class PlanOutdated:
    """A test has shown that the evaluation was wrong: this plan goes back, never on."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    reason: str
    """Why, in words."""


@attrs.frozen(kw_only=True)
class RunPaused:
    """Somebody asked for a pause; the run holds before its next step."""

    at: str
    """ISO 8601, UTC."""
    reason: str
    """Whose order it was."""


@attrs.frozen(kw_only=True)
class RunCancelled:
    """Somebody asked the run to stop before its next step."""

    at: str
    """ISO 8601, UTC."""
    reason: str
    """Whose order it was."""


@attrs.frozen(kw_only=True)
class StepFound:
    """After an interruption: had the effect of a begun step happened?"""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    happened: bool
    """Whether its effect is there."""
    findings: tuple[Finding, ...] = ()
    """What the look found."""


@attrs.frozen(kw_only=True)
class RollbackStarted:
    """The way back was taken."""

    at: str
    """ISO 8601, UTC."""
    owner: str
    """Who runs it."""
    reason: str
    """Why, in words."""


@attrs.frozen(kw_only=True)
class UndoStarted:
    """A step is about to be taken back."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""


@attrs.frozen(kw_only=True)
class UndoDone:
    """A step was taken back, and that was proved; or there was nothing to take back."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    note: str = ""
    """What was taken back, or why nothing had to be."""


@attrs.frozen(kw_only=True)
class UndoFailed:
    """A step could not be taken back."""

    at: str
    """ISO 8601, UTC."""
    step: str
    """Id of the step."""
    reason: str
    """Text of the error."""


@attrs.frozen(kw_only=True)
class RunEnded:
    """Every step was done and verified."""

    at: str
    """ISO 8601, UTC."""


@attrs.frozen(kw_only=True)
class RollbackEnded:
    """Every step that was begun is taken back, as far as it can be."""

    at: str
    """ISO 8601, UTC."""


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
