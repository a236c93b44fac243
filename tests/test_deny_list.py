"""`kong migrations` is never run with `reset` or by force, whoever calls it and however."""

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kong_lts
from kong_lts.adapters import LocalProcessRunner, ManagedNode, NodeCommands, SshProcessRunner
from kong_lts.deny_list import refuse_denied
from kong_lts.deployment import Side
from kong_lts.errors import DeniedCommandError, FormatError
from kong_lts.migrations import MigrationsBootstrap, MigrationsFinish, MigrationsUp
from kong_lts.protocols import Finished
from kong_lts.testing.scenarios import ALL

DENIED = (
    ("kong", "migrations", "reset"),
    ("kong", "migrations", "reset", "--yes"),
    ("kong", "migrations", "-c", "/etc/kong.conf", "reset"),
    ("kong", "migrations", "up", "-f"),
    ("kong", "migrations", "up", "--force"),
    ("kong", "migrations", "up", "--force=true"),
    ("kong", "migrations", "up", "--forc"),
    ("kong", "migrations", "finish", "-qf"),
    ("kong", "migrations", "-fq", "up"),
    ("/usr/local/bin/kong", "migrations", "up", "-f"),
    ("kong", "-f", "migrations", "up"),
    ("sudo", "-n", "-u", "kong", "kong", "migrations", "up", "-f"),
    ("sh", "-c", "kong migrations reset --yes"),
    ("sh", "-c", "kong migrations reset; true"),
    ("sh", "-c", "kong migrations up '-f'&&true"),
    ("sh", "-c", 'kong migrations "res"et'),
    ("sh", "-c", 'exec kong "$@" -f', "sh", "migrations", "up"),
    ("sh", "-c", "(KONG_DATABASE=postgres kong migrations up -f)"),
    ("sh", "-c", 'exec "$@" -f', "sh", "kong", "migrations", "up"),
    ("sh", "-c", "$0 $1 ${2} -f", "kong", "migrations", "up"),
    ("docker", "compose", "-f", "a.yml", "exec", "gw", "kong", "migrations", "up", "-f"),
    ("kubectl", "exec", "deploy/kong", "--", "kong", "migrations", "reset"),
    ("my-kong", "migrations", "up", "-f"),
)
ALLOWED = (
    ("kong", "migrations", "up"),
    ("kong", "migrations", "up", "-q", "--yes", "--lock-timeout", "60"),
    ("kong", "migrations", "up", "-c", "/etc/kong/reset.conf"),
    ("kong", "migrations", "up", "-c/etc/kong-f/final.conf"),
    ("kong", "migrations", "finish", "--db-timeout", "60"),
    ("docker", "compose", "-f", "a.yml", "exec", "gw", "kong", "migrations", "up"),
    ("sh", "-c", 'docker compose -f a.yml exec gw "$@"', "sh", "kong", "migrations", "up"),
    ("docker", "compose", "--file", "a.yml", "exec", "kong", "kong", "migrations", "list"),
    ("kubectl", "-n", "kong", "exec", "-c", "proxy", "gw", "--", "kong", "migrations", "up"),
    ("kong", "reload", "-f"),
    ("rm", "-f", "/var/run/kong.pid"),
    ("git", "reset", "--force"),
    (),
    ("",),
)  # fmt: skip


@pytest.mark.parametrize("argv", DENIED)
def test_it_is_denied_in_every_wrapping(argv: tuple[str, ...]) -> None:
    with pytest.raises(DeniedCommandError, match="never run"):
        refuse_denied(argv)


@pytest.mark.parametrize("argv", ALLOWED)
def test_all_else_passes(argv: tuple[str, ...]) -> None:
    refuse_denied(argv)


@given(
    before=st.lists(st.sampled_from(("sudo", "-n", "env", "A=b", "docker", "exec", "gw"))),
    options=st.lists(st.sampled_from(("-q", "--yes", "-v", "--vv", "up", "finish", "-c/a.conf"))),
    word=st.sampled_from(("reset", "-f", "--force", "-vf", "-fy")),
    data=st.data(),
)
def test_wherever_the_word_stands_after_kong(
    before: list[str], options: list[str], word: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(options)))
    argv = [*before, "kong", "migrations", *options[:at], word, *options[at:]]
    refuse_denied([w for w in argv if w != word])

    for wrapped in (argv, ["sh", "-c", " ".join(argv)]):
        with pytest.raises(DeniedCommandError):
            refuse_denied(wrapped)


# --- where commands are made ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MigrationsUp, MigrationsFinish, MigrationsBootstrap])
@pytest.mark.parametrize(
    "given",
    [
        {"options": ("-f",)},
        {"options": ("reset", "--yes")},
        {"program": ("kong", "migrations", "reset", "&&", "kong")},
        {"program": ("sh", "-c", 'kong "$@" --force', "sh")},
    ],
)
def test_no_step_can_be_made_with_it(kind: type[MigrationsUp], given: dict[str, Any]) -> None:
    with pytest.raises(DeniedCommandError):
        kind(id="migrations", guide="a guide", side=Side.NEW, **given)


def test_no_plan_can_be_made_with_it() -> None:
    settings = kong_lts.Settings(program=("sh", "-c", 'kong "$@" -f', "sh"))

    with pytest.raises(DeniedCommandError):
        kong_lts.plan(ALL["traditional-in-place"], settings=settings)


def test_no_plan_can_be_read_with_it() -> None:
    settings = kong_lts.Settings(configuration="/etc/kong/new.conf")
    text = kong_lts.plan(ALL["traditional-in-place"], settings=settings).to_json()
    assert '"-c"' in text

    with pytest.raises(FormatError, match="never run"):
        kong_lts.Plan.from_json(text.replace('"-c"', '"-f"', 1))


# --- where commands are run -----------------------------------------------------------------------


@attrs.define
class NotesCommands:
    ran: list[tuple[str, ...]] = attrs.Factory(list)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        self.ran.append(tuple(argv))
        return Finished(status=0)


@pytest.mark.parametrize(
    "commands",
    [
        NodeCommands(before_others=("sh", "-c", 'exec "$@" -f', "sh")),
        NodeCommands(before_others=("kong", "migrations", "reset", "&&")),
    ],
)
def test_the_commands_of_a_node_cannot_smuggle_it_in(commands: NodeCommands) -> None:
    node = NotesCommands()

    with pytest.raises(DeniedCommandError):
        ManagedNode(node, commands).run(("kong", "migrations", "up"), timeout_s=1)

    assert node.ran == []


def test_nor_can_those_that_start_and_stop_it() -> None:
    node = NotesCommands()
    commands = NodeCommands(
        start=(("kong", "migrations", "up", "-f"), ("kong", "start")),
        stop=(("kong", "migrations", "reset"),),
        health=("kong", "migrations", "reset"),
    )

    for command in ("start", "quit", "health"):
        with pytest.raises(DeniedCommandError):
            ManagedNode(node, commands).run(("kong", command), timeout_s=1)

    assert node.ran == []


@pytest.mark.parametrize("runner", [LocalProcessRunner(), SshProcessRunner(host="gw.invalid")])
def test_no_runner_runs_it(runner: LocalProcessRunner | SshProcessRunner) -> None:
    with pytest.raises(DeniedCommandError):
        runner.run(("/nonexistent/kong", "migrations", "reset"), timeout_s=1)
