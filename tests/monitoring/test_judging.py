"""What single gates say of what was seen."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.events import GateVerdict, LatencyBucket, TrafficCount
from kong_lts.monitoring import Gate, Measure, NoData
from kong_lts.monitoring.counts import Window, added, since
from kong_lts.monitoring.judging import judge_of
from tests.conftest import counted
from tests.monitoring.simulated import NOTHING

PASSED, FAILED = GateVerdict.PASSED, GateVerdict.FAILED
UNDECIDED, NO_DATA = GateVerdict.UNDECIDED, GateVerdict.NO_DATA
MANY = 100_000


def counts(requests: int = MANY, slow: int = 0, **statuses: int) -> TrafficCount:
    """Requests; `s404=5` are five answers with 404, *slow* ones take 100 to 400 ms."""
    found = {code.removeprefix("s"): n for code, n in statuses.items()}
    return TrafficCount(
        requests=requests,
        errors=sum(n for code, n in found.items() if code >= "500"),
        statuses={"200": requests - sum(found.values()), **found},
        latencies=tuple(
            LatencyBucket(up_to_ms=bound, requests=requests - (slow if bound < 400 else 0))
            for bound in (25.0, 50.0, 100.0, 400.0)
        ),
        timed=requests,
    )


def said(
    gate: Gate, current: TrafficCount, new: TrafficCount, before: TrafficCount = NOTHING
) -> GateVerdict:
    """The verdict at the end of one interval."""
    judge = judge_of(gate)
    window = Window(current=current, new=new, before=before)
    judge.see(window)
    return judge.judge(window, final=True).verdict


@pytest.mark.parametrize(
    ("gate", "current", "new", "verdict"),
    [
        (Gate(), counts(s500=1000), counts(s500=1000), PASSED),
        (Gate(), counts(s500=1000), counts(s500=2000), FAILED),
        (Gate(), counts(s502=1000), counts(s404=2000), PASSED),
        # beyond chance, and still nothing that matters: 0.1 points more, or a fifth more
        (Gate(), counts(s500=10), counts(s500=100), PASSED),
        (Gate(), counts(s500=10000), counts(s500=12000), PASSED),
        (Gate(max_more=0.0001), counts(s500=10), counts(s500=100), FAILED),
        (Gate(max_factor=1.1), counts(s500=10000), counts(s500=12000), FAILED),
        # the same shares of few requests
        (Gate(), counts(100, s500=1), counts(100, s500=2), UNDECIDED),
        (Gate(), counts(), counts(20), UNDECIDED),
        (Gate(), counts(), counts(2000), PASSED),
        (Gate(min_requests=2001), counts(), counts(2000), UNDECIDED),
        (Gate(), counts(), counts(0), NO_DATA),
        # each status by itself
        (Gate(measure=Measure.UNAUTHORIZED), counts(s401=100), counts(s401=5000), FAILED),
        (Gate(measure=Measure.FORBIDDEN), counts(s403=100), counts(s403=5000), FAILED),
        (Gate(measure=Measure.NOT_FOUND), counts(s404=100), counts(s404=5000), FAILED),
        (Gate(measure=Measure.TOO_MANY_REQUESTS), counts(s429=100), counts(s429=5000), FAILED),
        (Gate(measure=Measure.NOT_FOUND), counts(s401=100), counts(s401=5000), PASSED),
        # fewer than before harm nobody
        (Gate(measure=Measure.NOT_FOUND), counts(s404=5000), counts(s404=100), PASSED),
        # a limit of its own
        (Gate(max_share=0.01), counts(s500=2000), counts(s500=2000), FAILED),
        (Gate(max_share=0.03), counts(s500=2000), counts(s500=2000), PASSED),
        # latency: p95 of the current cluster is 25 ms or less, so 50 ms is the line
        (Gate(measure="latency", max_factor=2), counts(slow=100), counts(slow=100), PASSED),
        (Gate(measure="latency", max_factor=2), counts(slow=100), counts(slow=9000), FAILED),
        (Gate(measure="latency", max_factor=2), counts(slow=100), counts(slow=4000), PASSED),
        (Gate(measure="latency", max_factor=9), counts(slow=100), counts(slow=9000), PASSED),
        (Gate(measure="latency", max_factor=99), counts(slow=100), counts(slow=9000), NO_DATA),
    ],
)
def test_a_gate_fails_for_what_matters_and_for_nothing_else(
    gate: Gate, current: TrafficCount, new: TrafficCount, verdict: GateVerdict
) -> None:
    assert said(gate, current, new) is verdict


@pytest.mark.parametrize(
    ("new", "before", "verdict"),
    [
        (counts(s500=1000), counts(s500=1000), PASSED),
        (counts(s500=3000), counts(s500=1000), FAILED),
        (counts(s500=4000), NOTHING, PASSED),
        (counts(s500=8000), NOTHING, FAILED),
        (counts(50), NOTHING, UNDECIDED),
    ],
)
def test_without_the_current_cluster_what_it_did_before_counts(
    new: TrafficCount, before: TrafficCount, verdict: GateVerdict
) -> None:
    assert said(Gate(), NOTHING, new, before) is verdict


def test_the_last_few_requests_of_the_current_cluster_do_not_hide_a_failure() -> None:
    stray = counts(10)

    assert said(Gate(), stray, counts(s500=3000), counts(s500=1000)) is FAILED


def test_a_status_that_the_metrics_do_not_have_is_no_data() -> None:
    bare = TrafficCount(requests=1000, errors=0)

    assert said(Gate(measure=Measure.NOT_FOUND), bare, bare) is NO_DATA
    assert said(Gate(measure=Measure.LATENCY), bare, bare) is NO_DATA


def test_nothing_passes_before_the_end() -> None:
    judge, window = judge_of(Gate()), Window(current=counts(), new=counts(), before=NOTHING)
    judge.see(window)

    assert judge.judge(window, final=False).verdict is UNDECIDED
    assert judge.judge(window, final=True).verdict is PASSED


@pytest.mark.parametrize(
    ("gate", "stops"),
    [
        (Gate(), (True, True, True)),
        (Gate(critical=False), (False, False, True)),
        (Gate(critical=False, must_have_data=False), (False, False, False)),
        (Gate(must_have_data=False), (True, True, False)),
        (Gate(dry_run=True), (False, False, False)),
    ],
)
def test_what_stops_a_run(gate: Gate, stops: tuple[bool, ...]) -> None:
    found = []
    for new in (counts(s500=9000), counts(20), counts(0)):
        judge = judge_of(gate)
        window = Window(current=counts(), new=new, before=NOTHING)
        judge.see(window)
        found.append(judge.judge(window, final=True).stops)

    assert tuple(found) == stops


@pytest.mark.parametrize(("count", "verdict"), [(0, PASSED), (1, FAILED), (None, NO_DATA)])
def test_of_some_things_there_must_be_none(count: int | None, verdict: GateVerdict) -> None:
    errors = {Measure.ROUTER_ERRORS: count}
    window = Window(current=counts(), new=counts(), before=NOTHING, counts=errors)
    judge = judge_of(Gate(measure=Measure.ROUTER_ERRORS))
    judge.see(window)

    assert judge.judge(window, final=True).verdict is verdict


def test_a_data_plane_is_given_a_minute_to_tell_what_it_has() -> None:
    late = Window(current=counts(), new=counts(), before=NOTHING, counts={Measure.DATA_PLANES: 1})
    well = attrs.evolve(late, counts={Measure.DATA_PLANES: 0})
    judge = judge_of(Gate(measure=Measure.DATA_PLANES))

    looks = [late] * 6 + [well] + [late] * 7
    said = [judge.judge(window, final=True).verdict for window in looks]

    assert said == [UNDECIDED] * 6 + [PASSED] + [UNDECIDED] * 6 + [FAILED]


def test_a_verdict_has_its_figures() -> None:
    window = Window(current=counts(s500=1000), new=counts(s500=3000), before=NOTHING)
    judge = judge_of(Gate())
    judge.see(window)

    text = judge.judge(window, final=True).text

    assert "3000 of 100000 requests (3.00%)" in text
    assert "on the current cluster 1000 of 100000 requests (1.00%)" in text


def test_gates_have_names_and_bounds() -> None:
    assert (Gate().name, Gate(measure="latency", quantile=0.999).name) == (
        "errors",
        "latency p99.9",
    )
    assert Gate(no_data="hold").no_data is NoData.HOLD
    for wrong in ({"max_more": 0}, {"quantile": 1}, {"max_factor": 0.5}, {"max_share": 2}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Gate(**wrong)


# --- adding and taking away -----------------------------------------------------------------------

codes = st.dictionaries(st.sampled_from(["200", "404", "500"]), st.integers(0, 1000))


@st.composite
def traffic(draw: st.DrawFn) -> TrafficCount:
    statuses = draw(codes)
    requests = sum(statuses.values())
    within = sorted(draw(st.tuples(*[st.integers(0, requests)] * 2)))
    return TrafficCount(
        requests=requests,
        errors=statuses.get("500", 0),
        latency_ms=draw(st.floats(1, 1000)) if requests else None,
        statuses=statuses,
        latencies=tuple(
            LatencyBucket(up_to_ms=bound, requests=n)
            for bound, n in zip((25.0, 50.0), within, strict=True)
        ),
        timed=requests,
    )


@settings(max_examples=counted(1000))
@given(before=traffic(), more=traffic())
def test_what_happened_since_is_what_was_added(before: TrafficCount, more: TrafficCount) -> None:
    found = since(before, added(before, more))

    assert found is not None
    assert (found.requests, found.errors, found.timed) == (more.requests, more.errors, more.timed)
    assert {c: n for c, n in found.statuses.items() if n} == {
        c: n for c, n in more.statuses.items() if n
    }
    assert found.latencies == more.latencies
    if more.latency_ms is not None:
        assert found.latency_ms == pytest.approx(more.latency_ms, rel=1e-6, abs=1e-6)


@settings(max_examples=counted(1000))
@given(before=traffic(), restarted=traffic())
def test_a_node_that_began_anew_is_noticed(before: TrafficCount, restarted: TrafficCount) -> None:
    fewer = attrs.evolve(restarted, requests=max(before.requests - 1, -1))

    assert since(before, fewer) is None or before.requests == 0
