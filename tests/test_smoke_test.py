"""Probes are sent all of them, and every answer has to be the expected one."""

import attrs
import pytest

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


def answering(status: int, body: str = "") -> Adapters:
    adapters = fake_adapters(a_world())
    proxy = _Answers(Answer(status=status, body=body))
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
    assert first.message == "root: expected 200, got send root: connection refused."
    assert second.rule == "probe-failed"


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
    adapters = answering(status, body)

    outcome = step.run(adapters, NO_PAST)

    assert [result.passed for result in outcome.results] == [passed]
    assert rules(step.verify(adapters, {step.id: outcome})) == ([] if passed else ["probe-failed"])


def test_a_body_is_not_repeated() -> None:
    outcome = STAGING.run(answering(200, "S3CR3T-marked"), NO_PAST)

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
