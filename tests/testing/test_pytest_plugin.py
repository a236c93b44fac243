"""The plugin gives fixtures of a simulated deployment, and an assertion about a whole plan."""

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings

import kong_lts
from kong_lts.deployment import Deployment
from kong_lts.testing.faults import Fault
from kong_lts.testing.generators import plannable_deployments
from kong_lts.testing.pytest_plugin import assert_upgrade_survives
from tests.conftest import counted
from tests.worlds import a_plan

ROOT = Path(__file__).parents[2]
PLUGIN = "kong_lts.testing.pytest_plugin"
PLAN = a_plan()
THEIR_TESTS = """
import kong_lts
import pytest
from kong_lts.testing.pytest_plugin import assert_upgrade_survives
from kong_lts.testing.scenarios import ALL


def test_the_upgrade_runs(upgrade_deployment, upgrade_adapters, upgrade_journal, upgrade_world):
    plan = kong_lts.plan(upgrade_deployment)
    assert kong_lts.execute(plan, upgrade_adapters, journal=upgrade_journal).ok
    assert upgrade_world.new_percent == 100


class TestInPlace:
    @pytest.fixture
    def upgrade_deployment(self):
        return ALL["traditional-in-place"]

    def test_the_upgrade_runs(self, upgrade_deployment, upgrade_adapters, upgrade_journal):
        plan = kong_lts.plan(upgrade_deployment)
        assert kong_lts.execute(plan, upgrade_adapters, journal=upgrade_journal).ok
"""


def test_a_plan_that_survives_is_given_back() -> None:
    rehearsal = assert_upgrade_survives(PLAN, faults=[Fault.LIES])

    assert rehearsal.ok
    assert len(rehearsal.cases) > len(PLAN.steps)


def test_a_plan_that_does_not_survive_fails_and_tells_each_case() -> None:
    fewer = attrs.evolve(PLAN, steps=tuple(s for s in PLAN.steps if s.id != "divert-100"))

    with pytest.raises(pytest.fail.Exception) as failed:
        assert_upgrade_survives(fewer, faults=())

    first, second, *_ = str(failed.value).splitlines()
    assert first == "1 of 2 rehearsed cases are broken"
    assert second.startswith("none: none, then resume: ")
    assert "none: none, then resume: the new database was left behind" in str(failed.value)


def test_invariants_of_ones_own_count() -> None:
    with pytest.raises(pytest.fail.Exception, match="never again"):
        assert_upgrade_survives(PLAN, faults=(), invariants=[lambda world, run: ["never again"]])


def test_the_package_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert project["entry-points"]["pytest11"] == {"kong_lts": PLUGIN}


def test_somebody_elses_tests_find_the_fixtures(tmp_path: Path) -> None:
    file = tmp_path / "test_theirs.py"
    file.write_text(THEIR_TESTS)

    installed = any(point.value == PLUGIN for point in entry_points(group="pytest11"))
    named = [] if installed else ["-p", PLUGIN]  # twice would be refused

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *named, "-p", "no:cacheprovider", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "2 passed" in done.stdout, done.stdout


def test_the_plugin_loads_nothing_before_it_is_asked() -> None:
    code = f"import sys, {PLUGIN}; print([m for m in sys.modules if m.startswith('hypothesis')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@settings(max_examples=counted(100), deadline=None)
@given(deployment=plannable_deployments())
def test_any_deployment_that_can_be_planned_survives(deployment: Deployment) -> None:
    plan = kong_lts.plan(deployment, probes=[kong_lts.Probe(name="root")])

    assert_upgrade_survives(plan, faults=())
