"""MadeProbes: what can be made of a configuration or of recorded traffic, and what cannot."""

import attrs

from kong_lts.protocols import Probe

__all__ = ["MadeProbes"]


@attrs.frozen(kw_only=True)
class MadeProbes:
    """Probes, and whatever they could not be made of."""

    probes: tuple[Probe, ...] = ()
    left_out: tuple[str, ...] = ()
    """Routes or requests without a probe, and why."""
