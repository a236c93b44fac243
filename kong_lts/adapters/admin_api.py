"""The Admin API or the status listener of each node."""

import re
from collections.abc import Mapping
from urllib.parse import quote

import attrs

from kong_lts.adapters.admin_client import AdminClient
from kong_lts.adapters.http_client import Fetched
from kong_lts.adapters.prometheus_text import samples
from kong_lts.errors import AdminApiError
from kong_lts.protocols import NodeStatus
from kong_lts.versions import Edition, KongVersion

__all__ = ["HttpAdminApi"]

_VERSION = re.compile(r"\d+(?:\.\d+){2,3}")
_SERVER = re.compile(r"kong/(\d+(?:\.\d+){2,3})")
_PAGE = 1000
"""Entities on one page: the most that Kong gives."""
_MOST = 2_000_000
"""Entities of one collection, far beyond what a gateway holds in memory."""


@attrs.frozen
class HttpAdminApi:
    """Asks each node at its own address, of either listener.

    What is not about one node is asked of the first that has an Admin API.

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
    _last: list[str] = attrs.field(factory=list, init=False, repr=False, eq=False)
    """The node that had an Admin API when one was last asked for."""

    def status(self, node: str) -> NodeStatus:
        doing = f"asking node {node} how it is"
        client = self._client(node, doing)
        root = client.send("GET", "/", doing)
        if root.status not in (200, 404):  # a status listener has no `/`
            raise AdminApiError(doing, client.refusal("GET", "/", root))
        status = client.send("GET", "/status", doing)
        if status.status != 200:
            raise AdminApiError(doing, client.refusal("GET", "/status", status))
        document = client.read(status, doing)
        database, loaded = document.get("database"), document.get("configuration_hash")
        reachable = database.get("reachable", True) if isinstance(database, dict) else True
        ready = client.send("GET", "/status/ready", doing)
        return NodeStatus(
            version=_version(client, root, status, doing),
            # 2.8 has no such path: there a node is ready when it reaches its database.
            ready=bool(reachable) if ready.status == 404 else ready.status == 200,
            database_reachable=bool(reachable),
            configuration_hash=loaded if isinstance(loaded, str) else None,
            requests=_requests(document),
            workers=_workers(document),
        )

    def root(self) -> Mapping[str, object]:
        doing = "reading /"
        client, _ = self._admin(doing)
        return client.document("GET", "/", doing)

    def workspaces(self) -> tuple[str, ...]:
        doing = "asking for the workspaces"
        client, version = self._admin(doing)
        if version.edition is Edition.OSS:  # it names one, and answers 404 under its name
            return ()
        return tuple(str(row.get("name", "")) for row in _rows(client, "/workspaces", doing))

    def entities(
        self, path: str, *, workspace: str | None = None
    ) -> tuple[Mapping[str, object], ...]:
        doing = f"reading {path}"
        client, _ = self._admin(doing)
        return _rows(client, _in(workspace, path), doing)

    def put(self, path: str, entity: Mapping[str, object], *, workspace: str | None = None) -> None:
        doing = f"writing {path}"
        client, _ = self._admin(doing)
        client.document("PUT", _in(workspace, path), doing, document=entity)

    def _client(self, node: str, doing: str) -> AdminClient:
        if node not in self.urls:
            raise AdminApiError(doing, "its address is not known; name it in the adapter's urls")
        return AdminClient(
            url=self.urls[node],
            error=AdminApiError,
            token=self.token,
            environ=self.environ,
            timeout_s=self.timeout_s,
            ca_file=self.ca_file,
        )

    def _admin(self, doing: str) -> tuple[AdminClient, KongVersion]:
        """The first node that has an Admin API, and its version."""
        failures = []
        # Others may take all of their time to say nothing, and there are many questions.
        for node in dict.fromkeys((*self._last, *self.urls)):
            client = self._client(node, doing)
            try:
                said = str(client.document("GET", "/", doing).get("version", ""))
            except AdminApiError as exc:
                failures.append(f"{node}: {exc.reason}")
                continue
            if (found := _VERSION.match(said)) is not None:
                self._last[:] = [node]
                return client, KongVersion.parse(found[0])
            failures.append(f"{node}: it names no version of Kong")
        raise AdminApiError(doing, f"no node has an Admin API ({'; '.join(failures) or 'no urls'})")


def _requests(status: Mapping[str, object]) -> int | None:
    """Of a node since its start."""
    server = status.get("server")
    count = server.get("total_requests") if isinstance(server, Mapping) else None
    return count if isinstance(count, int) else None


def _workers(status: Mapping[str, object]) -> tuple[int, ...]:
    """The processes that serve, by the memory of each."""
    memory = status.get("memory")
    rows = memory.get("workers_lua_vms") if isinstance(memory, Mapping) else None
    found = [row.get("pid") for row in rows or () if isinstance(row, Mapping)]
    return tuple(sorted(pid for pid in found if isinstance(pid, int)))


def _version(client: AdminClient, root: Fetched, status: Fetched, doing: str) -> str:
    """By `/` of the Admin API, else by the name the server gives itself, else by metrics."""
    if root.status == 200:
        said = _VERSION.match(str(client.read(root, doing).get("version", "")))
        return said[0] if said else ""
    if (server := _SERVER.match(status.headers.get("server", ""))) is not None:
        return server[1]
    metrics = client.send("GET", "/metrics", doing, accept=None)
    found = samples(metrics.text() if metrics.status == 200 else "", ("kong_node_info",))
    labels = next((sample.labels for sample in found), {})
    said = _VERSION.match(labels.get("version", ""))
    return said[0] if said else ""


def _in(workspace: str | None, path: str) -> str:
    return f"/{path}" if workspace is None else f"/{quote(workspace, safe='')}/{path}"


def _rows(
    client: AdminClient, path: str, doing: str, most: int = _MOST
) -> tuple[Mapping[str, object], ...]:
    """All entities of a collection, page by page."""
    rows: list[Mapping[str, object]] = []
    offset: str | None = ""
    seen: set[str] = set()
    while offset is not None:
        if offset in seen or len(rows) > most:
            raise AdminApiError(doing, f"after {len(rows)} entities its pages come to no end")
        seen.add(offset)
        more = f"&offset={quote(offset, safe='')}" if offset else ""
        page = client.document("GET", f"{path}?size={_PAGE}{more}", doing)
        data = page.get("data")
        if not isinstance(data, list | dict):  # an empty list is written as {} by some endpoints
            raise AdminApiError(doing, f"GET {path} is no collection")
        rows += [row for row in data if isinstance(row, dict)]
        following = page.get("offset")
        offset = following if isinstance(following, str) and following and data else None
    return tuple(rows)
