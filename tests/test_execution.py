"""A plan is run step by step; whatever breaks off is taken up again, and done once."""

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import (
    JournalError,
    LockHeldError,
    NotResumableError,
    PlanError,
    PlanStaleError,
)
from kong_lts.events import (
    Event,
    RunEnded,
    RunResumed,
    RunStarted,
    StepChecked,
    StepFailed,
    StepFound,
    StepStarted,
)
from kong_lts.execution import Driver, execute, resume
from kong_lts.nodes import DoByHand
from kong_lts.planning import Verdict, plan
from kong_lts.run import RunState, replay
from kong_lts.schema import SchemaState
from kong_lts.testing.fakes import (
    FakeDatabase,
    FakeJournal,
    FakeLoadBalancer,
    FakeObserver,
    fake_adapters,
)
from kong_lts.testing.faults import PASSING
from kong_lts.testing.simulation import Fault, Killed, World
from kong_lts.traffic import RampStage
from tests.interruptions import (
    FAILURES,
    KILLS,
    Stage,
    attempt,
    cut_at_each_event,
    cut_at_each_touch,
)
from tests.worlds import DUAL_CLUSTER, SETTINGS, a_plan, a_world, plans, without

PLAN = a_plan()
PLANS = plans()
STOPPED_AT = 3
"""Number of the event that says what writes had stopped at."""
RESUMES_AT = 4 * [step.id for step in PLAN.steps].index("resume-admin-writes") + 1
"""Number of the event after which writes are resumed if nothing speaks against it."""


def is_upgraded(world: World) -> bool:
    """Whether all traffic, all rows and all writes are where an upgrade leaves them."""
    new = world.new.database
    return (
        world.new_percent == 100
        and all(world.new.running.values())
        and new.state is SchemaState.LTS_3_4
        and not new.guarded
        and new.rows.keys() == world.current.database.rows.keys()
        and world.lost_requests == 0
    )


def effects(world: World, *words: str) -> list[str]:
    """What was done to a world, of that which has one of the words."""
    return [effect for effect in world.effects if any(word in effect for word in words)]


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


# --- undisturbed --------------------------------------------------------------------------------


def test_an_undisturbed_run_succeeds() -> None:
    stage = Stage()

    run = stage.execute()

    assert (run.verdict, run.stopped_at, run.reason, run.ok) == (
        *(Verdict.SUCCEEDED, None, None, True),
    )
    assert is_upgraded(stage.world)
    assert set(run.past) == {step.id for step in PLAN.steps}
    assert run.plan == PLAN


def test_steps_are_done_in_the_order_of_the_plan() -> None:
    run = Stage().execute()

    started = [event.step for event in run.events if isinstance(event, StepStarted)]
    assert started == [step.id for step in PLAN.steps]
    assert kinds(run.events)[:6] == [
        *("RunStarted", "StepChecked", "StepStarted", "StepDone", "StepVerified", "StepChecked"),
    ]


def test_the_current_database_is_only_guarded() -> None:
    stage = Stage()
    before = stage.world.current.database.fingerprint()

    stage.execute()

    assert stage.world.current.database.fingerprint() == before
    assert stage.world.current.database.guarded


def test_the_journal_holds_the_plan_and_the_owner() -> None:
    stage = Stage()

    stage.execute()

    first = stage.journal.events()[0]
    assert isinstance(first, RunStarted)
    assert (first.plan, first.owner) == (PLAN.to_json(), "a test")


def test_without_an_owner_it_is_this_process() -> None:
    journal = FakeJournal()

    execute(PLAN, fake_adapters(a_world()), journal=journal)

    first = journal.events()[0]
    assert isinstance(first, RunStarted)
    assert first.owner.endswith(f" process {os.getpid()}")


def test_an_observer_is_told_every_event_once_it_is_in_the_journal() -> None:
    stage, observer = Stage(), FakeObserver()
    adapters = attrs.evolve(fake_adapters(stage.world), observer=observer)

    run = execute(PLAN, adapters, journal=stage.journal)

    assert tuple(observer.noticed) == run.events == stage.journal.events()


def test_events_have_the_time_of_the_clock() -> None:
    stage = Stage()
    begun = stage.world.now

    run = stage.execute()

    times = [datetime.fromisoformat(event.at) for event in run.events]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (begun, stage.world.now)


def test_the_lock_is_let_go_at_the_end() -> None:
    stage = Stage()

    stage.execute()

    assert stage.world.run_lock is None


