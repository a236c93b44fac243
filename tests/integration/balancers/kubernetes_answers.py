"""One conversation with an API server of Kubernetes, and what of its answers counts.

`kubernetes_answers.json` holds what kube-apiserver 1.34.4 with the CRDs of gateway-api 1.3.0 said.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

RECORDED = Path(__file__).with_suffix(".json")

Document = dict[str, Any]
Send = Callable[[str, str, Mapping[str, str], Document | None], tuple[int, Document]]
"""Method, path with query, headers and body; status and body come back."""

NAMESPACE = "namespaces/default"
INGRESSES = f"/apis/networking.k8s.io/v1/{NAMESPACE}/ingresses"
ROUTES = f"/apis/gateway.networking.k8s.io/v1/{NAMESPACE}/httproutes"
DEPLOYMENTS = f"/apis/apps/v1/{NAMESPACE}/deployments"
GONE = "4a0cd473-5ba6-4560-9d76-d373030ac04b"
CANARY = "nginx.ingress.kubernetes.io/canary"


def ingress(name: str, annotations: Mapping[str, str]) -> Document:
    backend = {"service": {"name": "kong-new", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default", "annotations": dict(annotations)},
        "spec": {"rules": [{"host": "shop.test", "http": {"paths": [path]}}]},
    }


def backend(service: str, weight: int) -> Document:
    return {"group": "", "kind": "Service", "name": service, "port": 80, "weight": weight}


def rule(path: str, *backends: Document) -> Document:
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "backendRefs": list(backends),
    }


def route(name: str, *rules: Document) -> Document:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "parentRefs": [
                {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gateway"}
            ],
            "rules": list(rules),
        },
    }


def deployment(name: str, replicas: int) -> Document:
    labels = {"app": name}
    container = {"name": "kong", "image": "kong:3.4"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@attrs.frozen
class Exchange:
    """One request; `version` 0 is the resourceVersion of now, -1 the one before it."""

    says: str
    method: str
    path: str
    body: Document | None = None
    version: int | None = None
    force: bool = True
    manager: str = "kong_lts"
    authorized: bool = True


def patch(document: Document, **fields: Any) -> Document:
    """The few fields of an object that are applied."""
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": {"name": document["metadata"]["name"], **fields.pop("metadata", {})},
        **fields,
    }


_INGRESS = ingress("recorded", {CANARY: "true", f"{CANARY}-weight": "0"})
_ROUTE = route(
    "recorded",
    rule("/", backend("kong-current", 100), backend("kong-new", 0)),
    rule("/status", backend("monitor", 1)),
)
_DEPLOYMENT = deployment("recorded", 10)


def _weighed(percent: int) -> Document:
    return patch(_INGRESS, metadata={"annotations": {f"{CANARY}-weight": str(percent)}})


_RULES = [
    rule("/", backend("kong-current", 75), backend("kong-new", 25)),
    rule("/status", backend("monitor", 1)),
]

CONVERSATION = (
    Exchange("nobody we know", "GET", f"{INGRESSES}/recorded", authorized=False),
    Exchange("no such object", "GET", f"{INGRESSES}/recorded"),
    Exchange(
        "a change of one that is gone",
        "PATCH", f"{INGRESSES}/recorded", patch(_INGRESS, metadata={"uid": GONE}), 0,
    ),
    Exchange("made", "POST", INGRESSES, _INGRESS, manager="kubectl-create"),
    Exchange("made twice", "POST", INGRESSES, _INGRESS, manager="kubectl-create"),
    Exchange("read", "GET", f"{INGRESSES}/recorded"),
    Exchange("not forced", "PATCH", f"{INGRESSES}/recorded", _weighed(5), 0, force=False),
    Exchange("forced", "PATCH", f"{INGRESSES}/recorded", _weighed(5), 0),
    Exchange("stale", "PATCH", f"{INGRESSES}/recorded", _weighed(25), -1),
    Exchange("the same again", "PATCH", f"{INGRESSES}/recorded", _weighed(5), 0),
    Exchange("without a version", "PATCH", f"{INGRESSES}/recorded", _weighed(25)),
    Exchange("no manager", "PATCH", f"{INGRESSES}/recorded", _weighed(50), 0, manager=""),
    Exchange(
        "another field, so the first one goes", "PATCH", f"{INGRESSES}/recorded",
        patch(_INGRESS, metadata={"annotations": {"a/b": "c"}}), 0,
    ),
    Exchange("route made", "POST", ROUTES, _ROUTE, manager="kubectl-create"),
    Exchange("weights", "PATCH", f"{ROUTES}/recorded", patch(_ROUTE, spec={"rules": _RULES}), 0),
    Exchange("route read", "GET", f"{ROUTES}/recorded"),
    Exchange("deployment made", "POST", DEPLOYMENTS, _DEPLOYMENT, manager="kubectl-create"),
    Exchange(
        "replicas and a note",
        "PATCH", f"{DEPLOYMENTS}/recorded",
        patch(
            _DEPLOYMENT,
            metadata={"annotations": {"kong-lts/new-percent": "25"}}, spec={"replicas": 7},
        ), 0,
    ),
    Exchange("deployment read", "GET", f"{DEPLOYMENTS}/recorded"),
)  # fmt: skip


def held(send: Send, authorization: str) -> list[Document]:
    """Hold the conversation; what counts of each answer."""
    versions: dict[str, list[str]] = {}
    found = []
    for exchange in CONVERSATION:
        name = f"{exchange.path.removesuffix('/recorded')}/recorded"
        seen = versions.setdefault(name, [])
        status, answer = _sent(send, exchange, seen, authorization)
        if version := answer["metadata"].get("resourceVersion"):
            seen.append(version)
        found.append({"says": exchange.says, "status": status, **_what_counts(answer, seen)})
        if exchange.method == "GET":
            found[-1].pop("new_version", None)  # a controller may have written its status
    return found


def recorded() -> list[Document]:
    """What the real one said."""
    answers: list[Document] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return answers


def _sent(
    send: Send, exchange: Exchange, seen: list[str], authorization: str
) -> tuple[int, Document]:
    headers = {"Authorization": authorization if exchange.authorized else "Bearer nobody"}
    body, query = exchange.body, ""
    distinct = list(dict.fromkeys(seen)) or ["1"]
    if exchange.method != "GET":
        query = f"?fieldManager={exchange.manager}" if exchange.manager else ""
        headers["Content-Type"] = "application/json"
    if exchange.method == "PATCH":
        query += ("&" if query else "?") + "force=true" if exchange.force else ""
        headers["Content-Type"] = "application/apply-patch+yaml"
    if body is not None and exchange.version is not None:
        version = distinct[exchange.version - 1]
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
    return send(exchange.method, exchange.path + query, headers, body)


def _what_counts(answer: Document, seen: list[str]) -> Document:
    if answer["kind"] == "Status":
        details = answer.get("details") or {}
        return {
            **{key: answer[key] for key in ("message", "reason", "code")},
            "details": {k: v for k, v in details.items() if k in ("name", "group", "kind")},
            "causes": details.get("causes", []),
        }
    metadata, spec = answer["metadata"], answer["spec"]
    return {
        "kind": answer["kind"],
        "annotations": metadata.get("annotations", {}),
        "generation": metadata["generation"],
        "new_version": len(seen) < 2 or seen[-1] != seen[-2],
        "ours": [
            {key: entry[key] for key in ("operation", "apiVersion", "fieldsV1")}
            for entry in metadata["managedFields"]
            if entry["manager"] == "kong_lts"
        ],
        "rules": spec.get("rules"),
        "replicas": spec.get("replicas"),
    }
