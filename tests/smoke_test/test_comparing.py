"""Answers are recorded on the current cluster and compared on the new one."""

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.events import Done, Recorded
from kong_lts.protocols import Answer, Probe
from kong_lts.smoke_test import CompareAnswers, RecordAnswers
from tests.smoke_test.proxies import Says, between, nobody
from tests.worlds import NO_PAST, rules

PROBE = Probe(name="orders", path="/orders", ignore_json=("$.at",))
RECORD = RecordAnswers(id="record", guide="a guide", side=Side.CURRENT, probes=(PROBE,))
COMPARE = CompareAnswers(
    id="compare", guide="a guide", side=Side.NEW, probes=(PROBE,), recorded_by="record"
)
TOLD = {"Kong-Route-Name": "orders", "Kong-Service-Name": "shop"}
SAME = Answer(
    status=200,
    body='{"id": 1, "at": "noon"}',
    headers={**TOLD, "Content-Type": "application/json", "Via": "kong/2.8.5"},
    latency_ms=10,
)


def compared(current: Answer, new: Answer) -> tuple[str, list[str]]:
    """What was found different, and the rules of the proof."""
    proxies = Says(lambda _: current), Says(lambda _: new)
    adapters = between(*proxies)
    recorded = RECORD.run(adapters, NO_PAST)
    outcome = COMPARE.run(adapters, {"record": recorded})
    (result,) = outcome.results
    found = COMPARE.verify(adapters, {"record": recorded, "compare": outcome})
    return ("" if result.passed else result.found), rules(found)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, ""),
        ({"body": '{"at": "later",\n "id":1}'}, ""),
        ({"headers": {**SAME.headers, "Via": "kong/3.4.2", "Date": "now"}}, ""),
        ({"latency_ms": 60}, ""),
        ({"status": 401}, "status 401"),
        ({"body": '{"id": 2}'}, "$['id'] changed"),
        ({"body": '{"id": 1, "more": 1}'}, "$['more'] there"),
        ({"body": "{}"}, "$['id'] absent"),
        ({"headers": {**SAME.headers, "Kong-Route-Name": "all"}}, "route all"),
        ({"headers": {**SAME.headers, "Kong-Service-Name": "other"}}, "service other"),
        ({"headers": {**SAME.headers, "Content-Type": "text/html"}}, "content-type: text/html"),
    ],
)
def test_what_differs_and_matters_is_found(change: dict[str, object], found: str) -> None:
    text, said = compared(SAME, attrs.evolve(SAME, **change))  # type: ignore[arg-type] # fields of it

    assert text == found
    assert said == (["probe-failed"] if found else [])


def test_errors_of_the_gateway_are_the_same_though_spaced_otherwise() -> None:
    current = Answer(status=404, body='{"message":"no Route matched with those values"}')
    new = Answer(status=404, body='{\n  "message":"no Route matched with those values"\n}')

    assert compared(current, new) == ("", [])


def test_much_slower_is_told() -> None:
    assert compared(SAME, attrs.evolve(SAME, latency_ms=400)) == ("", ["probe-slower"])


def test_a_gateway_that_does_not_tell_its_routes_is_told() -> None:
    silent = attrs.evolve(SAME, headers={"Content-Type": "application/json"})

    assert compared(SAME, silent) == ("", ["route-not-told"])


def test_the_gateway_is_asked_for_the_route() -> None:
    current = Says(lambda _: SAME)

    RECORD.run(between(current, Says(nobody)), NO_PAST)

    assert current.asked[0].headers == {"Kong-Debug": "1"}


def test_no_body_is_recorded() -> None:
    marked = attrs.evolve(SAME, body='{"id": "S3CR3T"}')

    outcome = RECORD.run(between(Says(lambda _: marked), Says(nobody)), NO_PAST)

    assert "S3CR3T" not in repr(outcome)


def test_what_could_not_be_recorded_stops_the_run() -> None:
    adapters = between(Says(nobody), Says(nobody))

    outcome = RECORD.run(adapters, NO_PAST)

    assert rules(RECORD.verify(adapters, {"record": outcome})) == ["probe-unanswered"]
    assert rules(RECORD.verify(adapters, {"record": Done()})) == ["not-probed"]


def test_what_was_never_recorded_is_not_the_same() -> None:
    adapters = between(Says(nobody), Says(lambda _: SAME))

    outcome = COMPARE.run(adapters, {"record": Recorded(answers=())})

    assert rules(COMPARE.verify(adapters, {"compare": outcome})) == ["probe-failed"]


def test_no_answer_of_the_new_cluster_is_told_as_such() -> None:
    adapters = between(Says(lambda _: SAME), Says(nobody))
    recorded = RECORD.run(adapters, NO_PAST)

    outcome = COMPARE.run(adapters, {"record": recorded})

    found = COMPARE.verify(adapters, {"record": recorded, "compare": outcome})
    assert "probe-unanswered" in rules(found)
