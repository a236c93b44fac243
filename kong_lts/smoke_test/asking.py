"""One probe and its answer: is it the expected one, and what of it is recorded."""

import json
from collections.abc import Iterator, Mapping

from kong_lts.errors import ProxyError
from kong_lts.events import ProbeResult, RecordedAnswer
from kong_lts.protocols import NO_ROUTE, Answer, Probe, Proxy
from kong_lts.smoke_test.json_paths import at, parts

__all__ = ["DEBUG", "NOT_TOLD", "ask", "recorded", "route_of", "tells_route"]

DEBUG = {"Kong-Debug": "1"}
"""Asks a gateway to name the route that took the request."""

_ROUTE_HEADERS = ("kong-route-name", "kong-route-id")
_SERVICE_HEADERS = ("kong-service-name", "kong-service-id")
_COMPARED_HEADERS = ("content-type", "location", "www-authenticate", "cache-control", "allow")
"""Of an answer; what tells of the moment, of the node or of the release is not among them."""
_NOT_MATCHED = "no Route matched"
NOT_TOLD = "an answer that names no route; 3.4 wants `allow_debug_header = on` meanwhile"


def ask(proxy: Proxy, probe: Probe) -> ProbeResult:
    """Send one probe and put the answer beside the expectation."""
    try:
        answer = proxy.send(probe)
    except ProxyError as exc:
        wanted = " or ".join(probe.expect_routes) or str(probe.expect_status)
        return ProbeResult(name=probe.name, expected=wanted, found=str(exc), answered=False)
    pairs = [*_main(probe, answer), *_body(probe, answer), *_headers(probe, answer)]
    expected, found = (", ".join(texts) for texts in zip(*pairs, strict=True))
    return ProbeResult(name=probe.name, expected=expected, found=found)


def _main(probe: Probe, answer: Answer) -> Iterator[tuple[str, str]]:
    """Route or status, as expected and as found."""
    if not probe.expect_routes:
        yield str(probe.expect_status), str(answer.status)
        return
    routes = _routes_of(answer)
    hit = next((route for route in routes if route in probe.expect_routes), None)
    yield hit or " or ".join(probe.expect_routes), hit or routes[0]


def _body(probe: Probe, answer: Answer) -> Iterator[tuple[str, str]]:
    if probe.expect_in_body is not None:
        there = "with" if probe.expect_in_body in answer.body else "without"
        yield f"body with {probe.expect_in_body!r}", f"body {there} {probe.expect_in_body!r}"
    for path, text in probe.expect_json.items():
        wanted = json.dumps(json.loads(text))
        yield f"{path} {wanted}", f"{path} {_at(answer.body, path, wanted)}"


def _at(body: str, path: str, wanted: str) -> str:
    """What stands there; a value that is not the wanted one is not repeated."""
    try:
        there, value = at(json.loads(body), path)
    except (ValueError, RecursionError):
        return "in a body that is no JSON"
    if not there:
        return "absent"
    return wanted if value == json.loads(wanted) else f"another {type(value).__name__}"


def _headers(probe: Probe, answer: Answer) -> Iterator[tuple[str, str]]:
    headers = _lower(answer)
    for name, part in probe.expect_headers.items():
        value = headers.get(name.lower())
        told = "absent" if value is None else part if part in value else "another"
        yield f"{name}: {part}", f"{name}: {told}"


def _lower(answer: Answer) -> Mapping[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def tells_route(answer: Answer) -> bool:
    """Whether an answer names the route that took the request."""
    headers = _lower(answer)
    return any(headers.get(name) for name in _ROUTE_HEADERS)


def _routes_of(answer: Answer) -> tuple[str, ...]:
    """Name and id of the route that took a request, as an answer to `Kong-Debug: 1` tells."""
    headers = _lower(answer)
    if named := tuple(headers[name] for name in _ROUTE_HEADERS if headers.get(name)):
        return named
    # An answer to HEAD has no body.
    refused = answer.status == 404 and (not answer.body or _NOT_MATCHED in answer.body)
    return (NO_ROUTE if refused or answer.status == 400 else NOT_TOLD,)


def route_of(answer: Answer) -> str:
    """The route that took a request, `NO_ROUTE`, or nothing where the gateway does not tell."""
    route = _routes_of(answer)[0]
    return "" if route == NOT_TOLD else route


def recorded(probe: Probe, answer: Answer) -> RecordedAnswer:
    """What it takes to compare an answer with that of the other cluster."""
    headers = _lower(answer)
    service = next((headers[name] for name in _SERVICE_HEADERS if headers.get(name)), "")
    return RecordedAnswer(
        probe=probe.name,
        status=answer.status,
        body=parts(answer.body, probe.ignore_json),
        headers={name: headers[name] for name in _COMPARED_HEADERS if name in headers},
        route=route_of(answer),
        service=service,
        latency_ms=answer.latency_ms,
    )
