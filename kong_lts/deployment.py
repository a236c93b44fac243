"""Deployment, DeploymentMode, Cluster, Node: what is upgraded, and its YAML inventory."""

import os
from collections.abc import Iterator
from enum import StrEnum

import attrs

from kong_lts.errors import DeploymentError, FormatError
from kong_lts.files import read_text
from kong_lts.findings import Finding, Severity
from kong_lts.serialization import FORMAT_VERSION, Form, json_schema, yaml_document
from kong_lts.versions import KongVersion

__all__ = [
    "Cluster",
    "DatabaseKind",
    "DatabaseSettings",
    "Deployment",
    "DeploymentMode",
    "LoadBalancerKind",
    "LoadBalancerSettings",
    "Node",
    "NodeRole",
    "Resources",
    "Side",
    "Tools",
    "contradictions",
    "parse_deployment",
    "read_deployment",
]

_MAX_BYTES = 16 << 20


class DeploymentMode(StrEnum):
    """The guide's deployment modes, and the data planes of Konnect."""

    TRADITIONAL = "traditional"
    HYBRID = "hybrid"
    DB_LESS = "db-less"
    KONNECT = "konnect"

    @property
    def has_database(self) -> bool:
        """Whether the clusters that are upgraded here have a database of their own."""
        return self in (DeploymentMode.TRADITIONAL, DeploymentMode.HYBRID)


class NodeRole(StrEnum):
    """The `role` of a node, as in kong.conf."""

    TRADITIONAL = "traditional"
    CONTROL_PLANE = "control_plane"
    DATA_PLANE = "data_plane"


class Side(StrEnum):
    """The guide's X and Y."""

    CURRENT = "current"
    NEW = "new"


class DatabaseKind(StrEnum):
    """The `database` of a cluster, as in kong.conf."""

    POSTGRES = "postgres"
    CASSANDRA = "cassandra"
    OFF = "off"


class LoadBalancerKind(StrEnum):
    """What divides the traffic between the clusters."""

    NGINX = "nginx"
    DNS = "dns"
    KUBERNETES = "kubernetes"
    HAPROXY = "haproxy"
    OTHER = "other"


@attrs.frozen(kw_only=True)
class Node:
    """One Kong node."""

    name: str
    """As the adapters know it: the key in `ClusterAdapters.nodes`."""
    role: NodeRole | None = None
    """None where the deployment's mode leaves no choice."""
    operating_system: str | None = None
    """As in "debian 11"."""
    version: KongVersion | None = None
    """Where it is not that of its cluster."""


@attrs.frozen(kw_only=True)
class DatabaseSettings:
    """The database of a cluster."""

    kind: DatabaseKind = DatabaseKind.POSTGRES
    """PostgreSQL, Cassandra, or none."""
    server_version: str | None = None
    """Of the PostgreSQL server, as in "13.4"."""
    url: str | None = attrs.field(default=None)
    """A reference, never the URL itself: `env:NAME` or `file:PATH`."""

    @url.validator
    def _is_a_reference(self, field: object, url: str | None) -> None:
        if url is not None and (not url.startswith(("env:", "file:")) or "://" in url):
            # The value is not repeated: it may hold a password.
            raise ValueError("give a reference, env:NAME or file:PATH, not the URL itself", field)


@attrs.frozen(kw_only=True)
class Cluster:
    """The current cluster (the guide's X) or the new one (Y)."""

    version: KongVersion
    """That of its nodes, unless a node says otherwise."""
    nodes: tuple[Node, ...] = ()
    """All of them; a plan needs them, an assessment does not."""
    database: DatabaseSettings | None = None
    """None where it has none, or nobody said."""
    keyring: bool = False
    """Whether Keyring and Data Encryption is enabled."""


@attrs.frozen(kw_only=True)
class Tools:
    """Versions of the programs beside the gateway; None where there is none."""

    deck: str | None = None
    """As in "1.55.0"."""
    kic: str | None = None
    """Of the Kong Ingress Controller, as in "2.12.0"."""


@attrs.frozen(kw_only=True)
class Resources:
    """What can be afforded; None means that nobody said so."""

    second_cluster: bool | None = None
    """Whether a second cluster, with a database of its own, can be afforded."""
    downtime_acceptable: bool | None = None
    """Whether the proxy may be down for a while."""
    decommissioning_allowed: bool | None = None
    """Whether the current cluster may go in the end."""


@attrs.frozen(kw_only=True)
class LoadBalancerSettings:
    """What divides the traffic."""

    kind: LoadBalancerKind = LoadBalancerKind.OTHER
    """What it is."""
    upstream: str | None = None
    """Name by which it knows the gateways."""


