"""Ports for servers of a test."""

import contextlib
import random
import socket

__all__ = ["free_ports"]

_RANGE = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on.

    They lie below those that the system hands out by itself, so that no connection takes one
    before its server does.
    """
    found: list[int] = []
    # No secret: two test runs at once should not begin with the same port.
    for port in random.SystemRandom().sample(_RANGE, len(_RANGE)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return found
