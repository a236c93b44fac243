"""Commands on this host."""

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO

import attrs

from kong_lts.adapters.secrets import masked
from kong_lts.errors import ProcessFailedError, ProcessNotRunError
from kong_lts.protocols import Finished

__all__ = ["LocalProcessRunner"]

_KEPT_BYTES = 5 << 20
"""Of each stream, at its beginning and again at its end."""
_LOOK_EVERY_S = 0.05
_GRACE_S = 2.0
_SHOWN_CHARACTERS = 200


@attrs.frozen(kw_only=True)
class LocalProcessRunner:
    """Runs commands on this host, each in a process group of its own, with no input.

    Args:
        environ: The whole environment of the commands.
        cwd: Where they run; None is where this process does.
        secrets: Texts that are blotted out in what is kept of the output.
        pass_fds: Open files that the commands inherit.
    """

    environ: Mapping[str, str] = attrs.field(default=os.environ, repr=False)
    cwd: str | None = None
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    pass_fds: tuple[int, ...] = ()

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        doing = f"running {masked(shlex.join(argv), self.secrets)[:_SHOWN_CHARACTERS]}"
        try:
            process = self._start(argv)
        except (OSError, ValueError, IndexError) as exc:
            why = exc.strerror if isinstance(exc, OSError) and exc.strerror else "no such command"
            raise ProcessNotRunError(doing, why) from exc
        ended, streams = self._wait(process, timeout_s)
        out, err = (masked(stream.text(), self.secrets) for stream in streams)
        if not ended:
            raise ProcessNotRunError(doing, f"still running after {timeout_s:g} s, so it was ended")
        if process.returncode not in statuses:
            raise ProcessFailedError(doing, err.strip() or out, process.returncode, out)
        return Finished(status=process.returncode, stdout=out, stderr=err)

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self.environ),
            cwd=self.cwd,
            pass_fds=self.pass_fds,
            start_new_session=True,
        )

    def _wait(
        self, process: subprocess.Popen[bytes], timeout_s: float
    ) -> tuple[bool, tuple["_Stream", "_Stream"]]:
        """Whether it ended by itself, and what it printed."""
        streams = (_Stream(), _Stream())
        assert process.stdout is not None  # both are pipes
        assert process.stderr is not None
        with process.stdout as out, process.stderr as err:
            try:
                ended = _read_until_ended(
                    process, ((out, streams[0]), (err, streams[1])), timeout_s
                )
            except BaseException:
                _end_group(process)
                raise
            if not ended:
                _end_group(process)
        return ended, streams


@attrs.define
class _Stream:
    """The beginning and the end of what a program prints."""

    head: bytearray = attrs.Factory(bytearray)
    tail: bytearray = attrs.Factory(bytearray)
    lost: int = 0

    def add(self, data: bytes) -> None:
        room = _KEPT_BYTES - len(self.head)
        self.head += data[:room]
        self.tail += data[room:] if room < len(data) else b""
        if (over := len(self.tail) - 2 * _KEPT_BYTES) > 0:
            self._drop(over + _KEPT_BYTES)

    def text(self) -> str:
        if (over := len(self.tail) - _KEPT_BYTES) > 0:
            self._drop(over)
        head, tail = bytes(self.head), bytes(self.tail)
        if not self.lost:
            return (head + tail).decode(errors="replace")
        # Whole lines only: half a secret would not be found, and so not be blotted out.
        head = head[: head.rfind(b"\n") + 1]
        tail = tail[tail.find(b"\n") + 1 :]
        gap = f"... {self.lost} bytes and more left out ...\n".encode()
        return (head + gap + tail).decode(errors="replace")

    def _drop(self, count: int) -> None:
        del self.tail[:count]
        self.lost += count


def _read_until_ended(
    process: subprocess.Popen[bytes],
    pipes: Sequence[tuple[IO[bytes], _Stream]],
    timeout_s: float,
) -> bool:
    """Read both pipes; a daemon that keeps them open does not keep us once its parent is gone."""
    deadline = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        for pipe, stream in pipes:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, stream)
        while selector.get_map():
            gone = process.poll() is not None
            ready = selector.select(_LOOK_EVERY_S)
            for key, _ in ready:
                _read(selector, key)
            if gone and not ready:
                return True
            if not gone and time.monotonic() > deadline:
                return False
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    data = os.read(key.fd, 1 << 16)
    if data:
        key.data.add(data)
    else:
        selector.unregister(key.fileobj)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to end, then end it."""
    for number, patience_s in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
