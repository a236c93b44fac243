"""Both clusters serve for so long and no longer, whatever the run waits for meanwhile."""

from datetime import datetime, timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.events import Diverted, Past, Watched, mixed_since
from kong_lts.execution import execute, resume
from kong_lts.monitoring import Gate, WatchMetrics, WindowEnd
from kong_lts.planning import Plan, Verdict, plan
from kong_lts.protocols import Decision, Instruction, Order, Question
from kong_lts.testing.fakes import FakeApprover, FakeJournal, fake_adapters
from kong_lts.testing.simulation import World
from kong_lts.traffic import RampStage
from tests.conftest import counted
from tests.monitoring.test_watch import LENIENT, WATCH, diverted
from tests.worlds import DUAL_CLUSTER, PROBES, SETTINGS, a_world, rules

DAY = attrs.evolve(WATCH, mixed_window_s=86400, gates=LENIENT)


def begun(world: World, ago_s: float) -> Past:
    """The first diversion, so many seconds ago."""
    at = (world.now - timedelta(seconds=ago_s)).isoformat()
    return {"divert-10": Diverted(new_percent=10, at=at)}


def watched(
    step: WatchMetrics, world: World, past: Past, approver: FakeApprover
) -> tuple[Watched, list[str]]:
    adapters = attrs.evolve(fake_adapters(world), approver=approver)
    outcome = step.run(adapters, past)
    return outcome, rules(step.verify(adapters, {**past, step.id: outcome}))


def test_within_the_window_nobody_is_asked() -> None:
    world, approver = diverted(), FakeApprover()

    outcome, found = watched(DAY, world, begun(world, 86400 - 61), approver)

    assert (found, approver.asked, outcome.watched_s) == ([], [], 60)


def test_at_its_end_somebody_is_asked_and_the_watch_goes_on_to_its_own() -> None:
    world, approver = diverted(), FakeApprover()

    outcome, found = watched(DAY, world, begun(world, 86400 - 25), approver)

    assert [question.title for question in approver.asked] == [
        "Both clusters have served for 86400 s, as long as the plan allows:"
        " watch 10% to the end of this stage"
    ]
    assert (found, outcome.watched_s, world.new_percent) == ([], 60, 10)


def test_while_nobody_answers_the_traffic_is_held_and_the_gates_are_watched() -> None:
    world, approver = diverted(), FakeApprover(thinks=20)

    outcome, _ = watched(DAY, world, begun(world, 86400), approver)

    assert outcome.watched_s == 210 + 10, "twenty looks without an answer, one with, and on"
    assert world.new_percent == 10


def test_a_fault_while_nobody_answers_leads_the_traffic_back() -> None:
    world = diverted()
    world.new.failing_percent = 50

    outcome, found = watched(DAY, world, begun(world, 86400), FakeApprover(thinks=10**6))

    assert (found, outcome.led_back_to_percent, world.new_percent) == (["gate-shut"], 0, 0)


def test_who_says_no_has_the_traffic_led_back() -> None:
    world = diverted()

    outcome, found = watched(DAY, world, begun(world, 86400), FakeApprover(approves=False))

    assert (found, world.new_percent) == (["ramp-aborted"], 0)
    assert outcome.answered_by == "a simulated person"


def test_where_it_is_told_so_the_traffic_is_led_back_without_a_question() -> None:
    world, approver = diverted(), FakeApprover()
    step = attrs.evolve(DAY, window_end=WindowEnd.ROLL_BACK)

    outcome, found = watched(step, world, begun(world, 86400 - 25), approver)

    assert (outcome.watched_s, world.new_percent, approver.asked) == (30, 0, [])
    assert found == ["ramp-aborted"]
    assert outcome.refused.startswith("Both clusters have served for 86400 s")


def test_it_ends_while_an_approval_is_waited_for_too() -> None:
    world = diverted()
    step = attrs.evolve(DAY, question="Go on?", window_end=WindowEnd.ROLL_BACK)

    outcome, found = watched(step, world, begun(world, 86000), FakeApprover(thinks=10**6))

    assert (found, outcome.watched_s, world.new_percent) == (["ramp-aborted"], 400, 0)


def test_whoever_is_asked_to_approve_is_told_that_the_window_is_over() -> None:
    world, approver = diverted(), FakeApprover()

    watched(attrs.evolve(DAY, question="Go on?"), world, begun(world, 86400), approver)

    assert [question.title for question in approver.asked] == [
        "Both clusters have served for 86400 s, as long as the plan allows. Go on?"
    ]


@pytest.mark.parametrize("percent", [0, 100, None])
def test_nobody_is_asked_where_one_cluster_serves_alone(percent: int | None) -> None:
    world, approver = diverted(percent or 0), FakeApprover()
    if percent == 0:
        world.new_percent = 1  # something must be seen
    step = attrs.evolve(DAY, share_percent=percent, gates=(), window_end=WindowEnd.ROLL_BACK)

    outcome, found = watched(step, world, begun(world, 10 * 86400), approver)

    assert (found, approver.asked, outcome.refused) == ([], [], "")


