"""Clients that ask all the time, and what a ramp looks like to them."""

import http.client
import math
import threading
import time
from collections.abc import Callable, Sequence

import attrs

from kong_lts.deployment import Side
from kong_lts.protocols import LoadBalancer

RAMP = (0, 1, 5, 25, 50, 100, 50, 25, 5, 1, 0)
REQUESTS = 20_000
CLIENTS = 4
PAUSE_S = 0.001
LONGEST_S = 240.0
MOST = 100_000
"""Seconds and requests after which a load stops by itself."""

Where = Callable[[], tuple[str, int]]


@attrs.define
class Load:
    """Sends requests from several threads, for as long as the `with` block lasts.

    Args:
        where: Host and port of the next request, asked anew for each connection.
        keep_alive: Whether a client keeps its connection.
    """

    where: Where
    keep_alive: bool = False
    answers: list[tuple[float, str]] = attrs.field(factory=list, init=False)
    """When each request was begun, and who answered."""
    failures: list[str] = attrs.field(factory=list, init=False)
    _stop: threading.Event = attrs.field(factory=threading.Event, init=False)
    _threads: list[threading.Thread] = attrs.field(factory=list, init=False)

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def since(self, start: float, count: int) -> list[str]:
        """Who answered the next *count* requests that were begun after *start*."""
        while not self._stop.is_set():
            found = [who for begun, who in list(self.answers) if begun >= start]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"the load stopped; failures: {self.failures[:5]}")

    def _ask_on(self) -> None:
        connection: http.client.HTTPConnection | None = None
        end = time.monotonic() + LONGEST_S
        while not self._stop.wait(PAUSE_S):
            if time.monotonic() > end or len(self.answers) + len(self.failures) > MOST:
                self._stop.set()
                break
            begun = time.monotonic()
            try:
                connection = connection or http.client.HTTPConnection(*self.where(), timeout=10)
                self.answers.append((begun, self._ask(connection)))
            except (OSError, http.client.HTTPException, AssertionError) as exc:
                self.failures.append(f"{type(exc).__name__}: {exc}")
                connection = _close(connection)
            if not self.keep_alive:
                connection = _close(connection)
        _close(connection)

    def _ask(self, connection: http.client.HTTPConnection) -> str:
        connection.request("GET", "/", headers={} if self.keep_alive else {"Connection": "close"})
        with connection.getresponse() as response:
            body = response.read().decode()
            assert response.status == 200, f"status {response.status}: {body[:80]}"
            return body


@attrs.frozen
class Stage:
    """One stage of a ramp: what was asked for, and what came."""

    percent: int
    requests: int
    measured: float
    bound: float
    """How far off it may be: the largest of 2 points, 4 sigma and what the balancer declares."""


def ramp(
    balancer: LoadBalancer, load: Load, *, requests: int, precision_percent: float
) -> list[Stage]:
    """Up the ramp and down again, each stage until enough requests have been answered."""
    return [
        stage(balancer, load, percent, requests // len(RAMP), precision_percent) for percent in RAMP
    ]


def stage(
    balancer: LoadBalancer, load: Load, percent: int, requests: int, precision_percent: float
) -> Stage:
    """Set a share, and count who answers what is asked from then on."""
    balancer.set_weight(percent)
    assert balancer.weight() == percent
    who = load.since(time.monotonic(), requests)
    sigma = 100 * math.sqrt(percent / 100 * (1 - percent / 100) / len(who))
    return Stage(
        percent,
        len(who),
        100 * who.count(Side.NEW) / len(who),
        max(2, 4 * sigma, precision_percent),
    )


def check(stages: Sequence[Stage], load: Load) -> None:
    """Nothing failed, and every split is near enough."""
    for each in stages:
        print(f"{each.percent:3}% -> {each.measured:6.2f}% of {each.requests}")  # noqa: T201 - figures
    print(f"{len(load.answers)} answers, {len(load.failures)} failures")  # noqa: T201 - figures
    assert load.failures == []
    assert [s for s in stages if abs(s.measured - s.percent) > s.bound] == []


def _close(connection: http.client.HTTPConnection | None) -> http.client.HTTPConnection | None:
    """No connection, so that the next request has a new one."""
    if connection is not None:
        connection.close()
    return None
