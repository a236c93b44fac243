"""Load balancers that divide the proxy traffic between the current and the new cluster.

Beside the two methods of the protocol each one says how well it does it: `precision_percent` is
how far, in points, the share of many requests may be from the one asked for, and `delay_s` how
many seconds a change takes until every new request follows it. `set_weight` waits for that long.
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

__all__ = [
    "DnsLoadBalancer",
    "HaproxyLoadBalancer",
    "HttpRouteWeights",
    "IngressCanaryWeight",
    "KubernetesLoadBalancer",
    "NginxLoadBalancer",
    "ReplicaRatio",
]
