"""Kubernetes objects as load balancers, at a real kube-apiserver, where one is named.

Set KONG_LTS_KUBERNETES_URL (https, loopback), KONG_LTS_KUBERNETES_TOKEN (may do all in the
namespace `default`) and KONG_LTS_KUBERNETES_CA (a file); the CRD of HTTPRoute is installed. Objects
named `recorded`, `canary`, `proxy`, `kong-current` and `kong-new` are made and deleted there. No
controller has to run: a thread writes the status that one would.
"""

import contextlib
import json
import os
import ssl
import threading
from collections.abc import Iterator, Mapping

import attrs
import httpx
import pytest

from kong_lts.adapters import (
    HttpRouteWeights,
    IngressCanaryWeight,
    KubernetesLoadBalancer,
    ReplicaRatio,
)
from kong_lts.adapters.load_balancers.kubernetes_kinds import Kind
from kong_lts.protocols import LoadBalancer
from tests.contracts.load_balancer import LoadBalancerContract
from tests.integration.balancers import kubernetes_answers as answers
from tests.integration.balancers.kubernetes_answers import Document

VARIABLE = "KONG_LTS_KUBERNETES_URL"
ROUTE = HttpRouteWeights(name="proxy", current="kong-current", new="kong-new")
KINDS = (
    ROUTE,
    IngressCanaryWeight(name="canary"),
    ReplicaRatio(current="kong-current", new="kong-new", replicas=10),
)
WEIGHTS = answers.backend("kong-current", 100), answers.backend("kong-new", 0)
OBJECTS = {
    answers.INGRESSES: [answers.ingress("canary", {answers.CANARY: "true"})],
    answers.ROUTES: [answers.route("proxy", answers.rule("/", *WEIGHTS))],
    answers.DEPLOYMENTS: [
        answers.deployment("kong-current", 10),
        answers.deployment("kong-new", 0),
    ],
}


@attrs.frozen
class Server:
    url: str
    token: str = attrs.field(repr=False)
    ca_file: str

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: Document | None
    ) -> tuple[int, Document]:
        trust = ssl.create_default_context(cafile=self.ca_file)
        content = None if body is None else json.dumps(body).encode()
        with httpx.Client(verify=trust, trust_env=False, timeout=30) as client:
            answer = client.request(method, self.url + path, headers=headers, content=content)
        return answer.status_code, answer.json()

    def ask(self, method: str, path: str, body: Document | None = None) -> Document:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        return self.send(method, path, headers, body)[1]


@pytest.fixture
def server() -> Iterator[Server]:
    if VARIABLE not in os.environ:
        pytest.skip(f"{VARIABLE}: no kube-apiserver is named")
    server = Server(
        os.environ[VARIABLE],
        os.environ["KONG_LTS_KUBERNETES_TOKEN"],
        os.environ["KONG_LTS_KUBERNETES_CA"],
    )
    names = {
        folder: {"recorded", *(each["metadata"]["name"] for each in objects)}
        for folder, objects in OBJECTS.items()
    }
    paths = [f"{folder}/{name}" for folder, found in names.items() for name in found]
    for path in paths:
        server.ask("DELETE", path)
    yield server
    for path in paths:
        server.ask("DELETE", path)


@contextlib.contextmanager
def controllers(server: Server) -> Iterator[None]:
    """What a gateway and the controller of Deployments would write."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.02):
            for folder in (answers.ROUTES, answers.DEPLOYMENTS):
                for each in OBJECTS[folder]:
                    path = f"{folder}/{each['metadata']['name']}"
                    found = server.ask("GET", path)
                    if "spec" in found and (status := _status(found)) != found.get("status"):
                        server.ask("PATCH", f"{path}/status", {"status": status})

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def _status(found: Document) -> Document:
    generation = found["metadata"]["generation"]
    if found["kind"] == "Deployment":
        counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"))
        return {"observedGeneration": generation} | dict.fromkeys(counts, found["spec"]["replicas"])
    said = {
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    parent = {"parentRef": {"name": "gateway"}, "controllerName": "example.com/gateway"}
    return {"parents": [{**parent, "conditions": [said]}]}


def test_the_real_one_still_answers_as_it_did(server: Server) -> None:
    assert answers.held(server.send, f"Bearer {server.token}") == answers.recorded()


@pytest.mark.parametrize("kind", KINDS, ids=str)
class TestKubernetes(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, kind: Kind, server: Server) -> Iterator[LoadBalancer]:
        for folder, objects in OBJECTS.items():
            for each in objects:
                server.ask("POST", folder, each)
        with controllers(server):
            yield KubernetesLoadBalancer(
                url=server.url,
                kind=kind,
                token="env:TOKEN",
                environ={"TOKEN": server.token},
                ca_file=server.ca_file,
                settle_s=0,
                timeout_s=20,
            )
