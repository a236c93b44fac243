"""rehearse(plan): the plan against the simulated world, with every fault at every step."""

from collections.abc import Callable, Iterator, Sequence

from kong_lts.database import Fingerprint, differences
from kong_lts.deployment import Side
from kong_lts.errors import KongLtsError
from kong_lts.events import StepStarted
from kong_lts.execution import execute, resume
from kong_lts.planning import Case, Plan, Rehearsal, Run, Verdict
from kong_lts.rollback import roll_back
from kong_lts.schema import SchemaState
from kong_lts.strategies import Strategy
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
    world = World.of(plan.deployment, in_place=plan.strategy is Strategy.IN_PLACE)
    before = world.current.database.fingerprint()
    journal = FakeJournal(world=world, strikes_at=step_id, fault=fault)
    verdict, reason = _ended(plan, world, journal, way)
    broken = list(_broken(world, before, way, written=_written(plan, journal)))
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


def _written(plan: Plan, journal: FakeJournal) -> bool:
    """Whether the point of no return was begun, so that the new database may hold writes."""
    last = plan.point_of_no_return
    step = None if last is None else plan.steps[last].id
    return any(isinstance(e, StepStarted) and e.step == step for e in journal.events())


def _broken(world: World, before: Fingerprint, way: str, *, written: bool) -> Iterator[str]:
    """Every invariant that does not hold at the end."""
    if not world.one_address and world.lost_requests:
        yield f"{world.lost_requests} requests were lost"
    ups = [effect for effect in world.effects if "migrations up" in effect]
    if len(ups) > 1:
        yield f"kong migrations up ran {len(ups)} times"
    if _untouched(world, way) and differences(before, world.current.database.fingerprint()):
        yield "the current database has changed"
    yield from _traffic(world, Side.NEW if way == _RESUME else Side.CURRENT)
    if world.has_database:
        yield from (
            _migrated(world, before) if way == _RESUME else _as_before(world, written=written)
        )


def _untouched(world: World, way: str) -> bool:
    """Whether the current database must hold what it held: not after an upgrade in place."""
    return way == _ROLL_BACK or world.new.database is not world.current.database


def _traffic(world: World, side: Side) -> Iterator[str]:
    """Who serves at the end, and whether all of its nodes run."""
    percent = 100 if side is Side.NEW else 0
    if not world.one_address and world.new_percent != percent:
        yield f"{world.new_percent}% of the traffic is on the new cluster, not {percent}%"
    down = [node for node, runs in world.cluster(side).running.items() if not runs]
    if down:
        yield f"of the {side} cluster {', '.join(down)} does not run"


def _migrated(world: World, before: Fingerprint) -> Iterator[str]:
    """What is not as it must be in the database after the upgrade."""
    database = world.new.database
    if database.state is not SchemaState.LTS_3_4:
        yield f"the new database is in the state {database.state}"
    if database.guarded:
        yield "admin writes are still stopped on the new cluster"
    if len(database.rows) != before.rows:
        yield "configuration was lost"


def _as_before(world: World, *, written: bool) -> Iterator[str]:
    """What is not as it was before the upgrade."""
    if world.current.database.guarded:
        yield "admin writes are still stopped"
    if any(world.new.running.values()):
        yield "the new cluster is still there"
    database = world.new.database
    if database is not world.current.database and database.exists is not written:
        yield f"the new database was {'dropped with its writes' if written else 'left behind'}"
