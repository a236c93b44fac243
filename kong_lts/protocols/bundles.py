"""Adapters, ClusterAdapters: everything through which a run touches the world."""

from collections.abc import Mapping

import attrs

from kong_lts.deployment import Side
from kong_lts.protocols.databases import (
    Archive,
    Backups,
    Credentials,
    Database,
    NodeFiles,
    WriteGuard,
)
from kong_lts.protocols.gateways import (
    AdminApi,
    Deck,
    Keyring,
    LoadBalancer,
    Metrics,
    ProcessRunner,
    Proxy,
)
from kong_lts.protocols.runs import (
    Approver,
    Clock,
    Control,
    Lock,
    Observer,
)

__all__ = [
    "Adapters",
    "ClusterAdapters",
]


@attrs.frozen(kw_only=True)
class ClusterAdapters:
    """What reaches one cluster; None for what is not there or not wanted."""

    database: Database | None = None
    archive: Archive | None = None
    write_guard: WriteGuard | None = None
    deck: Deck | None = None
    credentials: Credentials | None = None
    admin: AdminApi | None = None
    keyring: Keyring | None = None
    proxy: Proxy | None = None
    metrics: Metrics | None = None
    nodes: Mapping[str, ProcessRunner] = attrs.Factory(dict)
    """Where commands run, by node name."""
    files: NodeFiles | None = None


@attrs.frozen(kw_only=True)
class Adapters:
    """Everything through which a run touches the world."""

    current: ClusterAdapters = ClusterAdapters()
    new: ClusterAdapters = ClusterAdapters()
    load_balancer: LoadBalancer | None = None
    backups: Backups | None = None
    clock: Clock
    approver: Approver
    observer: Observer
    control: Control | None = None
    """Who may pause or cancel the run; None where nobody may."""
    lock: Lock | None = None
    """Keeps a second run away where there is no database that does."""

    def of(self, side: Side) -> ClusterAdapters:
        """The adapters of one side."""
        return self.current if side is Side.CURRENT else self.new
