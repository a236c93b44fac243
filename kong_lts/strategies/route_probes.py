"""Probes for the routes that change: the assessment's requests, and what each cluster should do."""

import re
from collections.abc import Iterable, Iterator

import attrs

from kong_lts.protocols import NO_ROUTE, Probe
from kong_lts.routing import OF_WORKSPACE, Difference, Match, Request
from kong_lts.smoke_test import DEBUG, as_sent

__all__ = ["RouteProbes", "route_probes"]

_HARMLESS = ("GET", "HEAD", "OPTIONS")
_PLACE = re.compile(r"(?:services|routes)\[\d+\]")


@attrs.frozen(kw_only=True)
class RouteProbes:
    """The same requests for both clusters, each with the routes that it should get there."""

    current: tuple[Probe, ...] = ()
    """What the current cluster must answer."""
    new: tuple[Probe, ...] = ()
    """What the new cluster must answer."""
    left_out: tuple[str, ...] = ()
    """Requests that no probe can make, and why."""


def route_probes(changes: Iterable[Difference], *, tls: bool = True) -> RouteProbes:
    """The probes that show on the gateways what the assessment predicts.

    Requests that might change something behind the gateway are left out, and those that need a
    header that may be a credential.

    Args:
        changes: As the assessment has them.
        tls: Whether requests over TLS are among them.
    """
    current: list[Probe] = []
    new: list[Probe] = []
    left_out: dict[str, None] = {}
    for change in changes:
        if reason := next(_obstacles(change, tls=tls), None):
            left_out[f"{change.request.summary}: {reason}"] = None
            continue
        current.append(_probe(change.request, change.match_28))
        new.append(_probe(change.request, change.match_34))
    return RouteProbes(current=tuple(current), new=tuple(new), left_out=tuple(left_out))


def _obstacles(change: Difference, *, tls: bool) -> Iterator[str]:
    """What speaks against sending a request."""
    request = change.request
    names = [name.lower() for name, _ in request.headers]
    if request.method not in _HARMLESS:
        yield f"{request.method} may change something"
    if request.scheme == "https" and not tls:
        yield "it needs TLS"
    if len({*names}) < len(names):
        yield "it has one header twice"
    if request.has_credentials:
        yield "a header of it may be a credential"
    routes = (*_routes(change.match_28), *_routes(change.match_34))
    if any(map(_PLACE.match, routes)):
        yield "a route has neither name nor id"


def _probe(request: Request, match: Match | None) -> Probe:
    probe = Probe(
        name=request.summary,
        path=request.path,
        method=request.method,
        host=request.host,
        headers={**dict(request.headers), **DEBUG},
        expect_routes=_routes(match),
    )
    return as_sent(probe, request)


def _routes(match: Match | None) -> tuple[str, ...]:
    candidates = () if match is None else match.candidates
    names = (one.route.rpartition(OF_WORKSPACE)[2] if one.route else NO_ROUTE for one in candidates)
    return tuple(dict.fromkeys(names)) or (NO_ROUTE,)
