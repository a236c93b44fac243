"""What the stand-in for `kong` serves: the routes of its database, key-auth, and counts of both."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs
import psycopg

from kong_lts.findings import Severity
from kong_lts.routing import check_regex, is_regex_28, normalise, normalise_regex

__all__ = ["Gateway", "KeyAuth", "Reply", "Route", "read_gateway"]

_NO_ROUTE = "no Route matched with those values"
_NAMED_GROUP = re.compile(r"\(\?<(?![=!])")


@attrs.frozen(kw_only=True)
class Route:
    """One row of `routes`, as far as the stand-in honours it."""

    id: str
    name: str | None
    service: str
    service_id: str | None
    hosts: tuple[str, ...]
    methods: tuple[str, ...]
    paths: tuple[str, ...]
    regex_priority: int

    @property
    def label(self) -> str:
        """What metrics call it."""
        return self.name or self.id


@attrs.frozen(kw_only=True)
class KeyAuth:
    """One key-auth plugin, and where it applies; None is everywhere."""

    route_id: str | None
    service_id: str | None
    names: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Reply:
    """What goes back to a client."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = attrs.field(factory=dict)


@attrs.define(kw_only=True)
class Gateway:
    """Answers requests, and counts them as the release's prometheus plugin does."""

    release: str
    routes: tuple[Route, ...]
    key_auths: tuple[KeyAuth, ...] = ()
    keys: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    counts_requests: bool = False
    """Whether the prometheus plugin is there and, on 3.4, `status_code_metrics` is on."""
    counts_latency: bool = False
    """The same with `latency_metrics`."""
    not_added: tuple[str, ...] = ()
    """Ids of routes that 3.4's router could not take; only a line of the log tells of them."""
    _counts: Counter[tuple[str, str, int]] = attrs.field(factory=Counter, init=False)
    _latency_ms: Counter[tuple[str, str]] = attrs.field(factory=Counter, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    @property
    def is_28(self) -> bool:
        """Whether it plays 2.8."""
        return self.release.startswith("2.")

    def proxy(self, method: str, target: str, headers: Mapping[str, str]) -> Reply:
        """Answer one request to the proxy listener."""
        begun = time.monotonic()
        path, _, query = target.partition("?")
        route = self._match(method, normalise(path), headers.get("Host", "").partition(":")[0])
        if route is None:
            return _message(404, _NO_ROUTE) if self.is_28 else _error(404, _NO_ROUTE)
        reply = self._refused(route, headers, query) or _json(
            200, {"service": route.service, "route": route.label, "kong": self.release}
        )
        with self._lock:
            self._counts[route.service, route.label, reply.status] += 1
            spent_ms = (time.monotonic() - begun) * 1000
            self._latency_ms[route.service, route.label] += max(1, round(spent_ms))
        return reply

    def status(self, path: str) -> Reply:
        """Answer one request to the status listener."""
        pages = {"/status": self._status, "/metrics": self._metrics}
        if not self.is_28:
            pages["/status/ready"] = lambda: _message(200, "ready")
        return pages.get(path, lambda: _message(404, "Not found"))()

    def _match(self, method: str, path: str, host: str) -> Route | None:
        fitting = [
            route
            for route in self.routes
            if (not route.methods or method in route.methods)
            and (not route.hosts or host in route.hosts)
        ]
        found = [key for route in fitting for key in self._matches(route, path)]
        return max(found, key=lambda key: key[:3])[3] if found else None

    def _matches(self, route: Route, path: str) -> Iterator[tuple[int, int, int, Route]]:
        """Who asks for more comes first, then regexes by priority, then the longest prefix."""
        asked = bool(route.hosts) + bool(route.methods) + bool(route.paths)
        for wanted in route.paths or ("/",):
            if self._is_regex(wanted):
                pattern = wanted.removeprefix("~")
                pattern = normalise_regex(pattern) if self.is_28 else pattern
                if _matches_regex(pattern, path):
                    yield asked, 1, route.regex_priority, route
                continue
            prefix = normalise(wanted) if self.is_28 else wanted
            if path.startswith(prefix):
                yield asked, 0, len(prefix), route

    def _is_regex(self, path: str) -> bool:
        """2.8 guesses; what begins with `~` is a regex to 2.8.5 too."""
        return path.startswith("~") or (self.is_28 and is_regex_28(path))

    def _refused(self, route: Route, headers: Mapping[str, str], query: str) -> Reply | None:
        for plugin in self.key_auths:
            here = plugin.route_id in (None, route.id)
            if not here or plugin.service_id not in (None, route.service_id):
                continue
            pairs = dict(pair.partition("=")[::2] for pair in query.split("&"))
            given = [headers.get(n) or pairs.get(n) for n in plugin.names]
            challenge = {"WWW-Authenticate": 'Key realm="kong"'}
            if not any(given):
                return _error(401, "No API key found in request", challenge)
            if not self.keys & set(given):
                return _error(401, "Invalid authentication credentials", challenge)
        return None

    def _status(self) -> Reply:
        return _json(200, {"database": {"reachable": True}, "server": {"total_requests": 0}})

    def _metrics(self) -> Reply:
        lines = ["kong_datastore_reachable 1"]
        if self.is_28:
            lines.append('kong_nginx_http_current_connections{state="total"} 1')
        else:
            lines.append(f'kong_node_info{{node_id="stand-in",version="{self.release}"}} 1')
        with self._lock:
            lines += self._status_lines() if self.counts_requests else ()
            lines += self._latency_lines() if self.counts_latency else ()
        return Reply(
            status=200,
            body="".join(f"{line}\n" for line in lines).encode(),
            content_type="text/plain; charset=UTF-8",
        )

    def _status_lines(self) -> Iterator[str]:
        name = "kong_http_status" if self.is_28 else "kong_http_requests_total"
        for (service, route, code), count in sorted(self._counts.items()):
            source = "service" if code == 200 else "kong"  # nothing else has an upstream
            more = "" if self.is_28 else f',source="{source}",consumer=""'
            yield f'{name}{{service="{service}",route="{route}",code="{code}"{more}}} {count}'

    def _latency_lines(self) -> Iterator[str]:
        latency, kind = (
            ("kong_latency", ',type="request"') if self.is_28 else ("kong_request_latency_ms", "")
        )
        for (service, route), total in sorted(self._latency_ms.items()):
            labels = f'{{service="{service}",route="{route}"{kind}}}'
            requests = sum(n for key, n in self._counts.items() if key[:2] == (service, route))
            yield f"{latency}_sum{labels} {total}"
            yield f"{latency}_count{labels} {requests}"


def read_gateway(
    connection: psycopg.Connection[tuple[object, ...]],
    release: str,
    *,
    router_flavor: str = "traditional_compatible",
) -> Gateway:
    """The gateway that a database describes, read within the connection's transaction.

    Args:
        connection: To a database of Kong.
        release: 2.8.5 or 3.4.2.
        router_flavor: As in kong.conf; 2.8 has none.
    """
    plugins = connection.execute(
        "SELECT name, route_id::text, service_id::text, config FROM plugins WHERE enabled"
    ).fetchall()
    is_28 = release.startswith("2.")
    prometheus = [config for name, *_, config in plugins if name == "prometheus"]
    routes = tuple(_routes(connection))
    refused = {r.id for r in routes if not is_28 and _is_refused(r, router_flavor)}
    return Gateway(
        release=release,
        routes=tuple(route for route in routes if route.id not in refused),
        key_auths=tuple(_key_auths(plugins)),
        keys=frozenset(
            str(key) for (key,) in connection.execute("SELECT key FROM keyauth_credentials")
        ),
        counts_requests=any(is_28 or _is_on(c, "status_code_metrics") for c in prometheus),
        counts_latency=any(is_28 or _is_on(c, "latency_metrics") for c in prometheus),
        not_added=tuple(sorted(refused)),
    )


def _is_on(config: object, key: str) -> bool:
    return isinstance(config, dict) and bool(config.get(key))


def _is_refused(route: Route, router_flavor: str) -> bool:
    """Whether one path that Rust's regex does not take keeps the whole route out of the router."""
    return any(
        finding.severity is Severity.BLOCKER
        for path in route.paths
        for finding in check_regex(path, router_flavor=router_flavor)
    )


def _matches_regex(pattern: str, path: str) -> bool:
    """At the beginning, as far as Python's own regex can tell."""
    try:
        return re.match(_NAMED_GROUP.sub("(?P<", pattern), path) is not None
    except re.error:
        return False


def _routes(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[Route]:
    query = """
        SELECT r.id::text, r.name, coalesce(s.name, s.id::text, ''), s.id::text, r.hosts,
               r.methods, r.paths, coalesce(r.regex_priority, 0)
        FROM routes r LEFT JOIN services s ON s.id = r.service_id
        WHERE r.protocols && '{http,https}' ORDER BY r.created_at, r.id
    """
    for row in connection.execute(query):
        route, name, service, service_id, hosts, methods, paths, priority = row
        yield Route(
            id=str(route),
            name=None if name is None else str(name),
            service=str(service),
            service_id=None if service_id is None else str(service_id),
            hosts=_texts(hosts),
            methods=_texts(methods),
            paths=_texts(paths),
            regex_priority=int(str(priority)),
        )


def _key_auths(plugins: Sequence[tuple[object, ...]]) -> Iterator[KeyAuth]:
    for name, route, service, config in plugins:
        if name == "key-auth" and isinstance(config, dict):
            yield KeyAuth(
                route_id=None if route is None else str(route),
                service_id=None if service is None else str(service),
                names=_texts(config.get("key_names")) or ("apikey",),
            )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _json(status: int, document: object) -> Reply:
    return Reply(status=status, body=json.dumps(document).encode())


def _message(status: int, text: str) -> Reply:
    return Reply(status=status, body=json.dumps({"message": text}, separators=(",", ":")).encode())


def _error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """What a plugin refuses with, and 3.4 a request without a route: over several lines."""
    body = json.dumps({"message": text}, indent=2, separators=(",", ":")).encode()
    return Reply(status=status, body=body, headers=headers or {})
