"""A stand-in for the API server of Kubernetes, over HTTP on loopback, as adapters use it.

It reads, lists, creates and server-side applies objects of any kind: `resourceVersion`,
`generation`, field managers and their conflicts, namespaces, pages and how they grow too old, the
kinds of a group, 401, 403, 404, 409, 410, 422 and 429 as the real one has them. A gateway and a
controller of Deployments write the status of HTTPRoutes and Deployments. What it has not: watches,
defaults, validation of a kind's own fields, YAML, lists as they were when they were begun, and
lists whose items are merged; each list is one field, as the rules of an HTTPRoute and of an Ingress
are. Its answers are held to recorded ones.
"""

import copy
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Set
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, cast
from urllib.parse import parse_qs, urlsplit

import attrs

from kong_lts.testing.kubernetes_lists import (
    Place,
    forbidden,
    kinds_of,
    listed,
    no_page,
    place_of,
)
from kong_lts.testing.kubernetes_objects import (
    Answer,
    Document,
    Refusal,
    applied,
    created,
    failure,
    inner,
)

__all__ = ["KubernetesApi"]

_APPLY = "application/apply-patch+yaml"
_ACCOUNT, _ANONYMOUS = "system:serviceaccount:kong:kong-lts", "system:anonymous"
_NAMESPACES = "/api/v1/namespaces"


