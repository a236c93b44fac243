"""The staging test before any traffic, and the smoke test after it: probes and what they got."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
from attrs.validators import ge

from kong_lts.deployment import Side
from kong_lts.events import Past, Probed, ProbeResult
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Probe
from kong_lts.smoke_test.asking import NOT_TOLD, ask
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["SAFE_METHODS", "ProbeStep", "SmokeTest", "StagingTest"]

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""What changes nothing behind a gateway, unless somebody built it against HTTP."""

_UNANSWERED = "probe-unanswered"
_UNTOLD = "route-not-told"


@attrs.frozen(kw_only=True)
class ProbeStep(PlannedStep):
    """What every step that sends probes shares."""

    probes: tuple[Probe, ...] = attrs.field(converter=tuple[Probe, ...])
    """What is asked."""
    safe_methods: tuple[str, ...] = attrs.field(default=SAFE_METHODS, converter=tuple[str, ...])
    """Methods that may be sent; another one keeps the step from running."""
    settle_s: float = attrs.field(default=10.0, converter=float, validator=ge(0))
    """So long an answer may be wrong: with `worker_consistency = eventual` each worker takes a new
    configuration some seconds after the Admin API has."""
    poll_s: float = attrs.field(default=1.0, converter=float, validator=ge(0.1))
    """Between two tries."""

    needs_of_side = ("proxy",)

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nothing is sent that may change something, unless its method was told to be safe."""
        for probe in self._all:
            if probe.method not in self.safe_methods:
                yield self.obstacle(
                    "probe-not-safe",
                    f"{probe.name}: {probe.method} may change something behind the gateway.",
                    "Leave it out, or name its method in `Settings.safe_methods`.",
                )
        yield from self.unfit(adapters)

    def unfit(self, adapters: Adapters) -> Iterator[Finding]:
        """Whoever is asked has a listener for what is asked."""
        for side, probes in self._by_side.items():
            schemes: Sequence[str] | None = getattr(adapters.of(side).proxy, "schemes", None)
            wanted = {probe.scheme for probe in probes} - {None}
            for scheme in sorted(filter(None, wanted - set(schemes or wanted))):
                yield self.obstacle(
                    "probe-without-listener",
                    f"Some probes want {scheme}, and the proxy of the {side} cluster was given no"
                    " such listener.",
                    "Give `HttpProxy` its `tls_url`, or plan without such probes"
                    " (`Settings(tls_probes=False)`).",
                )

    @property
    def _all(self) -> tuple[Probe, ...]:
        return self.probes

    @property
    def _by_side(self) -> Mapping[Side, tuple[Probe, ...]]:
        """Who is asked what."""
        return {self.side: self.probes}

    @property
    def _count(self) -> int:
        return len(self.probes)

    def outdates_plan(self, findings: Iterable[Finding]) -> bool:
        """A wrong answer does; that none came, or none told, says nothing of the evaluation."""
        silent = (_UNANSWERED, _UNTOLD)
        return super().outdates_plan(f for f in findings if f.rule not in silent)

    def _asked(
        self, adapters: Adapters, side: Side, probes: Sequence[Probe]
    ) -> tuple[ProbeResult, ...]:
        """All results; a wrong answer is asked for again until the configuration has settled."""
        if not probes:
            return ()
        proxy = present(adapters.of(side).proxy, "proxy", self.id)
        results = [ask(proxy, probe) for probe in probes]
        waited_s = 0.0
        while waited_s < self.settle_s and any(_may_settle(r) for r in results):
            adapters.clock.sleep(self.poll_s)
            waited_s += self.poll_s
            pairs = zip(results, probes, strict=True)
            results = [ask(proxy, p) if _may_settle(r) else r for r, p in pairs]
        return tuple(results)

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
            elif result.found.startswith(NOT_TOLD):
                yield self.obstacle(
                    _UNTOLD,
                    f"{result.name}: expected {result.expected}, got {result.found}.",
                    "Set it in the kong.conf of the new nodes, reload them, and resume.",
                )
            elif not result.passed:
                yield self.obstacle(
                    "probe-failed",
                    f"{result.name}: expected {result.expected}, got {result.found}.",
                    "Go back to the evaluation of the changes; then make a new plan.",
                )


def _may_settle(result: ProbeResult) -> bool:
    """An answer that is wrong; one that did not come at all does not come for waiting."""
    return result.answered and not result.passed


@attrs.frozen(kw_only=True)
class StagingTest(ProbeStep):
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
    def _by_side(self) -> Mapping[Side, tuple[Probe, ...]]:
        return {self.side: self.probes, Side.CURRENT: self.current_probes}

    @property
    def needs(self) -> tuple[str, ...]:
        """The proxies that are asked."""
        return tuple(f"{side}.proxy" for side, probes in self._by_side.items() if probes)

    @property
    def _count(self) -> int:
        return len(self.probes) + len(self.current_probes)

    def run(self, adapters: Adapters, past: Past) -> Probed:
        """Send every probe, whatever the others got."""
        current = self._asked(adapters, Side.CURRENT, self.current_probes)
        return Probed(results=(*self._asked(adapters, self.side, self.probes), *current))

    @property
    def _all(self) -> tuple[Probe, ...]:
        return (*self.probes, *self.current_probes)


@attrs.frozen(kw_only=True)
class SmokeTest(ProbeStep):
    """Send probes to the new cluster when it has all traffic.

    Source:
        guide, Perform upgrade: "Smoke test".
    """

    @property
    def title(self) -> str:
        """What it does."""
        return f"Run a smoke test of {len(self.probes)} probe(s) on the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> Probed:
        """Send every probe, whatever the others got."""
        return Probed(results=self._asked(adapters, self.side, self.probes))
