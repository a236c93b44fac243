"""Load balancers that divide the proxy traffic between the current and the new cluster.

Beside the two methods of the protocol each one says how well it does it: `precision_percent` is
how far, in points, the share of many requests may be from the one asked for, and `delay_s` how
many seconds a change takes until every new request follows it. `set_weight` waits for that long.
`session_way` is how it can treat single hosts with sessions, `keeps_hosts` the hosts that it does
so with.
"""

from kong_lts.adapters.load_balancers.dns import DnsLoadBalancer
from kong_lts.adapters.load_balancers.haproxy import HaproxyLoadBalancer
from kong_lts.adapters.load_balancers.kubernetes import KubernetesLoadBalancer
from kong_lts.adapters.load_balancers.kubernetes_kinds import (
    HttpRouteWeights,
    IngressCanaryWeight,
    ReplicaRatio,
)
from kong_lts.adapters.load_balancers.nginx import NginxLoadBalancer
from kong_lts.adapters.load_balancers.one_shot import OneShotHosts

__all__ = [
    "DnsLoadBalancer",
    "HaproxyLoadBalancer",
    "HttpRouteWeights",
    "IngressCanaryWeight",
    "KubernetesLoadBalancer",
    "NginxLoadBalancer",
    "OneShotHosts",
    "ReplicaRatio",
]
