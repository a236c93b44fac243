"""The guide's upgrade strategies: which one fits a deployment, and each one's steps in order."""

import attrs

from kong_lts.deployment import Cluster, Deployment, DeploymentMode
from kong_lts.monitoring import WatchMetrics
from kong_lts.nodes import DoByHand
from kong_lts.step import PlannedStep, Step
from kong_lts.strategies import dual_cluster, hybrid, in_place, rolling
from kong_lts.strategies.choice import Strategy, StrategyChoice, choose_strategy
from kong_lts.strategies.route_probes import RouteProbes, route_probes
from kong_lts.strategies.settings import Settings
from kong_lts.strategies.shared import RESUME

__all__ = [
    "RESUME",
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
    made = (
        hybrid.steps(deployment, new, settings, strategy)
        if deployment.mode is DeploymentMode.HYBRID
        else _STEPS[strategy](deployment, new, settings)
    )
    return tuple(_limited(step, settings) for step in made)


def _limited(step: Step, settings: Settings) -> Step:
    """A step that waits for a while at most; a person and a watch take the time they need."""
    if isinstance(step, DoByHand | WatchMetrics) or not isinstance(step, PlannedStep):
        return step
    return attrs.evolve(step, time_limit_s=settings.time_limit_s)
