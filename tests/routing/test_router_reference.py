"""The routers agree with a plain reading of Kong's rules, whatever the configuration."""

import re
import uuid
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import attrs
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kong_lts import routing
from kong_lts.routing import Match, Request
from kong_lts.routing.router.engines import Engines
from tests.conftest import counted

HOSTS = ("a.test", "b.a.test", "*.a.test", "*.test", "a.*", "b.*", "a.test:8080", "*.test:8080")
PATHS = ("/", "/a", "/a/b", "/ab", "/b", "/a%2Eb")
REGEXES = (r"/a/\d+", r"/[a-z]+$", "/a(/b)?", r"/(?<x>[a-z]+)/\d+", "/(a)", r"/x\.y/b/.*")
METHODS = ("GET", "POST", "PUT")
HEADERS = ("x-a", "x-b")
VALUES = ("1", "2", "~*^[12]$")
SNIS = ("a.test", "b.test")
REQUEST_PATHS = ("/", "/a", "/ab", "/a/b", "/a/1", "/a/b/c", "/b", "/a.b", "/(a)", "/x.y/b/1", "/c")
REQUEST_HOSTS = ("a.test", "b.a.test", "c.b.a.test", "a.test:8080", "b.org", "other", "x.test:8080")


def subset(values: Sequence[str], most: int = 2) -> st.SearchStrategy[list[str]]:
    """Some of them, often none."""
    return st.one_of(st.just([]), st.lists(st.sampled_from(values), max_size=most, unique=True))


@st.composite
def routes(draw: st.DrawFn, *, uncertain: bool) -> list[dict[str, Any]]:
    """Routes that overlap a lot; of different ages unless they may be uncertain."""
    found: list[dict[str, Any]] = []
    for n in range(draw(st.integers(1, 7))):
        route: dict[str, Any] = {
            "name": f"r{n}",
            "id": f"{draw(st.integers(0, 0xFFFFFF)):08x}-0000-4000-8000-{n:012x}",
            "created_at": draw(st.integers(1, 2)) if uncertain else (n * 37) % 101,
            "hosts": draw(subset(HOSTS)),
            "paths": draw(subset(PATHS + REGEXES)),
            "methods": draw(subset(METHODS)),
            "headers": {name: [draw(st.sampled_from(VALUES))] for name in draw(subset(HEADERS))},
            "strip_path": draw(st.booleans()),
            "path_handling": draw(st.sampled_from(["v0", "v1"])),
            "regex_priority": draw(st.sampled_from([0, 0, 1, 5, -1, 1024, 4096])),
        }
        if draw(st.booleans()):
            route |= {"snis": draw(subset(SNIS)), "protocols": ["https"]}
        if any(route.get(key) for key in ("hosts", "paths", "methods", "headers", "snis")):
            found.append({key: value for key, value in route.items() if value not in ([], {})})
    assume(found)
    return found


REQUESTS = st.builds(
    Request,
    method=st.sampled_from(METHODS),
    path=st.sampled_from(REQUEST_PATHS),
    host=st.sampled_from(REQUEST_HOSTS),
    headers=st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(["1", "2", "3"])),
    scheme=st.sampled_from(["http", "https"]),
    sni=st.sampled_from([None, *SNIS]),
)
FEW_REQUESTS = st.lists(REQUESTS, min_size=5, max_size=15)


