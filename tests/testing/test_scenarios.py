"""The ready deployments: enough of them, of every kind, and each what its name says."""

import pytest

from kong_lts.deployment import DatabaseKind, Deployment, DeploymentMode, NodeRole, parse_deployment
from kong_lts.strategies import Strategy, choose_strategy
from kong_lts.testing.scenarios import ALL
from kong_lts.versions import Edition

EACH = pytest.mark.parametrize("name", ALL)


def test_there_are_at_least_eight() -> None:
    assert len(ALL) >= 8


def test_every_mode_edition_and_strategy_is_among_them() -> None:
    choices = [choose_strategy(deployment) for deployment in ALL.values()]

    assert {deployment.mode for deployment in ALL.values()} == set(DeploymentMode)
    assert {d.current.version.edition for d in ALL.values()} == set(Edition)
    assert {choice.strategy for choice in choices} == {*Strategy, None}
    assert {choice.data_planes for choice in choices} == {Strategy.ROLLING, None}


@EACH
def test_the_name_says_which_strategy_fits(name: str) -> None:
    strategy = choose_strategy(ALL[name]).strategy

    assert [fits for fits in Strategy if name.endswith(fits)] in ([], [strategy])


@EACH
def test_both_clusters_are_described(name: str) -> None:
    deployment = ALL[name]
    new = deployment.new

    assert new is not None
    assert len(deployment.current.nodes) == len(new.nodes) > 0
    assert {n.name for n in deployment.current.nodes}.isdisjoint(n.name for n in new.nodes)
    assert (deployment.current.database is None) == (not deployment.mode.has_database)


@EACH
def test_nodes_have_the_roles_of_the_mode(name: str) -> None:
    wanted = {
        DeploymentMode.HYBRID: {NodeRole.CONTROL_PLANE, NodeRole.DATA_PLANE},
        DeploymentMode.KONNECT: {NodeRole.DATA_PLANE},
    }

    roles = {node.role for node in ALL[name].current.nodes}

    assert roles == wanted.get(ALL[name].mode, {NodeRole.TRADITIONAL})


@EACH
def test_a_scenario_is_an_inventory_without_a_secret(name: str) -> None:
    assert parse_deployment(ALL[name].to_json()) == ALL[name]
    assert "://" not in ALL[name].to_json()


def test_one_of_them_is_of_cassandra_and_one_has_a_keyring() -> None:
    def kind(deployment: Deployment) -> DatabaseKind | None:
        return deployment.current.database.kind if deployment.current.database else None

    assert [name for name in ALL if kind(ALL[name]) is DatabaseKind.CASSANDRA] == ["cassandra"]
    assert [name for name in ALL if ALL[name].current.keyring] == ["enterprise-keyring"]


def test_nobody_changes_them() -> None:
    assert not hasattr(ALL, "__setitem__")
