"""Questions to an API server of Kubernetes about lists and refusals, and what of an answer counts.

`kubernetes_lists.json` holds what kube-apiserver 1.34.4 said.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

RECORDED = Path(__file__).with_suffix(".json")

Document = dict[str, Any]


@attrs.frozen
class Heard:
    """What came back, as it was."""

    status: int
    content_type: str
    text: str


Send = Callable[[str, str, Mapping[str, str], object], Heard]
"""Method, path with query, headers and body."""

KONG = "configuration.konghq.com"
SHOP = "namespaces/shop"
MAPS = f"/api/v1/{SHOP}/configmaps"
PLUGINS = f"/apis/{KONG}/v1/{SHOP}/kongplugins"
INGRESSES = f"/apis/networking.k8s.io/v1/{SHOP}/ingresses"
ACCOUNT = "system:serviceaccount:kong:kong-lts"
"""Who asks with the other token."""
MAY_LIST = ("services", "kongplugins")
"""All that it may read, in namespace `shop`."""


def config_map(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}


THERE = (
    *((MAPS, config_map(f"c{n}")) for n in range(5)),
    (
        PLUGINS,
        {
            "apiVersion": f"{KONG}/v1", "kind": "KongPlugin",
            "metadata": {"name": "p"}, "plugin": "acl",
        },
    ),
    (
        INGRESSES,
        {
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"},
            "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}},
        },
    ),
)  # fmt: skip
"""Where each object is made, and what."""

ADMIN, OTHER, NOBODY, UNKNOWN = "admin", "other", "nobody", "unknown"
_NEXT = "&continue=NEXT"

QUESTIONS: tuple[tuple[str, str], ...] = (
    (ADMIN, f"{MAPS}?limit=2"),
    (ADMIN, f"{MAPS}?limit=2{_NEXT}"),
    (ADMIN, f"{MAPS}?limit=2{_NEXT}"),
    (ADMIN, MAPS),
    (ADMIN, f"{MAPS}?limit=0"),
    (ADMIN, f"{MAPS}?limit=2&continue=e30"),
    (ADMIN, f"{MAPS}?limit=x"),
    (ADMIN, f"{MAPS}?limit=2"),
    ("time goes by", ""),
    (ADMIN, f"{MAPS}?limit=2{_NEXT}"),
    (ADMIN, f"{MAPS}?limit=2{_NEXT}"),
    (ADMIN, f"{MAPS}/c1"),
    (ADMIN, PLUGINS),
    (ADMIN, f"/apis/{KONG}/v1/kongplugins?limit=500"),
    (ADMIN, INGRESSES),
    (ADMIN, "/api/v1/namespaces/shop"),
    # What is not there.
    (ADMIN, "/api/v1/namespaces/shpo"),
    (ADMIN, "/api/v1/namespaces/shpo/configmaps"),
    (ADMIN, "/api/v1/namespaces/shpo/configmaps/c1"),
    (ADMIN, f"{MAPS}/c9"),
    (ADMIN, f"/apis/{KONG}/v1/kongingresses"),
    (ADMIN, f"/apis/{KONG}/v1beta1/kongingresses"),
    (ADMIN, f"/apis/{KONG}/v1beta1"),
    (ADMIN, "/apis/networking.k8s.io/v1beta1/ingresses"),
    (ADMIN, "/apis/networking.k8s.io/v1beta1"),
    (ADMIN, "/apis/networking.k8s.io/v1/nonsense"),
    (ADMIN, "/apis/gateway.networking.k8s.io/v1/httproutes"),
    (ADMIN, "/apis/gateway.networking.k8s.io/v1"),
    (ADMIN, "/api/v1/nonsense"),
    (ADMIN, "/elsewhere/api/v1/configmaps"),
    # What an account may do that may do little.
    (OTHER, PLUGINS),
    (OTHER, f"/api/v1/{SHOP}/services"),
    (OTHER, "/api/v1/services"),
    (OTHER, f"/apis/{KONG}/v1/kongplugins"),
    (OTHER, MAPS),
    (OTHER, f"{MAPS}/c1"),
    (OTHER, f"{MAPS}/c9"),
    (OTHER, "/apis/apps/v1/deployments"),
    (OTHER, "/apis/networking.k8s.io/v1/ingressclasses"),
    (OTHER, "/api/v1/namespaces/shop"),
    (OTHER, "/api/v1/namespaces/shpo"),
    (OTHER, "/api/v1/namespaces/shpo/services"),
    (OTHER, f"/apis/{KONG}/v1/kongingresses"),
    (OTHER, "/apis/gateway.networking.k8s.io/v1/httproutes"),
    (OTHER, f"/apis/{KONG}/v1"),
    (OTHER, "/apis/gateway.networking.k8s.io/v1"),
    (OTHER, "/apis/networking.k8s.io/v1"),
    (NOBODY, MAPS),
    (NOBODY, "/apis/apps/v1/deployments"),
    (NOBODY, f"/apis/{KONG}/v1"),
    (UNKNOWN, MAPS),
    (UNKNOWN, f"/apis/{KONG}/v1"),
)


def held(send: Send, tokens: Mapping[str, str], time_goes_by: Callable[[], None]) -> list[Document]:
    """Ask all of it; what counts of each answer.

    Args:
        send: Sends one request.
        tokens: Of who may do all, and of the account that may do little.
        time_goes_by: After that, no list can be gone on with as it was.
    """
    for folder, document in THERE:
        made = send("POST", folder, _headers(tokens[ADMIN]), document)
        assert made.status == 201, made
    found, following = [], ""
    for who, path in QUESTIONS:
        if not path:
            time_goes_by()
            continue
        token = {UNKNOWN: "nobody-knows", **tokens}.get(who)
        heard = send("GET", path.replace("NEXT", following), _headers(token), None)
        document = json.loads(heard.text) if "json" in heard.content_type else {}
        following = document.get("metadata", {}).get("continue") or following
        found.append({"who": who, "asks": path, "status": heard.status, **_counts(heard, document)})
    return found


def recorded() -> list[Document]:
    """What the real one said."""
    answers: list[Document] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return answers


def _headers(token: str | None) -> dict[str, str]:
    said = {"Content-Type": "application/json", "Accept": "application/json"}
    return said if token is None else {**said, "Authorization": f"Bearer {token}"}


def _counts(heard: Heard, document: Document) -> Document:
    if not document:
        return {"text": heard.text.strip()}
    kind = document["kind"]
    if kind == "Status":
        keys = ("message", "reason", "details", "code")
        said = {key: document[key] for key in keys if key in document}
        if heard.status == 400 and "continue" in said["message"]:  # how it takes one apart
            said["message"] = ": ".join(said["message"].split(": ")[:2])
        return {**said, "goes_on": bool(document["metadata"].get("continue"))}
    if kind == "APIResourceList":
        names = {one["name"] for one in document["resources"]}
        asked = ("ingresses", "ingressclasses", "kongplugins", "kongingresses")
        return {"kind": kind, "has": [name for name in asked if name in names]}
    head = {key: document[key] for key in ("kind", "apiVersion")}
    if "items" not in document:
        return {**head, "name": document["metadata"]["name"]}
    return {
        **head,
        "goes_on": bool(document["metadata"].get("continue")),  # "" in lists of some kinds
        "remain": document["metadata"].get("remainingItemCount"),
        "names": [item["metadata"]["name"] for item in document["items"]],
        "items_say_their_kind": ["kind" in item for item in document["items"]],
    }
