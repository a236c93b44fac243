"""The way back is open everywhere, and leads to where the run began."""

from collections.abc import Iterator

import pytest

from kong_lts.deployment import Side
from kong_lts.errors import LockHeldError, NotResumableError
from kong_lts.events import RollbackStarted, StepStarted, UndoDone, UndoFailed, UndoStarted
from kong_lts.planning import Verdict
from kong_lts.rollback import roll_back
from kong_lts.run import replay
from kong_lts.testing.fakes import FakeDatabase, FakeJournal, fake_adapters
from kong_lts.testing.faults import PASSING
from kong_lts.testing.simulation import Fault
from tests.interruptions import (
    FAILURES,
    KILLS,
    Stage,
    attempt,
    cut_at_each_event,
    cut_at_each_touch,
)
from tests.worlds import a_plan, a_world, plans, world_of

PLAN = a_plan()
PLANS = plans()


def is_as_before(stage: Stage) -> bool:
    """Whether the current cluster serves and takes writes again, and nothing is left of the new.

    But for its database, once writes may have gone to it: they are nowhere else.
    """
    world, events = stage.world, stage.journal.events()
    written = any(isinstance(e, StepStarted) and e.step == "resume-admin-writes" for e in events)
    before = a_world().current.database
    current, new = world.current.database, world.new.database
    return (
        world.new_percent == 0
        and all(world.current.running.values())
        and not any(world.new.running.values())
        and (current.rows, current.state, current.guarded) == (before.rows, before.state, False)
        and new.exists is written
        and world.lost_requests == 0
        and world.run_lock is None
    )


def rolled_back(cuts: Iterator[tuple[str, Stage]]) -> list[str]:
    """The interruptions after which rolling back did not lead to where the run began."""
    broken = []
    for what, stage in cuts:
        if stage.journal.events():
            run = stage.roll_back()
            if run.verdict is not Verdict.ROLLED_BACK or not is_as_before(stage):
                broken.append(what)
    return broken


def test_a_run_is_rolled_back_from_its_end() -> None:
    stage = Stage()
    stage.execute()

    run = stage.roll_back()

    assert (run.verdict, run.stopped_at, run.reason, run.ok) == (
        *(Verdict.ROLLED_BACK, None, None, False),
    )
    assert is_as_before(stage)


def test_a_run_that_was_killed_at_any_event_is_rolled_back() -> None:
    assert rolled_back(cut_at_each_event(PLAN, *KILLS)) == []


def test_a_run_whose_journal_failed_at_any_event_is_rolled_back() -> None:
    assert rolled_back(cut_at_each_event(PLAN, *FAILURES)) == []


@pytest.mark.parametrize("fault", PASSING)
def test_a_run_that_broke_off_at_any_touch_is_rolled_back(fault: Fault) -> None:
    assert rolled_back(cut_at_each_touch(PLAN, fault)) == []


@pytest.mark.parametrize("name", PLANS)
def test_every_strategy_is_rolled_back_from_a_kill_at_any_event(name: str) -> None:
    broken = []
    for what, stage in cut_at_each_event(PLANS[name], Fault.KILLED_AFTER):
        before, now = world_of(PLANS[name]).current, stage.world.current
        run = stage.roll_back()
        same = (before.database.rows, before.running) == (now.database.rows, now.running)
        if run.verdict is not Verdict.ROLLED_BACK or not same or stage.world.new_percent:
            broken.append(what)
    assert broken == []


def test_every_step_that_was_begun_is_taken_back_from_the_last_one() -> None:
    stage = Stage()
    stage.execute(approves=False)

    run = stage.roll_back()

    undone = [event.step for event in run.events if isinstance(event, UndoStarted)]
    assert undone == [
        "evaluate",
        "verify-backup",
        "back-up-files",
        "back-up-declarative",
        "back-up-database",
        "stop-admin-writes",
    ]


def test_the_journal_says_what_was_done_about_each_step() -> None:
    stage = Stage()
    stage.execute()

    run = stage.roll_back()

    notes = {event.step: event.note for event in run.events if isinstance(event, UndoDone)}
    assert notes["resume-admin-writes"] == "cannot be taken back"
    assert notes["watch-10"] == ""
    assert notes["create-database"] == "left as it is"
    assert notes["divert-10"] == "Divert 0% of the traffic to the new cluster"
    assert set(notes) == {step.id for step in PLAN.steps}


