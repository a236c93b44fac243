"""Request and Match: what is asked of a router, and what it says."""

import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

from kong_lts.routing.paths import normalise, octets
from kong_lts.versions import Release

__all__ = [
    "NO_ROUTE",
    "Asked",
    "Candidate",
    "Match",
    "Request",
    "asked",
    "lower_ascii",
]

_SCHEMES = ("http", "https")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_BAD_TRIPLET = re.compile(rb"%(?![0-9A-Fa-f]{2})|%00")
_TRIPLET = re.compile(rb"%([0-9A-Fa-f]{2})")
_LARGEST_HEADER_COUNT = 100
"""How many headers Kong reads before it stops (`lua_max_req_headers`)."""
_CREDENTIAL = re.compile(r"auth|cookie|key|password|secret|session|token", re.IGNORECASE)
_METHOD = re.compile(r"[A-Z_-]+")
_NOT_IN_HOSTS = {
    Release.V2_8: re.compile(r"\.\.|[/\0]"),
    Release.V3_4: re.compile(r"\.\.|[/\0-\x20\x7f]"),
}
_NAMELESS_HOST = re.compile(r"\.?(?::.*)?")
"""What nginx refuses of a host.

Source:
    nginx 1.19.9 and 1.21.4, src/http/ngx_http_request.c, ngx_http_validate_host.
"""
_NEVER_ROUTED = ("TRACE", "CONNECT")


def _lines(headers: object) -> tuple[tuple[str, str], ...]:
    """The header lines, one for each value of a list."""
    if not isinstance(headers, Mapping):
        pairs: Iterable[tuple[str, str]] = tuple(headers)  # type: ignore[arg-type] # checked next
        return tuple((str(name), str(value)) for name, value in pairs)
    lines: list[tuple[str, str]] = []
    for name, value in headers.items():
        values = [value] if isinstance(value, str) else value
        lines.extend((name, one) for one in values)
    return tuple(lines)


@attrs.frozen(kw_only=True)
class Request:
    """What a client sends, as far as a router looks at it."""

    method: str = "GET"
    """In capitals."""
    path: str = "/"
    """The target as sent: not decoded, with its query, or an absolute URL."""
    host: str = ""
    """The `Host` header, with its port if it has one."""
    headers: tuple[tuple[str, str], ...] = attrs.field(
        default=(),
        converter=_lines,
        repr=lambda lines: repr(tuple(name for name, _ in lines)),  # a value may be a token
    )
    """One pair for each header line; a mapping is taken too, with a text or a list as value."""
    scheme: str = attrs.field(default="http", validator=attrs.validators.in_(_SCHEMES))
    """`http` or `https`."""
    sni: str | None = None
    """The server name of the TLS handshake."""

    @property
    def has_credentials(self) -> bool:
        """Whether a header may hold one, to judge by its name."""
        return any(_CREDENTIAL.search(name) for name, _ in self.headers)

    @property
    def redacted(self) -> "Request":
        """The request without the values of such headers."""
        lines = [(n, "***" if _CREDENTIAL.search(n) else value) for n, value in self.headers]
        return attrs.evolve(self, headers=tuple(lines))

    @property
    def summary(self) -> str:
        """The request in a few words; of a header only the name, as its value may be a token."""
        lines = [f"header {name}" for name, _ in self.headers]
        if self.scheme == "https":
            lines.append(f"TLS for {self.sni}" if self.sni else "TLS")
        return f"{self.method} {self.host}{self.path}" + f" ({', '.join(lines)})" * bool(lines)


@attrs.frozen(kw_only=True)
class Candidate:
    """What may become of a request."""

    route: str | None
    """Name of the route, else its id, else its place in the document; None for no route at all."""
    service: str | None = None
    """Its name or id."""
    upstream_uri: str | None = None
    """Path and query that the upstream gets; None where Kong answers itself."""
    upstream_host: str | None = None
    """The `Host` that the upstream gets; None where that depends on the target that is chosen."""
    status: int | None = None
    """What Kong answers itself: 426 for a request that must come by TLS, 503 where there is no
    service and no plugin answers; else None."""


