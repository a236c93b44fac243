"""The time in which both clusters serve: how long it is, and what it costs."""

from collections.abc import Iterable, Iterator, Sequence

import attrs
from attrs.validators import ge

from kong_lts.findings import Finding, Severity
from kong_lts.traffic.ramp import RampStage
from kong_lts.unshared import RateLimit

__all__ = ["MixedWindow"]

_SOURCE = (
    "guide, Dual-cluster upgrade: counters between database X and database Y are not synchronized"
)
_MOST_NAMES = 5
_MOST_STAGES = 8


@attrs.frozen(kw_only=True)
class MixedWindow:
    """The time in which both clusters serve."""

    stages: tuple[RampStage, ...] = attrs.field(converter=tuple[RampStage, ...])
    """Of the ramp."""
    hold_s: float = 0.0
    """How much longer each stage may last."""
    most_s: float | None = None
    """How long all of it may last, waiting for people included; None sets no end."""
    at_the_end: str = ""
    """What follows then, in words."""
    current_nodes: int = attrs.field(default=1, validator=ge(1))
    """That serve traffic; what each node counts for itself grows with them."""
    new_nodes: int = attrs.field(default=1, validator=ge(1))
    """Likewise of the new cluster."""
    limits: tuple[RateLimit, ...] = attrs.field(default=(), converter=tuple[RateLimit, ...])
    """Those that both clusters keep."""
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
        """How long it takes if every gate prolongs its stage to the end, or to the limit."""
        longest = sum(stage.bake_s + self.hold_s for stage in self.shares)
        return longest if self.most_s is None else min(longest, self.most_s)

    def findings(self) -> Iterator[Finding]:
        """What the time in between costs; nothing where all is diverted at once."""
        if not self.shares:
            return
        yield from self._length()
        for limits in _alike(self.limits):
            yield self._of_limit(*limits)
        if self.vitals:
            yield self._finding(
                "mixed-window-vitals",
                "Vitals are counted in both databases, and those of the current one stay there.",
                "Look at both, or export them before the current cluster goes.",
            )

    def _length(self) -> Iterator[Finding]:
        end = "waiting for an approval comes on top"
        if self.most_s is not None:
            end += f"; after {self.most_s:g} s, whatever it waits for, {self.at_the_end}"
        yield self._finding(
            "mixed-window",
            f"Both clusters serve for {self.duration_s:g} s at least, and for {self.longest_s:g} s"
            f" where gates prolong every stage; {end}.",
            "Keep it short; a ramp of one stage with 100% has none.",
        )
        if self.most_s is not None and self.duration_s > self.most_s:
            yield self._finding(
                "mixed-window-too-short",
                f"The stages alone last {self.duration_s:g} s, longer than the {self.most_s:g} s"
                " for which both clusters may serve.",
                "Allow more in `Settings.mixed_window_s`, or plan shorter stages.",
                severity=Severity.WARNING,
            )

    def _of_limit(self, limit: RateLimit, places: Sequence[str]) -> Finding:
        shown = ", ".join(places[:_MOST_NAMES])
        more = f" and {rest} more" if (rest := len(places) - _MOST_NAMES) > 0 else ""
        subject = f"{limit.plugin} of {shown}{more}"
        if limit.is_shared:
            return self._finding(
                "mixed-window-limit-shared",
                f"{subject} counts {limit.limit} in {limit.window_s} s in Redis.",
                "Give both clusters the same Redis, database and namespace.",
            )
        most = (self.new_nodes + self.current_nodes if limit.is_local else 2) * limit.limit
        over = limit.over_admission(self.duration_s, new_nodes=self.new_nodes)
        longest = limit.over_admission(self.longest_s, new_nodes=self.new_nodes)
        each = "node" if limit.is_local else "cluster"
        return self._finding(
            "mixed-window-over-admission",
            f"{subject} allows {limit.limit} in {limit.window_s} s and counts in each {each}"
            f" ({limit.store}): at worst a client has {most} in a window, and {over} too many in"
            f" {self.duration_s:g} s, {longest} in {self.longest_s:g} s. {self._by_split(limit)}",
            "Count in Redis for the time of the upgrade, lower the limit, or accept it.",
            severity=Severity.WARNING,
        )

    def _by_split(self, limit: RateLimit) -> str:
        """What each share of the ramp lets through, for a client that is divided like all."""
        told = [self._at(stage, limit) for stage in self.shares[:_MOST_STAGES]]
        more = ["and so on"] if len(self.shares) > _MOST_STAGES else []
        return f"By share: {'; '.join((*told, *more))}."

    def _at(self, stage: RampStage, limit: RateLimit) -> str:
        current, new = self.current_nodes, self.new_nodes
        free = limit.unrefused(stage.percent, current_nodes=current, new_nodes=new)
        over = limit.over_admission(stage.bake_s, new_nodes=new)
        return (
            f"at {stage.percent}% it is not refused before {free}, and has {over} too many in"
            f" {stage.bake_s:g} s at worst"
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


def _alike(limits: Iterable[RateLimit]) -> Iterator[tuple[RateLimit, list[str]]]:
    """Limits that differ only in what they are for are told once."""
    places: dict[RateLimit, list[str]] = {}
    for limit in limits:
        places.setdefault(attrs.evolve(limit, where=""), []).append(limit.where)
    yield from places.items()
