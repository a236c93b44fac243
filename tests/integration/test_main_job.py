"""The main job end to end: the example as a user runs it, on its own and on a real 2.8 database."""

import collections
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from kong_lts.adapters import SqliteJournal
from kong_lts.events import RunEnded, RunResumed, StepDone, StepFound, StepStarted

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/upgrade.py"
ENDS_WITHIN_S = 240  # a minute on a machine that does nothing else


@attrs.frozen
class Ended:
    folder: Path
    status: int
    output: str


@pytest.fixture(scope="module")
def run_example(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ended]:
    """Runs the example; the fixture `postgres` says that this machine has a server for it."""

    def run(*arguments: str) -> Ended:
        folder = tmp_path_factory.mktemp("example")
        done = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLE), "--folder", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN_S,
            check=False,
        )
        return Ended(folder, done.returncode, done.stdout + done.stderr)

    return run


@pytest.fixture(scope="module")
def small(run_example: Callable[..., Ended]) -> Ended:
    return run_example()


def test_the_example_upgrades_its_own_small_database(small: Ended) -> None:
    assert small.status == 0, small.output


def test_a_real_database_of_2_8_is_upgraded(
    run_example: Callable[..., Ended], reference: Path
) -> None:
    dump = reference / "reference/kong/28.sql"

    paths = ("/static/x", "/v1.0/orders", "/a:b")
    ended = run_example("--database", str(dump), "--refused", "--paths", *paths)

    assert ended.status == 0, ended.output


def test_what_was_done_before_the_kill_is_not_done_again(small: Ended) -> None:
    events = SqliteJournal(small.folder / "journal.sqlite").events()
    resumed = next(n for n, e in enumerate(events) if isinstance(e, RunResumed))
    before = {e.step for e in events[:resumed] if isinstance(e, StepDone)}
    after = {e.step for e in events[resumed:] if isinstance(e, StepStarted)}

    assert before
    assert not before & after
    assert isinstance(events[-1], RunEnded)


def test_the_killed_step_is_looked_at_before_anything_else(small: Ended) -> None:
    events = SqliteJournal(small.folder / "journal.sqlite").events()
    resumed = next(n for n, e in enumerate(events) if isinstance(e, RunResumed))

    started, found = events[resumed - 1], events[resumed + 1]

    assert isinstance(started, StepStarted | StepDone)
    if isinstance(started, StepStarted):
        assert isinstance(found, StepFound)
        assert found.step == started.step == "migrations-up"


def test_every_step_ran_once(small: Ended) -> None:
    events = SqliteJournal(small.folder / "journal.sqlite").events()
    done = collections.Counter(e.step for e in events if isinstance(e, StepDone))

    assert set(done.values()) == {1}


def test_the_reports_open_with_the_verdict(small: Ended) -> None:
    markdown = (small.folder / "report.md").read_text(encoding="utf-8")
    html = (small.folder / "report.html").read_text(encoding="utf-8")

    assert "Upgrade done" in "\n".join(markdown.splitlines()[:4])
    assert "<svg" in html
    assert "http://" not in re.sub(r'xmlns="[^"]*"', "", html)


def test_no_password_is_left_anywhere(small: Ended) -> None:
    """The database's password is random; the nodes' own files are the one place that needs it."""
    env = (small.folder / "new-prefix/.kong_env").read_text(encoding="utf-8")
    password = re.search(r'"pg_password": "([^"]+)"', env)
    assert password is not None
    needle = password[1].encode()

    told = [
        path.relative_to(small.folder)
        for path in small.folder.rglob("*")
        if path.is_file() and path.name != ".kong_env" and needle in path.read_bytes()
    ]

    assert told == []
    assert password[1] not in small.output


def test_the_nodes_files_with_the_password_are_private(small: Ended) -> None:
    for env in small.folder.glob("*-prefix/.kong_env"):
        assert env.stat().st_mode & 0o077 == 0
