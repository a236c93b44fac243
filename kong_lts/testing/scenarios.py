"""Ready deployments, one for each mode, strategy and way to be refused."""

from collections.abc import Mapping
from types import MappingProxyType

from kong_lts.deployment import (
    Cluster,
    DatabaseKind,
    DatabaseSettings,
    Deployment,
    DeploymentMode,
    LoadBalancerKind,
    LoadBalancerSettings,
    Node,
    NodeRole,
    Resources,
    Tools,
)
from kong_lts.versions import KongVersion

__all__ = ["ALL"]

_OSS = "2.8.5", "3.4.2"
_ENTERPRISE = "2.8.4.14", "3.4.3.5"
_POSTGRES = DatabaseSettings(server_version="15.4", url="env:KONG_DATABASE_URL")
_NEW_POSTGRES = DatabaseSettings(server_version="15.4", url="env:KONG_NEW_DATABASE_URL")
_PLENTY = Resources(second_cluster=True, downtime_acceptable=False, decommissioning_allowed=True)
_SCARCE = Resources(second_cluster=False, downtime_acceptable=True, decommissioning_allowed=True)
_KEPT = Resources(second_cluster=True, downtime_acceptable=False, decommissioning_allowed=False)
_NEITHER = Resources(second_cluster=False, downtime_acceptable=False)


def _nodes(role: NodeRole, prefix: str, count: int) -> tuple[Node, ...]:
    return tuple(
        Node(name=f"{prefix}-{n}", role=role, operating_system="debian 11")
        for n in range(1, count + 1)
    )


def _deployment(
    mode: DeploymentMode,
    versions: tuple[str, str],
    resources: Resources,
    *,
    database: DatabaseSettings | None = _POSTGRES,
    keyring: bool = False,
    fleet: bool = False,
) -> Deployment:
    current, new = versions
    has_database = mode.has_database
    return Deployment(
        mode=mode,
        current=Cluster(
            version=KongVersion.parse(current),
            nodes=_of_mode(mode, "x", fleet=fleet),
            database=database if has_database else None,
            keyring=keyring,
        ),
        new=Cluster(
            version=KongVersion.parse(new),
            nodes=_of_mode(mode, "y", fleet=fleet),
            database=_NEW_POSTGRES if has_database else None,
            keyring=keyring,
        ),
        tools=Tools(deck="1.55.0"),
        resources=resources,
        load_balancer=LoadBalancerSettings(kind=LoadBalancerKind.NGINX, upstream="kong"),
    )


def _of_mode(mode: DeploymentMode, prefix: str, *, fleet: bool) -> tuple[Node, ...]:
    count = 9 if fleet else 2
    if mode is DeploymentMode.HYBRID:
        return (
            *_nodes(NodeRole.CONTROL_PLANE, f"{prefix}-cp", count // 2),
            *_nodes(NodeRole.DATA_PLANE, f"{prefix}-dp", count),
        )
    if mode is DeploymentMode.KONNECT:
        return _nodes(NodeRole.DATA_PLANE, f"{prefix}-dp", count)
    return _nodes(NodeRole.TRADITIONAL, prefix, count)


_TRADITIONAL = DeploymentMode.TRADITIONAL
_HYBRID = DeploymentMode.HYBRID
_CASSANDRA = DatabaseSettings(kind=DatabaseKind.CASSANDRA)

ALL: Mapping[str, Deployment] = MappingProxyType(
    {
        "traditional-dual-cluster": _deployment(_TRADITIONAL, _OSS, _PLENTY),
        "traditional-kept-dual-cluster": _deployment(_TRADITIONAL, _ENTERPRISE, _KEPT),
        "traditional-in-place": _deployment(_TRADITIONAL, _OSS, _SCARCE),
        "traditional-no-resources": _deployment(_TRADITIONAL, _OSS, _NEITHER),
        "enterprise-keyring": _deployment(_TRADITIONAL, _ENTERPRISE, _PLENTY, keyring=True),
        "hybrid-dual-cluster": _deployment(_HYBRID, _ENTERPRISE, _PLENTY),
        "hybrid-in-place": _deployment(_HYBRID, _OSS, _SCARCE),
        "db-less-rolling": _deployment(DeploymentMode.DB_LESS, _OSS, _PLENTY),
        "hybrid-fleet-in-place": _deployment(_HYBRID, _ENTERPRISE, _SCARCE, fleet=True),
        "db-less-fleet-rolling": _deployment(DeploymentMode.DB_LESS, _OSS, _PLENTY, fleet=True),
        "konnect-rolling": _deployment(DeploymentMode.KONNECT, _ENTERPRISE, _PLENTY),
        "cassandra": _deployment(_TRADITIONAL, _OSS, _PLENTY, database=_CASSANDRA),
    }
)
"""Deployments by name."""
