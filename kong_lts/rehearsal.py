"""rehearse(plan): the plan against the simulated world, with every fault at every step."""

from collections.abc import Callable, Iterator, Sequence

from kong_lts.database import Fingerprint, differences
from kong_lts.errors import KongLtsError
from kong_lts.execution import execute, resume
from kong_lts.planning import Case, Plan, Rehearsal, Run, Verdict
from kong_lts.rollback import roll_back
from kong_lts.schema import SchemaState
from kong_lts.testing.fakes import FakeJournal, fake_adapters
from kong_lts.testing.simulation import Fault, Killed, World

__all__ = ["rehearse"]

_UNDISTURBED = "none"
_RESUME = "resume"
_ROLL_BACK = "roll back"
_ENDS = {_RESUME: Verdict.SUCCEEDED, _ROLL_BACK: Verdict.ROLLED_BACK}


def rehearse(plan: Plan, *, faults: Sequence[Fault] | None = None) -> Rehearsal:
    """Run a plan in memory: once undisturbed, then with each fault at each step, both ways out.

    The simulated deployment has the plan's clusters and nodes, some routes, steady traffic and a
    clock of its own; nothing outside the process is touched.

    Args:
        plan: Any plan.
        faults: What goes wrong; every kind of fault if None.

    Returns:
        One case for each step, fault and way out. A case is broken where the run did not end as it
        must, configuration or requests were lost, `up` ran twice, or traffic or admin writes do not
        end where they should.
    """
    cases = [_case(plan, None, None, way) for way in (_RESUME, _ROLL_BACK)]
    for step in plan.steps:
        for fault in Fault if faults is None else faults:
            cases += [_case(plan, step.id, fault, way) for way in (_RESUME, _ROLL_BACK)]
    return Rehearsal(plan=plan, cases=tuple(cases))


def _case(plan: Plan, step_id: str | None, fault: Fault | None, way: str) -> Case:
    """One run with one fault, and what became of it."""
    world = World.of(plan.deployment)
    before = world.current.database.fingerprint()
    journal = FakeJournal(world=world, strikes_at=step_id, fault=fault)
    verdict, reason = _ended(plan, world, journal, way)
    broken = list(_broken(plan, world, before, way))
    if verdict is not _ENDS[way]:
        broken.insert(0, f"it ended as {verdict}, not as {_ENDS[way]}: {reason}")
    return Case(
        step=step_id or _UNDISTURBED,
        fault=str(fault or _UNDISTURBED),
        way=way,
        verdict=verdict,
        broken=tuple(broken),
    )


def _ended(plan: Plan, world: World, journal: FakeJournal, way: str) -> tuple[Verdict, str]:
    """Execute, then take the way out."""
    first = _attempt(world, lambda: execute(plan, fake_adapters(world), journal=journal))
    if way == _ROLL_BACK:
        last = _attempt(world, lambda: roll_back(journal, fake_adapters(world)))
    elif isinstance(first, Run) and first.ok:
        last = first
    else:
        last = _attempt(world, lambda: resume(journal, fake_adapters(world)))
    if isinstance(last, Run):
        return last.verdict, last.reason or ""
    return Verdict.STOPPED, last


def _attempt(world: World, what: Callable[[], Run]) -> Run | str:
    """A run, or why there is none; a killed process lets go of its lock."""
    try:
        return what()
    except Killed as exc:
        return f"killed: {exc}"
    except KongLtsError as exc:
        return str(exc)
    finally:
        world.fault = None
        world.run_lock = None


def _broken(plan: Plan, world: World, before: Fingerprint, way: str) -> Iterator[str]:
    """Every invariant that does not hold at the end."""
    if differences(before, world.current.database.fingerprint()):
        yield "the current database has changed"
    if world.lost_requests:
        yield f"{world.lost_requests} requests were lost"
    ups = [effect for effect in world.effects if "migrations up" in effect]
    if len(ups) > 1:
        yield f"kong migrations up ran {len(ups)} times"
    yield from _not_new(world) if way == _RESUME else _not_current(world)


def _not_new(world: World) -> Iterator[str]:
    """What is not as it must be after the upgrade."""
    database = world.new.database
    if world.new_percent != 100 or not all(world.new.running.values()):
        yield f"{world.new_percent}% of the traffic is on the new cluster"
    if database.state is not SchemaState.LTS_3_4 or database.guarded:
        yield f"the new database is {database.state}, writes {database.guarded and 'stopped'}"
    if database.rows.keys() != world.current.database.rows.keys():
        yield "configuration was lost"


def _not_current(world: World) -> Iterator[str]:
    """What is not as it was before the upgrade."""
    if world.new_percent != 0 or not all(world.current.running.values()):
        yield f"{world.new_percent}% of the traffic is on the new cluster"
    if world.current.database.guarded:
        yield "admin writes are still stopped"
    if world.new.database.exists or any(world.new.running.values()):
        yield "the new cluster is still there"
