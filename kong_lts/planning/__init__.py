"""plan(deployment) -> Plan; also the values that a run and a rehearsal end with."""

from kong_lts.planning.ends import Case, Rehearsal, Run, Verdict
from kong_lts.planning.making import plan, plan_restore
from kong_lts.planning.plans import AnyStep, Plan

__all__ = ["AnyStep", "Case", "Plan", "Rehearsal", "Run", "Verdict", "plan", "plan_restore"]
