"""A real dual-cluster run on a real PostgreSQL, ended by SIGKILL again and again, and resumed."""

import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import psycopg
import pytest
from psycopg import sql

import kong_lts
from kong_lts import catalog
from kong_lts.adapters import PostgresDatabase, PostgresWriteGuard, SqliteJournal
from kong_lts.deployment import Side
from kong_lts.events import RunEnded, StepDone
from kong_lts.run import replay
from kong_lts.schema import SchemaState, schema_state
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.traffic import Clients, MemoryLoadBalancer
from tests.conftest import counted
from tests.integration.gateways import Gateways
from tests.integration.killed_run import READY
from tests.integration.postgres_databases import Databases

ROOT = Path(__file__).parents[2]
KILLS = counted(100)
KILLS_OF_A_RUN = 10
"""At most; then it is left alone until its end."""
SEED = 28_34
ENDS_WITHIN_S = 120.0
TRIES = 3
"""A run that stops by itself, since what a kill left is not over yet, is taken up again."""
DEPLOYMENT = attrs.evolve(
    ALL["traditional-dual-cluster"],
    current=kong_lts.Cluster(
        version=kong_lts.KongVersion.parse("2.8.5"), nodes=(kong_lts.Node(name="gw-1"),)
    ),
    new=kong_lts.Cluster(
        version=kong_lts.KongVersion.parse("3.4.2"), nodes=(kong_lts.Node(name="new-1"),)
    ),
)


