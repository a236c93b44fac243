"""Traffic is diverted stage by stage, and led back to where it was."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.deployment import Side
from kong_lts.errors import PlanError, StepFailedError
from kong_lts.events import Diverted
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import FakeLoadBalancer, fake_adapters
from kong_lts.testing.generators import ramps
from kong_lts.testing.simulation import Fault
from kong_lts.traffic import DEFAULT_RAMP, DivertTraffic, RampStage, ramp
from tests.conftest import counted
from tests.worlds import NO_PAST, a_world, rules

DIVERT = DivertTraffic(
    id="divert-50", guide="a guide", side=Side.NEW, new_percent=50, before_percent=10
)


@settings(max_examples=counted(500))
@given(stages=ramps(), reached=st.integers(0, 4))
def test_undoing_the_ramp_backwards_returns_all_traffic(
    stages: tuple[RampStage, ...], reached: int
) -> None:
    """From whatever stage, taking them back in reverse leaves the current cluster with 100%."""
    world = a_world()
    adapters = fake_adapters(world)
    steps = ramp(stages, guide="a guide")[:reached]
    for step in steps:
        step.run(adapters, NO_PAST)

    for step in reversed(steps):
        step.undo(NO_PAST).run(adapters, NO_PAST)

    assert world.new_percent == 0


@settings(max_examples=counted(500))
@given(stages=ramps())
def test_each_stage_starts_where_the_one_before_it_ended(stages: tuple[RampStage, ...]) -> None:
    world = a_world()
    adapters = fake_adapters(world)

    for step in ramp(stages, guide="a guide"):
        assert rules(step.check(adapters, NO_PAST)) == []
        assert step.run(adapters, NO_PAST) == Diverted(
            new_percent=step.new_percent, at=world.now.isoformat()
        )
        assert rules(step.check(adapters, NO_PAST)) == []
        assert rules(step.verify(adapters, NO_PAST)) == []

    assert world.new_percent == 100


@settings(max_examples=counted(500))
@given(percents=st.lists(st.integers(0, 100), max_size=4))
def test_a_ramp_rises_to_all_of_the_traffic_or_is_refused(percents: list[int]) -> None:
    stages = [RampStage(percent) for percent in percents]
    rises = percents == sorted(set(percents)) and percents[-1:] == [100] and 0 not in percents

    try:
        shares = [step.new_percent for step in ramp(stages, guide="a guide")]
    except PlanError as exc:
        shares = []
        assert "rises from stage to stage and ends at 100%" in str(exc)  # noqa: PT017 - or no error

    assert shares == (percents if rises else [])


def test_the_default_ramp_is_careful() -> None:
    steps = ramp(DEFAULT_RAMP, guide="a guide")

    assert [step.id for step in steps] == ["divert-1", "divert-10", "divert-50", "divert-100"]


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_share_is_a_percentage(percent: int) -> None:
    with pytest.raises(ValueError, match="percent"):
        RampStage(percent)
    with pytest.raises(ValueError, match="percent"):
        attrs.evolve(DIVERT, new_percent=percent)


def test_a_stage_is_not_watched_backwards() -> None:
    with pytest.raises(ValueError, match="bake_s"):
        RampStage(10, bake_s=-1)


@pytest.mark.parametrize(("weight", "stops"), [(10, False), (50, False), (0, True), (100, True)])
def test_a_weight_that_somebody_else_set_stops_the_run(weight: int, stops: bool) -> None:
    world = a_world()
    world.new_percent = weight

    found = list(DIVERT.check(fake_adapters(world), NO_PAST))

    assert rules(found) == (["weight-unexpected"] if stops else [])
    assert all(f"sends {weight}%" in f.message and "expects 10%" in f.message for f in found)


@attrs.define
class _Balancer(FakeLoadBalancer):
    precision_percent: float = 0.0


@pytest.mark.parametrize(
    ("percent", "precision", "stops"),
    [(50, 12.5, False), (10, 9.9, False), (10, 10.0, True), (95, 12.5, True), (100, 12.5, False)],
)
def test_no_share_is_asked_for_that_the_load_balancer_cannot_make(
    percent: int, precision: float, stops: bool
) -> None:
    world = a_world()
    world.new_percent = 10
    balancer = _Balancer(world, precision_percent=precision)
    adapters = attrs.evolve(fake_adapters(world), load_balancer=balancer)

    found = rules(attrs.evolve(DIVERT, new_percent=percent).check(adapters, NO_PAST))

    assert found == (["share-too-fine"] if stops else [])


@pytest.mark.parametrize(
    ("percent", "keeps", "stops"),
    [(50, True, False), (50, False, True), (100, False, False), (0, False, False)],
)
def test_sessions_are_not_divided_request_by_request(
    percent: int, keeps: bool, stops: bool
) -> None:
    world = a_world()
    world.new_percent = 10
    balancer = FakeLoadBalancer(world, keeps_clients=keeps)
    adapters = attrs.evolve(fake_adapters(world), load_balancer=balancer)
    step = attrs.evolve(DIVERT, new_percent=percent, keeps_clients=True)

    assert rules(step.check(adapters, NO_PAST)) == (["sessions-divided"] if stops else [])
    assert rules(attrs.evolve(step, keeps_clients=False).check(adapters, NO_PAST)) == []


def test_the_way_back_from_any_stage_of_a_ramp_is_one_step() -> None:
    for step in ramp(DEFAULT_RAMP, guide="a guide"):
        assert step.undo(NO_PAST).new_percent == 0


def test_a_weight_that_was_not_taken_is_noticed() -> None:
    world = a_world()
    world.fault = Fault.LIES

    DIVERT.run(fake_adapters(world), NO_PAST)

    (finding,) = DIVERT.verify(fake_adapters(world), NO_PAST)
    assert finding.rule == "weight-not-taken"
    assert "sends 0% to the new cluster, not 50%" in finding.message


def test_taking_back_twice_is_the_same_as_once() -> None:
    again = DIVERT.undo(NO_PAST).undo(NO_PAST)

    assert attrs.evolve(again, id=DIVERT.id) == DIVERT


def test_a_diversion_needs_a_load_balancer() -> None:
    adapters = attrs.evolve(fake_adapters(a_world()), load_balancer=None)

    assert DIVERT.needs == ("load_balancer",)
    with pytest.raises(StepFailedError, match="there is no load_balancer adapter"):
        DIVERT.run(adapters, NO_PAST)


def test_a_diversion_touches_traffic_and_is_compensated() -> None:
    assert DIVERT.effect.traffic
    assert DIVERT.reversibility is Reversibility.COMPENSATED
    assert DIVERT.title == "Divert 50% of the traffic to the new cluster"
