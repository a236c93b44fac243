"""The guide's flow chart, walked for every deployment that there can be."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.deployment import (
    Cluster,
    DatabaseKind,
    DatabaseSettings,
    Deployment,
    DeploymentMode,
    Resources,
)
from kong_lts.strategies import Strategy, choose_strategy
from kong_lts.testing import scenarios
from kong_lts.testing.generators import deployments, values_of
from kong_lts.versions import KongVersion
from tests.conftest import counted

DUAL, IN_PLACE, ROLLING = Strategy.DUAL_CLUSTER, Strategy.IN_PLACE, Strategy.ROLLING


def deployed(
    mode: str, resources: Resources | None = None, current: str = "2.8.5", new: str | None = "3.4.2"
) -> Deployment:
    return Deployment(
        mode=DeploymentMode(mode),
        current=Cluster(version=KongVersion.parse(current)),
        new=Cluster(version=KongVersion.parse(new)) if new else None,
        resources=resources or Resources(),
    )


def afford(second: bool | None = None, downtime: bool | None = None) -> Resources:
    return Resources(second_cluster=second, downtime_acceptable=downtime)


@pytest.mark.parametrize(
    ("mode", "resources", "strategy", "data_planes"),
    [
        ("traditional", afford(second=True), DUAL, None),
        ("traditional", afford(second=True, downtime=True), DUAL, None),
        ("traditional", afford(second=True, downtime=False), DUAL, None),
        ("traditional", afford(second=False, downtime=True), IN_PLACE, None),
        ("traditional", afford(downtime=True), IN_PLACE, None),
        ("traditional", afford(second=False, downtime=False), None, None),
        ("traditional", afford(), None, None),
        ("hybrid", afford(second=True), DUAL, ROLLING),
        ("hybrid", afford(second=False), IN_PLACE, ROLLING),
        ("hybrid", afford(), IN_PLACE, ROLLING),
        ("db-less", afford(), ROLLING, None),
        ("db-less", afford(second=True, downtime=True), ROLLING, None),
        ("konnect", afford(second=False, downtime=False), ROLLING, None),
    ],
)
def test_mode_and_resources_lead_to_a_strategy(
    mode: str, resources: Resources, strategy: Strategy | None, data_planes: Strategy | None
) -> None:
    choice = choose_strategy(deployed(mode, resources))

    assert (choice.strategy, choice.data_planes) == (strategy, data_planes)


@settings(max_examples=counted(1000))
@given(deployment=deployments())
def test_every_strategy_is_chosen_or_rejected_with_a_reason(deployment: Deployment) -> None:
    choice = choose_strategy(deployment)

    assert choice.reasons
    assert all(choice.reasons)
    assert {*choice.rejected, *filter(None, [choice.strategy])} >= set(Strategy)
    assert choice.strategy not in choice.rejected
    assert all(choice.rejected.values())


@settings(max_examples=counted(500))
@given(mode=st.sampled_from(DeploymentMode), resources=values_of(Resources))
def test_what_is_not_said_is_never_taken_for_yes(
    mode: DeploymentMode, resources: Resources
) -> None:
    said = choose_strategy(deployed(mode, resources))
    unsaid = choose_strategy(deployed(mode, afford()))

    if said.strategy is DUAL:
        assert resources.second_cluster is True
    if said.strategy is IN_PLACE and mode is DeploymentMode.TRADITIONAL:
        assert resources.downtime_acceptable is True
    assert unsaid.strategy is not DUAL


@pytest.mark.parametrize(
    ("current", "new", "reason"),
    [
        ("2.7.2", "3.4.2", "the current version is 2.7.2, not 2.8 LTS"),
        ("3.4.2", "3.4.2", "the current version is 3.4.2, not 2.8 LTS"),
        ("2.8.5", "3.3.1", "the new version is 3.3.1, not 3.4 LTS"),
        ("2.8.5", "2.8.5", "the new version is 2.8.5, not 3.4 LTS"),
        ("2.8.5", "3.4.3.5", "an upgrade does not change the edition"),
        ("2.8.4.14", "3.4.2", "an upgrade does not change the edition"),
    ],
)
def test_any_other_upgrade_has_no_strategy(current: str, new: str, reason: str) -> None:
    choice = choose_strategy(deployed("traditional", afford(second=True), current, new))

    assert choice.strategy is None
    assert reason in choice.reasons[0]
    assert set(choice.rejected) == set(Strategy)


@pytest.mark.parametrize(
    ("current", "new"), [("2.8.5", "3.4.2"), ("2.8.4.14", "3.4.3.5"), ("2.8.0", None)]
)
def test_the_upgrade_of_the_guide_has_one(current: str, new: str | None) -> None:
    choice = choose_strategy(deployed("traditional", afford(second=True), current, new))

    assert choice.strategy is DUAL


@pytest.mark.parametrize("kind", list(DatabaseKind))
def test_cassandra_is_left_before_the_upgrade(kind: DatabaseKind) -> None:
    deployment = deployed("traditional", afford(second=True))
    current = attrs.evolve(deployment.current, database=DatabaseSettings(kind=kind))

    choice = choose_strategy(attrs.evolve(deployment, current=current))

    assert (choice.strategy is None) == (kind is DatabaseKind.CASSANDRA)
    assert ("Cassandra" in choice.reasons[0]) == (kind is DatabaseKind.CASSANDRA)


def test_blue_green_is_rejected_by_name() -> None:
    """The guide names it, and does not have it for this upgrade."""
    for name in ("traditional-dual-cluster", "traditional-in-place", "db-less-rolling"):
        assert choose_strategy(scenarios.ALL[name]).rejected["blue-green"]
