"""WatchTerms: what a watch is told, which its step and the watch itself read."""

import attrs
from attrs.validators import ge, gt, le, optional

from kong_lts.monitoring.gates import DEFAULT_GATES, Gate, Measure, WindowEnd, float_or_none
from kong_lts.step import PlannedStep

__all__ = ["WatchTerms"]


@attrs.frozen(kw_only=True)
class WatchTerms(PlannedStep):
    """What is watched, for how long, and what follows."""

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
    mixed_window_s: float | None = attrs.field(
        default=None, converter=float_or_none, validator=optional(gt(0))
    )
    """How long both clusters may serve, counted from the first diversion; None sets no end."""
    window_end: WindowEnd = attrs.field(default=WindowEnd.ASK, converter=WindowEnd)
    """What follows then."""

    @property
    def is_mixed(self) -> bool:
        """Whether both clusters serve meanwhile."""
        return self.share_percent is not None and 0 < self.share_percent < 100

    def asks_for(self, measure: Measure) -> bool:
        """Whether a gate is about it."""
        return any(gate.measure is measure for gate in self.gates)
