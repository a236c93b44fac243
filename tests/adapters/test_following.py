"""A run is followed by another process than the one that runs it."""

import subprocess
import sys
from pathlib import Path

import kong_lts
from kong_lts.adapters import SqliteJournal

RUNS = """
import sys, time
from kong_lts import execute
from kong_lts.adapters import SqliteJournal
from kong_lts.testing.fakes import fake_adapters
from tests.worlds import a_plan, a_world

class Slowly(SqliteJournal):
    def append(self, event):
        super().append(event)
        time.sleep(0.01)

execute(a_plan(), fake_adapters(a_world()), journal=Slowly(sys.argv[1]))
"""


def test_it_sees_the_run_go_on_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"

    with subprocess.Popen([sys.executable, "-c", RUNS, str(path)]) as process:
        found = list(kong_lts.follow(SqliteJournal(path), every_s=0.02))

    assert process.returncode == 0
    assert len(found) > 3
    assert found[0].done < found[-1].done == found[-1].steps
    assert found[-1].over
