"""The ways back of a plan: what a rollback does from each point that a run may reach."""

from collections.abc import Iterator
from enum import StrEnum

import attrs

from kong_lts.events import Done
from kong_lts.migrations import MigrationsFinish, MigrationsUp
from kong_lts.nodes import StopNodes
from kong_lts.planning.plans import AnyStep, Plan
from kong_lts.restore import ReplaceDatabase
from kong_lts.step import Reversibility
from kong_lts.traffic import DivertTraffic

__all__ = ["Point", "WayBack", "ways_back"]


class Point(StrEnum):
    """How far a run has come, as far as that matters for the way back."""

    BEFORE_TRAFFIC = "before any traffic is diverted"
    AFTER_STOP = "after the current nodes were stopped"
    AFTER_UP = "after `kong migrations up` of the current database"
    AFTER_FINISH = "after `kong migrations finish` of the current database"
    DURING_TRAFFIC = "while traffic is divided"
    ALL_TRAFFIC = "after all traffic was diverted"
    AFTER_DECOMMISSION = "after current nodes were decommissioned"
    AFTER_WRITES = "after writes were let in on the new cluster"


@attrs.frozen(kw_only=True)
class WayBack:
    """What a rollback does once a run has reached a point."""

    point: Point
    """From where."""
    reached_by: str
    """Id of the step that leads there."""
    steps: tuple[str, ...]
    """What is done, first to last."""
    lost: tuple[str, ...] = ()
    """What it does not bring back."""
    last_resort: str = ""
    """What is left if the database cannot be restored; empty where no restore is needed."""


_DECK = (
    "bootstrap an empty database of the current release, restore the keyring, and let decK sync its"
    " files; basic-auth passwords come back by SQL only (`kong_lts.planning.plan_restore`)"
)


def ways_back(plan: Plan) -> tuple[WayBack, ...]:
    """The way back from each point of a plan, the earliest first.

    Source:
        guide, Upgrade strategies: "rollback"; In-place upgrade: the database-level method first.
    """
    found: dict[Point, int] = {}
    for index, step in enumerate(plan.steps):
        for point in _points(plan, step):
            found.setdefault(point, index)
    last_before = min(found.values(), default=len(plan.steps)) - 1
    if last_before >= 0:
        found = {Point.BEFORE_TRAFFIC: last_before, **found}
    return tuple(_way_back(plan, point, at) for point, at in found.items())


def _points(plan: Plan, step: AnyStep) -> Iterator[Point]:
    """The points that a step leads to."""
    if isinstance(step, DivertTraffic):
        yield Point.ALL_TRAFFIC if step.new_percent == 100 else Point.DURING_TRAFFIC
    if isinstance(step, StopNodes):
        diverted = any(isinstance(other, DivertTraffic) for other in plan.steps)
        gone = diverted and not step.effect.downtime_s
        yield Point.AFTER_DECOMMISSION if gone else Point.AFTER_STOP
    if isinstance(step, MigrationsUp) and step.in_place:
        yield Point.AFTER_UP
    if isinstance(step, MigrationsFinish) and step.in_place:
        yield Point.AFTER_FINISH
    if step.reversibility is Reversibility.NONE:
        yield Point.AFTER_WRITES


def _way_back(plan: Plan, point: Point, at: int) -> WayBack:
    begun = plan.steps[: at + 1]
    past = {step.id: Done() for step in begun}
    undone = [undo for step in reversed(begun) if (undo := step.undo(past)) is not None]
    restores = any(isinstance(undo, ReplaceDatabase) for undo in undone)
    return WayBack(
        point=point,
        reached_by=plan.steps[at].id,
        steps=tuple(undo.title for undo in undone),
        lost=tuple(_lost(begun)),
        last_resort=_DECK if restores else "",
    )


def _lost(begun: tuple[AnyStep, ...]) -> Iterator[str]:
    for step in begun:
        if step.reversibility is Reversibility.NONE:
            yield (
                f"{step.title}: what is written from there on does not come to the current cluster;"
                " it stays in the new database, which is kept"
            )
