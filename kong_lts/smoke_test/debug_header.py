"""AllowDebugHeader: for the time of the tests, 3.4 tells which route answers, and then no more."""

from collections.abc import Iterator

import attrs
from attrs.validators import ge, min_len

from kong_lts.errors import ProxyError, StepFailedError
from kong_lts.events import Confirmed, Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters, Probe, Question
from kong_lts.smoke_test.asking import DEBUG, tells_route
from kong_lts.step import PlannedStep, present

__all__ = ["AllowDebugHeader"]

_POLL_S = 1.0


@attrs.frozen(kw_only=True)
class AllowDebugHeader(PlannedStep):
    """Have the nodes answer `Kong-Debug: 1` with the name of the route, or have them stop that.

    2.8 always does; 3.4 only with `allow_debug_header = on`, which tells anybody who asks what the
    configuration is made of. Nothing writes a kong.conf but a person, so a person is asked, and
    probes show what came of it.

    Source:
        Kong/kong 3.4.2 kong.conf.default, `allow_debug_header`.
    """

    probes: tuple[Probe, ...] = attrs.field(converter=tuple[Probe, ...], validator=min_len(1))
    """Requests that reach a route; one answer that names one is enough."""
    on: bool = True
    """Whether the route is told from then on."""
    configuration: str = "kong.conf"
    """Path of the kong.conf on each node, for the instructions."""
    nodes: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """Whose it is."""
    settle_s: float = attrs.field(default=10.0, converter=float, validator=ge(0))
    """How long a reload may take until the workers do so."""

    needs_of_side = ("proxy",)

    @property
    def title(self) -> str:
        """What it does."""
        tell = "tell" if self.on else "tell no more"
        return f"Have the {self.side} cluster {tell} which route answers"

    @property
    def instructions(self) -> str:
        """What a person does."""
        change = (
            "Write `allow_debug_header = on` into"
            if self.on
            else "Take `allow_debug_header = on` out of"
        )
        where = f" on {', '.join(self.nodes)}" if self.nodes else ""
        return (
            f"{change} {self.configuration}{where} (or the variable KONG_ALLOW_DEBUG_HEADER of each"
            " node, with a restart), then `kong reload` on each."
        )

    def run(self, adapters: Adapters, past: Past) -> Confirmed:
        """Ask for it, unless it is so already.

        Raises:
            StepFailedError: The person says no.
            ApproverError: Nobody can be asked.
        """
        if self._tells(adapters) is self.on:
            return Confirmed(by="the probes", note="it was so already")
        question = Question(step=self.id, title=self.title, instructions=self.instructions)
        decision = adapters.approver.ask(question)
        if not decision.approved:
            raise StepFailedError(
                self.id, f"{decision.by} did not confirm it. {decision.note}", "Do it, and resume."
            )
        waited_s = 0.0
        while self._tells(adapters) is not self.on and waited_s < self.settle_s:
            adapters.clock.sleep(_POLL_S)
            waited_s += _POLL_S
        return Confirmed(by=decision.by, note=decision.note)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The answers name a route, or none does any more."""
        tells = self._tells(adapters)
        if self.on and not tells:
            yield self.obstacle(
                "debug-header-off",
                f"The {self.side} cluster does not tell which route answers"
                f"{': no probe was answered' if tells is None else ''}.",
                self.instructions,
            )
        elif tells and not self.on:
            yield self.obstacle(
                "debug-header-on",
                f"The {self.side} cluster still tells everybody which route answers.",
                self.instructions,
                severity=Severity.WARNING,
            )

    def _tells(self, adapters: Adapters) -> bool | None:
        """Whether an answer names its route; None where there was none."""
        proxy = present(self.cluster(adapters).proxy, "proxy", self.id)
        told: bool | None = None
        for probe in self.probes:
            asked = attrs.evolve(probe, headers={**probe.headers, **DEBUG})
            try:
                told = tells_route(proxy.send(asked))
            except ProxyError:
                continue
            if told:
                return True
        return told
