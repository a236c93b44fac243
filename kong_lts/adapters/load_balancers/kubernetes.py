"""Kubernetes: weights of a route, of a canary Ingress, or the replicas of two Deployments."""

from collections.abc import Mapping

import attrs

from kong_lts.adapters.kubernetes_client import KubernetesClient
from kong_lts.adapters.load_balancers.kubernetes_kinds import Cluster, Kind
from kong_lts.adapters.load_balancers.shares import check_percent
from kong_lts.adapters.system import SystemClock
from kong_lts.protocols import Clock
from kong_lts.unshared import SessionWay

__all__ = ["KubernetesLoadBalancer"]


@attrs.frozen(kw_only=True)
class KubernetesLoadBalancer:
    """Divides the traffic by an object of Kubernetes, changed by server-side apply.

    The field manager is `kong_lts`, and it takes the fields that it sets from whoever had them:
    tell a tool that keeps objects as they stand in a repository to leave those fields alone.

    Args:
        url: The API server, as `https://10.0.0.1:6443`.
        kind: What is changed: `HttpRouteWeights`, `IngressCanaryWeight` or `ReplicaRatio`.
        namespace: Where that is.
        token: Reference of a bearer token, `env:NAME` or `file:PATH`; None where none is needed.
        ca_file: Certificates to trust; None takes those of the system.
        environ: Where `env:NAME` is looked up; None is this process.
        keeps_clients: Whether the gateway keeps a client on one side, by session affinity.
        settle_s: Seconds until the data path follows an object; `set_weight` waits for them.
        timeout_s: Seconds for one request, and for a controller to take a change.
        clock: Whose time passes.
    """

    url: str = attrs.field(repr=False)
    kind: Kind
    namespace: str = "default"
    token: str | None = attrs.field(default=None, repr=False)
    ca_file: str | None = None
    environ: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    keeps_clients: bool = False
    settle_s: float = 5.0
    timeout_s: float = 60.0
    clock: Clock = attrs.field(factory=SystemClock)

    session_way = SessionWay.ONE_SHOT

    @property
    def precision_percent(self) -> float:
        """That of the object."""
        return self.kind.precision_percent

    @property
    def delay_s(self) -> float:
        """What was said it takes."""
        return self.settle_s

    def set_weight(self, new_percent: int) -> None:
        doing = f"giving the new cluster {new_percent}% by {self.kind}"
        check_percent(new_percent, doing)
        cluster = self._cluster(doing)
        cluster.retry(lambda: self.kind.set_weight(new_percent, cluster))
        self.clock.sleep(self.settle_s)

    def weight(self) -> int:
        return self.kind.weight(
            self._cluster(f"reading the share of the new cluster from {self.kind}")
        )

    def _cluster(self, doing: str) -> Cluster:
        client = KubernetesClient(
            url=self.url,
            token=self.token,
            ca_file=self.ca_file,
            environ=self.environ,
            timeout_s=self.timeout_s,
        )
        return Cluster(
            client=client,
            namespace=self.namespace,
            clock=self.clock,
            timeout_s=self.timeout_s,
            doing=doing,
        )