@attrs.frozen(kw_only=True)
class Deployment:
    """What is upgraded: one deployment of the current cluster, and the cluster it becomes."""

    mode: DeploymentMode
    """The guide's deployment mode."""
    current: Cluster
    """The guide's X."""
    new: Cluster | None = None
    """The guide's Y; None where it is not known yet."""
    name: str = "kong"
    """Tells deployments of one site apart, in plans, locks and reports."""
    tools: Tools = Tools()
    """Versions of the programs beside the gateway."""
    resources: Resources = Resources()
    """What can be afforded: it decides on the strategy."""
    load_balancer: LoadBalancerSettings | None = None
    """None where nobody said."""

    def cluster(self, side: Side) -> Cluster | None:
        """The cluster of one side."""
        return self.current if side is Side.CURRENT else self.new

    def to_json(self) -> str:
        """The deployment as JSON; its schema is `schemas/deployment.json`."""
        return _FORM.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> "Deployment":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        return _FORM.from_json(text)

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """JSON Schema of `to_json`."""
        return json_schema(cls, title="kong_lts deployment")


_FORM = Form(Deployment, "deployment")


def contradictions(deployment: Deployment) -> tuple[Finding, ...]:
    """What cannot be so, or cannot go on so, whatever else is known of the deployment."""
    return tuple(_contradictions(deployment))


def _contradictions(deployment: Deployment) -> Iterator[Finding]:
    current, new = deployment.current.database, deployment.new and deployment.new.database
    own = deployment.resources.second_cluster is True
    if own and current and new and current.url and current.url == new.url:
        yield _contradiction(
            "one-database",
            "Both clusters name one database, and the new one gets a database of its own.",
        )
    for side in Side:
        cluster = deployment.cluster(side)
        if cluster is not None:
            yield from _skew(side, cluster)


def _skew(side: Side, cluster: Cluster) -> Iterator[Finding]:
    """Data planes that are newer than their oldest control plane; the patch does not count."""
    versions = {node.name: node.version or cluster.version for node in cluster.nodes}
    planes = [n.name for n in cluster.nodes if n.role is NodeRole.CONTROL_PLANE]
    if not planes:
        return
    oldest = min(planes, key=lambda name: versions[name].parts[:2])
    for node in cluster.nodes:
        newer = versions[node.name].parts[:2] > versions[oldest].parts[:2]
        if node.role is NodeRole.DATA_PLANE and newer:
            yield _contradiction(
                "data-plane-newer",
                f"Data plane {node.name} of the {side} cluster has {versions[node.name]},"
                f" and control plane {oldest} {versions[oldest]}: it is refused.",
            )


def _contradiction(rule: str, message: str) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.BLOCKER,
        subject="deployment",
        message=message,
        action="Correct the inventory, or the deployment.",
        source="guide, Deployment modes",
    )


def read_deployment(path: str | os.PathLike[str]) -> Deployment:
    """Read the YAML inventory of a deployment.

    Args:
        path: A file as in docs/reference/deployment.md.

    Raises:
        UnreadableFileError: The file cannot be read.
        DeploymentError: It is no inventory; names the line and the field.
    """
    return parse_deployment(read_text(path, max_bytes=_MAX_BYTES), path=os.fspath(path))


def parse_deployment(text: str, *, path: str | None = None) -> Deployment:
    """The same as `read_deployment`, from a text.

    Raises:
        DeploymentError: It is no inventory; names the line and the field.
    """
    try:
        document, lines = yaml_document(text, what="deployment", path=path)
    except FormatError as exc:
        raise DeploymentError("; ".join(exc.problems), path=path, line=exc.line) from None
    if not isinstance(document, dict):
        raise DeploymentError("the inventory is no mapping", path=path, line=1)
    if (version := document.pop("format_version", FORMAT_VERSION)) != FORMAT_VERSION:
        reason = f"this library reads {FORMAT_VERSION}, not {version!r}"
        raise DeploymentError(reason, "format_version", path, lines["$.format_version"])
    try:
        return _FORM.from_document(document)
    except FormatError as exc:
        raise _with_line(exc, lines, path) from None


def _with_line(exc: FormatError, lines: dict[str, int], path: str | None) -> DeploymentError:
    """All faults of an inventory, each with its line; the first one gives line and field."""
    placed = []
    for problem in exc.problems:
        text, _, field = problem.rpartition(" @ ")
        holder = field if field in lines else field.rpartition(".")[0]
        placed.append((lines.get(holder), field.removeprefix("$").lstrip("."), text or problem))
    line, field, reason = placed[0]
    more = "; ".join(f"line {n}: {where}: {what}" for n, where, what in placed[1:])
    return DeploymentError(reason + (f"; {more}" if more else ""), field or None, path, line)
