"""exit_status(value): what a program that wraps the library may end with."""

from enum import IntEnum

from kong_lts.assessment import Assessment
from kong_lts.findings import Severity
from kong_lts.fleet import FleetRun, Standing
from kong_lts.planning import Rehearsal, Run, Verdict

__all__ = ["ExitStatus", "exit_status"]


class ExitStatus(IntEnum):
    """By the worst that was found; 1 and 2 stay free for a crash and for a wrong command line."""

    CLEAN = 0
    """Nothing to act on, and everything was looked at; the upgrade is done; no case broke."""
    NOT_CHECKED = 10
    """Nothing to act on, but some rule had nothing to look at, or nothing was rehearsed."""
    WARNING = 11
    BLOCKER = 12
    BROKEN = 13
    """A rehearsed case broke an invariant."""
    STOPPED = 20
    """The run stands at a step: resume it, or roll back."""
    ROLLED_BACK = 21
    ROLLBACK_FAILED = 22
    """A person must look."""


_OF_VERDICT = {
    Verdict.SUCCEEDED: ExitStatus.CLEAN,
    Verdict.STOPPED: ExitStatus.STOPPED,
    Verdict.ROLLED_BACK: ExitStatus.ROLLED_BACK,
    Verdict.ROLLBACK_FAILED: ExitStatus.ROLLBACK_FAILED,
}


def exit_status(value: Assessment | Rehearsal | Run | FleetRun) -> ExitStatus:
    """What to end with, by the worst that the value says."""
    if isinstance(value, Assessment):
        return _of_assessment(value)
    if isinstance(value, Rehearsal):
        return _of_rehearsal(value)
    if isinstance(value, FleetRun):
        return _of_fleet(value)
    return _OF_VERDICT[value.verdict]


def _of_assessment(assessment: Assessment) -> ExitStatus:
    found = {finding.severity for finding in assessment.findings}
    if Severity.BLOCKER in found:
        return ExitStatus.BLOCKER
    if Severity.WARNING in found:
        return ExitStatus.WARNING
    return ExitStatus.NOT_CHECKED if assessment.not_checked else ExitStatus.CLEAN


def _of_rehearsal(rehearsal: Rehearsal) -> ExitStatus:
    if rehearsal.broken:
        return ExitStatus.BROKEN
    return ExitStatus.CLEAN if rehearsal.cases else ExitStatus.NOT_CHECKED


def _of_fleet(fleet: FleetRun) -> ExitStatus:
    """By the first that broke; what was not begun is not done."""
    if fleet.ok:
        return ExitStatus.CLEAN
    standings = {member.standing for member in fleet.broken}
    if Standing.ROLLBACK_FAILED in standings:
        return _OF_VERDICT[Verdict.ROLLBACK_FAILED]
    rolled_back = standings == {Standing.ROLLED_BACK}
    return _OF_VERDICT[Verdict.ROLLED_BACK if rolled_back else Verdict.STOPPED]
