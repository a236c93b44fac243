"""The run as a pure state machine: its table is all that can happen, and all of it does happen."""

import itertools
from collections.abc import Iterator
from typing import get_args

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.deployment import Side
from kong_lts.errors import FormatError, NotResumableError
from kong_lts.events import (
    Done,
    Event,
    Heartbeat,
    PlanOutdated,
    RollbackEnded,
    RollbackStarted,
    RunCancelled,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StepChecked,
    StepDone,
    StepFailed,
    StepFound,
    StepRetried,
    StepStarted,
    StepVerified,
    UndoDone,
    UndoFailed,
    UndoStarted,
)
from kong_lts.findings import Finding, Severity
from kong_lts.nodes import DoByHand
from kong_lts.planning import Plan, Verdict
from kong_lts.protocols import Order
from kong_lts.run import BLOCKED, TRANSITIONS, Command, Phase, RunState, replay
from kong_lts.testing.simulation import Fault
from tests.conftest import counted
from tests.interruptions import Stage, attempt, cut_at_each_event, cut_at_each_touch
from tests.worlds import AT, a_plan

PLAN = a_plan()
SHORT = attrs.evolve(PLAN, steps=PLAN.steps[:10])
SHORT_JSON = SHORT.to_json()
FIRST, SECOND = PLAN.steps[0].id, PLAN.steps[1].id
SAMPLES: dict[type, Event] = {
    type(event): event
    for event in (
        RunStarted(at=AT, plan=PLAN.to_json(), owner="me"),
        RunResumed(at=AT, owner="me"),
        StepChecked(at=AT, step=FIRST),
        StepStarted(at=AT, step=FIRST),
        StepDone(at=AT, step=FIRST, outcome=Done()),
        StepVerified(at=AT, step=FIRST),
        StepFailed(at=AT, step=FIRST, reason="it did not"),
        StepFound(at=AT, step=FIRST, happened=True),
        StepRetried(at=AT, step=FIRST, reason="it did not"),
        Heartbeat(at=AT, step=FIRST),
        PlanOutdated(at=AT, step=FIRST, reason="a test failed"),
        RunPaused(at=AT, reason="paused by me"),
        RunCancelled(at=AT, reason="cancelled by me"),
        RollbackStarted(at=AT, owner="me", reason="asked for"),
        UndoStarted(at=AT, step=FIRST),
        UndoDone(at=AT, step=FIRST),
        UndoFailed(at=AT, step=FIRST, reason="it did not"),
        RunEnded(at=AT),
        RollbackEnded(at=AT),
    )
}
"""One event of each kind, all about the first step."""

PAIRS = [(phase, kind) for phase in Phase for kind in get_args(Event)]
ONLY_ON_PAPER: set[tuple[Phase, type[object]]] = {
    # The look after an interruption swallows its own failure: what is not seen did not happen.
    (Phase.INSPECTING, StepFailed),
    # A step of the first ten waits nowhere long enough to be seen alive.
    *((phase, Heartbeat) for phase in Phase if (phase, Heartbeat) in TRANSITIONS),
}
"""Transitions that no driver of this library takes, and why."""

BLOCKER = Finding(
    rule="a-rule",
    severity=Severity.BLOCKER,
    subject="step",
    message="It is in the way.",
    action="Mend it.",
    source="a guide",
)


def named(value: object) -> str:
    return value.__name__ if isinstance(value, type) else str(value)


def state(phase: Phase, *, at: int = 0, begun: tuple[str, ...] = (FIRST,)) -> RunState:
    return RunState(plan=PLAN, phase=phase, at=at, begun=begun)


def may_come(state: RunState, event: Event) -> bool:
    """Whether an event of the samples, which are all about the first step, may come next."""
    if isinstance(event, UndoStarted | UndoDone | UndoFailed) and state.begun != (FIRST,):
        return False
    return (state.phase, type(event)) in TRANSITIONS and state.at == 0


def fold(*events: Event) -> RunState:
    return replay((SAMPLES[RunStarted], *events))


# --- the table ----------------------------------------------------------------------------------


def test_there_is_a_sample_of_every_event() -> None:
    assert set(SAMPLES) == set(get_args(Event))


