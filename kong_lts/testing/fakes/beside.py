"""What stands beside the simulated clusters: balancer, clock, people, journal."""

from datetime import datetime
from typing import NoReturn

import attrs

from kong_lts.errors import (
    ApproverError,
    JournalError,
    LoadBalancerError,
    LockHeldError,
)
from kong_lts.events import Event, StepStarted, UndoStarted
from kong_lts.protocols import Decision, Instruction, Order, Question
from kong_lts.testing.faults import Fault, Killed
from kong_lts.testing.simulation import World

__all__ = [
    "FakeApprover",
    "FakeClock",
    "FakeControl",
    "FakeJournal",
    "FakeLoadBalancer",
    "FakeLock",
    "FakeObserver",
]


@attrs.define
class FakeLoadBalancer:
    """Divides the simulated traffic."""

    world: World
    keeps_clients: bool = True

    def set_weight(self, new_percent: int) -> None:
        def effect() -> None:
            self.world.new_percent = new_percent

        doing = f"send {new_percent}% to the new cluster"
        self.world.act(doing, LoadBalancerError, effect)

    def weight(self) -> int:
        return self.world.look("read the weight", LoadBalancerError, lambda: self.world.new_percent)


@attrs.define
class FakeClock:
    """The simulated world's clock: waiting takes no time, and clients go on sending."""

    world: World

    def now(self) -> datetime:
        return self.world.now

    def sleep(self, duration_s: float) -> None:
        self.world.pass_time(duration_s)


_DEBUG_HEADER = {"allow-debug-header": True, "withdraw-debug-header": False}
"""What a person does who is asked for it: whether routes are told from then on."""


@attrs.define
class FakeApprover:
    """A person who always says the same.

    Args:
        world: Where a fault strikes; None for nowhere.
        approves: What is said.
        thinks: How often `peek` finds no answer yet, each time that somebody is asked.
    """

    world: World | None = None
    approves: bool = True
    thinks: int = 0
    asked: list[Question] = attrs.Factory(list)
    _thought: int = attrs.field(default=0, init=False)

    def peek(self, question: Question) -> Decision | None:
        if self._thought < self.thinks:
            self._thought += 1
            return None
        self._thought = 0
        return self.ask(question)

    def ask(self, question: Question) -> Decision:
        def seen() -> Decision:
            self.asked.append(question)
            if self.world is not None and self.approves and question.step in _DEBUG_HEADER:
                self.world.new.tells_routes = _DEBUG_HEADER[question.step]
            return Decision(approved=self.approves, by="a simulated person")

        if self.world is None:
            return seen()
        return self.world.look(f"ask: {question.title}", ApproverError, seen)


@attrs.define
class FakeControl:
    """Somebody who gives one order after the other, each once, and then lets the run go on."""

    orders: list[Order] = attrs.Factory(list)
    by: str = "a simulated person"

    def instruction(self) -> Instruction:
        order = self.orders.pop(0) if self.orders else Order.GO_ON
        return Instruction(order=order, by=self.by)


@attrs.define
class FakeLock:
    """The lock of a simulated deployment."""

    world: World

    def hold_lock(self, owner: str) -> None:
        if self.world.run_lock is not None:
            raise LockHeldError(self.world.run_lock, "the simulated deployment")
        self.world.run_lock = owner

    def release_lock(self) -> None:
        self.world.run_lock = None


@attrs.define
class FakeObserver:
    """Remembers what it was told."""

    noticed: list[Event] = attrs.Factory(list)

    def notice(self, event: Event) -> None:
        self.noticed.append(event)


@attrs.define
class FakeJournal:
    """A journal in memory, where a fault strikes at a step, or at the writing of an event.

    Args:
        world: Where the fault strikes; None leaves the world's own fault alone.
        strikes_at: Id of the step, or number of the event from 0.
        fault: What goes wrong there, once.
    """

    world: World | None = None
    strikes_at: str | int | None = None
    fault: Fault | None = None
    strikes_back: bool = False
    """Whether it strikes where that step is taken back."""
    held: list[Event] = attrs.Factory(list)

    def append(self, event: Event) -> None:
        now = self._take_fault() if self.strikes_at == len(self.held) else None
        if now in (Fault.FAILS_BEFORE, Fault.KILLED_BEFORE):
            _break_writing(now)
        self.held.append(event)
        if now in (Fault.FAILS_AFTER, Fault.KILLED_AFTER):
            _break_writing(now)
        if self.world is not None:
            self._arm(self.world, event)

    def events(self) -> tuple[Event, ...]:
        return tuple(self.held)

    def _take_fault(self) -> Fault | None:
        fault, self.fault = self.fault, None
        return fault

    def _arm(self, world: World, event: Event) -> None:
        if world.fault is not Fault.UNREACHABLE:
            world.fault = None  # whatever was armed for the step before this event is over
        begins = UndoStarted if self.strikes_back else StepStarted
        if isinstance(event, begins) and event.step == self.strikes_at:
            fault = self._take_fault()
            if fault is Fault.KILLED_BEFORE:
                raise Killed(fault)
            world.fault = fault


def _break_writing(fault: Fault) -> NoReturn:
    if fault in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER):
        raise Killed(fault)
    raise JournalError("write the journal", f"simulated failure: {fault}")
