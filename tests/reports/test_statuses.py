"""exit_status: by the worst that a value says."""

import attrs
import pytest

from kong_lts.findings import Severity
from kong_lts.planning import Rehearsal
from kong_lts.reports import ExitStatus, exit_status
from tests.reports import samples


@pytest.mark.parametrize(
    ("worst", "status"),
    [
        (Severity.BLOCKER, ExitStatus.BLOCKER),
        (Severity.WARNING, ExitStatus.WARNING),
        (Severity.INFO, ExitStatus.CLEAN),
    ],
)
def test_an_assessment_ends_with_its_worst_finding(worst: Severity, status: ExitStatus) -> None:
    found = samples.blocked()
    findings = tuple(f for f in found.findings if f.severity.rank <= worst.rank)

    assert exit_status(attrs.evolve(found, findings=findings, not_checked=())) is status


def test_a_rule_that_saw_nothing_is_not_clean_but_hides_no_finding() -> None:
    found = samples.blocked()

    assert exit_status(attrs.evolve(found, findings=())) is ExitStatus.NOT_CHECKED
    assert exit_status(found) is ExitStatus.BLOCKER


def test_a_rehearsal_without_a_case_is_not_clean() -> None:
    assert exit_status(samples.safe_rehearsal()) is ExitStatus.CLEAN
    assert exit_status(samples.broken_rehearsal()) is ExitStatus.BROKEN
    nothing = Rehearsal(plan=samples.short_plan(), cases=())
    assert exit_status(nothing) is ExitStatus.NOT_CHECKED


def test_a_run_ends_with_its_verdict() -> None:
    runs = samples.finished(), samples.killed(), samples.rolled_back(), samples.rollback_failed()

    assert [exit_status(run).name for run in runs] == [
        "CLEAN",
        "STOPPED",
        "ROLLED_BACK",
        "ROLLBACK_FAILED",
    ]


def test_a_crash_and_a_wrong_command_line_have_statuses_of_their_own() -> None:
    assert not {1, 2} & set(ExitStatus)
    assert max(ExitStatus) < 126  # from there on they are the shell's
