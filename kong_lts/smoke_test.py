"""The staging test before any traffic, and the smoke test after it: probes and what they got."""

from collections.abc import Iterable, Iterator, Sequence

import attrs

from kong_lts.deployment import Side
from kong_lts.errors import ProxyError
from kong_lts.events import Past, Probed, ProbeResult
from kong_lts.findings import Finding
from kong_lts.protocols import NO_ROUTE, Adapters, Answer, Probe, Proxy
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["SmokeTest", "StagingTest"]

_UNANSWERED = "probe-unanswered"
_ROUTE_HEADERS = ("kong-route-name", "kong-route-id")
_NOT_MATCHED = "no Route matched"
_NOT_TOLD = "an answer that names no route; 3.4 wants `allow_debug_header = on` meanwhile"


def _ask(proxy: Proxy, probe: Probe) -> ProbeResult:
    """Send one probe and put the answer beside the expectation."""
    wanted = " or ".join(probe.expect_routes) or str(probe.expect_status)
    try:
        answer = proxy.send(probe)
    except ProxyError as exc:
        return ProbeResult(name=probe.name, expected=wanted, found=str(exc), answered=False)
    if probe.expect_routes:
        routes = _routes_of(answer)
        hit = next((route for route in routes if route in probe.expect_routes), None)
        return ProbeResult(name=probe.name, expected=hit or wanted, found=hit or routes[0])
    expected, found = str(probe.expect_status), str(answer.status)
    if probe.expect_in_body is not None:
        expected += f", body with {probe.expect_in_body!r}"
        there = probe.expect_in_body in answer.body
        found += f", body {'with' if there else 'without'} {probe.expect_in_body!r}"
    return ProbeResult(name=probe.name, expected=expected, found=found)


def _routes_of(answer: Answer) -> tuple[str, ...]:
    """Name and id of the route that took a request, as an answer to `Kong-Debug: 1` tells."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if named := tuple(headers[name] for name in _ROUTE_HEADERS if headers.get(name)):
        return named
    # An answer to HEAD has no body.
    refused = answer.status == 404 and (not answer.body or _NOT_MATCHED in answer.body)
    return (NO_ROUTE if refused or answer.status == 400 else _NOT_TOLD,)


@attrs.frozen(kw_only=True)
class _ProbeStep(PlannedStep):
    probes: tuple[Probe, ...] = attrs.field(converter=tuple[Probe, ...])

    needs_of_side = ("proxy",)

    @property
    def _count(self) -> int:
        return len(self.probes)

    def outdates_plan(self, findings: Iterable[Finding]) -> bool:
        """A wrong answer does; that none came says nothing about the evaluation."""
        return super().outdates_plan(f for f in findings if f.rule != _UNANSWERED)

    def run(self, adapters: Adapters, past: Past) -> Probed:
        """Send every probe, whatever the others got."""
        return Probed(results=tuple(self._asked(adapters, self.side, self.probes)))

    def _asked(
        self, adapters: Adapters, side: Side, probes: Sequence[Probe]
    ) -> Iterator[ProbeResult]:
        if probes:
            proxy = present(adapters.of(side).proxy, "proxy", self.id)
            yield from (_ask(proxy, probe) for probe in probes)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every answer is the expected one."""
        outcome = own_outcome(past, self.id, Probed)
        if outcome is None or len(outcome.results) < self._count:
            yield self.obstacle("not-probed", "The test has not run.", "Run it.")
            return
        for result in outcome.results:
            if not result.answered:
                yield self.obstacle(
                    _UNANSWERED,
                    f"{result.name}: no answer came: {result.found}.",
                    "See whether the proxy can be reached, then resume.",
                )
            elif not result.passed:
                yield self.obstacle(
                    "probe-failed",
                    f"{result.name}: expected {result.expected}, got {result.found}.",
                    "Go back to the evaluation of the changes; then make a new plan.",
                )


@attrs.frozen(kw_only=True)
class StagingTest(_ProbeStep):
    """Send probes to the new cluster before it gets any traffic, and some to the current one too.

    Source:
        guide, Dual-cluster upgrade: "Perform appropriate staging tests against version Y".
    """

    current_probes: tuple[Probe, ...] = attrs.field(default=(), converter=tuple[Probe, ...])
    """What the current cluster is asked: the same requests, with what it should do."""

    @property
    def title(self) -> str:
        """What it does."""
        asked = f"{len(self.probes)} probe(s) on the {self.side} cluster"
        if self.current_probes:
            asked += f" and {len(self.current_probes)} on the current one"
        return f"Run a staging test of {asked}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The proxies that are asked."""
        asked = {self.side: self.probes, Side.CURRENT: self.current_probes}
        return tuple(f"{side}.proxy" for side, probes in asked.items() if probes)

    @property
    def _count(self) -> int:
        return len(self.probes) + len(self.current_probes)

    def run(self, adapters: Adapters, past: Past) -> Probed:
        """Send every probe, whatever the others got."""
        current = self._asked(adapters, Side.CURRENT, self.current_probes)
        return Probed(results=(*self._asked(adapters, self.side, self.probes), *current))


@attrs.frozen(kw_only=True)
class SmokeTest(_ProbeStep):
    """Send probes to the new cluster when it has all traffic.

    Source:
        guide, Perform upgrade: "Smoke test".
    """

    @property
    def title(self) -> str:
        """What it does."""
        return f"Run a smoke test of {len(self.probes)} probe(s) on the {self.side} cluster"
