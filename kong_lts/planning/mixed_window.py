"""What a plan does about the time in which both clusters serve, and what it says of its cost."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs

from kong_lts.checks import Case, unshared
from kong_lts.deployment import Cluster, Deployment, DeploymentMode, NodeRole
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding
from kong_lts.monitoring import WatchMetrics, WindowEnd
from kong_lts.step import Step
from kong_lts.strategies import Settings, Strategy
from kong_lts.traffic import DivertTraffic, Keeping, MixedWindow, RampStage, keeping
from kong_lts.unshared import RateLimit, Sessions
from kong_lts.versions import Edition

__all__ = ["Apart", "apart", "divided", "mixed_window"]

_SESSIONS = "plugin-session-invalidated"
"""The rule of the catalog that finds plugins with sessions."""
_AT_THE_END = {
    WindowEnd.ASK: "somebody is asked whether a stage goes on",
    WindowEnd.ROLL_BACK: "the traffic is led back, and the run stops",
}


class _Assessed(Protocol):
    """What is needed of an assessment."""

    @property
    def findings(self) -> tuple[Finding, ...]: ...

    @property
    def rate_limits(self) -> tuple[RateLimit, ...]: ...

    @property
    def sessions(self) -> tuple[Sessions, ...]: ...


@attrs.frozen(kw_only=True)
class Apart:
    """What each cluster has for itself."""

    limits: tuple[RateLimit, ...] = ()
    sessions: tuple[Sessions, ...] = ()


def apart(deployment: Deployment, assessment: _Assessed | None, evidence: Evidence | None) -> Apart:
    """What the assessment saw of limits and sessions; the evidence, where there is none."""
    if assessment is not None:
        told = any(finding.rule == _SESSIONS for finding in assessment.findings)
        sessions = assessment.sessions or ((Sessions(plugin="session"),) if told else ())
        return Apart(limits=assessment.rate_limits, sessions=sessions)
    if evidence is None:
        return Apart()
    found = list(unshared.unshared(Case(deployment, evidence)))
    return Apart(
        limits=tuple(one for one in found if isinstance(one, RateLimit)),
        sessions=tuple(one for one in found if isinstance(one, Sessions)),
    )


def divided(
    deployment: Deployment, strategy: Strategy, settings: Settings, seen: Apart
) -> tuple[Settings, tuple[Finding, ...]]:
    """The settings with what was seen, where their maker says nothing of it, and what that means.

    Sessions that nothing keeps on one side have the traffic diverted in one stage.
    """
    limits = seen.limits if settings.rate_limits is None else settings.rate_limits
    if strategy is Strategy.IN_PLACE and deployment.mode is not DeploymentMode.HYBRID:
        return attrs.evolve(settings, rate_limits=limits), ()
    by_stages = strategy is Strategy.DUAL_CLUSTER and deployment.mode is not DeploymentMode.HYBRID
    kept = _keeping(deployment, settings, seen, by_stages=by_stages)
    return attrs.evolve(
        settings,
        rate_limits=limits,
        sessions=kept.everywhere,
        session_hosts=kept.hosts,
        ramp=_at_once(settings.ramp) if kept.at_once else settings.ramp,
    ), tuple(kept.findings())


def _keeping(
    deployment: Deployment, settings: Settings, seen: Apart, *, by_stages: bool
) -> Keeping:
    balancer = deployment.load_balancer
    kind = balancer.kind if balancer else None
    if settings.sessions is False:
        return Keeping(kind=kind)
    if settings.sessions:
        seen = Apart(sessions=(Sessions(plugin="session"),))
    elif settings.session_hosts:
        seen = Apart(sessions=(Sessions(plugin="session", hosts=settings.session_hosts),))
    return keeping(seen.sessions, kind, by_stages=by_stages)


def _at_once(stages: Sequence[RampStage]) -> tuple[RampStage, ...]:
    """One stage, watched as long as the longest, and approved where one was."""
    if len(stages) < 2:
        return tuple(stages)
    longest = max(stage.bake_s for stage in stages)
    return (RampStage(100, longest, any(stage.approval for stage in stages)),)


def mixed_window(
    deployment: Deployment, settings: Settings, steps: Sequence[Step]
) -> Iterator[Finding]:
    """What it costs that both clusters serve for a while, by the stages that the plan has."""
    new = deployment.new
    window = MixedWindow(
        stages=_stages(steps),
        hold_s=settings.hold_s,
        most_s=settings.mixed_window_s,
        at_the_end=_AT_THE_END[settings.window_end],
        limits=settings.rate_limits or (),
        current_nodes=_serving(deployment.current),
        new_nodes=1 if new is None else _serving(new),
        vitals=deployment.current.version.edition is Edition.ENTERPRISE
        and deployment.mode.has_database,
    )
    yield from window.findings()


def _stages(steps: Sequence[Step]) -> tuple[RampStage, ...]:
    """Each share that is diverted, and how long it is watched."""
    watched = {
        step.share_percent: step.watch_s
        for step in steps
        if isinstance(step, WatchMetrics) and not step.question
    }
    diverted = [step for step in steps if isinstance(step, DivertTraffic)]
    return tuple(
        RampStage(step.new_percent, watched.get(step.new_percent, 0.0)) for step in diverted
    )


def _serving(cluster: Cluster) -> int:
    """How many nodes have traffic: all but control planes."""
    nodes = [node for node in cluster.nodes if node.role is not NodeRole.CONTROL_PLANE]
    return max(len(nodes), 1)
