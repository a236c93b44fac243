"""plan(deployment) -> Plan; also the values that a run and a rehearsal end with."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Protocol

import attrs

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.backup import BackUpDatabase
from kong_lts.deployment import Deployment, DeploymentMode, NodeRole, Side
from kong_lts.errors import FormatError, NotPlannableError
from kong_lts.events import Event, Past
from kong_lts.findings import Finding, Severity, blockers
from kong_lts.migrations import MigrationsFinish, MigrationsUp
from kong_lts.monitoring import Gate, WatchMetrics
from kong_lts.nodes import DoByHand, NoConnections, StartNodes, StopNodes
from kong_lts.protocols import Probe
from kong_lts.restore import (
    CreateDatabase,
    DropDatabase,
    ReplaceDatabase,
    RestoreDatabase,
    RestorePoint,
)
from kong_lts.schema import SchemaState
from kong_lts.serialization import Form, json_schema
from kong_lts.smoke_test import SmokeTest, StagingTest
from kong_lts.step import Reversibility
from kong_lts.strategies import Settings, Strategy, choose_strategy, steps
from kong_lts.traffic import DEFAULT_RAMP, DivertTraffic, RampStage

__all__ = ["AnyStep", "Case", "Plan", "Rehearsal", "Run", "Verdict", "plan"]

AnyStep = (
    StopAdminWrites
    | ResumeAdminWrites
    | BackUpDatabase
    | CreateDatabase
    | DropDatabase
    | RestoreDatabase
    | RestorePoint
    | ReplaceDatabase
    | MigrationsUp
    | MigrationsFinish
    | StartNodes
    | StopNodes
    | DoByHand
    | NoConnections
    | StagingTest
    | SmokeTest
    | DivertTraffic
    | WatchMetrics
)
"""Every step that a plan can hold."""


class _Assessed(Protocol):
    """What `plan` needs of an assessment."""

    @property
    def findings(self) -> tuple[Finding, ...]: ...


@attrs.frozen(kw_only=True)
class Plan:
    """What will be done, in order; it can be written, read and rehearsed without any gateway."""

    deployment: Deployment
    strategy: Strategy
    reasons: tuple[str, ...] = ()
    steps: tuple[AnyStep, ...]
    findings: tuple[Finding, ...] = ()
    """What the assessment said when the plan was made."""
    starts_from: SchemaState | None = None
    """State of the current database; None where there is none. Another one makes the plan stale."""

    @property
    def fingerprint(self) -> str:
        """Hash of everything in the plan; two equal plans have the same."""
        text = _FORM.to_json(self, indent=None)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def point_of_no_return(self) -> int | None:
        """Index of the first step that nothing takes back; None where there is none."""
        for index, step in enumerate(self.steps):
            if step.reversibility is Reversibility.NONE:
                return index
        return None

    @property
    def downtime_s(self) -> float:
        """How long the proxy is expected not to answer, all steps together."""
        return sum(step.effect.downtime_s for step in self.steps)

    def step(self, step_id: str) -> AnyStep:
        """One step by its id.

        Raises:
            KeyError: There is none.
        """
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def to_json(self) -> str:
        """The plan as JSON; its schema is `schemas/plan.json`."""
        return _FORM.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        found = _FORM.from_json(text)
        ids = [step.id for step in found.steps]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise FormatError("plan", (f"two steps have the id {', '.join(twice)}",))
        return found

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """JSON Schema of `to_json`."""
        return json_schema(cls, title="kong_lts plan")


_FORM = Form(Plan, "plan", unions=(AnyStep,))


class Verdict(StrEnum):
    """How a run stands."""

    SUCCEEDED = "succeeded"
    STOPPED = "stopped"
    """Something failed or was interrupted: resume it, or roll back."""
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    """Something could not be taken back: a person must look."""


@attrs.frozen(kw_only=True)
class Run:
    """A run, as its journal tells it."""

    plan: Plan
    events: tuple[Event, ...]
    verdict: Verdict
    stopped_at: str | None = None
    """Id of the step where it stands; None when every step is done or taken back."""
    reason: str | None = None
    """Why it stands there."""
    findings: tuple[Finding, ...] = ()
    """What the steps found."""
    past: Past = attrs.Factory(dict)
    """Outcomes, by step id."""

    @property
    def ok(self) -> bool:
        """Whether the upgrade is done."""
        return self.verdict is Verdict.SUCCEEDED


@attrs.frozen(kw_only=True)
class Case:
    """One rehearsed fault."""

    step: str
    fault: str
    way: str
    """`resume` or `roll back`: what was done about the fault."""
    verdict: Verdict
    broken: tuple[str, ...] = ()
    """The invariants that did not hold."""


@attrs.frozen(kw_only=True)
class Rehearsal:
    """A plan against the simulated world: undisturbed, and with every fault at every step."""

    plan: Plan
    cases: tuple[Case, ...]

    @property
    def broken(self) -> tuple[Case, ...]:
        """Cases in which an invariant did not hold."""
        return tuple(case for case in self.cases if case.broken)

    @property
    def ok(self) -> bool:
        """Whether every invariant held in every case."""
        return not self.broken


def plan(
    deployment: Deployment,
    *,
    strategy: Strategy | str | None = None,
    assessment: _Assessed | None = None,
    ramp: Sequence[RampStage] = (),
    gates: Sequence[Gate] = (),
    probes: Sequence[Probe] = (),
    settings: Settings | None = None,
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

    Raises:
        NotPlannableError: Blockers, or no strategy that fits.
        PlanError: The ramp does not rise to 100%.
    """
    chosen = settings or Settings()
    chosen = attrs.evolve(
        chosen,
        ramp=tuple(ramp) or chosen.ramp or DEFAULT_RAMP,
        gates=tuple(gates) or chosen.gates,
        probes=tuple(probes) or chosen.probes,
    )
    findings = tuple(assessment.findings) if assessment else ()
    choice = choose_strategy(deployment)
    obstacles = [*blockers(findings), *_not_plannable(deployment, choice.strategy, strategy)]
    new = deployment.new
    if obstacles or new is None or choice.strategy is None:
        raise NotPlannableError(tuple(obstacles))
    wanted = Strategy(strategy) if strategy else choice.strategy
    return Plan(
        deployment=deployment,
        strategy=wanted,
        reasons=choice.reasons if wanted is choice.strategy else ("asked for by name",),
        steps=steps(deployment, new, chosen, wanted),  # type: ignore[arg-type] # see AnyStep
        findings=findings,
        starts_from=SchemaState.LTS_2_8 if deployment.mode.has_database else None,
    )


def _not_plannable(
    deployment: Deployment, fits: Strategy | None, wanted: Strategy | str | None
) -> list[Finding]:
    """What speaks against planning at all, beside the assessment."""
    found = [finding for side in Side for finding in _nodes(deployment, side)]
    if fits is None:
        reasons = "; ".join(choose_strategy(deployment).reasons)
        found.append(_obstacle("no-strategy", f"No strategy of the guide fits: {reasons}."))
    if wanted is not None and wanted not in list(Strategy):
        known = ", ".join(Strategy)
        message = f"{wanted!r} is no strategy; there are {known}."
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
