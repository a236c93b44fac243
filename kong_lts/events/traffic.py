"""What steps with traffic give back: its division, probes and watches."""

from collections.abc import Mapping
from enum import StrEnum

import attrs

__all__ = [
    "Diverted",
    "GateVerdict",
    "Judged",
    "LatencyBucket",
    "ProbeResult",
    "Probed",
    "Recorded",
    "RecordedAnswer",
    "TrafficCount",
    "Watched",
]


@attrs.frozen(kw_only=True)
class Diverted:
    """The load balancer was told a new division."""

    new_percent: int
    """Share of the traffic that the new cluster gets, 0 to 100."""
    at: str = ""
    """When it was in force."""


@attrs.frozen(kw_only=True)
class ProbeResult:
    """One request of a staging or smoke test, and what came back."""

    name: str
    """Of the probe."""
    expected: str
    """In words, as `found`."""
    found: str
    """In words; equal to `expected` where the probe passed."""
    answered: bool = True
    """Whether anything came back at all."""
    slower_ms: float | None = None
    """How much longer the answer took than that of the other cluster, where that is a lot."""

    @property
    def passed(self) -> bool:
        """Whether the answer was the expected one."""
        return self.expected == self.found


@attrs.frozen(kw_only=True)
class Probed:
    """A staging test or smoke test ran."""

    results: tuple[ProbeResult, ...]
    """One for each probe."""
    routes_told: bool = True
    """Whether the gateway told which route answered, where that was asked for."""
    not_looked_at: int = 0
    """Routes of the database that neither a probe nor a log tells of."""


@attrs.frozen(kw_only=True)
class RecordedAnswer:
    """What one cluster answered to a probe; no body, only what it takes to compare one."""

    probe: str
    """Name of the probe."""
    status: int
    """HTTP status, 100 to 599."""
    body: Mapping[str, str] = attrs.Factory(dict)
    """Hash of each first-level part of a JSON body by its JSON path; `$` alone for another one."""
    headers: Mapping[str, str] = attrs.Factory(dict)
    """Those that are compared, such as content type and location."""
    route: str = ""
    """Who took it, where the gateway told."""
    service: str = ""
    """Where the gateway told."""
    latency_ms: float | None = None
    """From the first byte sent to the last one received."""


@attrs.frozen(kw_only=True)
class Recorded:
    """The answers of one cluster, for the other one to be compared with."""

    answers: tuple[RecordedAnswer, ...]
    """One for each probe that got one."""
    unanswered: tuple[str, ...] = ()
    """Probes that got no answer, and why."""


@attrs.frozen(kw_only=True)
class LatencyBucket:
    """One step of a histogram."""

    up_to_ms: float
    """Its upper bound."""
    requests: int
    """Those that took as long or less."""


@attrs.frozen(kw_only=True)
class TrafficCount:
    """Proxied requests of one side, since its nodes started or within one watch."""

    requests: int
    """How many, those with errors among them."""
    errors: int
    """Answers of 500 and more."""
    latency_ms: float | None = None
    """Mean time to answer, where the metrics have it."""
    statuses: Mapping[str, int] = attrs.Factory(dict)
    """Requests by status, where the metrics have it."""
    latencies: tuple[LatencyBucket, ...] = ()
    """The time to answer, rising; what took longer than the last one is in `timed` alone."""
    timed: int = 0
    """Requests whose time to answer is known."""

    @property
    def error_ratio(self) -> float:
        """Errors by requests; 0 without any request."""
        return self.errors / self.requests if self.requests else 0.0


class GateVerdict(StrEnum):
    """What a gate says of a watch."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    """Too little was seen to tell."""
    NO_DATA = "no data"


@attrs.frozen(kw_only=True)
class Judged:
    """What one gate says of a watch, and why."""

    gate: str
    """Name of the gate."""
    verdict: GateVerdict
    """What it says."""
    text: str
    """The figures, in words."""
    stops: bool
    """Whether the run does not go on for it."""


@attrs.frozen(kw_only=True)
class Watched:
    """Metrics were watched for a while."""

    watched_s: float
    """How long."""
    current: TrafficCount
    """What the current cluster served meanwhile."""
    new: TrafficCount
    """What the new cluster served meanwhile."""
    judged: tuple[Judged, ...] = ()
    """One for each gate."""
    led_back_to_percent: int | None = None
    """The share of the new cluster after its traffic was led back; None where it was not."""
    answered_by: str = ""
    """Who approved, rejected or aborted, where somebody did."""
    refused: str = ""
    """Why the run does not go on though no gate stops it."""
    diverted_at: str = ""
    """When the traffic was diverted again that an earlier watch had led back; empty where not."""
