"""Values with one text wherever a user's text may stand."""

import attrs

from kong_lts.assessment import Assessment, NotChecked
from kong_lts.events import (
    Confirmed,
    Probed,
    ProbeResult,
    RollbackStarted,
    RunResumed,
    StepFailed,
    StepVerified,
    UndoFailed,
    UndoStarted,
)
from kong_lts.findings import Finding, Location, Severity
from kong_lts.planning import Case, Rehearsal, Run, Verdict
from kong_lts.strategies import StrategyChoice
from tests.reports.samples import Story, deployment, short_plan


def _finding(text: str) -> Finding:
    return Finding(
        rule=text,
        severity=Severity.BLOCKER,
        subject=text,
        message=text,
        action=text,
        source=text,
        location=Location(path=text, line=1),
        evidence=text,
    )


def _run(text: str) -> Run:
    """A run that saw everything, and that could not be rolled back."""
    finding = _finding(text)
    story = Story(plan=attrs.evolve(short_plan(text), findings=(finding,), reasons=(text,)))
    story.do("stop-admin-writes")
    story.act("back-up-files", Confirmed(by=text, note=text))
    story.events.append(StepVerified(at=story.at(), step="back-up-files"))
    story.act("staging-test", Probed(results=(ProbeResult(name=text, expected="1", found=text),)))
    story.events.append(StepFailed(at=story.at(), step="staging-test", reason=text))
    story.events.append(RunResumed(at=story.at(9), owner=text))
    story.do("divert-10")
    story.events.append(RollbackStarted(at=story.at(), owner=text, reason=text))
    story.events.append(UndoStarted(at=story.at(), step="divert-10"))
    story.events.append(UndoFailed(at=text, step="divert-10", reason=text))
    return Run(
        plan=story.plan,
        events=tuple(story.events),
        verdict=Verdict.ROLLBACK_FAILED,
        stopped_at="divert-10",
        reason=text,
        findings=(finding,),
    )


def hostile(text: str) -> tuple[object, ...]:
    """One value of each kind, full of *text*."""
    finding, run = _finding(text), _run(text)
    assessment = Assessment(
        deployment=deployment(text),
        findings=(finding,),
        not_checked=(NotChecked(rule=text, missing=text),),
        ignored=(finding,),
    )
    case = Case(step=text, fault=text, way=text, verdict=Verdict.STOPPED, broken=(text,))
    return (
        assessment,
        StrategyChoice(strategy=None, reasons=(text,), rejected={text: text}),
        run.plan,
        Rehearsal(plan=run.plan, cases=(case,)),
        run,
    )
