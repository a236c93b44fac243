"""What was seen of both clusters: counts between two looks, and added up."""

from collections.abc import Mapping

import attrs

from kong_lts.events import LatencyBucket, TrafficCount
from kong_lts.monitoring.gates import Measure

__all__ = ["NOTHING", "Window", "added", "since"]

NOTHING = TrafficCount(requests=0, errors=0)


@attrs.frozen(kw_only=True)
class Window:
    """What was seen of both clusters in one interval, or in all of them."""

    current: TrafficCount
    new: TrafficCount
    before: TrafficCount
    """What the current cluster did earlier in the run, for when it serves no more."""
    counts: Mapping[Measure, int | None] = attrs.Factory(dict)
    """Router errors and data planes; None where they could not be looked at."""


def since(before: TrafficCount, now: TrafficCount) -> TrafficCount | None:
    """What happened between two counts; None where a node was restarted and began anew."""
    statuses = {code: n - before.statuses.get(code, 0) for code, n in now.statuses.items()}
    requests, errors = now.requests - before.requests, now.errors - before.errors
    timed = now.timed - before.timed
    past = {bucket.up_to_ms: bucket.requests for bucket in before.latencies}
    latencies = tuple(
        attrs.evolve(bucket, requests=bucket.requests - past.get(bucket.up_to_ms, 0))
        for bucket in now.latencies
    )
    if min([requests, errors, timed, *statuses.values(), *(b.requests for b in latencies)]) < 0:
        return None
    return TrafficCount(
        requests=requests,
        errors=errors,
        latency_ms=_mean(before, now),
        statuses=statuses,
        latencies=latencies,
        timed=timed,
    )


def _mean(before: TrafficCount, now: TrafficCount) -> float | None:
    """The mean latency of what came between two counts."""
    weights = (now.timed or now.requests, before.timed or before.requests)
    requests = weights[0] - weights[1]
    if now.latency_ms is None or requests <= 0:
        return None
    total = now.latency_ms * weights[0] - (before.latency_ms or 0.0) * weights[1]
    return max(total / requests, 0.0)


def added(one: TrafficCount, other: TrafficCount) -> TrafficCount:
    """Both together."""
    codes = sorted({*one.statuses, *other.statuses})
    bounds = {bucket.up_to_ms: bucket.requests for bucket in one.latencies}
    for bucket in other.latencies:
        bounds[bucket.up_to_ms] = bounds.get(bucket.up_to_ms, 0) + bucket.requests
    weights = [(c.latency_ms, c.timed or c.requests) for c in (one, other)]
    known = [(ms, n) for ms, n in weights if ms is not None and n]
    measured = sum(n for _, n in known)
    return TrafficCount(
        requests=one.requests + other.requests,
        errors=one.errors + other.errors,
        latency_ms=sum(ms * n for ms, n in known) / measured if measured else None,
        statuses={c: one.statuses.get(c, 0) + other.statuses.get(c, 0) for c in codes},
        latencies=tuple(
            LatencyBucket(up_to_ms=bound, requests=bounds[bound]) for bound in sorted(bounds)
        ),
        timed=one.timed + other.timed,
    )
