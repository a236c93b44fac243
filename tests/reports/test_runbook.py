"""The runbook: a plan that a person can follow by hand."""

import re
import shutil
import subprocess
from typing import get_args

import attrs
import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from kong_lts.backup import BackUpDatabase
from kong_lts.planning import AnyStep, Plan, plan
from kong_lts.protocols import Probe
from kong_lts.reports import render
from kong_lts.reports.by_hand import BY_KIND, by_hand
from kong_lts.testing import scenarios
from tests.reports.hostile_samples import hostile
from tests.reports.samples import short_plan
from tests.reports.test_hostile import hostile_texts
from tests.worlds import plans

PLANS = plans()
EACH = pytest.mark.parametrize("made", PLANS.values(), ids=PLANS)
FENCE = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_every_step_that_a_plan_can_hold_can_be_done_by_hand() -> None:
    assert {kind.__name__ for kind in get_args(AnyStep)} == {kind.__name__ for kind in BY_KIND}


@EACH
def test_every_step_is_there_in_order_with_a_box_to_tick(made: Plan) -> None:
    text = render(made, "runbook")

    numbers = [int(number) for number in re.findall(r"(?m)^## (\d+)\. ", text)]
    assert numbers == list(range(1, len(made.steps) + 1))
    assert text.count("- [ ] **Proof**") == len(made.steps)
    assert text.count("**Point of no return") == (made.point_of_no_return is not None)
    apart = made.writes_lost_from != made.point_of_no_return
    assert text.count("**From the next step on, going back also loses") == apart


@EACH
def test_a_shell_takes_every_command(made: Plan) -> None:
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("PATH: no sh")
    script = "\n".join(FENCE.findall(render(made, "runbook")))

    done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False)

    assert done.stderr == ""


@EACH
def test_nothing_that_was_measured_to_do_harm_is_a_command(made: Plan) -> None:
    commands = [
        line for block in FENCE.findall(render(made, "runbook")) for line in block.split("\n")
    ]

    assert not [c for c in commands if re.search(r"--clean|migrations reset| -f\b|--force", c)]


def test_a_server_is_named_by_its_service_so_that_no_argv_has_a_password() -> None:
    made = short_plan()

    *_, dump, _ = by_hand(made.step("back-up-database"), made.deployment).commands

    assert dump.startswith("PGSERVICE=kong-current pg_dump --format=directory")


def test_names_with_signs_of_the_shell_stay_names() -> None:
    made = short_plan()
    step = made.step("back-up-database")
    assert isinstance(step, BackUpDatabase)
    step = attrs.evolve(step, folder="$(reboot) a'b")

    assert "'$(reboot) a'\"'\"'b'" in by_hand(step, made.deployment).commands[0]


@given(hostile_texts)
def test_a_runbook_has_the_same_blocks_whatever_the_texts(text: str) -> None:
    markdown = MarkdownIt("commonmark")
    for harmless, value in zip(hostile("t"), hostile(text), strict=True):
        if isinstance(value, Plan):
            expected = [token.type for token in markdown.parse(render(harmless, "runbook"))]
            assert [t.type for t in markdown.parse(render(value, "runbook"))] == expected


@EACH
def test_what_another_step_takes_back_has_the_commands_for_it(made: Plan) -> None:
    parts = re.split(r"(?m)^## \d+\. ", render(made, "runbook"))[1:]

    for step, part in zip(made.steps, parts, strict=True):
        undo, back = step.undo({}), part.partition("- **Way back**: ")[2]
        if undo is not None:
            assert back.startswith(f"{undo.title}.")
            how = by_hand(undo, made.deployment)  # type: ignore[arg-type]  # any step of a plan
            assert all(f"  {command}\n" in back for command in how.commands)


@EACH
def test_a_database_is_prepared_for_where_there_is_one(made: Plan) -> None:
    text = render(made, "runbook")

    assert ("PGSERVICE" in text.partition("## 1. ")[2]) == ("[kong-new]" in text)


def test_a_probe_is_a_whole_request_and_its_credential_is_in_no_argument() -> None:
    probe = Probe(
        name="order",
        path="/orders?page=2",
        method="POST",
        host="shop.test",
        headers={"Accept": "text/plain", "apikey": "env:SHOP_KEY"},
        body="{}",
        expect_status=201,
    )
    made = plan(scenarios.ALL["traditional-dual-cluster"], probes=[probe])

    (command,) = by_hand(made.step("staging-test"), made.deployment).commands

    assert command.endswith(
        " -X POST -H 'Host: shop.test' -H 'Accept: text/plain' -H @HEADER_FILE -d '{}'"
        " \"$KONG_NEW_PROXY_URL\"'/orders?page=2'  # 201"
    )
    assert "SHOP_KEY" not in render(made, "runbook")


@EACH
def test_all_that_a_command_names_is_there_before_the_first_step(made: Plan) -> None:
    preparation, _, steps = render(made, "runbook").partition("## 1. ")
    commands = "\n".join(FENCE.findall(steps))

    for name in set(re.findall(r"\$(KONG_\w+)", commands)):
        assert f"export {name}=" in preparation
    for name in set(re.findall(r"(?m)^ *(ask_\w+|rows) ", commands)):
        assert f"{name}() {{" in preparation


@EACH
def test_a_data_plane_is_asked_by_its_status_listener_and_a_control_plane_for_no_traffic(
    made: Plan,
) -> None:
    text = render(made, "runbook")

    clusters = [c for c in (made.deployment.current, made.deployment.new) if c is not None]
    for node in (node for cluster in clusters for node in cluster.nodes):
        if node.role == "data_plane" or made.deployment.mode == "konnect":
            assert f"{node.name}:8001" not in text
        if node.role == "control_plane":
            loops = re.findall(r"(?m)^ask_\w+\(\).*$", text)
            assert not any(f" {node.name}:" in loop for loop in loops)


def test_a_control_plane_that_was_stopped_is_asked_nothing() -> None:
    text = render(PLANS["hybrid-in-place"], "runbook")

    stopped = text.index("Stop 1 node(s) of the current cluster")

    assert "KONG_CURRENT_ADMIN_URL" not in text[stopped:]


def test_a_keyring_is_imported_as_json_and_its_key_made_active() -> None:
    made = PLANS["enterprise-keyring"]

    step = next(step for step in made.steps if step.id == "restore-keyring")

    sent, activated, _ = by_hand(step, made.deployment).commands
    assert "-H 'Content-Type: application/json' -d @" in sent
    assert activated.endswith("/keyring/activate")
