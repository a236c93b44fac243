"""What a probe may ask for, and what of an answer is held against it."""

import pytest

from kong_lts.deployment import Side
from kong_lts.protocols import Answer, Credential, Probe, is_credential
from kong_lts.smoke_test import SmokeTest
from kong_lts.smoke_test.asking import ask
from kong_lts.smoke_test.json_paths import at, parts, without
from tests.smoke_test.proxies import Says, between, nobody
from tests.worlds import NO_PAST, rules

BODY = '{"items": [{"id": 7, "name": "a"}], "total": null, "a b": true}'
ANSWER = Answer(status=200, body=BODY, headers={"Content-Type": "application/json; charset=utf-8"})


@pytest.mark.parametrize(
    ("probe", "passed"),
    [
        (Probe(name="p", expect_json={"$.items[0].id": "7"}), True),
        (Probe(name="p", expect_json={"$.items[0].id": "8"}), False),
        (Probe(name="p", expect_json={"$.items[1].id": "7"}), False),
        (Probe(name="p", expect_json={"$.total": "null"}), True),
        (Probe(name="p", expect_json={"$.absent": "null"}), False),
        (Probe(name="p", expect_json={"$['a b']": "true"}), True),
        (Probe(name="p", expect_json={"$.items": '[{"name":"a","id":7}]'}), True),
        (Probe(name="p", expect_headers={"content-type": "application/json"}), True),
        (Probe(name="p", expect_headers={"Content-Type": "text/html"}), False),
        (Probe(name="p", expect_headers={"X-None": ""}), False),
        (Probe(name="p", expect_status=404, expect_json={"$.total": "null"}), False),
    ],
)
def test_all_that_is_expected_counts(probe: Probe, passed: bool) -> None:
    assert ask(Says(lambda _: ANSWER), probe).passed is passed


def test_a_body_that_is_no_json_has_nothing_at_any_path() -> None:
    result = ask(Says(lambda _: Answer(status=200, body="<html>")), PROBE_JSON)

    assert "in a body that is no JSON" in result.found


PROBE_JSON = Probe(name="p", expect_json={"$.items[0].id": "8"})


def test_a_value_that_is_not_the_wanted_one_is_not_repeated() -> None:
    result = ask(Says(lambda _: ANSWER), PROBE_JSON)

    assert result.expected == "200, $.items[0].id 8"
    assert result.found == "200, $.items[0].id another int"


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {"Authorization": "Bearer abc"}},
        {"headers": {"apikey": "abc"}},
        {"headers": {"X-Api-Key": "abc"}},
        {"headers": {"Cookie": "a=b"}},
        {"expect_json": {"items": "1"}},
        {"expect_json": {"$.items": "no json"}},
        {"ignore_json": ("$..a",)},
    ],
)
def test_what_makes_no_sense_or_shows_a_secret_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"credential|JSON"):
        Probe(name="p", **fields)  # type: ignore[arg-type] # that is the point


def test_references_and_other_headers_are_taken() -> None:
    probe = Probe(name="p", headers={"Authorization": "env:TOKEN", "X-Signal": "x"})

    assert probe.headers["X-Signal"] == "x"


@pytest.mark.parametrize("secret", ["abc", "", "vault:x", "env:"])
def test_a_credential_is_a_reference(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        Credential(kind="key-auth", secret=secret)


@pytest.mark.parametrize("name", ["X-Access-Token", "api_key", "sig", "password", "client_secret"])
def test_names_that_tell_of_a_credential(name: str) -> None:
    assert is_credential(name)
    assert not is_credential("Kong-Debug")


def test_only_methods_that_were_told_to_be_safe_are_sent() -> None:
    probes = (Probe(name="a"), Probe(name="b", method="POST"))
    step = SmokeTest(id="smoke", guide="a guide", side=Side.NEW, probes=probes)
    told = SmokeTest(
        id="smoke", guide="a guide", side=Side.NEW, probes=probes, safe_methods=("GET", "POST")
    )
    adapters = between(Says(nobody), Says(nobody))

    (finding,) = step.check(adapters, NO_PAST)
    assert (finding.rule, finding.message[:7]) == ("probe-not-safe", "b: POST")
    assert rules(told.check(adapters, NO_PAST)) == []


def test_a_wrong_answer_is_asked_for_again_until_the_configuration_has_settled() -> None:
    """With `worker_consistency = eventual` a new route answers some seconds later."""
    late = iter([404, 404, 200, 500])
    proxy = Says(lambda _: Answer(status=next(late)))
    step = SmokeTest(id="smoke", guide="a guide", side=Side.NEW, probes=(Probe(name="a"),))
    adapters = between(Says(nobody), proxy)

    outcome = step.run(adapters, NO_PAST)

    assert [result.passed for result in outcome.results] == [True]
    assert len(proxy.asked) == 3


def test_what_stays_wrong_has_not_passed_and_no_answer_is_not_waited_for() -> None:
    for proxy, asked in ((Says(lambda _: Answer(status=404)), 11), (Says(nobody), 1)):
        step = SmokeTest(id="smoke", guide="a guide", side=Side.NEW, probes=(Probe(name="a"),))
        outcome = step.run(between(Says(nobody), proxy), NO_PAST)

        assert [result.passed for result in outcome.results] == [False]
        assert len(proxy.asked) == asked


# --- JSON -----------------------------------------------------------------------------------------


def test_paths_lead_into_a_document() -> None:
    document: object = {"a": [{"b": 1}], "c.d": 2}

    assert at(document, "$") == (True, document)
    assert at(document, "$.a[0].b") == (True, 1)
    assert at(document, "$['c.d']") == (True, 2)
    assert at(document, "$.a.b") == at(document, "$.a[7]") == at(document, "$.x") == (False, None)
    assert without(document, ["$.a[0].b", "$['c.d']", "$.x"]) == {"a": [{}]}
    assert without([1, 2, 3], ["$[1]"]) == [1, 3]


def test_how_a_body_is_spaced_does_not_count() -> None:
    compact = '{"message":"no Route matched with those values"}'
    spaced = '{\n  "message":"no Route matched with those values"\n}'

    assert parts(compact, ()) == parts(spaced, ())
    assert parts("[1, 2]", ()) == parts("[1,2]", ())
    assert parts("a b", ()) != parts("a  b", ())
    assert parts("", ()) == {}
    assert set(parts(BODY, ["$.total"])) == {"$['items']", "$['a b']"}
