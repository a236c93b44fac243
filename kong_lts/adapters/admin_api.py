"""The Admin API or the status listener of each node."""

import json
import re
from collections.abc import Mapping

import attrs

from kong_lts.adapters.http_client import Fetched, HttpClient
from kong_lts.adapters.prometheus_text import samples
from kong_lts.adapters.secrets import resolve_secret
from kong_lts.errors import AdminApiError, SecretError
from kong_lts.protocols import NodeStatus

__all__ = ["HttpAdminApi"]

_MAX_BYTES = 64 << 20
_VERSION = re.compile(r"\d+(?:\.\d+){2,3}")
_SERVER = re.compile(r"kong/(\d+(?:\.\d+){2,3})")


@attrs.frozen
class HttpAdminApi:
    """Asks each node at its own address, of either listener.

    Args:
        urls: Where the status listener or the Admin API of each node is.
        token: Reference of the RBAC token, `env:NAME` or `file:PATH`; None where there is none.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one request.
        ca_file: Certificates to trust; None takes those of the system.
    """

    urls: Mapping[str, str] = attrs.field(repr=False)
    token: str | None = attrs.field(default=None, kw_only=True)
    environ: Mapping[str, str] | None = attrs.field(default=None, kw_only=True, repr=False)
    timeout_s: float = attrs.field(default=10.0, kw_only=True)
    ca_file: str | None = attrs.field(default=None, kw_only=True)

    def status(self, node: str) -> NodeStatus:
        doing = f"asking node {node} how it is"
        root = self._get(node, "/", doing)
        if root.status not in (200, 404):  # a status listener has no `/`
            raise AdminApiError(doing, _refusal(root, "/"))
        status = self._get(node, "/status", doing)
        if status.status != 200:
            raise AdminApiError(doing, _refusal(status, "/status"))
        database = _document(status, doing).get("database")
        reachable = database.get("reachable", True) if isinstance(database, dict) else True
        ready = self._get(node, "/status/ready", doing)
        return NodeStatus(
            version=self._version(node, root, status, doing),
            # 2.8 has no such path: there a node is ready when it reaches its database.
            ready=bool(reachable) if ready.status == 404 else ready.status == 200,
            database_reachable=bool(reachable),
        )

    def _version(self, node: str, root: Fetched, status: Fetched, doing: str) -> str:
        """By `/` of the Admin API, else by the name the server gives itself, else by metrics."""
        if root.status == 200:
            said = _VERSION.match(str(_document(root, doing).get("version", "")))
            return said[0] if said else ""
        if (server := _SERVER.match(status.headers.get("server", ""))) is not None:
            return server[1]
        metrics = self._get(node, "/metrics", doing)
        found = samples(metrics.text() if metrics.status == 200 else "", ("kong_node_info",))
        labels = next((sample.labels for sample in found), {})
        said = _VERSION.match(labels.get("version", ""))
        return said[0] if said else ""

    def _get(self, node: str, path: str, doing: str) -> Fetched:
        if node not in self.urls:
            raise AdminApiError(doing, "its address is not known; name it in the adapter's urls")
        secrets: tuple[str, ...] = ()
        headers = {"Accept": "application/json"} if path != "/metrics" else {}
        try:
            if self.token is not None:
                secrets = (
                    resolve_secret(self.token)
                    if self.environ is None
                    else resolve_secret(self.token, self.environ),
                )
                headers["Kong-Admin-Token"] = secrets[0]
        except SecretError as exc:
            raise AdminApiError(doing, str(exc)) from exc
        client = HttpClient(timeout_s=self.timeout_s, max_bytes=_MAX_BYTES, ca_file=self.ca_file)
        return client.send(
            "GET", self.urls[node], path,
            doing=doing, error=AdminApiError, headers=headers, secrets=secrets,
        )  # fmt: skip


def _document(answer: Fetched, doing: str) -> dict[str, object]:
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AdminApiError(doing, "the answer is no JSON object, so this is no Kong listener")
    return document


def _refusal(answer: Fetched, path: str) -> str:
    why = "; is the token right?" if answer.status in (401, 403) else ""
    return f"GET {path} is answered with status {answer.status}{why}"
