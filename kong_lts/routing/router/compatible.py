"""The `traditional_compatible` router of 3.4, its default: one priority, then the greatest id."""

import contextlib
import functools
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence

import attrs

from kong_lts.digits import whole
from kong_lts.routing.paths import octets
from kong_lts.routing.router.causes import Cause
from kong_lts.routing.router.configuration import Route
from kong_lts.routing.router.engines import Engines, RustRegex
from kong_lts.routing.router.hosts import routed_sni
from kong_lts.routing.router.index import Beginnings, Index, Keys, Query
from kong_lts.routing.router.priority import Priority, deciding
from kong_lts.routing.router.refusals import compatible_regex
from kong_lts.routing.router.request import (
    NO_ROUTE,
    Asked,
    Candidate,
    lower_ascii,
)
from kong_lts.routing.router.upstream import answer, sanitised

__all__ = ["CompatibleRouter"]

_SPLIT_IDS = uuid.UUID("7f145bf9-0dce-4f91-98eb-debbce4b9f6b")
"""Namespace of the ids that the parts of a route with several paths get."""
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]{1,2})?"
)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
_NO_ID = "00000000-0000-0000-0000-000000000000"


@attrs.frozen
class _Host:
    """One of the hosts of a route."""

    kind: str
    """`=` for the very host, `$` for its end, `^` for its beginning."""
    text: str
    port: int | None

    def takes(self, name: str, port: int | None) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.kind == "$":
            return name.endswith(self.text)
        return name.startswith(self.text) if self.kind == "^" else name == self.text


@attrs.frozen
class _Header:
    """One of the headers of a route: any of the values, or any match of the regexes."""

    name: str
    values: frozenset[str]
    regexes: tuple[RustRegex, ...]


@attrs.frozen
class _Path:
    """One path of a part."""

    prefix: bytes
    """Of a regex what it must begin with."""
    regex: RustRegex | None
    segment: bytes | None = None
    """How a segment must begin for a regex."""


@attrs.frozen
class _Hit:
    """A part that takes the request."""

    matched: bytes | None
    """What of the path its path matched; None where it has none."""


@attrs.frozen(kw_only=True)
class _Part:
    """A route, or what of it has paths of one length, or its regexes."""

    route: Route
    priority: Priority
    rank: int
    """The number of the priority."""
    id: str | None
    """None where each load makes another one."""
    hosts: tuple[_Host, ...]
    headers: tuple[_Header, ...]
    paths: tuple[_Path, ...]
    methods: frozenset[str]
    snis: frozenset[str]


class CompatibleRouter:
    """Decides as the gateway does; made once for a configuration."""

    def __init__(self, routes: Sequence[Route], engines: Engines) -> None:
        parts = [part for route in routes for part in _parts(route, engines)]
        parts.sort(key=lambda part: (part.rank, (part.id or _NO_ID).lower()), reverse=True)
        self._parts = parts
        self._index = Index([_keys(part) for part in parts])
        paths = [path for part in parts for path in part.paths]
        self._paths = Beginnings(path.prefix for path in paths)
        self._segments = Beginnings(path.segment for path in paths if path.segment is not None)
        self._header_names = {header.name for part in parts for header in part.headers}
        self._has_hosts = any(part.hosts for part in parts)
        self._has_paths = bool(paths)

    def matches(self, asked: Asked) -> list[Candidate]:
        """All that may come out, the likeliest first; empty where no route takes the request."""
        if not self._is_utf8(asked):
            return []  # the gateway logs it and answers 404
        path = asked.uri.decode(errors="replace")
        found: list[tuple[_Part, _Hit]] = []
        name, port = _host_and_port(asked.host)
        for number in self._index.find(self._query(asked, name)):
            part = self._parts[number]
            if found and not _may_tie(found[0][0], part):
                if part.rank < found[0][0].rank:
                    break
                continue
            hit = _hit(part, asked, path, name, port)
            if hit is not None:
                found.append((part, hit))
        matches = [_answer(part, asked, hit.matched) for part, hit in found]
        return matches or ([NO_ROUTE] if asked.doubt else [])

    def _is_utf8(self, asked: Asked) -> bool:
        """Whether what the routes look at is; the rest may be anything."""
        looked_at = [value for name in self._header_names for value in asked.header(name)]
        looked_at += [asked.host] * self._has_hosts
        try:
            "".join(looked_at).encode()
            asked.uri.decode("utf-8" if self._has_paths else "latin-1")
        except UnicodeError:
            return False
        return True

    def missing(self, label: str, asked: Asked) -> str | None:
        """The criterion because of which a route does not take a request; None if it does."""
        name, port = _host_and_port(asked.host)
        if not self._is_utf8(asked):
            return "paths"
        path = asked.uri.decode(errors="replace")
        found: str | None = "headers"  # but for those of a header that Rust refuses all are kept
        for part in self._parts_of(label):
            found = _missing(part, asked, name, port)
            if found is None:
                if not part.paths or _path_hit(part, asked, path) is not None:
                    return None
                found = "paths"
        return found

    def deciding(self, winner: str, loser: str, asked: Asked) -> Cause:
        """Why one route that takes the request comes before another one that does."""
        name, port = _host_and_port(asked.host)
        path = asked.uri.decode(errors="replace")
        best = [
            next(
                part.priority
                for part in self._parts_of(label)
                if _hit(part, asked, path, name, port) is not None
            )
            for label in (winner, loser)
        ]
        return deciding(*best)

    def _parts_of(self, label: str) -> Sequence[_Part]:
        """Those of one route, first one first."""
        return self._by_route.get(label, ())

    @functools.cached_property
    def _by_route(self) -> Mapping[str, Sequence[_Part]]:
        found: dict[str, list[_Part]] = {}
        for part in self._parts:
            found.setdefault(part.route.label, []).append(part)
        return found

    def _query(self, asked: Asked, name: str) -> Query:
        hosts = [("=", name)]
        for at, character in enumerate(name):
            if character == ".":
                hosts += [("^", name[: at + 1]), ("$", name[at:])]
        headers: list[tuple[str, ...]] = []
        for header in self._header_names:
            values = asked.header(header)
            headers += [(header, value) for value in values]
            if values:
                headers.append((header,))
        segments = self._segments.of(*asked.segments)
        return hosts, self._paths.of(asked.uri), headers, (asked.method,), segments


