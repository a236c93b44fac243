"""Kubernetes objects as load balancers, at a real kube-apiserver.

No controller has to run: a thread writes the status that one would.
"""

import contextlib
from collections.abc import Iterator, Mapping

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
from tests.integration.kubernetes_servers import KubernetesServer, again_and_again

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


@pytest.fixture(scope="module")
def served(kubernetes: KubernetesServer) -> KubernetesServer:
    kubernetes.define("HTTPRoute")
    return kubernetes


@pytest.fixture
def server(served: KubernetesServer) -> Iterator[KubernetesServer]:
    names = {
        folder: {"recorded", *(each["metadata"]["name"] for each in objects)}
        for folder, objects in OBJECTS.items()
    }
    yield served
    for path in [f"{folder}/{name}" for folder, found in names.items() for name in found]:
        served.ask("DELETE", path)


@contextlib.contextmanager
def controllers(server: KubernetesServer) -> Iterator[None]:
    """What a gateway and the controller of Deployments would write."""

    def write() -> None:
        for folder in (answers.ROUTES, answers.DEPLOYMENTS):
            for each in OBJECTS[folder]:
                path = f"{folder}/{each['metadata']['name']}"
                found = server.ask("GET", path)
                if "spec" in found and (status := _status(found)) != found.get("status"):
                    server.ask("PATCH", f"{path}/status", {"status": status})

    with again_and_again(write, every_s=0.02):
        yield


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


def test_the_real_one_still_answers_as_it_did(server: KubernetesServer) -> None:
    def send(
        method: str, path: str, headers: Mapping[str, str], body: Document | None
    ) -> tuple[int, Document]:
        answer = server.send(method, path, headers, body)
        return answer.status_code, answer.json()

    assert answers.held(send, f"Bearer {server.token}") == answers.recorded()


@pytest.mark.parametrize("kind", KINDS, ids=str)
class TestKubernetes(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, kind: Kind, server: KubernetesServer) -> Iterator[LoadBalancer]:
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
