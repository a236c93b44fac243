"""Adapters, ClusterAdapters: everything through which a run touches the world."""

from collections.abc import Mapping
from concurrent.futures import Executor

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
    executor: Executor | None = None
    """Where the nodes of one step are started, stopped and asked at the same time; None does it one
    node after the other."""
    at_once: int = attrs.field(default=32, validator=attrs.validators.ge(1))
    """With an executor, how many nodes at the same time."""
    lock: Lock | None = None
    """Keeps a second run away where there is no database that does."""

    def of(self, side: Side) -> ClusterAdapters:
        """The adapters of one side."""
        return self.current if side is Side.CURRENT else self.new
