"""Watching the metrics of both clusters, and the gates that stop a ramp."""

from kong_lts.monitoring.gates import DEFAULT_GATES, Gate, Measure, NoData, WindowEnd
from kong_lts.monitoring.look_before import CheckMetrics
from kong_lts.monitoring.watch import WatchMetrics

__all__ = [
    "DEFAULT_GATES",
    "CheckMetrics",
    "Gate",
    "Measure",
    "NoData",
    "WatchMetrics",
    "WindowEnd",
]
