"""Figures of metrics in the names of either release, and the traffic count that they add up to."""

import functools
import math
from collections.abc import Mapping

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import MetricQuery, Quantity
from kong_lts.events import LatencyBucket, TrafficCount
from kong_lts.versions import Release

__all__ = ["Figures", "how_to_turn_on", "queries"]

_FIRST_ERROR = 500


@functools.cache
def queries(release: Release) -> Mapping[Quantity, MetricQuery]:
    """The query set of a release."""
    return {row.quantity: row for row in catalog.metric_queries() if row.release is release}


def how_to_turn_on() -> str:
    """What to write so that 3.4 has the families, as the catalog says."""
    rows = queries(Release.V3_4)
    requests, latency = rows[Quantity.REQUESTS], rows[Quantity.LATENCY]
    return (
        f"on 3.4 set config.{requests.off_by_default} = true (and {latency.off_by_default} for the"
        f" latency) in the prometheus plugin (rule {requests.turned_on_by}), and send a first"
        " request through a route"
    )


@attrs.define
class Figures:
    """Sums over series and nodes."""

    statuses: dict[str, float] = attrs.field(factory=dict)
    buckets: dict[float, float] = attrs.field(factory=dict)
    """Cumulative, by upper bound in ms; infinity holds all."""
    latency_ms: float = 0.0
    timed: float = 0.0

    def add_status(self, code: str, value: float) -> None:
        """Requests that were answered with a status."""
        if math.isfinite(value):
            self.statuses[code] = self.statuses.get(code, 0.0) + value

    def add_bucket(self, bound: str, value: float) -> None:
        """Requests that took so long at most; a bound that is no number is passed over."""
        try:
            up_to_ms = float(bound)
        except ValueError:
            return
        if math.isfinite(value) and not math.isnan(up_to_ms):
            self.buckets[up_to_ms] = self.buckets.get(up_to_ms, 0.0) + value

    def count(self) -> TrafficCount:
        """All of it as one value."""
        errors = (n for code, n in self.statuses.items() if _is_error(code))
        finite = sorted(bound for bound in self.buckets if math.isfinite(bound))
        return TrafficCount(
            requests=round(sum(self.statuses.values())),
            errors=round(sum(errors)),
            latency_ms=self.latency_ms / self.timed if self.timed else None,
            statuses={code: round(n) for code, n in sorted(self.statuses.items())},
            latencies=tuple(
                LatencyBucket(up_to_ms=bound, requests=round(self.buckets[bound]))
                for bound in finite
            ),
            timed=round(self.timed),
        )


def _is_error(code: str) -> bool:
    return code.isdecimal() and int(code) >= _FIRST_ERROR
