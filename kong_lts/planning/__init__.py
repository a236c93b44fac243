"""plan(deployment) -> Plan; also the values that a run and a rehearsal end with."""

from kong_lts.planning.differences import PlanChange, PlanDifference, plan_differences
from kong_lts.planning.ends import Case, Rehearsal, Run, Verdict
from kong_lts.planning.guards import guards
from kong_lts.planning.making import plan, plan_restore
from kong_lts.planning.plans import AnyStep, Plan
from kong_lts.planning.preproduction import Preproduction
from kong_lts.planning.ways_back import Point, WayBack, ways_back

__all__ = [
    "AnyStep",
    "Case",
    "Plan",
    "PlanChange",
    "PlanDifference",
    "Point",
    "Preproduction",
    "Rehearsal",
    "Run",
    "Verdict",
    "WayBack",
    "guards",
    "plan",
    "plan_differences",
    "plan_restore",
    "ways_back",
]
