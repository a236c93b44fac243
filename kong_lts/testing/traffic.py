"""Real requests to real proxies, divided by a load balancer that lives in this process."""

import threading
from collections.abc import Mapping, Sequence

import attrs
import httpx
from attrs.validators import ge, le

from kong_lts.deployment import Side

__all__ = ["Clients", "MemoryLoadBalancer"]


@attrs.define
class MemoryLoadBalancer:
    """Divides requests exactly: of every hundred, as many as its weight go to the new side."""

    new_percent: int = attrs.field(default=0, validator=[ge(0), le(100)])
    _owed: int = attrs.field(default=0, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def set_weight(self, new_percent: int) -> None:
        with self._lock:
            self.new_percent = new_percent

    def weight(self) -> int:
        return self.new_percent

    def choose(self) -> Side:
        """Where the next request goes."""
        with self._lock:
            self._owed += self.new_percent
            if self._owed < 100:
                return Side.CURRENT
            self._owed -= 100
            return Side.NEW


@attrs.define(kw_only=True)
class Clients:
    """Clients that send requests, one after the other, for as long as the `with` block lasts.

    Args:
        balancer: Says where each request goes.
        proxies: URL of each side's proxy listener.
        paths: Asked for in turn.
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
                self._send_one(client, self.paths[self.sent % len(self.paths)])

    def _send_one(self, client: httpx.Client, path: str) -> None:
        self.sent += 1
        try:
            answer = client.get(self.proxies[self.balancer.choose()] + path)
        except httpx.HTTPError:
            self.lost += 1
        else:
            self.lost += answer.is_server_error
