"""What every `AdminApi` promises."""

from collections.abc import Callable
from enum import Enum, auto

import pytest

from kong_lts.errors import AdminApiError
from kong_lts.monitoring.lookout import not_in_sync
from kong_lts.protocols import AdminApi, ClusterAdapters


class NodeState(Enum):
    """How the node called `node` is."""

    READY_2_8 = auto()
    READY_3_4 = auto()
    WITHOUT_DATABASE = auto()
    """Of 3.4; it runs, and is not ready."""
    DOWN = auto()


class AdminApiContract:
    @pytest.fixture
    def make(self) -> Callable[[NodeState], AdminApi]:
        raise NotImplementedError

    @pytest.mark.parametrize(
        ("state", "version"), [(NodeState.READY_2_8, "2.8.5"), (NodeState.READY_3_4, "3.4.2")]
    )
    def test_a_ready_node(
        self, make: Callable[[NodeState], AdminApi], state: NodeState, version: str
    ) -> None:
        status = make(state).status("node")

        assert status.ready
        assert status.database_reachable
        assert status.version == version

    def test_one_that_is_not_restarted_stays_the_same_process(
        self, make: Callable[[NodeState], AdminApi]
    ) -> None:
        admin = make(NodeState.READY_3_4)

        first, second = admin.status("node"), admin.status("node")

        assert first.workers
        assert first.workers == second.workers
        assert (second.requests or 0) >= (first.requests or 0)

    def test_a_node_without_its_database_is_not_ready(
        self, make: Callable[[NodeState], AdminApi]
    ) -> None:
        status = make(NodeState.WITHOUT_DATABASE).status("node")

        assert not status.ready
        assert not status.database_reachable

    def test_a_node_that_is_down_is_an_error(self, make: Callable[[NodeState], AdminApi]) -> None:
        with pytest.raises(AdminApiError):
            make(NodeState.DOWN).status("node")

    def test_so_is_a_node_that_nobody_knows(self, make: Callable[[NodeState], AdminApi]) -> None:
        with pytest.raises(AdminApiError):
            make(NodeState.READY_2_8).status("another")


class AdminEntitiesContract:
    """What it promises beyond the status of nodes: not of a status listener."""

    @pytest.fixture
    def make(self) -> Callable[[NodeState], AdminApi]:
        raise NotImplementedError

    def test_open_source_has_no_workspaces(self, make: Callable[[NodeState], AdminApi]) -> None:
        assert make(NodeState.READY_2_8).workspaces() == ()

    def test_the_root_names_the_version(self, make: Callable[[NodeState], AdminApi]) -> None:
        assert make(NodeState.READY_3_4).root()["version"] == "3.4.2"

    def test_what_is_put_is_there(self, make: Callable[[NodeState], AdminApi]) -> None:
        admin = make(NodeState.READY_3_4)
        path = "consumers/4f4a1b8c-3c8e-4d4b-9d59-0f0f5a6b7c8d"

        admin.put(path, {"username": "zoe"})
        admin.put(path, {"username": "zoë"})

        assert [entity["username"] for entity in admin.entities("consumers")] == ["zoë"]

    def test_nothing_is_asked_of_a_cluster_that_is_down(
        self, make: Callable[[NodeState], AdminApi]
    ) -> None:
        admin = make(NodeState.DOWN)

        with pytest.raises(AdminApiError):
            admin.root()
        with pytest.raises(AdminApiError):
            admin.workspaces()
        with pytest.raises(AdminApiError):
            admin.entities("consumers")
        with pytest.raises(AdminApiError):
            admin.put("consumers/1", {})


DATA_PLANES = 2


class DataPlanesContract:
    """What it promises of a control plane: its data planes, and what they have."""

    @pytest.fixture
    def control_plane(self) -> AdminApi:
        """With so many data planes, all in sync."""
        raise NotImplementedError

    @pytest.fixture
    def other(self) -> AdminApi:
        """What is no control plane."""
        raise NotImplementedError

    def test_every_data_plane_is_listed_with_what_it_has(self, control_plane: AdminApi) -> None:
        found = control_plane.entities("clustering/data-planes")

        assert len({plane["hostname"] for plane in found}) == len(found) == DATA_PLANES
        assert {plane["sync_status"] for plane in found} == {"normal"}
        assert len({plane["config_hash"] for plane in found}) == 1
        assert all(isinstance(plane["last_seen"], int) for plane in found)
        assert not_in_sync(ClusterAdapters(admin=control_plane)) == 0

    def test_nobody_else_lists_any(self, other: AdminApi) -> None:
        try:
            found = other.entities("clustering/data-planes")
        except AdminApiError:
            found = ()

        assert found == ()
