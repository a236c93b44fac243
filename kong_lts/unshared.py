"""What two clusters do not share while both serve: counters of rate limits, and sessions."""

import math
from collections.abc import Iterator, Mapping
from enum import StrEnum

import attrs
from attrs.validators import gt

from kong_lts import catalog
from kong_lts.catalog.rows import CounterPlugin, Counts

__all__ = ["RateLimit", "SessionWay", "Sessions", "limits_of"]

_PERIODS_S = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
_SHARED, _LOCAL = "redis", "local"


@attrs.frozen(kw_only=True)
class RateLimit:
    """One limit that a plugin keeps."""

    plugin: str
    """Its name."""
    where: str
    """What it is for: a service, a route, a consumer, or everything."""
    limit: int = attrs.field(validator=gt(0))
    """Requests in one window."""
    window_s: int = attrs.field(validator=gt(0))
    """Length of the window."""
    store: str
    """Where it counts: `cluster` (the database), `local` (each node) or `redis`."""

    @property
    def is_shared(self) -> bool:
        """Whether both clusters count in one place, as long as both are given the same."""
        return self.store == _SHARED

    @property
    def is_local(self) -> bool:
        """Whether each node counts for itself."""
        return self.store == _LOCAL

    def over_admission(self, duration_s: float, *, new_nodes: int = 1) -> int:
        """Requests that a client has let through beyond what it had before, at worst.

        It may use up the limit on each side once in every window, also in the one that has begun
        before; where each node counts for itself, on each new node.

        Args:
            duration_s: How long both clusters serve.
            new_nodes: How many nodes the new cluster has.
        """
        if self.is_shared or not duration_s:
            return 0
        counters = max(new_nodes, 1) if self.is_local else 1
        return counters * self.limit * (math.ceil(duration_s / self.window_s) + 1)

    def unrefused(self, percent: int, *, current_nodes: int = 1, new_nodes: int = 1) -> int:
        """Requests that a client gets through in one window without a single refusal.

        Args:
            percent: Of its requests, how many go to the new cluster.
            current_nodes: Among which the current cluster divides its part.
            new_nodes: Likewise.
        """
        if self.is_shared:
            return self.limit
        if not self.is_local:
            current_nodes = new_nodes = 1
        most = max(percent / max(new_nodes, 1), (100 - percent) / max(current_nodes, 1))
        return min((current_nodes + new_nodes) * self.limit, int(self.limit * 100 / most + 1e-9))


@attrs.frozen(kw_only=True)
class Sessions:
    """Sessions that a plugin keeps: those of one release are unknown to the other."""

    plugin: str
    """Its name."""
    hosts: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """Whose requests it sees, a `*` within them stands for anything; empty for all hosts."""


class SessionWay(StrEnum):
    """How a load balancer treats single hosts with sessions, while it divides the others."""

    STICKY = "sticky"
    """Each client of theirs stays on one side."""
    ONE_SHOT = "one-shot"
    """They move as a whole, in one step."""


def limits_of(name: str, config: Mapping[str, object], where: str) -> Iterator[RateLimit]:
    """Every limit that one plugin keeps.

    Args:
        name: Of the plugin.
        config: As its entity has it.
        where: What it is for.
    """
    row = next((row for row in catalog.counters() if row.id == name), None)
    if row is None:
        return
    for limit, window_s in _windows(row, config):
        yield RateLimit(
            plugin=row.id, where=where, limit=limit, window_s=window_s, store=_store(row, config)
        )


def _store(row: CounterPlugin, config: Mapping[str, object]) -> str:
    """Where it counts; a Redis that it never synchronizes with is of no use to anybody else."""
    named = config.get(row.store)
    store = named if isinstance(named, str) else row.default_store
    rate = config.get("sync_rate")
    if row.local_at_sync_rate is not None and rate == row.local_at_sync_rate:
        return _LOCAL
    return store


def _windows(row: CounterPlugin, config: Mapping[str, object]) -> Iterator[tuple[int, int]]:
    """Each limit with its window, as the plugin writes them."""
    if row.counts is Counts.PERIODS:
        yield from _periods(config)
    elif row.counts is Counts.NAMED_PERIODS:
        named = config.get("limits")
        for periods in named.values() if isinstance(named, Mapping) else ():
            yield from _periods(periods if isinstance(periods, Mapping) else {})
    else:
        limits, sizes = _numbers(config.get("limit")), _numbers(config.get("window_size"))
        yield from zip(limits, sizes, strict=False)


def _periods(config: Mapping[str, object]) -> Iterator[tuple[int, int]]:
    for period, seconds in _PERIODS_S.items():
        for limit in _numbers([config.get(period)]):
            yield limit, seconds


def _numbers(value: object) -> list[int]:
    """The numbers above 0 of a list, as whole ones."""
    items = value if isinstance(value, list | tuple) else []
    found = [n for n in items if isinstance(n, int | float) and not isinstance(n, bool)]
    return [math.ceil(n) for n in found if 0 < n < math.inf]
