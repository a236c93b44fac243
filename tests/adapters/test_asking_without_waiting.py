"""Approvers that can be asked without waiting, so that somebody watches meanwhile."""

import threading
import time
from pathlib import Path

import pytest

from kong_lts.adapters import CallableApprover, FileApprover, SystemClock, TwoPersonApprover
from kong_lts.errors import ApproverError
from kong_lts.protocols import Decision, Question
from kong_lts.testing.fakes import FakeApprover

QUESTION = Question(step="approve-50", title="Approve", instructions="Look first.")


def in_the_end(approver: CallableApprover) -> Decision:
    end = time.monotonic() + 10
    while (decision := approver.peek(QUESTION)) is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    return decision


def test_a_function_that_waits_is_not_waited_for_and_called_once() -> None:
    answered, calls = threading.Event(), []

    def function(question: Question) -> bool:
        calls.append(question.step)
        return answered.wait(10)

    approver = CallableApprover(function, by="somebody")
    first = [approver.peek(QUESTION) for _ in range(3)]
    answered.set()

    assert first == [None] * 3
    assert in_the_end(approver) == Decision(approved=True, by="somebody")
    assert calls == ["approve-50"]


def test_what_a_function_raises_comes_out() -> None:
    def function(question: Question) -> bool:
        raise EOFError

    with pytest.raises(ApproverError):
        in_the_end(CallableApprover(function, by="somebody"))


def test_a_file_is_looked_for_and_the_question_lies_there(tmp_path: Path) -> None:
    approver = FileApprover(folder=tmp_path, clock=SystemClock())

    before = approver.peek(QUESTION)
    (tmp_path / "approve-50.approved").write_text("jane\nfine")

    assert before is None
    assert approver.peek(QUESTION) == Decision(approved=True, by="jane", note="fine")
    assert (tmp_path / "approve-50.question").read_text() == "Approve\n\nLook first.\n"


def test_both_people_have_to_answer_and_the_first_one_is_asked_once(tmp_path: Path) -> None:
    first, second = FakeApprover(), FileApprover(folder=tmp_path, clock=SystemClock())
    both = TwoPersonApprover(first, second)

    before = [both.peek(QUESTION), both.peek(QUESTION)]
    (tmp_path / "approve-50.approved").write_text("jane")

    assert before == [None, None]
    assert both.peek(QUESTION) == Decision(approved=True, by="a simulated person and jane")
    assert len(first.asked) == 1


def test_a_no_of_the_first_one_ends_it(tmp_path: Path) -> None:
    second = FileApprover(folder=tmp_path, clock=SystemClock())

    decision = TwoPersonApprover(FakeApprover(approves=False), second).peek(QUESTION)

    assert decision is not None
    assert not decision.approved
    assert list(tmp_path.iterdir()) == []
