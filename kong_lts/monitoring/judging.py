"""Judging a watch: each gate weighs what both clusters did, interval by interval."""

import math
from collections.abc import Iterable
from typing import Protocol

import attrs

from kong_lts.events import GateVerdict, Judged, TrafficCount
from kong_lts.monitoring.counts import Window
from kong_lts.monitoring.evidence import Suspicion, Tally, more_at_most
from kong_lts.monitoring.gates import Gate, Measure

__all__ = ["CountJudge", "Judge", "ShareJudge", "judge_of"]

_PATIENCE = {Measure.DATA_PLANES: 6}
"""So many looks may see some: a data plane tells what it has with its next ping, every 30 s."""
_ALONE_BELOW = 50
"""With less than 1 / 50 of the new cluster's requests, the current one is no comparison."""


class Judge(Protocol):
    """One gate within one watch."""

    @property
    def gate(self) -> Gate: ...

    def see(self, interval: Window) -> None:
        """Weigh one more interval."""

    def judge(self, whole: Window, *, final: bool) -> Judged:
        """What it says of the watch so far; nothing passes before it is final."""


def judge_of(gate: Gate) -> Judge:
    """The judge for a gate."""
    if gate.measure in (Measure.ROUTER_ERRORS, Measure.DATA_PLANES):
        return CountJudge(gate)
    return ShareJudge(gate)


def _judged(gate: Gate, verdict: GateVerdict, text: str) -> Judged:
    counts = not gate.dry_run and gate.critical
    stops = {
        GateVerdict.PASSED: False,
        GateVerdict.FAILED: counts,
        GateVerdict.UNDECIDED: counts,
        GateVerdict.NO_DATA: gate.must_have_data and not gate.dry_run,
    }
    return Judged(gate=gate.name, verdict=verdict, text=text, stops=stops[verdict])


@attrs.define
class CountJudge:
    """Of what there must be none."""

    gate: Gate
    _bad: int = attrs.field(default=0, init=False)
    """How many looks in a row have seen some."""

    def see(self, interval: Window) -> None:
        """Only the whole counts."""

    def judge(self, whole: Window, *, final: bool) -> Judged:
        count = whole.counts.get(self.gate.measure)
        if count is None:
            return _judged(self.gate, GateVerdict.NO_DATA, "it could not be looked at")
        self._bad = self._bad + 1 if count else 0
        if self._bad > _PATIENCE.get(self.gate.measure, 0):
            return _judged(self.gate, GateVerdict.FAILED, f"{count} on the new cluster")
        verdict = GateVerdict.PASSED if final and not count else GateVerdict.UNDECIDED
        return _judged(self.gate, verdict, f"{count or 'none'} on the new cluster")


