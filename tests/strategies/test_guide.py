"""Each plan holds the guide's own list, step by step and in its order."""

import os
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from kong_lts.nodes import DoByHand, InstallNodes, ReloadNodes
from kong_lts.planning import AnyStep, Plan, plan
from kong_lts.smoke_test import StagingTest
from kong_lts.strategies import Settings
from kong_lts.testing.scenarios import ALL
from kong_lts.traffic import DivertTraffic
from tests.worlds import a_plan

REFERENCE = Path(os.environ.get("KONG_LTS_REFERENCE") or Path(__file__).parents[3] / "shared")
GUIDE = REFERENCE / "guide/upgrade-guide.md"


def with_keyring(name: str) -> Plan:
    """A plan of a scenario, with everything that the guide has a word for."""
    deployment = ALL[name]
    current = attrs.evolve(deployment.current, keyring=deployment.mode.has_database)
    return a_plan(attrs.evolve(deployment, current=current))


DUAL = with_keyring("traditional-dual-cluster")
IN_PLACE = with_keyring("traditional-in-place")
ROLLING = with_keyring("db-less-rolling")
HYBRID = with_keyring("hybrid-in-place")


def ids(made: Plan) -> list[str]:
    return [step.id for step in made.steps]


def comes(*names: str) -> Callable[[Plan, int], int]:
    """Steps that come next, in this order, with others in between; where the last one stands."""

    def find(made: Plan, after: int) -> int:
        for name in names:
            after = ids(made).index(name, after + 1)
        return after

    return find


def comes_again(prefix: str) -> Callable[[Plan, int], int]:
    """At least one step of this kind; where the first one stands."""

    def find(made: Plan, after: int) -> int:
        return next(n for n, i in enumerate(ids(made)) if n > after and i.startswith(prefix))

    return find


def a_heading(made: Plan, after: int) -> int:
    """A line of the guide that only says what the next ones are about."""
    return after


def undone_to_nothing(made: Plan, after: int) -> int:
    """Whatever was diverted is taken back, the last diversion first, until nothing is left."""
    diversions = [step for step in made.steps if isinstance(step, DivertTraffic)]
    left = [step.undo({}).new_percent for step in reversed(diversions)]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    return after


def the_database_goes_back_first(made: Plan, after: int) -> int:
    """What is taken back before any node starts again is the database, from its own backup."""
    undo = made.step("restore-point").undo({})
    assert undo is not None
    assert type(undo).__name__ == "ReplaceDatabase"
    assert ids(made).index("stop-nodes") < ids(made).index("restore-point")
    return after


BACKUP = (
    ("Back up data of current version", a_heading),
    ("existing database", comes("back-up-database")),
    ("declarative Kong configuration", comes("back-up-declarative")),
    ("keyring materials", comes("back-up-keyring")),
    ("static data", comes("back-up-files")),
)
LISTS = {
    "The following are the steps required to perform an upgrade": (
        DUAL,
        (
            ("Stop any Kong configuration updates", comes("stop-admin-writes")),
            *BACKUP,
            ("Evaluate factors", comes("evaluate")),
            ("Deploy a new Kong cluster", a_heading),
            ("Install a new Kong cluster", comes("install")),
            ("Install a new database", comes("create-database", "restore-database")),
            ("kong migrations up", comes("migrations-up", "migrations-finish", "start-nodes")),
            ("staging tests", comes("staging-test")),
            ("Divert traffic", comes_again("divert-")),
            ("monitor all proxy metrics", comes_again("watch-")),
            ("If any issues are found", undone_to_nothing),
            (
                "Decommission cluster X",
                comes("decommission", "resume-admin-writes", "watch-afterwards"),
            ),
        ),
    ),
    "The prescribed steps below are recommended": (
        IN_PLACE,
        (
            ("Stop any Kong configuration updates", comes("stop-admin-writes")),
            *BACKUP,
            ("Evaluate factors", comes("evaluate")),
            ("staging tests", comes("staging-on-copy")),
            ("Stop Kong nodes of cluster X", a_heading),  # later: see the test of the downtime
            ("Install a cluster of version Y", comes("install", "stop-nodes")),
            ("kong migrations up", comes("migrations-up", "migrations-finish", "start-nodes")),
            ("monitoring all proxy metrics", comes("watch-new")),
            ("Rollback if anything is wrong", the_database_goes_back_first),
            (
                "Decommission cluster X",
                comes("decommission", "resume-admin-writes", "watch-afterwards"),
            ),
        ),
    ),
    "The procedure below echoes the illustration": (
        ROLLING,
        (
            ("Stop any Kong configuration updates", comes("stop-admin-writes")),
            ("Back up data of current version", a_heading),
            ("Save a copy of Kong configuration", comes("back-up-declarative")),
            ("static data", comes("back-up-files")),
            ("Evaluate factors", comes("evaluate", "convert-declarative")),
            (
                "Install a new node of version Y",
                comes("install-batch-1", "validate-declarative", "start-batch-1", "staging-test"),
            ),
            ("Continuously install and launch more", a_heading),  # batch by batch, see below
            ("Divert traffic", comes_again("divert-")),
            ("If any issues are found", undone_to_nothing),
            (
                "Decommission X nodes",
                comes("stop-batch-2", "resume-admin-writes", "watch-afterwards"),
            ),
        ),
    ),
}
"""By the sentence before each list: a plan, and for each line what the plan has for it."""