def test_the_window_begins_anew_where_the_traffic_had_been_led_back() -> None:
    world = diverted(0)
    past = begun(world, 10 * 86400)

    outcome, found = watched(
        attrs.evolve(DAY, window_end=WindowEnd.ROLL_BACK), world, past, FakeApprover()
    )

    assert (found, outcome.refused) == ([], "")
    assert outcome.diverted_at == (world.now - timedelta(seconds=60)).isoformat()
    assert mixed_since({**past, "watch": outcome}) == datetime.fromisoformat(outcome.diverted_at)


def test_only_the_first_share_begins_it() -> None:
    past: dict[str, Diverted] = {
        "divert-1": Diverted(new_percent=1, at="2026-01-01T10:00:00+00:00"),
        "divert-50": Diverted(new_percent=50, at="2026-01-01T11:00:00+00:00"),
        "divert-100": Diverted(new_percent=100, at="2026-01-01T09:00:00+00:00"),
        "old": Diverted(new_percent=1),
    }

    assert mixed_since(past) == datetime.fromisoformat("2026-01-01T10:00:00+00:00")
    assert mixed_since({}) is None
    assert mixed_since({"a": Diverted(new_percent=1, at="yesterday")}) is None


def planned(window_s: float, end: WindowEnd, bakes: tuple[float, ...]) -> Plan:
    """A ramp of three stages, the second and third of which are approved."""
    return plan(
        DUAL_CLUSTER,
        ramp=(
            RampStage(10, bakes[0]),
            RampStage(50, bakes[1], approval=True),
            RampStage(100, bakes[2], approval=True),
        ),
        gates=(Gate(max_more=0.5),),
        probes=PROBES,
        settings=attrs.evolve(SETTINGS, mixed_window_s=window_s, window_end=end),
    )


@attrs.define
class _Slow(FakeApprover):
    """Thinks long about the ramp only."""

    looks: int = 0

    def peek(self, question: Question) -> Decision | None:
        if self.looks:
            self.looks -= 1
            return None
        return self.ask(question)


@settings(max_examples=counted(60), deadline=None)
@given(
    window_s=st.floats(100, 3000),
    bakes=st.tuples(st.floats(10, 900), st.floats(10, 900), st.floats(10, 100)),
    looks=st.integers(0, 300),
)
def test_no_run_is_mixed_for_longer_than_it_may(
    window_s: float, bakes: tuple[float, ...], looks: int
) -> None:
    """Whatever is waited for: at the end of the window, and an interval, one side has it all."""
    made = planned(window_s, WindowEnd.ROLL_BACK, bakes)
    world = a_world()
    adapters = attrs.evolve(fake_adapters(world), approver=_Slow(looks=looks))

    run = execute(made, adapters, journal=FakeJournal())

    since = mixed_since(run.past)
    assert since is not None
    if run.verdict is Verdict.STOPPED:
        ended = world.now
        assert world.new_percent == 0
        assert "Both clusters have served for" in str(run.reason)
    else:
        assert run.verdict is Verdict.SUCCEEDED
        last = run.past["divert-100"]
        assert isinstance(last, Diverted)
        ended = datetime.fromisoformat(last.at)
    assert (ended - since).total_seconds() <= window_s + 10.1


@attrs.define
class _CancelledOnceApproved:
    """Somebody who stops the run after the approval of the second stage."""

    approver: FakeApprover
    gone: bool = False

    def instruction(self) -> Instruction:
        asked = any("50%" in question.title for question in self.approver.asked)
        if asked and not self.gone:
            return Instruction(order=Order.CANCEL, by="somebody")
        return Instruction(order=Order.GO_ON)


@pytest.mark.parametrize("end", WindowEnd)
def test_a_run_that_is_taken_up_too_late_gives_no_further_share_unasked(end: WindowEnd) -> None:
    world, journal, approver = a_world(), FakeJournal(), FakeApprover()
    control = _CancelledOnceApproved(approver)
    adapters = attrs.evolve(fake_adapters(world), approver=approver, control=control)
    paused = execute(planned(600, end, (60, 60, 60)), adapters, journal=journal)
    world.pass_time(10_000)
    control.gone = True

    run = resume(journal, adapters)

    assert (paused.verdict, paused.stopped_at) == (Verdict.STOPPED, "divert-50")
    if end is WindowEnd.ROLL_BACK:
        assert (run.stopped_at, rules(run.findings)[-1]) == ("divert-50", "mixed-window-over")
    else:
        assert run.verdict is Verdict.SUCCEEDED
        assert any(q.step == "watch-50" and "600 s" in q.title for q in approver.asked)


def test_by_default_both_may_serve_for_a_day() -> None:
    made = plan(DUAL_CLUSTER)

    watches = [step for step in made.steps if isinstance(step, WatchMetrics)]
    assert {(w.mixed_window_s, w.window_end) for w in watches if w.is_mixed} == {
        (86400.0, WindowEnd.ASK)
    }
    assert {w.mixed_window_s for w in watches if not w.is_mixed} == {None}
