"""MadeProbes: what can be made of a configuration or of recorded traffic, and what cannot."""

import attrs

from kong_lts.protocols import Probe
from kong_lts.routing import Request

__all__ = ["MadeProbes", "as_sent"]


@attrs.frozen(kw_only=True)
class MadeProbes:
    """Probes, and whatever they could not be made of."""

    probes: tuple[Probe, ...] = ()
    """One for each route or request that one could be made of."""
    left_out: tuple[str, ...] = ()
    """Routes or requests without a probe, and why."""


def as_sent(probe: Probe, request: Request) -> Probe:
    """A probe with the TLS handshake of its request, where that has one.

    Whose certificate is shown does not matter: it is asked for the route, and shows no credential.
    """
    if request.scheme != "https":
        return probe
    return attrs.evolve(probe, scheme="https", server_name=request.sni, verifies_certificate=False)
