"""A run that waits can be paused, cancelled and limited, gives signs of life, and tries again."""

import threading
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from kong_lts.adapters import LocalProcessRunner, SqliteJournal, SystemClock
from kong_lts.deployment import Side
from kong_lts.errors import JournalError, PlanError, PlanStaleError
from kong_lts.events import (
    BackedUp,
    Event,
    Heartbeat,
    PlanOutdated,
    RunCancelled,
    RunPaused,
    RunResumed,
    StepDone,
    StepRetried,
    StepStarted,
    StepVerified,
)
from kong_lts.execution import begin, held
from kong_lts.findings import Severity
from kong_lts.monitoring import WatchMetrics
from kong_lts.nodes import DoByHand
from kong_lts.planning import AnyStep, Plan, Run, Verdict
from kong_lts.protocols import Instruction, Journal, Order
from kong_lts.rollback import roll_back
from kong_lts.testing.fakes import FakeAdminApi, FakeArchive, FakeJournal, FakeLock, fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import Fault
from tests.interruptions import Stage
from tests.worlds import a_plan, a_world, without

PLAN = a_plan()
GO, PAUSE, CANCEL = Order.GO_ON, Order.PAUSE, Order.CANCEL


def kinds(events: tuple[Event, ...], *wanted: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, wanted)]


def only(step: AnyStep) -> Plan:
    return attrs.evolve(PLAN, steps=(step,))


# --- pause and cancel ---------------------------------------------------------------------------


def test_a_paused_run_goes_on_when_it_is_let() -> None:
    stage = Stage(PLAN, orders=[GO, PAUSE, PAUSE, PAUSE, GO])
    begun = stage.world.now

    run = stage.execute()

    paused, resumed = kinds(run.events, RunPaused, RunResumed)
    assert run.ok
    assert isinstance(paused, RunPaused)
    assert paused.reason == "paused by a simulated person"
    assert (resumed.at > paused.at > begun.isoformat()) or resumed.at > paused.at
    assert len(kinds(run.events, StepStarted)) == len(PLAN.steps)


@pytest.mark.parametrize(
    ("orders", "steps"), [([CANCEL], 0), ([GO, CANCEL], 1), ([PAUSE, PAUSE, CANCEL], 0)], ids=str
)
def test_a_cancelled_run_stops_before_its_next_step_and_can_be_resumed(
    orders: list[Order], steps: int
) -> None:
    stage = Stage(PLAN, orders=[*orders])

    run = stage.execute()
    begun = len(kinds(run.events, StepStarted))

    assert (run.verdict, run.reason) == (Verdict.STOPPED, "cancelled by a simulated person")
    assert isinstance(run.events[-1], RunCancelled)
    assert begun == steps
    assert stage.world.run_lock is None
    assert stage.resume().ok


def test_a_cancelled_run_can_be_rolled_back() -> None:
    stage = Stage(PLAN, orders=[*[GO] * 5, CANCEL])
    stage.execute()

    assert stage.roll_back().verdict is Verdict.ROLLED_BACK


def test_a_step_that_only_waits_is_left_when_the_run_is_cancelled() -> None:
    watch = PLAN.step("watch-100")
    stage = Stage(only(watch), orders=[GO, GO, CANCEL])
    stage.world.new.running = dict.fromkeys(stage.world.new.running, True)

    run = stage.execute()

    assert run.verdict is Verdict.STOPPED
    assert run.reason == (
        "Step watch-100 was left while it waited: cancelled by a simulated person."
    )


def test_a_killed_pause_is_resumed() -> None:
    stage = Stage(PLAN, orders=[PAUSE] * 3)
    stage.break_at_event(2, Fault.KILLED_AFTER)
    with pytest.raises(BaseException, match="killed"):
        stage.execute()
    stage.heal()

    assert stage.resume().ok


# --- limits and signs of life -------------------------------------------------------------------


def test_a_step_does_not_wait_longer_than_the_plan_lets_it() -> None:
    watch = PLAN.step("watch-100")
    assert isinstance(watch, WatchMetrics)
    endless = attrs.evolve(watch, watch_s=1e6, time_limit_s=120.0, needs_current=False)
    stage = Stage(only(endless))
    stage.world.new.running = dict.fromkeys(stage.world.new.running, True)
    begun = stage.world.now

    run = stage.execute()

    assert run.verdict is Verdict.STOPPED
    assert "was still waiting after 120 s" in (run.reason or "")
    assert (stage.world.now - begun).total_seconds() < 200


