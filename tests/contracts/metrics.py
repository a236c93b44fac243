"""What every `Metrics` promises."""

from collections.abc import Callable
from enum import Enum, auto

import pytest

from kong_lts.errors import MetricsError
from kong_lts.protocols import Metrics


class Traffic(Enum):
    """What the cluster has proxied."""

    SOME = auto()
    """Requests, a few of them answered with 500 and more, with latencies."""
    OFF = auto()
    """The families are not switched on."""
    DOWN = auto()


class MetricsContract:
    @pytest.fixture
    def make(self) -> Callable[[Traffic], Metrics]:
        raise NotImplementedError

    def test_requests_are_counted(self, make: Callable[[Traffic], Metrics]) -> None:
        count = make(Traffic.SOME).count()

        assert 0 < count.errors < count.requests
        assert count.latency_ms is not None
        assert count.latency_ms > 0

    @pytest.mark.parametrize("traffic", [Traffic.OFF, Traffic.DOWN])
    def test_no_metrics_are_an_error(
        self, make: Callable[[Traffic], Metrics], traffic: Traffic
    ) -> None:
        with pytest.raises(MetricsError):
            make(traffic).count()
