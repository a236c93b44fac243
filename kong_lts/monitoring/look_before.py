"""CheckMetrics: before any traffic is diverted, both clusters really give what the gates read."""

from collections.abc import Iterator

import attrs
from attrs.validators import ge

from kong_lts.deployment import Side
from kong_lts.errors import MetricsError
from kong_lts.events import Done, Past, TrafficCount
from kong_lts.findings import Finding, Severity
from kong_lts.monitoring.gates import DEFAULT_GATES, Gate, Measure
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, present

__all__ = ["CheckMetrics"]

_POLL_S = 5.0
_ACTION = (
    "Turn the families on in the prometheus plugin of 3.4 (config.status_code_metrics,"
    " config.latency_metrics), send requests through routes, then resume."
)


@attrs.frozen(kw_only=True)
class CheckMetrics(PlannedStep):
    """See that the metrics of both clusters hold what the gates of the ramp will ask for.

    3.4 has none of them by default, and a gate without data would be blind at the moment it is
    needed.

    Source:
        LTS breaking changes, entry 46; guide, Dual-cluster upgrade: "monitor all proxy metrics".
    """

    gates: tuple[Gate, ...] = attrs.field(default=DEFAULT_GATES, converter=tuple[Gate, ...])
    """Those of the ramp."""
    within_s: float = attrs.field(default=60.0, converter=float, validator=ge(0))
    """How long a current cluster without any request is given to have one."""

    needs_of_side = ()

    @property
    def title(self) -> str:
        """What it does."""
        return "Check that both clusters give the metrics that the gates read"

    @property
    def needs(self) -> tuple[str, ...]:
        """Both sides."""
        return ("current.metrics", "new.metrics")

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Wait until the current cluster counts a request, where it has counted none yet.

        Raises:
            MetricsError: Metrics cannot be read, or the families are off.
        """
        metrics = present(adapters.current.metrics, "current.metrics", self.id)
        waited_s = 0.0
        while not metrics.count().requests and waited_s < self.within_s:
            adapters.clock.sleep(_POLL_S)
            waited_s += _POLL_S
        counts = {side: _count(adapters, side, self.id) for side in Side}
        said = (f"{side}: {count.requests} requests so far" for side, count in counts.items())
        return Done(note="; ".join(said))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Both sides count requests, and have what each gate asks for."""
        counts: dict[Side, TrafficCount] = {}
        for side in Side:
            try:
                counts[side] = _count(adapters, side, self.id)
            except MetricsError as exc:
                yield self.obstacle("metrics-missing", f"The {side} cluster: {exc}.", _ACTION)
        if Side.CURRENT in counts and not counts[Side.CURRENT].requests:
            yield self.obstacle(
                "metrics-without-requests",
                "The metrics of the current cluster count no request, though it serves.",
                "Is the prometheus plugin on, and are these its nodes?",
            )
        for side, count in counts.items():
            if count.requests:
                yield from self._of_gates(side, count)

    def _of_gates(self, side: Side, count: TrafficCount) -> Iterator[Finding]:
        """What single gates will miss."""
        for gate in self.gates:
            is_latency = gate.measure is Measure.LATENCY
            if not is_latency or count.timed:
                continue
            stops = gate.must_have_data and not gate.dry_run
            yield self.obstacle(
                "metrics-missing",
                f"The {side} cluster gives nothing for the gate on {gate.name}.",
                _ACTION,
                severity=Severity.BLOCKER if stops else Severity.WARNING,
            )


def _count(adapters: Adapters, side: Side, step: str) -> TrafficCount:
    return present(adapters.of(side).metrics, f"{side}.metrics", step).count()