def test_the_journal_says_who_went_back_and_why() -> None:
    stage = Stage()
    stage.execute(approves=False)

    run = roll_back(stage.journal, fake_adapters(stage.world), owner="me", reason="it rains")

    (started,) = [event for event in run.events if isinstance(event, RollbackStarted)]
    assert (started.owner, started.reason) == ("me", "it rains")


def undo_touches() -> int:
    """How many looks and acts the way back from the end has."""
    stage = Stage()
    stage.execute()
    stage.break_at_touch(10_000, Fault.FAILS_BEFORE)
    stage.roll_back()
    return 10_000 - stage.world.spared


@pytest.mark.parametrize("fault", PASSING)
def test_a_way_back_that_broke_off_at_any_touch_is_gone_on_with(fault: Fault) -> None:
    broken = []
    for touch in range(undo_touches()):
        stage = Stage()
        stage.execute()
        stage.break_at_touch(touch, fault)
        first = attempt(stage, stage.roll_back)

        last = first if first and first.verdict is Verdict.ROLLED_BACK else stage.roll_back()

        if last.verdict is not Verdict.ROLLED_BACK or not is_as_before(stage):
            broken.append(touch)
    assert broken == []


@pytest.mark.parametrize("fault", [*KILLS, *FAILURES])
def test_a_way_back_whose_journal_broke_off_is_gone_on_with(fault: Fault) -> None:
    broken = []
    for number in range(2 * len(PLAN.steps) + 2):
        stage = Stage()
        stage.execute()
        stage.break_after(number, fault)
        attempt(stage, stage.roll_back)

        ended = replay(stage.journal.events()).as_run(()).verdict is Verdict.ROLLED_BACK
        last = None if ended else stage.roll_back()

        if (last and last.verdict is not Verdict.ROLLED_BACK) or not is_as_before(stage):
            broken.append(number)
    assert broken == []


def test_what_could_not_be_taken_back_is_told() -> None:
    stage = Stage()
    stage.execute()
    stage.break_at_touch(1, Fault.FAILS_BEFORE)

    run = stage.roll_back()

    assert (run.verdict, run.stopped_at) == (Verdict.ROLLBACK_FAILED, "decommission")
    assert "simulated failure" in (run.reason or "")
    assert isinstance(run.events[-1], UndoFailed)
    assert stage.world.run_lock is None


def test_a_way_back_that_lies_is_not_believed() -> None:
    stage = Stage()
    stage.execute(approves=False)
    stage.break_at_touch(0, Fault.LIES)

    run = stage.roll_back()

    assert (run.verdict, run.stopped_at) == (Verdict.ROLLBACK_FAILED, "stop-admin-writes")
    assert run.reason == "A trial write to the configuration is still refused."


def test_nobody_goes_back_twice() -> None:
    stage = Stage()
    stage.execute()
    stage.roll_back()
    before = stage.journal.events()

    with pytest.raises(NotResumableError, match="rolled back already"):
        stage.roll_back()

    assert stage.journal.events() == before


def test_without_a_run_there_is_no_way_back() -> None:
    with pytest.raises(NotResumableError, match="The journal is empty"):
        roll_back(FakeJournal(), fake_adapters(a_world()))


def test_nobody_goes_back_while_the_run_goes_on() -> None:
    stage = Stage()
    stage.execute(approves=False)
    FakeDatabase(stage.world, Side.CURRENT).hold_lock("the run")

    with pytest.raises(LockHeldError, match="the run"):
        stage.roll_back()


def test_a_write_of_a_colleague_survives_the_way_back() -> None:
    stage = Stage()
    stage.execute(approves=False)
    stage.world.write(Side.CURRENT, "route-9", "/late", around_the_guard=True)

    run = stage.roll_back()

    assert run.verdict is Verdict.ROLLED_BACK
    assert stage.world.current.database.rows["route-9"] == "/late"


def test_clients_are_served_all_the_way_there_and_back() -> None:
    stage = Stage()
    stage.execute()
    stage.world.pass_time(60)

    stage.roll_back()
    stage.world.pass_time(60)

    assert stage.world.lost_requests == 0
