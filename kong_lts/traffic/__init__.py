"""Diverting traffic from the current to the new cluster, and what the time in between costs."""

from kong_lts.traffic.mixed_window import MixedWindow, RateLimit, rate_limits
from kong_lts.traffic.ramp import DEFAULT_RAMP, DivertTraffic, RampStage, ramp

__all__ = [
    "DEFAULT_RAMP",
    "DivertTraffic",
    "MixedWindow",
    "RampStage",
    "RateLimit",
    "ramp",
    "rate_limits",
]
