"""A stand-in for Kong's Admin API over HTTP on loopback, in the dialects of 2.8 and of 3.4.

It takes, refuses, pages and deletes entities by the schemas of the real ones, open source measured:
what decK 1.55 and 1.64 asked of Kong 2.8.5 and 3.4.2 for ping, dump, diff, validate and sync has
the same answers here. Enterprise's own parts (workspaces, RBAC, licences, keyring) are written from
documents and were never measured.
"""

import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from kong_lts.testing.admin_enterprise import Enterprise
from kong_lts.testing.admin_entities import CREDENTIALS, Kind, Schemas, kinds
from kong_lts.testing.admin_fields import message_of
from kong_lts.testing.admin_store import Answer, Document, Refusal, Store, message
from kong_lts.versions import Release

__all__ = ["KongAdminApi"]

_NOT_FOUND = message(404, "Not found")
_OPEN_SOURCE = {Release.V2_8: "2.8.5", Release.V3_4: "3.4.2"}
_ENTERPRISE = {Release.V2_8: "2.8.4.14-enterprise-edition", Release.V3_4: "3.4.3.5"}
_NO_WASM = message(400, "this endpoint is only available when wasm is enabled")
_BELOW = {
    "services": ("routes", "plugins"),
    "routes": ("plugins",),
    "consumers": ("plugins", *CREDENTIALS),
    "upstreams": ("targets",),
    "certificates": ("snis",),
}
"""What stands below an entity of a kind, as its path."""
_NESTED_ONLY = frozenset({"targets"})
_PAGE = "100"


