"""Probes are sent all of them, and every answer has to be the expected one."""

import attrs
import pytest

from kong_lts.adapters import HttpProxy
from kong_lts.deployment import Side
from kong_lts.errors import StepFailedError
from kong_lts.events import Done, Past, Probed, ProbeResult
from kong_lts.protocols import Adapters, Answer, Probe
from kong_lts.schema import SchemaState
from kong_lts.smoke_test import SmokeTest, StagingTest
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import fake_adapters
from tests.worlds import NO_PAST, PROBES, a_world, restored_world, rules, without

STAGING = StagingTest(id="staging", guide="a guide", side=Side.NEW, probes=PROBES)
SMOKE = SmokeTest(id="smoke", guide="a guide", side=Side.NEW, probes=PROBES)
BOTH = pytest.mark.parametrize("step", [STAGING, SMOKE], ids=["staging", "smoke"])


@attrs.frozen
class _Answers:
    """A proxy that gives everybody the same answer."""

    answer: Answer

    def send(self, probe: Probe) -> Answer:
        return self.answer


def answering(answer: Answer) -> Adapters:
    adapters = fake_adapters(a_world())
    proxy = _Answers(answer)
    return attrs.evolve(adapters, new=attrs.evolve(adapters.new, proxy=proxy))


def running() -> Adapters:
    world = restored_world(SchemaState.LTS_3_4)
    world.new.running = dict.fromkeys(world.new.running, True)
    return fake_adapters(world)


@BOTH
def test_expected_answers_pass(step: StagingTest | SmokeTest) -> None:
    outcome = step.run(running(), NO_PAST)

    assert [result.name for result in outcome.results] == ["root", "nowhere"]
    assert rules(step.verify(running(), {step.id: outcome})) == []


@BOTH
def test_a_cluster_that_does_not_answer_fails_every_probe(step: StagingTest | SmokeTest) -> None:
    adapters = fake_adapters(a_world())

    outcome = step.run(adapters, NO_PAST)

    first, second = step.verify(adapters, {step.id: outcome})
    assert first.message == "root: no answer came: send root: connection refused."
    assert second.rule == "probe-unanswered"


@pytest.mark.parametrize(
    ("probe", "status", "body", "passed"),
    [
        (Probe(name="p"), 200, "", True),
        (Probe(name="p"), 201, "", False),
        (Probe(name="p", expect_status=404), 404, "anything", True),
        (Probe(name="p", expect_in_body="a b"), 200, "xa by", True),
        (Probe(name="p", expect_in_body="a b"), 200, "xa", False),
        (Probe(name="p", expect_in_body="a b"), 500, "a b", False),
        (Probe(name="p", expect_in_body=""), 200, "", True),
    ],
)
def test_status_and_body_count(probe: Probe, status: int, body: str, passed: bool) -> None:
    step = attrs.evolve(STAGING, probes=(probe,))
    adapters = answering(Answer(status=status, body=body))

    outcome = step.run(adapters, NO_PAST)

    assert [result.passed for result in outcome.results] == [passed]
    assert rules(step.verify(adapters, {step.id: outcome})) == ([] if passed else ["probe-failed"])


NAMED = {"Kong-Route-Name": "r1", "Kong-Route-Id": "uuid-1"}


@pytest.mark.parametrize(
    ("expected", "answer", "found"),
    [
        (("r1",), Answer(status=500, headers=NAMED), "r1"),
        (("uuid-1",), Answer(status=200, headers=NAMED), "uuid-1"),
        (("r2", "r1"), Answer(status=200, headers=NAMED), "r1"),
        (("uuid-1",), Answer(status=200, headers={"kong-route-id": "uuid-1"}), "uuid-1"),
        (("no route",), Answer(status=404, body="no Route matched with those values"), "no route"),
        (("no route",), Answer(status=404), "no route"),
        (("no route",), Answer(status=400), "no route"),
    ],
)
def test_the_route_that_is_named_counts_and_no_status(
    expected: tuple[str, ...], answer: Answer, found: str
) -> None:
    step = attrs.evolve(STAGING, probes=(Probe(name="p", expect_routes=expected),))

    (result,) = step.run(answering(answer), NO_PAST).results

    assert result == ProbeResult(name="p", expected=found, found=found)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (("r1",), Answer(status=200, headers={"Kong-Route-Name": "r2"})),
        (("r1",), Answer(status=404, body="no Route matched with those values")),
        (("no route",), Answer(status=404, headers=NAMED)),
    ],
)
def test_another_route_fails_the_test(expected: tuple[str, ...], answer: Answer) -> None:
    step = attrs.evolve(STAGING, probes=(Probe(name="p", expect_routes=expected),))
    adapters = answering(answer)

    outcome = step.run(adapters, NO_PAST)

    assert rules(step.verify(adapters, {step.id: outcome})) == ["probe-failed"]


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (("no route",), Answer(status=404, body="no such page")),
        (("r1", "r2"), Answer(status=200, body="r1")),
    ],
)
def test_a_route_that_is_not_told_stops_the_test(expected: tuple[str, ...], answer: Answer) -> None:
    step = attrs.evolve(STAGING, probes=(Probe(name="p", expect_routes=expected),))
    adapters = answering(answer)

    outcome = step.run(adapters, NO_PAST)

    assert rules(step.verify(adapters, {step.id: outcome})) == ["route-not-told"]


