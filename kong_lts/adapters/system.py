"""Time, and who watches a run."""

import logging
import time
from datetime import UTC, datetime

import attrs

from kong_lts.events import Event, StepFailed, UndoFailed

__all__ = ["LoggingObserver", "SystemClock"]


@attrs.frozen
class SystemClock:
    """The clock of this host."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, duration_s: float) -> None:
        time.sleep(max(0.0, duration_s))


@attrs.frozen
class LoggingObserver:
    """Writes one line an event to a logger; failures as warnings."""

    logger: logging.Logger = attrs.field(factory=lambda: logging.getLogger("kong_lts"))

    def notice(self, event: Event) -> None:
        level = logging.WARNING if isinstance(event, StepFailed | UndoFailed) else logging.INFO
        words = [type(event).__name__]
        # Never the whole event: one of them holds the plan.
        words += [str(getattr(event, name)) for name in ("step", "reason") if hasattr(event, name)]
        words += [str(finding) for finding in getattr(event, "findings", ())]
        self.logger.log(level, "%s", ": ".join(words))
