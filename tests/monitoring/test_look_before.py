"""Before any traffic is diverted, both clusters must give what the gates read."""

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import MetricsError
from kong_lts.events import TrafficCount
from kong_lts.monitoring import CheckMetrics, Gate
from kong_lts.protocols import Adapters
from kong_lts.testing.fakes import FakeMetrics, fake_adapters
from kong_lts.testing.simulation import World
from tests.monitoring.test_watch import diverted
from tests.worlds import NO_PAST, rules

CHECK = CheckMetrics(id="check-metrics", guide="a guide", side=Side.NEW)


@attrs.define
class _Without(FakeMetrics):
    """The families of latency are off."""

    def count(self) -> TrafficCount:
        return attrs.evolve(super().count(), latencies=(), timed=0, latency_ms=None)


def without_latency(world: World) -> Adapters:
    adapters = fake_adapters(world)
    metrics = _Without(world, Side.NEW)
    return attrs.evolve(adapters, new=attrs.evolve(adapters.new, metrics=metrics))


def test_both_sides_are_counted() -> None:
    adapters = fake_adapters(diverted())

    outcome = CHECK.run(adapters, NO_PAST)

    assert outcome.note == "current: 9000 requests so far; new: 1000 requests so far"
    assert rules(CHECK.verify(adapters, NO_PAST)) == []


def test_a_new_cluster_without_the_families_stops_the_ramp() -> None:
    world = diverted()
    world.new.metrics_off = True

    with pytest.raises(MetricsError):
        CHECK.run(fake_adapters(world), NO_PAST)
    (finding,) = CHECK.verify(fake_adapters(world), NO_PAST)
    assert finding.rule == "metrics-missing"
    assert "config.status_code_metrics" in finding.action


def test_a_new_cluster_that_nobody_has_asked_yet_is_no_obstacle() -> None:
    world = diverted(0)

    assert rules(CHECK.verify(fake_adapters(world), NO_PAST)) == []


def test_a_current_cluster_is_given_a_minute_to_count_its_first_request() -> None:
    world = diverted(0)
    world.current.requests = world.current.errors = 0

    outcome = CHECK.run(fake_adapters(world), NO_PAST)

    assert outcome.note.startswith("current: 500 requests")


def test_a_current_cluster_that_counts_nothing_is_not_believed() -> None:
    world = diverted(100)
    world.current.requests = world.current.errors = 0
    begun = world.now

    CHECK.run(fake_adapters(world), NO_PAST)

    assert (world.now - begun).total_seconds() == 60
    assert rules(CHECK.verify(fake_adapters(world), NO_PAST)) == ["metrics-without-requests"]


@pytest.mark.parametrize(("must", "severity"), [(True, "blocker"), (False, "warning")])
def test_a_gate_on_latency_needs_latencies(must: bool, severity: str) -> None:
    gate = Gate(measure="latency", must_have_data=must)
    step = attrs.evolve(CHECK, gates=(Gate(), gate))

    (finding,) = step.verify(without_latency(diverted()), NO_PAST)

    assert (finding.rule, finding.severity) == ("metrics-missing", severity)
    assert "for the gate on latency p95" in finding.message


def test_it_needs_metrics_of_both() -> None:
    assert CHECK.needs == ("current.metrics", "new.metrics")
