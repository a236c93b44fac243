"""WatchMetrics: the gate after each diversion, and while somebody is asked for the next one."""

import math
from collections.abc import Callable, Iterator, Mapping

import attrs
from attrs.validators import ge, le, optional

from kong_lts.errors import AdapterError, MetricsError, RunCancelledError
from kong_lts.events import GateVerdict, Judged, Past, TrafficCount, Watched
from kong_lts.findings import Finding, Severity
from kong_lts.monitoring.gates import DEFAULT_GATES, Gate, Measure, NoData
from kong_lts.monitoring.judging import Judge, Window, added, judge_of, since
from kong_lts.monitoring.lookout import not_in_sync, router_errors
from kong_lts.protocols import Adapters, Decision, Metrics, Question
from kong_lts.step import Effect, PlannedStep, own_outcome, present

__all__ = ["WatchMetrics"]

_BLIND_LOOKS = 3
"""Looks in a row without readable metrics, after which nobody waits for data any more."""
_ENOUGH_TO_MEASURE = 1000
_NEAR_POINTS = 2.0
"""A split is measured of so many requests, and may be so far off, or 4 sigma, or the precision."""
_NOTHING = TrafficCount(requests=0, errors=0)


@attrs.frozen(kw_only=True)
class WatchMetrics(PlannedStep):
    """Watch both clusters for a while; the ramp goes on only through open gates.

    A critical gate that fails leads the traffic back at once. One that is undecided prolongs the
    watch by `hold_s` at most; then the run stops, with the traffic where it is.

    Source:
        guide, Dual-cluster upgrade: "Actively monitor all proxy metrics".
    """

    watch_s: float = attrs.field(converter=float, validator=ge(0))
    """How long, at least."""
    hold_s: float = attrs.field(default=3600.0, converter=float, validator=ge(0))
    """How much longer where a gate is undecided."""
    interval_s: float = attrs.field(default=10.0, converter=float, validator=ge(0.1))
    """How often the gates look."""
    gates: tuple[Gate, ...] = attrs.field(default=DEFAULT_GATES, converter=tuple[Gate, ...])
    """All of them are looked at each time."""
    needs_current: bool = True
    """Whether the current cluster still serves and is compared with."""
    share_percent: int | None = attrs.field(default=None, validator=optional([ge(0), le(100)]))
    """The share of the new cluster meanwhile; None where no load balancer is asked."""
    back_to_percent: int | None = attrs.field(default=None, validator=optional([ge(0), le(100)]))
    """Where a failed gate leads the traffic back to; None where it stays."""
    question: str = ""
    """What a person is asked meanwhile; the watch lasts until there is an answer."""
    error_log: str | None = None
    """Path of the error log on each new node, for `Measure.ROUTER_ERRORS`."""

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
        if share is not None and balancer is not None and balancer.weight() != share:
            balancer.set_weight(share)
        watch = _Watch(step=self, adapters=adapters, before=_before(past, self.id))
        watch.begin()
        try:
            end = watch.to_its_end()
        except RunCancelledError:
            self._lead_back(adapters)
            raise
        led_back = self._lead_back(adapters) if end.leads_back else None
        return attrs.evolve(end.watched, led_back_to_percent=led_back)

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


def _before(past: Past, own_id: str) -> TrafficCount:
    """What the current cluster did in all earlier watches of the run."""
    total = _NOTHING
    for step, outcome in past.items():
        if step != own_id and isinstance(outcome, Watched):
            total = added(total, outcome.current)
    return total


@attrs.frozen
class _End:
    watched: Watched
    leads_back: bool


