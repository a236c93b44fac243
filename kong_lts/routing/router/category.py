"""One category of the traditional router: entries with the same kinds of criteria."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

import attrs

from kong_lts.routing.paths import octets
from kong_lts.routing.router.configuration import Route
from kong_lts.routing.router.engines import PcreRegex, Postfix
from kong_lts.routing.router.hosts import HostPort
from kong_lts.routing.router.index import Beginnings, Index, Keys, Query
from kong_lts.routing.router.request import Asked
from kong_lts.routing.router.upstream import sanitised

__all__ = [
    "BITS",
    "HEADER",
    "HOST",
    "METHOD",
    "SNI",
    "URI",
    "Category",
    "Entry",
    "HeaderTest",
    "Hits",
    "PathTest",
]

HOST, HEADER, URI, METHOD, SNI = BITS = (64, 32, 16, 8, 4)
"""The kinds of criteria; of two categories with as many, the greater sum comes first."""


@attrs.frozen
class Hits:
    """What a request hits in the indexes of the whole configuration."""

    host: HostPort
    wildcard: str | None
    """The wildcard host that is hit first; None where a plain host is hit, or nothing."""
    path: bytes | None
    header: str | None
    wildcards: Sequence[str]
    """All wildcard hosts that take the host."""


@attrs.frozen
class HeaderTest:
    """One header of a route."""

    name: str
    values: frozenset[str]
    pattern: PcreRegex | None

    def passes(self, asked: Asked) -> bool:
        for value in asked.header(self.name):
            if value in self.values:
                return True
            if self.pattern is not None:
                found, sure = self.pattern.occurs(octets(value))
                asked.doubt |= not sure
                if found:
                    return True
        return False


@attrs.frozen
class PathTest:
    """One path of a route."""

    value: bytes
    """As it is compared: a normalised prefix, or a regex."""
    written: bytes
    """As the configuration has it."""
    regex: PcreRegex | None

    def postfix(self, asked: Asked, hits: Hits) -> Postfix | None:
        """What it leaves of the path of the request; None if it does not match.

        A path whose text is what was hit counts as matched, be it a regex or not.
        """
        uri = asked.uri
        is_hit = self.written == (uri if hits.path is None else hits.path)
        if self.regex is not None:
            found, sure = self.regex.postfix(uri)
            asked.doubt |= not sure
            if found is not None:
                return found if found.rest is None else Postfix(sanitised(found.rest))
            if not is_hit or not self.regex.takes_a_rest:
                return None
        elif not is_hit and not uri.startswith(self.value):
            return None
        return Postfix(sanitised(uri[len(self.value) :]))


@attrs.frozen(kw_only=True)
class Entry:
    """A route with one of its paths."""

    route: Route
    order: tuple[float, ...]
    """What it is sorted by."""
    group: int = 0
    """The same for all that the order leaves tied."""
    rules: int
    plain_hosts: frozenset[str]
    wildcard_hosts: tuple[str, ...]
    hosts: tuple[str, ...]
    headers: tuple[HeaderTest, ...]
    path: PathTest | None
    methods: frozenset[str]
    snis: frozenset[str]

    def takes(self, asked: Asked, hits: Hits) -> bool:
        """Whether the request fits all criteria."""
        return self.missing(asked, hits) is None

    def missing(self, asked: Asked, hits: Hits) -> str | None:
        """The first criterion that the request does not fit; None if it fits all."""
        if self.methods and asked.method not in self.methods:
            return "methods"
        if self.hosts and not self._takes_host(asked, hits):
            return "hosts"
        if self.snis and asked.scheme != "http" and asked.sni not in self.snis:
            return "snis"
        if self.path is not None and self.path.postfix(asked, hits) is None:
            return "paths"
        return None if all(test.passes(asked) for test in self.headers) else "headers"

    def _takes_host(self, asked: Asked, hits: Hits) -> bool:
        named = asked.host if hits.wildcard is None else hits.wildcard
        if named in self.plain_hosts or hits.host.name in self.plain_hosts:
            return True
        return any(host in hits.wildcards for host in self.wildcard_hosts)


_Member: TypeAlias = Callable[[Entry], bool]


class Category:
    """Its entries in order, and how many of them share a host, a path and so on."""

    def __init__(self, rules: int, entries: Sequence[Entry]) -> None:
        self._rules = rules
        self.entries = entries
        self._index = Index([_keys(entry) for entry in entries])
        paths = [entry.path for entry in entries if entry.path is not None]
        self._paths = Beginnings(key for path in paths for key in _path_keys(path))
        self._segments = Beginnings(key for path in paths for key in _segment_keys(path) or ())
        self._names = {test.name for entry in entries for test in entry.headers}
        self._by_host = Counter(host for entry in entries for host in entry.hosts)
        self._by_header = Counter(test.name for entry in entries for test in entry.headers)
        self._by_path = Counter(path.value for path in paths)
        self._by_method = Counter(method for entry in entries for method in entry.methods)
        self._by_sni = Counter(sni for entry in entries for sni in entry.snis)

    def winners(self, asked: Asked, hits: Hits) -> list[Entry]:
        """The entry that is chosen, with those that are tied with it; empty if none takes it.

        Those that share what was hit are asked first, however the others stand in the order.
        """
        is_member = self._narrowed(asked, hits)
        members: list[Entry] = []
        others: list[Entry] = []
        for number in self._index.find(self._query(asked, hits)):
            entry = self.entries[number]
            first = is_member is None or is_member(entry)
            chosen = members if first else others
            if chosen and chosen[0].group != entry.group:
                if first:
                    break
                continue
            if (first or not members) and entry.takes(asked, hits):
                chosen.append(entry)
        return members or others

    def _narrowed(self, asked: Asked, hits: Hits) -> _Member | None:
        """Which entries are asked first: those of the smallest set that shares something hit."""
        host = asked.host if hits.wildcard is None else hits.wildcard
        path, header = hits.path, hits.header
        if self._rules & HEADER and header is not None and self._by_header[header]:
            return lambda entry: any(test.name == header for test in entry.headers)
        sets: list[tuple[int, _Member]] = [
            (self._by_host[host], lambda entry: host in entry.hosts),
            (
                self._by_path[path] if path is not None else 0,
                lambda entry: entry.path is not None and entry.path.value == path,
            ),
            (self._by_method[asked.method], lambda entry: asked.method in entry.methods),
            (self._by_sni[asked.sni], lambda entry: asked.sni in entry.snis),
        ]
        sizes = [(size, number) for number, (size, _) in enumerate(sets) if size]
        return sets[min(sizes)[1]][1] if sizes else None

    def _query(self, asked: Asked, hits: Hits) -> Query:
        uri = asked.uri
        hosts = [asked.host, hits.host.name, *hits.wildcards]
        paths = [*self._paths.of(uri), uri if hits.path is None else hits.path]
        headers: list[tuple[str, ...]] = []
        for name in self._names:
            if values := asked.header(name):
                headers += [(name, value) for value in values]
                headers.append((name,))
        return hosts, paths, headers, (asked.method,), self._segments.of(*asked.segments)


def _path_keys(path: PathTest) -> tuple[bytes, ...]:
    if path.regex is None:
        return (path.value, path.written)
    return (path.regex.landmarks.prefix, path.written)


def _segment_keys(path: PathTest) -> tuple[bytes, ...] | None:
    """A segment of what the regex takes, and one of its own text, which may count as a match."""
    if path.regex is None or path.regex.landmarks.segment is None:
        return None
    known = path.regex.landmarks.segment
    written = path.written.split(b"/")
    return (known,) if any(s.startswith(known) for s in written) else (known, max(written, key=len))


def _keys(entry: Entry) -> Keys:
    names: list[tuple[str, ...]] | None = None
    if entry.headers:
        test = entry.headers[0]
        names = [(test.name, value) for value in test.values]
        names += [(test.name,)] if test.pattern else []
    return (
        entry.hosts or None,
        _path_keys(entry.path) if entry.path else None,
        names,
        tuple(entry.methods) or None,
        _segment_keys(entry.path) if entry.path else None,
    )
