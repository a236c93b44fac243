"""The defaults that need nothing but this machine keep their contracts."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_lts.adapters import (
    CallableApprover,
    FileApprover,
    LocalProcessRunner,
    LoggingObserver,
    SqliteJournal,
    SystemClock,
)
from kong_lts.protocols import Approver, Clock, Journal, Observer
from tests.contracts.journal import JournalContract
from tests.contracts.people import QUESTION, ApproverContract, ClockContract, ObserverContract
from tests.contracts.process_runner import Commands, ProcessRunnerContract


class TestLocalProcessRunner(ProcessRunnerContract):
    @pytest.fixture
    def commands(self) -> Commands:
        def python(code: str) -> tuple[str, ...]:
            return (sys.executable, "-c", code)

        return Commands(
            runner=LocalProcessRunner(),
            says_hello=python("print('hello')"),
            ends_with_3=python("import sys; sys.stderr.write('sorry'); sys.exit(3)"),
            is_missing=("/nonexistent/kong", "version"),
            never_ends=python("import time; time.sleep(60)"),
        )


class TestSqliteJournal(JournalContract):
    @pytest.fixture
    def open_journal(self, tmp_path: Path) -> Callable[[], Journal]:
        return lambda: SqliteJournal(tmp_path / "run.journal")


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()


class TestCallableApprover(ApproverContract):
    @pytest.fixture
    def make(self) -> Callable[[bool | None], Approver]:
        def answer(said: bool | None) -> bool:
            if said is None:
                raise EOFError("no terminal")
            return said

        return lambda said: CallableApprover(lambda _: answer(said), by="Zoë")


class TestFileApprover(ApproverContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[bool | None], Approver]:
        def make(said: bool | None) -> Approver:
            if said is not None:
                name = f"{QUESTION.step}.{'approved' if said else 'rejected'}"
                (tmp_path / name).write_text("Zoë\nafter the smoke test\n", encoding="utf-8")
            return FileApprover(folder=tmp_path, clock=SystemClock(), every_s=0.01, timeout_s=0.05)

        return make


class TestLoggingObserver(ObserverContract):
    @pytest.fixture
    def observer(self) -> Observer:
        return LoggingObserver()