@attrs.define(kw_only=True)
class _Watch:
    """One watch while it lasts."""

    step: WatchMetrics
    adapters: Adapters
    before: TrafficCount
    _judges: tuple[Judge, ...] = attrs.field(init=False)
    _last: tuple[TrafficCount, TrafficCount] = attrs.field(init=False, default=(_NOTHING,) * 2)
    _whole: Window = attrs.field(init=False)
    _watched_s: float = attrs.field(init=False, default=0.0)
    _blind: int = attrs.field(init=False, default=0)
    _why_blind: str = attrs.field(init=False, default="")
    _errors_before: int | None = attrs.field(init=False, default=None)

    def begin(self) -> None:
        """The first look, from which on everything counts."""
        self._judges = tuple(judge_of(gate) for gate in self.step.gates)
        self._whole = Window(current=_NOTHING, new=_NOTHING, before=self.before)
        self._last = self._count()
        if self._asks_for(Measure.ROUTER_ERRORS):
            self._errors_before = self._router_errors()

    def to_its_end(self) -> _End:
        """Look until the watch is over."""
        while (end := self._look()) is None:
            continue
        return end

    def _look(self) -> _End | None:
        """Wait for an interval and judge; None where the watch goes on."""
        left_s = max(self.step.watch_s - self._watched_s, 0.0)
        pause_s = min(self.step.interval_s, left_s) or self.step.interval_s
        self.adapters.clock.sleep(pause_s)
        self._watched_s += pause_s
        self._see()
        over = self._watched_s >= self.step.watch_s
        judged = tuple(judge.judge(self._whole, final=over) for judge in self._judges)
        if any(j.stops and j.verdict is GateVerdict.FAILED for j in judged):
            return self._end(judged, None, "")
        if self._blind >= _BLIND_LOOKS and self._must_lead_back(judged):
            return self._end(judged, None, f"The metrics cannot be read: {self._why_blind}.")
        return self._asked(judged) if self.step.question else self._baked(judged, over=over)

    def _baked(self, judged: tuple[Judged, ...], *, over: bool) -> _End | None:
        """Whether the time is over, and everything is decided or nobody waits any longer."""
        waits = any(j.stops for j in judged)
        if not over or (waits and self._watched_s < self.step.watch_s + self.step.hold_s):
            return None
        return self._end(judged, None, "")

    def _asked(self, judged: tuple[Judged, ...]) -> _End | None:
        """Whether the person has answered; what is undecided was judged by the watch before."""
        question = Question(
            step=self.step.id,
            title=self.step.question,
            instructions="Look at what the gates have seen so far:\n"
            + "\n".join(f"- {j.gate}: {j.verdict} ({j.text})" for j in judged),
        )
        approver = self.adapters.approver
        peek = getattr(approver, "peek", approver.ask)
        decision: Decision | None = peek(question)
        if decision is None:
            return None
        settled = tuple(attrs.evolve(j, stops=False) for j in judged)
        if decision.approved:
            return self._end(settled, decision, "")
        return self._end(settled, decision, f"{decision.by} said no. {decision.note}".strip())

    def _end(self, judged: tuple[Judged, ...], by: Decision | None, refused: str) -> _End:
        failed = any(j.stops and j.verdict is GateVerdict.FAILED for j in judged)
        leads_back = bool(refused) or failed or self._must_lead_back(judged)
        if failed:  # the others had no time to decide
            judged = tuple(
                attrs.evolve(j, stops=j.stops and j.verdict is GateVerdict.FAILED) for j in judged
            )
        watched = Watched(
            watched_s=round(self._watched_s, 6),
            current=self._whole.current,
            new=self._whole.new,
            judged=judged,
            answered_by=by.by if by else "",
            refused=refused,
        )
        return _End(watched, leads_back)

    def _must_lead_back(self, judged: tuple[Judged, ...]) -> bool:
        """Whether a gate without data wants the traffic led back."""
        pairs = zip(self.step.gates, judged, strict=bool(judged))
        return any(
            j.stops
            and gate.no_data is NoData.ROLL_BACK
            and (j.verdict is GateVerdict.NO_DATA or self._blind >= _BLIND_LOOKS)
            for gate, j in pairs
        )

    # --- looking --------------------------------------------------------------------------------

    def _see(self) -> None:
        """Add what happened since the last look; without readable metrics there is nothing."""
        try:
            now = self._count()
        except MetricsError as exc:
            self._blind, self._why_blind = self._blind + 1, str(exc)
            return
        self._blind = 0
        current, new = (since(*pair) for pair in zip(self._last, now, strict=True))
        self._last = now
        if current is None or new is None:  # a node was restarted: what it did before is not known
            return
        interval = Window(current=current, new=new, before=self.before)
        for judge in self._judges:
            judge.see(interval)
        self._whole = Window(
            current=added(self._whole.current, current),
            new=added(self._whole.new, new),
            before=self.before,
            counts=self._counts(),
        )

    def _count(self) -> tuple[TrafficCount, TrafficCount]:
        """Both clusters at the same moment."""
        step = self.step
        new = present(self.adapters.new.metrics, "new.metrics", step.id)
        current: Metrics | None = self.adapters.current.metrics
        if not step.needs_current:
            return _NOTHING, new.count()
        return present(current, "current.metrics", step.id).count(), new.count()

    def _counts(self) -> Mapping[Measure, int | None]:
        found: dict[Measure, int | None] = {}
        if self._asks_for(Measure.ROUTER_ERRORS):
            now, then = self._router_errors(), self._errors_before
            # A rotated log has fewer lines than before: then all of them are new.
            found[Measure.ROUTER_ERRORS] = (
                None if now is None or then is None else now - then if now >= then else now
            )
        if self._asks_for(Measure.DATA_PLANES):
            found[Measure.DATA_PLANES] = _or_none(lambda: not_in_sync(self.adapters.new))
        return found

    def _asks_for(self, measure: Measure) -> bool:
        return any(gate.measure is measure for gate in self.step.gates)

    def _router_errors(self) -> int | None:
        log = self.step.error_log
        return None if log is None else _or_none(lambda: router_errors(self.adapters.new, log))


def _or_none(look: Callable[[], int]) -> int | None:
    """What a look shows, None where it cannot be had."""
    try:
        return look()
    except AdapterError:
        return None
