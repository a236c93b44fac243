"""Runs that are interrupted in every way that the simulated world knows, and taken up again."""

from collections.abc import Callable, Iterator

import attrs

from kong_lts.errors import KongLtsError
from kong_lts.execution import execute, resume
from kong_lts.planning import Plan, Run, Verdict
from kong_lts.protocols import Adapters, Order
from kong_lts.rollback import roll_back
from kong_lts.testing.fakes import FakeControl, FakeJournal, fake_adapters
from kong_lts.testing.simulation import Fault, Killed, World
from tests.worlds import a_plan, world_of

_NEVER = 1_000_000
KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
FAILURES = (Fault.FAILS_BEFORE, Fault.FAILS_AFTER)


@attrs.define
class Stage:
    """A plan, the world that it is for, and the journal of its run."""

    plan: Plan = attrs.field(factory=a_plan)
    world: World = attrs.field(default=attrs.Factory(lambda self: world_of(self.plan), True))
    journal: FakeJournal = attrs.field(factory=FakeJournal)
    orders: list[Order] = attrs.field(factory=list)
    """What somebody wants of the run, one order a look."""

    def execute(self, *, approves: bool = True) -> Run:
        adapters = self.adapters(approves=approves)
        return execute(self.plan, adapters, journal=self.journal, owner="a test")

    def resume(self, *, approves: bool = True) -> Run:
        return resume(self.journal, self.adapters(approves=approves), owner="a test")

    def adapters(self, *, approves: bool = True) -> Adapters:
        control = FakeControl(self.orders)
        return attrs.evolve(fake_adapters(self.world, approves=approves), control=control)

    def roll_back(self) -> Run:
        return roll_back(self.journal, fake_adapters(self.world), owner="a test")

    def go_on(self) -> Run:
        """Resume, or execute again if nothing was written yet."""
        return self.resume() if self.journal.events() else self.execute()

    def break_at_event(self, number: int, fault: Fault) -> None:
        """Let the writing of one event fail, or kill the process that writes it."""
        self.journal.strikes_at, self.journal.fault = number, fault

    def break_at_touch(self, number: int, fault: Fault) -> None:
        """Let one look at the world or act on it fail, or kill the process."""
        self.world.spared, self.world.fault = number, fault

    def break_after(self, events: int, fault: Fault = Fault.KILLED_AFTER) -> None:
        """The same for an event that is counted from now, the next one being 0."""
        self.break_at_event(len(self.journal.events()) + events, fault)

    def heal(self) -> None:
        """Whatever did not strike does not strike any more."""
        self.journal.fault = None
        self.world.spared = 0
        self.world.mend()


def attempt(stage: Stage, act: Callable[[], Run]) -> Run | None:
    """The run, or None where it was cut short; after that nothing goes wrong any more."""
    try:
        return act()
    except (Killed, KongLtsError):
        return None
    finally:
        stage.heal()


def events_of_a_run(plan: Plan) -> int:
    """How many events an undisturbed run has."""
    return len(Stage(plan).execute().events)


def touches_of_a_run(plan: Plan) -> int:
    """How many looks and acts an undisturbed run has."""
    stage = Stage(plan)
    stage.break_at_touch(_NEVER, Fault.FAILS_BEFORE)
    stage.execute()
    return _NEVER - stage.world.spared


def a_touch_that_stops(plan: Plan) -> int:
    """The first look or act behind the middle whose failure is not just tried again."""
    touches = touches_of_a_run(plan)
    for number in range(touches // 2, touches):
        stage = Stage(plan)
        stage.break_at_touch(number, Fault.FAILS_BEFORE)
        if stage.execute().verdict is Verdict.STOPPED:
            return number
    raise AssertionError("nothing stops this plan")


def cut_at_each_event(plan: Plan, *faults: Fault) -> Iterator[tuple[str, Stage]]:
    """Runs whose journal broke off, one for each event and fault; the run may be over too."""
    for number in range(events_of_a_run(plan)):
        for fault in faults:
            stage = Stage(plan)
            stage.break_at_event(number, fault)
            attempt(stage, stage.execute)
            yield f"event {number}: {fault}", stage


def cut_at_each_touch(plan: Plan, *faults: Fault) -> Iterator[tuple[str, Stage]]:
    """Runs that broke off at a look or an act, one for each of them and each fault."""
    for number in range(touches_of_a_run(plan)):
        for fault in faults:
            stage = Stage(plan)
            stage.break_at_touch(number, fault)
            attempt(stage, stage.execute)
            yield f"touch {number}: {fault}", stage
