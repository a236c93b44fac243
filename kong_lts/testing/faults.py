"""What can go wrong while a plan is run, in the simulated world."""

from enum import StrEnum

__all__ = [
    "AFTERWARDS",
    "AT_AN_EFFECT",
    "BEFOREHAND",
    "MEANWHILE",
    "ON_THE_WAY_BACK",
    "PASSING",
    "Fault",
    "Killed",
]


class Killed(BaseException):
    """The process that runs the plan was killed: nothing catches this but who simulates it."""


class Fault(StrEnum):
    """What goes wrong at one step."""

    FAILS_BEFORE = "fails before its effect"
    FAILS_AFTER = "fails after its effect"
    TIMES_OUT = "gives no answer in time"
    """Its effect comes all the same, later than whoever waits for it."""
    LIES = "says it did, and did not"
    UNREACHABLE = "nothing can be reached any more"
    KILLED_BEFORE = "killed before its effect"
    KILLED_DURING = "killed in the middle of its effect"
    KILLED_AFTER = "killed after its effect"
    WRITE = "a write sneaks in"
    """A colleague writes, through the Admin API if it lets him, else by SQL, and stays there."""
    SECOND_RUN = "a second run starts"
    SICK = "the new cluster fails every request"
    """From then on, until somebody mends it."""


PASSING = (
    *(Fault.FAILS_BEFORE, Fault.FAILS_AFTER, Fault.TIMES_OUT, Fault.LIES, Fault.UNREACHABLE),
    *(Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.SECOND_RUN),
)
"""Faults that are over when the run is taken up again, so that it must come to its end. After the
others it may also have to stop for good, and then the way back must be open."""

ON_THE_WAY_BACK = (*PASSING, Fault.KILLED_DURING)
"""Faults that strike while a step is taken back; the way back is taken up again afterwards."""
BEFOREHAND = (Fault.FAILS_BEFORE, Fault.KILLED_BEFORE, Fault.TIMES_OUT, Fault.UNREACHABLE)
"""Faults that strike a look too, which has no effect."""
AFTERWARDS = (Fault.FAILS_AFTER, Fault.TIMES_OUT, Fault.KILLED_AFTER)
"""Faults that strike when the effect is there."""
AT_AN_EFFECT = (Fault.FAILS_AFTER, Fault.LIES, Fault.KILLED_DURING, Fault.KILLED_AFTER)
"""Faults that strike nothing but an effect."""
MEANWHILE = (Fault.WRITE, Fault.SECOND_RUN, Fault.SICK)
"""Faults that somebody else brings about, while the step itself goes on."""
