"""Files of a node are copied with owner, mode and links, and put back so; nothing else is."""

import os
import socket
from pathlib import Path

import attrs
import pytest

from kong_lts.adapters import LocalNodeFiles
from kong_lts.errors import NodeFilesError


@attrs.frozen
class Node:
    root: Path
    copy: str

    @property
    def files(self) -> LocalNodeFiles:
        return LocalNodeFiles({"gw": str(self.root)})

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    prefix = tmp_path / "root/usr/local/kong"
    (prefix / "ssl").mkdir(parents=True)
    (prefix / "logs").mkdir()
    (prefix / "nginx-kong.conf").write_text("server {}")
    (prefix / "ssl/kong.key").write_bytes(b"\x00\xff")
    (prefix / "ssl/kong.key").chmod(0o600)
    (prefix / "ssl").chmod(0o750)
    (prefix / "logs/error.log").write_text("much")
    (prefix / "pids.pid").write_text("1")
    (prefix / "current").symlink_to("nginx-kong.conf")
    return Node(tmp_path / "root", str(tmp_path / "copy"))


def test_modes_and_links_come_back(node: Node) -> None:
    node.files.fetch("gw", ["/usr/local/kong"], node.copy)
    key, link = node.at("/usr/local/kong/ssl/kong.key"), node.at("/usr/local/kong/current")
    key.chmod(0o644)
    link.unlink()
    link.write_text("a file now")
    node.at("/usr/local/kong/ssl").chmod(0o777)
    node.at("/usr/local/kong/nginx-kong.conf").unlink()

    put = node.files.put_back("gw", node.copy)

    assert sorted(put) == [
        "/usr/local/kong/current",
        "/usr/local/kong/nginx-kong.conf",
        "/usr/local/kong/ssl",
        "/usr/local/kong/ssl/kong.key",
    ]
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes() == b"\x00\xff"
    assert os.readlink(link) == "nginx-kong.conf"
    assert node.at("/usr/local/kong/ssl").stat().st_mode & 0o777 == 0o750
    assert node.files.differing("gw", node.copy) == ()
    assert not list(node.root.rglob(".*.kong_lts"))


@pytest.mark.skipif(os.geteuid() != 0, reason="root: only root gives files to others")
def test_owners_come_back(node: Node) -> None:
    key = node.at("/usr/local/kong/ssl/kong.key")
    os.chown(key, 65534, 12345)
    node.files.fetch("gw", ["/usr/local/kong/ssl"], node.copy)
    os.chown(key, 0, 0)
    assert node.files.differing("gw", node.copy) == ("/usr/local/kong/ssl/kong.key",)

    node.files.put_back("gw", node.copy)

    assert (key.stat().st_uid, key.stat().st_gid) == (65534, 12345)


def test_logs_process_ids_and_sockets_are_named_and_left_out(node: Node, tmp_path: Path) -> None:
    os.chdir(node.at("/usr/local/kong"))  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("worker_events")
            listing = node.files.fetch("gw", ["/usr/local/kong"], node.copy)
    finally:
        os.chdir(tmp_path)

    assert sorted(listing.left_out) == [
        "/usr/local/kong/logs/error.log",
        "/usr/local/kong/pids.pid",
        "/usr/local/kong/worker_events",
    ]
    assert not {Path(file.path).name for file in listing.files} & {"error.log", "worker_events"}


def test_other_files_of_the_node_stay(node: Node) -> None:
    node.files.fetch("gw", ["/usr/local/kong/ssl"], node.copy)
    node.at("/usr/local/kong/ssl/new.pem").write_text("new")

    assert node.files.put_back("gw", node.copy) == ()

    assert node.at("/usr/local/kong/ssl/new.pem").read_text() == "new"


def test_a_folder_that_became_a_file_is_not_removed(node: Node) -> None:
    node.files.fetch("gw", ["/usr/local/kong/ssl"], node.copy)
    folder = node.at("/usr/local/kong/ssl")
    folder.rename(node.at("/usr/local/kong/moved"))
    folder.write_text("mine")

    with pytest.raises(NodeFilesError, match="was a folder"):
        node.files.put_back("gw", node.copy)

    assert folder.read_text() == "mine"


def test_a_file_that_became_a_folder_is_not_removed(node: Node) -> None:
    node.files.fetch("gw", ["/usr/local/kong/ssl"], node.copy)
    key = node.at("/usr/local/kong/ssl/kong.key")
    key.unlink()
    key.mkdir()

    with pytest.raises(NodeFilesError, match="is a folder now"):
        node.files.put_back("gw", node.copy)


@pytest.mark.parametrize("path", ["relative", "/usr/../../etc/passwd"])
def test_a_path_that_leads_elsewhere_is_refused(node: Node, path: str) -> None:
    with pytest.raises(NodeFilesError, match="no absolute path"):
        node.files.fetch("gw", [path], node.copy)


def test_nothing_is_left_of_a_copy_that_failed(node: Node, tmp_path: Path) -> None:
    with pytest.raises(NodeFilesError, match="there is no /nowhere"):
        node.files.fetch("gw", ["/usr/local/kong", "/nowhere"], node.copy)

    assert sorted(p.name for p in tmp_path.iterdir()) == ["root"]


def test_the_copies_can_be_pasted_by_hand(node: Node) -> None:
    node.files.fetch("gw", ["/usr/local/kong"], node.copy)

    copied = Path(node.copy, "root/usr/local/kong/nginx-kong.conf")
    assert copied.read_text() == "server {}"
    assert copied.stat().st_mode & 0o777 == 0o600
