"""roll_back(journal) -> Run: take back every step that was begun, the last one first."""

from collections.abc import Iterator

import attrs

from kong_lts.errors import KongLtsError, NotResumableError
from kong_lts.events import (
    Done,
    Past,
    RollbackEnded,
    RollbackStarted,
    StepStarted,
    UndoDone,
    UndoFailed,
    UndoStarted,
)
from kong_lts.execution import Driver, complete, held
from kong_lts.findings import blockers
from kong_lts.planning import AnyStep, Run
from kong_lts.protocols import Adapters, Journal
from kong_lts.run import Command, Phase, replay
from kong_lts.step import Reversibility

__all__ = ["roll_back"]


def roll_back(
    journal: Journal, adapters: Adapters, *, owner: str = "rollback", reason: str = "asked for"
) -> Run:
    """Take the way back from wherever the run stands, also from its end.

    A step that nothing takes back is passed, and the run's report says so.

    Args:
        journal: Of the run.
        adapters: As for `execute`.
        owner: Who does it, for the lock and the journal.
        reason: Why, for the report.

    Returns:
        The run, with the verdict ROLLED_BACK, or ROLLBACK_FAILED where a step could not be taken
        back; mend the cause and call this again.

    Raises:
        NotResumableError: The journal holds no run, or one that is rolled back already.
        PlanError: An adapter is missing; nothing was done.
        LockHeldError: Another run holds the database or the journal.
        JournalError: The journal cannot be read or written.

    Source:
        guide, Dual-cluster upgrade: "rollback by setting all traffic to cluster X".
    """
    with held(adapters, owner):
        state = replay(journal.events())  # only now: whoever held the lock before may have gone on
        if state.phase is Phase.BACK:
            raise NotResumableError("The run is rolled back already.")
        driver = _Backwards(adapters=adapters, journal=journal, state=state)
        complete(driver.undoing(), adapters)
        driver.note(lambda at: RollbackStarted(at=at, owner=owner, reason=reason))
        return driver.drive()


_LEFT = {
    Reversibility.NONE: "cannot be taken back",
    Reversibility.COMPENSATED: "left as it is",
    Reversibility.RESTORE: "left to the restore",
}
"""What is said of a step that has nothing to take it back."""


@attrs.define
class _Backwards(Driver):
    """Drives a run back."""

    _outcomes: Past | None = attrs.field(default=None, init=False)

    def drive(self) -> Run:
        """Undo until nothing is left, or until something cannot be undone."""
        with self.beating():
            while (command := self.state.command) is not Command.WAIT:
                if command is Command.END_ROLLBACK:
                    self.note(lambda at: RollbackEnded(at=at))
                    break
                self._undo(self.state.begun[-1])
        return self.state.as_run(self.journal.events())

    def undoing(self) -> Iterator[AnyStep]:
        """The steps that take back what was begun, the last one first."""
        past = self._past()
        for step_id in reversed(self.state.begun):
            if (undo := self.state.plan.step(step_id).undo(past)) is not None:
                yield undo  # type: ignore[misc] # every undo is a step that a plan can hold

    def _undo(self, step_id: str) -> None:
        self.note(lambda at: UndoStarted(at=at, step=step_id))
        try:
            note = self._take_back(step_id)
        except KongLtsError as exc:
            reason = str(exc)
            self.note(lambda at: UndoFailed(at=at, step=step_id, reason=reason))
            return
        self.note(lambda at: UndoDone(at=at, step=step_id, note=note))

    def _take_back(self, step_id: str) -> str:
        """Run the step that takes one back, and prove it; returns what is to be said about it."""
        step = self.state.plan.step(step_id)
        past = self._past()
        undo = step.undo(past)
        if undo is None:
            return _LEFT.get(step.reversibility, "")
        adapters = self.waiting(step)
        undo.run(adapters, past)
        if seen := blockers(undo.verify(adapters, past)):
            raise NotResumableError("; ".join(f.message for f in seen))
        return undo.title

    def _past(self) -> Past:
        """The outcomes; a step that was begun counts as done where nobody knows how it ended."""
        if self._outcomes is None:
            begun = [e.step for e in self.journal.events() if isinstance(e, StepStarted)]
            unknown = Done(note="how it ended is not known")
            self._outcomes = {**dict.fromkeys(begun, unknown), **self.state.past}
        return self._outcomes
