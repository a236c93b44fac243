"""What every `Journal` promises."""

from collections.abc import Callable

import pytest

from kong_lts.events import Confirmed, Event, RunEnded, RunStarted, StepDone, StepFailed
from kong_lts.protocols import Journal

AT = "2026-11-23T10:00:00+00:00"
EVENTS: tuple[Event, ...] = (
    RunStarted(at=AT, plan='{"format_version": 1}', owner="me"),
    StepDone(at=AT, step="one", outcome=Confirmed(by="Zoë", note="line 1\nline 2 \U0001f600")),
    StepFailed(at=AT, step="two", reason="it did not"),
    RunEnded(at=AT),
)


class JournalContract:
    @pytest.fixture
    def open_journal(self) -> Callable[[], Journal]:
        """Gives journals of the same run, one after the other."""
        raise NotImplementedError

    def test_a_new_journal_is_empty(self, open_journal: Callable[[], Journal]) -> None:
        assert open_journal().events() == ()

    def test_events_come_back_in_order(self, open_journal: Callable[[], Journal]) -> None:
        journal = open_journal()

        for event in EVENTS:
            journal.append(event)

        assert journal.events() == EVENTS

    def test_another_reader_sees_each_event_at_once(
        self, open_journal: Callable[[], Journal]
    ) -> None:
        journal, reader = open_journal(), open_journal()

        for count, event in enumerate(EVENTS, start=1):
            journal.append(event)
            assert reader.events() == EVENTS[:count]
