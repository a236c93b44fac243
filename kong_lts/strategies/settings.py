"""Settings: what a plan leaves to its maker."""

import attrs

from kong_lts.monitoring import DEFAULT_GATES, Gate
from kong_lts.protocols import Probe
from kong_lts.strategies.route_probes import RouteProbes
from kong_lts.traffic import DEFAULT_RAMP, RampStage

__all__ = ["Settings"]


@attrs.frozen(kw_only=True)
class Settings:
    """What a plan leaves to its maker."""

    ramp: tuple[RampStage, ...] = DEFAULT_RAMP
    gates: tuple[Gate, ...] = DEFAULT_GATES
    probes: tuple[Probe, ...] = ()
    route_probes: RouteProbes = attrs.field(factory=RouteProbes)
    """For the routes that change; a plan takes them from its assessment."""
    backup_folder: str = "kong-lts-backup"
    """Where the backup appears, on the machine that runs the plan."""
    program: tuple[str, ...] = ("kong",)
    """How kong is called on a node."""
    configuration: str | None = None
    """Path of the new nodes' kong.conf, as seen on the node."""
    hold_s: float = attrs.field(default=3600.0, converter=float)
    """How much longer a watch lasts where a gate is undecided."""
    error_log: str | None = None
    """Path of the error log on the new nodes; with it, a ramp watches for routes that the router
    could not add."""
    watch_afterwards_s: float = attrs.field(default=600.0, converter=float)
    """How long the metrics are watched after the last step that touches anything."""
