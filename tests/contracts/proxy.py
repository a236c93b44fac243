"""What every `Proxy` promises."""

from collections.abc import Callable

import pytest

from kong_lts.errors import ProxyError
from kong_lts.protocols import Probe, Proxy


class ProxyContract:
    @pytest.fixture
    def make(self) -> Callable[[bool], Proxy]:
        """Of a listener that has the route `/orders` alone, or of one that does not answer."""
        raise NotImplementedError

    def test_the_answer_comes_back(self, make: Callable[[bool], Proxy]) -> None:
        proxy = make(True)

        assert proxy.send(Probe(name="orders", path="/orders")).status == 200
        assert proxy.send(Probe(name="none", path="/none", expect_status=404)).status == 404

    def test_no_answer_is_an_error(self, make: Callable[[bool], Proxy]) -> None:
        with pytest.raises(ProxyError):
            make(False).send(Probe(name="orders", path="/orders"))
