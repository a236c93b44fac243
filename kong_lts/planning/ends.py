"""What a run and a rehearsal end with."""

from datetime import datetime
from enum import StrEnum

import attrs

from kong_lts.events import Event, Past, StepDone, StepStarted, UndoDone
from kong_lts.findings import Finding
from kong_lts.nodes import StartNodes
from kong_lts.planning.plans import Plan

__all__ = ["Case", "Rehearsal", "Run", "Verdict"]


class Verdict(StrEnum):
    """How a run stands."""

    SUCCEEDED = "succeeded"
    STOPPED = "stopped"
    """Something failed or was interrupted: resume it, or roll back."""
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    """Something could not be taken back: a person must look."""


@attrs.frozen(kw_only=True)
class Run:
    """A run, as its journal tells it."""

    plan: Plan
    """What was to be done."""
    events: tuple[Event, ...]
    """All of the journal, in order."""
    verdict: Verdict
    """How it stands."""
    stopped_at: str | None = None
    """Id of the step where it stands; None when every step is done or taken back."""
    reason: str | None = None
    """Why it stands there."""
    findings: tuple[Finding, ...] = ()
    """What the steps found."""
    past: Past = attrs.Factory(dict)
    """Outcomes, by step id."""

    @property
    def ok(self) -> bool:
        """Whether the upgrade is done."""
        return self.verdict is Verdict.SUCCEEDED

    @property
    def downtime_s(self) -> float | None:
        """How long the proxy did not answer at most; None where it always did, or still does not.

        From the first stop of nodes whose place nobody took until nodes were ready again.
        """
        stops = {step.id for step in self.plan.steps if step.effect.downtime_s}
        starts = {step.id for step in self.plan.steps if isinstance(step, StartNodes)}
        begun: datetime | None = None
        for event in self.events:
            if isinstance(event, StepStarted) and event.step in stops and begun is None:
                begun = datetime.fromisoformat(event.at)
            started = isinstance(event, StepDone) and event.step in starts
            back = isinstance(event, UndoDone) and event.step in stops
            if begun is not None and (started or back):
                return (datetime.fromisoformat(event.at) - begun).total_seconds()
        return None


@attrs.frozen(kw_only=True)
class Case:
    """One rehearsed fault."""

    step: str
    """Id of the step at which the fault was."""
    fault: str
    """Its name, as in `killed after the effect`."""
    way: str
    """`resume` or `roll back`: what was done about the fault."""
    verdict: Verdict
    """How the run ended."""
    broken: tuple[str, ...] = ()
    """The invariants that did not hold."""


@attrs.frozen(kw_only=True)
class Rehearsal:
    """A plan against the simulated world: undisturbed, and with every fault at every step."""

    plan: Plan
    """What was rehearsed."""
    cases: tuple[Case, ...]
    """One for each fault at each step, and each way out."""

    @property
    def broken(self) -> tuple[Case, ...]:
        """Cases in which an invariant did not hold."""
        return tuple(case for case in self.cases if case.broken)

    @property
    def ok(self) -> bool:
        """Whether every invariant held in every case."""
        return not self.broken
