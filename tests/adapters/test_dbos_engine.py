"""Runs on DBOS, on SQLite: the contract of every engine, and what this one promises beyond it."""

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import attrs
import pytest

from kong_lts.adapters.dbos_engine import DbosWorker
from kong_lts.adapters.dbos_people import ToldApprover, answer
from kong_lts.adapters.dbos_runs import DbosRuns
from kong_lts.adapters.dbos_store import RunStore
from kong_lts.adapters.system import SystemClock
from kong_lts.errors import JournalError, LockHeldError, NotResumableError, RunRefusedError
from kong_lts.events import Event, RunResumed, RunStarted, StepFailed
from kong_lts.planning import Plan, Run, Verdict
from kong_lts.protocols import Adapters, Clock, Decision, Instruction, Journal, Order, Question
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import World
from tests.contracts.engine import Engine, EngineContract, Make
from tests.contracts.journal import EVENTS, JournalContract
from tests.worlds import a_plan, asking, world_of

WAIT_S = 60.0
PLAN = a_plan()
ASKING = asking(PLAN)
YES, NO = (Decision(approved=said, by="Zoë", note="line 1\nline 2") for said in (True, False))


@attrs.frozen
class SlowClock:
    """That of a world, which takes a moment."""

    inner: Clock

    def now(self) -> datetime:
        return self.inner.now()

    def sleep(self, duration_s: float) -> None:
        SystemClock().sleep(0.002)
        self.inner.sleep(duration_s)


@attrs.define
class Site:
    """One engine's database, and the worlds that its runs are in."""

    runs: DbosRuns
    url: str
    slow: bool = False
    """Whether whoever waits really does."""
    worlds: dict[str, World] = attrs.Factory(dict)
    names: Iterator[str] = attrs.Factory(lambda: (f"run {n}" for n in itertools.count()))

    def adapters_of(self, plan: Plan) -> Adapters:
        """The world of a plan is known by the name of its deployment."""
        adapters = fake_adapters(self.worlds[plan.deployment.name])
        clock = SlowClock(adapters.clock) if self.slow else adapters.clock
        return attrs.evolve(adapters, clock=clock)

    def worker(self, name: str = "worker 1") -> DbosWorker:
        return DbosWorker(url=self.url, adapters_of=self.adapters_of, name=name)

    def new(self, plan: Plan = PLAN, world: World | None = None) -> "OnDbos":
        """A run of its own."""
        name = next(self.names)
        named = attrs.evolve(plan, deployment=attrs.evolve(plan.deployment, name=name))
        self.worlds[name] = world or world_of(plan)
        return OnDbos(self.runs, named, name)


@attrs.define
class OnDbos:
    """A run that a worker drives."""

    runs: DbosRuns
    plan: Plan
    name: str

    def execute(self, *, approves: bool = True) -> Run:
        self.answer(YES if approves else NO)
        self.runs.execute(self.plan, run=self.name)
        return self.wait()

    def resume(self, *, approves: bool = True) -> Run:
        self.answer(YES if approves else NO)
        self.runs.resume(self.name)
        return self.wait()

    def roll_back(self) -> Run:
        self.runs.roll_back(self.name)
        return self.wait()

    def order(self, order: Order) -> None:
        self.runs.instruct(self.name, Instruction(order=order, by="Zoë"))

    def events(self) -> tuple[Event, ...]:
        return self.runs.journal(self.name).events()

    def answer(self, decision: Decision) -> None:
        """Whatever is asked; a no ends the asking."""
        for step in ASKING if decision.approved else ASKING[:1]:
            self.runs.decide(self.name, step, decision)

    def wait(self) -> Run:
        return self.runs.wait(self.name, timeout_s=WAIT_S)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    url = f"sqlite:///{tmp_path_factory.mktemp('dbos') / 'engine.sqlite'}"
    with DbosRuns.open(url) as runs:
        yield Site(runs, url)


@pytest.fixture(scope="class")
def worked(site: Site) -> Iterator[Site]:
    """The same, with a worker that lives."""
    with site.worker():
        yield site


class TestDbosEngine(EngineContract):
    @pytest.fixture
    def make(self, worked: Site) -> Make:
        def make(plan: Plan, world: World) -> Engine:
            return worked.new(plan, world)

        return make

    def test_asking_twice_runs_a_plan_once(self, worked: Site) -> None:
        run = worked.new()
        run.answer(YES)

        for _ in range(2):
            run.runs.execute(run.plan, run=run.name)

        assert run.wait().verdict is Verdict.SUCCEEDED
        assert sum(isinstance(event, RunStarted) for event in run.events()) == 1

    def test_a_process_has_one_worker(self, worked: Site) -> None:
        with pytest.raises(JournalError, match="has a worker already"):
            worked.worker("another").start()


class TestStoredJournal(JournalContract):
    @pytest.fixture
    def open_journal(self, site: Site) -> Callable[[], Journal]:
        name = next(site.names)
        return lambda: site.runs.journal(name)


