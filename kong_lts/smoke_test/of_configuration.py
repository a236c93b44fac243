"""Probes made from the configuration: for each route a request that reaches it."""

import re
from collections.abc import Collection, Iterator, Mapping

from kong_lts.protocols import Probe
from kong_lts.routing import Match, Request, Router, requests_for, router
from kong_lts.smoke_test.asking import DEBUG
from kong_lts.smoke_test.making import MadeProbes, as_sent
from kong_lts.smoke_test.steps import SAFE_METHODS
from kong_lts.versions import Release

__all__ = ["probes_of_configuration"]

_PER_ROUTE = 64
_PLACE = re.compile(r"(?:services\[\d+\]\.)?routes\[\d+\]")


def probes_of_configuration(
    config: Mapping[str, object],
    *,
    release: Release | str,
    router_flavor: str | None = None,
    safe_methods: Collection[str] = SAFE_METHODS,
) -> MadeProbes:
    """A probe for each route, made of its methods, hosts, paths and headers.

    The route's own regex matches the request, and the router of that release gives it to no other
    route. What is expected is the route, so a gateway of 3.4 needs `allow_debug_header = on`.

    Args:
        config: A declarative document as parsed: what the gateway that is asked has loaded.
        release: Of that gateway.
        router_flavor: Of a 3.4; None is its default.
        safe_methods: What may be sent.

    Returns:
        The probes in the order of the routes, and each route that has none.

    Raises:
        RouterError: That release does not load the document.
    """
    judge = router(config, release=Release(release), router_flavor=router_flavor)
    wanted = list(dict.fromkeys(_names(config)))
    found: dict[str, Probe] = {}
    seen: dict[str, str] = {}
    for request in requests_for(config, most=max(1000, _PER_ROUTE * len(wanted))):
        if len(found) == len(wanted):
            break
        _try(judge, request, found, seen, safe_methods)
    return MadeProbes(
        probes=tuple(found[name] for name in wanted if name in found),
        left_out=tuple(
            f"route {name}: {seen.get(name, 'no request reaches it; is it behind another one?')}"
            for name in wanted
            if name not in found
        ),
    )


def _try(
    judge: Router,
    request: Request,
    found: dict[str, Probe],
    seen: dict[str, str],
    safe_methods: Collection[str],
) -> None:
    """Take a request for the probe of the route that it reaches, where that has none yet."""
    match = judge.match(request)
    if match is None or match.uncertain or match.route is None:
        return
    name = _short(match.route)
    if name in found:
        return
    if reason := next(_obstacles(request, match, safe_methods), None):
        seen.setdefault(name, reason)
        return
    probe = Probe(
        name=f"route {name}: {request.summary}",
        path=request.path,
        method=request.method,
        host=request.host,
        headers={**dict(request.headers), **DEBUG},
        expect_routes=(name,),
    )
    found[name] = as_sent(probe, request)


def _obstacles(request: Request, match: Match, safe_methods: Collection[str]) -> Iterator[str]:
    """What speaks against sending a request."""
    if request.method not in safe_methods:
        yield f"{request.method} may change something"
    if len({name.lower() for name, _ in request.headers}) < len(request.headers):
        yield "it has one header twice"
    if request.has_credentials:
        yield "a header of it may be a credential"
    if _PLACE.fullmatch(match.route or ""):
        yield "it has neither name nor id, so that no answer tells it"


def _short(route: str) -> str:
    """The name without the workspace, as the gateway tells it."""
    return route.rpartition("/")[2]


def _names(config: Mapping[str, object]) -> Iterator[str]:
    """Names, else ids, of all routes of a document, else the place, as the router calls them."""
    for n, service in enumerate(_list(config.get("services"))):
        if isinstance(service, Mapping):
            yield from _names_in(service, f"services[{n}].")
    yield from _names_in(config, "")


def _names_in(owner: Mapping[str, object], place: str) -> Iterator[str]:
    for n, route in enumerate(_list(owner.get("routes"))):
        if isinstance(route, Mapping):
            yield str(route.get("name") or route.get("id") or f"{place}routes[{n}]")


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
