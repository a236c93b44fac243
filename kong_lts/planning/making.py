"""plan(deployment): the plan of an upgrade, or what stands in its way."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs

from kong_lts import catalog
from kong_lts.deployment import (
    Cluster,
    Deployment,
    DeploymentMode,
    NodeRole,
    Side,
    contradictions,
)
from kong_lts.errors import NotPlannableError
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding, Severity, blockers
from kong_lts.monitoring import Gate
from kong_lts.planning.mixed_window import apart, divided, mixed_window
from kong_lts.planning.plans import Plan
from kong_lts.planning.preproduction import Preproduction, preproduction_findings
from kong_lts.protocols import Probe
from kong_lts.routing import Difference
from kong_lts.schema import SchemaState
from kong_lts.strategies import (
    RouteProbes,
    Settings,
    Strategy,
    choose_strategy,
    restoration,
    route_probes,
    steps,
)
from kong_lts.traffic import DEFAULT_RAMP, RampStage
from kong_lts.unshared import RateLimit, Sessions

__all__ = ["plan", "plan_restore"]

_MOST_SHOWN = 5


class _Assessed(Protocol):
    """What `plan` needs of an assessment."""

    @property
    def findings(self) -> tuple[Finding, ...]: ...

    @property
    def route_changes(self) -> tuple[Difference, ...]: ...

    @property
    def rate_limits(self) -> tuple[RateLimit, ...]: ...

    @property
    def sessions(self) -> tuple[Sessions, ...]: ...


def plan(
    deployment: Deployment,
    *,
    strategy: Strategy | str | None = None,
    assessment: _Assessed | None = None,
    ramp: Sequence[RampStage] = (),
    gates: Sequence[Gate] = (),
    probes: Sequence[Probe] = (),
    settings: Settings | None = None,
    evidence: Evidence | None = None,
    preproduction: Preproduction | None = None,
    require_preproduction: bool = False,
) -> Plan:
    """Plan the upgrade of a deployment.

    Args:
        deployment: With its new cluster.
        strategy: The guide's choice if None; another one is refused unless it fits too.
        assessment: What was found; a blocker in it refuses the plan.
        ramp: Stages of the diversion; 1, 10, 50 and 100% if empty.
        gates: What the new cluster must keep to at each stage.
        probes: Requests of the staging and smoke tests.
        settings: Everything else; the arguments above win.
        evidence: What the assessment was made from: the downtime to expect comes from it, and the
            plan's fingerprint is that of this evidence too.
        preproduction: A run of the same upgrade elsewhere; what differs becomes findings.
        require_preproduction: Whether there is no plan without such a run that succeeded.

    Raises:
        NotPlannableError: Blockers, or no strategy that fits.
        PlanError: The ramp does not rise to 100%.
    """
    completed = _completed(_given(settings, ramp, gates, probes), assessment, evidence)
    findings = (*assessment.findings, *_not_probed(completed.route_probes)) if assessment else ()
    if preproduction is not None or require_preproduction:
        findings += tuple(preproduction_findings(deployment, evidence, preproduction))
    new, wanted, reasons = _chosen(deployment, strategy, findings)
    chosen, kept = divided(deployment, wanted, completed, apart(deployment, assessment, evidence))
    made = steps(deployment, new, chosen, wanted)
    window = mixed_window(deployment, chosen, made)
    return Plan(
        deployment=deployment,
        strategy=wanted,
        reasons=reasons,
        steps=made,  # type: ignore[arg-type] # see AnyStep
        findings=(*findings, *_debug_header(chosen), *window, *kept),
        starts_from=SchemaState.LTS_2_8 if deployment.mode.has_database else None,
        inputs=None if evidence is None else _digest(evidence),
    )


def _given(
    settings: Settings | None,
    ramp: Sequence[RampStage],
    gates: Sequence[Gate],
    probes: Sequence[Probe],
) -> Settings:
    """The settings; an argument of its own wins."""
    given = settings or Settings()
    return attrs.evolve(
        given,
        ramp=tuple(ramp) or given.ramp,
        gates=tuple(gates) or given.gates,
        probes=tuple(probes) or given.probes,
    )


def _chosen(
    deployment: Deployment, strategy: Strategy | str | None, findings: Sequence[Finding]
) -> tuple[Cluster, Strategy, tuple[str, ...]]:
    """The new cluster, the strategy, and the reasons for it.

    Raises:
        NotPlannableError: Something stands in the way.
    """
    choice = choose_strategy(deployment)
    obstacles = [*blockers(findings), *_not_plannable(deployment, choice.strategy, strategy)]
    if obstacles or deployment.new is None or choice.strategy is None:
        raise NotPlannableError(tuple(obstacles))
    wanted = Strategy(strategy) if strategy else choice.strategy
    reasons = choice.reasons if wanted is choice.strategy else ("asked for by name",)
    return deployment.new, wanted, reasons


def _completed(
    given: Settings, assessment: _Assessed | None, evidence: Evidence | None
) -> Settings:
    """The settings, with what the assessment and the evidence say beside their maker."""
    return attrs.evolve(
        given,
        ramp=given.ramp or DEFAULT_RAMP,
        route_probes=route_probes(assessment.route_changes, tls=given.tls_probes)
        if assessment
        else given.route_probes,
        configuration_rows=_rows(evidence) if evidence else given.configuration_rows,
    )


def _rows(evidence: Evidence) -> int | None:
    """Rows of configuration in the database; None where nobody looked."""
    if evidence.database is None:
        return None
    runtime = frozenset(catalog.migrations().runtime_tables)
    tables = evidence.database.tables
    return sum(count for table, count in tables.items() if table not in runtime)


def _digest(evidence: Evidence) -> str:
    """Tells one evidence from another; nothing of it can be read from there."""
    text = evidence.to_json().encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()


def plan_restore(
    deployment: Deployment,
    *,
    declarative: bool = False,
    over: str | None = None,
    settings: Settings | None = None,
) -> Plan:
    """Plan the way back of the current cluster from a backup, where `roll_back` cannot take it.

    Args:
        deployment: Its current cluster is restored; it has a database.
        declarative: Whether the database backup cannot be used: then an empty database of the
            current release is bootstrapped, and decK fills it.
        over: Name of the database that is replaced, where it is meant although the backup is of
            another one: one that was made anew because the first is gone, or was restored before.
        settings: Names the backup.

    Raises:
        NotPlannableError: There is no database, or no node.
    """
    obstacles = list(_nodes(deployment, Side.CURRENT))
    if not deployment.mode.has_database:
        obstacles.append(_obstacle("no-database", "There is no database that could be restored."))
    if obstacles:
        raise NotPlannableError(tuple(obstacles))
    return Plan(
        deployment=deployment,
        strategy=Strategy.IN_PLACE,
        reasons=("a restore of the current cluster from its backup",),
        steps=restoration.steps(
            deployment, settings or Settings(), declarative=declarative, over=over
        ),  # type: ignore[arg-type] # see AnyStep
    )


def _not_probed(probes: RouteProbes) -> Iterator[Finding]:
    """Requests of the assessment that the staging test leaves out."""
    if probes.left_out:
        shown = "; ".join(probes.left_out[:_MOST_SHOWN])
        more = f"; and {rest} more" if (rest := len(probes.left_out) - _MOST_SHOWN) > 0 else ""
        yield Finding(
            rule="staging-test-leaves-out",
            severity=Severity.INFO,
            subject="plan",
            message=f"The staging test of the routes that change leaves out {shown}{more}.",
            action="Send these by hand to both clusters where that does no harm.",
            source="guide, Dual-cluster upgrade, step 5",
        )


def _debug_header(settings: Settings) -> Iterator[Finding]:
    """What the tests need of the new cluster, which 3.4 does not do by itself."""
    if settings.asking_for_routes:
        yield Finding(
            rule="debug-header-needed",
            severity=Severity.WARNING,
            subject="plan",
            message="The tests ask which route answers; 2.8 tells that whoever sends `Kong-Debug:"
            " 1`, and 3.4 only with `allow_debug_header = on`, which is off by default.",
            action="Set it in the kong.conf of the new nodes before the night: the step"
            " allow-debug-header asks for it if it is not there, and withdraw-debug-header has it"
            " taken out again.",
            source="Kong/kong 3.4.2 kong.conf.default, allow_debug_header",
        )


def _not_plannable(
    deployment: Deployment, fits: Strategy | None, wanted: Strategy | str | None
) -> list[Finding]:
    """What speaks against planning at all, beside the assessment."""
    found = [finding for side in Side for finding in _nodes(deployment, side)]
    found += contradictions(deployment)
    if fits is None:
        reasons = "; ".join(choose_strategy(deployment).reasons)
        found.append(_obstacle("no-strategy", f"No strategy of the guide fits: {reasons}."))
    if wanted is not None and wanted not in list(Strategy):
        known = ", ".join(Strategy)
        why = choose_strategy(deployment).rejected.get(wanted)
        message = f"{wanted!r} is no strategy here; there are {known}."
        message = f"{wanted} is refused: {why}." if why else message
        found.append(_obstacle("unknown-strategy", message))
    elif fits is not None and wanted is not None and Strategy(wanted) is not fits:
        why = choose_strategy(deployment).rejected[Strategy(wanted)]
        found.append(_obstacle("strategy-rejected", f"{wanted} does not fit: {why}."))
    return found


def _nodes(deployment: Deployment, side: Side) -> Iterator[Finding]:
    """What keeps the nodes of one cluster from being started or stopped."""
    cluster = deployment.cluster(side)
    if cluster is None:
        yield _obstacle(f"{side}-cluster-missing", f"The deployment names no {side} cluster.")
        return
    if not cluster.nodes:
        yield _obstacle(f"{side}-nodes-missing", f"The {side} cluster has no nodes.")
    for name, count in Counter(node.name for node in cluster.nodes).items():
        if count > 1:
            yield _obstacle("node-twice", f"{count} nodes of the {side} cluster are named {name}.")
    if deployment.mode is not DeploymentMode.HYBRID:
        return
    roles = {node.role for node in cluster.nodes}
    for role in (NodeRole.CONTROL_PLANE, NodeRole.DATA_PLANE):
        if role not in roles:
            yield _obstacle("role-missing", f"No node of the {side} cluster has the role {role}.")
    for node in cluster.nodes:
        if node.role not in (NodeRole.CONTROL_PLANE, NodeRole.DATA_PLANE):
            yield _obstacle("role-unknown", f"Is node {node.name} a control plane or a data plane?")


def _obstacle(rule: str, message: str) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.BLOCKER,
        subject="plan",
        message=message,
        action="Complete or correct the deployment.",
        source="guide, Upgrade strategies",
    )