@attrs.define
class Site:
    """Both clusters, a plan, and whoever runs it in a process of its own."""

    folder: Path
    gateways: Gateways
    kills: int = 0
    lasted_s: float = 0.0
    """Of the longest run that was left alone."""
    struck: list[tuple[str, str]] = attrs.Factory(list)
    """The step that each kill struck, and the last event before it."""

    def begin(self) -> subprocess.Popen[str]:
        """A process that is about to go on with the run."""
        urls = {str(side): url for side, url in self.gateways.urls.items()}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.killed_run", str(self.folder)],
            cwd=ROOT,
            env={**os.environ, "KILLED_RUN": json.dumps(urls)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            if line.strip() == READY:
                return process
            said.append(line)
        pytest.fail("".join(said))

    def go_on(self) -> str:
        """Let the run go to its end; returns what it says."""
        begun = time.monotonic()
        with self.begin() as process:
            said, _ = process.communicate(timeout=ENDS_WITHIN_S)
        self.lasted_s = max(self.lasted_s, time.monotonic() - begun)
        return said

    def kill_after(self, seconds: float) -> int:
        """Go on, and be killed; returns the status, 0 if the run had ended well by then."""
        with self.begin() as process:
            try:
                process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
        if process.returncode == -signal.SIGKILL:
            self.kills += 1
            self.struck.append(self.place())
        return process.returncode

    def has_ended(self) -> bool:
        """Whether the last kill struck when all was done, and only the word of it was missing."""
        events = SqliteJournal(self.folder / "journal.sqlite").events()
        return bool(events) and isinstance(events[-1], RunEnded)

    def place(self) -> tuple[str, str]:
        """Where the run of the journal stands."""
        events = SqliteJournal(self.folder / "journal.sqlite").events()
        if not events:
            return "", ""
        return replay(events).step_id or "", type(events[-1]).__name__

    def new_rows(self) -> dict[str, list[str]]:
        """By table, without `updated_at`: the migration gives rows the time at which it ran."""
        url = self.gateways.urls[Side.NEW]
        runtime = catalog.migrations().runtime_tables
        tables = [t for t in PostgresDatabase.at(url).facts().tables if t not in runtime]
        with psycopg.connect(url) as connection:
            return {table: rows_of(connection, table) for table in sorted(tables)}


def rows_of(connection: psycopg.Connection[tuple[str]], table: str) -> list[str]:
    query = sql.SQL("SELECT (to_jsonb(t) - 'updated_at')::text FROM {} t").format(
        sql.Identifier(table)
    )
    return sorted(row for (row,) in connection.execute(query))


@contextlib.contextmanager
def clients(site: "Site") -> Iterator[None]:
    """Somebody asks both clusters, for there is nothing to watch without requests."""
    proxies = {side: site.gateways.url(f"{side}-proxy") for side in Side}
    balancer = MemoryLoadBalancer(50)
    with Clients(balancer=balancer, proxies=proxies, paths=["/users/7"], pause_s=0.1):
        yield


def site_in(folder: Path, server: Databases) -> Site:
    folder.mkdir()
    gateways = Gateways(folder, {Side.CURRENT: server.filled(), Side.NEW: server.missing()})
    plan = kong_lts.plan(
        DEPLOYMENT,
        ramp=[kong_lts.RampStage(50, bake_s=0.1), kong_lts.RampStage(100, bake_s=0.1)],
        gates=[kong_lts.Gate(dry_run=True)],  # nobody sends requests here
        probes=[kong_lts.Probe(name="a regex route", path="/users/7")],
        settings=kong_lts.Settings(
            backup_folder=str(folder / "backup"), run_deck=False, watch_afterwards_s=0.1
        ),
    )
    (folder / "plan.json").write_text(plan.to_json())
    (folder / "ports.json").write_text(json.dumps(gateways.ports))
    gateways.start()
    return Site(folder, gateways)


@pytest.fixture(scope="module")
def left_alone(server: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A run that nobody killed."""
    site = site_in(tmp_path_factory.mktemp("runs") / "left-alone", server)
    with clients(site):
        said = site.go_on()
    assert "succeeded" in said, said
    yield site
    site.gateways.end()


def killed_often(site: Site, moments: random.Random, within_s: float, kills: int) -> None:
    """Kill a run at random moments, each time after it was taken up again; then let it end."""
    for _ in range(2 * kills):
        if site.kills == kills:
            break
        if site.kill_after(moments.uniform(0.0, within_s)) == 0 or site.has_ended():
            return
    for _ in range(TRIES):
        said = site.go_on()
        if "succeeded" in said:
            return
    pytest.fail(said)


def test_a_killed_run_is_resumed_to_the_same_end(
    left_alone: Site, server: Databases, tmp_path: Path
) -> None:
    """At `KILLS` random moments of as many runs as that takes."""
    moments, killed, number = random.Random(SEED), 0, 0
    struck: collections.Counter[tuple[str, str]] = collections.Counter()
    wanted = left_alone.new_rows()
    while killed < KILLS:
        site = site_in(tmp_path / f"run-{number}", server)
        try:
            kills = min(KILLS_OF_A_RUN, KILLS - killed)
            with clients(site):
                killed_often(site, moments, left_alone.lasted_s / 4, kills)
            assert ended_well(site, wanted) == []
        finally:
            site.gateways.end()
        killed, number = killed + site.kills, number + 1
        struck.update(site.struck)
    print(struck)  # noqa: T201 # pytest shows it where the next line fails
    assert len(struck) >= min(KILLS // 4, 20), "the kills are not spread over the run"


def ended_well(site: Site, wanted: dict[str, list[str]]) -> list[str]:
    """What is not as a run leaves it that nobody killed."""
    current, new = (site.gateways.urls[side] for side in (Side.CURRENT, Side.NEW))
    facts = PostgresDatabase.at(new).facts()
    events = SqliteJournal(site.folder / "journal.sqlite").events()
    done = collections.Counter(event.step for event in events if isinstance(event, StepDone))
    run = replay(events).as_run(events)
    checks = {
        f"the verdict is {run.verdict}": run.ok,
        "steps are missing": set(done) == {step.id for step in run.plan.steps},
        "the schema is not that of 3.4": schema_state(facts.schema_meta) is SchemaState.LTS_3_4,
        "writes are still stopped": not PostgresWriteGuard.at(new).held(),
        "the current database is not guarded": bool(PostgresWriteGuard.at(current).held()),
        "the traffic is elsewhere": (site.folder / "weight").read_text() == "100",
    }
    found = site.new_rows()
    others = [f"{table}: other rows" for table, rows in wanted.items() if found.get(table) != rows]
    return [what for what, holds in checks.items() if not holds] + others