def test_a_run_that_waits_gives_a_sign_of_life_every_minute() -> None:
    run = Stage(PLAN).execute()

    beats = [event.step for event in run.events if isinstance(event, Heartbeat)]

    assert beats.count("watch-afterwards") == 9  # of ten minutes; the end is a sign of its own
    assert set(beats) == {"watch-afterwards"}


# --- another try --------------------------------------------------------------------------------


def test_what_may_be_repeated_is_tried_again_by_itself() -> None:
    stage = Stage(only(PLAN.step("divert-10")))
    stage.break_at_touch(touches_before_the_act(stage), Fault.FAILS_BEFORE)

    run = stage.execute()

    assert run.ok
    assert [event.step for event in run.events if isinstance(event, StepRetried)] == ["divert-10"]
    assert stage.world.new_percent == 10


def touches_before_the_act(stage: Stage) -> int:
    """Looks before `run`: schema, nodes, and the step's own check."""
    return 1 + len(stage.world.current.running) + 1


def test_what_may_not_be_repeated_stops_the_run() -> None:
    stage = Stage(PLAN)
    stage.journal.world, stage.journal.strikes_at = stage.world, "restore-database"
    stage.journal.fault = Fault.FAILS_BEFORE

    run = stage.execute()

    assert (run.verdict, run.stopped_at) == (Verdict.STOPPED, "restore-database")
    assert not kinds(run.events, StepRetried)


def test_no_step_is_tried_for_ever() -> None:
    stage = Stage(only(PLAN.step("start-nodes")))

    run = stage.execute()  # its database is not there, so no try can succeed

    assert run.verdict is Verdict.STOPPED
    assert len(kinds(run.events, StepRetried)) == 2


# --- a failed test leads back -------------------------------------------------------------------


def a_failed_staging_test() -> Stage:
    stage = Stage(PLAN)
    stage.world.new.failing_percent = 100
    stage.execute()
    return stage


def test_a_failed_staging_test_makes_the_plan_stale() -> None:
    stage = a_failed_staging_test()

    last = stage.journal.events()[-1]

    assert isinstance(last, PlanOutdated)
    assert last.step == "staging-test"
    with pytest.raises(PlanStaleError, match="leads back to step evaluate"):
        stage.resume()


def test_a_stale_run_is_rolled_back() -> None:
    stage = a_failed_staging_test()

    run = stage.roll_back()

    assert run.verdict is Verdict.ROLLED_BACK
    assert not stage.world.new.database.exists


def test_a_test_that_nobody_answered_may_be_run_again() -> None:
    stage = Stage(PLAN)
    stage.journal.world, stage.journal.strikes_at = stage.world, "staging-test"
    stage.journal.fault = Fault.FAILS_BEFORE

    run = stage.execute()

    assert (run.verdict, run.stopped_at) == (Verdict.STOPPED, "staging-test")
    assert stage.resume().ok


def test_a_person_who_says_that_a_test_failed_makes_the_plan_stale() -> None:
    test = DoByHand(
        id="test",
        guide="a guide",
        side=Side.NEW,
        what="Test it",
        instructions="All of it.",
        leads_back_to="evaluate",
    )
    stage = Stage(only(test))

    run = stage.execute(approves=False)

    assert run.verdict is Verdict.STOPPED
    with pytest.raises(PlanStaleError):
        stage.resume()


# --- before anything is done --------------------------------------------------------------------


def test_a_plan_for_another_version_is_stale() -> None:
    world = a_world()
    world.current.version = "2.8.1"
    stage = Stage(PLAN, world)

    with pytest.raises(PlanStaleError, match=r"planned 2\.8\.5, found 2\.8\.1"):
        stage.execute()

    assert (world.effects, stage.journal.events()) == ([], ())


def test_a_node_that_does_not_answer_does_not_make_a_plan_stale() -> None:
    stage = Stage(PLAN)
    stage.world.current.running["x-1"] = False

    with pytest.raises(Exception, match="connection refused"):
        FakeAdminApi(stage.world, Side.CURRENT).status("x-1")
    assert stage.execute().ok


def test_the_way_back_tells_missing_adapters_before_it_begins() -> None:
    stage = Stage(PLAN)
    stage.execute()
    before = stage.journal.events()
    adapters = attrs.evolve(fake_adapters(stage.world), load_balancer=None)
    adapters = without(adapters, "new", "nodes")

    with pytest.raises(PlanError, match=r"new\.nodes .*load_balancer|load_balancer .*new\.nodes"):
        roll_back(stage.journal, adapters)

    assert stage.journal.events() == before