@attrs.define
class _WhoHolds(FakeObserver):
    """Notes who holds the lock while the run goes on."""

    world: World = attrs.field(kw_only=True)
    owners: set[str | None] = attrs.Factory(set)

    def notice(self, event: Event) -> None:
        self.owners.add(self.world.run_lock)


def test_the_lock_is_held_throughout() -> None:
    stage = Stage()
    observer = _WhoHolds(world=stage.world)
    adapters = attrs.evolve(fake_adapters(stage.world), observer=observer)

    execute(PLAN, adapters, journal=stage.journal, owner="me")

    assert observer.owners == {"me"}


def test_a_plan_without_a_database_needs_no_lock() -> None:
    ask = DoByHand(id="ask", guide="a guide", side=Side.NEW, what="Do it", instructions="Now.")
    plan = attrs.evolve(PLAN, steps=(ask,), starts_from=None)
    world = a_world()
    adapters = without(fake_adapters(world), "current", "database")

    run = execute(plan, adapters, journal=FakeJournal())

    assert run.ok


# --- refused before anything is done ------------------------------------------------------------


def test_missing_adapters_are_all_told_before_anything_is_done() -> None:
    world, journal = a_world(), FakeJournal()
    adapters = without(fake_adapters(world), "new", "nodes", "proxy")
    adapters = attrs.evolve(adapters, load_balancer=None)

    with pytest.raises(PlanError) as refused:
        execute(PLAN, adapters, journal=journal)

    text = str(refused.value)
    assert "new.nodes (for install, migrations-up, migrations-finish, start-nodes)" in text
    assert "new.proxy (for staging-test, smoke-test)" in text
    assert "load_balancer (for divert-10, watch-10, approve-100, divert-100, watch-100)" in text
    assert "current." not in text
    assert (world.effects, journal.events(), world.run_lock) == ([], (), None)


@pytest.mark.parametrize(
    ("balancer", "said"),
    [
        ({"keeps_clients": False}, "step divert-10: There are sessions"),
        ({"precision_percent": 12.0}, "step divert-10: The load balancer is as near as 12 points"),
    ],
)
def test_what_adapters_cannot_do_is_told_before_anything_is_done(
    balancer: dict[str, object], said: str
) -> None:
    world, journal = a_world(), FakeJournal()
    adapters = attrs.evolve(
        fake_adapters(world),
        load_balancer=_Able(world, **balancer),  # type: ignore[arg-type] # fields of the test
    )
    made = plan(
        DUAL_CLUSTER,
        ramp=(RampStage(10, bake_s=30), RampStage(100, bake_s=60)),
        settings=attrs.evolve(SETTINGS, sessions=True),
    )

    with pytest.raises(PlanError, match="Adapters cannot do what the plan wants") as refused:
        execute(made, adapters, journal=journal)

    assert said in str(refused.value)
    assert (world.effects, journal.events(), world.run_lock) == ([], (), None)


@attrs.define
class _Able(FakeLoadBalancer):
    """One that says how exact it is."""

    precision_percent: float = 0.0


@pytest.mark.parametrize(
    "state", [state for state in SchemaState if state is not SchemaState.LTS_2_8]
)
def test_a_plan_for_another_state_of_the_database_is_stale(state: SchemaState) -> None:
    world, journal = a_world(), FakeJournal()
    world.current.database.state = state

    with pytest.raises(PlanStaleError, match=f"planned 2.8, found {state}"):
        execute(PLAN, fake_adapters(world), journal=journal)

    assert (world.effects, journal.events(), world.run_lock) == ([], (), None)


def test_a_journal_holds_one_run() -> None:
    stage = Stage()
    stage.execute()
    before = stage.journal.events()

    with pytest.raises(NotResumableError, match="already holds a run"):
        stage.execute()

    assert stage.journal.events() == before


def test_two_runs_of_one_deployment_do_not_go_on_at_a_time() -> None:
    stage = Stage()
    FakeDatabase(stage.world, Side.CURRENT).hold_lock("somebody else")

    with pytest.raises(LockHeldError, match="Another run holds database kong: somebody else"):
        stage.execute()

    assert (stage.world.effects, stage.journal.events()) == ([], ())
    assert stage.world.run_lock == "somebody else"


@attrs.define
class _Slow(FakeDatabase):
    """Until the lock is had, somebody else has taken the very run to its end."""

    stage: Stage = attrs.field(kw_only=True)

    def hold_lock(self, owner: str) -> None:
        self.stage.go_on()
        super().hold_lock(owner)


