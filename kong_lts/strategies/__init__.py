"""The guide's upgrade strategies: which one fits a deployment, and each one's steps in order."""

from kong_lts.deployment import Cluster, Deployment, DeploymentMode
from kong_lts.step import Step
from kong_lts.strategies import dual_cluster, hybrid, in_place, rolling
from kong_lts.strategies.choice import Strategy, StrategyChoice, choose_strategy
from kong_lts.strategies.route_probes import RouteProbes, route_probes
from kong_lts.strategies.settings import Settings

__all__ = [
    "RouteProbes",
    "Settings",
    "Strategy",
    "StrategyChoice",
    "choose_strategy",
    "route_probes",
    "steps",
]

_STEPS = {
    Strategy.DUAL_CLUSTER: dual_cluster.steps,
    Strategy.IN_PLACE: in_place.steps,
    Strategy.ROLLING: rolling.steps,
}


def steps(
    deployment: Deployment, new: Cluster, settings: Settings, strategy: Strategy
) -> tuple[Step, ...]:
    """All steps of an upgrade, in the guide's order.

    Args:
        deployment: What is upgraded.
        new: The cluster it becomes.
        settings: What the plan's maker decides.
        strategy: The one that fits; in hybrid mode that of the control planes.
    """
    if deployment.mode is DeploymentMode.HYBRID:
        return hybrid.steps(deployment, new, settings, strategy)
    return _STEPS[strategy](deployment, new, settings)
