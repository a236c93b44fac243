"""Hosts that move as a whole, beside a load balancer that divides the others."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_lts.adapters import (
    DnsLoadBalancer,
    HaproxyLoadBalancer,
    KubernetesLoadBalancer,
    NginxLoadBalancer,
    OneShotHosts,
)
from kong_lts.deployment import LoadBalancerKind, Side
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import LoadBalancer
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.traffic import MemoryLoadBalancer
from kong_lts.traffic import BY_KIND, DivertTraffic
from kong_lts.traffic.sessions import covers
from tests.contracts.load_balancer import LoadBalancerContract
from tests.worlds import NO_PAST, a_world, rules

LOGIN = "login.example.com"


@attrs.define
class Refusing(MemoryLoadBalancer):
    """Takes no change but to nothing."""

    def set_weight(self, new_percent: int) -> None:
        if new_percent:
            raise LoadBalancerError("dividing", "it refuses")
        super().set_weight(0)


class PromisingNothing(MemoryLoadBalancer):
    """One that does not say that it keeps clients."""

    keeps_clients = False


class TestOneShotHosts(LoadBalancerContract):
    @pytest.fixture
    def balancer(self) -> LoadBalancer:
        return OneShotHosts(others=MemoryLoadBalancer(), hosts={LOGIN: MemoryLoadBalancer()})


@given(percents=st.lists(st.integers(0, 100), max_size=8), at=st.integers(1, 100))
def test_such_hosts_have_all_or_nothing(percents: list[int], at: int) -> None:
    mover, others = MemoryLoadBalancer(), MemoryLoadBalancer()
    balancer = OneShotHosts(others=others, hosts={LOGIN: mover, "id.x": mover}, at_percent=at)

    for percent in percents:
        balancer.set_weight(percent)
        assert others.weight() == balancer.weight() == percent
        assert mover.weight() == (100 if percent >= at else 0)


def test_a_refusal_of_one_leaves_all_where_they_were() -> None:
    mover = MemoryLoadBalancer()
    balancer = OneShotHosts(others=Refusing(), hosts={LOGIN: mover})

    with pytest.raises(LoadBalancerError, match="it refuses"):
        balancer.set_weight(100)

    assert (mover.weight(), balancer.weight()) == (0, 0)


def test_where_a_host_cannot_be_put_back_the_error_says_so() -> None:
    stuck = Refusing(new_percent=100)
    balancer = OneShotHosts(others=Refusing(), hosts={LOGIN: stuck}, at_percent=50)

    with pytest.raises(LoadBalancerError, match="putting a host with sessions back failed too"):
        balancer.set_weight(40)


def test_each_kind_declares_the_way_that_a_plan_believes_it_to_have() -> None:
    adapters: dict[LoadBalancerKind, Any] = {
        LoadBalancerKind.NGINX: NginxLoadBalancer,
        LoadBalancerKind.HAPROXY: HaproxyLoadBalancer,
        LoadBalancerKind.KUBERNETES: KubernetesLoadBalancer,
        LoadBalancerKind.DNS: DnsLoadBalancer,
    }

    assert {kind: adapter.session_way for kind, adapter in adapters.items()} == BY_KIND


@pytest.mark.parametrize(
    ("kept", "host", "covered"),
    [
        ("login.example.com", "Login.example.com", True),
        ("*.example.com", "login.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "*.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "*.com", False),
        ("login.*", "login.example.com", True),
        ("login.*", "login", False),
        ("login.example.com", "*.example.com", False),
    ],
)
def test_a_wildcard_stands_for_hosts(kept: str, host: str, covered: bool) -> None:
    assert covers((kept,), host) is covered


@pytest.mark.parametrize(
    ("hosts", "percent", "stops"),
    [
        ((LOGIN,), 10, False),
        ((LOGIN, "other.example.com"), 10, True),
        (("other.example.com",), 100, False),
        ((), 10, False),
    ],
)
def test_hosts_with_sessions_are_not_divided_by_request(
    hosts: tuple[str, ...], percent: int, stops: bool
) -> None:
    balancer = OneShotHosts(others=PromisingNothing(), hosts={LOGIN: MemoryLoadBalancer()})
    adapters = attrs.evolve(fake_adapters(a_world()), load_balancer=balancer)
    step = DivertTraffic(
        id="divert", guide="a guide", side=Side.NEW, new_percent=percent, keeps_hosts=hosts
    )

    found = list(step.check(adapters, NO_PAST))

    assert rules(found) == (["sessions-divided"] if stops else [])
    assert not stops or "other.example.com on one side" in found[0].message
