"""RecordAnswers on the current cluster, CompareAnswers on the new one: the same probes on both."""

from collections.abc import Iterator

import attrs
from attrs.validators import ge

from kong_lts.errors import ProxyError
from kong_lts.events import Past, Probed, ProbeResult, Recorded, RecordedAnswer
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import NO_ROUTE, Adapters
from kong_lts.smoke_test.asking import DEBUG, recorded
from kong_lts.smoke_test.steps import ProbeStep
from kong_lts.step import own_outcome, present

__all__ = ["CompareAnswers", "RecordAnswers"]

_SLOW_MS = 100.0
"""A difference below this is noise of single requests."""


def _recorded(step: ProbeStep, adapters: Adapters) -> Recorded:
    proxy = present(step.cluster(adapters).proxy, "proxy", step.id)
    answers: list[RecordedAnswer] = []
    unanswered: list[str] = []
    for probe in step.probes:
        asked = attrs.evolve(probe, headers={**probe.headers, **DEBUG})
        try:
            answers.append(recorded(asked, proxy.send(asked)))
        except ProxyError as exc:
            unanswered.append(f"{probe.name}: {exc}")
    return Recorded(answers=tuple(answers), unanswered=tuple(unanswered))


@attrs.frozen(kw_only=True)
class RecordAnswers(ProbeStep):
    """Send probes to the current cluster and keep what it takes to compare the answers.

    Source:
        guide, Perform upgrade: "Perform appropriate staging tests against version Y".
    """

    @property
    def title(self) -> str:
        """What it does."""
        return f"Record the answers to {len(self.probes)} probe(s) on the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> Recorded:
        """Send every probe, whatever the others got."""
        return _recorded(self, adapters)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every probe was answered."""
        outcome = own_outcome(past, self.id, Recorded)
        if outcome is None:
            yield self.obstacle("not-probed", "Nothing was recorded.", "Record it.")
            return
        for text in outcome.unanswered:
            yield self.obstacle(
                "probe-unanswered",
                f"No answer came to {text}.",
                "See whether the proxy can be reached, or leave this probe out.",
            )


@attrs.frozen(kw_only=True)
class CompareAnswers(ProbeStep):
    """Send the same probes to the new cluster, and hold the answers against the recorded ones.

    Source:
        guide, Perform upgrade: "Perform appropriate staging tests against version Y".
    """

    recorded_by: str
    """Id of the step that recorded the answers of the current cluster."""
    max_slower_factor: float = attrs.field(default=5.0, converter=float, validator=ge(1))
    """An answer that takes so many times as long, and 100 ms more, is told."""

    @property
    def title(self) -> str:
        """What it does."""
        return f"Compare the answers to {len(self.probes)} probe(s) on the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> Probed:
        """Send every probe; what differs is asked again until the configuration has settled."""
        before = {a.probe: a for a in self._before(past)}
        waited_s = 0.0
        while True:
            now = _recorded(self, adapters)
            results = tuple(self._results(before, now))
            if all(result.passed for result in results) or waited_s >= self.settle_s:
                return Probed(results=results, routes_told=_told(before, now))
            adapters.clock.sleep(self.poll_s)
            waited_s += self.poll_s

    def _before(self, past: Past) -> tuple[RecordedAnswer, ...]:
        outcome = own_outcome(past, self.recorded_by, Recorded)
        return outcome.answers if outcome is not None else ()

    def _results(self, before: dict[str, RecordedAnswer], now: Recorded) -> Iterator[ProbeResult]:
        for text in now.unanswered:
            name, _, why = text.partition(": ")
            yield ProbeResult(name=name, expected="an answer", found=why, answered=False)
        for new in now.answers:
            current = before.get(new.probe)
            if current is None:
                yield ProbeResult(name=new.probe, expected="a recorded answer", found="none")
                continue
            pairs = list(_differences(current, new))
            same = f"{new.status}, as before"
            yield ProbeResult(
                name=new.probe,
                expected="; ".join(pair[0] for pair in pairs) or same,
                found="; ".join(pair[1] for pair in pairs) or same,
                slower_ms=self._slower(current, new),
            )

    def _slower(self, current: RecordedAnswer, new: RecordedAnswer) -> float | None:
        if current.latency_ms is None or new.latency_ms is None:
            return None
        slower = new.latency_ms - current.latency_ms
        much = new.latency_ms > self.max_slower_factor * current.latency_ms
        return round(slower, 1) if much and slower > _SLOW_MS else None

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every answer is the recorded one."""
        yield from super().verify(adapters, past)
        outcome = own_outcome(past, self.id, Probed)
        for result in outcome.results if outcome is not None else ():
            if result.slower_ms is not None:
                yield self.obstacle(
                    "probe-slower",
                    f"{result.name}: the answer took {result.slower_ms:g} ms longer than before.",
                    "Send it again; a first request also fills caches.",
                    severity=Severity.WARNING,
                )
        if outcome is not None and not outcome.routes_told:
            yield self.obstacle(
                "route-not-told",
                "The new cluster does not tell which route answers.",
                "Set `allow_debug_header = on` on it for the time of the upgrade.",
                severity=Severity.WARNING,
            )


def _differences(current: RecordedAnswer, new: RecordedAnswer) -> Iterator[tuple[str, str]]:
    """Everything in which two answers differ: as before, and as now."""
    if current.status != new.status:
        yield f"status {current.status}", f"status {new.status}"
    for what in ("route", "service"):
        was, now = getattr(current, what), getattr(new, what)
        if was and now and was != now:
            yield f"{what} {was}", f"{what} {now}"
    for path in sorted({*current.body, *new.body}):
        if current.body.get(path) != new.body.get(path):
            there = [_PRESENCE[path in answer.body] for answer in (current, new)]
            yield f"{path} {there[0]}", f"{path} {there[1] if there[0] != there[1] else 'changed'}"
    for name in sorted({*current.headers, *new.headers}):
        was, now = (answer.headers.get(name, "absent") for answer in (current, new))
        if was != now:
            yield f"{name}: {was}", f"{name}: {now}"


_PRESENCE = {True: "there", False: "absent"}


def _told(before: dict[str, RecordedAnswer], now: Recorded) -> bool:
    """Whether the new cluster names a route wherever the current one did."""
    named = {name for name, answer in before.items() if answer.route not in ("", NO_ROUTE)}
    return all(answer.route for answer in now.answers if answer.probe in named)
