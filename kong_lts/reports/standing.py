"""Where a run has left the world: traffic, admin writes, and what cannot be brought back."""

from collections.abc import Iterator, Mapping

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.deployment import Side
from kong_lts.events import (
    Diverted,
    Event,
    RollbackStarted,
    RunResumed,
    StepDone,
    StepStarted,
    StepVerified,
    UndoDone,
    UndoStarted,
    Watched,
)
from kong_lts.findings import blockers
from kong_lts.planning import AnyStep, Plan, Run
from kong_lts.reports.document import Mark, MarkKind, Ramp, Share
from kong_lts.reports.timeline import seconds_between, stops
from kong_lts.reports.words import any_of, counted, percent, shown_time
from kong_lts.step import Reversibility
from kong_lts.traffic import DivertTraffic

__all__ = ["lost", "only_by_restore", "ramp_chart", "traffic_text", "writes_text"]


def _diversions(plan: Plan) -> list[DivertTraffic]:
    return [step for step in plan.steps if isinstance(step, DivertTraffic)]


def first_percent(plan: Plan) -> int | None:
    """The share before the ramp, None for a plan without one."""
    diversions = _diversions(plan)
    return diversions[0].before_percent if diversions else None


def shares(run: Run) -> tuple[Share, ...]:
    """Every change of the division of traffic, in order."""
    by_id = {step.id: step for step in run.plan.steps}
    start = run.events[0].at if run.events else None
    found: list[Share] = []
    now = first_percent(run.plan)
    for event in run.events:
        after = _percent_after(event, by_id)
        if after is None or after == now:
            continue
        now = after
        what = "taken back" if isinstance(event, UndoDone) else "done"
        found.append(
            Share(
                after_s=seconds_between(start, event.at),
                at=shown_time(event.at),
                percent=after,
                label=f"{getattr(event, 'step', '')} {what}",
            )
        )
    return tuple(found)


def _percent_after(event: Event, by_id: Mapping[str, AnyStep]) -> int | None:
    """The new cluster's share that this event proves or reports, None for any other event."""
    if isinstance(event, StepDone) and isinstance(event.outcome, Diverted):
        return event.outcome.new_percent
    step = by_id.get(event.step) if isinstance(event, UndoDone) else None
    return step.before_percent if isinstance(step, DivertTraffic) else None


def _unsure(run: Run) -> str | None:
    """Id of the step whose effect, or its taking back, was begun and has no known end."""
    begun: str | None = None
    for event in run.events:
        if isinstance(event, StepStarted | UndoStarted):
            begun = event.step
        elif isinstance(event, StepDone | UndoDone):
            begun = None
    return begun


def traffic_percents(run: Run) -> tuple[int, ...]:
    """The new cluster's share; two where a change has no known end; none without a ramp."""
    start = first_percent(run.plan)
    if start is None:
        return ()
    seen = shares(run)
    now = seen[-1].percent if seen else start
    begun = _unsure(run)
    for step in _diversions(run.plan):
        if step.id == begun:
            return tuple(sorted({now, step.new_percent, step.before_percent}))
    return (now,)


def traffic_text(run: Run) -> str:
    """Where the traffic is, as a part of a sentence; empty without a ramp."""
    found = traffic_percents(run)
    if not found:
        return ""
    if len(found) > 1:
        shown = any_of(f"{share}%" for share in found)
        return f"traffic is {shown} on the new cluster (look at the load balancer)"
    if found == (0,):
        return "all traffic is on the current cluster"
    return f"traffic is {found[0]}% on the new cluster"


def _writes_after(event: StepDone | UndoDone, step: AnyStep | None) -> str:
    """How admin writes are after an event on this step, empty where it does not touch them."""
    acted = isinstance(event, StepDone)
    if isinstance(step, StopAdminWrites):
        return "stopped" if acted else "resumed"
    return "resumed" if acted and isinstance(step, ResumeAdminWrites) else ""


