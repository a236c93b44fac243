"""One rehearsed case: a run with one fault, the way out of it, and what became of the world."""

from collections.abc import Sequence

import attrs

from kong_lts.planning import Case, Run, Verdict
from kong_lts.rehearsal.invariants import Invariant, broken_at_the_end
from kong_lts.rehearsal.stage import AGAIN, RESUME, ROLL_BACK, Stage
from kong_lts.testing.faults import PASSING, Fault

__all__ = ["Disturbance", "rehearsed"]

_UNDISTURBED = "none"
_ENDS = {
    RESUME: Verdict.SUCCEEDED,
    ROLL_BACK: Verdict.ROLLED_BACK,
    AGAIN: Verdict.ROLLED_BACK,
}


@attrs.frozen(kw_only=True)
class Disturbance:
    """A fault at one step."""

    step: str
    fault: Fault
    acts_spared: int = 0
    """How many effects of the step it lets pass."""

    def __str__(self) -> str:
        return f"{self.fault}, at its last effect" if self.acts_spared else str(self.fault)


def rehearsed(
    stage: Stage, disturbance: Disturbance | None, way: str, invariants: Sequence[Invariant]
) -> Case:
    """Run a plan with one disturbance, take the way out, and look at what is left.

    Args:
        stage: Before the step at which it is disturbed, or after the one whose way back is; it is
            used up.
        disturbance: What goes wrong; None for nothing.
        way: One of `WAYS`, or `AGAIN` where the way back is disturbed.
        invariants: Those of the caller.
    """
    fault = disturbance.fault if disturbance else None
    if disturbance is not None:
        stage.journal.strikes_at, stage.journal.fault = disturbance.step, fault
        stage.world.acts_spared = disturbance.acts_spared
    if way == AGAIN:
        stage.journal.strikes_back = True
        last = stage.end_again()
    else:
        last = stage.end(way, may_stop=fault is not None and fault not in PASSING)
    run = last if isinstance(last, Run) else stage.told()
    verdict = last.verdict if isinstance(last, Run) else Verdict.STOPPED
    broken = list(stage.witness.broken)
    if verdict not in _expected(way, fault):
        reason = last.reason or "" if isinstance(last, Run) else last
        broken.insert(0, f"it ended as {verdict}, not as {_ENDS[way]}: {reason}")
    broken += broken_at_the_end(stage.world, stage.before, run, verdict, invariants)
    return Case(
        step=disturbance.step if disturbance else _UNDISTURBED,
        fault=str(disturbance or _UNDISTURBED),
        way=way,
        verdict=verdict,
        broken=tuple(broken),
    )


def _expected(way: str, fault: Fault | None) -> tuple[Verdict, ...]:
    """How a case may end; after some faults it is right to stop for good and to go back."""
    if fault is None or fault in PASSING:
        return (_ENDS[way],)
    return (_ENDS[way], Verdict.ROLLED_BACK)
