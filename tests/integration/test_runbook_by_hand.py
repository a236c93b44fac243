"""What a runbook has a person type for the databases, typed into a real shell."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

import kong_lts
from kong_lts.adapters.postgres_tools import find_tools
from kong_lts.planning import Plan
from kong_lts.reports.by_hand import by_hand
from kong_lts.step import Step
from kong_lts.testing import scenarios
from tests.integration.postgres_databases import Databases, databases_on

SETTINGS = kong_lts.Settings(backup_folder="kept/backup")
FUNCTION = re.compile(r"(?m)^rows\(\) .*$")

Shell = Callable[..., str]


@pytest.fixture
def databases(postgres: str) -> Iterator[Databases]:
    with databases_on(postgres) as made:
        yield made
        made.remove()


@pytest.fixture
def names() -> dict[str, str]:
    """The words in capitals, filled in."""
    return {}


@pytest.fixture
def shell(databases: Databases, names: dict[str, str], tmp_path: Path) -> Shell:
    """Runs the commands of steps in one folder, with the services that the runbook asks for."""
    current, new = databases.filled(), databases.missing()
    names.update({"NEW_DATABASE": urlsplit(new).path[1:], "current": urlsplit(current).path[1:]})
    with psycopg.connect(current) as connection:
        major = str(connection.info.server_version // 10_000)
    tools = find_tools(major, "typing", bin_dir=None, environ=os.environ)
    parts = urlsplit(current)
    (tmp_path / "services").write_text(
        "".join(
            f"[kong-{side}]\nhost={parts.hostname}\nport={parts.port}\nuser={parts.username}\n"
            f"dbname={urlsplit(url).path[1:]}\n"
            for side, url in (("current", current), ("new", new))
        )
    )
    passwords = tmp_path / "passwords"
    passwords.write_text(f"*:*:*:*:{parts.password}\n")
    passwords.chmod(0o600)
    environ = {
        "PATH": os.pathsep.join([str(tools.folder), os.environ["PATH"]]),
        "PGSERVICEFILE": str(tmp_path / "services"),
        "PGPASSFILE": str(passwords),
    }

    def run(*commands: str) -> str:
        script = "\n".join(("set -e", *commands))
        for word, name in names.items():
            script = re.sub(rf"\b{word}\b", name, script) if word.isupper() else script
        done = subprocess.run(
            [shutil.which("sh") or "sh"],
            input=script.replace(" --interactive", ""),  # nobody is there to answer
            cwd=tmp_path, env=environ, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def typed(made: Plan, *steps: Step) -> tuple[str, ...]:
    """The commands of steps, behind what the runbook prepares."""
    found = FUNCTION.search(kong_lts.render(made, "runbook"))
    assert found is not None
    commands = (c for step in steps for c in by_hand(step, made.deployment).commands)  # type: ignore[arg-type]  # any step of a plan
    return (found[0], *commands)


def test_a_database_is_backed_up_proved_restored_and_dropped_as_the_runbook_says(
    shell: Shell, databases: Databases, names: dict[str, str]
) -> None:
    made = kong_lts.plan(scenarios.ALL["traditional-dual-cluster"], settings=SETTINGS)
    ids = ("back-up-database", "verify-backup", "create-database", "restore-database")

    said = shell(*typed(made, *(made.step(step_id) for step_id in ids)))

    assert said.splitlines().count("equal") == 2
    assert "readable" in said
    undo = made.step("create-database").undo({})
    assert undo is not None
    shell(*typed(made, undo))
    left = f"SELECT count(*) FROM pg_database WHERE datname = '{names['NEW_DATABASE']}'"
    assert databases.one(databases.server, left) == 0


def test_a_migrated_database_is_replaced_by_its_backup_as_the_runbook_says(
    shell: Shell, databases: Databases, names: dict[str, str]
) -> None:
    made = kong_lts.plan(scenarios.ALL["traditional-in-place"], settings=SETTINGS)
    ids = ("no-connections", "back-up-after-stop", "restore-point")
    said = shell(*typed(made, *(made.step(step_id) for step_id in ids)))
    assert said.splitlines()[0] == "1"
    url = databases.server.rpartition("/")[0] + f"/{names['current']}"
    before = databases.one(url, "SELECT count(*) FROM routes")
    databases.run(url, "DELETE FROM routes")
    names["THE_DATABASE"] = names["current"]
    undo = made.step("restore-point").undo({})
    assert undo is not None

    said = shell(*typed(made, undo))

    assert said.splitlines().count("equal") == 1
    databases.made += ["kong_migrated"]
    assert databases.one(url, "SELECT count(*) FROM routes") == before


def test_what_proves_the_migrations_is_answered(shell: Shell) -> None:
    made = kong_lts.plan(scenarios.ALL["traditional-in-place"])
    steps = [made.step(step_id) for step_id in ("migrations-up", "migrations-finish", "customize")]
    queries = [c.replace("kong-new", "kong-current") for c in typed(made, *steps) if "psql" in c]

    assert "UPDATE" not in shell(*queries)
