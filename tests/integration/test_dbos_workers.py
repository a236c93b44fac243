"""Workers that are killed while they run plans; the real PostgreSQL is restarted meanwhile."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest

import kong_lts
from kong_lts.adapters.dbos_hold import Hold
from kong_lts.adapters.dbos_runs import DbosRuns
from kong_lts.adapters.dbos_store import RunStore
from kong_lts.events import RunEnded, RunStarted
from kong_lts.planning import Plan, Run, Verdict
from kong_lts.protocols import Decision
from kong_lts.testing.postgres_server import PostgresServer
from kong_lts.testing.simulation import World
from tests.conftest import ROOT, counted
from tests.integration.postgres_databases import Databases, databases_on
from tests.integration.stored_worlds import StoredWorld
from tests.interruptions import Stage
from tests.worlds import SETTINGS, a_plan, asking, world_of

WORKERS, KILLS, PLANS = 3, counted(50), max(3, counted(20))
YEAR_S = 365 * 24 * 3600
ENDS_WITHIN_S = 300.0
ONCE = ("migrations up", "migrations finish", "create", "restore")
"""What must not happen twice begins so."""
TIMELESS = attrs.evolve(SETTINGS, mixed_window_s=None)
"""For workers whose clocks are years apart: any end of the window would have come, and be asked
about."""
ZOE = Decision(approved=True, by="Zoë")


@attrs.define
class Site:
    """An engine on a server of its own, the worlds on another one, and worker processes."""

    engine: PostgresServer
    engine_url: str = attrs.field(repr=False)
    world_url: str = attrs.field(repr=False)
    folder: Path
    luck: random.Random
    workers: list[subprocess.Popen[bytes]] = attrs.Factory(list)
    started: int = 0

    def start_worker(self) -> None:
        """Under a name that a dead one had, or a new one; its clock may be years off."""
        self.started += 1
        name = f"worker-{self.luck.randrange(2 * WORKERS)}"
        ahead_s = self.luck.choice((-YEAR_S, 0, YEAR_S))
        with (self.folder / f"{self.started}.log").open("wb") as log:
            self.workers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.integration.dbos_worker", name, str(ahead_s)],
                    cwd=ROOT,
                    env={**os.environ, "ENGINE_URL": self.engine_url, "WORLD_URL": self.world_url},
                    stdout=log,
                    stderr=log,
                )
            )

    def kill_one(self) -> None:
        worker = self.workers.pop(self.luck.randrange(len(self.workers)))
        worker.kill()
        worker.wait()

    def kill_all(self) -> None:
        while self.workers:
            self.kill_one()

    def pause(self, most_s: float) -> None:
        time.sleep(self.luck.uniform(0, most_s))


@pytest.fixture
def databases(postgres: str) -> Iterator[Databases]:
    with databases_on(postgres) as made:
        yield made


@pytest.fixture
def site(databases: Databases, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        engine = stack.enter_context(PostgresServer.start())
        url = urlsplit(engine.create_database("engine"))
        site = Site(
            engine=engine,
            engine_url=url._replace(scheme="postgresql+psycopg").geturl(),
            world_url=databases.empty(),
            folder=tmp_path,
            luck=random.Random(7),
        )
        stack.callback(site.kill_all)
        yield site


def of_its_own(plan: Plan, name: str) -> Plan:
    return attrs.evolve(plan, deployment=attrs.evolve(plan.deployment, name=name))


def outcome(world: World) -> dict[str, object]:
    """The end state, without what only says how long it took."""
    return {
        "running": (world.current.running, world.new.running),
        "versions": (world.current.version, world.new.version),
        "databases": [
            (database.name, database.exists, database.state, database.rows, database.guarded)
            for database in (world.current.database, world.new.database)
        ],
        "new_percent": world.new_percent,
        "lost": world.lost_requests,
    }


def test_whatever_is_killed_each_plan_ends_once_and_as_if_nothing_had_been(site: Site) -> None:
    plan, undisturbed = a_plan(settings=TIMELESS), Stage()
    undisturbed.execute()
    plans = {f"shop-{number}": of_its_own(plan, f"shop-{number}") for number in range(PLANS)}
    worlds = {name: StoredWorld(site.world_url, name) for name in plans}
    with DbosRuns.open(site.engine_url) as runs:
        for name, each in plans.items():
            worlds[name].put(world_of(plan))
            runs.execute(each, run=name)
        disturb(site, runs, plan, list(plans))
        found = {name: runs.wait(name, timeout_s=ENDS_WITHIN_S) for name in plans}

    for name, run in found.items():
        ended_once(run, worlds[name].get())
        assert outcome(worlds[name].get()) == outcome(undisturbed.world)


def disturb(site: Site, runs: DbosRuns, plan: Plan, names: list[str]) -> None:
    """Kill workers, restart the engine's database in the middle, answer while nobody is there."""
    for _ in range(WORKERS):
        site.start_worker()
    for number in range(KILLS):
        site.pause(3.0)
        site.kill_one()
        site.start_worker()
        if number == KILLS // 2:
            site.engine.restart()
            site.kill_all()
            for name in names:
                answer(runs, plan, name)
            for _ in range(WORKERS):
                site.start_worker()


def answer(runs: DbosRuns, plan: Plan, name: str) -> None:
    for step in asking(plan):
        runs.decide(name, step, ZOE)


def ended_once(run: Run, world: World) -> None:
    kinds = Counter(type(event) for event in run.events)
    assert run.verdict is Verdict.SUCCEEDED, run.reason
    assert (kinds[RunStarted], kinds[RunEnded]) == (1, 1)
    effects = Counter(effect for effect in world.effects if effect.startswith(ONCE))
    assert set(effects.values()) == {1}, effects


def test_a_run_of_another_process_is_followed_live(site: Site) -> None:
    plan, told = of_its_own(a_plan(), "shop"), []
    StoredWorld(site.world_url, "shop").put(world_of(plan))
    with DbosRuns.open(site.engine_url) as runs:
        runs.execute(plan, run="shop")
        site.start_worker()
        for progress in kong_lts.follow(runs.journal("shop"), every_s=0.1):
            told.append(progress)
            if progress.waits_for and not any(p.waits_for for p in told[:-1]):
                answer(runs, plan, "shop")

    assert any(progress.waits_for for progress in told)
    assert told[-1].over
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert told[-1].done == told[-1].steps == len(plan.steps)


def test_a_restart_of_the_server_takes_no_run_from_a_worker_that_lives(site: Site) -> None:
    """The session that holds the run is gone with it, and is made anew before another one may."""
    holder, other = RunStore.open(site.engine_url), RunStore.open(site.engine_url)
    hold = until_held(holder, "one")

    site.engine.restart()
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        assert other.hold("one") is None
        time.sleep(0.3)
    hold.release()

    until_held(other, "one").release()


def until_held(store: RunStore, run: str) -> Hold:
    deadline = time.monotonic() + 30
    while (hold := store.hold(run)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return hold