@pytest.mark.parametrize(
    ("phase", "kind"), [pair for pair in PAIRS if pair not in TRANSITIONS], ids=named
)
def test_an_event_that_the_table_does_not_have_is_refused(phase: Phase, kind: type[Event]) -> None:
    with pytest.raises(NotResumableError, match=f"{kind.__name__} cannot come while a run is"):
        state(phase).apply(SAMPLES[kind])


@pytest.mark.parametrize(("phase", "kind"), TRANSITIONS.keys(), ids=named)
def test_an_event_leads_where_the_table_says(phase: Phase, kind: type[Event]) -> None:
    assert state(phase).apply(SAMPLES[kind]).phase is TRANSITIONS[phase, kind]


@pytest.mark.parametrize(
    ("phase", "kind"),
    [pair for pair in TRANSITIONS if hasattr(SAMPLES[pair[1]], "step")],
    ids=named,
)
def test_an_event_about_another_step_is_refused(phase: Phase, kind: type[Event]) -> None:
    another = state(phase, at=1, begun=(FIRST, SECOND))

    with pytest.raises(
        NotResumableError, match=f"is about step {FIRST}, and the run is at {SECOND}"
    ):
        another.apply(SAMPLES[kind])


def test_nothing_is_taken_back_that_was_never_begun() -> None:
    with pytest.raises(NotResumableError, match=f"is about step {FIRST}, and the run is at None"):
        state(Phase.GOING_BACK, begun=()).apply(SAMPLES[UndoStarted])


@pytest.mark.parametrize(("phase", "kind"), BLOCKED, ids=named)
def test_a_look_that_finds_a_blocker_has_another_way_in_the_table(
    phase: Phase, kind: type[Event]
) -> None:
    event = SAMPLES[kind]
    assert isinstance(event, StepChecked | StepVerified)
    event = attrs.evolve(event, findings=(BLOCKER,))

    assert state(phase).apply(event).phase is BLOCKED[phase, kind]


def test_every_look_of_the_table_has_a_way_for_a_blocker() -> None:
    looks = {pair for pair in TRANSITIONS if pair[1] in (StepChecked, StepVerified)}

    assert set(BLOCKED) == looks


def test_every_phase_but_the_first_is_reached_and_all_but_the_last_are_left() -> None:
    assert set(TRANSITIONS.values()) == set(Phase) - {Phase.NEW}
    assert {phase for phase, _ in TRANSITIONS} == set(Phase) - {Phase.BACK}


def test_every_transition_is_taken_by_some_interrupted_run() -> None:
    taken: set[tuple[Phase, type]] = set()

    for journal in journals():
        where = RunState(plan=plan_of(journal))
        for event in journal:
            taken.add((where.phase, type(event)))
            where = where.apply(event)

    assert set(TRANSITIONS) - taken == ONLY_ON_PAPER


def plan_of(journal: tuple[Event, ...]) -> Plan:
    first = journal[0]
    assert isinstance(first, RunStarted)
    return SHORT if first.plan == SHORT_JSON else Plan.from_json(first.plan)


def journals() -> Iterator[tuple[Event, ...]]:
    """Journals of runs that broke off, and broke off again on each way out of that."""
    yield from held_up()
    for way_out in (resumed, looked_at_in_vain, rolled_back_meanwhile, rolled_back, stuck):
        for _, stage in (
            *cut_at_each_event(SHORT, Fault.KILLED_AFTER),
            *cut_at_each_touch(SHORT, Fault.FAILS_BEFORE),
        ):
            if stage.journal.events():
                way_out(stage)
                yield stage.journal.events()


def held_up() -> Iterator[tuple[Event, ...]]:
    """Journals of runs that somebody paused or cancelled, or whose test failed."""
    told = ([Order.PAUSE], [Order.CANCEL], [Order.PAUSE, Order.CANCEL])
    for steps, orders, kill in itertools.product((0, 1), told, (False, True)):
        stage = Stage(SHORT, orders=[*[Order.GO_ON] * steps, *orders])
        if kill:
            stage.break_at_event(1 + 4 * steps, Fault.KILLED_AFTER)
        attempt(stage, stage.execute)
        if kill:
            attempt(stage, stage.resume if steps else stage.roll_back)
        yield stage.journal.events()
    paused = Stage(SHORT, orders=[Order.PAUSE])
    paused.break_at_event(1, Fault.KILLED_AFTER)
    attempt(paused, paused.execute)
    attempt(paused, paused.roll_back)
    yield paused.journal.events()
    yield from after_a_failed_test()
    yield from tried_again()


