"""Whose clients stay on one side: hosts with sessions, and what each kind of balancer can do."""

from collections.abc import Iterable, Iterator, Mapping

import attrs

from kong_lts.deployment import LoadBalancerKind
from kong_lts.findings import Finding, Severity
from kong_lts.unshared import Sessions, SessionWay

__all__ = ["BY_KIND", "Keeping", "covers", "keeping"]

_MOST_NAMES = 5


BY_KIND: Mapping[LoadBalancerKind, SessionWay] = {
    LoadBalancerKind.NGINX: SessionWay.STICKY,
    LoadBalancerKind.HAPROXY: SessionWay.STICKY,
    LoadBalancerKind.KUBERNETES: SessionWay.ONE_SHOT,
    LoadBalancerKind.DNS: SessionWay.ONE_SHOT,
}
"""What the adapters of a kind declare as their `session_way`."""

_HOW: Mapping[LoadBalancerKind | None, str] = {
    LoadBalancerKind.NGINX: "Give `NginxLoadBalancer` these hosts as `sticky_hosts`.",
    LoadBalancerKind.HAPROXY: "Lead these hosts to a backend of their own with `balance source`,"
    " and give `HaproxyLoadBalancer` that backend and the hosts (`sticky_backend`,"
    " `sticky_hosts`).",
    LoadBalancerKind.KUBERNETES: "Give these hosts a route of their own, and both balancers to"
    " `OneShotHosts`; or say `keeps_clients` where the Ingress has session affinity.",
    LoadBalancerKind.DNS: "Give each of these names a `DnsLoadBalancer`, and all of them to"
    " `OneShotHosts`, which moves them in one step.",
    None: "Let the load balancer keep each client on one side (`keeps_clients`), or only those of"
    " these hosts (`keeps_hosts`).",
}


@attrs.frozen(kw_only=True)
class Keeping:
    """What a plan does about sessions."""

    everywhere: bool = False
    """Whether every client has to stay on one side."""
    hosts: tuple[str, ...] = ()
    """Otherwise those of these hosts."""
    at_once: bool = False
    """Whether all traffic is diverted in one stage, since nothing else keeps the sessions."""
    kind: LoadBalancerKind | None = None
    """Of the load balancer; None where nobody said so."""

    def findings(self) -> Iterator[Finding]:
        """What it says of that."""
        if self.at_once:
            yield _finding(
                "Sessions of one release are unknown to the other, they are kept on every host, and"
                f" {self.kind} keeps no client on one side: the plan diverts all traffic in one"
                " stage.",
                "Confine the plugins to routes with hosts of their own, or give another load"
                " balancer, to divert the rest by and by.",
            )
        elif self.everywhere or self.hosts:
            whose = "every host" if self.everywhere else _shown(self.hosts)
            how = _HOW[None if self.everywhere else self.kind if self.kind in BY_KIND else None]
            way = BY_KIND.get(self.kind) if self.kind and self.hosts else None
            one_shot = way is SessionWay.ONE_SHOT
            what = "move in one step" if one_shot else "are kept on one side, client by client"
            yield _finding(
                f"Sessions of one release are unknown to the other: requests to {whose} {what}; who"
                " is divided request by request is logged out again and again.",
                f"{how} Or divert all in one stage with 100%. A run does not begin with one that"
                " divides them.",
            )


def keeping(
    sessions: Iterable[Sessions], kind: LoadBalancerKind | None, *, by_stages: bool = True
) -> Keeping:
    """What to do about sessions.

    Args:
        sessions: As the assessment found them.
        kind: Of the load balancer; None where nobody said so.
        by_stages: Whether the traffic is diverted by a ramp, which may have one stage only; not
            where nodes are replaced one by one.
    """
    found = tuple(sessions)
    if not found:
        return Keeping(kind=kind)
    if all(one.hosts for one in found):
        hosts = dict.fromkeys(host for one in found for host in one.hosts)
        return Keeping(hosts=tuple(hosts), kind=kind)
    at_once = kind is LoadBalancerKind.DNS and by_stages
    return Keeping(everywhere=not at_once, at_once=at_once, kind=kind)


def covers(kept: Iterable[str], host: str) -> bool:
    """Whether one of some hosts is this one, or stands for it by a `*` at one of its ends."""
    return any(_stands_for(pattern.lower(), host.lower()) for pattern in kept)


def _stands_for(pattern: str, host: str) -> bool:
    if pattern == host:
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return pattern.endswith(".*") and host.startswith(pattern[:-1]) and len(host) >= len(pattern)


def _shown(hosts: tuple[str, ...]) -> str:
    more = f" and {rest} more" if (rest := len(hosts) - _MOST_NAMES) > 0 else ""
    return ", ".join(hosts[:_MOST_NAMES]) + more


def _finding(message: str, action: str) -> Finding:
    return Finding(
        rule="mixed-window-sessions",
        severity=Severity.WARNING,
        subject="the time in which both clusters serve",
        message=message,
        action=action,
        source="guide, Dual-cluster upgrade; LTS breaking changes, entry 39",
    )
