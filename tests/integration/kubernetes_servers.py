"""A real kube-apiserver with its etcd, on loopback and in a folder of its own."""

import contextlib
import json
import os
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_lts.testing.ports import free_ports
from tests.certificates import Authority, private_pem
from tests.integration.balancers.servers import PATIENCE_S, listens, running

Document = dict[str, Any]
_KONG, _GATEWAY = "configuration.konghq.com", "gateway.networking.k8s.io"
KINDS = (
    (_KONG, "KongPlugin", "kongplugins", "v1", True),
    (_KONG, "KongClusterPlugin", "kongclusterplugins", "v1", False),
    (_KONG, "KongIngress", "kongingresses", "v1", True),
    (_KONG, "KongConsumer", "kongconsumers", "v1", True),
    (_KONG, "TCPIngress", "tcpingresses", "v1beta1", True),
    (_GATEWAY, "HTTPRoute", "httproutes", "v1", True),
)
"""Group, kind, plural, version, and whether it is in namespaces."""
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""
_ADMIN = "adm1n-marker"


def kubernetes_program(name: str) -> Path:
    """What `KONG_LTS_KUBE_APISERVER` or `KONG_LTS_ETCD` names, or what is on PATH.

    They are in no package of a usual system, so they are nowhere asked for.
    """
    variable = f"KONG_LTS_{name.upper().replace('-', '_')}"
    found = shutil.which(os.environ.get(variable, name))
    if found is None:
        pytest.skip(f"{name}: neither on PATH nor named by {variable}")
    return Path(found)


@attrs.frozen(kw_only=True)
class KubernetesServer:
    """One that answers; `token` may do all."""

    url: str
    ca_file: str
    etcd_url: str
    audit: Path
    """Where it writes down who asked for what."""
    token: str = attrs.field(default=_ADMIN, repr=False)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: object = None
    ) -> httpx.Response:
        """One request as it is."""
        trust = ssl.create_default_context(cafile=self.ca_file)
        content = None if body is None else json.dumps(body).encode()
        with httpx.Client(verify=trust, trust_env=False, timeout=30) as client:
            return client.request(method, self.url + path, headers=dict(headers), content=content)

    def ask(self, method: str, path: str, body: object = None) -> Document:
        """What comes back to one who may do all."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        answer: Document = self.send(method, path, headers, body).json()
        return answer

    def made(self, path: str, body: object) -> Document:
        """What was created."""
        answer = self.ask("POST", path, body)
        assert answer.get("status") != "Failure", answer
        return answer

    def define(self, *kinds: str) -> None:
        """Kinds of `KINDS`, with whatever is in them."""
        wanted = [each for each in KINDS if each[1] in kinds]
        for group, kind, plural, version, namespaced in wanted:
            scope = "Namespaced" if namespaced else "Cluster"
            self.made(_DEFINITIONS, _definition(group, kind, plural, version, scope))
        for group, _, plural, version, _ in wanted:
            self.wait_for(f"/apis/{group}/{version}/{plural}", self.token)

    def wait_for(self, path: str, token: str) -> None:
        """A kind is served, and a right holds, a moment after it was given."""
        end, headers = time.monotonic() + PATIENCE_S, {"Authorization": f"Bearer {token}"}
        while not (answer := self.send("GET", path, headers)).is_success:
            assert time.monotonic() < end, answer.text
            time.sleep(0.05)

    def namespace(self, name: str) -> None:
        """Make it, where there is none."""
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def forget(self) -> None:
        """Leave no list to be gone on with as it was begun."""
        path = "/api/v1/namespaces/default/configmaps"
        made = self.made(path, {"metadata": {"generateName": "time-"}})
        asked = {"revision": made["metadata"]["resourceVersion"], "physical": True}
        httpx.post(f"{self.etcd_url}/v3/kv/compaction", json=asked, trust_env=False)

    def bind(self, role: Document, namespace: str, account: str, within: str = "") -> None:
        """Give an account the rights of a role, everywhere or within a namespace."""
        root, kind, body = "/apis/rbac.authorization.k8s.io/v1", "ClusterRole", role
        if within:
            root, kind = f"{root}/namespaces/{within}", "Role"
            body = {**role, "kind": kind}
        self.made(f"{root}/{kind.lower()}s", body)
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        name = role["metadata"]["name"]
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        self.made(f"{root}/{kind.lower()}bindings", binding)

    def asked_by(self, user: str) -> list[Document]:
        """Each request of a user, as the server wrote it down."""
        events = map(json.loads, self.audit.read_text().splitlines())
        return [event for event in events if event["user"]["username"] == user]

    def account(self, name: str, namespace: str = "default") -> str:
        """A token of a new service account, for an hour."""
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.made(accounts, {"metadata": {"name": name}})
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self.made(f"{accounts}/{name}/token", asked)["status"]["token"])


@contextlib.contextmanager
def kubernetes_on_loopback(apiserver: Path, etcd: Path, folder: Path) -> Iterator[KubernetesServer]:
    """Start both, and end them with the block."""
    client_port, peer_port, port = free_ports(3)
    etcd_url, peers = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    for name in ("etcd", "apiserver", "tls"):
        (folder / name).mkdir()
    authority = Authority(folder / "tls")
    pair = authority.certificate("localhost")
    signing, shown = folder / "tls/accounts.pem", folder / "tls/accounts.pub"
    key = ec.generate_private_key(ec.SECP256R1())
    signing.write_bytes(private_pem(key))
    shown.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (folder / "audit.yaml").write_text(_AUDIT)
    (folder / "tokens.csv").write_text(f'{_ADMIN},admin,admin,"system:masters"\n')
    store: list[str | Path] = [
        etcd, f"--data-dir={folder}/etcd/data",
        f"--listen-client-urls={etcd_url}", f"--advertise-client-urls={etcd_url}",
        f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
    ]  # fmt: skip
    server: list[str | Path] = [
        apiserver, f"--etcd-servers={etcd_url}", "--bind-address=127.0.0.1",
        f"--secure-port={port}", f"--tls-cert-file={pair}", f"--tls-private-key-file={pair}",
        f"--cert-dir={folder}/apiserver", f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={signing}",
        f"--service-account-key-file={shown}", "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount", "--watch-cache=false",
        f"--audit-log-path={folder}/audit.log", f"--audit-policy-file={folder}/audit.yaml",
    ]  # fmt: skip
    found = KubernetesServer(
        url=f"https://localhost:{port}",
        ca_file=authority.file,
        etcd_url=etcd_url,
        audit=folder / "audit.log",
    )
    with (
        running(store, folder / "etcd", lambda: listens(client_port)),
        running(server, folder / "apiserver", lambda: _is_ready(found)),
    ):
        yield found


def _definition(group: str, kind: str, plural: str, version: str, scope: str) -> Document:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {**anything, "properties": {"spec": anything, "status": anything}}
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # As a group of Kubernetes' own, its kinds have to say who agreed to them.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {"group": group, "scope": scope, "names": names, "versions": [served]},
    }


def _is_ready(server: KubernetesServer) -> bool:
    """Whether its own roles and namespaces are there, too."""
    headers = {"Authorization": f"Bearer {server.token}"}
    with contextlib.suppress(httpx.HTTPError):
        paths = ("/readyz", "/api/v1/namespaces/default")
        return all(server.send("GET", path, headers).is_success for path in paths)
    return False


@contextlib.contextmanager
def again_and_again(write: Callable[[], None], *, every_s: float) -> Iterator[None]:
    """What a controller of the cluster would write, within the block."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(every_s):
            write()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
