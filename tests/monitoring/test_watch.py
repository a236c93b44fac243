"""Metrics of both clusters are watched, and a ramp goes on only through open gates."""

from collections.abc import Iterable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.deployment import Side
from kong_lts.errors import MetricsError, RunCancelledError, StepFailedError
from kong_lts.events import Done, GateVerdict, Past, TrafficCount, Watched
from kong_lts.findings import Severity
from kong_lts.monitoring import Gate, Measure, NoData, WatchMetrics
from kong_lts.protocols import Adapters, Decision, Finished, LoadBalancer, Question
from kong_lts.schema import SchemaState
from kong_lts.testing.fakes import FakeApprover, FakeClock, FakeMetrics, fake_adapters
from kong_lts.testing.simulation import Fault, World
from tests.conftest import counted
from tests.worlds import NO_PAST, restored_world, rules, without

WATCH = WatchMetrics(
    id="watch", guide="a guide", side=Side.NEW, watch_s=60, share_percent=10, back_to_percent=0
)
LENIENT = (Gate(max_more=0.01),)
"""600 requests, all of them answered, are enough for it."""


def diverted(percent: int = 10) -> World:
    """A world with both clusters running and some traffic on the new one."""
    world = restored_world(SchemaState.LTS_3_4)
    world.new.running = dict.fromkeys(world.new.running, True)
    world.new_percent = percent
    world.pass_time(100)
    return world


def ran(
    step: WatchMetrics, world: World, approver: FakeApprover | None = None
) -> tuple[Watched, list[str]]:
    """The outcome of a watch, and the rules of what its proof finds."""
    adapters = fake_adapters(world)
    adapters = attrs.evolve(adapters, approver=approver or adapters.approver)
    outcome = step.run(adapters, NO_PAST)
    return outcome, rules(step.verify(adapters, {step.id: outcome}))


def verdicts(outcome: Watched) -> set[GateVerdict]:
    return {judged.verdict for judged in outcome.judged}


@settings(max_examples=counted(300))
@given(watch_s=st.floats(60, 5000), interval_s=st.floats(1, 100))
def test_a_watch_takes_as_long_as_it_says(watch_s: float, interval_s: float) -> None:
    world = diverted()
    begun = world.now
    step = attrs.evolve(WATCH, watch_s=watch_s, interval_s=interval_s, gates=LENIENT)

    outcome, found = ran(step, world)

    assert found == []
    assert outcome.watched_s == pytest.approx(watch_s)
    assert (world.now - begun).total_seconds() == pytest.approx(watch_s, abs=0.01)


def test_a_watch_counts_what_happened_meanwhile() -> None:
    outcome, found = ran(attrs.evolve(WATCH, gates=LENIENT), diverted())

    assert found == []
    assert (outcome.new.requests, outcome.new.errors, outcome.new.latency_ms) == (600, 0, 20.0)
    assert outcome.current.requests == 5400
    assert outcome.led_back_to_percent is None


def test_a_failure_leads_the_traffic_back_within_one_interval_of_having_enough_data() -> None:
    world = diverted(5)
    world.new.failing_percent = 50
    step = attrs.evolve(WATCH, share_percent=5, watch_s=3600)

    outcome, found = ran(step, world)

    assert outcome.watched_s == 10, "50 requests, half of them failed: that is enough"
    assert world.new_percent == 0
    assert outcome.led_back_to_percent == 0
    assert found == ["gate-shut"]


def test_what_is_found_says_where_the_traffic_is() -> None:
    world = diverted()
    world.new.failing_percent = 50
    adapters = fake_adapters(world)
    outcome = WATCH.run(adapters, NO_PAST)

    (finding,) = WATCH.verify(adapters, {"watch": outcome})

    assert "50 of 100 requests (50.00%), beside on the current cluster 0 of 900" in finding.message
    assert finding.message.endswith("0% of the traffic is on the new cluster now.")


def test_a_failure_that_nobody_led_back_leaves_the_traffic_where_it_is() -> None:
    world = diverted()
    world.new.failing_percent = 50

    outcome, found = ran(attrs.evolve(WATCH, back_to_percent=None), world)

    assert (world.new_percent, outcome.led_back_to_percent) == (10, None)
    assert found == ["gate-shut"]


def test_a_resumed_watch_diverts_again_what_was_led_back() -> None:
    world = diverted(0)

    ran(attrs.evolve(WATCH, gates=LENIENT), world)

    assert world.new_percent == 10


