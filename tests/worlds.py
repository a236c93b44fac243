"""What tests of steps and runs share: a simulated deployment, its plan, short words for both."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

import attrs

from kong_lts.deployment import Deployment
from kong_lts.events import Past
from kong_lts.findings import Finding
from kong_lts.monitoring import Gate, WatchMetrics
from kong_lts.nodes import DoByHand
from kong_lts.planning import Plan, plan
from kong_lts.protocols import Adapters, Probe
from kong_lts.schema import SchemaState
from kong_lts.strategies import Settings, Strategy, choose_strategy
from kong_lts.testing import scenarios
from kong_lts.testing.simulation import World
from kong_lts.traffic import RampStage

AT = "2026-01-01T00:00:00+00:00"
NO_PAST: Past = MappingProxyType({})
DUAL_CLUSTER = scenarios.ALL["traditional-dual-cluster"]
SETTINGS = Settings(files=("/etc/kong/kong.conf",), kong_yml="/etc/kong/kong.yml")
PROBES = (
    Probe(name="root", path="/orders/1", headers={"Authorization": "env:PROBE_TOKEN"}),
    Probe(name="nowhere", path="/nowhere", expect_status=404, expect_in_body="no Route"),
)


def a_plan(deployment: Deployment = DUAL_CLUSTER, settings: Settings = SETTINGS) -> Plan:
    """A plan with a short ramp, and a person to be asked."""
    return plan(
        deployment,
        ramp=(RampStage(10, bake_s=30), RampStage(100, bake_s=60, approval=True)),
        gates=(Gate(max_more=0.01),),
        probes=PROBES,
        settings=settings,
    )


def a_world(deployment: Deployment = DUAL_CLUSTER) -> World:
    """The deployment, healthy and before its upgrade."""
    return World.of(deployment)


def plans() -> dict[str, Plan]:
    """A plan for each scenario that can be planned, by name."""
    found = {name: choose_strategy(deployment) for name, deployment in scenarios.ALL.items()}
    return {name: a_plan(scenarios.ALL[name]) for name, choice in found.items() if choice.strategy}


def world_of(plan: Plan) -> World:
    """The deployment of a plan, healthy and before its upgrade."""
    return World.of(plan.deployment, in_place=plan.strategy is Strategy.IN_PLACE)


def restored_world(state: SchemaState = SchemaState.LTS_2_8) -> World:
    """One whose new database is there already, as a copy that is migrated as far as *state*."""
    world = a_world()
    new = world.new.database
    new.exists, new.owner, new.rows = True, "a run", dict(world.current.database.rows)
    if state in (SchemaState.UP, SchemaState.LTS_3_4):
        world.migrate_up(new)
    new.state = state
    return world


def without(adapters: Adapters, side: str, *names: str) -> Adapters:
    """The same adapters, with some of one side taken out."""
    taken_out: dict[str, Any] = {name: {} if name == "nodes" else None for name in names}
    changed: dict[str, Any] = {side: attrs.evolve(getattr(adapters, side), **taken_out)}
    return attrs.evolve(adapters, **changed)


def rules(findings: Iterable[Finding]) -> list[str]:
    """The rules of findings, in their order."""
    return [finding.rule for finding in findings]


def asking(plan: Plan) -> list[str]:
    """Ids of the steps that ask a person, in their order."""
    return [
        step.id
        for step in plan.steps
        if isinstance(step, DoByHand) or (isinstance(step, WatchMetrics) and step.question)
    ]