@pytest.mark.parametrize("heading", LISTS)
def test_a_plan_has_every_line_of_the_guide_in_its_order(heading: str) -> None:
    made, lines = LISTS[heading]
    at = -1
    for _, find in lines:
        at = find(made, at)


@pytest.mark.parametrize("heading", LISTS)
def test_the_lines_are_those_of_the_guide(heading: str) -> None:
    if not GUIDE.is_file():
        pytest.skip(f"{GUIDE}: not here")
    _, lines = LISTS[heading]
    text = GUIDE.read_text("utf-8")

    written = text.partition(heading)[2].partition("\n\n")[2].partition("\n\n")[0].splitlines()

    assert len(written) == len(lines)
    for line, (words, _) in zip(written, lines, strict=True):
        assert words in line.replace("“", "").replace("”", "")


def test_the_guide_comes_to_the_stop_late_so_that_the_downtime_is_short() -> None:
    """The same steps, but nothing that can be done before the stop comes after it."""
    stop = ids(IN_PLACE).index("stop-nodes")
    before = {
        *("back-up-database", "back-up-declarative", "back-up-keyring", "back-up-files"),
        *("evaluate", "staging-on-copy", "install"),
    }

    assert {*ids(IN_PLACE)[:stop]} >= before


def test_control_planes_come_first_in_hybrid_mode() -> None:
    """The guide's three points: control planes by their strategy, then data planes, and no kong.yml
    of a data plane is backed up."""
    comes(
        *("keep-data-planes", "custom-plugins", "stop-admin-writes", "migrations-up"),
        *("migrations-finish", "start-nodes", "guard-data-planes", "install-batch-1"),
        *("start-batch-1", "divert-50", "stop-batch-1", "divert-100", "stop-batch-2"),
        *("smoke-test", "resume-admin-writes", "watch-afterwards"),
    )(HYBRID, -1)
    assert not any(isinstance(step, ReloadNodes) for step in HYBRID.steps)


def leads_back(step: AnyStep) -> str | None:
    return step.leads_back_to


@pytest.mark.parametrize(
    ("made", "test"),
    [(DUAL, "staging-test"), (IN_PLACE, "staging-on-copy"), (ROLLING, "staging-test")],
    ids=["dual-cluster", "in-place", "rolling"],
)
def test_a_failed_staging_test_leads_back_to_the_evaluation(made: Plan, test: str) -> None:
    """If the outcome is not as expected, says the guide, validate step 3."""
    step = made.step(test)

    assert leads_back(step) == "evaluate"
    assert comes("evaluate", test)(made, -1) > 0
    assert isinstance(step, StagingTest | DoByHand)


def test_staging_may_run_in_a_container() -> None:
    step = IN_PLACE.step("staging-on-copy")

    assert isinstance(step, DoByHand)
    assert "in a container" in step.instructions


def named(made: Plan) -> str:
    return f"{made.deployment.mode} {made.strategy}"


@pytest.mark.parametrize("made", [DUAL, IN_PLACE, ROLLING, HYBRID], ids=named)
def test_new_nodes_must_be_as_large_as_the_current_ones(made: Plan) -> None:
    installs = [step for step in made.steps if isinstance(step, InstallNodes)]

    assert installs
    assert all(step.as_large_as for step in installs)
    assert sorted(n for step in installs for n in step.nodes) == sorted(
        node.name for node in (made.deployment.new or made.deployment.current).nodes
    )


def test_nodes_without_a_database_are_reloaded() -> None:
    reloads = [step.nodes for step in ROLLING.steps if isinstance(step, ReloadNodes)]

    assert reloads == [("y-1",), ("y-1", "y-2")]


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("name", ["traditional-dual-cluster", "traditional-in-place"])
def test_the_converted_file_is_compared_after_the_migration_where_that_is_wanted(
    name: str, wanted: bool
) -> None:
    made = plan(ALL[name], settings=Settings(compare_with_deck=wanted))

    assert ("compare-with-deck" in ids(made)) is wanted
    if wanted:
        comes("migrations-finish", "start-nodes", "compare-with-deck")(made, -1)
