"""What every `Clock`, `Approver`, `Observer`, `Control` and `Lock` promises."""

import time
from collections.abc import Callable
from datetime import UTC, timedelta

import pytest

from kong_lts.errors import ApproverError, LockHeldError
from kong_lts.protocols import Approver, Clock, Control, Lock, Observer, Order, Question
from tests.contracts.journal import EVENTS

QUESTION = Question(step="enable-writes", title="Enable writes", instructions="Look first.")


class ClockContract:
    @pytest.fixture
    def clock(self) -> Clock:
        raise NotImplementedError

    def test_time_is_utc_and_passes_while_one_sleeps(self, clock: Clock) -> None:
        start = clock.now()

        clock.sleep(0.05)

        assert start.tzinfo is UTC
        assert clock.now() - start >= timedelta(seconds=0.05)

    def test_what_is_done_meanwhile_is_done_again_and_again_and_ends(self, clock: Clock) -> None:
        if (meanwhile := getattr(clock, "meanwhile", None)) is None:
            pytest.skip("this clock cannot: it passes no time by itself")
        done: list[int] = []

        with meanwhile(lambda: done.append(1), 0.01):
            time.sleep(0.2)
        often = len(done)
        time.sleep(0.05)

        assert often >= 3
        assert len(done) == often

    def test_sleeping_for_no_time_is_no_error(self, clock: Clock) -> None:
        clock.sleep(0)


class ApproverContract:
    @pytest.fixture
    def make(self) -> Callable[[bool | None], Approver]:
        """Of a person who approves, who rejects, or who is not there."""
        raise NotImplementedError

    @pytest.mark.parametrize("approved", [True, False])
    def test_what_the_person_says_comes_back(
        self, make: Callable[[bool | None], Approver], approved: bool
    ) -> None:
        decision = make(approved).ask(QUESTION)

        assert decision.approved is approved
        assert decision.by

    @pytest.mark.parametrize("approved", [True, False])
    def test_who_can_be_asked_without_waiting_says_the_same_in_the_end(
        self, make: Callable[[bool | None], Approver], approved: bool
    ) -> None:
        approver = make(approved)
        peek = getattr(approver, "peek", approver.ask)
        end = time.monotonic() + 10
        while (decision := peek(QUESTION)) is None:
            assert time.monotonic() < end
            time.sleep(0.01)

        assert decision.approved is approved
        assert decision.by

    def test_nobody_there_is_an_error(self, make: Callable[[bool | None], Approver]) -> None:
        with pytest.raises(ApproverError):
            make(None).ask(QUESTION)


class ObserverContract:
    @pytest.fixture
    def observer(self) -> Observer:
        raise NotImplementedError

    def test_every_event_may_be_noticed(self, observer: Observer) -> None:
        for event in EVENTS:
            observer.notice(event)


class ControlContract:
    @pytest.fixture
    def make(self) -> Callable[[Order], Control]:
        """Of somebody who wants just this."""
        raise NotImplementedError

    @pytest.mark.parametrize("order", list(Order))
    def test_what_is_wanted_is_told_with_who_wants_it(
        self, make: Callable[[Order], Control], order: Order
    ) -> None:
        told = make(order).instruction()

        assert told.order is order
        assert told.by


class LockContract:
    @pytest.fixture
    def make(self) -> Callable[[], Lock]:
        """Each call gives the lock of the same deployment, as another run has it."""
        raise NotImplementedError

    def test_only_one_run_holds_it(self, make: Callable[[], Lock]) -> None:
        one, other = make(), make()
        one.hold_lock("the first run")

        with pytest.raises(LockHeldError) as held:
            other.hold_lock("the second run")

        assert held.value.owner == "the first run"
        one.release_lock()
        one.release_lock()
        other.hold_lock("the second run")
        other.release_lock()
