"""DivertTraffic, and the ramp: traffic is diverted stage by stage."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import attrs
from attrs.validators import ge, gt, le, optional

from kong_lts.deployment import Side
from kong_lts.errors import PlanError
from kong_lts.events import Diverted, Past, mixed_since
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, LoadBalancer
from kong_lts.step import Effect, PlannedStep, Reversibility, present
from kong_lts.traffic.sessions import covers

__all__ = ["DEFAULT_RAMP", "DivertTraffic", "RampStage", "ramp"]


@attrs.frozen
class RampStage:
    """One stage of the ramp."""

    percent: int = attrs.field(validator=[ge(0), le(100)])
    """The share of the new cluster."""
    bake_s: float = attrs.field(default=300.0, converter=float, validator=ge(0))
    """Seconds for which the metrics are watched before the next stage."""
    approval: bool = False
    """Whether a person is asked first."""


DEFAULT_RAMP = (RampStage(1), RampStage(10), RampStage(50), RampStage(100))


@attrs.frozen(kw_only=True)
class DivertTraffic(PlannedStep):
    """Give the new cluster *new_percent* of the proxy traffic.

    Source:
        guide, Dual-cluster upgrade: "Divert traffic from cluster X to Y".
    """

    new_percent: int = attrs.field(validator=[ge(0), le(100)])
    """Share of the new cluster from then on, 0 to 100."""
    before_percent: int = attrs.field(default=0, validator=[ge(0), le(100)])
    """Its share until then, 0 to 100."""
    back_to_percent: int | None = attrs.field(default=None, validator=optional([ge(0), le(100)]))
    """Where the way back leads in one step; None for the share before."""
    keeps_clients: bool = False
    """Whether a client must stay on one side, since its session is unknown on the other."""
    keeps_hosts: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """Hosts whose clients must, where others need not."""
    mixed_window_s: float | None = attrs.field(default=None, validator=optional(gt(0)))
    """So long after the first diversion no further share is given; None sets no end."""

    attempts: ClassVar[int] = 3
    needs_beside = ("load_balancer",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Divert {self.new_percent}% of the traffic to the new cluster"

    @property
    def reversibility(self) -> Reversibility:
        """The share before it is set again."""
        return Reversibility.COMPENSATED

    @property
    def effect(self) -> Effect:
        """Requests are served by the other cluster."""
        return Effect(traffic=True)

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The balancer answers, and is where the plan believes it to be."""
        balancer = present(adapters.load_balancer, "load_balancer", self.id)
        weight = balancer.weight()
        if weight not in (self.before_percent, self.new_percent, self._way_back):
            yield self.obstacle(
                "weight-unexpected",
                f"The load balancer sends {weight}% to the new cluster;"
                f" the plan expects {self.before_percent}%.",
                "Find out who changed it, set it back, then resume.",
            )
        yield from self.unfit(adapters)
        if 0 < self.new_percent < 100:
            yield from self._window(adapters, past)

    def unfit(self, adapters: Adapters) -> Iterator[Finding]:
        """The balancer can make the share, and keeps whoever has a session on one side."""
        balancer = adapters.load_balancer
        if balancer is None or not 0 < self.new_percent < 100:
            return
        precision = getattr(balancer, "precision_percent", 0.0)
        if precision >= min(self.new_percent, 100 - self.new_percent):
            yield self.obstacle(
                "share-too-fine",
                f"The load balancer is as near as {precision:g} points: {self.new_percent}% may be"
                " none, or all.",
                "Plan a ramp with coarser shares, or give the load balancer more to divide.",
            )
        yield from self._sessions(balancer)

    def _sessions(self, balancer: LoadBalancer) -> Iterator[Finding]:
        """Whoever has a session is kept on one side."""
        if getattr(balancer, "keeps_clients", False):
            return
        kept: Iterable[str] = getattr(balancer, "keeps_hosts", ())
        divided = [host for host in self.keeps_hosts if not covers(kept, host)]
        if self.keeps_clients or divided:
            whose = "" if self.keeps_clients else f" of {', '.join(divided)}"
            yield self.obstacle(
                "sessions-divided",
                "There are sessions, and the load balancer does not say that it keeps a client"
                f"{whose} on one side: users would be logged out again and again.",
                "Divide by client and say so (`keeps_clients`, `keeps_hosts`), or divert in one"
                " stage with 100%.",
            )

    def _window(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Both clusters have not served for too long already."""
        since = mixed_since(past)
        if self.mixed_window_s is None or since is None:
            return
        if (adapters.clock.now() - since).total_seconds() >= self.mixed_window_s:
            yield self.obstacle(
                "mixed-window-over",
                f"Both clusters have served for {self.mixed_window_s:g} s, as long as the plan"
                " allows.",
                "Roll back, which sends all traffic to the current cluster.",
            )

    def run(self, adapters: Adapters, past: Past) -> Diverted:
        """Set the share."""
        balancer = present(adapters.load_balancer, "load_balancer", self.id)
        balancer.set_weight(self.new_percent)
        return Diverted(new_percent=self.new_percent, at=adapters.clock.now().isoformat())

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The balancer has the share."""
        balancer = present(adapters.load_balancer, "load_balancer", self.id)
        if (weight := balancer.weight()) != self.new_percent:
            yield self.obstacle(
                "weight-not-taken",
                f"The load balancer sends {weight}% to the new cluster, not {self.new_percent}%.",
                "Look at the load balancer; the traffic is where it says.",
            )

    @property
    def _way_back(self) -> int:
        return self.before_percent if self.back_to_percent is None else self.back_to_percent

    def undo(self, past: Past) -> "DivertTraffic":
        """Lead the traffic back; in a ramp at once, without the stages in between."""
        return DivertTraffic(
            id=f"undo-{self.id}",
            guide=self.guide,
            side=self.side,
            new_percent=self._way_back,
            before_percent=self.new_percent,
        )


def ramp(
    stages: Sequence[RampStage],
    *,
    guide: str,
    keeps_clients: bool = False,
    keeps_hosts: Sequence[str] = (),
    mixed_window_s: float | None = None,
) -> tuple[DivertTraffic, ...]:
    """The diversions of a ramp, in order.

    Args:
        stages: Each with a larger share than the one before; the last one has 100.
        guide: The section that they carry out.
        keeps_clients: Whether a client must stay on one side.
        keeps_hosts: Hosts whose clients must, where others need not.
        mixed_window_s: How long after the first diversion a further share is given; None for ever.

    Raises:
        PlanError: The shares do not rise, or do not end at 100.
    """
    percents = [0, *(stage.percent for stage in stages)]
    pairs = list(itertools.pairwise(percents))
    if not stages or percents[-1] != 100 or any(after <= before for before, after in pairs):
        shown = ", ".join(f"{p}%" for p in percents[1:])
        raise PlanError(f"A ramp rises from stage to stage and ends at 100%, not: {shown}.")
    return tuple(
        DivertTraffic(
            id=f"divert-{after}",
            guide=guide,
            side=Side.NEW,
            new_percent=after,
            before_percent=before,
            back_to_percent=0,
            keeps_clients=keeps_clients,
            keeps_hosts=tuple(keeps_hosts),
            mixed_window_s=mixed_window_s,
        )
        for before, after in pairs
    )
