"""The steps of each strategy stand in the guide's order, and lead back as far as they can."""

import attrs
import pytest

from kong_lts.backup import BackUpDeclarative
from kong_lts.deployment import Deployment, DeploymentMode, Node, NodeRole, Side
from kong_lts.errors import PlanError
from kong_lts.migrations import MigrationsUp
from kong_lts.nodes import StartNodes, StopNodes
from kong_lts.planning import Plan, plan
from kong_lts.rehearsal import rehearse
from kong_lts.step import Reversibility
from kong_lts.strategies import Settings
from kong_lts.testing import scenarios
from tests.worlds import DUAL_CLUSTER, NO_PAST, PROBES, a_plan, plans

PLANS = plans()
EACH = pytest.mark.parametrize("name", PLANS)
GUIDE = "Dual-cluster upgrade, step"


def ids(made: Plan) -> list[str]:
    return [step.id for step in made.steps]


def follow(made: Plan, *names: str) -> bool:
    """Whether steps come in this order, with others in between."""
    places = [ids(made).index(name) for name in names]
    return places == sorted(places)


# --- every strategy -----------------------------------------------------------------------------


@EACH
def test_ids_are_unique_and_fit_a_file_name(name: str) -> None:
    found = ids(PLANS[name])

    assert len(set(found)) == len(found)
    assert all(step_id.replace("-", "").isalnum() and step_id.islower() for step_id in found)


@EACH
def test_every_step_says_what_it_does_and_where_the_guide_says_so(name: str) -> None:
    for step in PLANS[name].steps:
        assert step.title
        assert step.title[0].isupper()
        assert ", step" in step.guide


@EACH
def test_what_is_compensated_has_a_way_back_or_is_part_of_what_has_one(name: str) -> None:
    """A restored and migrated copy is dropped by the step that created its database."""
    without = {
        step.id
        for step in PLANS[name].steps
        if step.reversibility is Reversibility.COMPENSATED and step.undo(NO_PAST) is None
    }

    assert without <= {"restore-database", "migrations-up", "migrations-finish"}


@EACH
def test_what_harms_nobody_is_not_taken_back(name: str) -> None:
    for step in PLANS[name].steps:
        if step.reversibility is Reversibility.FREE:
            assert step.undo(NO_PAST) is None


@EACH
def test_nothing_passes_the_point_of_no_return_without_a_backup(name: str) -> None:
    made = PLANS[name]
    index = made.point_of_no_return
    if index is None:
        assert not made.deployment.mode.has_database
        return

    before = ids(made)[:index]

    assert {"back-up-database", "back-up-declarative", "back-up-files"} <= set(before)


@EACH
def test_writes_stop_before_the_backup_and_resume_at_the_end(name: str) -> None:
    made = PLANS[name]

    assert follow(made, "stop-admin-writes", "back-up-files", "evaluate", "resume-admin-writes")
    assert ids(made)[-2:] == ["resume-admin-writes", "watch-afterwards"]


@EACH
def test_new_nodes_are_tested_before_they_get_traffic(name: str) -> None:
    made = PLANS[name]
    diversions = [step_id for step_id in ids(made) if step_id.startswith("divert")]
    if diversions:
        assert follow(made, "staging-test", *diversions, "smoke-test")


@EACH
def test_every_new_node_is_started_and_no_current_one_twice_stopped(name: str) -> None:
    made = PLANS[name]
    new = made.deployment.new
    assert new is not None

    started = [n for s in made.steps if isinstance(s, StartNodes) for n in s.nodes]
    stopped = [n for s in made.steps if isinstance(s, StopNodes) for n in s.nodes]

    assert sorted(started) == sorted(node.name for node in new.nodes)
    assert len(set(stopped)) == len(stopped)
    assert {s.side for s in made.steps if isinstance(s, StopNodes)} <= {Side.CURRENT}


@EACH
def test_migrations_run_once_and_in_order(name: str) -> None:
    migrations = [step_id for step_id in ids(PLANS[name]) if step_id.startswith("migrations")]

    has_database = PLANS[name].deployment.mode.has_database
    assert migrations == (["migrations-up", "migrations-finish"] if has_database else [])


# --- dual-cluster -------------------------------------------------------------------------------


