"""WatchMetrics: the gate after each diversion, and while somebody is asked for the next one."""

import math
from collections.abc import Iterator, Mapping

import attrs

from kong_lts.errors import RunCancelledError
from kong_lts.events import GateVerdict, Judged, Past, Watched, mixed_since
from kong_lts.findings import Finding, Severity
from kong_lts.monitoring.terms import WatchTerms
from kong_lts.monitoring.watching import Watch, before
from kong_lts.protocols import Adapters
from kong_lts.step import Effect, own_outcome, present

__all__ = ["WatchMetrics"]

_ENOUGH_TO_MEASURE = 1000
_NEAR_POINTS = 2.0
"""A split is measured of so many requests, and may be so far off, or 4 sigma, or the precision."""


@attrs.frozen(kw_only=True)
class WatchMetrics(WatchTerms):
    """Watch both clusters for a while; the ramp goes on only through open gates.

    A critical gate that fails leads the traffic back at once. One that is undecided prolongs the
    watch by `hold_s` at most; then the run stops, with the traffic where it is.

    Source:
        guide, Dual-cluster upgrade: "Actively monitor all proxy metrics".
    """

    @property
    def title(self) -> str:
        """What it does."""
        who = "both clusters" if self.needs_current else "the new cluster"
        if self.question:
            return f"{self.question}, and watch the metrics of {who} meanwhile"
        return f"Watch the metrics of {who} for {self.watch_s:g} s"

    @property
    def effect(self) -> Effect:
        """Traffic is led back where a gate fails."""
        return Effect(traffic=self.back_to_percent is not None)

    @property
    def needs(self) -> tuple[str, ...]:
        """The metrics of whoever serves, and what leads traffic back."""
        metrics = ("current.metrics", "new.metrics") if self.needs_current else ("new.metrics",)
        return metrics if self.back_to_percent is None else (*metrics, "load_balancer")

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The traffic is where the plan believes it to be, and a person can be asked meanwhile."""
        if self.question and not hasattr(adapters.approver, "peek"):
            yield self.obstacle(
                "not-watched-while-waiting",
                "The approver can only be asked by waiting for it: nobody watches meanwhile.",
                "Give it a method `peek`, or take an approver of kong_lts.adapters.",
                severity=Severity.WARNING,
            )
        if self.share_percent is None or adapters.load_balancer is None:
            return
        weight = adapters.load_balancer.weight()
        if weight not in (self.share_percent, self.back_to_percent):
            yield self.obstacle(
                "weight-unexpected",
                f"The load balancer sends {weight}% to the new cluster;"
                f" the plan expects {self.share_percent}%.",
                "Find out who changed it, set it back, then resume.",
            )

    def run(self, adapters: Adapters, past: Past) -> Watched:
        """Look, wait, look again; ends early where a gate fails.

        Traffic that an earlier watch of this step led back is diverted again first.

        Raises:
            RunCancelledError: Somebody cancelled the run meanwhile; the traffic is led back.
        """
        balancer, share = adapters.load_balancer, self.share_percent
        again = None
        if share is not None and balancer is not None and balancer.weight() != share:
            balancer.set_weight(share)
            again = adapters.clock.now()
        watch = Watch(
            terms=self,
            adapters=adapters,
            before=before(past, self.id),
            since=again or mixed_since(past),
        )
        watch.begin()
        try:
            end = watch.to_its_end()
        except RunCancelledError:
            self._lead_back(adapters)
            raise
        led_back = self._lead_back(adapters) if end.leads_back else None
        return attrs.evolve(
            end.watched,
            led_back_to_percent=led_back,
            diverted_at=again.isoformat() if again else "",
        )

    def _lead_back(self, adapters: Adapters) -> int | None:
        """The fast way back: no stage in between."""
        if self.back_to_percent is not None:
            balancer = present(adapters.load_balancer, "load_balancer", self.id)
            balancer.set_weight(self.back_to_percent)
        return self.back_to_percent

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """No gate stops the run, and whoever was asked has approved."""
        watched = own_outcome(past, self.id, Watched)
        if watched is None:
            yield self.obstacle("not-watched", "The metrics were not watched.", "Watch them.")
            return
        where = (
            "The traffic is where it was."
            if watched.led_back_to_percent is None
            else f"{watched.led_back_to_percent}% of the traffic is on the new cluster now."
        )
        if watched.refused:
            yield self.obstacle(
                "ramp-aborted",
                f"{watched.refused} {where}",
                "Roll back, or resume to go on with this stage.",
            )
        for judged in watched.judged:
            yield from self._said(judged, where)
        yield from self._split(adapters, watched)

    def _split(self, adapters: Adapters, watched: Watched) -> Iterator[Finding]:
        """Whether the clusters had their shares, by counting who answered."""
        requests, asked = watched.current.requests + watched.new.requests, self.share_percent
        if asked is None or not watched.new.requests or requests < _ENOUGH_TO_MEASURE:
            return
        precision = getattr(adapters.load_balancer, "precision_percent", 0.0)
        sigma = 100 * math.sqrt(asked / 100 * (1 - asked / 100) / requests)
        measured = 100 * watched.new.requests / requests
        if abs(measured - asked) > max(_NEAR_POINTS, 4 * sigma, precision):
            yield self.obstacle(
                "split-not-as-asked",
                f"Of {requests} requests {measured:.1f}% were answered by the new cluster,"
                f" not {asked}%.",
                "A load balancer that keeps clients on a side divides clients; otherwise look at"
                " what it does, and for clients that go around it.",
                severity=Severity.WARNING,
            )

    def _said(self, judged: Judged, where: str) -> Iterator[Finding]:
        rule = {
            GateVerdict.FAILED: "gate-shut",
            GateVerdict.UNDECIDED: "gate-undecided",
            GateVerdict.NO_DATA: "gate-no-data",
        }.get(judged.verdict)
        if rule is None or (not judged.stops and judged.verdict is not GateVerdict.FAILED):
            return
        told = judged.verdict is GateVerdict.FAILED
        yield self.obstacle(
            rule,
            f"The gate on {judged.gate} is {judged.verdict}: {judged.text}."
            f"{' ' + where if judged.stops else ''}",
            _ACTIONS[judged.verdict] if judged.stops else "Look at it; it stops nothing.",
            severity=Severity.BLOCKER if judged.stops else Severity.WARNING
            if told else Severity.INFO,
        )  # fmt: skip


_ACTIONS: Mapping[GateVerdict, str] = {
    GateVerdict.FAILED: "Roll back, which sends all traffic to the current cluster, and"
    " investigate; resume diverts this stage again.",
    GateVerdict.UNDECIDED: "Resume to watch on, or plan with gates that ask for less.",
    GateVerdict.NO_DATA: "See that both clusters give these metrics and that requests reach the"
    " new one; then resume.",
}
