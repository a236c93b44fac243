"""The sequential test: what it promises under health, and what it sees."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.events import GateVerdict
from kong_lts.monitoring import DEFAULT_GATES, Gate
from kong_lts.monitoring.evidence import Suspicion, Tally, more_at_most
from tests.conftest import counted
from tests.monitoring.simulated import HEALTHY, NOTHING, Site, verdicts

SAMPLE = 15_000
"""Requests on the new cluster, as the how-to says."""
DOUBLED = Site(statuses={**HEALTHY.statuses, "500": 0.02})
RAMP = (1, 5, 25, 50)


def test_fewer_than_1_in_100_healthy_ramps_alarm_falsely() -> None:
    chance, ramps = random.Random(1), counted(1000)
    alarms = 0
    for _ in range(ramps):
        before, failed = NOTHING, False
        for percent in (*RAMP, 100):
            said, whole = verdicts(
                chance, percent=percent, new_requests=SAMPLE, looks=20,
                gates=DEFAULT_GATES, before=before,
            )  # fmt: skip
            before = whole.current if percent < 100 else before
            failed |= GateVerdict.FAILED in said
        alarms += failed

    assert alarms < max(1, ramps / 100)


@pytest.mark.parametrize("percent", RAMP)
def test_a_doubled_error_rate_is_seen_in_95_of_100_ramps(percent: int) -> None:
    chance, ramps = random.Random(2), counted(1000)
    seen = 0
    for _ in range(ramps):
        said, _ = verdicts(
            chance, new=DOUBLED, percent=percent, new_requests=SAMPLE, looks=20, gates=(Gate(),)
        )
        seen += said == [GateVerdict.FAILED]

    assert seen >= 0.95 * ramps


@pytest.mark.parametrize(
    ("requests", "verdict"), [(20, GateVerdict.UNDECIDED), (20_000, GateVerdict.FAILED)]
)
def test_20_requests_do_not_decide_and_20_000_do(requests: int, verdict: GateVerdict) -> None:
    said, _ = verdicts(
        random.Random(3), new=DOUBLED, percent=50, new_requests=requests, looks=10, gates=(Gate(),)
    )

    assert said == [verdict]


@pytest.mark.parametrize(
    ("requests", "verdict"), [(20, GateVerdict.UNDECIDED), (20_000, GateVerdict.PASSED)]
)
def test_20_healthy_requests_do_not_pass_and_20_000_do(requests: int, verdict: GateVerdict) -> None:
    said, _ = verdicts(
        random.Random(4), percent=50, new_requests=requests, looks=10, gates=(Gate(),)
    )

    assert said == [verdict]


def test_a_failure_that_hits_both_clusters_at_once_moves_nothing() -> None:
    """Half of all requests fail in one interval of ten, on both sides alike."""
    suspicion = Suspicion()
    for interval in range(10):
        share = 0.5 if interval == 5 else 0.01
        suspicion = suspicion.beside(
            Tally(round(9500 * share), 9500), Tally(round(500 * share), 500)
        )

    assert suspicion.log_ratio < 0


@settings(max_examples=counted(1000))
@given(events=st.integers(0, 500), requests=st.integers(1, 500), share=st.floats(0.001, 0.999))
def test_more_events_are_never_less_suspicious(events: int, requests: int, share: float) -> None:
    events = min(events, requests - 1)
    current = Tally(50, 5000)

    def alone(n: int) -> float:
        return Suspicion().alone(Tally(n, requests), share).log_ratio

    def beside(n: int) -> float:
        return Suspicion().beside(current, Tally(n, requests)).log_ratio

    assert alone(events + 1) > alone(events)
    assert beside(events + 1) > beside(events)


@settings(max_examples=counted(300))
@given(new=st.integers(1, 1000), current=st.integers(1, 1000), events=st.integers(0, 12))
def test_under_health_the_mean_ratio_is_1(new: int, current: int, events: int) -> None:
    """Over all ways in which the events of one interval can fall, exactly."""
    chance = new / (new + current)
    mean = math.fsum(
        math.comb(events, hits) * chance**hits * (1 - chance) ** (events - hits)
        * math.exp(Suspicion().beside(Tally(events - hits, current), Tally(hits, new)).log_ratio)
        for hits in range(events + 1)
    )  # fmt: skip

    assert mean == pytest.approx(1.0)


def test_an_interval_without_one_of_the_clusters_says_nothing() -> None:
    for current, new in ((Tally(0, 0), Tally(9, 10)), (Tally(9, 10), Tally(0, 0))):
        assert Suspicion().beside(current, new) == Suspicion()


@settings(max_examples=counted(1000))
@given(events=st.integers(0, 10**6), requests=st.integers(1, 10**6))
def test_bounds_are_on_both_sides_of_what_was_seen(events: int, requests: int) -> None:
    tally = Tally(min(events, requests), requests)

    assert 0 <= tally.lower() <= tally.share <= tally.upper() <= tally.surely_at_most <= 1


def test_without_requests_nothing_is_known() -> None:
    nothing = Tally(0, 0)

    assert (nothing.share, nothing.lower(), nothing.upper()) == (0.0, 0.0, 1.0)
    assert more_at_most(nothing, nothing) == pytest.approx(1.0)


def test_the_difference_is_bounded_as_newcombe_says() -> None:
    """His first example: 56 of 70 against 48 of 80 gives 0.0524 to 0.3339, both sides at 95%."""
    assert more_at_most(Tally(48, 80), Tally(56, 70), 1.959964) == pytest.approx(0.3339, abs=5e-5)
