"""Metrics of both clusters are watched, and a ramp goes on only through open gates."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.deployment import Side
from kong_lts.errors import MetricsError, StepFailedError
from kong_lts.events import Done, Past, TrafficCount, Watched
from kong_lts.monitoring import Gate, WatchMetrics
from kong_lts.protocols import Adapters
from kong_lts.schema import SchemaState
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import FakeClock, FakeMetrics, fake_adapters
from kong_lts.testing.simulation import Fault, World
from tests.conftest import counted
from tests.worlds import NO_PAST, restored_world, rules, without

WATCH = WatchMetrics(id="watch", guide="a guide", side=Side.NEW, watch_s=60)
BOTH_WELL = Watched(
    watched_s=60,
    current=TrafficCount(requests=1000, errors=10, latency_ms=20.0),
    new=TrafficCount(requests=1000, errors=10, latency_ms=20.0),
)


def diverted(percent: int = 10) -> World:
    """A world with both clusters running and some traffic on the new one."""
    world = restored_world(SchemaState.LTS_3_4)
    world.new.running = dict.fromkeys(world.new.running, True)
    world.new_percent = percent
    world.pass_time(100)
    return world


def new_side(requests: int = 1000, errors: int = 10, latency_ms: float | None = 20.0) -> Watched:
    count = TrafficCount(requests=requests, errors=errors, latency_ms=latency_ms)
    return attrs.evolve(BOTH_WELL, new=count)


# --- gates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "watched", "fault"),
    [
        (Gate(), BOTH_WELL, None),
        (Gate(), new_side(errors=20), None),
        (Gate(), new_side(errors=21), "21 of 1000 requests failed (2.10%); on the current"),
        (Gate(max_error_ratio=0), BOTH_WELL, None),
        (Gate(max_error_ratio=0), new_side(errors=11), "11 of 1000 requests failed (1.10%)"),
        (Gate(min_requests=1000), BOTH_WELL, None),
        (Gate(min_requests=1001), BOTH_WELL, "only 1000 requests were seen on it, 1001 are"),
        (Gate(), new_side(requests=0, errors=0), "only 0 requests were seen on it, 1 are"),
        (Gate(min_requests=0), new_side(requests=0, errors=0), None),
        (Gate(), new_side(latency_ms=900), None),
        (Gate(max_latency_factor=1.5), new_side(latency_ms=30), None),
        (Gate(max_latency_factor=1.5), new_side(latency_ms=31), "it answers in 31 ms on average"),
        (Gate(max_latency_factor=1.5), new_side(latency_ms=None), None),
    ],
)
def test_a_gate_is_shut_by_what_it_asks_for_and_by_nothing_else(
    gate: Gate, watched: Watched, fault: str | None
) -> None:
    faults = list(gate.faults(watched))

    assert len(faults) == (fault is not None)
    assert all(text.startswith(fault or "") for text in faults)


def test_latency_is_not_compared_with_a_cluster_that_serves_nobody() -> None:
    watched = attrs.evolve(BOTH_WELL, current=TrafficCount(requests=0, errors=0))

    assert list(Gate(max_latency_factor=1.0).faults(watched)) == []


@settings(max_examples=counted(1000))
@given(
    requests=st.integers(1, 10**6),
    errors=st.integers(0, 10**6),
    more=st.integers(1, 1000),
    ratio=st.floats(0, 1),
)
def test_more_errors_never_open_a_gate(requests: int, errors: int, more: int, ratio: float) -> None:
    gate = Gate(max_error_ratio=ratio)
    before, after = (list(gate.faults(new_side(requests, e))) for e in (errors, errors + more))

    assert len(before) <= len(after)


def test_a_gate_asks_for_nothing_negative() -> None:
    with pytest.raises(ValueError, match="'max_error_ratio' must be >= 0"):
        Gate(max_error_ratio=-0.1)
    with pytest.raises(ValueError, match="'min_requests' must be >= 0"):
        Gate(min_requests=-1)


# --- watching -----------------------------------------------------------------------------------


@settings(max_examples=counted(300))
@given(watch_s=st.floats(1, 5000))
def test_a_watch_takes_as_long_as_it_says(watch_s: float) -> None:
    world = diverted()
    begun = world.now

    outcome = attrs.evolve(WATCH, watch_s=watch_s).run(fake_adapters(world), NO_PAST)

    assert outcome.watched_s == watch_s
    assert (world.now - begun).total_seconds() == pytest.approx(watch_s, abs=0.01)


def test_a_watch_counts_what_happened_meanwhile() -> None:
    outcome = WATCH.run(fake_adapters(diverted()), NO_PAST)

    assert outcome.new == TrafficCount(requests=600, errors=0, latency_ms=20.0)
    assert outcome.current == TrafficCount(requests=5400, errors=0, latency_ms=20.0)
    assert rules(WATCH.verify(fake_adapters(diverted()), {"watch": outcome})) == []


def test_a_watch_ends_as_soon_as_a_gate_is_shut() -> None:
    world = diverted()
    world.new.failing_percent = 50

    outcome = WATCH.run(fake_adapters(world), NO_PAST)

    assert outcome.watched_s == 10
    (finding,) = WATCH.verify(fake_adapters(world), {"watch": outcome})
    assert finding.rule == "gate-shut"
    assert "50 of 100 requests failed (50.00%); on the current cluster 0.00%" in finding.message


def test_a_watch_goes_on_while_there_is_too_little_to_judge() -> None:
    world = diverted(0)

    outcome = WATCH.run(fake_adapters(world), NO_PAST)

    assert outcome.watched_s == 60
    assert rules(WATCH.verify(fake_adapters(world), {"watch": outcome})) == ["gate-shut"]


def test_every_gate_that_is_shut_is_told() -> None:
    step = attrs.evolve(WATCH, gates=(Gate(min_requests=10**6), Gate(), Gate(max_error_ratio=0)))
    outcome = new_side(errors=500)

    assert rules(step.verify(fake_adapters(diverted()), {"watch": outcome})) == ["gate-shut"] * 3


def test_without_gates_nothing_is_shut() -> None:
    step = attrs.evolve(WATCH, gates=())
    world = diverted(0)

    outcome = step.run(fake_adapters(world), NO_PAST)

    assert rules(step.verify(fake_adapters(world), {"watch": outcome})) == []


@pytest.mark.parametrize("past", [{}, {"watch": Done()}])
def test_what_was_not_watched_has_not_passed(past: Past) -> None:
    assert rules(WATCH.verify(fake_adapters(diverted()), past)) == ["not-watched"]


def test_a_current_cluster_that_is_gone_is_not_asked() -> None:
    world = diverted(100)
    step = attrs.evolve(WATCH, needs_current=False)
    adapters = without(fake_adapters(world), "current", "metrics")

    outcome = step.run(adapters, NO_PAST)

    assert outcome.current == TrafficCount(requests=0, errors=0)
    assert outcome.new.requests == 6000


@attrs.define
class _Restarts(FakeClock):
    """While it sleeps for the first time, the nodes of the new cluster start anew."""

    done: bool = False

    def sleep(self, duration_s: float) -> None:
        if not self.done:
            self.world.new.requests = self.world.new.errors = 0
            self.done = True
        super().sleep(duration_s)


def test_a_node_that_was_restarted_counts_from_zero() -> None:
    world = diverted()
    adapters: Adapters = attrs.evolve(fake_adapters(world), clock=_Restarts(world))

    outcome = attrs.evolve(WATCH, watch_s=10).run(adapters, NO_PAST)

    assert outcome.new.requests == 100


@attrs.define
class _Slower(FakeMetrics):
    """The mean over all requests since the nodes started, of which the later ones are slower."""

    def count(self) -> TrafficCount:
        count = super().count()
        early, late = 1000, count.requests - 1000
        mean = (early * 20.0 + late * 50.0) / count.requests
        return attrs.evolve(count, latency_ms=mean)


def test_latency_is_that_of_the_watch_and_not_of_all_time() -> None:
    world = diverted()
    adapters = fake_adapters(world)
    slower = attrs.evolve(adapters.new, metrics=_Slower(world, Side.NEW))

    outcome = WATCH.run(attrs.evolve(adapters, new=slower), NO_PAST)

    assert outcome.new.latency_ms == pytest.approx(50.0)


def test_metrics_that_cannot_be_read_are_an_error() -> None:
    world = diverted()
    world.fault = Fault.FAILS_BEFORE

    with pytest.raises(MetricsError, match="count requests: simulated failure"):
        WATCH.run(fake_adapters(world), NO_PAST)


@pytest.mark.parametrize("side", ["current", "new"])
def test_a_watch_needs_metrics_of_whoever_serves(side: str) -> None:
    assert f"{side}.metrics" in WATCH.needs
    with pytest.raises(StepFailedError, match=rf"there is no {side}\.metrics adapter"):
        WATCH.run(without(fake_adapters(diverted()), side, "metrics"), NO_PAST)


def test_a_watch_harms_nobody() -> None:
    assert WATCH.reversibility is Reversibility.FREE
    assert WATCH.undo(NO_PAST) is None
    assert attrs.evolve(WATCH, needs_current=False).needs == ("new.metrics",)


def test_titles_say_who_is_watched() -> None:
    alone = attrs.evolve(WATCH, needs_current=False, watch_s=90)

    assert WATCH.title == "Watch the metrics of both clusters for 60 s"
    assert alone.title == "Watch the metrics of the new cluster for 90 s"