def test_what_another_worker_wrote_is_never_overwritten(site: Site) -> None:
    name = next(site.names)
    first, second = site.runs.journal(name), site.runs.journal(name)
    first.append(EVENTS[0])
    second.events()
    first.append(EVENTS[1])

    with pytest.raises(LockHeldError):
        second.append(EVENTS[2])

    assert first.events() == EVENTS[:2]


def test_a_message_waits_for_its_reader_and_keeps_its_order(site: Site) -> None:
    name = next(site.names)
    store = RunStore.open(site.url)
    for text in ("first", "second \U0001f600"):
        store.tell(name, "topic", text)

    assert site.runs.store.told(name, "topic") == ("first", "second \U0001f600")
    assert site.runs.store.told(name, "another") == ()
    store.close()


@attrs.frozen
class Untroubled:
    """Nobody wants anything of the run."""

    def instruction(self) -> Instruction:
        return Instruction()


FAILED = StepFailed(at="2026-01-01T00:00:00+00:00", step="watch", reason="no")
QUESTION = Question(step="watch", title="Go on?", instructions="Look.")


def approver_of(store: RunStore, run: str) -> ToldApprover:
    """As a worker makes one when it takes the run up."""
    return ToldApprover(store=store, run=run, clock=SystemClock(), control=Untroubled())


def test_an_answer_that_a_dead_worker_had_taken_counts_for_the_next_one(site: Site) -> None:
    store, run = site.runs.store, next(site.names)
    answer(store, run, "watch", YES)

    assert approver_of(store, run).peek(QUESTION) == YES
    after = approver_of(store, run)

    assert after.peek(QUESTION) == YES
    assert after.peek(QUESTION) is None


def test_an_answer_of_which_something_came_does_not_count_again(site: Site) -> None:
    store, run = site.runs.store, next(site.names)
    answer(store, run, "watch", NO)
    assert approver_of(store, run).peek(QUESTION) == NO
    store.journal(run).append(FAILED)

    assert approver_of(store, run).peek(QUESTION) is None
    answer(store, run, "watch", YES)

    assert approver_of(store, run).peek(QUESTION) == YES


def test_an_answer_that_was_given_again_does_not_hide_the_next_one(site: Site) -> None:
    store, run = site.runs.store, next(site.names)
    answer(store, run, "watch", NO)
    approver_of(store, run).peek(QUESTION)
    after = approver_of(store, run)
    assert after.peek(QUESTION) == NO
    store.journal(run).append(FAILED)

    answer(store, run, "watch", YES)

    assert approver_of(store, run).peek(QUESTION) == YES


def test_a_run_is_held_by_one_and_free_after_it(site: Site) -> None:
    name = next(site.names)
    store = site.runs.store
    held = store.hold(name)
    assert held is not None

    assert store.hold(name) is None
    other = store.hold(next(site.names))
    assert other is not None
    held.release()
    other.release()

    again = store.hold(name)
    assert again is not None
    again.release()


def test_a_run_that_nobody_started_is_none(site: Site) -> None:
    with pytest.raises(NotResumableError, match="no run nowhere"):
        site.runs.wait("nowhere", timeout_s=1)


@pytest.mark.parametrize("name", ["", "a#b"])
def test_a_name_that_does_not_do_is_refused(site: Site, name: str) -> None:
    with pytest.raises(RunRefusedError, match="needs a name"):
        site.runs.execute(PLAN, run=name)


def test_a_run_that_no_worker_took_is_under_way(tmp_path: Path) -> None:
    with DbosRuns.open(f"sqlite:///{tmp_path}/engine.sqlite") as runs:
        runs.execute(PLAN, run="one")

        with pytest.raises(RunRefusedError, match="still under way after 0 s"):
            runs.wait("one", timeout_s=0)


@pytest.mark.parametrize("url", ["nonsense", "oracle://u:s3cr3t@h/d", "sqlite:////no/where/x"])
def test_a_database_out_of_reach_is_an_error_without_a_secret(url: str) -> None:
    with pytest.raises(JournalError) as raised:
        RunStore.open(url)

    assert "s3cr3t" not in str(raised.value)


def test_no_secret_is_shown() -> None:
    url = "postgresql+psycopg://kong:s3cr3t@h/d"

    assert "s3cr3t" not in repr(DbosWorker(url=url, adapters_of=lambda _: fake(), name="w"))


def fake() -> Adapters:
    return fake_adapters(world_of(PLAN))


def test_answers_and_runs_wait_for_a_worker_and_a_worker_that_leaves_is_replaced(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/engine.sqlite"
    with DbosRuns.open(url) as runs:
        site = Site(runs, url, slow=True)
        run = site.new()
        runs.execute(run.plan, run=run.name)
        with site.worker("first"):
            wait_until(lambda: last_step(run) == ASKING[0])
        assert last_step(run) == ASKING[0]  # it left while it waited
        run.answer(YES)  # while no worker lives
        with site.worker("second"):
            assert run.wait().verdict is Verdict.SUCCEEDED

    owners = [event.owner for event in run.events() if isinstance(event, RunStarted | RunResumed)]
    assert owners == ["first", "second"]


def last_step(run: OnDbos) -> str | None:
    steps = [getattr(event, "step", None) for event in run.events()]
    return steps[-1] if steps else None


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
