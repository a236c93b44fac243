"""A fleet: many upgrades in waves, a few at once, until one of them breaks."""

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from enum import StrEnum

import attrs
from attrs.validators import ge, min_len

from kong_lts.errors import KongLtsError, PlanError
from kong_lts.execution import execute, resume
from kong_lts.fan_out import fan_out
from kong_lts.planning import Plan, Run, Verdict
from kong_lts.protocols import Adapters, Journal
from kong_lts.run import Phase, replay

__all__ = ["FleetMember", "FleetRun", "MemberRun", "Standing", "carry_on", "run_fleet"]

_AT_THE_END = (Phase.DONE, Phase.BACK)


class Standing(StrEnum):
    """How one upgrade of a fleet stands."""

    SUCCEEDED = "succeeded"
    STOPPED = "stopped"
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    REFUSED = "refused"
    """It could not be begun, or not be taken up again."""
    LOST = "lost"
    """Whoever carried it out is gone; its journal tells how far it came."""
    NOT_BEGUN = "not begun"


@attrs.frozen(kw_only=True)
class FleetMember:
    """One upgrade of a fleet."""

    name: str = attrs.field(validator=min_len(1))
    """Unique in the fleet."""
    plan: Plan
    """Of this member."""
    wave: int = attrs.field(default=1, validator=ge(1))
    """No member of a wave is begun before all of the one before have succeeded."""


@attrs.frozen(kw_only=True)
class MemberRun:
    """How one upgrade of a fleet ended, or why it was not begun."""

    name: str
    """That of the member."""
    wave: int
    """When its turn is; smaller waves come first."""
    standing: Standing
    """How its upgrade stands."""
    stopped_at: str | None = None
    """Id of the step at which it stands."""
    reason: str | None = None
    """Why it stands there."""

    @property
    def ok(self) -> bool:
        """Whether the upgrade is done."""
        return self.standing is Standing.SUCCEEDED


@attrs.frozen(kw_only=True)
class FleetRun:
    """How a whole fleet stands, a line for each member."""

    members: tuple[MemberRun, ...]
    """How each of them stands."""

    @property
    def ok(self) -> bool:
        """Whether every upgrade is done."""
        return all(member.ok for member in self.members)

    @property
    def broken(self) -> tuple[MemberRun, ...]:
        """Those that were begun, or should have been, and did not succeed."""
        waiting = (Standing.SUCCEEDED, Standing.NOT_BEGUN)
        return tuple(member for member in self.members if member.standing not in waiting)


Carry = Callable[[FleetMember], Run]
"""Carries one upgrade on from wherever it stands; `carry_on` does."""


def carry_on(plan: Plan, adapters: Adapters, *, journal: Journal, owner: str | None = None) -> Run:
    """Begin a run, or take it up where its journal says that it stands; nothing if it is over.

    Args:
        plan: Used where the journal is empty; else the journal has its own.
        adapters: Of this deployment.
        journal: Of this deployment, kept between two runs of the fleet.
        owner: Who runs it; user, host and process if None.

    Raises:
        KongLtsError: As `execute` and `resume`.
    """
    events = journal.events()
    if not events:
        return execute(plan, adapters, journal=journal, owner=owner)
    state = replay(events)
    if state.phase in _AT_THE_END:
        return state.as_run(events)
    return resume(journal, adapters, owner=owner)


def run_fleet(
    members: Sequence[FleetMember],
    carry: Carry,
    *,
    at_once: int = 4,
    executor: Executor | None = None,
    notice: Callable[[MemberRun], None] = lambda _: None,
) -> FleetRun:
    """Carry the upgrades of a fleet out, wave by wave.

    The first that does not succeed is the last that matters: no other is begun any more, and what
    was begun comes to its own end. Run the same fleet again, with the same journals, to go on.

    Args:
        members: In the order in which they are begun within their wave.
        carry: Carries one of them on; an executor of other processes has to be able to pickle it.
        at_once: How many upgrades go on at the same time.
        executor: Where they go on; None is threads of this process.
        notice: Told of each member as it ends.

    Raises:
        PlanError: Two members have one name.
    """
    names = [member.name for member in members]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PlanError(f"Members of a fleet share a name: {', '.join(twice)}. Nothing was done.")
    ended: dict[str, MemberRun] = {}
    for wave in sorted({member.wave for member in members}):
        mine = [member for member in members if member.wave == wave]
        for run in _wave(mine, carry, at_once, executor):
            ended[run.name] = run
            notice(run)
        if not all(run.ok for run in ended.values()):
            break
    return FleetRun(members=tuple(ended.get(m.name) or _not_begun(m) for m in members))


def _wave(
    members: Sequence[FleetMember], carry: Carry, at_once: int, executor: Executor | None
) -> Iterator[MemberRun]:
    broken = False
    coming = fan_out(
        functools.partial(_carried, carry),
        members,
        at_once=at_once,
        executor=executor,
        go_on=lambda: not broken,
    )
    for member, future in coming:
        run = _came_of(member, future)
        broken = broken or not run.ok
        yield run


def _carried(carry: Carry, member: FleetMember) -> MemberRun:
    """What came of one member, small enough to be sent between processes."""
    try:
        run = carry(member)
    except KongLtsError as exc:
        return _unlike(member, Standing.REFUSED, str(exc))
    return MemberRun(
        name=member.name,
        wave=member.wave,
        standing=_STANDINGS[run.verdict],
        stopped_at=run.stopped_at,
        reason=run.reason,
    )


def _came_of(member: FleetMember, future: "Future[MemberRun]") -> MemberRun:
    """An executor may lose its worker, and a caller's own code may raise anything."""
    if future.cancelled():
        return _unlike(member, Standing.LOST, "its executor cancelled it")
    if (failure := future.exception()) is not None:  # whose text may hold a secret
        return _unlike(member, Standing.LOST, f"{type(failure).__name__} where it was carried out")
    return future.result()


def _not_begun(member: FleetMember) -> MemberRun:
    return _unlike(member, Standing.NOT_BEGUN, None)


def _unlike(member: FleetMember, standing: Standing, reason: str | None) -> MemberRun:
    return MemberRun(name=member.name, wave=member.wave, standing=standing, reason=reason)


_STANDINGS = {
    Verdict.SUCCEEDED: Standing.SUCCEEDED,
    Verdict.STOPPED: Standing.STOPPED,
    Verdict.ROLLED_BACK: Standing.ROLLED_BACK,
    Verdict.ROLLBACK_FAILED: Standing.ROLLBACK_FAILED,
}
