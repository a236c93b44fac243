"""Time, and who watches a run."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
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

    @contextlib.contextmanager
    def meanwhile(self, act: Callable[[], None], every_s: float) -> Iterator[None]:
        """Call *act* every so often, from a thread that ends with the context."""
        over = threading.Event()

        def again() -> None:
            while not over.wait(every_s):
                act()

        thread = threading.Thread(target=again, name="kong_lts meanwhile", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@attrs.frozen
class LoggingObserver:
    """Writes one line an event to a logger; failures as warnings."""

    logger: logging.Logger = attrs.field(factory=lambda: logging.getLogger("kong_lts"))
    """Where each event is told."""

    def notice(self, event: Event) -> None:
        level = logging.WARNING if isinstance(event, StepFailed | UndoFailed) else logging.INFO
        words = [type(event).__name__]
        # Never the whole event: one of them holds the plan.
        words += [str(getattr(event, name)) for name in ("step", "reason") if hasattr(event, name)]
        words += [str(finding) for finding in getattr(event, "findings", ())]
        self.logger.log(level, "%s", ": ".join(words))
