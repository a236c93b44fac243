"""Stand-ins of both clusters, which answer with the name of their side, and ports for them."""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Iterator, Mapping, Sequence

import attrs

from kong_lts.deployment import Side
from kong_lts.testing.ports import free_ports

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody has."""
    return free_ports(1)[0]


@attrs.define
class _Answering(asyncio.Protocol):
    """Answers every request of one connection."""

    body: bytes
    _transport: asyncio.Transport | None = attrs.field(default=None, init=False)
    _read: bytes = attrs.field(default=b"", init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while self._transport is not None and b"\r\n\r\n" in self._read:
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            length = str(len(self.body)).encode()
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + self.body
            )
            if b"connection: close" in head.lower():
                self._transport.close()


@contextlib.contextmanager
def upstreams(places: Mapping[Side, Sequence[tuple[str, int]]]) -> Iterator[None]:
    """Listen at each host and port of each side, for as long as the block lasts."""
    loop = asyncio.new_event_loop()

    async def start() -> list[asyncio.Server]:
        return [
            await loop.create_server(functools.partial(_Answering, str(side).encode()), *place)
            for side, listeners in places.items()
            for place in listeners
        ]

    servers = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        for server in servers:
            loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