def test_a_gateway_that_names_no_route_is_told_what_it_lacks() -> None:
    step = attrs.evolve(STAGING, probes=(Probe(name="p", expect_routes=("r1",)),))

    (result,) = step.run(answering(Answer(status=200)), NO_PAST).results

    assert "allow_debug_header = on" in result.found


ROUTES = StagingTest(
    id="routes",
    guide="a guide",
    side=Side.NEW,
    probes=(Probe(name="p", expect_routes=("r2",)),),
    current_probes=(Probe(name="p", expect_routes=("r1",)),),
)


def test_the_current_cluster_is_asked_too_and_expected_to_do_as_before() -> None:
    adapters = running()

    outcome = ROUTES.run(adapters, NO_PAST)

    assert [result.found for result in outcome.results] == ["r2", "r1"]
    assert rules(ROUTES.verify(adapters, {"routes": outcome})) == []
    assert ROUTES.needs == ("new.proxy", "current.proxy")
    assert ROUTES.title.endswith("1 probe(s) on the new cluster and 1 on the current one")


def test_half_of_the_answers_are_not_all() -> None:
    half = Probed(results=(ProbeResult(name="p", expected="r2", found="r2"),))

    assert rules(ROUTES.verify(running(), {"routes": half})) == ["not-probed"]


def test_a_body_is_not_repeated() -> None:
    outcome = STAGING.run(answering(Answer(status=200, body="S3CR3T-marked")), NO_PAST)

    assert "S3CR3T" not in repr(outcome)
    assert "S3CR3T" not in repr(Answer(status=200, body="S3CR3T", headers={"a": "S3CR3T"}))


RESULT = ProbeResult(name="root", expected="200", found="200")


@pytest.mark.parametrize("past", [{}, {"staging": Done()}, {"staging": Probed(results=(RESULT,))}])
def test_a_test_that_did_not_run_to_its_end_has_not_passed(past: Past) -> None:
    assert rules(STAGING.verify(running(), past)) == ["not-probed"]


@BOTH
def test_a_test_harms_nobody(step: StagingTest | SmokeTest) -> None:
    assert step.reversibility is Reversibility.FREE
    assert step.undo(NO_PAST) is None
    assert step.needs == ("new.proxy",)


@BOTH
def test_a_test_needs_a_proxy(step: StagingTest | SmokeTest) -> None:
    with pytest.raises(StepFailedError, match="there is no proxy adapter"):
        step.run(without(running(), "new", "proxy"), NO_PAST)


def test_titles_name_the_kind_of_test() -> None:
    assert STAGING.title == "Run a staging test of 2 probe(s) on the new cluster"
    assert SMOKE.title == "Run a smoke test of 2 probe(s) on the new cluster"


@pytest.mark.parametrize(
    ("schemes", "stops"), [(("http",), True), (("http", "https"), False), (("https",), False)]
)
def test_a_listener_that_was_not_given_is_told_before_anything_is_sent(
    schemes: tuple[str, ...], stops: bool
) -> None:
    proxy = HttpProxy(*(f"{scheme}://127.0.0.1:1" for scheme in schemes[:1]), tls_url=None)
    if len(schemes) > 1:
        proxy = attrs.evolve(proxy, tls_url="https://127.0.0.1:1")
    adapters = fake_adapters(a_world())
    adapters = attrs.evolve(adapters, current=attrs.evolve(adapters.current, proxy=proxy))
    probe = Probe(name="p", scheme="https", server_name="a.test")
    step = attrs.evolve(STAGING, probes=(), current_probes=(probe,))

    assert rules(step.check(adapters, NO_PAST)) == (["probe-without-listener"] if stops else [])
