"""A journal's entries come back as they were written, and say what they are."""

import json
from typing import get_args

import attrs
import pytest
from hypothesis import given, settings

from kong_lts import events as events_module
from kong_lts.errors import FormatError
from kong_lts.events import (
    Confirmed,
    Event,
    Outcome,
    Probed,
    ProbeResult,
    RunEnded,
    StepDone,
    TrafficCount,
    event_from_json,
    event_to_json,
)
from kong_lts.testing.generators import events
from tests.conftest import counted

AT = "2026-01-01T00:00:00+00:00"


@settings(max_examples=counted(2000))
@given(event=events())
def test_an_event_comes_back_from_its_line(event: Event) -> None:
    line = event_to_json(event)

    assert event_from_json(line) == event
    assert "\n" not in line
    assert line.encode("utf-8")


@settings(max_examples=counted(500))
@given(event=events())
def test_an_entry_tells_its_kind_and_format(event: Event) -> None:
    entry = json.loads(event_to_json(event))

    assert entry["format_version"] == 1
    assert entry["event"]["kind"] == type(event).__name__


@pytest.mark.parametrize("kind", [*get_args(Event), *get_args(Outcome)], ids=lambda k: k.__name__)
def test_no_field_is_in_the_way_of_the_kind(kind: type) -> None:
    assert "kind" not in [field.alias for field in attrs.fields(kind)]


def test_no_two_kinds_have_one_name() -> None:
    names = [kind.__name__ for kind in (*get_args(Event), *get_args(Outcome))]

    assert len(set(names)) == len(names)
    assert set(names) <= set(events_module.__all__)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON"),
        ('{"event": {"kind": "RunEnded", "at": ""}}', "its format_version is null"),
        ('{"format_version": 1}', r"it is missing @ \$\.event"),
        ('{"format_version": 1, "event": {"at": ""}}', "kind is null; give one of RunStarted,"),
        ('{"format_version": 1, "event": {"kind": "Done"}}', 'kind is "Done"; give one of'),
        ('{"format_version": 1, "event": {"kind": "RunEnded"}}', r"it is missing @ \$\.event\.at"),
        (
            '{"format_version": 1, "event": {"kind": "RunEnded", "at": "", "by": ""}}',
            r"unknown field by \(known: at\) @ \$\.event\.by",
        ),
    ],
)
def test_a_line_that_is_no_entry_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FormatError, match=f"not a journal entry: {problem}"):
        event_from_json(text)


def test_an_entry_reads_as_it_happened() -> None:
    event = StepDone(at=AT, step="install", outcome=Confirmed(by="Zoë"))

    assert event_to_json(event) == (
        '{"format_version": 1, "event": {"at": "2026-01-01T00:00:00+00:00", "step": "install",'
        ' "outcome": {"by": "Zoë", "kind": "Confirmed"}, "kind": "StepDone"}}'
    )
    assert event_to_json(RunEnded(at=AT)) == (
        '{"format_version": 1, "event": {"at": "2026-01-01T00:00:00+00:00", "kind": "RunEnded"}}'
    )


@pytest.mark.parametrize(
    ("requests", "errors", "ratio"), [(0, 0, 0.0), (0, 3, 0.0), (4, 1, 0.25), (2, 2, 1.0)]
)
def test_errors_are_counted_by_requests(requests: int, errors: int, ratio: float) -> None:
    assert TrafficCount(requests=requests, errors=errors).error_ratio == ratio


@pytest.mark.parametrize(("found", "passed"), [("200", True), ("500", False), ("200 ", False)])
def test_a_probe_passes_with_the_expected_answer_only(found: str, passed: bool) -> None:
    result = ProbeResult(name="root", expected="200", found=found)

    assert Probed(results=(result,)).results[0].passed is passed
