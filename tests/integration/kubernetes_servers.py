"""A real kube-apiserver with its etcd, on loopback and in a folder of its own."""

import contextlib
import json
import os
import shutil
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_lts.testing.ports import free_ports
from tests.certificates import Authority, private_pem
from tests.integration.balancers.servers import listens, running

Document = dict[str, Any]
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

    def account(self, name: str, namespace: str = "default") -> str:
        """A token of a new service account, for an hour."""
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.made(accounts, {"metadata": {"name": name}})
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self.made(f"{accounts}/{name}/token", asked)["status"]["token"])


@contextlib.contextmanager
def kubernetes_on_loopback(
    apiserver: Path, etcd: Path, folder: Path, *options: str
) -> Iterator[KubernetesServer]:
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
        "--disable-admission-plugins=ServiceAccount", *options,
    ]  # fmt: skip
    found = KubernetesServer(
        url=f"https://localhost:{port}", ca_file=authority.file, etcd_url=etcd_url
    )
    with (
        running(store, folder / "etcd", lambda: listens(client_port)),
        running(server, folder / "apiserver", lambda: _is_ready(found)),
    ):
        yield found


def _is_ready(server: KubernetesServer) -> bool:
    """Whether its own roles and namespaces are there, too."""
    headers = {"Authorization": f"Bearer {server.token}"}
    with contextlib.suppress(httpx.HTTPError):
        paths = ("/readyz", "/api/v1/namespaces/default")
        return all(server.send("GET", path, headers).is_success for path in paths)
    return False
