"""People and time: what the contracts leave open."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from kong_lts.adapters import (
    CallableApprover,
    FileApprover,
    FileControl,
    FileLock,
    LoggingObserver,
    Switch,
    TwoPersonApprover,
)
from kong_lts.errors import ApproverError, LockError
from kong_lts.events import RunStarted, StepFailed, StepStarted
from kong_lts.protocols import Decision, Order, Question

QUESTION = Question(step="enable-writes", title="Enable writes", instructions="Look first.")


@attrs.define
class Clock:
    """Somebody answers while it sleeps."""

    folder: Path
    answers_after: int
    slept: int = 0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.slept)

    def sleep(self, duration_s: float) -> None:
        self.slept += round(duration_s)
        if self.slept >= self.answers_after:
            (self.folder / "enable-writes.approved").write_text("Zoë\nlooked\n", "utf-8")


def test_a_file_is_waited_for(tmp_path: Path) -> None:
    clock = Clock(tmp_path, answers_after=3600)

    decision = FileApprover(folder=tmp_path, clock=clock).ask(QUESTION)

    assert decision == Decision(approved=True, by="Zoë", note="looked")
    assert clock.slept == 3600
    asked = (tmp_path / "enable-writes.question").read_text("utf-8")
    assert asked == "Enable writes\n\nLook first.\n"


def test_a_rejection_beats_an_approval(tmp_path: Path) -> None:
    for name in ("approved", "rejected"):
        (tmp_path / f"enable-writes.{name}").touch()

    decision = FileApprover(folder=tmp_path, clock=Clock(tmp_path, 1)).ask(QUESTION)

    assert not decision.approved
    assert decision.by  # the owner of the file


def test_a_step_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    question = Question(step="../enable-writes", title="", instructions="")

    with pytest.raises(ApproverError, match="no name of a file"):
        FileApprover(folder=tmp_path, clock=Clock(tmp_path, 1)).ask(question)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ApproverError, match="No such file"):
        FileApprover(folder=tmp_path / "none", clock=Clock(tmp_path, 1)).ask(QUESTION)


def test_a_function_may_decide_itself() -> None:
    decision = Decision(approved=False, by="a ticket", note="CHG-1")

    assert CallableApprover(lambda _: decision, by="me").ask(QUESTION) == decision


def test_the_log_names_steps_and_failures_but_no_plan(caplog: pytest.LogCaptureFixture) -> None:
    observer = LoggingObserver()

    with caplog.at_level(logging.INFO, logger="kong_lts"):
        observer.notice(RunStarted(at="now", plan='{"long": true}', owner="me"))
        observer.notice(StepStarted(at="now", step="back-up"))
        observer.notice(StepFailed(at="now", step="back-up", reason="no space"))

    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("INFO", "RunStarted"),
        ("INFO", "StepStarted: back-up"),
        ("WARNING", "StepFailed: back-up: no space"),
    ]


def person(says: str) -> CallableApprover:
    said, _, name = says.rpartition(": ")
    return CallableApprover(lambda _: said != "no", by=name)


@pytest.mark.parametrize(
    ("first", "second", "approved", "by"),
    [
        ("Zoë", "Ali", True, "Zoë and Ali"),
        ("Zoë", "zoË ", False, "Zoë"),
        ("no: Zoë", "Ali", False, "Zoë"),
        ("Zoë", "no: Ali", False, "Ali"),
    ],
)
def test_two_people_must_approve_and_be_two(
    first: str, second: str, approved: bool, by: str
) -> None:
    decision = TwoPersonApprover(person(first), person(second)).ask(QUESTION)

    assert (decision.approved, decision.by) == (approved, by)


def test_whoever_waits_for_a_file_can_be_called_away(tmp_path: Path) -> None:
    switch = Switch()
    switch.cancel("Ali")
    approver = FileApprover(folder=tmp_path, clock=Clock(tmp_path, 99999), control=switch)

    with pytest.raises(ApproverError, match="cancelled by Ali"):
        approver.ask(QUESTION)


def test_a_file_that_cancels_beats_one_that_pauses(tmp_path: Path) -> None:
    (tmp_path / "pause").touch()
    (tmp_path / "cancel").touch()

    told = FileControl(tmp_path).instruction()

    assert told.order is Order.CANCEL
    assert told.by == f"the file {tmp_path / 'cancel'}"


def test_a_lock_in_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="No such file"):
        FileLock(tmp_path / "none" / "lock").hold_lock("me")
