"""What every `NodeFiles` promises."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from kong_lts.errors import NodeFilesError
from kong_lts.protocols import NodeFiles

CONF = "/etc/kong/kong.conf"


@attrs.frozen
class NodeWithFiles:
    """A node "gw" that has a kong.conf, and how somebody else writes it."""

    files: NodeFiles
    write: Callable[[str], None]
    conf: str = CONF


class NodeFilesContract:
    @pytest.fixture
    def node(self) -> NodeWithFiles:
        raise NotImplementedError

    def test_what_was_fetched_comes_back(self, node: NodeWithFiles, tmp_path: Path) -> None:
        before = node.files.digest("gw", node.conf)
        node.files.fetch("gw", [node.conf], f"{tmp_path}/copy")
        node.write("another")
        assert node.files.differing("gw", f"{tmp_path}/copy") == (node.conf,)

        assert node.files.put_back("gw", f"{tmp_path}/copy") == (node.conf,)

        assert node.files.digest("gw", node.conf) == before
        assert node.files.differing("gw", f"{tmp_path}/copy") == ()

    def test_what_is_as_it_was_is_left_alone(self, node: NodeWithFiles, tmp_path: Path) -> None:
        node.files.fetch("gw", [node.conf], f"{tmp_path}/copy")

        assert node.files.differing("gw", f"{tmp_path}/copy") == ()
        assert node.files.put_back("gw", f"{tmp_path}/copy") == ()

    def test_a_folder_is_fetched_with_all_in_it(self, node: NodeWithFiles, tmp_path: Path) -> None:
        listing = node.files.fetch("gw", [node.conf.rpartition("/")[0]], f"{tmp_path}/copy")

        assert listing.node == "gw"
        (found,) = (file for file in listing.files if file.path == node.conf)
        assert found.sha256 == node.files.digest("gw", node.conf)

    def test_no_copy_is_overwritten(self, node: NodeWithFiles, tmp_path: Path) -> None:
        node.files.fetch("gw", [node.conf], f"{tmp_path}/copy")
        node.write("another")

        with pytest.raises(NodeFilesError):
            node.files.fetch("gw", [node.conf], f"{tmp_path}/copy")

        assert node.files.differing("gw", f"{tmp_path}/copy") == (node.conf,)

    def test_what_is_not_there_is_an_error(self, node: NodeWithFiles, tmp_path: Path) -> None:
        with pytest.raises(NodeFilesError):
            node.files.fetch("gw", ["/nowhere"], f"{tmp_path}/copy")
        with pytest.raises(NodeFilesError):
            node.files.fetch("nobody", [node.conf], f"{tmp_path}/copy")
        with pytest.raises(NodeFilesError):
            node.files.digest("gw", "/nowhere")
        with pytest.raises(NodeFilesError):
            node.files.put_back("gw", f"{tmp_path}/copy")
