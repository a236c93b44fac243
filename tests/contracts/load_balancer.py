"""What every `LoadBalancer` promises."""

import pytest

from kong_lts.protocols import LoadBalancer


class LoadBalancerContract:
    @pytest.fixture
    def balancer(self) -> LoadBalancer:
        raise NotImplementedError

    @pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
    def test_what_is_set_is_in_force(self, balancer: LoadBalancer, percent: int) -> None:
        balancer.set_weight(percent)
        balancer.set_weight(percent)

        assert balancer.weight() == percent