def _may_tie(winner: _Part, other: _Part) -> bool:
    """Whether the order of the two is made anew on each load."""
    return winner.rank == other.rank and (winner.id is None or other.id is None)


def _answer(part: _Part, asked: Asked, matched: bytes | None) -> Candidate:
    strips = part.route.strip_path and matched is not None
    postfix = asked.uri[len(matched or b"") if strips else 1 :]
    return answer(part.route, asked, sanitised(postfix), path_handling="v0")


def _parts(route: Route, engines: Engines) -> Iterator[_Part]:
    """The route as the router keeps it: one part for each length of path, one for the regexes."""
    groups: dict[str, list[str]] = {}
    for path in route.paths:
        key = "true" if path.startswith("~") else str(len(octets(path)))
        groups.setdefault(key, []).append(path)
    headers = tuple(_headers(route, engines))
    if any(not header.values and not header.regexes for header in headers):
        return  # no expression can be made of it
    if not all(regex.compiles for header in headers for regex in header.regexes):
        return  # 3.4 loads the route, logs "could not add route" and goes on without it
    for key, paths in groups.items() or [("", [])]:
        split_id = route.id
        if len(route.paths) > 1 and route.id is not None:
            split_id = str(uuid.uuid5(_SPLIT_IDS, f"{route.id}#{key}"))
        priority = Priority.of(route, paths)
        yield _Part(
            route=route,
            priority=priority,
            rank=priority.number,
            id=split_id,
            hosts=tuple(map(_host, route.hosts or ())),
            headers=headers,
            paths=tuple(_path(path, engines) for path in paths),
            methods=frozenset(route.methods),
            snis=frozenset(map(routed_sni, route.snis)),
        )


def _host_and_port(host: str) -> tuple[str, int | None]:
    """A host taken apart where what follows the first colon is a number to Lua."""
    name, _, port = host.partition(":")
    if port.isascii() and port.isdigit():
        return name, whole(port)
    with contextlib.suppress(OverflowError):  # no listener has a port beyond all numbers
        if _HEXADECIMAL.fullmatch(port):
            return name, int(float.fromhex(port))
        if _DECIMAL.fullmatch(port):
            return name, int(float(port))
    return host, None


def _host(host: str) -> _Host:
    name, port = _host_and_port(host)
    if name.startswith("*"):
        return _Host("$", name[1:], port)
    if name.endswith("*"):
        return _Host("^", name[:-1], port)
    return _Host("=", name, port)


def _headers(route: Route, engines: Engines) -> Iterator[_Header]:
    for name, values in route.headers:
        lower = [lower_ascii(value) for value in values]
        yield _Header(
            name.lower().replace("-", "_"),
            frozenset(value for value in lower if not value.startswith("~*")),
            tuple(RustRegex(value[2:], engines) for value in lower if value.startswith("~*")),
        )


def _path(path: str, engines: Engines) -> _Path:
    if not path.startswith("~"):
        return _Path(octets(path), None)
    regex = RustRegex(compatible_regex(path), engines)
    return _Path(regex.landmarks.prefix, regex, regex.landmarks.segment)


def _keys(part: _Part) -> Keys:
    header = part.headers[0] if part.headers else None
    names = None
    if header is not None:
        names = [(header.name,)] if header.regexes else [(header.name, v) for v in header.values]
    segments = [path.segment for path in part.paths]
    return (
        [(host.kind, host.text) for host in part.hosts] or None,
        [path.prefix for path in part.paths] or None,
        names,
        tuple(part.methods) or None,
        None if None in segments or not segments else segments,
    )


def _hit(part: _Part, asked: Asked, path: str, name: str, port: int | None) -> _Hit | None:
    """How the part takes the request; None if it does not."""
    if _missing(part, asked, name, port) is not None:
        return None
    return _path_hit(part, asked, path) if part.paths else _Hit(None)


def _missing(part: _Part, asked: Asked, name: str, port: int | None) -> str | None:
    """The first criterion but for the path that the request does not meet."""
    if part.methods and asked.method not in part.methods:
        return "methods"
    if part.hosts and not any(host.takes(name, port) for host in part.hosts):
        return "hosts"
    if part.snis and asked.scheme == "https" and asked.sni not in part.snis:
        return "snis"
    if not all(_header_matches(header, asked) for header in part.headers):
        return "headers"
    return None


def _header_matches(header: _Header, asked: Asked) -> bool:
    values = asked.header(header.name)
    if any(value in header.values for value in values):
        return True
    for regex in header.regexes:
        for value in values:
            found, sure = regex.found(value)
            asked.doubt |= not sure
            if found is not None:
                return True
    return False


def _path_hit(part: _Part, asked: Asked, path: str) -> _Hit | None:
    """The text that the first fitting path matched, which need not stand at the beginning."""
    for one in part.paths:
        if not asked.uri.startswith(one.prefix):
            continue
        if one.regex is None:
            return _Hit(one.prefix)
        found, sure = one.regex.found(path)
        asked.doubt |= not sure
        if found is not None:
            return _Hit(octets(found))
    return None
