"""Gates: what the new cluster must keep to while it is watched."""

from enum import StrEnum

import attrs
from attrs.validators import ge, gt, le, lt, optional

__all__ = ["DEFAULT_GATES", "Gate", "Measure", "NoData", "WindowEnd", "float_or_none"]


class Measure(StrEnum):
    """What a gate looks at."""

    ERRORS = "errors"
    """Answers of 500 and more."""
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    TOO_MANY_REQUESTS = "429"
    LATENCY = "latency"
    """Requests that take much longer than a quantile of the current cluster."""
    ROUTER_ERRORS = "router errors"
    """New lines `could not add route` in the error logs of the new nodes."""
    DATA_PLANES = "data planes"
    """Data planes of the new cluster that have not the configuration of their control plane."""


class NoData(StrEnum):
    """What follows where a gate that must have data has none."""

    HOLD = "hold"
    """The run stops; the traffic stays where it is."""
    ROLL_BACK = "roll back"
    """The traffic is led back first."""


class WindowEnd(StrEnum):
    """What follows where both clusters have served for as long as they may."""

    ASK = "ask"
    """A person is asked whether this stage may go on, the gates watch meanwhile; no leads back."""
    ROLL_BACK = "roll back"
    """The traffic is led back, and the run stops."""


def float_or_none(value: float | None) -> float | None:
    """One form of a number, so that a plan has one fingerprint."""
    return None if value is None else float(value)


@attrs.frozen(kw_only=True)
class Gate:
    """One demand on the new cluster, beside the current one over the same time.

    It fails where the test of `kong_lts.monitoring.evidence` rules chance out *and* the difference
    matters: more than `max_more`, and more than `max_factor` times the share of the current
    cluster. It passes at the end of a watch where, with 95% certainty, the share is not above that
    of the current cluster by `max_more`, or by as much again, whichever is more. Anything between
    is undecided, and the watch goes on.
    """

    measure: Measure = attrs.field(default=Measure.ERRORS, converter=Measure)
    """What it looks at."""
    quantile: float = attrs.field(default=0.95, converter=float, validator=[gt(0), lt(1)])
    """Of the current cluster's latency; for `Measure.LATENCY` alone."""
    max_factor: float = attrs.field(default=1.25, converter=float, validator=ge(1))
    """Up to so many times the current figure matters to nobody; of a latency, 2 is a good value."""
    max_more: float = attrs.field(default=0.002, converter=float, validator=[gt(0), le(1)])
    """So much more, as a share of all requests, matters to nobody."""
    max_share: float | None = attrs.field(
        default=None, converter=float_or_none, validator=optional([gt(0), le(1)])
    )
    """The most on the new cluster, whatever the current one has; None for no such limit."""
    max_share_alone: float = attrs.field(default=0.05, converter=float, validator=[gt(0), le(1)])
    """The most where there is no current cluster to compare with, now or earlier in the run."""
    min_requests: int = attrs.field(default=0, validator=ge(0))
    """It does not pass with fewer on the new cluster."""
    false_alarms: float = attrs.field(default=0.0002, converter=float, validator=[gt(0), lt(1)])
    """The chance at most that it fails in one watch though nothing is wrong."""
    critical: bool = True
    """Whether the run stops for it, and the traffic is led back; else it is only told."""
    must_have_data: bool = True
    """Whether it does not pass without any data."""
    no_data: NoData = attrs.field(default=NoData.ROLL_BACK, converter=NoData)
    """What follows then."""
    dry_run: bool = False
    """Judged and told like any other, and never counted."""

    @property
    def name(self) -> str:
        """What it is called in findings and reports."""
        quantile = f" p{self.quantile * 100:g}" if self.measure is Measure.LATENCY else ""
        return f"{self.measure}{quantile}"


DEFAULT_GATES = (
    Gate(),
    *(
        Gate(measure=measure, max_factor=1.5, max_more=0.005, must_have_data=False)
        for measure in (
            Measure.UNAUTHORIZED,
            Measure.FORBIDDEN,
            Measure.NOT_FOUND,
            Measure.TOO_MANY_REQUESTS,
        )
    ),
    Gate(measure=Measure.LATENCY, quantile=0.95, max_factor=2, must_have_data=False),
    Gate(measure=Measure.LATENCY, quantile=0.99, max_factor=2, must_have_data=False),
)
"""What a ramp watches if nothing else is said: fewer than 7 in 5,000 ramp stages alarm falsely."""