@attrs.frozen(kw_only=True)
class Match(Candidate):
    """What a gateway does with a request.

    A request that nothing matches has no `Match`, unless that is not certain.
    """

    uncertain: bool = False
    """Whether real gateways are not all of one mind, or a regex could not be decided."""
    candidates: tuple[Candidate, ...] = ()
    """All that may come out, the likeliest first, which is this one."""

    @classmethod
    def of(cls, candidates: tuple[Candidate, ...], *, uncertain: bool) -> "Match":
        """The match where these may come out."""
        first = candidates[0]
        return cls(
            route=first.route,
            service=first.service,
            upstream_uri=first.upstream_uri,
            upstream_host=first.upstream_host,
            status=first.status,
            uncertain=uncertain,
            candidates=candidates,
        )


NO_ROUTE = Candidate(route=None)
"""404: "no Route matched with those values"."""


@attrs.define(eq=False)
class Asked:
    """A request as the routers compare it."""

    method: str
    uri: bytes
    """Normalised, without the query."""
    query: bytes
    """With its `?`."""
    host: str
    scheme: str
    sni: str
    segments: Sequence[bytes]
    """What stands between the slashes of the path."""
    headers: Mapping[str, Sequence[str]]
    """Values by name, both in lower case."""
    doubt: bool = False
    """Set where an answer rests on something that is not sure."""

    def header(self, name: str) -> Sequence[str]:
        """The values of a header; `_` stands for `-` where no header has that very name."""
        found = self.headers.get(name)
        return self.headers.get(name.replace("_", "-"), ()) if found is None else found


def asked(request: Request, release: Release) -> Asked | None:
    """The request as a router gets it; None where nginx answers before any router is asked."""
    target = _ABSOLUTE.sub("", request.path, count=1)
    if target != request.path and not target.startswith("/"):
        target = f"/{target}"
    host = request.host.strip(" ")
    if request.method in _NEVER_ROUTED or not _METHOD.fullmatch(request.method):
        return None
    if not _taken_by_nginx(target, release) or not _host_taken_by_nginx(host, release):
        return None
    path, mark, query = target[:1] + target[1:].partition("?")[0], *_query(target)
    uri = octets(normalise(path))
    return Asked(
        method=request.method,
        uri=uri,
        segments=uri.split(b"/"),
        query=octets(mark + query),
        host=host,
        scheme=request.scheme,
        sni=request.sni or "" if request.scheme == "https" else "",
        headers=_by_name(request.headers),
        doubt=len(request.headers) > _LARGEST_HEADER_COUNT,
    )


def _query(target: str) -> tuple[str, str]:
    """The question mark, if it is passed on, and what is after it up to a `#`."""
    before, mark, after = target.partition("?")
    if not mark or "#" in before:
        return ("?" if target.endswith("?") else "", "")
    return mark, after.partition("#")[0]


def _by_name(lines: Sequence[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for name, value in lines:
        if (lower := name.lower()) != "host":
            found.setdefault(lower, []).append(lower_ascii(value.strip(" ")))
    return found


def lower_ascii(text: str) -> str:
    """The text in lower case, but for letters that are not ASCII, as Lua has it."""
    if text.isascii():
        return text.lower()
    return octets(text).lower().decode("utf-8", "surrogateescape")


def _host_taken_by_nginx(host: str, release: Release) -> bool:
    """Whether nginx takes the `Host`, or answers 400; none at all is left to the router."""
    if not host:
        return True
    return not (_NOT_IN_HOSTS[release].search(host) or _NAMELESS_HOST.fullmatch(host))


def _taken_by_nginx(target: str, release: Release) -> bool:
    """Whether nginx takes the request line, or answers 400."""
    if not target.startswith("/"):
        return False
    if release is Release.V3_4 and (" " in target or "\t" in target):
        return False
    path = octets(target.partition("?")[0].partition("#")[0])
    if b"%" not in path and b"/.." not in path:
        return True
    if _BAD_TRIPLET.search(path):
        return False
    depth = 0
    for segment in _TRIPLET.sub(lambda found: bytes((int(found[1], 16),)), path).split(b"/"):
        if segment not in (b"", b"."):
            depth += -1 if segment == b".." else 1
        if depth < 0:
            return False
    return True