@pytest.mark.parametrize("begun", [False, True])
def test_what_somebody_else_did_while_the_lock_was_waited_for_counts(begun: bool) -> None:
    stage = Stage()
    if begun:
        stage.execute(approves=False)
    adapters = fake_adapters(stage.world)
    database = _Slow(stage.world, Side.CURRENT, stage=stage)
    adapters = attrs.evolve(adapters, current=attrs.evolve(adapters.current, database=database))

    with pytest.raises(NotResumableError, match=r"already holds a run|at its end"):
        resume(stage.journal, adapters) if begun else execute(PLAN, adapters, journal=stage.journal)

    assert kinds(stage.journal.events()).count("RunEnded") == 1
    assert len(effects(stage.world, "migrations up")) == 1


@pytest.mark.parametrize(
    ("leave", "problem"),
    [
        (lambda stage: None, "The journal is empty"),
        (lambda stage: stage.execute(), "The run is at its end: it is done"),
        (lambda stage: (stage.execute(), stage.roll_back()), "The run is at its end: it is back"),
    ],
    ids=["nothing", "an end", "a rollback"],
)
def test_what_is_at_its_end_is_not_resumed(leave: object, problem: str) -> None:
    stage = Stage()
    assert callable(leave)
    leave(stage)

    with pytest.raises(NotResumableError, match=problem):
        stage.resume()

    assert stage.world.run_lock is None


def test_a_run_on_its_way_back_is_not_resumed() -> None:
    for number in range(3):
        stage = Stage()
        stage.execute()
        stage.break_after(number)
        attempt(stage, stage.roll_back)

        with pytest.raises(NotResumableError, match="roll it back to its end"):
            stage.resume()


def test_resuming_needs_the_same_adapters() -> None:
    stage = Stage()
    stage.execute(approves=False)

    with pytest.raises(PlanError, match=r"current\.write_guard"):
        resume(stage.journal, without(fake_adapters(stage.world), "current", "write_guard"))


# --- something stands in the way ----------------------------------------------------------------


def test_a_person_who_says_no_stops_the_run_where_it_stands() -> None:
    stage = Stage()

    run = stage.execute(approves=False)

    assert (run.verdict, run.stopped_at) == (Verdict.STOPPED, "evaluate")
    assert "did not confirm it" in (run.reason or "")
    assert isinstance(run.events[-1], StepFailed)
    assert stage.world.run_lock is None


def test_a_person_who_said_no_is_asked_again() -> None:
    stage = Stage()
    stage.execute(approves=False)

    run = stage.resume()

    assert run.ok
    assert is_upgraded(stage.world)


def test_a_blocker_in_a_check_stops_the_run_before_the_step() -> None:
    stage = Stage()
    stage.world.new_percent = 7  # somebody plays with the load balancer

    run = stage.execute()

    assert (run.verdict, run.stopped_at) == (Verdict.STOPPED, "divert-10")
    assert "sends 7% to the new cluster" in (run.reason or "")
    assert [finding.rule for finding in run.findings] == ["weight-unexpected"]
    assert isinstance(run.events[-1], StepChecked)
    stage.world.new_percent = 0
    assert stage.resume().ok


def test_a_blocker_in_a_proof_stops_the_run_after_the_step() -> None:
    stage = Stage()
    stage.world.new.failing_percent = 50

    run = stage.execute()

    assert (run.verdict, run.stopped_at) == (Verdict.STOPPED, "watch-10")
    assert "50 of 100 requests (50.00%)" in (run.reason or "")
    stage.world.new.failing_percent = 0
    assert stage.resume().ok


def test_a_colleague_who_writes_meanwhile_is_noticed_before_writes_resume() -> None:
    """Wherever the write comes, once what writes had stopped at is in the journal."""
    went_on = []
    for number in range(STOPPED_AT + 1, RESUMES_AT + 1):
        stage = Stage()
        stage.break_at_event(number, Fault.KILLED_BEFORE)
        attempt(stage, stage.execute)
        stage.world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)

        run = stage.resume()

        if run.verdict is not Verdict.STOPPED or not stage.world.current.database.guarded:
            went_on.append(number)
        if effects(stage.world, "resume writes"):
            went_on.append(number)
    assert went_on == []


def test_a_write_before_everything_had_stopped_is_no_drift() -> None:
    stage = Stage()
    stage.break_at_event(STOPPED_AT, Fault.KILLED_BEFORE)
    attempt(stage, stage.execute)
    stage.world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)

    run = stage.resume()

    assert run.ok
    assert "route-9" in stage.world.new.database.rows


# --- interrupted --------------------------------------------------------------------------------


