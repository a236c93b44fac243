"""Real requests to real proxies, divided by a load balancer that lives in this process."""

import threading
from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs
import httpx
from attrs.validators import ge, le

from kong_lts.deployment import Side

__all__ = ["Clients", "MemoryLoadBalancer"]


_SPREAD = 61
"""Shares no factor with 100: clients that come one after the other fall all over the hundred."""


@attrs.define
class MemoryLoadBalancer:
    """Divides clients exactly: of every hundred, as many as its weight go to the new side.

    A client stays on its side for as long as the weight does, and one that has gone over comes
    back only when the weight falls.
    """

    new_percent: int = attrs.field(default=0, validator=[ge(0), le(100)])
    """Share of the new side, 0 to 100."""
    keeps_clients: ClassVar[bool] = True

    def set_weight(self, new_percent: int) -> None:
        self.new_percent = new_percent

    def weight(self) -> int:
        return self.new_percent

    def choose(self, client: int) -> Side:
        """Where the requests of the client of that number go."""
        return Side.NEW if client * _SPREAD % 100 < self.new_percent else Side.CURRENT


@attrs.define(kw_only=True)
class Clients:
    """Clients that come one after the other for as long as the `with` block lasts.

    Each asks for every path once.

    Args:
        balancer: Says where each request goes.
        proxies: URL of each side's proxy listener.
        paths: Each client asks for them in turn.
        headers: Sent with each request.
        pause_s: Between two requests.
    """

    balancer: MemoryLoadBalancer
    proxies: Mapping[Side, str]
    paths: Sequence[str]
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    pause_s: float = 0.005
    sent: int = attrs.field(default=0, init=False)
    lost: int = attrs.field(default=0, init=False)
    """Requests that got no answer, or one of 500 and more."""
    _stop: threading.Event = attrs.field(factory=threading.Event, init=False, repr=False)
    _thread: threading.Thread | None = attrs.field(default=None, init=False, repr=False)

    def __enter__(self) -> "Clients":
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _send(self) -> None:
        with httpx.Client(headers=dict(self.headers), timeout=5.0) as client:
            while not self._stop.wait(self.pause_s):
                self._send_one(client)

    def _send_one(self, client: httpx.Client) -> None:
        number, turn = divmod(self.sent, len(self.paths))
        self.sent += 1
        try:
            answer = client.get(self.proxies[self.balancer.choose(number)] + self.paths[turn])
        except httpx.HTTPError:
            self.lost += 1
        else:
            self.lost += answer.is_server_error
