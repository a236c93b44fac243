"""How far a run is can be told at every moment, from its journal alone."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs
import pytest

from kong_lts import execute, resume, roll_back
from kong_lts.errors import NotResumableError
from kong_lts.events import Event, StepStarted
from kong_lts.monitoring import WatchMetrics
from kong_lts.nodes import DoByHand
from kong_lts.planning import Plan
from kong_lts.progress import Progress, follow, progress_of
from kong_lts.run import Phase
from kong_lts.testing.fakes import FakeClock, FakeJournal, fake_adapters
from kong_lts.testing.simulation import World
from tests.worlds import a_plan, a_world


@attrs.define
class Told:
    """A journal of which one event more can be read at each look."""

    all_of_them: tuple[Event, ...]
    seen: int = 0

    def append(self, event: Event) -> None:
        raise NotImplementedError("nobody writes here")

    def events(self) -> tuple[Event, ...]:
        self.seen += 1
        return self.all_of_them[: max(0, self.seen)]


@pytest.fixture
def world() -> World:
    return a_world()


@pytest.fixture
def plan() -> Plan:
    return a_plan()


def ran(plan: Plan, world: World, *, approves: bool = True) -> FakeJournal:
    journal = FakeJournal()
    execute(plan, fake_adapters(world, approves=approves), journal=journal)
    return journal


def along(journal: FakeJournal, world: World) -> Iterator[Progress]:
    """How the run stood after each of its events."""
    events = journal.events()
    for count in range(1, len(events) + 1):
        yield progress_of(events[:count], world.now)


def test_it_goes_from_nothing_to_everything(plan: Plan, world: World) -> None:
    found = list(along(ran(plan, world), world))

    assert (found[0].done, found[0].steps, found[0].step) == (0, len(plan.steps), plan.steps[0].id)
    assert all(a.done <= b.done for a, b in itertools.pairwise(found))
    assert (found[-1].done, found[-1].step, found[-1].over) == (len(plan.steps), None, True)
    assert not any(one.over for one in found[:-1])


def test_what_a_person_or_the_metrics_hold_up_is_said(plan: Plan, world: World) -> None:
    found = {one.step: one.waits_for for one in along(ran(plan, world), world) if one.waits_for}

    assert found["watch-10"] == "what the metrics show"
    assert found["approve-100"].startswith("a person: Approve that 100%")
    by_hand = [step.id for step in plan.steps if isinstance(step, DoByHand)]
    assert by_hand
    assert all(found[step].startswith("a person: ") for step in by_hand)
    assert "migrations-up" not in found


def test_the_time_left_is_that_of_the_watches_at_least(plan: Plan, world: World) -> None:
    journal = ran(plan, world)
    watches = [s for s in plan.steps if isinstance(s, WatchMetrics) and not s.question]
    events = journal.events()
    at = next(
        n for n, e in enumerate(events) if isinstance(e, StepStarted) and e.step == "watch-10"
    )

    found = progress_of(
        events[: at + 1], datetime.fromisoformat(events[at].at) + timedelta(seconds=10)
    )

    assert found.left_s is not None
    assert found.left_s >= sum(step.watch_s for step in watches) - 10
    assert (found.quiet_s, found.phase) == (10, Phase.ACTING)


def test_nothing_is_said_of_the_time_left_before_a_step_is_done(plan: Plan, world: World) -> None:
    found = list(along(ran(plan, world), world))

    assert found[0].left_s is None
    assert found[-1].left_s is None


def test_a_stop_says_why_and_what_for(plan: Plan, world: World) -> None:
    journal = ran(plan, world, approves=False)

    found = progress_of(journal.events(), world.now)

    assert found.phase is Phase.STOPPED
    assert found.stands
    assert not found.over
    assert found.waits_for == "somebody resumes it or takes the way back"
    assert found.reason


def test_the_way_back_counts_what_is_taken_back(plan: Plan, world: World) -> None:
    journal = ran(plan, world)
    roll_back(journal, fake_adapters(world))

    found = list(along(journal, world))
    back = [one for one in found if one.phase in (Phase.GOING_BACK, Phase.UNDOING)]

    assert (back[0].done, back[0].steps) == (0, len(plan.steps))
    assert back[-1].done == back[-1].steps
    assert back[0].step == plan.steps[-1].id
    assert (found[-1].phase, found[-1].over) == (Phase.BACK, True)


def test_an_empty_journal_tells_nothing(world: World) -> None:
    with pytest.raises(NotResumableError):
        progress_of((), world.now)


def test_whoever_follows_sees_every_change_and_then_the_end(plan: Plan, world: World) -> None:
    journal = Told(ran(plan, world).events())

    found = list(follow(journal, clock=FakeClock(world), every_s=5))

    assert [one.events for one in found] == list(range(1, len(journal.all_of_them) + 1))
    assert found[-1].over


def test_he_waits_for_a_run_that_is_not_begun(plan: Plan, world: World) -> None:
    journal = Told(ran(plan, world).events(), seen=-5)
    before = world.now

    first = next(follow(journal, clock=FakeClock(world), every_s=5))

    assert first.events > 0
    assert world.now > before


def test_he_leaves_at_a_stop_unless_told_to_stay(plan: Plan, world: World) -> None:
    journal = ran(plan, world, approves=False)
    stopped = len(journal.events())
    resume(journal, fake_adapters(world))

    leaves = list(follow(Told(journal.events()), clock=FakeClock(world)))
    stays = list(follow(Told(journal.events()), clock=FakeClock(world), through_stops=True))

    assert (leaves[-1].events, leaves[-1].phase) == (stopped, Phase.STOPPED)
    assert stays[-1].over
