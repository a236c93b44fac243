"""The staging test before any traffic, and the smoke test after it: probes and what they got."""

from collections.abc import Iterator

import attrs

from kong_lts.errors import ProxyError
from kong_lts.events import Past, Probed, ProbeResult
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Probe, Proxy
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["SmokeTest", "StagingTest"]


def _ask(proxy: Proxy, probe: Probe) -> ProbeResult:
    """Send one probe and put the answer beside the expectation."""
    try:
        answer = proxy.send(probe)
    except ProxyError as exc:
        return ProbeResult(name=probe.name, expected=str(probe.expect_status), found=str(exc))
    expected, found = str(probe.expect_status), str(answer.status)
    if probe.expect_in_body is not None:
        expected += f", body with {probe.expect_in_body!r}"
        there = probe.expect_in_body in answer.body
        found += f", body {'with' if there else 'without'} {probe.expect_in_body!r}"
    return ProbeResult(name=probe.name, expected=expected, found=found)


@attrs.frozen(kw_only=True)
class _ProbeStep(PlannedStep):
    probes: tuple[Probe, ...] = attrs.field(converter=tuple[Probe, ...])

    needs_of_side = ("proxy",)

    def run(self, adapters: Adapters, past: Past) -> Probed:
        """Send every probe, whatever the others got."""
        proxy = present(self.cluster(adapters).proxy, "proxy", self.id)
        return Probed(results=tuple(_ask(proxy, probe) for probe in self.probes))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every answer is the expected one."""
        outcome = own_outcome(past, self.id, Probed)
        if outcome is None or len(outcome.results) < len(self.probes):
            yield self.obstacle("not-probed", "The test has not run.", "Run it.")
            return
        for result in outcome.results:
            if not result.passed:
                yield self.obstacle(
                    "probe-failed",
                    f"{result.name}: expected {result.expected}, got {result.found}.",
                    "Go back to the evaluation of the changes; then make a new plan.",
                )


@attrs.frozen(kw_only=True)
class StagingTest(_ProbeStep):
    """Send probes to the new cluster before it gets any traffic.

    Source:
        guide, Dual-cluster upgrade: "Perform appropriate staging tests against version Y".
    """

    @property
    def title(self) -> str:
        """What it does."""
        return f"Run a staging test of {len(self.probes)} probe(s) on the {self.side} cluster"


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