@pytest.mark.parametrize(("weight", "stops"), [(10, False), (0, False), (50, True)])
def test_a_weight_that_somebody_else_set_stops_the_run(weight: int, stops: bool) -> None:
    world = diverted(weight)

    found = rules(WATCH.check(fake_adapters(world), NO_PAST))

    assert found == (["weight-unexpected"] if stops else [])


def test_an_undecided_gate_prolongs_the_watch_until_it_decides() -> None:
    world = diverted()

    outcome, found = ran(attrs.evolve(WATCH, gates=(Gate(),)), world)

    assert 60 < outcome.watched_s < 200
    assert outcome.new.requests >= 1350
    assert found == []


def test_what_is_still_undecided_then_holds_the_traffic() -> None:
    world = diverted()

    outcome, found = ran(attrs.evolve(WATCH, hold_s=20, gates=(Gate(),)), world)

    assert outcome.watched_s == 80
    assert world.new_percent == 10
    assert found == ["gate-undecided"]


@pytest.mark.parametrize(("told", "percent"), [(NoData.HOLD, 10), (NoData.ROLL_BACK, 0)])
def test_without_data_it_is_done_as_told(told: NoData, percent: int) -> None:
    world = diverted()
    step = attrs.evolve(WATCH, hold_s=20, gates=(Gate(no_data=told),))
    idle = attrs.evolve(fake_adapters(world).new, metrics=_Idle(world, Side.NEW))
    adapters = attrs.evolve(fake_adapters(world), new=idle)

    outcome = step.run(adapters, NO_PAST)

    assert (outcome.watched_s, world.new_percent) == (80, percent)
    assert rules(step.verify(adapters, {"watch": outcome})) == ["gate-no-data"]


@attrs.define
class _Idle(FakeMetrics):
    """Nobody asks this cluster for anything."""

    def count(self) -> TrafficCount:
        return TrafficCount(requests=0, errors=0)


@attrs.define
class _Dies(FakeClock):
    """While it sleeps for the third time, the new cluster ends; or only its metrics do."""

    metrics_only: bool = False
    slept: int = 0

    def sleep(self, duration_s: float) -> None:
        self.slept += 1
        if self.slept == 3:
            self.world.new.metrics_off = True
        super().sleep(duration_s)


@pytest.mark.parametrize(
    ("told", "seconds", "percent"), [(NoData.HOLD, 80, 10), (NoData.ROLL_BACK, 50, 0)]
)
def test_metrics_that_go_blind_are_not_waited_for(
    told: NoData, seconds: float, percent: int
) -> None:
    world = diverted()
    step = attrs.evolve(WATCH, hold_s=20, gates=(Gate(no_data=told),))
    adapters = attrs.evolve(fake_adapters(world), clock=_Dies(world))

    outcome = step.run(adapters, NO_PAST)

    assert (outcome.watched_s, world.new_percent) == (seconds, percent)
    assert "gate-undecided" in rules(step.verify(adapters, {"watch": outcome}))


def test_a_gate_that_is_not_critical_is_only_told() -> None:
    world = diverted()
    world.new.failing_percent = 50

    outcome, found = ran(attrs.evolve(WATCH, gates=(Gate(critical=False),)), world)

    assert (outcome.watched_s, world.new_percent) == (60, 10)
    assert found == ["gate-shut"]
    (finding,) = attrs.evolve(WATCH).verify(fake_adapters(world), {"watch": outcome})
    assert finding.severity is Severity.WARNING


def test_a_dry_run_gate_is_judged_and_never_counts() -> None:
    world = diverted()
    world.new.failing_percent = 50

    outcome, _ = ran(attrs.evolve(WATCH, gates=(Gate(dry_run=True),)), world)

    assert verdicts(outcome) == {GateVerdict.FAILED}
    assert (outcome.watched_s, world.new_percent) == (60, 10)


def test_without_gates_nothing_is_shut() -> None:
    outcome, found = ran(attrs.evolve(WATCH, gates=()), diverted(10))

    assert (outcome.watched_s, found) == (60, [])


@pytest.mark.parametrize("past", [{}, {"watch": Done()}])
def test_what_was_not_watched_has_not_passed(past: Past) -> None:
    assert rules(WATCH.verify(fake_adapters(diverted()), past)) == ["not-watched"]


