"""The wheel of this project, installed: its plugin is found by its entry point alone."""

import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THEIRS = """
import kong_lts
from kong_lts.testing.faults import Fault
from kong_lts.testing.pytest_plugin import assert_upgrade_survives


def test_the_upgrade_runs(upgrade_deployment, upgrade_adapters, upgrade_journal, upgrade_world):
    plan = kong_lts.plan(upgrade_deployment)
    assert kong_lts.execute(plan, upgrade_adapters, journal=upgrade_journal).ok
    assert upgrade_world.new_percent == 100


def test_our_plan_survives(upgrade_deployment):
    assert_upgrade_survives(kong_lts.plan(upgrade_deployment), faults=[Fault.KILLED_DURING])
"""


def run(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Without this folder on the path, so that nothing but what is installed can be found."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(argv, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The Python of a fresh environment with the wheel; what it needs, it has from this one."""
    wheels = tmp_path / "wheels"
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(wheels))
    built = (
        run("uv", "build", "--quiet", "--wheel", "-o", str(wheels), str(ROOT), cwd=tmp_path)
        if (_has_uv(tmp_path))
        else run(*pip, str(ROOT), cwd=tmp_path)
    )
    if built.returncode:
        pytest.skip(f"a wheel cannot be built here: {built.stderr.strip()[-200:]}")
    (wheel,) = wheels.glob("*.whl")
    fresh = tmp_path / "venv"
    venv.create(fresh, with_pip=True)
    python = fresh / "bin" / "python"
    done = run(str(python), "-m", "pip", "install", "-q", "--no-deps", str(wheel), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (packages,) = fresh.glob("lib/python*/site-packages")
    (packages / "beside.pth").write_text("\n".join(site.getsitepackages()))
    return python


def _has_uv(folder: Path) -> bool:
    try:
        return run("uv", "--version", cwd=folder).returncode == 0
    except OSError:
        return False


def test_its_fixtures_and_its_assertion_are_there_for_somebody_elses_tests(
    installed: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "test_theirs.py").write_text(THEIRS)

    done = run(
        *(str(installed), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--trace-config"),
        str(theirs),
        cwd=theirs,
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert f"{installed.parents[1]}/lib" in next(
        line for line in done.stdout.splitlines() if "kong_lts.testing.pytest_plugin" in line
    )
