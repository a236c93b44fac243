"""What a program prints, read while it runs, within bounds; and its end, if it has to be ended."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO

import attrs

__all__ = ["Captured", "captured", "fed"]

_KEPT_BYTES = 5 << 20
"""Of each stream, at its beginning and again at its end."""
_LOOK_EVERY_S = 0.05
_GRACE_S = 2.0
_LAST_BYTES = 200


@attrs.frozen
class Captured:
    """What a program printed, and whether it ended by itself."""

    ended: bool
    stdout: str = attrs.field(repr=False)
    stderr: str = attrs.field(repr=False)


def captured(
    process: subprocess.Popen[bytes],
    timeout_s: float,
    *,
    is_over: Callable[[bytes, bytes], bool] = lambda _, __: False,
) -> Captured:
    """Read both pipes of a process that leads its group, until it ends or has to be ended.

    Args:
        process: With pipes for both streams.
        timeout_s: Seconds after which the whole group is ended.
        is_over: Whether the last bytes on stdout and stderr say that all is done, though a daemon
            that it left behind may hold the pipes for ever.
    """
    streams = (_Stream(), _Stream())
    assert process.stdout is not None  # both are pipes
    assert process.stderr is not None
    with process.stdout as out, process.stderr as err:
        try:
            pipes = ((out, streams[0]), (err, streams[1]))
            ended = _read_until_ended(process, pipes, timeout_s, is_over)
        except BaseException:
            _end_group(process)
            raise
        if not ended or process.poll() is None:
            _end_group(process)
    return Captured(ended, streams[0].text(), streams[1].text())


@contextlib.contextmanager
def fed(stdin: IO[bytes] | None, data: bytes, *, then_close: bool = True) -> Iterator[None]:
    """Write *data* to a process while the block waits for its end; it need not read it all.

    Args:
        stdin: An unbuffered pipe; None where the process has no input.
        data: What it may read.
        then_close: Whether the process sees the end of its input at once, or after the block.
    """
    if stdin is None:
        yield
        return

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):  # it ended, or wants no more
            rest = memoryview(data)
            while rest:
                rest = rest[stdin.write(rest) or 0 :]
        if then_close:
            stdin.close()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        yield
    finally:
        writer.join(_GRACE_S)
        stdin.close()


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

    def last(self) -> bytes:
        """The newest bytes."""
        return bytes((self.tail or self.head)[-_LAST_BYTES:])

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
    is_over: Callable[[bytes, bytes], bool],
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
            if (gone and not ready) or is_over(*(stream.last() for _, stream in pipes)):
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
