"""rehearse(plan): the plan against the simulated world, with every fault at every step."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial

import attrs

from kong_lts.monitoring import WatchMetrics
from kong_lts.planning import AnyStep, Case, Plan, Rehearsal
from kong_lts.rehearsal.cases import Disturbance, rehearsed
from kong_lts.rehearsal.invariants import Invariant
from kong_lts.rehearsal.stage import AGAIN, WAYS, Prefix, undisturbed
from kong_lts.testing.faults import AT_AN_EFFECT, ON_THE_WAY_BACK, Fault

__all__ = ["Invariant", "rehearse"]

_LOOK_S = 10.0
"""How long a rehearsed look takes at the least: nobody approves a stage within the first moment."""
_LOOKS = 1
"""How often a rehearsed watch looks: more of them take time and show nothing else."""


def rehearse(
    plan: Plan,
    *,
    faults: Sequence[Fault] | None = None,
    invariants: Sequence[Invariant] = (),
    executor: Executor | None = None,
) -> Rehearsal:
    """Run a plan in memory: once undisturbed, then with each fault at each step, both ways out.

    The simulated deployment has the plan's clusters and nodes, some routes, steady traffic and a
    clock of its own; nothing outside the process is touched.

    Args:
        plan: Any plan.
        faults: What goes wrong; every kind of fault if None.
        invariants: More that must hold at the end of each case: each is given the world and the
            run, and says what does not hold.
        executor: Where the cases of each step are run, side by side; here if None. A pool of
            processes must be able to pickle the invariants.

    Returns:
        One case for each step, fault and way out; and for each step that is taken back one for each
        fault that strikes the way back itself, which is then taken up again. A case is broken where
        the run did not end as it must, configuration or requests were lost, `up` ran twice, a data
        plane was newer than its control plane, a step counted as proved that was not, the point of
        no return was passed without a verified backup, or traffic or admin writes do not end where
        the report says.
    """
    kinds = tuple(Fault) if faults is None else tuple(faults)
    steps = [None, *(step.id for step in plan.steps)]
    brief = attrs.evolve(plan, steps=tuple(map(_briefly_watched, plan.steps)))
    work = partial(
        cases_of_step,
        brief,
        faults=kinds,
        invariants=tuple(invariants),
        acts=undisturbed(brief).acts,
    )
    found = map(work, steps) if executor is None else executor.map(work, steps)
    return Rehearsal(plan=plan, cases=tuple(case for cases in found for case in cases))


def _briefly_watched(step: AnyStep) -> AnyStep:
    """A watch of the same length, with fewer looks; any other step as it is."""
    if not isinstance(step, WatchMetrics):
        return step
    return attrs.evolve(step, interval_s=max(step.interval_s, step.watch_s / _LOOKS, _LOOK_S))


def cases_of_step(
    plan: Plan,
    step: str | None,
    *,
    faults: Sequence[Fault],
    invariants: Sequence[Invariant],
    acts: Mapping[str, int],
) -> tuple[Case, ...]:
    """The cases of one step, or the undisturbed ones.

    Args:
        plan: What is rehearsed.
        step: Its id; None for the undisturbed cases.
        faults: What goes wrong.
        invariants: Those of the caller.
        acts: How many effects each step has; a fault of an effect strikes the first and the last.
    """
    prefix = Prefix.up_to(step, plan)
    forwards = (
        rehearsed(prefix.stage(), disturbance, way, invariants)
        for disturbance in _disturbances(step, faults, acts)
        for way in WAYS
    )
    return (*forwards, *_cases_of_the_way_back(plan, step, faults, invariants))


def _cases_of_the_way_back(
    plan: Plan, step: str | None, faults: Sequence[Fault], invariants: Sequence[Invariant]
) -> Iterator[Case]:
    """The run stands behind a step, and what goes wrong strikes while that is taken back."""
    ids = [made.id for made in plan.steps]
    if step is None or step == ids[-1] or plan.step(step).undo({}) is None:
        return
    if strikes := [fault for fault in faults if fault in ON_THE_WAY_BACK]:
        prefix = Prefix.up_to(ids[ids.index(step) + 1], plan)
        for fault in strikes:
            yield rehearsed(prefix.stage(), Disturbance(step=step, fault=fault), AGAIN, invariants)


def _disturbances(
    step: str | None, faults: Sequence[Fault], acts: Mapping[str, int]
) -> Iterator[Disturbance | None]:
    if step is None:
        yield None
        return
    for fault in faults:
        yield Disturbance(step=step, fault=fault)
        if fault in AT_AN_EFFECT and (several := acts.get(step, 0)) > 1:
            yield Disturbance(step=step, fault=fault, acts_spared=several - 1)