def writes(run: Run) -> dict[Side, str]:
    """Whether admin writes are stopped, by cluster, for those that the run touched."""
    by_id = {step.id: step for step in run.plan.steps}
    found: dict[Side, str] = {}
    for event in run.events:
        if isinstance(event, StepDone | UndoDone):
            step = by_id.get(event.step)
            if step and (state := _writes_after(event, step)):
                found[step.side] = state
    begun = by_id.get(_unsure(run) or "")
    if isinstance(begun, StopAdminWrites | ResumeAdminWrites):
        found[begun.side] = "stopped or resumed (look at the database)"
    return found


def writes_text(run: Run, *sides: Side) -> str:
    """Where admin writes are stopped, as a part of a sentence.

    Args:
        run: Of which run.
        sides: The clusters that matter; every one that the run touched if empty.
    """
    found = writes(run)
    shown = [
        f"{state} on the {side} cluster"
        for side, state in found.items()
        if not sides or side in sides
    ]
    return f"admin writes are {' and '.join(shown)}" if shown else ""


def _begun(run: Run) -> Iterator[AnyStep]:
    begun = {event.step for event in run.events if isinstance(event, StepStarted)}
    yield from (step for step in run.plan.steps if step.id in begun)


def lost(run: Run) -> tuple[AnyStep, ...]:
    """Steps that were begun and that nothing brings back."""
    return tuple(step for step in _begun(run) if step.reversibility is Reversibility.NONE)


def only_by_restore(run: Run) -> tuple[AnyStep, ...]:
    """Steps that were begun, are not taken back, and that only the backup brings back."""
    back = {event.step for event in run.events if isinstance(event, UndoDone) and event.note}
    return tuple(
        step
        for step in _begun(run)
        if step.reversibility is Reversibility.RESTORE and step.id not in back
    )


def ramp_chart(run: Run) -> Ramp | None:
    """The new cluster's share over time; None where the traffic never moved."""
    moved = shares(run)
    if not moved:
        return None
    before = first_percent(run.plan) or 0
    course = ", ".join(f"{share.percent}%" for share in moved)
    return Ramp(
        description=f"The new cluster's share of the traffic over time: {before}%, then {course}.",
        before_percent=before,
        shares=moved,
        marks=tuple(_marks(run, before)),
    )


def _marks(run: Run, before: int) -> Iterator[Mark]:
    """Watches, stops and the rollback, from the first change of the ramp on."""
    by_id = {step.id: step for step in run.plan.steps}
    start = run.events[0].at
    watched: dict[str, Watched] = {}
    now, moved, last = before, False, None
    for event in run.events:
        after = _percent_after(event, by_id)
        now, moved = (after, True) if after is not None else (now, moved)
        if isinstance(event, StepDone) and isinstance(event.outcome, Watched):
            watched[event.step] = event.outcome
        if moved and (meaning := _meaning(event, last, watched)):
            kind, label = meaning
            at, after_s = shown_time(event.at), seconds_between(start, event.at)
            yield Mark(after_s=after_s, at=at, percent=now, kind=kind, label=label)
        last = event


def _meaning(
    event: Event, last: Event | None, watched: Mapping[str, Watched]
) -> tuple[MarkKind, str] | None:
    """What an event means for the ramp, None if nothing."""
    if isinstance(event, RollbackStarted):
        return MarkKind.ROLLBACK, f"rollback begun by {event.owner}: {event.reason}"
    if isinstance(event, RunResumed):
        how = "a stop" if stops(last) else "an interruption"
        return MarkKind.INTERRUPTED, f"taken up again after {how}"
    if isinstance(event, StepVerified) and event.step in watched:
        seen = watched[event.step].new
        kind = MarkKind.SHUT if blockers(event.findings) else MarkKind.PASSED
        failed = f"{seen.errors:,} of {counted(seen.requests, 'request')} failed"
        return kind, f"{kind}; {failed} ({percent(seen.error_ratio)})"
    return None
