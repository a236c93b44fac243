"""The steps of an upgrade in hybrid mode: control planes first, then data planes in batches."""

from collections.abc import Iterator

import attrs

from kong_lts.deployment import Cluster, Deployment, Side
from kong_lts.monitoring import Gate, Measure
from kong_lts.nodes import GuardDataPlanes
from kong_lts.smoke_test import SmokeTest
from kong_lts.step import Step
from kong_lts.strategies import dual_cluster, in_place, rolling, shared
from kong_lts.strategies.choice import Strategy
from kong_lts.strategies.settings import Settings

__all__ = ["steps"]

_GUIDE = "Hybrid mode, step"
_NOTE = "note-data-planes"
"""Id of the step that notes how the current data planes are."""


def steps(
    deployment: Deployment, new: Cluster, settings: Settings, strategy: Strategy
) -> tuple[Step, ...]:
    """The whole upgrade of control planes and data planes.

    A control plane is never older than a data plane, and a data plane never meets a control plane
    of the other release: measured, both refuse.

    Args:
        deployment: In hybrid mode.
        new: The nodes it becomes, with their roles.
        settings: What the plan's maker decides.
        strategy: Of the control planes.

    Source:
        guide, Hybrid mode, steps 1 to 3.
    """
    return (
        _keep_data_planes(strategy),
        _custom_plugins(),
        *_control_planes(deployment, new, settings, strategy),
        _guard(deployment.current, "guard-data-planes", since=_NOTE),
        *rolling.replacement(deployment.current, new, _in_sync(settings), guide=_GUIDE),
        shared.test(
            SmokeTest,
            "smoke-test",
            "Perform upgrade, step 3",
            settings,
            "now that it has all traffic",
        ),
        *shared.debug_header(settings, new, "Perform upgrade, step 3", on=False),
        *_completion(deployment, settings, strategy),
    )


def _in_sync(settings: Settings) -> Settings:
    """The same, with a gate on the data planes where the Admin API of the new cluster is given."""
    gate = Gate(measure=Measure.DATA_PLANES, must_have_data=False)
    return attrs.evolve(settings, gates=(*settings.gates, gate))


def _keep_data_planes(strategy: Strategy) -> Step:
    stays = (
        "They stay on the current control plane until each is replaced."
        if strategy is Strategy.DUAL_CLUSTER
        else "They go on with their last configuration while there is no control plane for them."
    )
    return shared.by_hand(
        "keep-data-planes",
        f"{_GUIDE} 1",
        Side.CURRENT,
        "Keep the current data planes running as they are",
        f"{stays} A 2.8 data plane that restarts without its control plane has only its cache:"
        " stop whatever restarts them (updates, autoscaling, rollouts), look that the cache file is"
        " there, and point none of them at a 3.4 control plane, which refuses it.",
    )


def _guard(current: Cluster, name: str, *, since: str | None = None) -> Step:
    """Do the current data planes still serve, before anything is done to their control planes, and
    when the new ones are there?"""
    return GuardDataPlanes(
        id=name,
        guide=f"{_GUIDE} 1",
        side=Side.CURRENT,
        nodes=shared.without_database(current.nodes),
        version=str(current.version),
        since=since,
    )


def _custom_plugins() -> Step:
    return shared.by_hand(
        "custom-plugins",
        f"{_GUIDE} 1",
        Side.NEW,
        "Have the custom plugins ready for 3.4",
        "Install them on the new control planes first, then on the new data planes; same major"
        " version on both.",
    )


def _control_planes(
    deployment: Deployment, new: Cluster, settings: Settings, strategy: Strategy
) -> Iterator[Step]:
    made = (
        dual_cluster.control_planes(deployment, new, settings)
        if strategy is Strategy.DUAL_CLUSTER
        else in_place.control_planes(deployment, new, settings, downtime=False)
    )
    for step in made:
        yield step
        if step.id == shared.EVALUATE:  # nothing changes any more, and nothing is touched yet
            yield _guard(deployment.current, _NOTE)


def _completion(deployment: Deployment, settings: Settings, strategy: Strategy) -> Iterator[Step]:
    if strategy is Strategy.DUAL_CLUSTER:
        yield from dual_cluster.completion(deployment, settings)
    else:
        yield from in_place.completion(settings)
