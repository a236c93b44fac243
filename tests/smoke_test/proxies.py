"""Proxies that give a test's own answers."""

from collections.abc import Callable, Mapping

import attrs

from kong_lts.errors import ProxyError
from kong_lts.protocols import Adapters, Answer, Probe
from kong_lts.testing.fakes import fake_adapters
from tests.worlds import a_world

Answers = Callable[[Probe], Answer]


@attrs.define
class Says:
    """A proxy that answers by a function; what was asked is kept."""

    answer: Answers
    asked: list[Probe] = attrs.Factory(list)

    def send(self, probe: Probe) -> Answer:
        self.asked.append(probe)
        return self.answer(probe)


def nobody(probe: Probe) -> Answer:
    """No answer."""
    raise ProxyError(f"send {probe.name}", "connection refused")


def by_path(answers: Mapping[str, Answer]) -> Answers:
    """An answer for each path."""
    return lambda probe: answers[probe.path]


def between(current: Says, new: Says) -> Adapters:
    """Adapters of a simulated world whose proxies are these."""
    adapters = fake_adapters(a_world())
    return attrs.evolve(
        adapters,
        current=attrs.evolve(adapters.current, proxy=current),
        new=attrs.evolve(adapters.new, proxy=new),
    )
