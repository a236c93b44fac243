"""A real sshd on loopback, for as long as a test lasts, that lets in whoever runs the tests."""

import contextlib
import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from kong_lts.adapters import SshProcessRunner
from kong_lts.testing.ports import free_ports

WAIT_S = 20.0
_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
"""


@attrs.frozen
class SshServer:
    """Where it listens, and the keys to get in."""

    folder: Path
    port: int

    def runner(self, **given: object) -> SshProcessRunner:
        """One that may get in."""
        options: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "identity_file": f"{self.folder}/client",
            "known_hosts": f"{self.folder}/known",
            **given,
        }
        return SshProcessRunner(**options)  # type: ignore[arg-type] # each is what it takes


@contextlib.contextmanager
def sshd_on_loopback(program: Path, folder: Path) -> Iterator[SshServer]:
    """Start it, and end it with the block."""
    (port,) = free_ports(1)
    for name in ("host", "client"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (folder / "authorized").write_text((folder / "client.pub").read_text())
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    (folder / "config").write_text(_CONFIG.format(folder=folder, port=port))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd asks for it
    argv = [str(program), "-D", "-e", "-f", f"{folder}/config"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(port, process)
        yield SshServer(folder, port)
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as one:
            if one.recv(4) == b"SSH-":
                return
    raise AssertionError("sshd does not listen")
