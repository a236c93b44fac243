"""The router of 2.8, and the `traditional` one of 3.4: categories first, then an order in each.

A route with several paths is taken apart into one entry for each. Entries with the same kinds of
criteria form a category; categories with more kinds are asked first. Within one, what the request
hits in the indexes of the whole configuration narrows the choice before the order decides.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice, product

import attrs

from kong_lts.routing.paths import is_regex_28, normalise, normalise_regex, octets
from kong_lts.routing.router.category import (
    BITS,
    HEADER,
    HOST,
    METHOD,
    SNI,
    URI,
    Category,
    Entry,
    HeaderTest,
    Hits,
    PathTest,
)
from kong_lts.routing.router.configuration import Route
from kong_lts.routing.router.engines import Engines, PcreRegex
from kong_lts.routing.router.hosts import HostPort, WildcardHosts, routed_sni, split_port
from kong_lts.routing.router.index import Beginnings, Index
from kong_lts.routing.router.request import (
    NO_ROUTE,
    Asked,
    Candidate,
    lower_ascii,
)
from kong_lts.routing.router.ties import likeliest_first
from kong_lts.routing.router.upstream import answer
from kong_lts.versions import Release

__all__ = ["TraditionalRouter"]

_HAS_REGEX = 1
_PLAIN_HOSTS_ONLY = 2
_WILDCARD_WITH_PORT = 4
_LOADED_LAST = float("inf")
_PORTS = {"http": "80", "https": "443"}
_MOST_TIED = 8
"""So many of the hosts or paths that may be hit first are followed up; all are equally likely."""


class TraditionalRouter:
    """Decides as the gateway does; made once for a configuration."""

    def __init__(self, routes: Sequence[Route], release: Release, engines: Engines) -> None:
        regexes: dict[str, PcreRegex] = {}
        ordered = likeliest_first(
            [list(_entries(route, release, engines, regexes)) for route in routes]
        )
        entries: list[Entry] = []
        for group, (_, tied) in enumerate(groupby(ordered, key=lambda entry: entry.order)):
            entries.extend(attrs.evolve(entry, group=group) for entry in tied)
        self._hosts = _HostHits(entries)
        self._paths = _PathHits(entries)
        self._header_groups = _header_groups(entries)
        self._methods = {method for entry in entries for method in entry.methods}
        self._snis = {sni for entry in entries for sni in entry.snis}
        by_rules: dict[int, list[Entry]] = {}
        for entry in entries:
            by_rules.setdefault(entry.rules, []).append(entry)
        order = sorted(by_rules, key=lambda rules: (-rules.bit_count(), -rules))
        self._categories = [Category(rules, by_rules[rules]) for rules in order]
        self._places = {rules: place for place, rules in enumerate(order)}

    def matches(self, asked: Asked) -> list[Candidate]:
        """All that may come out, the likeliest first; empty where no route takes the request."""
        bits, every_hits = self._hits(asked)
        found: list[Candidate] = []
        for hits in every_hits if bits else ():
            found += self._winners(asked, hits, self._places.get(bits, 0))
        return found if {*found} - {NO_ROUTE} else [NO_ROUTE] * asked.doubt

    def missing(self, label: str, asked: Asked) -> str | None:
        """The criterion because of which a route does not take a request; None if it does."""
        _, every_hits = self._hits(asked)
        missing = [
            entry.missing(asked, hits)
            for entry in self._by_route.get(label, ())
            for hits in every_hits
        ]
        return None if None in missing or not missing else missing[-1]

    @functools.cached_property
    def _by_route(self) -> Mapping[str, Sequence[Entry]]:
        found: dict[str, list[Entry]] = {}
        for category in self._categories:
            for entry in category.entries:
                found.setdefault(entry.route.label, []).append(entry)
        return found

    def _hits(self, asked: Asked) -> tuple[int, list[Hits]]:
        """The kinds of criteria of which the request hits one, and what it hits."""
        host = split_port(asked.host, _PORTS[asked.scheme])
        host_hits = self._hosts.of(host)
        path_hits = self._paths.of(asked)
        header_hits = self._header_hits(asked)
        bits = HOST * bool(host_hits) | URI * (path_hits != [None]) | HEADER * bool(header_hits)
        bits |= METHOD * (asked.method in self._methods) | SNI * (asked.sni in self._snis)
        wildcards = self._hosts.wildcards(host)
        no_hit: list[str | None] = [None]
        every = product(
            (host_hits or no_hit)[:_MOST_TIED], path_hits[:_MOST_TIED], header_hits or no_hit
        )
        return bits, [
            Hits(host, wildcard, path, header, wildcards)
            for wildcard, path, header in islice(every, _MOST_TIED**2)
        ]

    def _winners(self, asked: Asked, hits: Hits, place: int) -> list[Candidate]:
        """Those of the highest category that takes the request, from this one on."""
        for category in self._categories[place:]:
            if winners := category.winners(asked, hits):
                return [_answer(entry, asked, hits) for entry in winners]
        return [NO_ROUTE]

    def _header_hits(self, asked: Asked) -> list[str]:
        """The names that may come first of those that the request has.

        The order of the headers within a route is that of a Lua table: any.
        """
        for names in self._header_groups:
            if hits := [name for name in names if asked.header(name)]:
                return hits
        return []


def _answer(entry: Entry, asked: Asked, hits: Hits) -> Candidate:
    postfix = entry.path.postfix(asked, hits) if entry.path else None
    rest = asked.uri[1:] if postfix is None or postfix.rest is None else postfix.rest
    return answer(entry.route, asked, rest, path_handling=entry.route.path_handling)


class _HostHits:
    """What a host hits among the hosts of all routes."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._plain = {host for entry in entries for host in entry.plain_hosts}
        self._groups: dict[str, int] = {}
        self._tied: dict[str, set[tuple[str, ...]]] = {}
        for entry in entries:
            for host in entry.wildcard_hosts:
                if self._groups.setdefault(host, entry.group) == entry.group:
                    self._tied.setdefault(host, set()).add(entry.wildcard_hosts)
        self._wildcards = WildcardHosts(list(self._groups))

    def wildcards(self, host: HostPort) -> Sequence[str]:
        """All wildcard hosts that take it."""
        return self._wildcards.taking(host)

    def of(self, host: HostPort) -> list[str | None]:
        """The wildcard host that is hit first, of tied ones all; None for a plain host.

        Empty where nothing is hit.
        """
        if host.with_port in self._plain or host.name in self._plain:
            return [None]
        taking = self._wildcards.taking(host)
        # Within one route the first of its list is hit, between tied routes any.
        return [
            one
            for one in taking
            if self._groups[one] == self._groups[taking[0]]
            and any(_first_of(hosts, taking) == one for hosts in self._tied[one])
        ]


