"""Diverting traffic from the current to the new cluster, and what the time in between costs."""

from kong_lts.traffic.limits import rate_limits
from kong_lts.traffic.mixed_window import MixedWindow
from kong_lts.traffic.ramp import DEFAULT_RAMP, DivertTraffic, RampStage, ramp
from kong_lts.traffic.sessions import BY_KIND, Keeping, keeping
from kong_lts.unshared import RateLimit, SessionWay

__all__ = [
    "BY_KIND",
    "DEFAULT_RAMP",
    "DivertTraffic",
    "Keeping",
    "MixedWindow",
    "RampStage",
    "RateLimit",
    "SessionWay",
    "keeping",
    "ramp",
    "rate_limits",
]
