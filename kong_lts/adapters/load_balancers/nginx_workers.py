"""Which processes of an nginx take new connections, as Linux shows them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs

__all__ = ["Worker", "serving_workers"]

_PROC = Path("/proc")
_SERVING = ("nginx: worker process", "nginx: master process")
"""Titles; a worker has that of its master until it has given itself its own."""
_LEAVING = "is shutting down"


@attrs.frozen
class Worker:
    """One worker process; a number may be used again, but not with the same start."""

    pid: int
    started: str


def serving_workers(master: int) -> frozenset[Worker]:
    """The workers of a master process, without those that are shutting down.

    Source:
        proc(5), /proc/PID/stat; nginx src/os/unix/ngx_process_cycle.c, the titles of processes.
    """
    return frozenset(_workers(master))


def _workers(master: int) -> Iterator[Worker]:
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):  # it ended while we looked
            fields = (
                (folder / "stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
            )
            if int(fields[1]) != master:
                continue
            title = (folder / "cmdline").read_text("utf-8", errors="replace")
            if title.startswith(_SERVING) and _LEAVING not in title:
                yield Worker(int(folder.name), fields[19])