def after_a_failed_test() -> Iterator[tuple[Event, ...]]:
    test = DoByHand(
        id="test",
        guide="a guide",
        side=Side.NEW,
        what="Test it",
        instructions="All of it.",
        leads_back_to="evaluate",
    )
    stage = Stage(attrs.evolve(SHORT, steps=(*SHORT.steps[:1], test)))
    stage.execute(approves=False)
    stage.roll_back()
    yield stage.journal.events()


def tried_again() -> Iterator[tuple[Event, ...]]:
    """The journal of a run whose step failed in passing."""
    stage = Stage(attrs.evolve(SHORT, steps=(PLAN.step("divert-10"),)))
    stage.journal.world, stage.journal.strikes_at = stage.world, "divert-10"
    stage.journal.fault = Fault.FAILS_BEFORE
    stage.execute()
    yield stage.journal.events()


def resumed(stage: Stage) -> None:
    for more in range(3):
        stage.break_after(more)
        attempt(stage, stage.resume)
    attempt(stage, stage.resume)


def looked_at_in_vain(stage: Stage) -> None:
    for touch in range(3):
        stage.break_at_touch(touch, Fault.FAILS_BEFORE)
        attempt(stage, stage.resume)


def rolled_back_meanwhile(stage: Stage) -> None:
    stage.break_after(0)
    attempt(stage, stage.resume)
    attempt(stage, stage.roll_back)


def rolled_back(stage: Stage) -> None:
    for more in range(3):
        stage.break_after(more)
        attempt(stage, stage.roll_back)
    attempt(stage, stage.roll_back)


def stuck(stage: Stage) -> None:
    stage.break_at_touch(0, Fault.FAILS_BEFORE)
    attempt(stage, stage.roll_back)
    attempt(stage, stage.roll_back)


# --- what a run is at ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "phase", "command", "at"),
    [
        ((), Phase.CHECKING, Command.CHECK, 0),
        ((StepChecked,), Phase.READY, Command.ACT, 0),
        ((StepChecked, StepStarted), Phase.ACTING, Command.WAIT, 0),
        ((StepChecked, StepStarted, StepDone), Phase.VERIFYING, Command.VERIFY, 0),
        ((StepChecked, StepStarted, StepDone, StepVerified), Phase.BETWEEN, Command.CHECK, 1),
        ((StepChecked, StepStarted, StepFailed), Phase.STOPPED, Command.WAIT, 0),
        ((StepChecked, StepStarted, RunResumed), Phase.INSPECTING, Command.INSPECT, 0),
        ((StepChecked, RunResumed), Phase.CHECKING, Command.CHECK, 0),
        ((StepFailed, RunResumed), Phase.CHECKING, Command.CHECK, 0),
        ((StepFailed, RollbackStarted), Phase.GOING_BACK, Command.END_ROLLBACK, 0),
        ((StepChecked, StepStarted, RollbackStarted), Phase.GOING_BACK, Command.UNDO, 0),
    ],
    ids=named,
)
def test_the_events_so_far_tell_what_comes_next(
    events: tuple[type, ...], phase: Phase, command: Command, at: int
) -> None:
    found = fold(*(SAMPLES[kind] for kind in events))

    assert (found.phase, found.command, found.at) == (phase, command, at)


def test_after_the_last_step_the_run_ends() -> None:
    found = state(Phase.BETWEEN, at=len(PLAN.steps))

    assert (found.step_id, found.command) == (None, Command.END)
    assert found.apply(SAMPLES[RunEnded]).phase is Phase.DONE


@pytest.mark.parametrize("kind", [StepChecked, StepVerified])
def test_a_blocker_stops_the_run_and_a_warning_does_not(kind: type) -> None:
    before = state(Phase.CHECKING if kind is StepChecked else Phase.VERIFYING)
    warning = attrs.evolve(BLOCKER, severity=Severity.WARNING)
    event = SAMPLES[kind]
    assert isinstance(event, StepChecked | StepVerified)

    stopped = before.apply(attrs.evolve(event, findings=(warning, BLOCKER)))
    goes_on = before.apply(attrs.evolve(event, findings=(warning,)))

    assert (stopped.phase, stopped.reason) == (Phase.STOPPED, "It is in the way.")
    assert stopped.findings == (warning, BLOCKER)
    assert (stopped.at, goes_on.at) == (0, int(kind is StepVerified))
    assert goes_on.phase is TRANSITIONS[before.phase, kind]
    assert goes_on.findings == (warning,)