@attrs.define
class ShareJudge:
    """Of what both clusters have a share."""

    gate: Gate
    _compared: dict[float, Suspicion] = attrs.field(factory=dict, init=False)
    """By upper bound of the latency; infinity where the gate is about a status."""
    _limited: dict[float, Suspicion] = attrs.field(factory=dict, init=False)

    def see(self, interval: Window) -> None:
        for bound in self._bounds(interval):
            new = self._tally(interval.new, bound)
            if new is None or not new.requests:
                continue
            current = self._tally(interval.current, bound) or Tally(0, 0)
            so_far = self._compared.get(bound, Suspicion())
            if current.requests * _ALONE_BELOW < new.requests:
                so_far = so_far.alone(new, self._expected(interval, bound))
            else:
                so_far = so_far.beside(current, new)
            self._compared[bound] = so_far
            if self.gate.max_share is not None:
                limited = self._limited.get(bound, Suspicion())
                self._limited[bound] = limited.alone(new, self.gate.max_share)

    def judge(self, whole: Window, *, final: bool) -> Judged:
        bound = self._bound(whole)
        new = None if bound is None else self._tally(whole.new, bound)
        if bound is None or new is None or not new.requests:
            return _judged(self.gate, GateVerdict.NO_DATA, self._absence(whole))
        current = self._reference(whole, bound, new)
        text = self._text(bound, current, new)
        if self._fails(whole, bound, current, new):
            return _judged(self.gate, GateVerdict.FAILED, text)
        if final and self._passes(current, new):
            return _judged(self.gate, GateVerdict.PASSED, text)
        return _judged(self.gate, GateVerdict.UNDECIDED, text)

    # --- what is compared -----------------------------------------------------------------------

    def _bounds(self, window: Window) -> Iterable[float]:
        """Every latency at which both clusters can be compared."""
        if self.gate.measure is not Measure.LATENCY:
            return (math.inf,)
        known = {bucket.up_to_ms for bucket in window.new.latencies}
        others = window.current if window.current.timed else window.before
        return sorted(known & {bucket.up_to_ms for bucket in others.latencies})

    def _bound(self, whole: Window) -> float | None:
        """The first common bound that is `max_factor` times the current quantile, or more."""
        if self.gate.measure is not Measure.LATENCY:
            return math.inf
        bounds = list(self._bounds(whole))
        known = whole.current if whole.current.timed else whole.before
        within = {bucket.up_to_ms: bucket.requests for bucket in known.latencies}
        for quantile in bounds:
            if within[quantile] >= self.gate.quantile * known.timed:
                wanted = quantile * self.gate.max_factor
                return next((bound for bound in bounds if bound >= wanted), None)
        return None

    def _tally(self, count: TrafficCount, bound: float) -> Tally | None:
        """Events and requests of one cluster; None where its metrics do not tell."""
        if self.gate.measure is Measure.ERRORS:
            return Tally(count.errors, count.requests)
        if self.gate.measure is Measure.LATENCY:
            within = {bucket.up_to_ms: bucket.requests for bucket in count.latencies}
            return Tally(count.timed - within[bound], count.timed) if bound in within else None
        if not count.statuses:
            return None
        return Tally(count.statuses.get(self.gate.measure, 0), count.requests)

    def _reference(self, whole: Window, bound: float, new: Tally) -> Tally:
        """What the new cluster is compared with: the current one, now or before."""
        current = self._tally(whole.current, bound) or Tally(0, 0)
        if current.requests * _ALONE_BELOW >= new.requests:
            return current
        return self._tally(whole.before, bound) or Tally(0, 0)

    def _expected(self, window: Window, bound: float) -> float:
        """The share that a healthy cluster has at most, where none is there to compare with."""
        before = self._tally(window.before, bound)
        if before is None or not before.requests:
            return self.gate.max_share_alone
        return before.surely_at_most

    # --- what it says ---------------------------------------------------------------------------

    def _fails(self, whole: Window, bound: float, current: Tally, new: Tally) -> bool:
        looked_at = max(1, len(list(self._bounds(whole))))
        proof = math.log(2 * looked_at / self.gate.false_alarms)
        if self._limited.get(bound, Suspicion()).log_ratio >= proof:
            return True
        if self._compared.get(bound, Suspicion()).log_ratio < proof:
            return False
        if self.gate.measure is Measure.LATENCY:
            return new.share > 1 - self.gate.quantile
        if not current.requests:
            return True
        more = new.share - current.share
        return more > self.gate.max_more and new.share > self.gate.max_factor * current.share

    def _passes(self, current: Tally, new: Tally) -> bool:
        gate = self.gate
        if new.requests < gate.min_requests:
            return False
        if gate.max_share is not None and new.upper() > 2 * gate.max_share:
            return False
        if not current.requests:
            return new.upper() <= gate.max_share_alone
        allowed = max(gate.max_more, current.share)
        if gate.measure is Measure.LATENCY:
            allowed = max(allowed, 1 - gate.quantile)
        return more_at_most(current, new) <= allowed

    def _text(self, bound: float, current: Tally, new: Tally) -> str:
        what = self.gate.measure.value
        if self.gate.measure is Measure.LATENCY:
            what = f"slower than {bound:g} ms"
        beside = f"on the current cluster {_shown(current)}" if current.requests else "nothing"
        return f"{what}: {_shown(new)}, beside {beside}"

    def _absence(self, whole: Window) -> str:
        if not whole.new.requests:
            return "no requests were seen on the new cluster"
        if self.gate.measure is Measure.LATENCY:
            return "both clusters have no latency that could be compared"
        return "the metrics have no requests by status"


def _shown(tally: Tally) -> str:
    return f"{tally.events} of {tally.requests} requests ({tally.share:.2%})"
