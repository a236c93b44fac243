"""Time, and the people around a run."""

import logging
import os
import pwd
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import attrs

from kong_lts.errors import ApproverError
from kong_lts.events import Event, StepFailed, UndoFailed
from kong_lts.protocols import Clock, Decision, Question

__all__ = ["CallableApprover", "FileApprover", "LoggingObserver", "SystemClock"]


@attrs.frozen
class SystemClock:
    """The clock of this host."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, duration_s: float) -> None:
        time.sleep(max(0.0, duration_s))


@attrs.frozen
class LoggingObserver:
    """Writes one line an event to a logger; failures as warnings."""

    logger: logging.Logger = attrs.field(factory=lambda: logging.getLogger("kong_lts"))

    def notice(self, event: Event) -> None:
        level = logging.WARNING if isinstance(event, StepFailed | UndoFailed) else logging.INFO
        words = [type(event).__name__]
        # Never the whole event: one of them holds the plan.
        words += [str(getattr(event, name)) for name in ("step", "reason") if hasattr(event, name)]
        words += [str(finding) for finding in getattr(event, "findings", ())]
        self.logger.log(level, "%s", ": ".join(words))


@attrs.frozen
class CallableApprover:
    """Asks a function.

    Args:
        function: Gets the question; says True, False or a decision of its own.
        by: Whose answer a True or False is.
    """

    function: Callable[[Question], bool | Decision] = attrs.field(repr=False)
    by: str

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
    """

    folder: Path = attrs.field(converter=Path)
    clock: Clock
    every_s: float = 2.0
    timeout_s: float | None = None

    def ask(self, question: Question) -> Decision:
        doing = f"waiting for {question.step}.approved or .rejected in {self.folder}"
        if Path(question.step).name != question.step:
            raise ApproverError(doing, "the name of the step is no name of a file")
        try:
            text = f"{question.title}\n\n{question.instructions}\n"
            (self.folder / f"{question.step}.question").write_text(text, encoding="utf-8")
            start = self.clock.now()
            while (decision := self._decision(question.step)) is None:
                waited_s = (self.clock.now() - start).total_seconds()
                if self.timeout_s is not None and waited_s >= self.timeout_s:
                    raise ApproverError(doing, f"no answer after {waited_s:.0f} s")
                self.clock.sleep(self.every_s)
        except OSError as exc:
            raise ApproverError(doing, exc.strerror or str(exc)) from exc
        return decision

    def _decision(self, step: str) -> Decision | None:
        """A rejection beats an approval."""
        for ending, approved in (("rejected", False), ("approved", True)):
            path = self.folder / f"{step}.{ending}"
            if path.is_file():
                name, _, note = path.read_text("utf-8", errors="replace").partition("\n")
                by = name.strip() or _owner(path)
                return Decision(approved=approved, by=by, note=note.strip())
        return None


def _owner(path: Path) -> str:
    number = os.stat(path).st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
