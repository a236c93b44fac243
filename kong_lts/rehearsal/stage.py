"""The stage of a rehearsed case: a plan, its world, whoever watches; and how far it is run."""

import pickle
from collections.abc import Callable

import attrs

from kong_lts.errors import KongLtsError, LockHeldError
from kong_lts.execution import Driver, begin, complete, execute, held, resume
from kong_lts.planning import Plan, Run, Verdict
from kong_lts.protocols import Adapters
from kong_lts.rehearsal.witness import Witness
from kong_lts.rollback import roll_back
from kong_lts.run import Command, RunState, replay
from kong_lts.strategies import Strategy
from kong_lts.testing.fakes import FakeJournal, fake_adapters
from kong_lts.testing.faults import Killed
from kong_lts.testing.simulation import World

__all__ = ["AGAIN", "RESUME", "ROLL_BACK", "WAYS", "Prefix", "Stage", "undisturbed"]

RESUME = "resume"
ROLL_BACK = "roll back"
WAYS = (RESUME, ROLL_BACK)
"""What is done about a fault."""
AGAIN = "roll back again"
"""What is done about a fault that strikes the way back itself."""
_OWNER = "a rehearsal"


@attrs.define(kw_only=True)
class Stage:
    """A plan, the world that it is run in, and whoever watches."""

    plan: Plan
    world: World
    before: dict[str, str]
    """The rows of the current database."""
    journal: FakeJournal
    witness: Witness
    state: RunState | None = None
    """Where a run stands that was begun; None where it begins at the beginning."""

    @classmethod
    def of(cls, plan: Plan) -> "Stage":
        """A healthy world before the upgrade."""
        world = World.of(plan.deployment, in_place=plan.strategy is Strategy.IN_PLACE)
        made = cls(
            plan=plan,
            world=world,
            before=dict(world.current.database.rows),
            journal=FakeJournal(world=world),
            witness=Witness(plan=plan, world=world),
        )
        world.second_run = made.start_again
        return made

    def come_to(self, step: str) -> bool:
        """Run until a step is about to be checked; whether the run comes so far."""
        adapters = self.adapters()
        try:
            complete(self.plan.steps, adapters)
            with held(adapters, _OWNER):
                driver = begin(self.plan, adapters, self.journal, _OWNER)
                while driver.state.step_id != step and driver.go_on():
                    continue
        except KongLtsError:
            return False
        self.state = driver.state
        return driver.state.step_id == step and driver.state.command is Command.CHECK

    def told(self) -> Run | None:
        """The run as its journal tells it; None where nothing was begun."""
        events = self.journal.events()
        return replay(events).as_run(events) if events else None

    def adapters(self) -> Adapters:
        return attrs.evolve(fake_adapters(self.world), observer=self.witness)

    def end(self, way: str, *, may_stop: bool) -> Run | str:
        """Execute, then take the way out."""
        last = self._attempt(self._run)
        if way == RESUME and not _is_done(last):
            last = self._attempt(lambda: resume(self.journal, self.adapters(), owner=_OWNER))
        if way == ROLL_BACK or (may_stop and not _is_done(last)):
            last = self._attempt(lambda: roll_back(self.journal, self.adapters()))
        return last

    def end_again(self) -> Run | str:
        """Go back from where the run stands; where that did not come to its end, once more."""
        last = self._attempt(lambda: roll_back(self.journal, self.adapters()))
        if not (isinstance(last, Run) and last.verdict is Verdict.ROLLED_BACK):
            last = self._attempt(lambda: roll_back(self.journal, self.adapters()))
        return last

    def _run(self) -> Run:
        """From where the run stands, or from its beginning."""
        if self.state is None:
            return execute(self.plan, self.adapters(), journal=self.journal, owner=_OWNER)
        adapters = self.adapters()
        with held(adapters, _OWNER):
            return Driver(adapters=adapters, journal=self.journal, state=self.state).drive()

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


@attrs.frozen(kw_only=True)
class Prefix:
    """A run as far as one step, which every case of that step goes on from.

    What a run leaves behind is in the world and in the journal, as for one that was killed; and
    nothing has gone wrong before that step, so that each case would come to this very point.
    """

    reached: Stage
    world: bytes
    """Pickled, so that every case has one of its own."""

    @classmethod
    def up_to(cls, step: str | None, plan: Plan) -> "Prefix":
        """Run a plan until it is about to check a step; None is the beginning.

        A run that does not come so far is not begun: each case sees for itself where it ends.
        """
        reached = Stage.of(plan)
        if step is not None and not reached.come_to(step):
            reached = Stage.of(plan)
        return cls(
            reached=reached, world=pickle.dumps(attrs.evolve(reached.world, second_run=None))
        )

    def stage(self) -> Stage:
        """Once more, in a world of its own."""
        world: World = pickle.loads(self.world)
        stage = attrs.evolve(
            self.reached,
            world=world,
            journal=FakeJournal(world=world, held=list(self.reached.journal.held)),
            witness=self.reached.witness.beside(world),
        )
        world.second_run = stage.start_again
        return stage


def undisturbed(plan: Plan) -> Witness:
    """Whoever watched a run in which nothing went wrong."""
    stage = Stage.of(plan)
    stage.end(RESUME, may_stop=False)
    return stage.witness


def _is_done(last: Run | str) -> bool:
    return isinstance(last, Run) and last.ok
