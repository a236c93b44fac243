"""The time in which both clusters serve: how long it is, and what it costs."""

import math
from collections.abc import Iterator, Mapping, Sequence

import attrs
from attrs.validators import gt

from kong_lts import catalog
from kong_lts.catalog.rows import CounterPlugin, Counts
from kong_lts.findings import Finding, Severity
from kong_lts.traffic.ramp import RampStage

__all__ = ["MixedWindow", "RateLimit", "rate_limits"]

_PERIODS_S = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
_SHARED = "redis"
_OWNERS = ("services", "routes", "consumers")
_SOURCE = (
    "guide, Dual-cluster upgrade: counters between database X and database Y are not synchronized"
)


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

    def over_admission(self, duration_s: float) -> int:
        """Requests that a client has let through beyond the limit, at worst, while both serve.

        It may use up the limit on each side once in every window, also in the one that has begun
        before.

        Args:
            duration_s: How long both clusters serve.
        """
        if self.is_shared or not duration_s:
            return 0
        return self.limit * (math.ceil(duration_s / self.window_s) + 1)

    def unrefused(self, percent: int) -> int:
        """Requests that a client gets through in one window without a single refusal.

        Args:
            percent: Of its requests, how many go to the new cluster.
        """
        if self.is_shared:
            return self.limit
        return min(2 * self.limit, self.limit * 100 // max(percent, 100 - percent))


@attrs.frozen(kw_only=True)
class MixedWindow:
    """The time in which both clusters serve."""

    stages: tuple[RampStage, ...] = attrs.field(converter=tuple[RampStage, ...])
    """Of the ramp."""
    hold_s: float = 0.0
    """How much longer each stage may last."""
    limits: tuple[RateLimit, ...] = attrs.field(default=(), converter=tuple[RateLimit, ...])
    """Those that both clusters keep."""
    sessions: bool = False
    """Whether a plugin keeps sessions."""
    vitals: bool = False
    """Whether Vitals are counted in the databases: Enterprise with a database."""

    @property
    def shares(self) -> tuple[RampStage, ...]:
        """The stages in which both serve."""
        return tuple(stage for stage in self.stages if 0 < stage.percent < 100)

    @property
    def duration_s(self) -> float:
        """How long it takes if no gate prolongs a stage and nobody is waited for."""
        return sum(stage.bake_s for stage in self.shares)

    @property
    def longest_s(self) -> float:
        """How long it takes if every gate prolongs its stage to the end."""
        return sum(stage.bake_s + self.hold_s for stage in self.shares)

    def findings(self) -> Iterator[Finding]:
        """What the time in between costs; nothing where all is diverted at once."""
        if not self.shares:
            return
        yield self._finding(
            "mixed-window",
            f"Both clusters serve for {self.duration_s:g} s at least, and for {self.longest_s:g} s"
            " where gates prolong every stage; waiting for an approval comes on top.",
            "Keep it short; a ramp of one stage with 100% has none.",
        )
        for limit in self.limits:
            yield self._of_limit(limit)
        if self.vitals:
            yield self._finding(
                "mixed-window-vitals",
                "Vitals are counted in both databases, and those of the current one stay there.",
                "Look at both, or export them before the current cluster goes.",
            )
        if self.sessions:
            yield self._finding(
                "mixed-window-sessions",
                "Sessions of one release are unknown to the other: a client that is divided request"
                " by request is logged out again and again.",
                "Let the load balancer keep each client on one side (`keeps_clients`), or divert"
                " these hosts in one stage with 100%. The run stops before it divides them.",
                severity=Severity.WARNING,
            )

    def _of_limit(self, limit: RateLimit) -> Finding:
        subject = f"{limit.plugin} of {limit.where}"
        if limit.is_shared:
            return self._finding(
                "mixed-window-limit-shared",
                f"{subject} counts {limit.limit} in {limit.window_s} s in Redis.",
                "Give both clusters the same Redis, database and namespace.",
            )
        widest = max(self.shares, key=lambda stage: limit.unrefused(stage.percent))
        over = limit.over_admission(self.duration_s)
        return self._finding(
            "mixed-window-over-admission",
            f"{subject} allows {limit.limit} in {limit.window_s} s and counts in each cluster"
            f" ({limit.store}): at worst a client has {2 * limit.limit} in a window, and {over} too"
            f" many in {self.duration_s:g} s; at {widest.percent}% it is not refused before"
            f" {limit.unrefused(widest.percent)}.",
            "Count in Redis for the time of the upgrade, lower the limit, or accept it.",
            severity=Severity.WARNING,
        )

    def _finding(
        self, rule: str, message: str, action: str, *, severity: Severity = Severity.INFO
    ) -> Finding:
        return Finding(
            rule=rule,
            severity=severity,
            subject="the time in which both clusters serve",
            message=message,
            action=action,
            source=_SOURCE,
        )


def rate_limits(config: Mapping[str, object]) -> tuple[RateLimit, ...]:
    """Every limit that the enabled plugins of a declarative document keep.

    Args:
        config: A document as parsed, kong.yml or a state file of decK.
    """
    return tuple(_limits_in(config, "everything"))


def _limits_in(owner: Mapping[str, object], where: str) -> Iterator[RateLimit]:
    for plugin in _mappings(owner.get("plugins")):
        yield from _of_plugin(plugin, _scope(plugin) or where)
    for kind in _OWNERS:
        for entity in _mappings(owner.get(kind)):
            yield from _limits_in(entity, f"{kind[:-1]} {_label(entity)}")


def _of_plugin(plugin: Mapping[str, object], where: str) -> Iterator[RateLimit]:
    row = next((row for row in catalog.counters() if row.id == plugin.get("name")), None)
    config = plugin.get("config")
    if row is None or plugin.get("enabled") is False or not isinstance(config, Mapping):
        return
    store = config.get(row.store)
    for limit, window_s in _windows(row, config):
        yield RateLimit(
            plugin=row.id,
            where=where,
            limit=limit,
            window_s=window_s,
            store=store if isinstance(store, str) else row.default_store,
        )


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
    items = value if isinstance(value, list) else []
    found = [n for n in items if isinstance(n, int | float) and not isinstance(n, bool)]
    return [math.ceil(n) for n in found if 0 < n < math.inf]


def _scope(plugin: Mapping[str, object]) -> str:
    """The service, route or consumer that a plugin at the top level names."""
    for kind in ("route", "service", "consumer"):
        target = plugin.get(kind)
        if isinstance(target, Mapping):
            target = target.get("name") or target.get("id")
        if isinstance(target, str):
            return f"{kind} {target}"
    return ""


def _label(entity: Mapping[str, object]) -> str:
    found = entity.get("name") or entity.get("username") or entity.get("id")
    return found if isinstance(found, str) else "without a name"


def _mappings(value: object) -> Sequence[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else ()
