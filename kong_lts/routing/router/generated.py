"""Requests that tell a configuration's routes apart: what hits each, and where two of them meet."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

import attrs

from kong_lts.routing.paths import is_regex_28, normalise, octets
from kong_lts.routing.router.configuration import Route, read_routes
from kong_lts.routing.router.engines import Engines, PcreRegex
from kong_lts.routing.router.hosts import WildcardHosts, split_port
from kong_lts.routing.router.request import Request
from kong_lts.routing.router.samples import samples
from kong_lts.versions import Release

__all__ = ["requests_for"]

_MOST = 100_000
_MOST_NEIGHBOURS = 16
_ALL_PAIRS = 100
"""Up to so many routes, each is set beside every other."""
_NO_HOST = "unnamed.invalid"
_SAFE = re.compile(r"%[0-9A-Fa-f]{2}|[!$&'()*+,/:;=@\[\]A-Za-z0-9\-_.~|^{}\\\"<>`#]")
_METHODS = ("GET", "HEAD", "OPTIONS", "PATCH", "PUT", "DELETE", "POST")
"""The first one that no route names is sent, so that no route for methods comes in between."""


@attrs.frozen
class _Path:
    """One path of a route, and paths of requests that it takes."""

    text: str
    regex: PcreRegex | None
    taken: tuple[str, ...]

    def takes(self, path: str) -> bool:
        routed = normalise(path)
        if self.regex is None:
            return routed.startswith(self.text)
        return self.regex.begins(octets(routed))[0]


@attrs.frozen(kw_only=True)
class _Wanted:
    """What a request needs to fit one route, with several ways to have it."""

    hosts: tuple[str, ...]
    taken_hosts: tuple[str, ...]
    paths: tuple[_Path, ...]
    headers: tuple[tuple[str, tuple[str, ...]], ...]
    methods: tuple[str, ...]
    snis: tuple[str, ...]
    schemes: tuple[str, ...]

    @property
    def taken_paths(self) -> Sequence[str]:
        return [path for one in self.paths for path in one.taken]


def requests_for(config: Mapping[str, object], *, most: int = _MOST) -> tuple[Request, ...]:
    """Requests to compare two routers with: the same ones each time, the telling ones first.

    For each route there are requests that fit it, with each of its hosts, paths, methods and
    headers; the same in forms that a gateway normalises, or is particular about; and one for each
    other route whose criteria can be met by the same request.

    Args:
        config: A declarative document as parsed, in the format of 2.8 or 3.x.
        most: No more than this. Where there would be more, each route has fewer.

    Raises:
        RouterError: No release loads the document.
    """
    release = Release.V3_4 if config.get("_format_version") == "3.0" else Release.V2_8
    routes = read_routes(config, release, router_flavor=None)
    engines = Engines.installed()
    named = {method for route in routes for method in route.methods}
    free = next((method for method in _METHODS if method not in named), "GET")
    wanted = [_wanted(route, release, engines, free) for route in routes]
    neighbours = _neighbours(wanted)
    lines = [_of_route(wanted[n], [wanted[m] for m in neighbours[n]]) for n in range(len(wanted))]
    found: dict[Request, None] = {}
    for turn in zip_longest(*lines):
        for request in turn:
            if len(found) >= most:
                return tuple(found)
            if request is not None:
                found[request] = None
    return tuple(found)


def _wanted(route: Route, release: Release, engines: Engines, free_method: str) -> _Wanted:
    # Kong lets a request by TLS pass to a route for `http`, so each scheme is tried with each.
    schemes = ("http", "https") if {"http", "grpc"} & {*route.protocols} else ("https", "http")
    if route.snis:
        schemes = ("https", "http")
    return _Wanted(
        hosts=route.hosts or (),
        taken_hosts=tuple(host for one in route.hosts or () for host in _hosts_like(one)),
        paths=tuple(_path(path, release, engines) for path in route.paths),
        headers=tuple((name, tuple(_values(values))) for name, values in route.headers),
        methods=route.methods or (free_method,),
        snis=route.snis,
        schemes=schemes,
    )


def _hosts_like(host: str) -> Iterator[str]:
    """Hosts that a host of a route takes."""
    if host.startswith("*"):
        yield from (f"w{host[1:]}", f"w.v{host[1:]}")
    elif host.endswith("*"):
        yield from (f"{host[:-1]}w", f"{host[:-1]}w.v")
    else:
        yield host


def _path(path: str, release: Release, engines: Engines) -> _Path:
    is_regex = is_regex_28(path) if release is Release.V2_8 else path.startswith("~")
    if not is_regex:
        sent = _sendable(path)
        folder = sent if sent.endswith("/") else f"{sent}/"
        taken = (sent, f"{folder}x", folder, f"{sent}x", f"{folder}x/y/")
        return _Path(normalise(path), None, taken)
    text = path.removeprefix("~")
    regex = PcreRegex(text, engines)
    rooted = (one if one.startswith("/") else f"/{one}" for one in samples(text))
    found = [sample for sample in rooted if regex.begins(octets(sample))[0]]
    return _Path(
        text, regex, tuple(_sendable(sample + tail) for tail in ("", "/x") for sample in found)
    )


def _sendable(path: str) -> str:
    """The path as a client would send it."""
    return re.sub(
        r"%[0-9A-Fa-f]{2}|.",
        lambda c: c[0] if _SAFE.fullmatch(c[0]) else "".join(f"%{b:02X}" for b in octets(c[0])),
        path,
        flags=re.DOTALL,
    )


def _values(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        if value.startswith("~*"):
            yield from samples(value[2:])
        yield value


def _neighbours(wanted: Sequence[_Wanted]) -> list[list[int]]:
    """For each route the others that might share a request with it, the closest paths first."""
    everyone = range(len(wanted))
    if len(wanted) <= _ALL_PAIRS:
        return [[m for m in everyone if m != n] for n in everyone]
    by_path: dict[bytes, list[int]] = {}
    for n, one in enumerate(wanted):
        for key in {_beginning(path) for path in one.paths} or {b""}:
            by_path.setdefault(key, []).append(n)
    found: list[list[int]] = []
    for n, one in enumerate(wanted):
        close: dict[int, None] = {}
        for path in [*one.taken_paths, ""]:
            data = octets(path)
            for length in range(len(data), -1, -1):
                close.update(dict.fromkeys(by_path.get(data[:length], ())[:_MOST_NEIGHBOURS]))
        close.pop(n, None)
        found.append(list(close)[:_MOST_NEIGHBOURS])
    return found


def _beginning(path: _Path) -> bytes:
    return octets(path.text) if path.regex is None else path.regex.landmarks.prefix


def _of_route(one: _Wanted, neighbours: Sequence[_Wanted]) -> Iterator[Request]:
    """Requests for one route, the most telling first."""
    base = _base(one)
    if base is None:
        return
    yield base
    yield from _variations(one, base)
    for other in neighbours:
        if (shared := _shared(one, other, base)) is not None:
            yield shared
    yield from _forms(base)


def _base(one: _Wanted) -> Request | None:
    """A request that fits the route and as little else as possible."""
    if one.paths and not one.taken_paths:
        return None
    headers = tuple((name, values[0]) for name, values in one.headers if values)
    return Request(
        method=one.methods[0],
        path=one.taken_paths[0] if one.paths else "/",
        host=one.taken_hosts[0] if one.hosts else _NO_HOST,
        headers=headers,
        scheme=one.schemes[0],
        sni=one.snis[0] if one.snis and one.schemes[0] == "https" else None,
    )


def _variations(one: _Wanted, base: Request) -> Iterator[Request]:
    """The base with another of the route's own paths, hosts, headers, methods or schemes."""
    for path in one.taken_paths[1:]:
        yield attrs.evolve(base, path=path)
    for host in one.taken_hosts[1:]:
        yield attrs.evolve(base, host=host)
    for method in (*one.methods[1:], "GET", "POST"):
        yield attrs.evolve(base, method=method)
    for name, values in one.headers:
        others = tuple(line for line in base.headers if line[0] != name)
        for value in values[1:]:
            yield attrs.evolve(base, headers=(*others, (name, value)))
    for scheme in one.schemes:
        for sni in (*one.snis, None) if scheme == "https" else (None,):
            yield attrs.evolve(base, scheme=scheme, sni=sni)


