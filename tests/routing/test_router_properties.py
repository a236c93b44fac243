"""Properties of the routers: a plain reading of Kong's rules agrees, whatever the configuration."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from hypothesis import assume
from hypothesis import strategies as st

from kong_lts.routing import Request

HOSTS = ("a.test", "b.a.test", "*.a.test", "*.test", "a.*", "b.*", "a.test:8080", "*.test:8080")
PATHS = ("/", "/a", "/a/b", "/ab", "/b", "/a%2Eb")
REGEXES = (r"/a/\d+", r"/[a-z]+$", "/a(/b)?", r"/(?<x>[a-z]+)/\d+", "/a.b", r"/x\.y/b/.*")
METHODS = ("GET", "POST", "PUT")
HEADERS = ("x-a", "x-b")
VALUES = ("1", "2", "~*^[12]$")
SNIS = ("a.test", "b.test")
REQUEST_PATHS = ("/", "/a", "/ab", "/a/b", "/a/1", "/a/b/c", "/b", "/a.b", "/axb", "/x.y/b/1", "/c")
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
class Plain:
    """A route with one of its paths, in the words of Kong's sources."""

    route: Mapping[str, Any]
    path: str | None
    regex: str | None
    kinds: int
    order: tuple[float, ...]

    def has(self, key: str) -> Sequence[str]:
        """The values of a criterion."""
        found: Sequence[str] = self.route.get(key, ())
        return found


def plain(route: Mapping[str, Any]) -> Iterator[Plain]:
    """The entries of a route in the router of 2.8."""
    bits = {"hosts": 64, "headers": 32, "paths": 16, "methods": 8, "snis": 4}
    kinds = sum(bit for key, bit in bits.items() if route.get(key))
    hosts = route.get("hosts", ())
    for path in route.get("paths", [None]):
        is_regex = path in REGEXES
        weight = is_regex + 2 * (bool(hosts) and not any("*" in host for host in hosts))
        weight += 4 * any("*" in host and ":" in host for host in hosts)
        yield Plain(
            route=route,
            path=None if path is None else path.replace("%2E", "."),
            regex=path if is_regex else None,
            kinds=kinds,
            order=(
                -weight,
                -len(route.get("headers", ())),
                -route["regex_priority"] if is_regex else 0,
                0 if is_regex or path is None else -len(path),
                route["created_at"],
            ),
        )


def wildcard_takes(wildcard: str, host: str) -> bool:
    """As the expression that Kong makes of it."""
    pattern = wildcard.replace(".", r"\.").replace("*", ".+")
    return re.fullmatch(pattern + ("" if ":" in wildcard else r"(?::\d+)?"), host) is not None


class Reference:
    """The router of 2.8, each list of it looked through from its beginning."""

    def __init__(self, found: Sequence[Mapping[str, Any]]) -> None:
        entries = sorted((e for route in found for e in plain(route)), key=lambda e: e.order)
        self.entries = entries
        kinds = {entry.kinds for entry in entries}
        self.categories = sorted(kinds, key=lambda k: (-k.bit_count(), -k))

    def match(self, request: Request) -> Plain | None:
        """The entry that wins."""
        name, _, port = request.host.partition(":")
        full = f"{name}:{port or {'http': '80', 'https': '443'}[request.scheme]}"
        headers = dict(request.headers)
        sni = request.sni if request.scheme == "https" else ""
        hosts = [host for entry in self.entries for host in entry.has("hosts")]
        plain_host = any(host in (name, full) for host in hosts)
        wildcards = [host for host in hosts if "*" in host and wildcard_takes(host, full)]
        host_hit = None if plain_host or not wildcards else wildcards[0]
        regexes = [e.regex for e in self.entries if e.regex and re.match(e.regex, request.path)]
        prefixes = [e.path for e in self.entries if e.path and not e.regex]
        longest = sorted((p for p in prefixes if request.path.startswith(p)), key=len)
        path_hit = regexes[0] if regexes else longest[-1] if longest else None
        named = [key for entry in self.entries for key in entry.has("headers") if key in headers]
        kinds = 64 * bool(plain_host or wildcards) + 32 * bool(named) + 16 * (path_hit is not None)
        kinds += 8 * any(request.method in e.has("methods") for e in self.entries)
        kinds += 4 * any(sni in entry.has("snis") for entry in self.entries)

        def takes(entry: Plain) -> bool:
            own = entry.has("hosts")
            by_name = host_hit is None and request.host in own
            by_name = by_name or name in own
            path = entry.path is None or (
                entry.path == (path_hit or request.path)
                or (re.match(entry.regex, request.path) is not None)
                if entry.regex
                else entry.path == (path_hit or request.path) or request.path.startswith(entry.path)
            )
            return (
                (not own or by_name or any(w in own for w in wildcards))
                and (not entry.has("methods") or request.method in entry.has("methods"))
                and (not entry.has("snis") or request.scheme == "http" or sni in entry.has("snis"))
                and path
                and all(
                    headers.get(key) in values
                    or (
                        (values[0].startswith("~*") and key in headers)
                        and re.search(values[0][2:], headers[key]) is not None
                    )
                    for key, values in entry.route.get("headers", {}).items()
                )
            )

        start = self.categories.index(kinds) if kinds in self.categories else 0
        for category in self.categories[start:] if kinds else ():
            members = [entry for entry in self.entries if entry.kinds == category]
            sets = [
                [
                    e
                    for e in members
                    for host in e.has("hosts")
                    if host == (host_hit or request.host)
                ],
                [e for e in members if e.path == path_hit and path_hit is not None],
                [e for e in members if request.method in e.has("methods")],
                [e for e in members if sni in e.has("snis")],
            ]
            by_header = [e for e in members if named and named[0] in e.has("headers")]
            smallest = by_header or min(filter(None, sets), key=len, default=[])
            for entry in [*smallest, *members]:
                if takes(entry):
                    return entry
        return None
