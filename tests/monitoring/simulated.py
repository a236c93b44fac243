"""Requests that are answered by chance, in the shares that a test gives."""

import random
from collections.abc import Mapping

import attrs

from kong_lts.events import GateVerdict, LatencyBucket, TrafficCount
from kong_lts.monitoring.counts import Window, added
from kong_lts.monitoring.gates import Gate
from kong_lts.monitoring.judging import judge_of

NOTHING = TrafficCount(requests=0, errors=0)
SLOWER = ((25.0, 0.4), (50.0, 0.2), (100.0, 0.04), (400.0, 0.008), (1000.0, 0.001))
"""Of a common site: how many requests are slower than each bound, in ms."""


@attrs.frozen
class Site:
    """What a cluster answers."""

    statuses: Mapping[str, float] = attrs.field(
        factory=lambda: {"500": 0.01, "401": 0.005, "403": 0.002, "404": 0.02, "429": 0.003}
    )
    slower: tuple[tuple[float, float], ...] = SLOWER

    def answers(self, chance: random.Random, requests: int) -> TrafficCount:
        """What comes back to some requests."""
        statuses = {code: binomial(chance, requests, p) for code, p in self.statuses.items()}
        latencies, left, before = [], requests, 1.0
        for bound, share in self.slower:
            left = binomial(chance, left, share / before)
            latencies.append(LatencyBucket(up_to_ms=bound, requests=requests - left))
            before = share
        return TrafficCount(
            requests=requests,
            errors=statuses.get("500", 0),
            statuses={"200": requests - sum(statuses.values()), **statuses},
            latencies=tuple(latencies),
            timed=requests,
        )


HEALTHY = Site()


def binomial(chance: random.Random, trials: int, p: float) -> int:
    """How many of some trials succeed; of many, as near as a normal distribution is."""
    if (variance := trials * p * (1 - p)) > 50:
        return min(max(round(chance.gauss(trials * p, variance**0.5)), 0), trials)
    return (
        sum(chance.random() < p for _ in range(trials))
        if trials < 200
        else _rare(chance, trials, p)
    )


def _rare(chance: random.Random, trials: int, p: float) -> int:
    """Gaps between successes are exponential, as near as matters to small shares."""
    count, at = 0, chance.expovariate(p) if p else trials
    while at < trials:
        count += 1
        at += chance.expovariate(p)
    return count


def verdicts(
    chance: random.Random,
    *,
    new: Site = HEALTHY,
    current: Site = HEALTHY,
    percent: int,
    new_requests: int,
    looks: int,
    gates: tuple[Gate, ...],
    before: TrafficCount = NOTHING,
) -> tuple[list[GateVerdict], Window]:
    """What each gate says of a watch, at its end or where the first of them fails."""
    judges = [judge_of(gate) for gate in gates]
    whole = Window(current=NOTHING, new=NOTHING, before=before)
    said: list[GateVerdict] = []
    for look in range(1, looks + 1):
        to_new = new_requests // looks
        to_current = to_new * (100 - percent) // percent
        interval = Window(
            current=current.answers(chance, to_current),
            new=new.answers(chance, to_new),
            before=before,
        )
        whole = Window(
            current=added(whole.current, interval.current),
            new=added(whole.new, interval.new),
            before=before,
        )
        for judge in judges:
            judge.see(interval)
        said = [judge.judge(whole, final=look == looks).verdict for judge in judges]
        if GateVerdict.FAILED in said:
            break
    return said, whole