@attrs.define(kw_only=True)
class KubernetesApi:
    """Serves as long as the `with` block lasts.

    Args:
        token: The bearer token that it asks for; None asks for none.
        gateway_accepts: What the gateway says to an HTTPRoute; None is no gateway.
        pods: How many pods of a Deployment can be started; None is as many as wanted.
        kinds: Kinds of which there may be none, as "configuration.konghq.com/v1/kongplugins"; those
            of which there is one, and the built-in ones, need not be named.
        forbidden: What the token may not read, as "deployments".
        rights: Other tokens, and all that each may do, as "shop/services".
        page: The most objects in one answer; what the client asks for may be less.
        busy: So many requests from now on are told to come again in a second.
        after_get: Called with the path of each object that was read, before the next request:
            the place for another writer.
    """

    token: str | None = attrs.field(default=None, repr=False)
    gateway_accepts: bool | None = True
    pods: int | None = None
    kinds: Set[str] = frozenset()
    forbidden: Set[str] = frozenset()
    rights: Mapping[str, Set[str]] = attrs.field(factory=dict, repr=False)
    page: int = 500
    busy: int = 0
    after_get: Callable[[str], None] | None = None
    requests: list[str] = attrs.field(factory=list, init=False)
    """Method and path of each request."""
    _objects: dict[str, Document] = attrs.field(factory=dict, init=False, repr=False)
    _version: int = attrs.field(default=1, init=False)
    _oldest: int = attrs.field(default=0, init=False)
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False, repr=False)
    _server: ThreadingHTTPServer | None = attrs.field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._namespace("default")

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None, "use it in a with block"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def create(self, path: str, document: Mapping[str, object]) -> None:
        """Put an object there, as `kubectl create` would, and the namespace that it is in."""
        with self._lock:
            if (place := place_of(path)) is not None and place.namespace:
                self._namespace(place.namespace)
            self._objects[path] = created(document, "kubectl-create")
            self._written(path)

    def read(self, path: str) -> Document:
        """The object at a path."""
        with self._lock:
            return copy.deepcopy(self._objects[path])

    def edit(self, path: str, change: Callable[[Document], None]) -> None:
        """Change an object as another writer would, who asks nobody."""
        with self._lock:
            before = copy.deepcopy(self._objects[path])
            change(self._objects[path])
            self._written(path, before)

    def forget(self) -> None:
        """Lists that are being read cannot be gone on with as they were begun."""
        with self._lock:
            self._version += 1
            self._oldest = self._version

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What comes back to one request.

        Args:
            method: As GET.
            target: Path and query.
            headers: With names in lower case.
            body: JSON.
        """
        parts = urlsplit(target)
        self.requests.append(f"{method} {parts.path}")
        try:
            with self._lock:
                self._let_in(method, parts.path, headers.get("authorization"))
                if method == "GET":
                    answer = Answer(200, self._got(parts.path, parts.query))
                elif method == "POST":
                    answer = self._post(parts.path, parts.query, _json(body))
                elif method == "PATCH" and headers.get("content-type") == _APPLY:
                    answer = self._apply(parts.path, parts.query, _json(body))
                else:
                    what = "this kind of patch" if method == "PATCH" else method
                    answer = failure(415, "UnsupportedMediaType", f"{what} is not served here")
        except Refusal as refusal:
            return refusal.answer
        if method == "GET" and self.after_get is not None:
            self.after_get(parts.path)
        return answer

    # --- one request ----------------------------------------------------------------------------

    def _let_in(self, method: str, path: str, header: str | None) -> None:
        """Who asks is looked at first, then what they may, and last whether there is such a thing.

        Raises:
            Refusal: Not now, or not they.
        """
        if self.busy:
            self.busy -= 1
            said = "Too many requests, please try again later.\n"
            raise Refusal(Answer(429, {}, text=said, headers={"Retry-After": "1"}))
        if self.token is None:
            return
        if header is None:
            raise Refusal(forbidden(path, method, _ANONYMOUS))
        token = header.removeprefix("Bearer ")
        if token != self.token and token not in self.rights:
            raise Refusal(failure(401, "Unauthorized", "Unauthorized"))
        place = place_of(path)
        if place is not None and not self._may(token, method, place):
            raise Refusal(forbidden(path, method, _ACCOUNT))

    def _may(self, token: str, method: str, place: Place) -> bool:
        if token == self.token:
            return method != "GET" or place.plural not in self.forbidden
        return f"{place.within}/{place.plural}" in self.rights[token]

    def _got(self, path: str, query: str) -> Document:
        """An object, those of a kind, or the kinds of a group."""
        kinds = kinds_of(path, self._objects, self.kinds)
        if kinds is not None:
            return kinds
        place = place_of(path)
        if place is None or place.name:
            return self._found(path)
        return listed(
            self._objects,
            place,
            query,
            kinds=self.kinds,
            most=self.page,
            now=self._version,
            oldest=self._oldest,
        )

    def _found(self, path: str) -> Document:
        if path not in self._objects:
            raise Refusal(_not_found(path))
        return copy.deepcopy(self._objects[path])

    def _post(self, folder: str, query: str, document: Document) -> Answer:
        path = f"{folder}/{inner(document, 'metadata').get('name')}"
        place = place_of(path)
        if place is not None and place.namespace:
            self._found(f"{_NAMESPACES}/{place.namespace}")
        if path in self._objects:
            return failure(409, "AlreadyExists", f"{_named(path)} already exists", _details(path))
        self._objects[path] = created(document, _manager(query) or "unknown")
        self._written(path)
        return Answer(201, self._found(path))

    def _apply(self, path: str, query: str, document: Document) -> Answer:
        """Source: kubernetes.io, "Server-Side Apply"."""
        if not (manager := _manager(query)):
            return _no_manager()
        before = self._objects.get(path)
        asked = inner(document, "metadata").get("resourceVersion")
        uid = inner(document, "metadata").get("uid")
        if before is None and uid is not None:
            mismatch = f"specified uid {uid}, and no existing object was found"
            return _conflict(path, f"uid mismatch: the provided object {mismatch}")
        if before is not None and asked not in (None, _version(before)):
            return _conflict(
                path,
                "the object has been modified;"
                " please apply your changes to the latest version and try again",
            )
        force = parse_qs(query).get("force") == ["true"]
        self._objects[path] = applied(before, document, manager, force=force)
        answer = Answer(200 if before is not None else 201, {})
        self._bump(path, before)
        answer = attrs.evolve(answer, document=self._found(path))
        self._control(path)
        return answer

    # --- what happens to an object by itself ----------------------------------------------------

    def _namespace(self, name: str) -> None:
        """Make it, where there is none."""
        path = f"{_NAMESPACES}/{name}"
        if path not in self._objects:
            metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
            document = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
            self._objects[path] = created(document, "kube-apiserver")
            self._written(path)

    def _written(self, path: str, before: Document | None = None) -> None:
        self._bump(path, before)
        self._control(path)

    def _bump(self, path: str, before: Document | None) -> None:
        """A new version where anything changed, a new generation where the wish did."""
        now = self._objects[path]
        metadata = inner(now, "metadata")
        if before == now:
            return
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        if before is None:
            metadata["generation"] = 1
            metadata["uid"] = str(uuid.UUID(int=self._version))
        elif before.get("spec") != now.get("spec"):
            metadata["generation"] = cast("int", inner(before, "metadata")["generation"]) + 1

    def _control(self, path: str) -> None:
        """The gateway and the controller of Deployments write down what they have done."""
        now = self._objects[path]
        before = copy.deepcopy(now)
        generation = inner(now, "metadata")["generation"]
        if now.get("kind") == "HTTPRoute" and self.gateway_accepts is not None:
            now["status"] = {"parents": [_parent(self.gateway_accepts, generation)]}
        if now.get("kind") == "Deployment":
            wanted = cast("int", inner(now, "spec").get("replicas", 1))
            there = wanted if self.pods is None else min(wanted, self.pods)
            now["status"] = {
                "observedGeneration": generation,
                **({"replicas": wanted} if wanted else {}),
                **({"availableReplicas": there} if there else {}),
            }
        self._bump(path, before)


def _parent(accepts: bool, generation: object) -> Document:
    said = {
        "type": "Accepted",
        "status": "True" if accepts else "False",
        "reason": "Accepted" if accepts else "UnsupportedValue",
        "message": "Route is accepted" if accepts else "Route is not accepted",
        "observedGeneration": generation,
    }
    resolved = {**said, "type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs"}
    return {
        "parentRef": {"name": "gateway"},
        "controllerName": "example.com/gateway",
        "conditions": [said, resolved],
    }


def _handler(api: KubernetesApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            answer = api.answer(self.command, self.path, headers, body)
            content = answer.text.encode() or json.dumps(answer.document).encode()
            self.send_response(answer.status)
            kind = "text/plain; charset=utf-8" if answer.text else "application/json"
            for name, value in {"Content-Type": kind, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names of http.server

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def _json(body: bytes) -> Document:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refusal(failure(400, "BadRequest", "the body is no JSON object"))
    return document


def _manager(query: str) -> str:
    return parse_qs(query).get("fieldManager", [""])[0]


def _version(document: Document) -> object:
    return inner(document, "metadata")["resourceVersion"]


def _details(path: str) -> Document:
    group, plural, name = _parts(path)
    return {"name": name, **({"group": group} if group else {}), "kind": plural}


def _no_manager() -> Answer:
    said = "Required value: is required for apply patch"
    cause = {"reason": "FieldValueRequired", "message": said, "field": "fieldManager"}
    return failure(
        422,
        "Invalid",
        f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {said}',
        {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]},
    )


def _conflict(path: str, why: str) -> Answer:
    text = f"Operation cannot be fulfilled on {_named(path)}: {why}"
    return failure(409, "Conflict", text, _details(path))


def _not_found(path: str) -> Answer:
    return failure(404, "NotFound", f"{_named(path)} not found", _details(path))


def _named(path: str) -> str:
    group, plural, name = _parts(path)
    return f'{plural}{f".{group}" if group else ""} "{name}"'


def _parts(path: str) -> Iterator[str]:
    """Group, plural and name of an object."""
    place = place_of(path)
    if place is None or not place.name:
        raise Refusal(no_page())
    return iter((place.group, place.plural, place.name))
