"""Looking at both clusters at one moment, and what has happened since the look before."""

from collections.abc import Callable, Mapping

import attrs

from kong_lts.errors import AdapterError, MetricsError
from kong_lts.events import TrafficCount
from kong_lts.monitoring.counts import NOTHING, Window, added, since
from kong_lts.monitoring.gates import Measure
from kong_lts.monitoring.lookout import not_in_sync, router_errors
from kong_lts.monitoring.terms import WatchTerms
from kong_lts.protocols import Adapters, Metrics
from kong_lts.step import present

__all__ = ["Sight"]

_BLIND_LOOKS = 3
"""Looks in a row without readable metrics, after which nobody waits for data any more."""


@attrs.define(kw_only=True)
class Sight:
    """What a watch has seen so far."""

    terms: WatchTerms
    adapters: Adapters
    whole: Window
    """From the first look on."""
    why_blind: str = attrs.field(init=False, default="")
    _blind: int = attrs.field(init=False, default=0)
    _last: tuple[TrafficCount, TrafficCount] = attrs.field(init=False, default=(NOTHING,) * 2)
    _errors_before: int | None = attrs.field(init=False, default=None)

    @property
    def is_blind(self) -> bool:
        """Whether the metrics could not be read for several looks in a row."""
        return self._blind >= _BLIND_LOOKS

    def begin(self) -> None:
        """The first look, from which on everything counts."""
        self._last = self._count()
        if self.terms.asks_for(Measure.ROUTER_ERRORS):
            self._errors_before = self._router_errors()

    def look(self) -> Window | None:
        """What happened since the last look; None where that cannot be told."""
        try:
            now = self._count()
        except MetricsError as exc:
            self._blind, self.why_blind = self._blind + 1, str(exc)
            return None
        self._blind = 0
        current, new = (since(*pair) for pair in zip(self._last, now, strict=True))
        self._last = now
        if current is None or new is None:  # a node was restarted: what it did before is not known
            return None
        before = self.whole.before
        self.whole = Window(
            current=added(self.whole.current, current),
            new=added(self.whole.new, new),
            before=before,
            counts=self._counts(),
        )
        return Window(current=current, new=new, before=before)

    def _count(self) -> tuple[TrafficCount, TrafficCount]:
        """Both clusters at the same moment."""
        terms = self.terms
        new = present(self.adapters.new.metrics, "new.metrics", terms.id)
        current: Metrics | None = self.adapters.current.metrics
        if not terms.needs_current:
            return NOTHING, new.count()
        return present(current, "current.metrics", terms.id).count(), new.count()

    def _counts(self) -> Mapping[Measure, int | None]:
        found: dict[Measure, int | None] = {}
        if self.terms.asks_for(Measure.ROUTER_ERRORS):
            now, then = self._router_errors(), self._errors_before
            # A rotated log has fewer lines than before: then all of them are new.
            found[Measure.ROUTER_ERRORS] = (
                None if now is None or then is None else now - then if now >= then else now
            )
        if self.terms.asks_for(Measure.DATA_PLANES):
            found[Measure.DATA_PLANES] = _or_none(lambda: not_in_sync(self.adapters.new))
        return found

    def _router_errors(self) -> int | None:
        log = self.terms.error_log
        return None if log is None else _or_none(lambda: router_errors(self.adapters.new, log))


def _or_none(look: Callable[[], int]) -> int | None:
    """What a look shows, None where it cannot be had."""
    try:
        return look()
    except AdapterError:
        return None
