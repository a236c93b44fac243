"""How long nobody answered: what a run tells, beside what its plan expected."""

from kong_lts.planning import Verdict
from kong_lts.testing.scenarios import ALL
from tests.interruptions import Stage
from tests.worlds import a_plan, plans

IN_PLACE = a_plan(ALL["traditional-in-place"])


def test_an_in_place_run_tells_its_real_downtime() -> None:
    stage = Stage(IN_PLACE)
    stage.world.new.starts_in_s = 7.0

    run = stage.execute()

    assert run.ok
    assert run.downtime_s is not None
    assert 14.0 <= run.downtime_s < 20.0  # two nodes, one after the other


def test_other_strategies_have_no_downtime() -> None:
    for name, plan in plans().items():
        run = Stage(plan).execute()
        assert (run.downtime_s is None) is (name != "traditional-in-place")


def test_a_downtime_without_an_end_is_not_known() -> None:
    stage = Stage(IN_PLACE)
    stopped = stage.execute(approves=False)

    assert stopped.verdict is Verdict.STOPPED
    assert stopped.downtime_s is None


def test_the_way_back_ends_a_downtime() -> None:
    stage = Stage(IN_PLACE)
    stage.world.new.failing_percent = 100
    stage.execute()

    run = stage.roll_back()

    assert run.verdict is Verdict.ROLLED_BACK
    assert run.downtime_s is not None
