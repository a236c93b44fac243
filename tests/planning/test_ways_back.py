"""The way back of a plan is told for each point that matters, and is the one that is taken."""

import pytest

from kong_lts.events import StepVerified, UndoDone
from kong_lts.planning import Plan, Point, Verdict, ways_back
from tests.interruptions import Stage, attempt
from tests.worlds import plans

PLANS = plans()


def points(name: str) -> list[Point]:
    return [way.point for way in ways_back(PLANS[name])]


def test_a_dual_cluster_upgrade_has_a_way_back_from_everywhere() -> None:
    assert points("traditional-dual-cluster") == [
        *(Point.BEFORE_TRAFFIC, Point.DURING_TRAFFIC, Point.ALL_TRAFFIC),
        *(Point.AFTER_DECOMMISSION, Point.AFTER_WRITES),
    ]


def test_an_in_place_upgrade_has_a_way_back_from_each_migration() -> None:
    assert points("traditional-in-place") == [
        *(Point.BEFORE_TRAFFIC, Point.AFTER_STOP, Point.AFTER_UP, Point.AFTER_FINISH),
        Point.AFTER_WRITES,
    ]


def test_a_rolling_upgrade_never_passes_a_point_of_no_return() -> None:
    assert Point.AFTER_WRITES not in points("db-less-rolling")
    assert all(way.lost == () for way in ways_back(PLANS["db-less-rolling"]))


def test_the_database_goes_back_first_and_deck_is_the_last_resort() -> None:
    ways = {way.point: way for way in ways_back(PLANS["traditional-in-place"])}

    after_up = ways[Point.AFTER_UP]

    assert after_up.steps[0].startswith("Put the backup")
    assert "Start 2 node(s) of the current cluster" in after_up.steps
    assert "decK" in after_up.last_resort
    assert ways[Point.AFTER_STOP].last_resort == ""


def test_what_writes_would_be_lost_is_said() -> None:
    *_, after_writes = ways_back(PLANS["traditional-dual-cluster"])

    assert "does not come to the current cluster" in after_writes.lost[0]
    assert not any("Drop the database" in step for step in after_writes.steps)


@pytest.mark.parametrize("name", PLANS)
def test_a_rollback_takes_the_way_that_was_told(name: str) -> None:
    for way in ways_back(PLANS[name]):
        stage = stopped_after(PLANS[name], way.reached_by)

        run = stage.roll_back()

        undone = [e.note for e in run.events if isinstance(e, UndoDone)]
        assert run.verdict is Verdict.ROLLED_BACK
        assert [note for note in undone if note in way.steps] == list(way.steps)


def stopped_after(plan: Plan, step: str) -> Stage:
    """A run that was killed once a step was proved."""
    whole = Stage(plan).execute()
    (number,) = (
        n for n, e in enumerate(whole.events) if isinstance(e, StepVerified) and e.step == step
    )
    stage = Stage(plan)
    stage.break_after(number)
    attempt(stage, stage.execute)
    return stage
