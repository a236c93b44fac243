"""The people around a run: a function, a folder of files, or two of either."""

import os
import pwd
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

import attrs

from kong_lts.errors import ApproverError
from kong_lts.protocols import Approver, Clock, Control, Decision, Order, Question

__all__ = ["CallableApprover", "FileApprover", "TwoPersonApprover"]


@attrs.frozen
class CallableApprover:
    """Asks a function.

    Args:
        function: Gets the question; says True, False or a decision of its own.
        by: Whose answer a True or False is.
    """

    function: Callable[[Question], bool | Decision] = attrs.field(repr=False)
    by: str
    _waiting: dict[str, "Future[Decision]"] = attrs.field(
        factory=dict, init=False, repr=False, eq=False
    )

    def peek(self, question: Question) -> Decision | None:
        """The answer once it is there; the function runs in a thread, once for a step."""
        if (waiting := self._waiting.get(question.step)) is None:
            waiting = self._waiting[question.step] = Future()
            # A daemon: a function that waits for a person must not keep the process alive.
            Thread(target=self._answer, args=(question, waiting), daemon=True).start()
        if not waiting.done():
            return None
        del self._waiting[question.step]
        return waiting.result()

    def _answer(self, question: Question, waiting: "Future[Decision]") -> None:
        try:
            waiting.set_result(self.ask(question))
        except BaseException as exc:  # whatever it is, it is raised where the answer is asked for
            waiting.set_exception(exc)

    def ask(self, question: Question) -> Decision:
        try:
            said = self.function(question)
        except (EOFError, OSError) as exc:  # what `input` raises where there is no terminal
            raise ApproverError(f"asking {self.by} about {question.title}", str(exc)) from exc
        return said if isinstance(said, Decision) else Decision(approved=bool(said), by=self.by)


@attrs.frozen(kw_only=True)
class FileApprover:
    """Waits until somebody puts `<step>.approved` or `<step>.rejected` into a folder.

    The first line of that file is who it was, the rest a note; without one it is the file's owner.
    The question stands in `<step>.question`. Use a new folder for each run: an answer that lies
    there counts.

    Args:
        folder: The folder, which must be there.
        clock: Whose time passes.
        every_s: Seconds between two looks.
        timeout_s: Seconds after which nobody is expected any more; None waits for ever.
        control: Who may end the waiting, so that the way back is open meanwhile.
    """

    folder: Path = attrs.field(converter=Path)
    clock: Clock
    every_s: float = 2.0
    timeout_s: float | None = None
    control: Control | None = None

    def ask(self, question: Question) -> Decision:
        doing = self._doing(question)
        start = self.clock.now()
        while (decision := self.peek(question)) is None:
            waited_s = (self.clock.now() - start).total_seconds()
            if self.timeout_s is not None and waited_s >= self.timeout_s:
                raise ApproverError(doing, f"no answer after {waited_s:.0f} s")
            if self.control and (told := self.control.instruction()).order is Order.CANCEL:
                raise ApproverError(doing, f"cancelled by {told.by}")
            self.clock.sleep(self.every_s)
        return decision

    def peek(self, question: Question) -> Decision | None:
        """The answer if it lies there; the question is written anew each time.

        Raises:
            ApproverError: The folder cannot be written or read.
        """
        doing = self._doing(question)
        if Path(question.step).name != question.step:
            raise ApproverError(doing, "the name of the step is no name of a file")
        try:
            text = f"{question.title}\n\n{question.instructions}\n"
            (self.folder / f"{question.step}.question").write_text(text, encoding="utf-8")
            return self._decision(question.step)
        except OSError as exc:
            raise ApproverError(doing, exc.strerror or str(exc)) from exc

    def _doing(self, question: Question) -> str:
        return f"waiting for {question.step}.approved or .rejected in {self.folder}"

    def _decision(self, step: str) -> Decision | None:
        """A rejection beats an approval."""
        for ending, approved in (("rejected", False), ("approved", True)):
            path = self.folder / f"{step}.{ending}"
            if path.is_file():
                name, _, note = path.read_text("utf-8", errors="replace").partition("\n")
                by = name.strip() or _owner(path)
                return Decision(approved=approved, by=by, note=note.strip())
        return None


@attrs.frozen
class TwoPersonApprover:
    """Asks two people, one after the other; it takes both, and one person does not count twice.

    Args:
        first: Asked first; a no ends it.
        second: Asked when the first one has approved.
    """

    first: Approver
    second: Approver
    _first: dict[str, Decision] = attrs.field(factory=dict, init=False, repr=False, eq=False)
    """What the first one said, by step, while the second one thinks."""

    def ask(self, question: Question) -> Decision:
        one = self.first.ask(question)
        return _both(one, self.second.ask(question)) if one.approved else one

    def peek(self, question: Question) -> Decision | None:
        """Their answers once both are there; who cannot be asked without waiting is waited for."""
        if (one := self._first.get(question.step)) is None:
            if (one := _peek(self.first, question)) is None or not one.approved:
                return one
            self._first[question.step] = one
        if (other := _peek(self.second, question)) is None:
            return None
        del self._first[question.step]
        return _both(one, other)


def _peek(approver: Approver, question: Question) -> Decision | None:
    decision: Decision | None = getattr(approver, "peek", approver.ask)(question)
    return decision


def _both(one: Decision, other: Decision) -> Decision:
    if not other.approved:
        return other
    if _same_person(one.by, other.by):
        note = f"two different people are needed, and {one.by} answered twice"
        return Decision(approved=False, by=one.by, note=note)
    notes = "; ".join(note for note in (one.note, other.note) if note)
    return Decision(approved=True, by=f"{one.by} and {other.by}", note=notes)


def _same_person(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()


def _owner(path: Path) -> str:
    number = os.stat(path).st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
