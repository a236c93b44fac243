"""What must hold at the end of a rehearsed case, whichever way it went."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kong_lts.deployment import Side
from kong_lts.events import StepStarted
from kong_lts.planning import Run, Verdict
from kong_lts.reports.standing import traffic_percents, writes
from kong_lts.schema import SchemaState
from kong_lts.strategies import RESUME
from kong_lts.testing.simulation import World

__all__ = ["Invariant", "broken_at_the_end"]

Invariant = Callable[[World, Run | None], Iterable[str]]
"""Looks at the world and the run at the end of a case, and says what does not hold."""


def broken_at_the_end(
    world: World,
    before: Mapping[str, str],
    run: Run | None,
    verdict: Verdict,
    invariants: Sequence[Invariant],
) -> Iterator[str]:
    """Every invariant that does not hold at the end.

    Args:
        world: As it was left.
        before: The rows of the current database before the run.
        run: As its journal tells it.
        verdict: How it ended.
        invariants: Those of the caller.
    """
    side = Side.NEW if verdict is Verdict.SUCCEEDED else Side.CURRENT
    if not world.one_address and world.lost_requests:
        yield f"{world.lost_requests} requests were lost"
    ups = [effect for effect in world.effects if "migrations up" in effect]
    if len(ups) > 1:
        yield f"kong migrations up ran {len(ups)} times"
    yield from _traffic(world, side)
    if side is Side.NEW and world.new.configuration and not (run and _begun(run, RESUME)):
        yield "the new nodes have not all loaded the same configuration"
    if world.has_database:
        yield from _configuration(world, before, side)
        yield from _migrated(world) if side is Side.NEW else _as_before(world, before, run)
    if run is not None:
        yield from _as_reported(world, run)
    for invariant in invariants:
        yield from invariant(world, run)


def _traffic(world: World, side: Side) -> Iterator[str]:
    """Who serves at the end, and whether all of its nodes run."""
    percent = 100 if side is Side.NEW else 0
    if not world.one_address and world.new_percent != percent:
        yield f"{world.new_percent}% of the traffic is on the new cluster, not {percent}%"
    down = [node for node, runs in world.cluster(side).running.items() if not runs]
    if down:
        yield f"of the {side} cluster {', '.join(down)} does not run"
    if side is Side.CURRENT and any(world.new.running.values()):
        yield "the new cluster is still there"


def _configuration(world: World, before: Mapping[str, str], side: Side) -> Iterator[str]:
    """Every route is in the database that serves, or in one that was kept for that purpose."""
    kept: set[str] = set()
    kept |= world.cluster(side).database.rows.keys()
    if side is Side.CURRENT:
        kept |= world.new.database.rows.keys() if world.new.database.exists else set()
        kept = kept.union(*world.replaced.values())
    if missing := ({*before, *world.colleague} - kept):
        yield f"configuration was lost: {', '.join(sorted(missing))}"


def _migrated(world: World) -> Iterator[str]:
    """What is not as it must be in the database after the upgrade."""
    database = world.new.database
    if database.state is not SchemaState.LTS_3_4:
        yield f"the new database is in the state {database.state}"
    if database.guarded:
        yield "admin writes are still stopped on the new cluster"


def _as_before(world: World, before: Mapping[str, str], run: Run | None) -> Iterator[str]:
    """What is not as it was before the upgrade."""
    current, new = world.current.database, world.new.database
    if current.guarded:
        yield "admin writes are still stopped"
    if current.state is not SchemaState.LTS_2_8 or any(
        current.rows.get(key) != path for key, path in before.items()
    ):
        yield "the current database has changed"
    written = run is not None and _lets_writes_in(run)
    if new is not current and written and not new.exists:
        yield "the new database was dropped with its writes"
    if new is not current and new.exists and not written:
        yield "the new database was left behind"


def _lets_writes_in(run: Run) -> bool:
    """Whether the step was begun from which on the new database may hold writes."""
    last = run.plan.writes_lost_from
    return last is not None and _begun(run, run.plan.steps[last].id)


def _begun(run: Run, step: str) -> bool:
    return any(isinstance(event, StepStarted) and event.step == step for event in run.events)


def _as_reported(world: World, run: Run) -> Iterator[str]:
    """Traffic and admin writes are where the report on the run says."""
    percents = traffic_percents(run)
    if percents and not world.one_address and world.new_percent not in percents:
        yield f"the report says {percents[0]}% of the traffic, and it is {world.new_percent}%"
    one_database = world.current.database is world.new.database
    for side, state in writes(run).items():
        database = world.cluster(side).database
        hidden = one_database and run.ok and side is Side.CURRENT
        if database.exists and not hidden and (state == "stopped") is not database.guarded:
            yield f"the report says that admin writes are {state} on the {side} cluster"
