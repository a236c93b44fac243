"""execute(plan, adapters, journal) and resume: drive the state machine in this process."""

from kong_lts.execution.driver import Driver
from kong_lts.execution.starting import begin, complete, execute, held, resume, take_up

__all__ = ["Driver", "begin", "complete", "execute", "held", "resume", "take_up"]
