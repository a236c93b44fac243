"""What the upstream gets: path and host, from the path of the service and what a route strips."""

import re

from kong_lts.routing.paths import octets
from kong_lts.routing.router.configuration import Route, Service
from kong_lts.routing.router.request import Asked, Candidate

__all__ = ["answer", "sanitised"]

_ESCAPED = re.compile(rb"[^!#$&'()*+,/:;=?@\[\]A-Za-z0-9\-_.~%]")
_DEFAULT_PORTS = {"http": 80, "grpc": 80, "https": 443, "grpcs": 443}
_GRPC = {"grpc", "grpcs"}


def sanitised(postfix: bytes) -> bytes:
    """What is left of a path behind the stripped part, without a dot segment at its start."""
    if postfix in (b".", b".."):
        return b""
    if postfix.startswith(b"./"):
        return postfix[2:]
    if postfix.startswith(b"../"):
        return postfix[3:]
    return postfix


def answer(route: Route, asked: Asked, postfix: bytes, *, path_handling: str) -> Candidate:
    """What becomes of a request for which this route was chosen.

    Args:
        route: The route.
        asked: The request.
        postfix: What the route leaves of the path when it strips it.
        path_handling: How the router joins paths; not every one looks at the route's own.
    """
    service = route.service
    status = _own_answer(route, asked)
    if status is not None or service is None:
        return Candidate(
            route=route.label,
            service=service.label if service else None,
            status=503 if status is None else status,
        )
    base = octets(service.path or "/")
    path = _joined(route, base, asked.uri, postfix, path_handling)
    escaped = _ESCAPED.sub(lambda found: b"%%%02X" % found[0][0], path)
    return Candidate(
        route=route.label,
        service=service.label,
        upstream_uri=(escaped + asked.query).decode("utf-8", "surrogateescape"),
        upstream_host=asked.host if route.preserve_host else _host(service),
    )


def _own_answer(route: Route, asked: Asked) -> int | None:
    """The status with which Kong refuses or redirects; None where it proxies."""
    protocols = route.protocols
    if "https" in protocols and "http" not in protocols and asked.scheme != "https":
        return route.https_redirect_status_code
    if _GRPC.isdisjoint(protocols):
        return None
    if not any(value.startswith("application/grpc") for value in asked.header("content-type")):
        return 415
    return 200 if "grpc" not in protocols and asked.scheme != "https" else None


def _host(service: Service) -> str | None:
    """The `Host` that the upstream gets, where it is not the client's."""
    if service.balanced or service.host is None:
        return service.host_header
    if _DEFAULT_PORTS.get(service.protocol) == service.port:
        return service.host
    return f"{service.host}:{service.port}"


def _joined(route: Route, base: bytes, uri: bytes, postfix: bytes, path_handling: str) -> bytes:
    """The path for the upstream.

    Source:
        Kong/kong 2.8.5 kong/router.lua; docs.konghq.com, Route object, path handling algorithms.
    """
    if path_handling == "v1":
        return _joined_v1(route, base, uri, postfix)
    if base.endswith(b"/"):
        if not route.strip_path:
            return base + uri[1:]
        if postfix:
            return base[:-1] + postfix if postfix.startswith(b"/") else base + postfix
        return base if base == b"/" or uri.endswith(b"/") else base[:-1]
    if not route.strip_path:
        return base if uri == b"/" else base + uri
    if postfix:
        return base + postfix if postfix.startswith(b"/") else base + b"/" + postfix
    return base + b"/" if len(uri) > 1 and uri.endswith(b"/") else base


def _joined_v1(route: Route, base: bytes, uri: bytes, postfix: bytes) -> bytes:
    if not route.strip_path:
        return base + uri[1:]
    if base.endswith(b"/") and postfix.startswith(b"/"):
        return base[:-1] + postfix
    return base + postfix
