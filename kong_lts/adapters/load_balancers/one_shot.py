"""Hosts that move as a whole, beside a load balancer that divides all others."""

from collections.abc import Mapping

import attrs
from attrs.validators import ge, le, min_len

from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import LoadBalancer
from kong_lts.unshared import SessionWay

__all__ = ["OneShotHosts"]


@attrs.frozen(kw_only=True)
class OneShotHosts:
    """Divides most hosts by one load balancer, and moves some in one step by others.

    For hosts with sessions where nothing keeps a client on one side: their DNS records, or a route
    of their own in Kubernetes.

    Args:
        others: Divides everything else.
        hosts: What moves each host; one load balancer may move several.
        at_percent: The share of the others from which on these hosts are with the new cluster.
    """

    others: LoadBalancer
    hosts: Mapping[str, LoadBalancer] = attrs.field(validator=min_len(1))
    at_percent: int = attrs.field(default=100, validator=[ge(1), le(100)])

    session_way = SessionWay.ONE_SHOT

    @property
    def keeps_clients(self) -> bool:
        """Whether the others keep theirs, too."""
        return bool(getattr(self.others, "keeps_clients", False))

    @property
    def keeps_hosts(self) -> tuple[str, ...]:
        """Those that move as a whole, and what the others keep."""
        return (*self.hosts, *getattr(self.others, "keeps_hosts", ()))

    @property
    def precision_percent(self) -> float:
        """Of the others; these hosts have all or nothing."""
        return float(getattr(self.others, "precision_percent", 0.0))

    @property
    def delay_s(self) -> float:
        """One after the other."""
        balancers = (*self._movers, self.others)
        return sum(float(getattr(balancer, "delay_s", 0.0)) for balancer in balancers)

    def set_weight(self, new_percent: int) -> None:
        """These hosts first: what `weight` says is true of them then, too."""
        wanted = 100 if new_percent >= self.at_percent else 0
        moved: list[tuple[LoadBalancer, int]] = []
        try:
            for balancer in self._movers:
                moved += [(balancer, before) for before in _now(balancer)]
                balancer.set_weight(wanted)
            self.others.set_weight(new_percent)
        except LoadBalancerError as exc:
            _put_back(moved, exc)
            raise

    def weight(self) -> int:
        return self.others.weight()

    @property
    def _movers(self) -> tuple[LoadBalancer, ...]:
        """Each once, whatever hosts it has."""
        return tuple({id(balancer): balancer for balancer in self.hosts.values()}.values())


def _now(balancer: LoadBalancer) -> list[int]:
    """The share in force; none where it has never been told one, and cannot be put back."""
    try:
        return [balancer.weight()]
    except LoadBalancerError:
        return []


def _put_back(moved: list[tuple[LoadBalancer, int]], failure: LoadBalancerError) -> None:
    for balancer, before in reversed(moved):
        try:
            if balancer.weight() != before:
                balancer.set_weight(before)
        except LoadBalancerError as exc:
            failure.reason += f"; putting a host with sessions back failed too: {exc.reason}"
