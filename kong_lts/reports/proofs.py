"""The sections of a run's report that prove something: watches, probes, approvals, backups."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kong_lts.events import (
    BackedUp,
    Confirmed,
    Migrated,
    Outcome,
    Probed,
    Restored,
    StepVerified,
    TrafficCount,
    Watched,
    WritesStopped,
)
from kong_lts.findings import blockers
from kong_lts.planning import Run
from kong_lts.reports.document import Bullets, Level, Row, Section, Table
from kong_lts.reports.plans import WAY_BACK
from kong_lts.reports.standing import lost, only_by_restore
from kong_lts.reports.timeline import Timeline
from kong_lts.reports.words import counted, duration, percent, shown_time, size

__all__ = ["sections"]


def sections(run: Run, course: Timeline) -> Iterator[Section]:
    """All of them; one without anything to show is left out."""
    yield from _watches(run, course)
    yield from _probes(course)
    yield from _approvals(course)
    yield from _lost(run)
    yield from _databases(course)


def _traffic(count: TrafficCount) -> str:
    latency = f", {count.latency_ms:.0f} ms" if count.latency_ms is not None else ""
    return f"{counted(count.requests, 'request')}, {percent(count.error_ratio)} failed{latency}"


def _gates(run: Run) -> dict[str, bool]:
    """Whether the gates were open when they were last looked at, by step."""
    return {
        event.step: not blockers(event.findings)
        for event in run.events
        if isinstance(event, StepVerified)
    }


_GATE_WORDS = {True: "open", False: "shut", None: "not looked at"}


def _watches(run: Run, course: Timeline) -> Iterator[Section]:
    gates = _gates(run)
    rows = tuple(
        Row(
            cells=(
                record.step,
                duration(record.outcome.watched_s),
                _traffic(record.outcome.current),
                _traffic(record.outcome.new),
                _GATE_WORDS[gates.get(record.step)],
            ),
            level=Level.GOOD if gates.get(record.step) else Level.BAD,
        )
        for record in course.steps
        if isinstance(record.outcome, Watched)
    )
    if rows:
        table = Table(
            caption="Requests in each watch, share of answers of 500 and more, mean time to answer",
            columns=("Step", "Watched for", "Current cluster", "New cluster", "Gate"),
            rows=rows,
        )
        yield Section(title="Watched metrics", blocks=(table,))


def _probes(course: Timeline) -> Iterator[Section]:
    rows = tuple(
        Row(
            cells=(
                record.step,
                result.name,
                result.expected,
                result.found,
                "passed" if result.passed else "failed",
            ),
            level=Level.GOOD if result.passed else Level.BAD,
        )
        for record in course.steps
        if isinstance(record.outcome, Probed)
        for result in record.outcome.results
    )
    if rows:
        table = Table(
            caption="One request each, and what came back",
            columns=("Step", "Probe", "Expected", "Found", "Result"),
            rows=rows,
        )
        yield Section(title="Probes", blocks=(table,))


def _approvals(course: Timeline) -> Iterator[Section]:
    rows = tuple(
        Row(
            cells=(
                record.step,
                record.title,
                said[0],
                shown_time(record.ended),
                said[1],
            )
        )
        for record in course.steps
        if (said := _said(record.outcome))
    )
    if rows:
        table = Table(
            caption="What a person did or allowed",
            columns=("Step", "What", "Who", "When (UTC)", "Note"),
            rows=rows,
        )
        yield Section(title="Approvals", blocks=(table,))


def _said(outcome: Outcome | None) -> tuple[str, str] | None:
    """Who answered, and what else was said; None where nobody was asked."""
    if isinstance(outcome, Confirmed):
        return outcome.by, outcome.note
    if isinstance(outcome, Watched) and outcome.answered_by:
        return outcome.answered_by, outcome.refused
    return None


def _lost(run: Run) -> Iterator[Section]:
    steps = (*lost(run), *only_by_restore(run))
    items = tuple(f"{step.title} (`{step.id}`): {WAY_BACK[step.reversibility]}" for step in steps)
    nothing = ("Nothing: every step that was begun can be taken back, or was.",)
    yield Section(title="What cannot be brought back", blocks=(Bullets(items=items or nothing),))


def _stopped_text(outcome: WritesStopped) -> str:
    return f"writes stopped on {counted(len(outcome.tables), 'table')}"


def _backup_text(outcome: BackedUp) -> str:
    made = f"PostgreSQL {outcome.server_version}, tool {outcome.tool_version}"
    return f"backup in {outcome.folder}, {size(outcome.size_bytes)}, {made}"


def _restored_text(outcome: Restored) -> str:
    return f"{outcome.folder} restored into database {outcome.database}"


_FINGERPRINTED: Mapping[type[Outcome], Callable[[Any], str]] = {
    WritesStopped: _stopped_text,
    BackedUp: _backup_text,
    Restored: _restored_text,
}


def _database_row(step: str, outcome: Outcome | None) -> Row | None:
    if isinstance(outcome, WritesStopped | BackedUp | Restored):
        seen = outcome.fingerprint
        what = _FINGERPRINTED[type(outcome)](outcome)
        return Row(cells=(step, what, f"{seen.rows:,}", seen.digest))
    if isinstance(outcome, Migrated):
        what = f"state {outcome.state} after {duration(outcome.duration_s)}"
        return Row(cells=(step, what, "", ""))
    return None


def _databases(course: Timeline) -> Iterator[Section]:
    rows = tuple(
        row for record in course.steps if (row := _database_row(record.step, record.outcome))
    )
    if rows:
        table = Table(
            caption="Equal fingerprints hold equal configurations",
            columns=("Step", "What", "Rows", "Fingerprint"),
            rows=rows,
        )
        yield Section(title="Databases and backups", blocks=(table,))
