"""Reports as JSON: assessments and plans in their own form, the others in one made here."""

from collections.abc import Callable, Mapping

import attrs

from kong_lts.assessment import Assessment
from kong_lts.events import Outcome
from kong_lts.findings import Finding, in_order
from kong_lts.fleet import FleetRun, MemberRun
from kong_lts.planning import Case, Plan, Rehearsal, Run, Verdict
from kong_lts.reports.fleets import fleet_verdict
from kong_lts.reports.rehearsals import rehearsal_verdict
from kong_lts.reports.runs import run_verdict
from kong_lts.reports.standing import lost, traffic_percents
from kong_lts.reports.timeline import Pause, StepRecord, UndoRecord, timeline
from kong_lts.serialization import Form, json_schema
from kong_lts.strategies import Strategy, StrategyChoice

__all__ = [
    "REPORT_SCHEMAS",
    "assessment_json",
    "choice_json",
    "plan_json",
    "rehearsal_json",
    "run_json",
]


@attrs.frozen(kw_only=True)
class _RunForm:
    sentence: str
    verdict: Verdict
    deployment: str
    strategy: Strategy
    plan_fingerprint: str
    started: str | None
    ended: str | None
    worked_s: float
    elapsed_s: float
    stopped_at: str | None
    reason: str | None
    new_percent: tuple[int, ...]
    """More than one where a change has no known end."""
    steps: tuple[StepRecord, ...]
    outcomes: Mapping[str, Outcome]
    """What came of the steps, by their id; each says its `kind`."""
    not_begun: tuple[str, ...]
    pauses: tuple[Pause, ...]
    undone: tuple[UndoRecord, ...]
    lost: tuple[str, ...]
    """Ids of the steps that were begun and that nothing brings back."""
    findings: tuple[Finding, ...]


@attrs.frozen(kw_only=True)
class _RehearsalForm:
    sentence: str
    ok: bool
    deployment: str
    strategy: Strategy
    plan_fingerprint: str
    cases: tuple[Case, ...]


_RUN = Form(_RunForm, "run report", unions=(Outcome,))
_REHEARSAL = Form(_RehearsalForm, "rehearsal report")


@attrs.frozen(kw_only=True)
class _FleetForm:
    sentence: str
    ok: bool
    members: tuple[MemberRun, ...]


_FLEET = Form(_FleetForm, "fleet report")
_CHOICE = Form(StrategyChoice, "choice of strategy")

REPORT_SCHEMAS: Mapping[str, Callable[[], dict[str, object]]] = {
    "report_run": lambda: json_schema(_RunForm, title="kong_lts report on a run"),
    "report_rehearsal": lambda: json_schema(_RehearsalForm, title="kong_lts report on a rehearsal"),
    "report_fleet": lambda: json_schema(_FleetForm, title="kong_lts report on a fleet"),
    "report_choice": lambda: json_schema(StrategyChoice, title="kong_lts choice of strategy"),
}
"""What makes each schema of a report that has a form of its own, by the name of its file."""


def assessment_json(assessment: Assessment) -> str:
    """The assessment's own form."""
    return assessment.to_json()


def plan_json(plan: Plan) -> str:
    """The plan's own form."""
    return plan.to_json()


def choice_json(choice: StrategyChoice) -> str:
    """A choice of strategy."""
    return _CHOICE.to_json(choice)


def run_json(run: Run) -> str:
    """A run: verdict, steps with times and outcomes, pauses, way back, findings."""
    course = timeline(run.plan, run.events)
    seen = {record.step for record in course.steps}
    return _RUN.to_json(
        _RunForm(
            sentence=run_verdict(run, course),
            verdict=run.verdict,
            deployment=run.plan.deployment.name,
            strategy=run.plan.strategy,
            plan_fingerprint=run.plan.fingerprint,
            started=course.started,
            ended=course.ended,
            worked_s=course.worked_s,
            elapsed_s=course.elapsed_s,
            stopped_at=run.stopped_at,
            reason=run.reason,
            new_percent=traffic_percents(run),
            steps=tuple(attrs.evolve(record, outcome=None) for record in course.steps),
            outcomes={r.step: r.outcome for r in course.steps if r.outcome is not None},
            not_begun=tuple(step.id for step in run.plan.steps if step.id not in seen),
            pauses=course.pauses,
            undone=course.undone,
            lost=tuple(step.id for step in lost(run)),
            findings=in_order(dict.fromkeys(run.findings)),
        )
    )


def rehearsal_json(rehearsal: Rehearsal) -> str:
    """A rehearsal: its cases, and whether every invariant held."""
    return _REHEARSAL.to_json(
        _RehearsalForm(
            sentence=rehearsal_verdict(rehearsal),
            ok=rehearsal.ok,
            deployment=rehearsal.plan.deployment.name,
            strategy=rehearsal.plan.strategy,
            plan_fingerprint=rehearsal.plan.fingerprint,
            cases=rehearsal.cases,
        )
    )


def fleet_json(fleet: FleetRun) -> str:
    """A fleet: how each of its upgrades stands."""
    return _FLEET.to_json(
        _FleetForm(sentence=fleet_verdict(fleet), ok=fleet.ok, members=fleet.members)
    )