def test_the_dual_cluster_upgrade_has_the_steps_of_the_guide() -> None:
    assert [(step.guide, step.id) for step in a_plan().steps] == [
        (f"{GUIDE} 1", "stop-admin-writes"),
        (f"{GUIDE} 2", "back-up-database"),
        (f"{GUIDE} 2", "back-up-declarative"),
        (f"{GUIDE} 2", "back-up-files"),
        (f"{GUIDE} 2", "verify-backup"),
        (f"{GUIDE} 3", "evaluate"),
        (f"{GUIDE} 4", "install"),
        (f"{GUIDE} 4", "create-database"),
        (f"{GUIDE} 4", "restore-database"),
        (f"{GUIDE} 4", "migrations-up"),
        (f"{GUIDE} 4", "migrations-finish"),
        (f"{GUIDE} 4", "customize"),
        (f"{GUIDE} 1", "stop-admin-writes-new"),
        (f"{GUIDE} 4", "start-nodes"),
        (f"{GUIDE} 5", "staging-test"),
        (f"{GUIDE} 7", "check-metrics"),
        (f"{GUIDE} 6", "divert-10"),
        (f"{GUIDE} 7", "watch-10"),
        (f"{GUIDE} 6", "approve-100"),
        (f"{GUIDE} 6", "divert-100"),
        (f"{GUIDE} 7", "watch-100"),
        ("Perform upgrade, step 3", "smoke-test"),
        (f"{GUIDE} 9", "decommission"),
        (f"{GUIDE} 9", "resume-admin-writes"),
        (f"{GUIDE} 9", "watch-afterwards"),
    ]


def test_a_keyring_is_exported_before_and_imported_after() -> None:
    with_keyring, without = PLANS["enterprise-keyring"], PLANS["traditional-dual-cluster"]

    assert follow(with_keyring, "back-up-keyring", "start-nodes", "restore-keyring", "staging-test")
    assert "back-up-keyring" not in ids(without)
    assert "restore-keyring" not in ids(without)


@pytest.mark.parametrize("allowed", [True, False, None])
def test_the_current_cluster_is_decommissioned_only_where_that_is_allowed(
    allowed: bool | None,
) -> None:
    resources = attrs.evolve(DUAL_CLUSTER.resources, decommissioning_allowed=allowed)

    made = plan(attrs.evolve(DUAL_CLUSTER, resources=resources))

    assert ("decommission" in ids(made)) is (allowed is True)


def test_the_database_that_is_created_carries_the_name_of_the_deployment() -> None:
    made = plan(attrs.evolve(DUAL_CLUSTER, name="shop"))

    assert '"owner": "upgrade of shop"' in made.to_json()


@pytest.mark.parametrize("wanted", [False, True])
def test_an_interrupted_up_is_gone_on_with_only_where_the_settings_say_so(wanted: bool) -> None:
    settings = Settings(continue_interrupted=True) if wanted else Settings()

    for name in ("traditional-dual-cluster", "traditional-in-place", "hybrid-dual-cluster"):
        up = plan(scenarios.ALL[name], settings=settings).step("migrations-up")
        assert isinstance(up, MigrationsUp)
        assert up.continue_interrupted is wanted


def test_deck_dumps_by_the_tags_of_the_settings() -> None:
    settings = Settings(select_tags=("team-a", "team-b"))

    step = plan(scenarios.ALL["traditional-dual-cluster"], settings=settings).step(
        "back-up-declarative"
    )

    assert isinstance(step, BackUpDeclarative)
    assert step.tags == ("team-a", "team-b")


def test_kong_is_called_as_the_settings_say() -> None:
    made = plan(
        DUAL_CLUSTER, settings=Settings(program=("/opt/kong",), configuration="/etc/kong34.conf")
    )

    start, stop = made.step("start-nodes"), made.step("decommission")
    assert isinstance(start, StartNodes)
    assert isinstance(stop, StopNodes)
    assert (start.program, start.configuration) == (("/opt/kong",), "/etc/kong34.conf")
    assert (stop.program, stop.configuration) == (("/opt/kong",), None)


# --- the others ---------------------------------------------------------------------------------


def test_an_in_place_upgrade_stops_everybody_before_the_last_backup() -> None:
    made = PLANS["traditional-in-place"]

    assert follow(
        made,
        *("stop-nodes", "no-connections", "back-up-after-stop", "restore-point", "migrations-up"),
    )
    assert made.downtime_s > 0
    assert made.step("migrations-up").reversibility is Reversibility.RESTORE


def test_an_in_place_upgrade_with_a_keyring_imports_it_into_the_new_nodes() -> None:
    deployment = scenarios.ALL["traditional-in-place"]
    current = attrs.evolve(deployment.current, keyring=True)

    made = plan(attrs.evolve(deployment, current=current))

    assert follow(made, "back-up-keyring", "stop-nodes", "start-nodes", "restore-keyring")


def test_in_hybrid_mode_control_planes_come_first() -> None:
    for name in ("hybrid-dual-cluster", "hybrid-in-place"):
        assert follow(PLANS[name], "keep-data-planes", "start-nodes", "start-batch-1")
        assert PLANS[name].downtime_s == 0