def _first_of(hosts: Sequence[str], taking: Sequence[str]) -> str | None:
    return next((host for host in hosts if host in taking), None)


class _PathHits:
    """What a path hits among the paths of all routes: the first regex, else the longest prefix."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        first: dict[bytes, tuple[int, PcreRegex]] = {}
        prefixes: set[bytes] = set()
        for entry in entries:
            if entry.path is None:
                continue
            if entry.path.regex is None:
                prefixes.add(entry.path.value)
            else:
                first.setdefault(entry.path.value, (entry.group, entry.path.regex))
        self._regexes = list(first.values())
        known = [regex.landmarks for _, regex in self._regexes]
        self._index = Index(
            [(None, (k.prefix,), None, None, k.segment and (k.segment,)) for k in known]
        )
        self._beginnings = Beginnings(k.prefix for k in known)
        self._segments = Beginnings(k.segment for k in known if k.segment is not None)
        self._prefixes = prefixes
        self._prefix_lengths = sorted({len(prefix) for prefix in prefixes}, reverse=True)

    def of(self, asked: Asked) -> list[bytes | None]:
        """The path that is hit, of tied regexes all; only None where nothing is hit."""
        uri = asked.uri
        keys = self._beginnings.of(uri)
        segments = self._segments.of(*asked.segments)
        found: list[bytes | None] = []
        group = -1
        for number in self._index.find(((), keys, (), (), segments)):
            own, regex = self._regexes[number]
            if found and own != group:
                break
            hit, sure = regex.begins(uri)
            asked.doubt |= not sure
            if hit:
                found.append(regex.text)
                group = own
        return found or [self._prefix_of(uri)]

    def _prefix_of(self, uri: bytes) -> bytes | None:
        if uri in self._prefixes:
            return uri
        for length in self._prefix_lengths:
            if length <= len(uri) and uri[:length] in self._prefixes:
                return uri[:length]
        return None


def _header_groups(entries: Sequence[Entry]) -> list[list[str]]:
    """Names of headers in the order in which the routes bring them, undecided ones together."""
    seen: set[str] = set()
    groups: list[list[str]] = []
    for _, tied in groupby(entries, key=lambda entry: entry.group):
        names = dict.fromkeys(test.name for entry in tied for test in entry.headers)
        if new := [name for name in names if name not in seen]:
            groups.append(new)
        seen.update(names)
    return groups


def _entries(
    route: Route, release: Release, engines: Engines, regexes: dict[str, PcreRegex]
) -> Iterator[Entry]:
    """The route as the router keeps it: once for each of its paths."""
    headers = tuple(_header(name, values, engines) for name, values in route.headers)
    snis = frozenset(map(routed_sni, route.snis))
    for path in route.paths or (None,):
        test = None if path is None else _path(path, release, engines, regexes)
        hosts = route.hosts or ()
        criteria = (hosts, headers, test, route.methods, snis)
        yield Entry(
            route=route,
            order=_order(route, test, len(headers)),
            rules=sum(bit for bit, values in zip(BITS, criteria, strict=True) if values),
            plain_hosts=frozenset(host for host in hosts if "*" not in host),
            wildcard_hosts=tuple(host for host in hosts if "*" in host),
            hosts=hosts,
            headers=headers,
            path=test,
            methods=frozenset(route.methods),
            snis=snis,
        )


def _path(path: str, release: Release, engines: Engines, regexes: dict[str, PcreRegex]) -> PathTest:
    """One path: 2.8 guesses what is a regex and normalises; 3.4 takes what it is told.

    2.8.5 too takes what begins with `~` for a regex, though its schema lets nobody write it.
    """
    if release is Release.V2_8:
        text = path.removeprefix("~")
        is_regex = text != path or is_regex_28(path)
        value = normalise_regex(text) if is_regex else normalise(path)
    else:
        is_regex = path.startswith("~")
        value = text = path.removeprefix("~")
    if not is_regex:
        return PathTest(octets(value), octets(text), None)
    regex = regexes.setdefault(value, PcreRegex(value, engines))
    return PathTest(octets(value), octets(value), regex)


def _header(name: str, values: Sequence[str], engines: Engines) -> HeaderTest:
    pattern = None
    if len(values) == 1 and values[0].startswith("~*"):
        pattern = PcreRegex(values[0][2:], engines)
    return HeaderTest(name.lower(), frozenset(map(lower_ascii, values)), pattern)


def _order(route: Route, path: PathTest | None, headers: int) -> tuple[float, ...]:
    """What is sorted by within a category, lowest first; equal ones come in any order."""
    is_regex = path is not None and path.regex is not None
    hosts = route.hosts
    kind = _HAS_REGEX * is_regex
    if hosts is not None:
        wildcards = any("*" in host for host in hosts)
        with_port = any("*" in host and split_port(host, "").has_port for host in hosts)
        kind |= _WILDCARD_WITH_PORT * with_port | _PLAIN_HOSTS_ONLY * (not wildcards)
    return (
        -kind,
        -headers,
        -route.regex_priority if is_regex else 0,
        0 if path is None or is_regex else -len(path.written),
        _LOADED_LAST if route.created_at is None else route.created_at,
    )