@pytest.mark.parametrize(
    ("measured", "requests", "precision", "found"),
    [
        (10, 10_000, 0, []),
        (11.9, 10_000, 0, []),
        (12.1, 10_000, 0, ["split-not-as-asked"]),
        (7.9, 10_000, 0, ["split-not-as-asked"]),
        (12.1, 10_000, 2.5, []),
        (13, 1_000, 0, []),  # 4 sigma are 3.8 points
        (14, 1_000, 0, ["split-not-as-asked"]),
        (50, 999, 0, []),
        (0, 10_000, 0, []),  # the gates say that there was nothing
    ],
)
def test_the_real_split_is_measured_by_counting_who_answered(
    measured: float, requests: int, precision: float, found: list[str]
) -> None:
    to_new = round(requests * measured / 100)
    watched = Watched(
        watched_s=60,
        current=TrafficCount(requests=requests - to_new, errors=0),
        new=TrafficCount(requests=to_new, errors=0),
    )
    adapters = fake_adapters(diverted())
    balancer = _Precise(adapters.load_balancer, precision)
    adapters = attrs.evolve(adapters, load_balancer=balancer)

    assert rules(WATCH.verify(adapters, {"watch": watched})) == found


@attrs.frozen
class _Precise:
    """A load balancer with a precision."""

    inner: LoadBalancer | None
    precision_percent: float

    def set_weight(self, new_percent: int) -> None:
        assert self.inner is not None
        self.inner.set_weight(new_percent)

    def weight(self) -> int:
        assert self.inner is not None
        return self.inner.weight()


# --- while somebody is asked ----------------------------------------------------------------------

ASKING = attrs.evolve(WATCH, watch_s=0, question="Approve 50%")


def test_the_watch_goes_on_while_a_person_thinks() -> None:
    world = diverted()

    outcome, found = ran(ASKING, world, FakeApprover(thinks=30))

    assert (outcome.watched_s, found) == (310, [])
    assert outcome.answered_by == "a simulated person"


def test_a_failure_while_a_person_thinks_leads_the_traffic_back() -> None:
    world = diverted()
    world.new.failing_percent = 50

    outcome, found = ran(ASKING, world, FakeApprover(thinks=30))

    assert (outcome.watched_s, world.new_percent, found) == (10, 0, ["gate-shut"])


def test_what_a_person_is_asked_has_the_figures_so_far() -> None:
    approver = FakeApprover(thinks=1)

    ran(ASKING, diverted(), approver)

    assert "errors: undecided (errors: 0 of 200 requests" in approver.asked[0].instructions


def test_a_person_who_says_no_leads_the_traffic_back() -> None:
    world = diverted()

    outcome, found = ran(ASKING, world, FakeApprover(approves=False))

    assert (world.new_percent, found) == (0, ["ramp-aborted"])
    assert outcome.refused == "a simulated person said no."


@attrs.define
class _Cancels(FakeClock):
    """Somebody cancels the run while it sleeps for the third time."""

    slept: int = 0

    def sleep(self, duration_s: float) -> None:
        self.slept += 1
        if self.slept == 3:
            raise RunCancelledError("watch", "somebody")
        super().sleep(duration_s)


def test_whoever_cancels_while_metrics_are_watched_has_the_traffic_back_at_once() -> None:
    world = diverted()
    adapters = attrs.evolve(fake_adapters(world), clock=_Cancels(world))

    with pytest.raises(RunCancelledError):
        WATCH.run(adapters, NO_PAST)

    assert world.new_percent == 0


@attrs.frozen
class _Waits:
    """An approver of the caller's own, who can only be asked by waiting."""

    def ask(self, question: Question) -> Decision:
        return Decision(approved=True, by="somebody")


def test_an_approver_of_the_callers_own_still_works_and_that_nobody_watches_is_told() -> None:
    adapters = attrs.evolve(fake_adapters(diverted()), approver=_Waits())

    assert rules(ASKING.check(adapters, NO_PAST)) == ["not-watched-while-waiting"]
    assert ASKING.run(adapters, NO_PAST).answered_by == "somebody"


# --- what metrics do not tell ---------------------------------------------------------------------


@attrs.define
class _Log:
    """A node whose error log gets lines while it is watched."""

    counts: Iterable[int]

    def run(self, argv: object, *, timeout_s: float, statuses: object = (0,)) -> Finished:
        lines = next(iter(self.counts))
        return Finished(status=0 if lines else 1, stdout=f"{lines}\n")


