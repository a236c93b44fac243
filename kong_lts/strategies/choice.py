"""Which of the guide's strategies fits a deployment, and why."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import attrs

from kong_lts.deployment import DatabaseKind, Deployment, DeploymentMode
from kong_lts.versions import Release

__all__ = ["Strategy", "StrategyChoice", "choose_strategy"]


class Strategy(StrEnum):
    """The guide's strategies."""

    DUAL_CLUSTER = "dual-cluster"
    IN_PLACE = "in-place"
    ROLLING = "rolling"


@attrs.frozen(kw_only=True)
class StrategyChoice:
    """The strategy that the guide's flow chart leads to, and why."""

    strategy: Strategy | None
    """None where nothing fits. In hybrid mode it is the control planes' strategy."""
    data_planes: Strategy | None = None
    """The data planes' strategy in hybrid mode."""
    reasons: tuple[str, ...] = ()
    """Why this one; where none fits, why not."""
    rejected: Mapping[str, str] = attrs.Factory(dict)
    """Why not, by strategy; also those that the guide does not have for this upgrade."""


_ROLLING_IS_FOR_NODES_WITHOUT_A_DATABASE = (
    "it is for nodes without a database of their own, which do not depend on each other"
)
_BLUE_GREEN = (
    "two releases would share one database; the guide has no such strategy for this upgrade, and"
    " rows written by 2.8 after `up` keep regex paths that 3.4 reads as plain ones"
)


def choose_strategy(deployment: Deployment) -> StrategyChoice:
    """Walk the guide's flow chart.

    Returns:
        The choice, with a reason for it and one against each other strategy.

    Source:
        guide, Deployment modes.
    """
    if obstacle := _obstacle(deployment):
        return StrategyChoice(
            strategy=None, reasons=(obstacle,), rejected=dict.fromkeys(Strategy, obstacle)
        )
    if not deployment.mode.has_database:
        return _rolling(deployment)
    choice = _with_a_database(deployment)
    if deployment.mode is DeploymentMode.HYBRID and choice.strategy is not None:
        return attrs.evolve(
            choice,
            data_planes=Strategy.ROLLING,
            reasons=(
                *choice.reasons,
                "hybrid mode: control planes first, then the data planes, node by node; data"
                " planes go on serving from their cache meanwhile",
            ),
        )
    return choice


def _obstacle(deployment: Deployment) -> str | None:
    """What speaks against every strategy."""
    database = deployment.current.database
    if database is not None and database.kind is DatabaseKind.CASSANDRA:
        return "3.4 does not support Cassandra: move to PostgreSQL while still on 2.8"
    if deployment.current.version.release is not Release.V2_8:
        return f"the current version is {deployment.current.version}, not 2.8 LTS"
    new = deployment.new
    if new is not None and new.version.release is not Release.V3_4:
        return f"the new version is {new.version}, not 3.4 LTS"
    if new is not None and new.version.edition is not deployment.current.version.edition:
        return (
            f"{deployment.current.version} is {deployment.current.version.edition} and"
            f" {new.version} is {new.version.edition}: an upgrade does not change the edition"
        )
    return None


def _rolling(deployment: Deployment) -> StrategyChoice:
    no_database = "there is no database to copy or to migrate"
    return StrategyChoice(
        strategy=Strategy.ROLLING,
        reasons=(
            f"{deployment.mode} mode: each node holds its own copy of the configuration, so new"
            " nodes can be added while current ones are taken away",
        ),
        rejected={
            Strategy.DUAL_CLUSTER: no_database,
            Strategy.IN_PLACE: no_database,
            "blue-green": no_database,
        },
    )


def _with_a_database(deployment: Deployment) -> StrategyChoice:
    resources = deployment.resources
    rejected = {
        Strategy.ROLLING: _ROLLING_IS_FOR_NODES_WITHOUT_A_DATABASE,
        "blue-green": _BLUE_GREEN,
    }
    if resources.second_cluster:
        return _dual_cluster(deployment, rejected)
    why_not_dual = (
        "a second cluster cannot be afforded"
        if resources.second_cluster is False
        else "nobody said that a second cluster can be afforded"
    )
    if resources.downtime_acceptable or deployment.mode is DeploymentMode.HYBRID:
        return StrategyChoice(
            strategy=Strategy.IN_PLACE,
            reasons=tuple(_reasons_in_place(deployment, why_not_dual)),
            rejected={**rejected, Strategy.DUAL_CLUSTER: why_not_dual},
        )
    return StrategyChoice(
        strategy=None,
        reasons=(
            f"{why_not_dual}, and downtime is not said to be acceptable: get the resources for a"
            " second cluster, or agree on a window",
        ),
        rejected={
            **rejected,
            Strategy.DUAL_CLUSTER: why_not_dual,
            Strategy.IN_PLACE: "it stops the current cluster, and downtime is not acceptable",
        },
    )


def _dual_cluster(deployment: Deployment, rejected: Mapping[str, str]) -> StrategyChoice:
    return StrategyChoice(
        strategy=Strategy.DUAL_CLUSTER,
        reasons=(
            f"{deployment.mode} mode, and a second cluster with a database of its own can be"
            " afforded: the safest strategy, without planned downtime",
        ),
        rejected={
            **rejected,
            Strategy.IN_PLACE: "it stops the current cluster; a second one can be afforded",
        },
    )


def _reasons_in_place(deployment: Deployment, why_not_dual: str) -> Iterator[str]:
    yield f"{deployment.mode} mode, and {why_not_dual}"
    if deployment.mode is DeploymentMode.HYBRID:
        yield "only administration stops, since the data planes go on serving"
    else:
        yield "downtime is acceptable"
