"""One thing is done to many, a few at once, and nobody is taken before his turn."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_lts.fan_out import fan_out
from tests.conftest import NIGHTLY, counted

LATENCY_S = 0.05


@attrs.define
class Count:
    """How many are at work, and the most that ever were."""

    now: int = 0
    most: int = 0
    lock: threading.Lock = attrs.Factory(threading.Lock)

    def __call__(self, item: int) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.002)
        with self.lock:
            self.now -= 1
        return item * 2


@given(count=st.integers(0, 30), at_once=st.integers(1, 8))
def test_each_is_done_once_and_no_more_at_once_than_asked_for(count: int, at_once: int) -> None:
    act = Count()

    found = sorted(
        (i, future.result()) for i, future in fan_out(act, range(count), at_once=at_once)
    )

    assert found == [(n, n * 2) for n in range(count)]
    assert act.most <= at_once


def test_no_item_is_taken_before_it_can_be_begun() -> None:
    taken = []

    def items() -> Iterator[int]:
        for n in range(1000):
            taken.append(n)
            yield n

    coming = fan_out(abs, items(), at_once=3)
    next(coming)

    assert len(taken) == 3
    coming.close()


def test_what_fails_is_in_its_future_and_stops_nobody_else() -> None:
    found = {n: future.exception() for n, future in fan_out(lambda n: 1 // n, [0, 1, 2], at_once=2)}

    assert isinstance(found.pop(0), ZeroDivisionError)
    assert found == {1: None, 2: None}


def test_once_told_to_stop_it_begins_nothing_more() -> None:
    seen: list[int] = []

    for n, _ in fan_out(abs, range(100), at_once=4, go_on=lambda: not seen):
        seen.append(n)

    assert sorted(seen) == [0, 1, 2, 3]


def test_told_to_stop_before_it_begins_it_does_nothing() -> None:
    assert list(fan_out(abs, [1], at_once=1, go_on=lambda: False)) == []


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_any_executor_will_do(kind: type[ThreadPoolExecutor]) -> None:
    with kind(2) as executor:
        found = {n: f.result() for n, f in fan_out(abs, [-1, -2], at_once=2, executor=executor)}

        assert found == {-1: 1, -2: 2}
        assert executor.submit(abs, -3).result() == 3  # it is its owner's, and stays open


def test_two_thousand_data_planes_behind_latency_take_little_more_than_the_ideal() -> None:
    """In the normal run a tenth of them, and a generous limit, since others work here too."""
    count, at_once = counted(2000), 100
    start = time.monotonic()

    done = sum(1 for _ in fan_out(lambda _: time.sleep(LATENCY_S), range(count), at_once=at_once))

    ideal_s = count / at_once * LATENCY_S
    assert done == count
    assert time.monotonic() - start < ideal_s * (1.3 if NIGHTLY else 5)
