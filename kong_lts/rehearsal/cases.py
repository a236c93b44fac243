"""One rehearsed case: a run with one fault, the way out of it, and what became of the world."""

from collections.abc import Callable, Sequence

import attrs

from kong_lts.errors import KongLtsError, LockHeldError
from kong_lts.execution import execute, resume
from kong_lts.planning import Case, Plan, Run, Verdict
from kong_lts.protocols import Adapters
from kong_lts.rehearsal.invariants import Invariant, broken_at_the_end
from kong_lts.rehearsal.witness import Witness
from kong_lts.rollback import roll_back
from kong_lts.run import replay
from kong_lts.strategies import Strategy
from kong_lts.testing.fakes import FakeJournal, fake_adapters
from kong_lts.testing.faults import PASSING, Fault, Killed
from kong_lts.testing.simulation import World

__all__ = ["WAYS", "Disturbance", "rehearsed", "undisturbed"]

_UNDISTURBED = "none"
_RESUME = "resume"
_ROLL_BACK = "roll back"
WAYS = (_RESUME, _ROLL_BACK)
"""What is done about a fault."""
_ENDS = {_RESUME: Verdict.SUCCEEDED, _ROLL_BACK: Verdict.ROLLED_BACK}


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
    plan: Plan, disturbance: Disturbance | None, way: str, invariants: Sequence[Invariant]
) -> Case:
    """Run a plan with one disturbance, take the way out, and look at what is left."""
    stage = _Stage.of(plan, disturbance)
    fault = disturbance.fault if disturbance else None
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


def undisturbed(plan: Plan) -> Witness:
    """Whoever watched a run in which nothing went wrong."""
    stage = _Stage.of(plan, None)
    stage.end(_RESUME, may_stop=False)
    return stage.witness


def _expected(way: str, fault: Fault | None) -> tuple[Verdict, ...]:
    """How a case may end; after some faults it is right to stop for good and to go back."""
    if fault is None or fault in PASSING:
        return (_ENDS[way],)
    return (_ENDS[way], Verdict.ROLLED_BACK)


@attrs.define(kw_only=True)
class _Stage:
    """A plan, the world that it is run in, and whoever watches."""

    plan: Plan
    world: World
    before: dict[str, str]
    """The rows of the current database."""
    journal: FakeJournal
    witness: Witness

    @classmethod
    def of(cls, plan: Plan, disturbance: Disturbance | None) -> "_Stage":
        step, fault = (disturbance.step, disturbance.fault) if disturbance else (None, None)
        world = World.of(plan.deployment, in_place=plan.strategy is Strategy.IN_PLACE)
        world.acts_spared = disturbance.acts_spared if disturbance else 0
        made = cls(
            plan=plan,
            world=world,
            before=dict(world.current.database.rows),
            journal=FakeJournal(world=world, strikes_at=step, fault=fault),
            witness=Witness(plan=plan, world=world),
        )
        world.second_run = made.start_again
        return made

    def told(self) -> Run | None:
        """The run as its journal tells it; None where nothing was begun."""
        events = self.journal.events()
        return replay(events).as_run(events) if events else None

    def adapters(self) -> Adapters:
        return attrs.evolve(fake_adapters(self.world), observer=self.witness)

    def end(self, way: str, *, may_stop: bool) -> Run | str:
        """Execute, then take the way out."""
        last = self._attempt(
            lambda: execute(self.plan, self.adapters(), journal=self.journal, owner="a rehearsal")
        )
        if way == _RESUME and not _is_done(last):
            last = self._attempt(lambda: resume(self.journal, self.adapters(), owner="a rehearsal"))
        if way == _ROLL_BACK or (may_stop and not _is_done(last)):
            last = self._attempt(lambda: roll_back(self.journal, self.adapters()))
        return last

    def _attempt(self, what: Callable[[], Run]) -> Run | str:
        """A run, or why there is none; afterwards whatever went wrong is mended."""
        try:
            return what()
        except Killed as exc:
            return f"killed: {exc}"
        except KongLtsError as exc:
            return str(exc)
        finally:
            self.world.mend()
            self.world.acts_spared = 0

    def start_again(self) -> None:
        """Somebody starts the same plan a second time, and must be kept away."""
        before = list(self.world.effects)
        try:
            execute(self.plan, fake_adapters(self.world), journal=FakeJournal(), owner="a second")
        except LockHeldError:
            if self.world.effects == before:
                return
        except KongLtsError:
            pass  # it was stopped by something else than the lock, which is luck
        self.witness.broken.append("a second run was not kept away")


def _is_done(last: Run | str) -> bool:
    return isinstance(last, Run) and last.ok
