"""Nodes that Kubernetes manages, by the real kubectl and kube-apiserver; no pod has to run."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_lts.adapters import LocalProcessRunner, ManagedNode, NodeCommands
from kong_lts.errors import ProcessFailedError
from tests.contracts.manifests import deployed
from tests.integration.kubernetes_servers import (
    KubernetesServer,
    again_and_again,
    kubernetes_program,
)

FOLDER = "/apis/apps/v1/namespaces/default/deployments"
KONG = f"{FOLDER}/kong"


@pytest.fixture
def server(kubernetes: KubernetesServer) -> Iterator[KubernetesServer]:
    spec = deployed("kong:2.8", replicas=2)
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "kong"}}
    kubernetes.made(FOLDER, {**body, "spec": spec})
    yield kubernetes
    kubernetes.ask("DELETE", KONG)


def node_of(server: KubernetesServer, folder: Path, timeout_s: int = 20) -> ManagedNode:
    cluster = {"server": server.url, "certificate-authority": server.ca_file}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": server.token}}],
    }
    (folder / "config").write_text(json.dumps(config))
    kubectl = (str(kubernetes_program("kubectl")), f"--kubeconfig={folder}/config")
    commands = NodeCommands.kubernetes(
        "deployment/kong", namespace="default", replicas=3, kubectl=kubectl, timeout_s=timeout_s
    )
    return ManagedNode(LocalProcessRunner(environ={**os.environ, "HOME": str(folder)}), commands)


@contextlib.contextmanager
def controller(server: KubernetesServer) -> Iterator[None]:
    """What the controller of Deployments writes when all pods are as they should be."""

    def write() -> None:
        found = server.ask("GET", KONG)
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = dict.fromkeys(counts, found["spec"]["replicas"])
        status["observedGeneration"] = found["metadata"]["generation"]
        if status != found.get("status"):
            server.ask("PATCH", f"{KONG}/status", {"status": status})

    with again_and_again(write, every_s=0.05):
        yield


def test_a_node_is_stopped_and_started_by_the_number_of_its_pods(
    server: KubernetesServer, tmp_path: Path
) -> None:
    node = node_of(server, tmp_path)

    with controller(server):
        for command, replicas in (("quit", 0), ("start", 3)):
            node.run(("kong", command), timeout_s=60)
            assert server.ask("GET", KONG)["spec"]["replicas"] == replicas


def test_pods_that_do_not_come_are_told(server: KubernetesServer, tmp_path: Path) -> None:
    with pytest.raises(ProcessFailedError, match="timed out waiting"):
        node_of(server, tmp_path, timeout_s=1).run(("kong", "start"), timeout_s=60)


def test_a_node_without_pods_is_not_there_and_that_is_said_soon(
    server: KubernetesServer, tmp_path: Path
) -> None:
    begun = time.monotonic()

    found = node_of(server, tmp_path).run(("kong", "health"), timeout_s=30, statuses=(0, 1))

    assert found.status == 1
    assert time.monotonic() - begun < 20