def fleet(mode: DeploymentMode, count: int) -> Deployment:
    """A deployment with that many nodes on either side."""
    deployment = scenarios.ALL["db-less-rolling"]
    assert deployment.new is not None
    old, new = (
        tuple(Node(name=f"{letter}-{n}", role=NodeRole.DATA_PLANE) for n in range(count))
        for letter in "xy"
    )
    return attrs.evolve(
        deployment,
        mode=mode,
        current=attrs.evolve(deployment.current, nodes=old),
        new=attrs.evolve(deployment.new, nodes=new),
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 9, 100, 101, 399, 5000])
def test_a_rolling_upgrade_replaces_every_node_and_never_has_fewer(count: int) -> None:
    made = plan(fleet(DeploymentMode.KONNECT, count))

    serving = fewest = count
    for step in made.steps:
        serving += len(step.nodes) if isinstance(step, StartNodes) else 0
        serving -= len(step.nodes) if isinstance(step, StopNodes) else 0
        fewest = min(fewest, serving)
    assert (fewest, serving) == (count, count)
    assert len(set(ids(made))) == len(made.steps)
    assert len(made.steps) < 60


def test_a_rolling_upgrade_may_have_more_new_nodes_than_there_were() -> None:
    few, many = fleet(DeploymentMode.KONNECT, 2), fleet(DeploymentMode.KONNECT, 7)

    made = plan(attrs.evolve(few, new=many.new))

    stopped = [n for s in made.steps if isinstance(s, StopNodes) for n in s.nodes]
    assert stopped == ["x-0", "x-1"]


def test_a_rolling_upgrade_begins_with_one_node() -> None:
    first = plan(fleet(DeploymentMode.DB_LESS, 100)).step("start-batch-1")

    assert isinstance(first, StartNodes)
    assert first.nodes == ("y-0",)


@pytest.mark.parametrize(
    ("surge", "unavailable", "batches"),
    [(None, 0, [1, 2, 2, 2, 2]), (1, 0, [1] * 9), (4, 0, [1, 4, 4]), (0, 3, [1, 3, 3, 2])],
)
def test_a_batch_keeps_to_its_limits(
    surge: int | None, unavailable: int, batches: list[int]
) -> None:
    settings = Settings(surge=surge, unavailable=unavailable)
    made = plan(scenarios.ALL["db-less-fleet-rolling"], settings=settings)

    starts = [len(step.nodes) for step in made.steps if isinstance(step, StartNodes)]

    assert starts == batches


@pytest.mark.parametrize(("surge", "unavailable"), [(3, 0), (0, 2), (1, 5)])
def test_nodes_that_serve_are_never_more_or_fewer_than_allowed(
    surge: int, unavailable: int
) -> None:
    settings = Settings(surge=surge, unavailable=unavailable)
    made = plan(fleet(DeploymentMode.DB_LESS, 20), settings=settings)

    serving = [20]
    for step in made.steps:
        grown = len(step.nodes) if isinstance(step, StartNodes) else 0
        gone = len(step.nodes) if isinstance(step, StopNodes) else 0
        serving.append(serving[-1] + grown - gone)

    assert min(serving) >= 20 - (unavailable if surge == 0 else 0)
    assert max(serving) <= 20 + surge
    assert serving[-1] == 20


def test_an_upgrade_with_fewer_nodes_meanwhile_is_rehearsed_too() -> None:
    settings = Settings(surge=0, unavailable=1)
    made = plan(scenarios.ALL["db-less-rolling"], settings=settings, probes=PROBES)

    assert follow(made, "stop-batch-1", "start-batch-1", "divert-50", "stop-batch-2")
    assert rehearse(made, faults=()).broken == ()


def test_without_a_node_more_or_fewer_nothing_can_be_replaced() -> None:
    with pytest.raises(PlanError, match=r"a node more \(surge\) or a node fewer"):
        plan(scenarios.ALL["db-less-rolling"], settings=Settings(surge=0))


@EACH
def test_a_step_that_waits_has_a_limit_but_for_people_and_watches(name: str) -> None:
    unlimited = {type(step).__name__ for step in PLANS[name].steps if step.time_limit_s is None}

    assert unlimited <= {"DoByHand", "InstallNodes", "WatchMetrics"}


@EACH
def test_every_data_plane_knows_its_control_planes(name: str) -> None:
    made = PLANS[name]
    assert made.deployment.new is not None
    planes = [n.name for n in made.deployment.new.nodes if n.role is NodeRole.CONTROL_PLANE]

    for step in made.steps:
        if isinstance(step, StartNodes) and step.id.startswith("start-batch"):
            assert list(step.control_planes) == planes