def test_a_deployment_without_a_database_has_a_lock_too() -> None:
    plan = a_plan(ALL["db-less-rolling"])
    stage = Stage(plan)
    FakeLock(stage.world).hold_lock("somebody else")

    with pytest.raises(Exception, match="Another run holds"):
        stage.execute()

    assert stage.journal.events() == ()


# --- one long call ------------------------------------------------------------------------------


@attrs.define
class Told:
    """Somebody whose order stands from some moment on."""

    order: Order = Order.GO_ON

    def instruction(self) -> Instruction:
        return Instruction(order=self.order, by="zoe")


@attrs.define
class SlowArchive(FakeArchive):
    """A dump by a real process, which takes its time."""

    seconds: float = 0.8
    meanwhile: Callable[[], None] = lambda: None

    def back_up(self, folder: str) -> BackedUp:
        self.meanwhile()
        LocalProcessRunner().run(["sleep", str(self.seconds)], timeout_s=30)
        return super().back_up(folder)


def slow_run(
    journal: Journal, archive: SlowArchive, told: Told | None = None, limit_s: float = 60.0
) -> Run:
    """A backup by a real process, by the clock of this machine, with a sign of life each 0.1 s."""
    world = archive.world
    fakes = fake_adapters(world)
    steps = tuple(
        attrs.evolve(step, time_limit_s=limit_s if step.id == "back-up-database" else None)
        for step in PLAN.steps[:3]
    )
    plan = attrs.evolve(PLAN, steps=steps)
    adapters = attrs.evolve(
        fakes,
        clock=SystemClock(),
        control=told or Told(),
        current=attrs.evolve(fakes.current, archive=archive),
    )
    with held(adapters, "a test"):
        driver = begin(plan, adapters, journal, "a test")
        driver.beat_s = 0.1
        return driver.drive()


def test_one_long_call_of_a_step_gives_signs_of_life(tmp_path: Path) -> None:
    """In a journal on disk, which is written from two threads."""
    with SqliteJournal(tmp_path / "run.journal") as journal:
        run = slow_run(journal, SlowArchive(a_world(), Side.CURRENT))

        beats = [event for event in journal.events() if isinstance(event, Heartbeat)]

    assert run.ok
    assert {beat.step for beat in beats} == {"back-up-database"}
    assert 2 <= len(beats) <= 8
    assert {beat.note for beat in beats} == {""}


def test_an_order_to_cancel_is_noticed_during_the_call_and_followed_after_it() -> None:
    told, journal = Told(), FakeJournal()
    archive = SlowArchive(a_world(), Side.CURRENT)
    archive.meanwhile = lambda: setattr(told, "order", Order.CANCEL)

    run = slow_run(journal, archive, told)

    assert (run.verdict, run.reason) == (Verdict.STOPPED, "cancelled by zoe")
    assert [type(e) for e in run.events if getattr(e, "step", "") == "back-up-database"][-2:] == [
        StepDone,
        StepVerified,
    ]
    assert isinstance(run.events[-1], RunCancelled)
    notes = {event.note for event in run.events if isinstance(event, Heartbeat)}
    assert notes == {"cancel is asked for by zoe, and comes when this step is over"}


def test_a_call_that_takes_longer_than_its_limit_is_told_meanwhile_and_afterwards() -> None:
    run = slow_run(FakeJournal(), SlowArchive(a_world(), Side.CURRENT), limit_s=0.2)

    assert run.ok
    (found,) = run.findings
    assert (found.rule, found.severity) == ("step-took-too-long", Severity.WARNING)
    assert "longer than its limit of 0.2 s" in found.message
    assert any("longer than its limit" in e.note for e in run.events if isinstance(e, Heartbeat))


def test_a_journal_that_cannot_take_a_sign_of_life_ends_no_step() -> None:
    @attrs.define
    class Full(FakeJournal):
        def append(self, event: Event) -> None:
            if isinstance(event, Heartbeat):
                raise JournalError("write the journal", "no space")
            super().append(event)

    assert slow_run(Full(), SlowArchive(a_world(), Side.CURRENT)).ok


def test_nothing_beats_any_more_when_a_run_is_over() -> None:
    before = threading.active_count()

    slow_run(FakeJournal(), SlowArchive(a_world(), Side.CURRENT, seconds=0.0))

    assert threading.active_count() == before