@pytest.mark.parametrize(
    ("lines", "found"), [([3, 3, 3], []), ([3, 4, 4], ["gate-shut"]), ([3, 0, 0], [])]
)
def test_a_route_that_the_router_could_not_add_shuts_the_gate(
    lines: list[int], found: list[str]
) -> None:
    world = diverted()
    gate = Gate(measure=Measure.ROUTER_ERRORS)
    step = attrs.evolve(WATCH, watch_s=20, gates=(gate,), error_log="/var/log/kong/error.log")
    adapters = fake_adapters(world)
    nodes = {"y-1": _Log(iter(lines))}
    adapters = attrs.evolve(adapters, new=attrs.evolve(adapters.new, nodes=nodes))

    outcome = step.run(adapters, NO_PAST)

    assert rules(step.verify(adapters, {"watch": outcome})) == found


def test_without_the_path_of_the_log_there_is_no_data() -> None:
    step = attrs.evolve(WATCH, hold_s=0, gates=(Gate(measure=Measure.ROUTER_ERRORS),))

    _, found = ran(step, diverted())

    assert found == ["gate-no-data"]


# --- the current cluster, latency, restarts -------------------------------------------------------


def test_a_current_cluster_that_is_gone_is_not_asked() -> None:
    world = diverted(100)
    step = attrs.evolve(WATCH, needs_current=False, share_percent=None, back_to_percent=None)
    adapters = without(fake_adapters(world), "current", "metrics")

    outcome = step.run(adapters, NO_PAST)

    assert outcome.current == TrafficCount(requests=0, errors=0)
    assert outcome.new.requests == 6000
    assert rules(step.verify(adapters, {"watch": outcome})) == []


def test_with_all_traffic_the_new_cluster_is_compared_with_what_the_current_one_did() -> None:
    world = diverted(100)
    world.new.failing_percent = 3
    step = attrs.evolve(WATCH, share_percent=100)
    earlier = Watched(
        watched_s=600,
        current=TrafficCount(requests=60_000, errors=0, statuses={"200": 60_000}),
        new=TrafficCount(requests=0, errors=0),
    )

    outcome = step.run(fake_adapters(world), {"watch-50": earlier})

    assert outcome.led_back_to_percent == 0


@attrs.define
class _Restarts(FakeClock):
    """While it sleeps for the first time, the nodes of the new cluster start anew."""

    done: bool = False

    def sleep(self, duration_s: float) -> None:
        if not self.done:
            self.world.new.requests = self.world.new.errors = 0
            self.done = True
        super().sleep(duration_s)


def test_the_interval_in_which_a_node_was_restarted_does_not_count() -> None:
    world = diverted()
    adapters: Adapters = attrs.evolve(fake_adapters(world), clock=_Restarts(world))

    outcome = attrs.evolve(WATCH, watch_s=20, gates=()).run(adapters, NO_PAST)

    assert (outcome.new.requests, outcome.current.requests) == (100, 900)


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


def test_metrics_that_cannot_be_read_from_the_beginning_are_an_error() -> None:
    world = diverted()
    world.spared, world.fault = 1, Fault.FAILS_BEFORE

    with pytest.raises(MetricsError, match="count requests: simulated failure"):
        WATCH.run(fake_adapters(world), NO_PAST)


@pytest.mark.parametrize("side", ["current", "new"])
def test_a_watch_needs_metrics_of_whoever_serves(side: str) -> None:
    assert f"{side}.metrics" in WATCH.needs
    with pytest.raises(StepFailedError, match=rf"there is no {side}\.metrics adapter"):
        WATCH.run(without(fake_adapters(diverted()), side, "metrics"), NO_PAST)


def test_a_watch_needs_the_load_balancer_only_where_it_leads_back() -> None:
    alone = attrs.evolve(WATCH, needs_current=False, back_to_percent=None)

    assert "load_balancer" in WATCH.needs
    assert alone.needs == ("new.metrics",)
    assert (WATCH.effect.traffic, alone.effect.traffic) == (True, False)
    assert WATCH.undo(NO_PAST) is None, "the diversion before it leads all traffic back"


def test_titles_say_who_is_watched() -> None:
    alone = attrs.evolve(WATCH, needs_current=False, watch_s=90)

    assert WATCH.title == "Watch the metrics of both clusters for 60 s"
    assert alone.title == "Watch the metrics of the new cluster for 90 s"
    assert ASKING.title == "Approve 50%, and watch the metrics of both clusters meanwhile"
