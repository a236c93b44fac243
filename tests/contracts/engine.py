"""What every engine that carries a plan out promises: the run is the same, whatever drives it."""

from collections.abc import Callable
from typing import Protocol

import pytest

from kong_lts.errors import KongLtsError
from kong_lts.events import Event
from kong_lts.planning import Plan, Run, Verdict
from kong_lts.protocols import Order
from kong_lts.schema import SchemaState
from kong_lts.testing.simulation import Fault, World
from tests.interruptions import Stage, a_touch_that_stops
from tests.worlds import a_plan, world_of


class Engine(Protocol):
    """One run of a plan in a world, by one engine."""

    def execute(self, *, approves: bool = True) -> Run:
        """Run the plan until it stands or ends."""

    def resume(self, *, approves: bool = True) -> Run:
        """Take it up again."""

    def roll_back(self) -> Run:
        """Take it back."""

    def order(self, order: Order) -> None:
        """Say what is wanted of the run."""

    def events(self) -> tuple[Event, ...]:
        """What its journal holds."""


Make = Callable[[Plan, World], Engine]


def kinds(events: tuple[Event, ...]) -> list[tuple[str, str | None]]:
    """What happened to which step, in order."""
    return [(type(event).__name__, getattr(event, "step", None)) for event in events]


class EngineContract:
    @pytest.fixture
    def make(self) -> Make:
        """Gives an engine with a run of its own."""
        raise NotImplementedError

    def test_a_run_is_that_of_the_process_event_by_event(self, make: Make) -> None:
        plan, stage = a_plan(), Stage()
        world = world_of(plan)
        wanted = stage.execute()

        run = make(plan, world).execute()

        assert run.verdict is Verdict.SUCCEEDED
        assert kinds(run.events) == kinds(wanted.events)
        assert world == stage.world

    def test_what_failed_is_resumed(self, make: Make) -> None:
        plan = a_plan()
        undisturbed = Stage(plan)
        undisturbed.execute()
        world = world_of(plan)
        world.spared, world.fault = a_touch_that_stops(plan), Fault.FAILS_BEFORE
        engine = make(plan, world)

        stopped = engine.execute()
        world.fault = None
        run = engine.resume()

        assert stopped.verdict is Verdict.STOPPED
        assert run.verdict is Verdict.SUCCEEDED
        assert run.events[: len(stopped.events)] == stopped.events
        assert world.effects == undisturbed.world.effects

    def test_a_run_that_stands_is_rolled_back(self, make: Make) -> None:
        plan = a_plan()
        world, before = world_of(plan), world_of(plan)
        engine = make(plan, world)
        engine.execute(approves=False)

        run = engine.roll_back()

        assert run.verdict is Verdict.ROLLED_BACK
        assert world.current == before.current
        assert world.new_percent == 0

    def test_a_refusal_counts_once_and_the_question_comes_again(self, make: Make) -> None:
        engine = make(a_plan(), world_of(a_plan()))

        assert engine.execute(approves=False).verdict is Verdict.STOPPED
        assert engine.resume().verdict is Verdict.SUCCEEDED

    def test_a_cancelled_run_stands_and_goes_on_when_it_is_resumed(self, make: Make) -> None:
        engine = make(a_plan(), world_of(a_plan()))
        engine.order(Order.CANCEL)

        stopped = engine.execute()

        assert stopped.verdict is Verdict.STOPPED
        assert "cancelled by" in str(stopped.reason)
        assert engine.resume().verdict is Verdict.SUCCEEDED

    def test_a_stale_plan_is_refused_with_its_reason_and_nothing_is_done(self, make: Make) -> None:
        world = world_of(a_plan())
        world.current.database.state = SchemaState.UP
        engine = make(a_plan(), world)

        with pytest.raises(KongLtsError, match="another one"):
            engine.execute()

        assert world.effects == []
        assert engine.events() == ()

    def test_what_is_done_is_not_resumed(self, make: Make) -> None:
        engine = make(a_plan(), world_of(a_plan()))
        engine.execute()

        with pytest.raises(KongLtsError, match="at its end"):
            engine.resume()