def document(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A document of 2.8, which 3.4 migrates on load."""
    service = {"name": "s", "host": "up.test", "path": "/base", "routes": list(found)}
    return {"_format_version": "2.1", "services": [service]}


@attrs.frozen(kw_only=True)
class Entry:
    """A route with one of its paths, or in 3.4 with some of them."""

    route: Mapping[str, Any]
    paths: tuple[str, ...]

    def has(self, key: str) -> Any:
        """The values of a criterion."""
        return self.paths if key == "paths" else self.route.get(key, ())

    @property
    def is_regex(self) -> bool:
        """Whether its paths are regexes."""
        return bool(self.paths) and self.paths[0] in REGEXES

    @property
    def has_plain_hosts_only(self) -> bool:
        """Whether it has hosts, and none with a wildcard."""
        return bool(self.has("hosts")) and not any("*" in host for host in self.has("hosts"))


class Sent:
    """A request, and what it hits among all entries."""

    def __init__(self, request: Request, entries: Sequence[Entry]) -> None:
        self.request = request
        self.headers = dict(request.headers)
        self.sni = request.sni if request.scheme == "https" else ""
        self.name, _, port = request.host.partition(":")
        self.full = f"{self.name}:{port or {'http': '80', 'https': '443'}[request.scheme]}"
        hosts = [host for entry in entries for host in entry.has("hosts")]
        self.wildcards = [h for h in hosts if "*" in h and wildcard_takes(h, self.full)]
        self.plain_host = self.name in hosts or self.full in hosts
        self.host_hit = self.wildcards[0] if self.wildcards and not self.plain_host else None
        paths = [(path, entry.is_regex) for entry in entries for path in entry.paths]
        regexes = [path for path, is_regex in paths if is_regex and self.begins(path)]
        plain = [unescaped(path) for path, is_regex in paths if not is_regex]
        longest = max((p for p in plain if request.path.startswith(p)), key=len, default=None)
        self.path_hit = regexes[0] if regexes else longest
        named = [name for entry in entries for name in entry.has("headers")]
        self.header_hit = next((name for name in named if name in self.headers), None)
        self.kinds = 64 * bool(self.plain_host or self.wildcards)
        self.kinds += 32 * (self.header_hit is not None) + 16 * (self.path_hit is not None)
        self.kinds += 8 * any(request.method in entry.has("methods") for entry in entries)
        self.kinds += 4 * any(self.sni in entry.has("snis") for entry in entries)

    def begins(self, regex: str) -> bool:
        """Whether the path begins with what a regex takes."""
        return re.match(regex.replace("?<", "?P<"), self.request.path) is not None


def unescaped(path: str) -> str:
    """A plain path as it is compared."""
    return path.replace("%2E", ".")


def wildcard_takes(wildcard: str, host: str) -> bool:
    """As the expression that Kong makes of a wildcard host."""
    pattern = wildcard.replace(".", r"\.").replace("*", ".+")
    return re.fullmatch(pattern + ("" if ":" in wildcard else r"(?::\d+)?"), host) is not None


def headers_fit(entry: Entry, sent: Sent) -> bool:
    """Whether each header has one of its values, or what the only one of them asks for."""
    return all(
        (value := sent.headers.get(name)) is not None
        and (value in own or (own[0][:2] == "~*" and re.search(own[0][2:], value) is not None))
        for name, own in entry.route.get("headers", {}).items()
    )


class Reference28:
    """The router of 2.8, each of its lists looked through from the beginning."""

    BITS: ClassVar = {"hosts": 64, "headers": 32, "paths": 16, "methods": 8, "snis": 4}

    def __init__(self, found: Sequence[Mapping[str, Any]]) -> None:
        unsorted = [
            Entry(route=route, paths=(path,) if path else ())
            for route in found
            for path in route.get("paths", [None])
        ]
        self.entries = sorted(unsorted, key=self.order)
        kinds = {self.kinds(entry) for entry in self.entries}
        self.categories = sorted(kinds, key=lambda k: (-k.bit_count(), -k))

    def kinds(self, entry: Entry) -> int:
        """Which kinds of criteria it has."""
        return sum(bit for key, bit in self.BITS.items() if entry.has(key))

    @staticmethod
    def order(entry: Entry) -> tuple[float, ...]:
        """What sorts the entries of a category."""
        with_port = any("*" in host and ":" in host for host in entry.has("hosts"))
        return (
            -(entry.is_regex + 2 * entry.has_plain_hosts_only + 4 * with_port),
            -len(entry.has("headers")),
            -entry.route["regex_priority"] if entry.is_regex else 0,
            -len(entry.paths[0]) if entry.paths and not entry.is_regex else 0,
            entry.route["created_at"],
        )

    def takes(self, entry: Entry, sent: Sent) -> bool:
        """Whether all criteria fit."""
        request, hosts = sent.request, entry.has("hosts")
        by_name = sent.name in hosts or (sent.host_hit is None and request.host in hosts)
        return (
            (not hosts or by_name or any(host in hosts for host in sent.wildcards))
            and (not entry.has("methods") or request.method in entry.has("methods"))
            and (not entry.has("snis") or request.scheme == "http" or sent.sni in entry.has("snis"))
            and headers_fit(entry, sent)
            and all(self.path_fits(path, entry, sent) for path in entry.paths)
        )

    @staticmethod
    def path_fits(path: str, entry: Entry, sent: Sent) -> bool:
        """A path fits as a prefix or regex, or because its text is what was hit."""
        if path == (sent.request.path if sent.path_hit is None else sent.path_hit):
            return True
        if entry.is_regex:
            return sent.begins(path)
        return sent.request.path.startswith(unescaped(path))

    def match(self, request: Request) -> str | None:
        """The route that wins."""
        sent = Sent(request, self.entries)
        start = self.categories.index(sent.kinds) if sent.kinds in self.categories else 0
        for category in self.categories[start:] if sent.kinds else ():
            members = [entry for entry in self.entries if self.kinds(entry) == category]
            for entry in [*self.narrowed(members, sent), *members]:
                if self.takes(entry, sent):
                    return str(entry.route["name"])
        return None

    def narrowed(self, members: Sequence[Entry], sent: Sent) -> Sequence[Entry]:
        """The smallest of the lists that share what was hit; that of the header before all."""
        by_header = [e for e in members if sent.header_hit in e.has("headers")]
        host = sent.request.host if sent.host_hit is None else sent.host_hit
        lists = (
            [e for e in members if host in e.has("hosts")],
            [e for e in members if any(unescaped(p) == sent.path_hit for p in e.paths)],
            [e for e in members if sent.request.method in e.has("methods")],
            [e for e in members if sent.sni in e.has("snis")],
        )
        return by_header or min(filter(None, lists), key=len, default=[])


def reference_34(found: Sequence[Mapping[str, Any]], request: Request) -> str | None:
    """The route that the default router of 3.4 chooses, by the formula that was measured."""
    sent = Sent(request, ())
    best: tuple[int, str, str | None] = (-1, "", None)
    for route in found:
        groups: dict[str, list[str]] = {}
        for path in route.get("paths", ()):
            key = "true" if path in REGEXES else str(len(unescaped(path)))
            groups.setdefault(key, []).append(path)
        for key, paths in groups.items() or [("", [])]:
            entry = Entry(route=route, paths=tuple(paths))
            namespace = uuid.UUID("7f145bf9-0dce-4f91-98eb-debbce4b9f6b")
            split = str(uuid.uuid5(namespace, f"{route['id']}#{key}"))
            own_id = split if len(route.get("paths", ())) > 1 else route["id"]
            if taken_34(entry, sent):
                best = max(best, (priority_34(entry), own_id, route["name"]))
    return best[2]


def taken_34(entry: Entry, sent: Sent) -> bool:
    """Whether the expression that 3.4 makes of a route is true."""
    request = sent.request
    port = request.host.partition(":")[2]
    hosts = [host.partition(":") for host in entry.has("hosts")]
    return (
        (not hosts or any(fnmatchcase(sent.name, h) and p in ("", port) for h, _, p in hosts))
        and (not entry.has("methods") or request.method in entry.has("methods"))
        and (not entry.has("snis") or request.scheme == "http" or sent.sni in entry.has("snis"))
        and headers_fit(entry, sent)
        and (
            not entry.paths
            or any(
                sent.begins(p) if entry.is_regex else request.path.startswith(unescaped(p))
                for p in entry.paths
            )
        )
    )


def priority_34(entry: Entry) -> int:
    """Bits 60 and 51, and terms of 32 bits of which a negative one becomes 2^63."""
    kinds = ("methods", "hosts", "headers", "snis", "paths")
    terms = (
        sum(bool(entry.has(key)) for key in kinds) << 29,
        len(entry.has("headers")) << 20,
        (entry.route["regex_priority"] << 19) if entry.is_regex else 0,
        0 if entry.is_regex or not entry.paths else len(unescaped(entry.paths[0])),
    )
    signed = [(term + 2**31) % 2**32 - 2**31 for term in terms]
    wide = 2**60 * entry.has_plain_hosts_only | 2**51 * entry.is_regex
    if not wide:
        total = signed[0] | signed[1] | signed[2] | signed[3]
        return 2**63 if total < 0 else total
    for term in signed:
        wide |= 2**63 if term < 0 else term
    return wide


def names(match: Match | None) -> set[str | None]:
    """The routes that may come out."""
    return {None} if match is None else {one.route for one in match.candidates}


@settings(max_examples=counted(1000))
@given(found=routes(uncertain=False), requests=FEW_REQUESTS)
def test_2_8_decides_as_a_plain_reading_of_its_lists(
    found: list[dict[str, Any]], requests: list[Request]
) -> None:
    """The order of a route's headers is the only thing that can leave a decision open."""
    router = routing.router(document(found), release="2.8", engines=Engines())
    reference = Reference28(found)

    for request in requests:
        match = router.match(request)
        assert reference.match(request) in names(match)
        assert len(names(match)) == 1 or any(len(r.get("headers", ())) > 1 for r in found)


@settings(max_examples=counted(1000))
@given(found=routes(uncertain=True), requests=FEW_REQUESTS)
def test_3_4_decides_by_the_measured_formula(
    found: list[dict[str, Any]], requests: list[Request]
) -> None:
    router = routing.router(document(found), release="3.4", engines=Engines())

    for request in requests:
        assert names(router.match(request)) == {reference_34(found, request)}
