"""The load balancer that lives in this process divides clients, and keeps each where it is."""

from hypothesis import given
from hypothesis import strategies as st

from kong_lts.deployment import Side
from kong_lts.testing.traffic import MemoryLoadBalancer

percents = st.integers(0, 100)


@given(percent=percents, first=st.integers(0, 10_000))
def test_of_every_hundred_clients_as_many_as_the_weight_go_over(percent: int, first: int) -> None:
    balancer = MemoryLoadBalancer(percent)

    chosen = [balancer.choose(client) for client in range(first, first + 100)]

    assert chosen.count(Side.NEW) == percent


@given(client=st.integers(0, 10_000), percent=percents, more=percents)
def test_a_client_that_went_over_stays_while_the_weight_grows(
    client: int, percent: int, more: int
) -> None:
    balancer = MemoryLoadBalancer(percent)
    before = balancer.choose(client)

    balancer.set_weight(max(percent, more))

    assert before is Side.CURRENT or balancer.choose(client) is Side.NEW
