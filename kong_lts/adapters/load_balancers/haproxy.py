"""HAProxy: weights of servers, through its runtime socket."""

import math
import re
from collections.abc import Mapping, Sequence

import attrs
from attrs.validators import matches_re, optional

from kong_lts.adapters.load_balancers.haproxy_socket import HaproxySocket, ServerState
from kong_lts.adapters.load_balancers.shares import (
    check_percent,
    names,
    precision_of,
    share,
)
from kong_lts.adapters.system import SystemClock
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import Clock
from kong_lts.unshared import SessionWay

__all__ = ["HaproxyLoadBalancer"]

_NAME = r"[\w.:-]+"
_MAX_WEIGHT = 256
_LOOK_EVERY_S = 0.1


def _named(_: object, field: "attrs.Attribute[tuple[str, ...]]", found: tuple[str, ...]) -> None:
    if not found or not all(re.fullmatch(_NAME, name) for name in found):
        raise ValueError(f"{field.name}: name at least one server, and only as HAProxy does")


@attrs.frozen(kw_only=True)
class HaproxyLoadBalancer:
    """Divides the requests of one backend by the weights of its servers, without a reload.

    The backend needs an algorithm that takes weights at run time, as `roundrobin` does. A reload
    brings the weights of the configuration back. A client that HAProxy keeps on a server by cookie
    or stick table stays there at weight 0 too.

    Args:
        socket: Path of the runtime socket, or `HOST:PORT`; it needs `level admin`.
        backend: Name of the backend.
        current: Names of the servers of the current cluster; each has the same part.
        new: Names of the servers of the new cluster.
        keeps_clients: Whether the backend divides by client (`balance source`, `hash-type
            consistent`), which only its configuration tells.
        sticky_backend: A backend with the same servers, to which HAProxy leads the hosts whose
            clients must stay on one side; it divides by client, and gets the same shares.
        sticky_hosts: Those hosts, as `login.example.com` or `*.example.com`.
        timeout_s: Seconds for one command.
        clock: Whose time passes while a server is drained.

    Source:
        HAProxy 2.6 management guide, "set server", "show servers state".
    """

    socket: str
    backend: str = attrs.field(validator=matches_re(_NAME))
    current: tuple[str, ...] = attrs.field(converter=names, validator=_named)
    new: tuple[str, ...] = attrs.field(converter=names, validator=_named)
    keeps_clients: bool = False
    sticky_backend: str | None = attrs.field(default=None, validator=optional(matches_re(_NAME)))
    sticky_hosts: tuple[str, ...] = attrs.field(default=(), converter=names)
    timeout_s: float = 10.0
    clock: Clock = attrs.field(factory=SystemClock)

    session_way = SessionWay.STICKY
    delay_s = 0.1
    """No reload; two commands take 1 ms."""

    @property
    def precision_percent(self) -> float:
        """Exact with as many servers on both sides; else what whole weights up to 256 allow."""
        return precision_of(self._totals)

    @property
    def keeps_hosts(self) -> tuple[str, ...]:
        """Those of the backend that divides by client."""
        return self.sticky_hosts if self.sticky_backend is not None else ()

    def set_weight(self, new_percent: int) -> None:
        doing = f"giving the new cluster {new_percent}% of backend {self.backend}"
        check_percent(new_percent, doing)
        changes: list[tuple[str, str, int, int]] = []
        for backend in self._backends:
            changes += self._changes(backend, new_percent, doing)
        if not changes:
            return
        try:
            self._socket.change(tuple(_weigh(b, n, wanted) for b, n, _, wanted in changes), doing)
        except LoadBalancerError as exc:
            self._put_back([(b, n, before) for b, n, before, _ in reversed(changes)], exc)
            raise

    def _changes(self, backend: str, percent: int, doing: str) -> list[tuple[str, str, int, int]]:
        """Backend, server, weight before and weight wanted, in the order in which they are set."""
        found = self._servers(backend, doing)
        current, new = self._weights(percent, by_client=backend == self.sticky_backend)
        wanted = dict.fromkeys(self.current, current) | dict.fromkeys(self.new, new)
        self._refuse_nobody(found, wanted, doing)
        changes = {name: w for name, w in wanted.items() if found[name].weight != w}
        # What rises comes first, so that there is no moment in which no server has a weight.
        order = sorted(changes, key=lambda name: found[name].weight - changes[name])
        return [(backend, name, found[name].weight, changes[name]) for name in order]

    def weight(self) -> int:
        doing = f"reading the share of the new cluster of backend {self.backend}"
        found = self._servers(self.backend, doing)
        current = [found[name].share for name in self.current]
        new = [found[name].share for name in self.new]
        if not any(current + new):
            raise LoadBalancerError(doing, "no server has a weight, so nobody is served")
        for percent in range(101):
            weights = self._weights(percent)
            if (set(current), set(new)) == ({weights[0]}, {weights[1]}):
                return percent
        return round(share(sum(current), sum(new)))

    def drain(self, server: str, *, timeout_s: float = 300.0) -> None:
        """Give a server no new requests, and wait until it has none in hand.

        Raises:
            LoadBalancerError: It refused, or requests were still in hand after *timeout_s*; the
                server stays in drain.
        """
        doing = f"draining {self.backend}/{server}"
        self._set_state(server, "drain", doing)
        start = self.clock.now()
        while left := sum(self._socket.sessions(b, server, doing) for b in self._backends):
            if (self.clock.now() - start).total_seconds() >= timeout_s:
                raise LoadBalancerError(
                    doing, f"{left} in hand after {timeout_s:g} s; it drains on"
                )
            self.clock.sleep(_LOOK_EVERY_S)

    def ready(self, server: str) -> None:
        """Give a server requests again, as many as its weight says.

        Raises:
            LoadBalancerError: It refused.
        """
        self._set_state(server, "ready", f"bringing {self.backend}/{server} back")

    # --- the parts ------------------------------------------------------------------------------

    @property
    def _socket(self) -> HaproxySocket:
        return HaproxySocket(address=self.socket, timeout_s=self.timeout_s)

    @property
    def _backends(self) -> tuple[str, ...]:
        """The one whose weight counts comes last: what it says is true of the other one, too."""
        return (*filter(None, (self.sticky_backend,)), self.backend)

    def _weights(self, percent: int, *, by_client: bool = False) -> tuple[int, int]:
        """Of each current and each new server; *by_client*, what one wins the other loses."""
        current, new = (100 - percent) * len(self.new), percent * len(self.current)
        if by_client:  # a weight that fell would lead clients back
            most = max(_MAX_WEIGHT, 100 * len(self.new), 100 * len(self.current))
            return _scaled(current, most), _scaled(new, most)
        by = math.gcd(current, new)
        current, new = current // by, new // by
        if (most := max(current, new)) <= _MAX_WEIGHT:
            return current, new
        return _scaled(current, most), _scaled(new, most)

    def _totals(self, percent: int) -> tuple[int, int]:
        current, new = self._weights(percent)
        return current * len(self.current), new * len(self.new)

    def _servers(self, backend: str, doing: str) -> dict[str, ServerState]:
        found = self._socket.servers(backend, doing)
        ours = {*self.current, *self.new}
        if absent := sorted(ours - found.keys()):
            raise LoadBalancerError(doing, f"backend {backend} has no server {', '.join(absent)}")
        others = sorted(name for name in found.keys() - ours if found[name].share)
        if others:
            raise LoadBalancerError(
                doing, f"other servers have a share too: {', '.join(others)}; name them or end them"
            )
        return found

    def _refuse_nobody(
        self, found: Mapping[str, ServerState], wanted: Mapping[str, int], doing: str
    ) -> None:
        """A cluster whose servers are all out of use can be given no requests."""
        for side in (self.current, self.new):
            if wanted[side[0]] and not any(found[name].in_use for name in side):
                raise LoadBalancerError(
                    doing, f"{', '.join(side)}: in maintenance or drain; bring one back first"
                )

    def _set_state(self, server: str, state: str, doing: str) -> None:
        if server not in (*self.current, *self.new):
            raise LoadBalancerError(doing, "no such server of either cluster")
        commands = tuple(f"set server {name}/{server} state {state}" for name in self._backends)
        self._socket.change(commands, doing)

    def _put_back(
        self, weights: Sequence[tuple[str, str, int]], failure: LoadBalancerError
    ) -> None:
        doing = f"putting the weights of backend {self.backend} back"
        try:
            self._socket.change(tuple(_weigh(*weight) for weight in weights), doing)
        except LoadBalancerError as exc:
            failure.reason += f"; {doing} failed too: {exc.reason}; look at HAProxy now"


def _weigh(backend: str, server: str, weight: int) -> str:
    return f"set server {backend}/{server} weight {weight}"


def _scaled(weight: int, most: int) -> int:
    """Never down to nothing."""
    return weight and max(1, round(weight * _MAX_WEIGHT / most))
