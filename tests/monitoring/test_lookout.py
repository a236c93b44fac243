"""Error logs and data planes: what metrics do not tell."""

from collections.abc import Sequence

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import AdminApiError, ProcessFailedError
from kong_lts.monitoring.lookout import not_in_sync, router_errors
from kong_lts.protocols import ClusterAdapters, Finished
from kong_lts.testing import scenarios
from kong_lts.testing.fakes import FakeAdminApi, fake_adapters
from kong_lts.testing.simulation import World
from tests.worlds import a_world

HASH = "6f2b0c"
NORMAL = {"sync_status": "normal", "config_hash": HASH, "last_seen": 1_000_000}


Row = dict[str, object]


def listing(*planes: Row) -> ClusterAdapters:
    """A control plane that lists these data planes."""
    world = World.of(scenarios.ALL["hybrid-dual-cluster"])
    admin = _Lists(world, Side.CURRENT, planes)
    return attrs.evolve(fake_adapters(world).current, admin=admin)


@attrs.define
class _Lists(FakeAdminApi):
    planes: tuple[Row, ...] = ()

    def entities(self, path: str, *, workspace: str | None = None) -> tuple[Row, ...]:
        assert path == "clustering/data-planes"
        return self.planes


@pytest.mark.parametrize(
    ("others", "count"),
    [
        ((), 0),
        (({},), 0),
        (({"sync_status": "kong_version_incompatible"},), 1),
        (({}, {"config_hash": "other"}), 1),
        (({"config_hash": "0" * 32},), 1),
        # replaced long ago, and still listed
        (({"config_hash": "other", "last_seen": 999_000},), 0),
        (({"config_hash": "other", "last_seen": 999_940},), 1),
        (({"sync_status": None, "last_seen": "then"},), 0),
    ],
)
def test_data_planes_must_all_have_the_same_configuration(
    others: tuple[Row, ...], count: int
) -> None:
    planes = (NORMAL, NORMAL, *({**NORMAL, **other} for other in others))

    assert not_in_sync(listing(*planes)) == count


def test_nobody_has_a_configuration_yet() -> None:
    empty = {**NORMAL, "config_hash": "0" * 32}

    assert not_in_sync(listing(empty, empty)) == 2


def test_the_simulated_data_planes_are_in_sync() -> None:
    world = World.of(scenarios.ALL["hybrid-dual-cluster"])

    assert not_in_sync(fake_adapters(world).current) == 0
    with pytest.raises(AdminApiError, match="connection refused"):
        not_in_sync(fake_adapters(world).new)


def test_an_admin_api_that_cannot_list_them_is_an_error() -> None:
    with pytest.raises(AdminApiError, match="there is no adapter for the Admin API"):
        not_in_sync(ClusterAdapters())


@attrs.define
class _Node:
    finished: Finished
    argv: list[str] = attrs.Factory(list)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        self.argv = list(argv)
        if self.finished.status not in statuses:
            raise ProcessFailedError("grep", "no such file", self.finished.status)
        return self.finished


def test_lines_of_all_nodes_are_added_up() -> None:
    nodes = {"a": _Node(Finished(status=0, stdout="2\n")), "b": _Node(Finished(status=1))}

    assert router_errors(ClusterAdapters(nodes=nodes), "/log/error.log") == 2
    assert nodes["a"].argv[-3:] == ["-e", "could not add route", "/log/error.log"]


def test_a_log_that_cannot_be_read_is_an_error() -> None:
    nodes = {"a": _Node(Finished(status=2))}

    with pytest.raises(ProcessFailedError):
        router_errors(ClusterAdapters(nodes=nodes), "/log/error.log")


def test_the_simulated_nodes_have_no_such_line() -> None:
    assert router_errors(fake_adapters(a_world()).current, "error.log") == 0
