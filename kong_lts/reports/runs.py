"""The report on a run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kong_lts.deployment import Side
from kong_lts.events import (
    BackedUp,
    Confirmed,
    CredentialsRestored,
    Diverted,
    Done,
    Migrated,
    Outcome,
    Probed,
    Recorded,
    Restored,
    RollbackStarted,
    Watched,
    WritesStopped,
)
from kong_lts.planning import Run, Verdict
from kong_lts.reports import proofs
from kong_lts.reports.assessments import findings_section, severity_counts, way
from kong_lts.reports.document import Break, Bullets, Document, Facts, Level, Row, Section, Table
from kong_lts.reports.standing import (
    first_percent,
    lost,
    ramp_chart,
    traffic_percents,
    traffic_text,
    writes_text,
)
from kong_lts.reports.timeline import (
    Pause,
    StepRecord,
    StepStatus,
    Timeline,
    UndoRecord,
    UndoStatus,
    stops,
    timeline,
)
from kong_lts.reports.words import (
    counted,
    duration,
    listed,
    percent,
    shortened,
    shown_time,
    size,
)

__all__ = ["outcome_text", "run_document", "run_verdict"]

_MOST_STEPS = 12
_NO_WORD = "the journal ends without a word: the process was ended, or is still at work"

_LEVELS = {
    Verdict.SUCCEEDED: Level.GOOD,
    Verdict.STOPPED: Level.BAD,
    Verdict.ROLLED_BACK: Level.WARNING,
    Verdict.ROLLBACK_FAILED: Level.BAD,
}
_STEP_LEVELS = {
    StepStatus.DONE: Level.GOOD,
    StepStatus.FAILED: Level.BAD,
    StepStatus.REFUSED: Level.BAD,
}
_UNDO_LEVELS = {
    UndoStatus.DONE: Level.GOOD,
    UndoStatus.NOTHING: Level.PLAIN,
    UndoStatus.FAILED: Level.BAD,
}


# --- outcomes in words ----------------------------------------------------------------------------


def _probed(outcome: Probed) -> str:
    passed = sum(result.passed for result in outcome.results)
    return f"{passed} of {counted(len(outcome.results), 'probe')} passed"


def _watched(outcome: Watched) -> str:
    new = outcome.new
    return (
        f"{new.errors:,} of {counted(new.requests, 'request')} to the new cluster failed"
        f" ({percent(new.error_ratio)}) in {duration(outcome.watched_s)}"
    )


def _migrated(outcome: Migrated) -> str:
    pending = f", {outcome.pending} pending" if outcome.pending else ""
    return f"the database is in the state {outcome.state}{pending}"


_OUTCOMES: Mapping[type[Outcome], Callable[[Any], str]] = {
    Done: lambda o: o.note,
    WritesStopped: lambda o: (
        f"{counted(len(o.tables), 'table')} guarded, a trial write was refused"
    ),
    BackedUp: lambda o: f"{size(o.size_bytes)} in {o.folder}",
    Restored: lambda o: f"{counted(o.fingerprint.rows, 'row')} in database {o.database}",
    CredentialsRestored: lambda o: f"{counted(len(o.usernames), 'credential')} put back",
    Migrated: _migrated,
    Confirmed: lambda o: f"confirmed by {o.by}",
    Diverted: lambda o: f"{o.new_percent}% of the traffic on the new cluster",
    Probed: _probed,
    Recorded: lambda o: f"{counted(len(o.answers), 'answer')} recorded",
    Watched: _watched,
}


def outcome_text(outcome: Outcome | None) -> str:
    """What came of a step, in words; empty where there is nothing to say."""
    return _OUTCOMES.get(type(outcome), lambda _: "")(outcome) if outcome is not None else ""


# --- the verdict ----------------------------------------------------------------------------------


def _without_step(reason: str, step: str | None) -> str:
    """A reason without the id of its step, where that is said beside it."""
    return reason.removeprefix(f"Step {step} failed: ")


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _succeeded(run: Run, course: Timeline) -> str:
    done = f"Upgrade done in {duration(course.worked_s)}"
    return _joined(done, traffic_text(run), writes_text(run, Side.NEW))


def _stopped(run: Run, course: Timeline) -> str:
    at = f"at step {run.stopped_at}" if run.stopped_at else "after the last step"
    if run.reason:
        text = shortened(_without_step(run.reason, run.stopped_at))
        return _joined(f"Stopped {at}: {text}", traffic_text(run), "resume it, or roll it back")
    return _joined(f"Interrupted {at}", traffic_text(run), "resume it, or roll it back")


def _rolled_back(run: Run, course: Timeline) -> str:
    gone = lost(run)
    cannot = f"{counted(len(gone), 'step')} cannot be brought back" if gone else ""
    done = f"Rolled back in {duration(course.rollback_worked_s)}"
    return _joined(done, traffic_text(run), writes_text(run, Side.CURRENT), cannot)


def _rollback_failed(run: Run, course: Timeline) -> str:
    if run.events and not stops(run.events[-1]):
        at = f"at step {course.undone[-1].step}" if course.undone else "before its first step"
        return _joined(f"Rollback interrupted {at}", traffic_text(run), "roll it back again")
    reason = shortened(run.reason or "no reason is known")
    failed = f"Rollback failed at step {run.stopped_at}: {reason}"
    return _joined(failed, traffic_text(run), "mend the cause, then roll it back again")


_VERDICTS: Mapping[Verdict, Callable[[Run, Timeline], str]] = {
    Verdict.SUCCEEDED: _succeeded,
    Verdict.STOPPED: _stopped,
    Verdict.ROLLED_BACK: _rolled_back,
    Verdict.ROLLBACK_FAILED: _rollback_failed,
}


def run_verdict(run: Run, course: Timeline | None = None) -> str:
    """The verdict in one sentence: how it ended, where the traffic and admin writes are."""
    return _VERDICTS[run.verdict](run, course or timeline(run.plan, run.events))


# --- sections -------------------------------------------------------------------------------------


def _standing(run: Run) -> Iterator[Section]:
    """Where the run has left the world, for whoever has to go on from there."""
    if run.verdict in (Verdict.SUCCEEDED, Verdict.ROLLED_BACK):
        return
    facts = Facts(
        pairs=(
            ("Stands at", run.stopped_at or ""),
            ("Reason", run.reason or _NO_WORD),
            ("Traffic", traffic_text(run).removeprefix("traffic is ")),
            ("Admin writes", writes_text(run).removeprefix("admin writes are ")),
        )
    )
    yield Section(title="Where it stands", blocks=(facts,))


def pause_text(pause: Pause) -> str:
    """A pause in words."""
    how = "Stopped" if pause.stopped else "Interrupted"
    step = f" in step {pause.step}" if pause.step else " before the first step"
    gap = f" {duration(pause.gap_s)} later" if pause.gap_s else ""
    return f"{how}{step}. Taken up again{gap}, at {shown_time(pause.until)} UTC, by {pause.owner}."


def _turn_text(turn: RollbackStarted) -> str:
    """The begin of a rollback in words."""
    return f"Rollback begun at {shown_time(turn.at)} UTC by {turn.owner}: {turn.reason}"


def _step_row(record: StepRecord) -> Row:
    notes = "; ".join(_without_step(note, record.step).rstrip(".") for note in record.notes)
    attempts = counted(record.attempts, "attempt") if record.attempts > 1 else ""
    level = _STEP_LEVELS.get(record.status, Level.WARNING)
    return Row(
        cells=(
            record.step,
            shown_time(record.started),
            duration(record.worked_s),
            record.status,
            _joined(outcome_text(record.outcome), attempts, notes),
        ),
        level=level,
    )


def _step_rows(run: Run, course: Timeline) -> Iterator[Row | Break]:
    """The steps that the run came to, with its pauses, and the ones that it did not come to."""
    yield from (Break(text=pause_text(pause)) for pause in course.pauses if pause.step is None)
    for record in course.steps:
        yield _step_row(record)
        for pause in course.pauses:
            if pause.step == record.step:
                yield Break(text=pause_text(pause))
    yield from (Break(text=_turn_text(turn)) for turn in course.rollbacks[:1])
    seen = {record.step for record in course.steps}
    if rest := [step.id for step in run.plan.steps if step.id not in seen]:
        text = f"Not begun: {counted(len(rest), 'step')}: {listed(rest, _MOST_STEPS)}"
        yield Break(text=text, level=Level.PLAIN)


def _steps(run: Run, course: Timeline) -> Iterator[Section]:
    table = Table(
        caption="Steps in the order in which the run came to them",
        columns=("Step", "Started (UTC)", "Took", "Status", "Outcome"),
        rows=tuple(_step_rows(run, course)),
    )
    yield Section(title="Timeline", blocks=(table,))


def _undo_row(record: UndoRecord) -> Row:
    return Row(
        cells=(
            record.step,
            shown_time(record.started),
            duration(record.worked_s),
            record.status,
            record.note if record.status in (UndoStatus.DONE, UndoStatus.FAILED) else "",
        ),
        level=_UNDO_LEVELS.get(record.status, Level.WARNING),
    )


def _way_back(run: Run, course: Timeline) -> Iterator[Section]:
    if not course.rollbacks:
        return
    begun = tuple(map(_turn_text, course.rollbacks))
    table = Table(
        caption="Steps taken back, the last one first",
        columns=("Step", "Started (UTC)", "Took", "Status", "How"),
        rows=tuple(_undo_row(record) for record in course.undone),
    )
    yield Section(title="The way back", blocks=(Bullets(items=begun), table))


def _ramp(run: Run, course: Timeline) -> Iterator[Section]:
    if chart := ramp_chart(run):
        yield Section(title="The ramp", blocks=(chart, chart.table))


def _findings(run: Run, course: Timeline) -> Iterator[Section]:
    lead = "A blocker stopped the run when it was found, even where the run went on later."
    yield from findings_section(run.findings, "What the steps found", lead)
    yield from findings_section(
        run.plan.findings, "Findings of the assessment", "As the plan was made with them."
    )


def _counts(run: Run, course: Timeline) -> Iterator[tuple[str, str]]:
    done = sum(record.status is StepStatus.DONE for record in course.steps)
    yield "Steps done", f"{done} of {len(run.plan.steps)}"
    yield "Worked", duration(course.worked_s)
    yield "From start to end", duration(course.elapsed_s)
    if run.plan.downtime_s:
        yield "Expected downtime", duration(run.plan.downtime_s)
        seen = run.downtime_s
        yield "Downtime", "not known" if seen is None else f"{duration(seen)} at most"
    yield "Interruptions", str(course.interruptions)
    yield "Stops", str(course.stops)
    if course.rollbacks:
        back = sum(record.status is UndoStatus.DONE for record in course.undone)
        yield "Steps taken back", str(back)
    if first_percent(run.plan) is not None:
        shown = " or ".join(f"{share}%" for share in traffic_percents(run))
        yield "Traffic on the new cluster", shown
    yield from severity_counts(run.findings)


def _about(run: Run, course: Timeline) -> Iterator[Section]:
    facts = Facts(
        pairs=(
            ("Upgrade", f"{run.plan.strategy} upgrade of {way(run.plan.deployment)}"),
            ("Started", f"{shown_time(course.started)} UTC" if course.started else ""),
            ("Last event", f"{shown_time(course.ended)} UTC" if course.ended else ""),
            ("Started by", course.owner or ""),
            ("Fingerprint of the plan", run.plan.fingerprint),
        )
    )
    yield Section(title="About this run", blocks=(facts,))


def run_document(run: Run) -> Document:
    """The report on a run."""
    course = timeline(run.plan, run.events)
    return Document(
        title=f"Run of the {run.plan.strategy} upgrade of {way(run.plan.deployment)}",
        verdict=run_verdict(run, course),
        level=_LEVELS[run.verdict],
        counts=tuple(_counts(run, course)),
        sections=(
            *_standing(run),
            *_steps(run, course),
            *_way_back(run, course),
            *_ramp(run, course),
            *proofs.sections(run, course),
            *_findings(run, course),
            *_about(run, course),
        ),
    )