def _shared(one: _Wanted, other: _Wanted, base: Request) -> Request | None:
    """A request that fits both routes; None if there is none."""
    path, host = _shared_path(one, other), _shared_host(one, other)
    if path is None or host is None:
        return None
    theirs = tuple((name, values[0]) for name, values in other.headers if values)
    lines = (*base.headers, *(line for line in theirs if line not in base.headers))
    methods = [method for method in one.methods if method in other.methods]
    scheme = "https" if "https" in one.schemes and "https" in other.schemes else "http"
    snis = [sni for sni in one.snis if sni in other.snis] or [*one.snis, *other.snis]
    return attrs.evolve(
        base,
        path=path,
        host=host,
        headers=lines,
        method=methods[0] if methods else (other.methods or one.methods)[0],
        scheme=scheme if snis else base.scheme,
        sni=snis[0] if snis and scheme == "https" else None,
    )


def _shared_path(one: _Wanted, other: _Wanted) -> str | None:
    if not one.paths or not other.paths:
        return next(iter([*one.taken_paths, *other.taken_paths, "/"]))
    for mine, theirs in ((one, other), (other, one)):
        for path in mine.taken_paths:
            if any(candidate.takes(path) for candidate in theirs.paths):
                return path
    return None


def _shared_host(one: _Wanted, other: _Wanted) -> str | None:
    if not one.hosts or not other.hosts:
        return next(iter([*one.taken_hosts, *other.taken_hosts, _NO_HOST]))
    for mine, theirs in ((one, other), (other, one)):
        wildcards = WildcardHosts(theirs.hosts)
        for host in mine.taken_hosts:
            if host in theirs.hosts or wildcards.taking(split_port(host, "80")):
                return host
    return None


def _forms(base: Request) -> Iterator[Request]:
    """The base in other forms: some mean the same to a gateway, some only to one release."""
    path = base.path
    last = path[-1]
    encoded = f"{path[:-1]}%{ord(last):02x}" if last.isalnum() and last.isascii() else path
    for form in (encoded, f"/.{path}", f"/x/..{path}", f"/{path}", f"{path}%2Fx", f"{path}?y=/z"):
        yield attrs.evolve(base, path=form)
    yield attrs.evolve(base, path=path.swapcase())
    for host in (f"{base.host}:8080", f"{base.host}:", base.host.upper(), f"{base.host}:abc"):
        yield attrs.evolve(base, host=host)
    if base.host.startswith("w."):
        yield attrs.evolve(base, host=base.host[1:])
    for n, (name, value) in enumerate(base.headers):
        others = base.headers[:n] + base.headers[n + 1 :]
        yield attrs.evolve(base, headers=others)
        yield attrs.evolve(base, headers=(*others, (name.replace("-", "_"), value)))
        yield attrs.evolve(base, headers=(*base.headers, (name, "other")))
