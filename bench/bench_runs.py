"""What planning, running and rehearsing cost, in CPU time of this process.

Targets: 5,000 data planes planned in 2 s; 1 ms for a step of a run beside the journal, 5 ms
for a rehearsed case; all scenarios with every fault at every step in 60 s on two cores.
"""

import os
import statistics
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

import attrs

import kong_lts
from kong_lts.deployment import Deployment, Node, NodeRole
from kong_lts.errors import NotPlannableError
from kong_lts.testing.fakes import FakeJournal, fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World

DATA_PLANES = 5000


def fleet(count: int) -> Deployment:
    """A hybrid deployment with that many data planes on either side."""
    deployment = ALL["hybrid-dual-cluster"]
    assert deployment.new is not None

    def grown(nodes: Iterable[Node], letter: str) -> tuple[Node, ...]:
        planes = (Node(name=f"{letter}-{n}", role=NodeRole.DATA_PLANE) for n in range(count))
        return (*(n for n in nodes if n.role is NodeRole.CONTROL_PLANE), *planes)

    return attrs.evolve(
        deployment,
        current=attrs.evolve(deployment.current, nodes=grown(deployment.current.nodes, "x")),
        new=attrs.evolve(deployment.new, nodes=grown(deployment.new.nodes, "y")),
    )


def plans() -> dict[str, kong_lts.Plan]:
    """A plan for each scenario that can be planned."""
    found = {}
    probes = [kong_lts.Probe(name="root")]
    for name, deployment in ALL.items():
        try:
            found[name] = kong_lts.plan(deployment, probes=probes)
        except NotPlannableError:
            continue  # one that is there to be refused
    return found


def bench_planning() -> None:
    """Plan a large fleet, and write and read its plan."""
    deployment = fleet(DATA_PLANES)
    begun = time.process_time()
    made = kong_lts.plan(deployment)
    planned = time.process_time()
    assert kong_lts.Plan.from_json(made.to_json()) == made
    print(
        f"planning {DATA_PLANES:,} data planes: {planned - begun:.2f} s;"
        f" {len(made.steps)} steps; JSON and back {time.process_time() - planned:.2f} s"
    )


def bench_engine() -> None:
    """Run a plan in memory: what is left per step is the engine, the fakes and the steps."""
    plan = kong_lts.plan(
        ALL["traditional-dual-cluster"],
        probes=[kong_lts.Probe(name="root")],
        ramp=[kong_lts.RampStage(100, bake_s=10)],  # what a watch costs is not the engine's
        settings=kong_lts.Settings(watch_afterwards_s=10),
    )
    rounds = 50
    begun = time.process_time()
    for _ in range(rounds):
        assert kong_lts.execute(
            plan, fake_adapters(World.of(plan.deployment)), journal=FakeJournal()
        ).ok
    spent_ms = (time.process_time() - begun) * 1000
    print(f"engine: {spent_ms / rounds / len(plan.steps):.2f} ms of CPU for a step")


def bench_rehearsal() -> None:
    """Every scenario, every step, every fault, both ways out."""
    made = plans()
    cases = broken = 0
    for_a_case: list[float] = []
    wall, begun = time.perf_counter(), time.process_time()
    for name, plan in made.items():
        before = time.process_time()
        rehearsal = kong_lts.rehearse(plan)
        for_a_case.append(1000 * (time.process_time() - before) / len(rehearsal.cases))
        cases += len(rehearsal.cases)
        broken += len(rehearsal.broken)
        print(f"  {name}: {len(rehearsal.cases):,} cases of {for_a_case[-1]:.2f} ms")
    spent = time.process_time() - begun
    print(
        f"rehearsal: {len(made)} scenarios, {cases:,} cases, {broken} broken;"
        f" {1000 * spent / cases:.2f} ms of CPU for a case,"
        f" {statistics.median(for_a_case):.2f} in the median scenario;"
        f" {spent:.1f} s of CPU, {time.perf_counter() - wall:.1f} s by the clock"
    )
    wall = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as executor:
        for plan in made.values():
            kong_lts.rehearse(plan, executor=executor)
    seconds = time.perf_counter() - wall
    print(f"the same on {os.cpu_count()} processes: {seconds:.1f} s by the clock")


if __name__ == "__main__":
    bench_planning()
    bench_engine()
    bench_rehearsal()
