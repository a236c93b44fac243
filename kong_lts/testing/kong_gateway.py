"""What the stand-in for `kong` serves: the routes of its database, key-auth, and counts of both."""

import functools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs
import psycopg

from kong_lts.errors import RouterError
from kong_lts.findings import Severity
from kong_lts.routing import Match, Request, Router, check_regex, router

__all__ = ["Gateway", "KeyAuth", "Reply", "Route", "read_gateway"]

_NO_ROUTE = "no Route matched with those values"
_NO_SERVICE = 503


@attrs.frozen(kw_only=True)
class Route:
    """One row of `routes`, as far as the stand-in honours it."""

    id: str
    name: str | None
    service: str
    service_id: str | None
    hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...]
    regex_priority: int = 0
    headers: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, repr=False)
    snis: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ("http", "https")

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


@attrs.define(kw_only=True, slots=False)
class Gateway:
    """Answers requests, and counts them as the release's prometheus plugin does."""

    release: str
    router_flavor: str = "traditional_compatible"
    """Of 3.4."""
    allow_debug_header: bool = False
    """Of 3.4: whether `Kong-Debug: 1` has the route named; 2.8 always names it."""
    routes: tuple[Route, ...]
    key_auths: tuple[KeyAuth, ...] = ()
    keys: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    counts_requests: bool = False
    """Whether the prometheus plugin is there and, on 3.4, `status_code_metrics` is on."""
    counts_latency: bool = False
    """The same with `latency_metrics`."""
    delay_s: float = 0.0
    """How long it thinks about each request."""
    not_added: tuple[str, ...] = ()
    """Ids of routes that 3.4's router could not take; only a line of the log tells of them."""
    _counts: Counter[tuple[str, str, int]] = attrs.field(factory=Counter, init=False)
    _latency_ms: Counter[tuple[str, str]] = attrs.field(factory=Counter, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    @property
    def is_28(self) -> bool:
        """Whether it plays 2.8."""
        return self.release.startswith("2.")

    def proxy(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        scheme: str = "http",
        sni: str | None = None,
    ) -> Reply:
        """Answer one request to the proxy listener."""
        begun = time.monotonic()
        threading.Event().wait(self.delay_s)
        match = self._match(method, target, headers, scheme, sni)
        if match is None or match.route is None:
            return _message(404, _NO_ROUTE) if self.is_28 else _error(404, _NO_ROUTE)
        route = self._by_id[match.route]
        query = target.partition("?")[2]
        reply = self._own_answer(match) or self._refused(route, headers, query)
        reply = reply or _json(
            200, {"service": route.service, "route": route.label, "kong": self.release}
        )
        if "Kong-Debug" in headers and (self.is_28 or self.allow_debug_header):
            reply = attrs.evolve(reply, headers={**reply.headers, **_debug_headers(route)})
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

    def _match(
        self, method: str, target: str, headers: Mapping[str, str], scheme: str, sni: str | None
    ) -> Match | None:
        others = [(name, value) for name, value in headers.items() if name.lower() != "host"]
        return self._router.match(
            Request(
                method=method,
                path=target,
                host=headers.get("Host", ""),
                headers=tuple(others),
                scheme=scheme,
                sni=sni,
            )
        )

    @functools.cached_property
    def _by_id(self) -> Mapping[str, Route]:
        return {route.id: route for route in self.routes}

    @functools.cached_property
    def _router(self) -> Router:
        """The model of the release's router; a route that it would not load is left out."""
        rows = [_row(route, age) for age, route in enumerate(self.routes)]
        return self._made([row for row in rows if self._is_loaded(row)])

    def _made(self, rows: Sequence[Mapping[str, object]]) -> Router:
        release = "2.8" if self.is_28 else "3.4"
        flavor = None if self.is_28 else self.router_flavor
        return router({"routes": rows}, release=release, router_flavor=flavor)

    def _is_loaded(self, row: Mapping[str, object]) -> bool:
        try:
            return bool(self._made([row]))
        except RouterError:
            return False

    def _own_answer(self, match: Match) -> Reply | None:
        """What Kong itself says to plain HTTP where a route takes only HTTPS."""
        if match.status in (None, _NO_SERVICE):  # who leads where, the stand-in knows itself
            return None
        return _message(match.status, "Please use HTTPS protocol")

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
    allow_debug_header: bool = False,
) -> Gateway:
    """The gateway that a database describes, read within the connection's transaction.

    Args:
        connection: To a database of Kong.
        release: 2.8.5 or 3.4.2.
        router_flavor: As in kong.conf; 2.8 has none.
        allow_debug_header: Likewise.
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
        router_flavor=router_flavor,
        allow_debug_header=allow_debug_header,
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


def _row(route: Route, age: int) -> Mapping[str, object]:
    """A route as the model takes it; those read first are the oldest."""
    row = {
        "id": route.id,
        "created_at": age,
        "hosts": list(route.hosts),
        "methods": list(route.methods),
        "paths": list(route.paths),
        "headers": {name: list(values) for name, values in route.headers.items()},
        "snis": list(route.snis),
        "protocols": list(route.protocols),
        "regex_priority": route.regex_priority,
    }
    return {key: value for key, value in row.items() if value not in ([], {})}


def _debug_headers(route: Route) -> dict[str, str]:
    """What Kong tells whoever asks with `Kong-Debug: 1`."""
    named = {"Kong-Route-Id": route.id, "Kong-Route-Name": route.name}
    return {name: value for name, value in named.items() if value}


def _routes(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[Route]:
    query = """
        SELECT r.id::text, r.name, coalesce(s.name, s.id::text, ''), s.id::text, r.hosts,
               r.methods, r.paths, coalesce(r.regex_priority, 0), r.headers, r.snis, r.protocols
        FROM routes r LEFT JOIN services s ON s.id = r.service_id
        WHERE r.protocols && '{http,https}' ORDER BY r.created_at, r.id
    """
    for row in connection.execute(query):
        route, name, service, service_id, hosts, methods, paths, priority, *more = row
        headers, snis, protocols = more
        yield Route(
            id=str(route),
            name=None if name is None else str(name),
            service=str(service),
            service_id=None if service_id is None else str(service_id),
            hosts=_texts(hosts),
            methods=_texts(methods),
            paths=_texts(paths),
            regex_priority=int(str(priority)),
            headers={n: _texts(v) for n, v in headers.items()} if isinstance(headers, dict) else {},
            snis=_texts(snis),
            protocols=_texts(protocols),
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