def test_a_step_that_is_begun_twice_is_taken_back_once() -> None:
    begun = fold(SAMPLES[StepChecked], SAMPLES[StepStarted], SAMPLES[StepFailed])
    again = begun.apply(SAMPLES[RunResumed]).apply(SAMPLES[StepFound]).apply(SAMPLES[StepChecked])

    assert again.apply(SAMPLES[StepStarted]).begun == (FIRST,)


def test_steps_are_taken_back_from_the_last_one() -> None:
    back = state(Phase.GOING_BACK, at=1, begun=(FIRST, SECOND))

    after = back.apply(UndoStarted(at=AT, step=SECOND)).apply(UndoDone(at=AT, step=SECOND))

    assert after.begun == (FIRST,)


def test_an_outcome_is_handed_on() -> None:
    found = fold(SAMPLES[StepChecked], SAMPLES[StepStarted], SAMPLES[StepDone])

    assert found.past == {FIRST: Done()}


def test_what_is_resumed_has_no_reason_to_stand_any_more() -> None:
    assert fold(SAMPLES[StepFailed]).reason == "it did not"
    assert fold(SAMPLES[StepFailed], SAMPLES[RunResumed]).reason is None


@settings(max_examples=counted(1000))
@given(data=st.data())
def test_whatever_may_come_a_state_stays_in_the_table(data: st.DataObject) -> None:
    """A random walk: no event of the table breaks a state, whichever came before it."""
    found = fold()
    for _ in range(data.draw(st.integers(0, 30))):
        events = [event for event in SAMPLES.values() if may_come(found, event)]
        if not events:
            break
        found = found.apply(data.draw(st.sampled_from(events)))

    assert isinstance(found.command, Command)
    assert len(set(found.begun)) == len(found.begun)
    assert (found.as_run(()).stopped_at is None) == (found.phase in (Phase.DONE, Phase.BACK))


# --- what a run looks like ----------------------------------------------------------------------


@pytest.mark.parametrize("phase", list(Phase))
def test_a_verdict_tells_how_a_run_stands(phase: Phase) -> None:
    verdicts = {
        Phase.DONE: Verdict.SUCCEEDED,
        Phase.BACK: Verdict.ROLLED_BACK,
        Phase.GOING_BACK: Verdict.ROLLBACK_FAILED,
        Phase.UNDOING: Verdict.ROLLBACK_FAILED,
        Phase.STUCK: Verdict.ROLLBACK_FAILED,
    }

    run = attrs.evolve(state(phase), reason="a reason").as_run(())

    assert run.verdict is verdicts.get(phase, Verdict.STOPPED)
    assert run.ok is (phase is Phase.DONE)
    assert (run.reason is None) is (phase in (Phase.DONE, Phase.BACK))


def test_a_rollback_that_is_stuck_stands_at_the_step_it_could_not_take_back() -> None:
    stuck = state(Phase.STUCK, at=5, begun=(FIRST, SECOND))

    assert stuck.as_run(()).stopped_at == SECOND


# --- replaying ----------------------------------------------------------------------------------


def test_an_empty_journal_holds_no_run() -> None:
    with pytest.raises(NotResumableError, match="The journal is empty"):
        replay(())


def test_a_journal_begins_with_its_plan() -> None:
    with pytest.raises(NotResumableError, match="no run was started in it"):
        replay((SAMPLES[StepChecked], SAMPLES[RunStarted]))


def test_a_journal_has_one_run() -> None:
    with pytest.raises(NotResumableError, match="RunStarted cannot come while a run is checking"):
        fold(SAMPLES[RunStarted])


def test_a_plan_that_cannot_be_read_is_no_run() -> None:
    with pytest.raises(FormatError, match="not a plan"):
        replay((RunStarted(at=AT, plan='{"format_version": 1}', owner="me"),))


def test_a_replayed_run_has_the_plan_that_was_started() -> None:
    assert fold().plan == PLAN
