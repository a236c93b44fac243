"""Files of a node are copied with owner, mode and links, and put back so; nothing else is."""

import hashlib
import os
import re
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from kong_lts.adapters import LocalNodeFiles, LocalProcessRunner, RemoteNodeFiles
from kong_lts.adapters.node_copies import beside
from kong_lts.errors import NodeFilesError
from kong_lts.manifest import FileListing
from kong_lts.protocols import Finished, NodeFiles


@attrs.frozen
class Node:
    """A node whose root folder is somewhere on this machine."""

    root: Path
    copy: str
    files: NodeFiles
    prefix: str
    """Goes before every path on the node."""

    def fetch(self, *paths: str) -> FileListing:
        return self.files.fetch("gw", [self.prefix + path for path in paths], self.copy)

    def put_back(self) -> list[str]:
        return sorted(p.removeprefix(self.prefix) for p in self.files.put_back("gw", self.copy))

    def differing(self) -> list[str]:
        return sorted(p.removeprefix(self.prefix) for p in self.files.differing("gw", self.copy))

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


@pytest.fixture(params=["local", "remote"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Node:
    root, copy = tmp_path / "root", str(tmp_path / "copy")
    fill(root)
    if request.param == "local":
        return Node(root, copy, LocalNodeFiles({"gw": str(root)}), "")
    return Node(root, copy, RemoteNodeFiles({"gw": LocalProcessRunner()}), str(root))


def fill(root: Path) -> None:
    prefix = root / "usr/local/kong"
    (prefix / "ssl").mkdir(parents=True)
    (prefix / "logs").mkdir()
    (prefix / "nginx-kong.conf").write_text("server {}")
    (prefix / "ssl/kong.key").write_bytes(b"\x00\xff")
    (prefix / "ssl/kong.key").chmod(0o600)
    (prefix / "ssl").chmod(0o750)
    (prefix / "logs/error.log").write_text("much")
    (prefix / "pids.pid").write_text("1")
    (prefix / "current").symlink_to("nginx-kong.conf")


def test_modes_and_links_come_back(node: Node) -> None:
    node.fetch("/usr/local/kong")
    key, link = node.at("/usr/local/kong/ssl/kong.key"), node.at("/usr/local/kong/current")
    key.chmod(0o644)
    link.unlink()
    link.write_text("a file now")
    node.at("/usr/local/kong/ssl").chmod(0o777)
    node.at("/usr/local/kong/nginx-kong.conf").unlink()

    put = node.put_back()

    assert put == [
        "/usr/local/kong/current",
        "/usr/local/kong/nginx-kong.conf",
        "/usr/local/kong/ssl",
        "/usr/local/kong/ssl/kong.key",
    ]
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes() == b"\x00\xff"
    assert os.readlink(link) == "nginx-kong.conf"
    assert node.at("/usr/local/kong/ssl").stat().st_mode & 0o777 == 0o750
    assert node.differing() == []
    assert not list(node.root.rglob(".*.kong_lts"))


@pytest.mark.skipif(os.geteuid() != 0, reason="root: only root gives files to others")
def test_owners_come_back(node: Node) -> None:
    key = node.at("/usr/local/kong/ssl/kong.key")
    os.chown(key, 65534, 12345)
    node.fetch("/usr/local/kong/ssl")
    os.chown(key, 0, 0)
    assert node.differing() == ["/usr/local/kong/ssl/kong.key"]

    node.put_back()

    assert (key.stat().st_uid, key.stat().st_gid) == (65534, 12345)


def test_logs_process_ids_and_sockets_are_named_and_left_out(node: Node, tmp_path: Path) -> None:
    os.chdir(node.at("/usr/local/kong"))  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("worker_events")
            listing = node.fetch("/usr/local/kong")
    finally:
        os.chdir(tmp_path)

    assert sorted(path.removeprefix(node.prefix) for path in listing.left_out) == [
        "/usr/local/kong/logs/error.log",
        "/usr/local/kong/pids.pid",
        "/usr/local/kong/worker_events",
    ]
    assert not {Path(file.path).name for file in listing.files} & {"error.log", "worker_events"}


def test_other_files_of_the_node_stay(node: Node) -> None:
    node.fetch("/usr/local/kong/ssl")
    node.at("/usr/local/kong/ssl/new.pem").write_text("new")

    assert node.put_back() == []

    assert node.at("/usr/local/kong/ssl/new.pem").read_text() == "new"


def test_a_folder_that_became_a_file_is_not_removed(node: Node) -> None:
    node.fetch("/usr/local/kong/ssl")
    folder = node.at("/usr/local/kong/ssl")
    folder.rename(node.at("/usr/local/kong/moved"))
    folder.write_text("mine")

    with pytest.raises(NodeFilesError, match="was a folder"):
        node.put_back()

    assert folder.read_text() == "mine"


def test_a_file_that_became_a_folder_is_not_removed(node: Node) -> None:
    node.fetch("/usr/local/kong/ssl")
    key = node.at("/usr/local/kong/ssl/kong.key")
    key.unlink()
    key.mkdir()

    with pytest.raises(NodeFilesError, match="is a folder now"):
        node.put_back()


@pytest.mark.parametrize("path", ["relative", "/usr/../../etc/passwd"])
def test_a_path_that_leads_elsewhere_is_refused(node: Node, path: str) -> None:
    with pytest.raises(NodeFilesError, match="no absolute path"):
        node.files.fetch("gw", [path], node.copy)


def test_nothing_is_left_of_a_copy_that_failed(node: Node, tmp_path: Path) -> None:
    with pytest.raises(NodeFilesError, match=r"there is no .*/nowhere"):
        node.fetch("/usr/local/kong", "/nowhere")

    assert sorted(p.name for p in tmp_path.iterdir()) == ["root"]


def test_the_copies_can_be_pasted_by_hand(node: Node) -> None:
    node.fetch("/usr/local/kong")

    copied = Path(f"{node.copy}/root{node.prefix}/usr/local/kong/nginx-kong.conf")
    assert copied.read_text() == "server {}"
    assert copied.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "name", ["two words", "a\nb", "-n", "'", "$HOME", "*", "é", os.fsdecode(b"\xff\xfe"), "\\n"]
)
def test_every_name_comes_back(node: Node, name: str) -> None:
    folder = node.at("/usr/local/kong") / name
    folder.mkdir()
    (folder / f"{name}.lua").write_bytes(b"return {}")
    (folder / "link").symlink_to(f"{name}\n")
    node.fetch("/usr/local/kong")
    (folder / f"{name}.lua").write_bytes(b"bad")
    (folder / "link").unlink()

    assert len(node.put_back()) == 2

    assert (folder / f"{name}.lua").read_bytes() == b"return {}"
    assert os.readlink(folder / "link") == f"{name}\n"
    assert node.differing() == []


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (4 << 20) + 5])
def test_every_byte_of_every_size_comes_back(node: Node, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    node.at("/usr/local/kong/ssl/kong.key").write_bytes(content)
    node.fetch("/usr/local/kong")
    node.at("/usr/local/kong/ssl/kong.key").unlink()

    node.put_back()

    assert node.at("/usr/local/kong/ssl/kong.key").read_bytes() == content


def test_hundreds_of_files_come_back(node: Node) -> None:
    folder = node.at("/usr/local/kong/plugins")
    folder.mkdir()
    for number in range(230):
        (folder / f"{number}.lua").write_text(f"return {number}")
    node.fetch("/usr/local/kong")
    for number in range(0, 230, 50):
        (folder / f"{number}.lua").write_text("")

    assert len(node.put_back()) == 5
    assert (folder / "200.lua").read_text() == "return 200"


def test_a_damaged_copy_does_not_go_back(node: Node) -> None:
    node.fetch("/usr/local/kong")
    key = node.at("/usr/local/kong/ssl/kong.key")
    key.write_bytes(b"of 3.4")
    Path(f"{node.copy}/root{node.prefix}/usr/local/kong/ssl/kong.key").write_bytes(b"\x00\xfe")

    with pytest.raises(NodeFilesError, match=r"copy of .*kong.key is damaged"):
        node.put_back()

    assert key.read_bytes() == b"of 3.4"
    assert not list(node.root.rglob(".*.kong_lts"))


@pytest.mark.parametrize("name", ["files.json", "files.json.sha256"])
def test_a_damaged_listing_puts_nothing_back(node: Node, name: str) -> None:
    """One wrong byte of it would be another owner, mode or place."""
    node.fetch("/usr/local/kong")
    node.at("/usr/local/kong/nginx-kong.conf").write_text("of 3.4")
    good = Path(node.copy, name).read_bytes()

    for at in (0, len(good) // 2, len(good) - 1):
        bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        Path(node.copy, name).write_bytes(bad)
        with pytest.raises(NodeFilesError, match="do not fit"):
            node.put_back()

    assert node.at("/usr/local/kong/nginx-kong.conf").read_text() == "of 3.4"


def test_what_an_interrupted_attempt_left_is_gone_after_the_next(node: Node) -> None:
    node.fetch("/usr/local/kong")
    key = node.at("/usr/local/kong/ssl/kong.key")
    key.write_bytes(b"of 3.4")
    left = beside(key)
    left.symlink_to(node.at("/usr/local/kong/nginx-kong.conf"))

    node.put_back()

    assert key.read_bytes() == b"\x00\xff"
    assert node.at("/usr/local/kong/nginx-kong.conf").read_text() == "server {}"
    assert not list(node.root.rglob(".*.kong_lts"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root: root may read everything")
def test_a_folder_that_may_not_be_read_is_an_error(node: Node) -> None:
    """A copy of a part would pass for one of the whole."""
    node.at("/usr/local/kong/ssl").chmod(0)
    try:
        with pytest.raises(NodeFilesError, match="Permission denied"):
            node.fetch("/usr/local/kong")
    finally:
        node.at("/usr/local/kong/ssl").chmod(0o700)


@attrs.define
class WritesBetween:
    """Runs commands; somebody writes to a file before each of the first so many."""

    file: Path
    left: int

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        statuses: Sequence[int] = (0,),
        stdin: bytes = b"",
    ) -> Finished:
        if self.left:
            self.left -= 1
            self.file.write_text("x" * self.left)
        return LocalProcessRunner().run(argv, timeout_s=timeout_s, statuses=statuses, stdin=stdin)


def test_a_file_that_changes_meanwhile_is_copied_again(tmp_path: Path) -> None:
    fill(tmp_path / "root")
    conf = tmp_path / "root/usr/local/kong/nginx-kong.conf"
    files = RemoteNodeFiles({"gw": WritesBetween(conf, 4)})

    listing = files.fetch("gw", [f"{tmp_path}/root"], f"{tmp_path}/copy")

    (copied,) = (file for file in listing.files if file.path == str(conf))
    assert copied.sha256 == hashlib.sha256(b"").hexdigest()
    assert Path(f"{tmp_path}/copy/root{conf}").read_bytes() == b""


def test_one_that_never_stops_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path / "root")
    conf = tmp_path / "root/usr/local/kong/nginx-kong.conf"
    files = RemoteNodeFiles({"gw": WritesBetween(conf, 1000)})

    with pytest.raises(NodeFilesError, match=r"nginx-kong.conf changes while it is copied"):
        files.fetch("gw", [f"{tmp_path}/root"], f"{tmp_path}/copy")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]


def test_an_owner_whom_the_node_does_not_know_is_an_error(node: Node) -> None:
    node.fetch("/usr/local/kong/ssl")
    listing = Path(node.copy, "files.json")
    text = re.sub(r'"owner": ?"[^"]+"', '"owner": "nobody-here"', listing.read_text())
    listing.write_text(text)
    line = f"{hashlib.sha256(text.encode()).hexdigest()}  files.json\n"
    Path(node.copy, "files.json.sha256").write_text(line)

    with pytest.raises(NodeFilesError, match=r"nobody-here|no such owner"):
        node.put_back()


def test_a_node_without_the_programs_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path / "root")
    bare = LocalProcessRunner(environ={"PATH": f"{tmp_path}/bin"})
    (tmp_path / "bin").mkdir()
    for name in ("sh", "find"):
        (tmp_path / f"bin/{name}").symlink_to(str(shutil.which(name)))

    with pytest.raises(NodeFilesError, match=r"gzip|base64"):
        RemoteNodeFiles({"gw": bare}).fetch("gw", [f"{tmp_path}/root"], f"{tmp_path}/copy")
