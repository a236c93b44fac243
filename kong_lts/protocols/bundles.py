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
from kong_lts.protocols.manifests import Manifests
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
    """Facts, fingerprints, and making and dropping databases."""
    archive: Archive | None = None
    """Dumps of the database, and their restore."""
    write_guard: WriteGuard | None = None
    """Keeps writes to the configuration out."""
    deck: Deck | None = None
    """decK's dump, validate, diff and sync."""
    credentials: Credentials | None = None
    """Basic-auth credentials with their stored hashes."""
    admin: AdminApi | None = None
    """What the nodes say of themselves."""
    keyring: Keyring | None = None
    """Keys of Keyring and Data Encryption."""
    proxy: Proxy | None = None
    """Where probes are sent."""
    metrics: Metrics | None = None
    """What gates look at."""
    nodes: Mapping[str, ProcessRunner] = attrs.Factory(dict)
    """Where commands run, by node name."""
    files: NodeFiles | None = None
    """Files of the nodes, for a backup."""


@attrs.frozen(kw_only=True)
class Adapters:
    """Everything through which a run touches the world."""

    current: ClusterAdapters = ClusterAdapters()
    """The guide's X."""
    new: ClusterAdapters = ClusterAdapters()
    """The guide's Y."""
    load_balancer: LoadBalancer | None = None
    """Divides the traffic; None where no step diverts any."""
    backups: Backups | None = None
    """Whole backups with their manifest."""
    clock: Clock
    """Time, and waiting."""
    approver: Approver
    """Who is asked."""
    observer: Observer
    """Who is told of each event."""
    control: Control | None = None
    """Who may pause or cancel the run; None where nobody may."""
    executor: Executor | None = None
    """Where the nodes of one step are started, stopped and asked at the same time; None does it one
    node after the other."""
    at_once: int = attrs.field(default=32, validator=attrs.validators.ge(1))
    """With an executor, how many nodes at the same time."""
    lock: Lock | None = None
    """Keeps a second run away where there is no database that does."""

    manifests: Manifests | None = None
    """Objects of the Kubernetes cluster that the current nodes run in; only `gather` reads them."""

    def of(self, side: Side) -> ClusterAdapters:
        """The adapters of one side."""
        return self.current if side is Side.CURRENT else self.new
