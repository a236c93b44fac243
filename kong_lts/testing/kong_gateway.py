"""What the stand-in for `kong` serves: the routes of its database, key-auth, and counts of both."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs
import psycopg

from kong_lts.routing import is_regex_28

__all__ = ["Gateway", "Reply", "read_gateway"]

_NO_ROUTE = "no Route matched with those values"


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


@attrs.define(kw_only=True)
class Gateway:
    """Answers requests, and counts them as the release's prometheus plugin does."""

    release: str
    routes: tuple[Route, ...]
    key_auths: tuple[KeyAuth, ...] = ()
    keys: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    counts_requests: bool = False
    """Whether the prometheus plugin is there and, on 3.4, its families are on."""
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
        route = self._match(method, path, headers.get("Host", "").partition(":")[0])
        if route is None:
            return _message(404, _NO_ROUTE)
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
        return max(found, key=lambda key: key[:2])[2] if found else None

    def _matches(self, route: Route, path: str) -> Iterator[tuple[int, int, Route]]:
        """Regexes come before prefixes, by priority; a longer prefix before a shorter one."""
        for wanted in route.paths or ("/",):
            regex = is_regex_28(wanted) if self.is_28 else wanted.startswith("~")
            if regex and re.match(wanted.removeprefix("~").replace("(?<", "(?P<"), path):
                yield 1, route.regex_priority, route
            elif not regex and path.startswith(wanted):
                yield 0, len(wanted), route

    def _refused(self, route: Route, headers: Mapping[str, str], query: str) -> Reply | None:
        for plugin in self.key_auths:
            here = plugin.route_id in (None, route.id)
            if not here or plugin.service_id not in (None, route.service_id):
                continue
            pairs = dict(pair.partition("=")[::2] for pair in query.split("&"))
            given = [headers.get(n) or pairs.get(n) for n in plugin.names]
            if not any(given):
                return _message(401, "No API key found in request")
            if not self.keys & set(given):
                return _message(401, "Invalid authentication credentials")
        return None

    def _status(self) -> Reply:
        return _json(200, {"database": {"reachable": True}, "server": {"total_requests": 0}})

    def _metrics(self) -> Reply:
        lines = ["kong_datastore_reachable 1"]
        if self.is_28:
            lines.append('kong_nginx_http_current_connections{state="total"} 1')
        else:
            lines.append(f'kong_node_info{{node_id="stand-in",version="{self.release}"}} 1')
        if self.counts_requests:
            with self._lock:
                lines += self._families()
        return Reply(
            status=200,
            body="".join(f"{line}\n" for line in lines).encode(),
            content_type="text/plain; charset=UTF-8",
        )

    def _families(self) -> Iterator[str]:
        name, more = ("kong_http_status", "") if self.is_28 else (
            "kong_http_requests_total",
            ',source="service",consumer=""',
        )
        for (service, route, code), count in sorted(self._counts.items()):
            yield f'{name}{{service="{service}",route="{route}",code="{code}"{more}}} {count}'
        latency, kind = ("kong_latency", ',type="request"') if self.is_28 else (
            "kong_request_latency_ms",
            "",
        )
        for (service, route), total in sorted(self._latency_ms.items()):
            labels = f'{{service="{service}",route="{route}"{kind}}}'
            requests = sum(n for key, n in self._counts.items() if key[:2] == (service, route))
            yield f"{latency}_sum{labels} {total}"
            yield f"{latency}_count{labels} {requests}"


def read_gateway(connection: psycopg.Connection[tuple[object, ...]], release: str) -> Gateway:
    """The gateway that a database describes, read within the connection's transaction."""
    plugins = connection.execute(
        "SELECT name, route_id::text, service_id::text, config FROM plugins WHERE enabled"
    ).fetchall()
    configs = [config for name, *_, config in plugins if name == "prometheus"]
    on = [isinstance(c, dict) and bool(c.get("status_code_metrics")) for c in configs]
    return Gateway(
        release=release,
        routes=tuple(_routes(connection)),
        key_auths=tuple(_key_auths(plugins)),
        keys=frozenset(
            str(key) for (key,) in connection.execute("SELECT key FROM keyauth_credentials")
        ),
        counts_requests=bool(configs) if release.startswith("2.") else any(on),
    )


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
    return _json(status, {"message": text})