def resumed(cuts: Iterator[tuple[str, Stage]]) -> list[str]:
    """The interruptions after which resuming did not lead to the end, or did something twice."""
    broken = []
    for what, stage in cuts:
        events = stage.journal.events()
        run = stage.go_on() if not any(isinstance(e, RunEnded) for e in events) else None
        up = effects(stage.world, "migrations up")
        if (run and not run.ok) or not is_upgraded(stage.world) or len(up) != 1:
            broken.append(what)
    return broken


def test_a_run_that_was_killed_at_any_event_is_resumed_to_its_end() -> None:
    assert resumed(cut_at_each_event(PLAN, *KILLS)) == []


def test_a_run_whose_journal_failed_at_any_event_is_resumed_to_its_end() -> None:
    assert resumed(cut_at_each_event(PLAN, *FAILURES)) == []


@pytest.mark.parametrize("fault", PASSING)
def test_a_run_that_broke_off_at_any_touch_is_resumed_to_its_end(fault: Fault) -> None:
    assert resumed(cut_at_each_touch(PLAN, fault)) == []


@pytest.mark.parametrize("name", PLANS)
def test_every_strategy_is_resumed_from_a_kill_at_any_event(name: str) -> None:
    broken = []
    for what, stage in cut_at_each_event(PLANS[name], Fault.KILLED_AFTER):
        ended = any(isinstance(event, RunEnded) for event in stage.journal.events())
        run = None if ended else stage.resume()
        if (run and not run.ok) or len(effects(stage.world, "migrations up")) > 1:
            broken.append(what)
    assert broken == []


def test_a_journal_that_cannot_be_written_ends_the_run_at_once() -> None:
    for number in range(len(Stage().execute().events)):
        stage = Stage()
        stage.break_at_event(number, Fault.FAILS_BEFORE)

        with pytest.raises(JournalError):
            stage.execute()

        assert len(stage.journal.events()) == number
        assert stage.world.run_lock is None


def test_what_happened_before_a_kill_is_seen_and_not_done_again() -> None:
    stage = Stage()
    stage.journal.world = stage.world
    stage.journal.strikes_at, stage.journal.fault = "migrations-up", Fault.KILLED_AFTER
    with pytest.raises(Killed):
        stage.execute()

    run = stage.resume()

    (found,) = [event for event in run.events if isinstance(event, StepFound)]
    assert (found.step, found.happened) == ("migrations-up", True)
    assert len(effects(stage.world, "migrations up")) == 1


def test_what_did_not_happen_before_a_kill_is_done() -> None:
    stage = Stage()
    stage.journal.world = stage.world
    stage.journal.strikes_at, stage.journal.fault = "migrations-up", Fault.KILLED_BEFORE
    with pytest.raises(Killed):
        stage.execute()
    assert effects(stage.world, "migrations up") == []

    run = stage.resume()

    (found,) = [event for event in run.events if isinstance(event, StepFound)]
    assert (found.step, found.happened) == ("migrations-up", False)
    assert run.ok


def test_a_look_that_fails_after_an_interruption_does_not_see_the_effect() -> None:
    stage = Stage()
    stage.journal.world = stage.world
    stage.journal.strikes_at, stage.journal.fault = "divert-10", Fault.KILLED_AFTER
    with pytest.raises(Killed):
        stage.execute()
    stage.journal.world = None
    stage.break_at_touch(0, Fault.FAILS_BEFORE)

    run = stage.resume()

    (found,) = [event for event in run.events if isinstance(event, StepFound)]
    assert not found.happened
    assert run.ok


def test_whoever_resumes_is_in_the_journal() -> None:
    stage = Stage()
    stage.execute(approves=False)

    run = resume(stage.journal, fake_adapters(stage.world), owner="a colleague")

    (resumed_,) = [event for event in run.events if isinstance(event, RunResumed)]
    assert resumed_.owner == "a colleague"


def test_the_journal_tells_what_the_driver_knows_at_every_event() -> None:
    """However far a driver comes, whoever replays its journal is at the same place."""
    plan = attrs.evolve(PLAN, steps=PLAN.steps[:9])
    for number in range(1, len(Stage(plan).execute().events) + 1):
        world, journal = a_world(), FakeJournal(strikes_at=number, fault=Fault.FAILS_BEFORE)
        driver = Driver(adapters=fake_adapters(world), journal=journal, state=RunState(plan=plan))
        driver.note(lambda at: RunStarted(at=at, plan=plan.to_json(), owner="me"))
        with contextlib.suppress(JournalError):
            driver.drive()

        assert driver.state == replay(journal.events())
