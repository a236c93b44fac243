"""Watching the metrics of both clusters, and the gates that stop a ramp."""

from collections.abc import Iterator

import attrs
from attrs.validators import ge

from kong_lts.events import Past, TrafficCount, Watched
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Metrics
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["Gate", "WatchMetrics"]

_POLL_S = 10.0


def _float_or_none(value: float | None) -> float | None:
    """One form of a number, so that a plan has one fingerprint."""
    return None if value is None else float(value)


@attrs.frozen(kw_only=True)
class Gate:
    """What the new cluster must keep to while it is watched."""

    max_error_ratio: float = attrs.field(default=0.01, converter=float, validator=ge(0))
    """Answers of 500 and more by requests, above what the current cluster has."""
    max_latency_factor: float | None = attrs.field(default=None, converter=_float_or_none)
    """Mean time to answer, by that of the current cluster; None asks for nothing."""
    min_requests: int = attrs.field(default=1, validator=ge(0))
    """Fewer than this on the new cluster prove nothing, so the gate stays shut."""

    def faults(self, watched: Watched) -> Iterator[str]:
        """What keeps this gate shut."""
        current, new = watched.current, watched.new
        if new.requests < self.min_requests:
            yield f"only {new.requests} requests were seen on it, {self.min_requests} are needed"
            return
        if new.error_ratio > current.error_ratio + self.max_error_ratio:
            yield (
                f"{new.errors} of {new.requests} requests failed ({new.error_ratio:.2%});"
                f" on the current cluster {current.error_ratio:.2%}"
            )
        factor = self.max_latency_factor
        if factor is None or not current.latency_ms or new.latency_ms is None:
            return
        if new.latency_ms > factor * current.latency_ms:
            yield (
                f"it answers in {new.latency_ms:.0f} ms on average,"
                f" the current cluster in {current.latency_ms:.0f} ms"
            )


@attrs.frozen(kw_only=True)
class WatchMetrics(PlannedStep):
    """Watch both clusters for a while; the ramp goes on only through open gates.

    Source:
        guide, Dual-cluster upgrade: "Actively monitor all proxy metrics".
    """

    watch_s: float = attrs.field(converter=float, validator=ge(0))
    gates: tuple[Gate, ...] = attrs.field(default=(Gate(),), converter=tuple[Gate, ...])
    needs_current: bool = True
    """Whether the current cluster still serves and is compared with."""

    @property
    def title(self) -> str:
        """What it does."""
        who = "both clusters" if self.needs_current else "the new cluster"
        return f"Watch the metrics of {who} for {self.watch_s:g} s"

    @property
    def needs(self) -> tuple[str, ...]:
        """The metrics of whoever serves."""
        return ("current.metrics", "new.metrics") if self.needs_current else ("new.metrics",)

    def run(self, adapters: Adapters, past: Past) -> Watched:
        """Count, wait, count again; ends early once a gate that has data is shut."""
        new = present(adapters.new.metrics, "new.metrics", self.id)
        current = adapters.current.metrics if self.needs_current else _Nobody()
        current = present(current, "current.metrics", self.id)
        before = current.count(), new.count()
        watched_s = 0.0
        while True:
            pause_s = min(_POLL_S, self.watch_s - watched_s)
            adapters.clock.sleep(pause_s)
            watched_s += pause_s
            watched = Watched(
                watched_s=watched_s,
                current=_since(before[0], current),
                new=_since(before[1], new),
            )
            if watched_s >= self.watch_s or self._broken(watched):
                return watched

    def _broken(self, watched: Watched) -> bool:
        return any(
            watched.new.requests >= gate.min_requests and any(gate.faults(watched))
            for gate in self.gates
        )

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every gate is open."""
        watched = own_outcome(past, self.id, Watched)
        if watched is None:
            yield self.obstacle("not-watched", "The metrics were not watched.", "Watch them.")
            return
        for gate in self.gates:
            for fault in gate.faults(watched):
                yield self.obstacle(
                    "gate-shut",
                    f"The new cluster does not pass: {fault}.",
                    "Roll back, which sends all traffic to the current cluster, and investigate.",
                )


class _Nobody:
    """The metrics of a cluster that is not there any more."""

    def count(self) -> TrafficCount:
        return TrafficCount(requests=0, errors=0)


def _since(before: TrafficCount, metrics: Metrics) -> TrafficCount:
    """What happened since the first count; a node that was restarted counts from zero again."""
    now = metrics.count()
    if now.requests < before.requests:
        return now
    requests = now.requests - before.requests
    latency_ms = None
    if requests and now.latency_ms is not None:
        total = now.latency_ms * now.requests - (before.latency_ms or 0.0) * before.requests
        latency_ms = total / requests
    errors = max(now.errors - before.errors, 0)
    return TrafficCount(requests=requests, errors=errors, latency_ms=latency_ms)
