"""Files of a node that is another machine, over OpenSSH, against a real sshd on loopback."""

import getpass
import os
import stat
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

import kong_lts
from kong_lts.adapters import BackupFolders, RemoteNodeFiles, SshProcessRunner, SystemClock
from kong_lts.backup import BackUpFiles
from kong_lts.deployment import Side
from kong_lts.errors import NodeFilesError
from kong_lts.restore import RestoreFiles
from kong_lts.testing.fakes import FakeApprover, FakeObserver
from tests.contracts.node_files import CONF, NodeFilesContract, NodeWithFiles
from tests.integration.ssh_servers import SshServer

KEY = b"-----BEGIN s3cr3t-marker\x00\xff\n"
SPY = """\
import glob, os, sys
for path in glob.glob('/proc/[0-9]*'):
    if int(path[6:]) == os.getpid(): continue
    for name in ('cmdline', 'environ'):
        try: seen = open(f'{path}/{name}', 'rb').read()
        except OSError: continue
        open(sys.argv[1], 'ab').write(seen)
os.execvp(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "node/etc/kong"
    folder.mkdir(parents=True)
    (folder / "kong.conf").write_text("first")
    (folder / "cluster.key").write_bytes(KEY)
    (folder / "cluster.key").chmod(0o600)
    return folder


class TestRemoteNodeFilesOverSsh(NodeFilesContract):
    @pytest.fixture
    def node(self, ssh_runner: SshProcessRunner, etc: Path) -> NodeWithFiles:
        def write(text: str) -> None:
            (etc / "kong.conf").write_text(text)

        assert f"{etc}/kong.conf".endswith(CONF)
        return NodeWithFiles(RemoteNodeFiles({"gw": ssh_runner}), write, f"{etc}/kong.conf")


def test_the_steps_bring_the_files_of_a_host_back(
    ssh_runner: SshProcessRunner, etc: Path, tmp_path: Path
) -> None:
    adapters = kong_lts.Adapters(
        current=kong_lts.ClusterAdapters(files=RemoteNodeFiles({"gw-1": ssh_runner})),
        backups=BackupFolders(),
        clock=SystemClock(),
        approver=FakeApprover(),
        observer=FakeObserver(),
    )
    at: dict[str, Any] = {
        "guide": "a guide", "side": Side.CURRENT, "folder": f"{tmp_path}/files", "nodes": ("gw-1",)
    }  # fmt: skip
    take, bring = BackUpFiles(id="take", paths=(str(etc),), **at), RestoreFiles(id="bring", **at)
    key = etc / "cluster.key"
    if os.geteuid() == 0:
        os.chown(key, 65534, 12345)
    before = key.stat()

    outcome = take.run(adapters, {})
    assert (outcome.copies, list(take.verify(adapters, {}))) == ({"gw-1": 2}, [])
    key.unlink()
    (etc / "kong.conf").write_text("of 3.4")
    assert list(bring.verify(adapters, {}))
    bring.run(adapters, {})

    assert list(bring.verify(adapters, {})) == []
    after = key.stat()
    assert key.read_bytes() == KEY
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (
        before.st_uid, before.st_gid, 0o600
    )  # fmt: skip
    copy = Path(f"{tmp_path}/files/gw-1/root{key}")
    assert (copy.read_bytes(), stat.S_IMODE(copy.stat().st_mode)) == (KEY, 0o600)


def test_no_content_stands_in_an_argument_or_a_variable(
    ssh_runner: SshProcessRunner, etc: Path, tmp_path: Path
) -> None:
    """Neither here nor on the host, while it travels in either direction."""
    spy, seen = tmp_path / "spy.py", tmp_path / "seen"
    spy.write_text(SPY)
    files = RemoteNodeFiles({"gw": ssh_runner}, before=(sys.executable, str(spy), str(seen)))
    files.fetch("gw", [str(etc)], f"{tmp_path}/copy")
    (etc / "cluster.key").write_bytes(b"another")

    files.put_back("gw", f"{tmp_path}/copy")

    assert (etc / "cluster.key").read_bytes() == KEY
    looked = seen.read_bytes()
    assert b'read -r n && s=$(head -c "$n"' in looked  # so the looks were not in vain
    assert b"s3cr3t-marker" not in looked
    assert b"LS0tLS1CRUdJTiBzM2NyM3Q" not in looked  # the same in base64


def test_a_host_that_is_gone_is_an_error_and_leaves_nothing(
    ssh_server: SshServer, etc: Path, tmp_path: Path
) -> None:
    gone = attrs.evolve(ssh_server, port=1).runner(user=getpass.getuser())

    with pytest.raises(NodeFilesError, match="refused"):
        RemoteNodeFiles({"gw": gone}).fetch("gw", [str(etc)], f"{tmp_path}/copy")

    assert not (tmp_path / "copy").exists()
