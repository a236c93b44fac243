"""Whoever watches a rehearsed run, event by event, and sees the world beside what is said of it."""

import copy

import attrs

from kong_lts.deployment import NodeRole, Side
from kong_lts.events import Event, StepDone, StepStarted, StepVerified
from kong_lts.findings import blockers
from kong_lts.nodes import StopNodes
from kong_lts.planning import AnyStep, Plan
from kong_lts.rehearsal.truths import is_true
from kong_lts.schema import SchemaState
from kong_lts.step import Reversibility
from kong_lts.testing.simulation import World

__all__ = ["Witness"]

_ROUNDED = 1
"""Points by which a share may be off, since shares are whole numbers."""


@attrs.define(kw_only=True)
class Witness:
    """An observer that looks at the world after each event, and notes what must not be."""

    plan: Plan
    world: World
    broken: list[str] = attrs.Factory(list)
    _steps: dict[str, AnyStep] = attrs.field(init=False)
    _unavailable: int = attrs.field(init=False)
    """How many nodes fewer than before may serve meanwhile."""
    _writes_let_in: bool = attrs.field(default=False, init=False)
    acts: dict[str, int] = attrs.field(factory=dict, init=False)
    """How many effects each step had."""
    _effects: int = attrs.field(default=0, init=False)
    _looked_at: int = attrs.field(default=0, init=False)

    @_steps.default
    def _by_id(self) -> dict[str, AnyStep]:
        return {step.id: step for step in self.plan.steps}

    @_unavailable.default
    def _by_plan(self) -> int:
        ahead = (s for s in self.plan.steps if isinstance(s, StopNodes) and s.ahead)
        return max((len(step.nodes) for step in ahead), default=0)

    def beside(self, world: World) -> "Witness":
        """One that has seen the same, and goes on in another world that is like this one."""
        other = copy.copy(self)
        other.world, other.broken, other.acts = world, list(self.broken), dict(self.acts)
        return other

    def notice(self, event: Event) -> None:
        step = self._steps.get(getattr(event, "step", ""))
        if isinstance(event, StepVerified) and step is not None and not blockers(event.findings):
            self._proved(step)
        if isinstance(event, StepStarted) and step is not None:
            self._effects = len(self.world.effects)
            self._begun(step)
        if isinstance(event, StepDone):
            self.acts[event.step] = len(self.world.effects) - self._effects
        if len(self.world.effects) != self._looked_at:
            self._looked_at = len(self.world.effects)
            self._data_planes()
            self._capacity()
        self._writes()

    def _note(self, what: str) -> None:
        if what not in self.broken:
            self.broken.append(what)

    def _proved(self, step: AnyStep) -> None:
        if not is_true(self.world, step):
            self._note(f"step {step.id} counted as proved, and it is not so")

    def _begun(self, step: AnyStep) -> None:
        """Nothing passes a point from which only a backup leads back without one."""
        final = step.reversibility is Reversibility.NONE
        self._writes_let_in |= final
        lost_by = final or step.reversibility is Reversibility.RESTORE
        if lost_by and step.side is Side.NEW and self.world.has_database and not self._has_backup():
            self._note(f"step {step.id} was begun without a verified backup")

    def _has_backup(self) -> bool:
        """Whether some backup holds what the current database holds; nothing can after `up`."""
        current = self.world.current.database
        if current.state is not SchemaState.LTS_2_8:
            return bool(self.world.backups)
        return any(rows == current.rows for *_, rows in self.world.backups.values())

    def _data_planes(self) -> None:
        """A data plane of 3.4 never runs where no control plane of 3.4 does."""
        new = self.world.new
        runs = any(
            up and new.roles.get(node) is NodeRole.DATA_PLANE for node, up in new.running.items()
        )
        if runs and self.world.has_database and not new.has_control_plane:
            self._note("a new data plane runs without a control plane of its release")

    def _capacity(self) -> None:
        """Whoever gets a share of the traffic has as large a share of its nodes running."""
        if self.world.one_address:
            return
        new_percent = self.world.new_percent
        for side, percent in ((Side.NEW, new_percent), (Side.CURRENT, 100 - new_percent)):
            cluster = self.world.cluster(side)
            allowed = 100 * self._unavailable / max(len(cluster.running), 1)
            if cluster.serving_percent + allowed < percent - _ROUNDED:
                self._note(f"the {side} cluster gets {percent}% of the traffic with fewer nodes")

    def _writes(self) -> None:
        """What is written on the new cluster too early is lost on the way back."""
        if not self.world.colleague or self._writes_let_in:
            return
        early = [key for key, side in self.world.colleague.items() if side is Side.NEW]
        if early:
            self._note(f"the new cluster took {early[0]}, a write, before writes were let in")