@attrs.define(kw_only=True)
class KongAdminApi:
    """Serves as long as the `with` block lasts.

    Args:
        release: Whose dialect it speaks.
        enterprise: What it has beyond open source; None is open source.
        token: The RBAC token that it asks for; None asks for none.
        router_flavor: Of 3.4.
    """

    release: Release = attrs.field(default=Release.V2_8, converter=Release)
    enterprise: Enterprise | None = None
    token: str | None = attrs.field(default=None, repr=False)
    router_flavor: str = "traditional_compatible"
    data_planes: list[Document] = attrs.field(factory=list, repr=False)
    """What a control plane lists at `/clustering/data-planes`, each with the fields of its release;
    nobody lists any but a control plane."""
    is_control_plane: bool = False
    """Whether it has that list at all."""
    requests: list[str] = attrs.field(factory=list, init=False)
    """Method and path of each request."""
    store: Store = attrs.field(init=False, repr=False)
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False, repr=False)
    _server: ThreadingHTTPServer | None = attrs.field(default=None, init=False, repr=False)

    @store.default
    def _empty(self) -> Store:
        return Store(Schemas(self.release, self.router_flavor))

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nobody any more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None, "use it in a with block"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def version(self) -> str:
        """As Kong says it."""
        return (_OPEN_SOURCE if self.enterprise is None else _ENTERPRISE)[self.release]

    def load(
        self, table: str, rows: Sequence[Mapping[str, Any]], *, workspace: str = "default"
    ) -> None:
        """Put entities there as an answer of the real one shows them, past every check."""
        with self._lock:
            self.store.load(workspace, table, rows)

    def rows(self, table: str, *, workspace: str = "default") -> tuple[Document, ...]:
        """The entities of one kind, by their table."""
        with self._lock:
            return tuple(self.store.rows(workspace, table).values())

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What comes back to one request.

        Args:
            method: As GET.
            target: Path and query.
            headers: With names in lower case.
            body: JSON, or nothing.
        """
        parts = urlsplit(target)
        self.requests.append(f"{method} {parts.path}")
        if self.token is not None and headers.get("kong-admin-token") != self.token:
            return message(401, "Invalid RBAC token")
        try:
            given = json.loads(body) if body else {}
        except ValueError:
            return message(400, "Cannot parse JSON body")
        segments = [unquote(part) for part in parts.path.split("/") if part]
        query = dict(parse_qsl(parts.query))
        try:
            with self._lock:
                return self._routed(method, segments, parts.path, query, given)
        except Refusal as refusal:
            return refusal.answer

    def _routed(
        self,
        method: str,
        segments: Sequence[str],
        path: str,
        query: Mapping[str, str],
        given: Mapping[str, Any],
    ) -> Answer:
        workspace, segments = self._workspace(segments)
        if self.enterprise is not None:
            answer = self.enterprise.answer(method, workspace, segments, given)
            if answer is not None:
                return answer
        match segments:
            case [] | ["kong"]:  # within a workspace Enterprise calls it so
                return Answer(200, self._root())
            case ["status"]:
                return Answer(200, {"database": {"reachable": True}, "server": {}, "memory": {}})
            case ["workspaces"] if method == "GET":
                return Answer(200, {"data": [_DEFAULT_WORKSPACE], "next": None})
            case ["filter-chains", *_] if self.release is Release.V3_4:
                return _NO_WASM
            case ["clustering", "data-planes"] if method == "GET" and self.is_control_plane:
                return Answer(200, self._page_of_data_planes(query))
            case ["tags"] if method == "GET":
                return Answer(200, {"data": self._tags(workspace), "next": None})
            case ["schemas", *rest]:
                return self._schema(method, rest, given)
            case [name, *rest]:
                kind = self._kind(name)
                return self._entities(_Asked(method, workspace, path, query, given), kind, rest)
        return _NOT_FOUND

    def _workspace(self, segments: Sequence[str]) -> tuple[str, Sequence[str]]:
        """The workspace that a path begins with, and the rest of it."""
        known = self.enterprise.workspaces if self.enterprise is not None else {}
        if segments and segments[0] in known:
            return segments[0], segments[1:]
        return "default", segments

    def _root(self) -> Document:
        plugins = self.store.schemas.plugins
        used = {str(row["name"]) for row in self.store.rows("default", "plugins").values()}
        return {
            "version": self.version,
            "tagline": "Welcome to kong",
            "hostname": "double",
            "node_id": str(uuid.UUID(int=1)),
            "lua_version": "LuaJIT 2.1.0-beta3",
            "plugins": {
                "available_on_server": dict.fromkeys(plugins, True),
                "enabled_in_cluster": sorted(used),
            },
            "configuration": {"database": "postgres"},
        }

    def _page_of_data_planes(self, query: Mapping[str, str]) -> Document:
        begin, size = int(query.get("offset", "0")), int(query.get("size", _PAGE))
        end = begin + size
        page: Document = {"data": self.data_planes[begin:end], "next": None}
        if end < len(self.data_planes):
            page |= {
                "offset": str(end),
                "next": f"/clustering/data-planes?size={size}&offset={end}",
            }
        return page

    def _tags(self, workspace: str) -> list[Document]:
        return [
            {"entity_name": table, "entity_id": row["id"], "tag": tag}
            for table in kinds(self.release)
            for row in self.store.rows(workspace, table).values()
            for tag in row.get("tags") or ()
        ]

    def _schema(self, method: str, rest: Sequence[str], given: Mapping[str, Any]) -> Answer:
        schemas = self.store.schemas
        if method == "POST" and len(rest) == 2 and rest[1] == "validate":
            if schemas.entity(rest[0]) is None:
                return message(404, f"No entity named '{rest[0]}'")
            if found := schemas.problems(rest[0], given):
                return Answer(400, {
                    "code": 2, "name": "schema violation",
                    "message": message_of(found), "fields": found,
                })  # fmt: skip
            return message(200, "schema validation successful")
        if len(rest) == 2 and rest[0] == "plugins":
            plugin = schemas.plugin(rest[1])
            missing = message(404, f"No plugin named '{rest[1]}'")
            return missing if plugin is None else Answer(200, dict(plugin))
        if len(rest) != 1:
            return _NOT_FOUND
        schema = schemas.entity(rest[0])
        missing = message(404, f"No entity named '{rest[0]}'")
        return missing if schema is None else Answer(200, dict(schema))

    def _kind(self, name: str) -> Kind:
        for kind in kinds(self.release).values():
            if kind.path == name and kind.table not in _NESTED_ONLY:
                return kind
        raise Refusal(_NOT_FOUND)

    def _entities(self, asked: "_Asked", kind: Kind, rest: Sequence[str]) -> Answer:
        if len(rest) < 2:
            return self._one_kind(asked, kind, rest, {})
        parent = self.store.find(asked.workspace, kind, rest[0])
        below = rest[1]
        if parent is None or below not in _BELOW.get(kind.table, ()):
            raise Refusal(_NOT_FOUND)
        child = kinds(self.release).get(CREDENTIALS.get(below, below))
        if child is None or len(rest) > 3:
            raise Refusal(_NOT_FOUND)
        field = next(name for name, table in child.of.items() if table == kind.table)
        return self._one_kind(asked, child, rest[2:], {field: parent["id"]})

    def _one_kind(
        self, asked: "_Asked", kind: Kind, rest: Sequence[str], of: Mapping[str, str]
    ) -> Answer:
        """A request on a collection, or on one entity of it.

        Args:
            asked: The request.
            kind: Of the collection.
            rest: The id or name of one, or nothing.
            of: What the path says that it belongs to.
        """
        store, where = self.store, asked.workspace
        given = dict(asked.given) | {field: {"id": one} for field, one in of.items()}
        if not rest:
            if asked.method == "GET":
                return store.page(where, kind, asked.path, asked.query, **of)
            row = store.write(where, kind, _with_url(kind, given), None)
            return Answer(201, store.shown(where, kind, row))
        before = store.find(where, kind, rest[0])
        if asked.method == "PUT" and (before is not None or kind.table != "targets"):
            called = {} if before else {_name_or_id(kind, rest[0]): rest[0]}
            row = store.write(where, kind, _with_url(kind, given | called), before)
            return Answer(200, store.shown(where, kind, row))
        if before is None:
            return Answer(204) if asked.method == "DELETE" else _missing(kind, rest[0])
        if asked.method == "PATCH":
            row = store.write(where, kind, before | given, before)
            return Answer(200, store.shown(where, kind, row))
        if asked.method == "DELETE":
            store.delete(where, kind, before)
            return Answer(204)
        return Answer(200, store.shown(where, kind, before))


@attrs.frozen
class _Asked:
    """One request on entities."""

    method: str
    workspace: str
    path: str
    query: Mapping[str, str]
    given: Mapping[str, Any]


_DEFAULT_WORKSPACE: Document = {
    "id": str(uuid.UUID(int=2)),
    "name": "default",
    "comment": None,
    "config": {},
    "meta": {},
}
_PORTS = {"http": 80, "https": 443}


def _missing(kind: Kind, called: str) -> Answer:
    """Certificates have an endpoint of their own, which says more."""
    if kind.table != "certificates":
        return _NOT_FOUND
    said = f"could not find the entity with primary key '{{id=\"{called}\"}}'"
    document = {"code": 6, "name": "not found", "message": said, "fields": {"id": called}}
    return Answer(404, document)


def _name_or_id(kind: Kind, called: str) -> str:
    try:
        uuid.UUID(called)
    except ValueError:
        return kind.key or "id"
    return "id"


def _with_url(kind: Kind, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A service by the shorthand `url`."""
    if kind.table != "services" or not isinstance(given.get("url"), str):
        return given
    url = urlsplit(given["url"])
    return {name: value for name, value in given.items() if name != "url"} | {
        "protocol": url.scheme,
        "host": url.hostname,
        "port": url.port or _PORTS.get(url.scheme, 80),
        "path": url.path or None,
    }


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is none of ours."""


def _handler(api: KongAdminApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = f"kong/{api.version}"
        sys_version = ""

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            answer = api.answer(self.command, self.path, headers, body)
            content = b"" if answer.document is None else json.dumps(answer.document).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            if answer.status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 # http.server's names

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
