"""Answers and orders as messages: they may be sent while no worker lives."""

import json
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import datetime

import attrs

from kong_lts.adapters.dbos_store import RunStore
from kong_lts.errors import ApproverError, JournalError
from kong_lts.events import StepDone, StepFailed, StepRetried
from kong_lts.protocols import Clock, Control, Decision, Instruction, Order, Question

__all__ = ["LeavingClock", "StoppingError", "ToldApprover", "ToldControl", "answer", "order"]

_ORDER = "order"
_EVERY_S = 1.0
_OUTCOMES = (StepDone, StepFailed, StepRetried)


def answer(store: RunStore, run: str, step: str, decision: Decision) -> None:
    """Leave what a person says about a step.

    Raises:
        JournalError: It could not be stored.
    """
    said = {"approved": decision.approved, "by": decision.by, "note": decision.note}
    store.tell(run, _asked(step), json.dumps(said))


def order(store: RunStore, run: str, instruction: Instruction) -> None:
    """Leave what is wanted of a run.

    Raises:
        JournalError: It could not be stored.
    """
    store.tell(run, _ORDER, json.dumps({"order": instruction.order, "by": instruction.by}))


def _asked(step: str) -> str:
    return f"answer: {step}"


@attrs.frozen(kw_only=True)
class ToldApprover:
    """Waits for an answer; each counts once, so that a question which comes again is asked again.

    An answer that a worker had taken when it died counts for whoever takes the step up after it:
    nothing came of it yet.

    Args:
        store: Where the answers are.
        run: Of the question.
        clock: Whose time passes.
        control: Who may end the waiting, so that the way back is open meanwhile.
    """

    store: RunStore
    run: str
    clock: Clock
    control: Control
    _stint: str = attrs.field(factory=lambda: uuid.uuid4().hex, init=False)
    """Tells what was taken here from what another worker took."""

    def ask(self, question: Question) -> Decision:
        while (decision := self.peek(question)) is None:
            if (told := self.control.instruction()).order is Order.CANCEL:
                raise ApproverError(_doing(question), f"cancelled by {told.by}")
            self.clock.sleep(_EVERY_S)
        return decision

    def peek(self, question: Question) -> Decision | None:
        """The answer if it is there."""
        try:
            said = self.store.told(self.run, _asked(question.step))
            if (answer := self._take(question.step, said) if said else None) is None:
                return None
        except JournalError as exc:
            raise ApproverError(_doing(question), str(exc)) from exc
        found = json.loads(answer)
        return Decision(
            approved=found["approved"] is True, by=str(found["by"]), note=str(found["note"])
        )

    def _take(self, step: str, said: Sequence[str]) -> str | None:
        """The first answer of which something came neither here nor elsewhere."""
        topic, came = f"used: {step}", self._outcomes(step)
        used = [json.loads(text) for text in self.store.told(self.run, topic)]
        spent = [
            one["number"] for one in used if one["stint"] == self._stint or one["came"] != came
        ]
        number = max(spent, default=-1) + 1
        if number >= len(said):
            return None
        taken = {"number": number, "stint": self._stint, "came": came}
        self.store.tell(self.run, topic, json.dumps(taken))
        return said[number]

    def _outcomes(self, step: str) -> int:
        """How often something came of acting on a step."""
        events = self.store.journal(self.run).events()
        return sum(isinstance(event, _OUTCOMES) and event.step == step for event in events)


def _doing(question: Question) -> str:
    return f"waiting for an answer about {question.step}"


@attrs.define(kw_only=True)
class ToldControl:
    """The last order that was left for a run; looked up once a second at most."""

    store: RunStore
    run: str
    _last: Instruction = attrs.field(factory=Instruction, init=False)
    _until: float = attrs.field(default=0.0, init=False)

    def instruction(self) -> Instruction:
        if time.monotonic() < self._until:
            return self._last
        self._until = time.monotonic() + _EVERY_S
        try:
            told = self.store.told(self.run, _ORDER)
        except JournalError:  # nobody can be heard: what was said last still counts
            return self._last
        if told:
            found = json.loads(told[-1])
            self._last = Instruction(order=Order(found["order"]), by=str(found["by"]))
        return self._last


class StoppingError(BaseException):
    """The worker goes, and leaves what it did to another one: nothing may take it for a failure."""


@attrs.frozen(kw_only=True)
class LeavingClock:
    """The clock of a worker: whoever waits by it leaves when the worker goes."""

    inner: Clock
    leaving: threading.Event

    def now(self) -> datetime:
        return self.inner.now()

    def sleep(self, duration_s: float) -> None:
        while duration_s > 0:
            if self.leaving.is_set():
                raise StoppingError
            part_s = min(duration_s, _EVERY_S)
            self.inner.sleep(part_s)
            duration_s -= part_s
