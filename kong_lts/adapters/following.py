"""Following a run from another process, by the time of this machine."""

from collections.abc import Iterator

from kong_lts.adapters.system import SystemClock
from kong_lts.progress import Progress
from kong_lts.progress import follow as follow_by
from kong_lts.protocols import Clock, Journal

__all__ = ["follow"]

_CLOCK = SystemClock()


def follow(
    journal: Journal, *, clock: Clock = _CLOCK, every_s: float = 1.0, through_stops: bool = False
) -> Iterator[Progress]:
    """Tell how the run of a journal stands, now and whenever there is news, until it stands still.

    Args:
        journal: Of either engine; another process may be writing it.
        clock: Time, and what is waited by.
        every_s: Seconds between two looks.
        through_stops: Whether to go on after a stop, until the run is done or taken back.

    Raises:
        JournalError: It cannot be read.
        NotResumableError: It is not the journal of one run.
    """
    return follow_by(journal, clock=clock, every_s=every_s, through_stops=through_stops)
