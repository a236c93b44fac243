"""One watch while it lasts: look, wait, judge, and look again."""

from datetime import datetime

import attrs

from kong_lts.events import GateVerdict, Judged, Past, TrafficCount, Watched
from kong_lts.monitoring.counts import NOTHING, Window, added
from kong_lts.monitoring.gates import NoData, WindowEnd
from kong_lts.monitoring.judging import Judge, judge_of
from kong_lts.monitoring.looking import Sight
from kong_lts.monitoring.terms import WatchTerms
from kong_lts.protocols import Adapters, Decision, Question

__all__ = ["End", "Watch", "before"]


def before(past: Past, own_id: str) -> TrafficCount:
    """What the current cluster did in all earlier watches of the run."""
    total = NOTHING
    for step, outcome in past.items():
        if step != own_id and isinstance(outcome, Watched):
            total = added(total, outcome.current)
    return total


@attrs.frozen
class End:
    """How a watch ended."""

    watched: Watched
    leads_back: bool


@attrs.define(kw_only=True)
class Watch:
    """One watch while it lasts."""

    terms: WatchTerms
    adapters: Adapters
    before: TrafficCount
    """What the current cluster did earlier in the run."""
    since: datetime | None = None
    """When both clusters began to serve, where that is known."""
    _sight: Sight = attrs.field(init=False)
    _judges: tuple[Judge, ...] = attrs.field(init=False)
    _watched_s: float = attrs.field(init=False, default=0.0)
    _may_last: bool = attrs.field(init=False, default=False)
    """Whether a person has said that this watch may go on though the mixed window is over."""

    def begin(self) -> None:
        """The first look, from which on everything counts."""
        self._judges = tuple(judge_of(gate) for gate in self.terms.gates)
        nothing = Window(current=NOTHING, new=NOTHING, before=self.before)
        self._sight = Sight(terms=self.terms, adapters=self.adapters, whole=nothing)
        self._sight.begin()

    def to_its_end(self) -> End:
        """Look until the watch is over."""
        while (end := self._look()) is None:
            continue
        return end

    def _look(self) -> End | None:
        """Wait for an interval and judge; None where the watch goes on."""
        judged = self._judged()
        if any(j.stops and j.verdict is GateVerdict.FAILED for j in judged):
            return self._end(judged, None, "")
        if self._sight.is_blind and self._must_lead_back(judged):
            why = self._sight.why_blind
            return self._end(judged, None, f"The metrics cannot be read: {why}.")
        if self._is_overdue() and self.terms.window_end is WindowEnd.ROLL_BACK:
            return self._end(_settled(judged), None, f"{self._overdue}.")
        if self.terms.question:
            return self._asked(judged)
        if self._is_overdue() and not self._may_last:
            return self._prolonged(judged)
        return self._baked(judged)

    def _judged(self) -> tuple[Judged, ...]:
        """What the gates say after one more interval."""
        left_s = max(self.terms.watch_s - self._watched_s, 0.0)
        pause_s = min(self.terms.interval_s, left_s) or self.terms.interval_s
        self.adapters.clock.sleep(pause_s)
        self._watched_s += pause_s
        if (interval := self._sight.look()) is not None:
            for judge in self._judges:
                judge.see(interval)
        whole, over = self._sight.whole, self._is_over
        return tuple(judge.judge(whole, final=over) for judge in self._judges)

    @property
    def _is_over(self) -> bool:
        return self._watched_s >= self.terms.watch_s

    def _is_overdue(self) -> bool:
        """Whether both clusters have served for as long as they may."""
        terms = self.terms
        if terms.mixed_window_s is None or self.since is None or not terms.is_mixed:
            return False
        served_s = (self.adapters.clock.now() - self.since).total_seconds()
        return served_s >= terms.mixed_window_s

    @property
    def _overdue(self) -> str:
        limit_s = self.terms.mixed_window_s
        return f"Both clusters have served for {limit_s:g} s, as long as the plan allows"

    def _prolonged(self, judged: tuple[Judged, ...]) -> End | None:
        """Whether this watch may go on to its end; the gates are watched until somebody says so."""
        title = f"{self._overdue}: watch {self.terms.share_percent}% to the end of this stage"
        decision = self._answer(title, judged)
        if decision is None:
            return None
        if not decision.approved:
            return self._refused(judged, decision)
        self._may_last = True
        return None

    def _baked(self, judged: tuple[Judged, ...]) -> End | None:
        """Whether the time is over, and everything is decided or nobody waits any longer."""
        waits = any(j.stops for j in judged)
        if not self._is_over or (
            waits and self._watched_s < self.terms.watch_s + self.terms.hold_s
        ):
            return None
        return self._end(judged, None, "")

    def _asked(self, judged: tuple[Judged, ...]) -> End | None:
        """Whether the person has answered; what is undecided was judged by the watch before."""
        title = self.terms.question
        decision = self._answer(
            f"{self._overdue}. {title}" if self._is_overdue() else title, judged
        )
        if decision is None:
            return None
        if not decision.approved:
            return self._refused(judged, decision)
        return self._end(_settled(judged), decision, "")

    def _answer(self, title: str, judged: tuple[Judged, ...]) -> Decision | None:
        """What a person says, who sees what the gates have seen; None while there is no answer."""
        question = Question(
            step=self.terms.id,
            title=title,
            instructions="Look at what the gates have seen so far:\n"
            + "\n".join(f"- {j.gate}: {j.verdict} ({j.text})" for j in judged),
        )
        approver = self.adapters.approver
        decision: Decision | None = getattr(approver, "peek", approver.ask)(question)
        return decision

    def _refused(self, judged: tuple[Judged, ...], by: Decision) -> End:
        return self._end(_settled(judged), by, f"{by.by} said no. {by.note}".strip())

    def _end(self, judged: tuple[Judged, ...], by: Decision | None, refused: str) -> End:
        failed = any(j.stops and j.verdict is GateVerdict.FAILED for j in judged)
        leads_back = bool(refused) or failed or self._must_lead_back(judged)
        if failed:  # the others had no time to decide
            judged = tuple(
                attrs.evolve(j, stops=j.stops and j.verdict is GateVerdict.FAILED) for j in judged
            )
        watched = Watched(
            watched_s=round(self._watched_s, 6),
            current=self._sight.whole.current,
            new=self._sight.whole.new,
            judged=judged,
            answered_by=by.by if by else "",
            refused=refused,
        )
        return End(watched, leads_back)

    def _must_lead_back(self, judged: tuple[Judged, ...]) -> bool:
        """Whether a gate without data wants the traffic led back."""
        pairs = zip(self.terms.gates, judged, strict=bool(judged))
        return any(
            j.stops
            and gate.no_data is NoData.ROLL_BACK
            and (j.verdict is GateVerdict.NO_DATA or self._sight.is_blind)
            for gate, j in pairs
        )


def _settled(judged: tuple[Judged, ...]) -> tuple[Judged, ...]:
    """The same, where a person has decided."""
    return tuple(attrs.evolve(j, stops=False) for j in judged)
