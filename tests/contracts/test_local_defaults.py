"""The defaults that need nothing but this machine keep their contracts."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kong_lts.adapters import (
    BackupFolders,
    CallableApprover,
    FileApprover,
    FileControl,
    FileLock,
    LocalNodeFiles,
    LocalProcessRunner,
    LoggingObserver,
    RemoteNodeFiles,
    SqliteJournal,
    Switch,
    SystemClock,
    TwoPersonApprover,
)
from kong_lts.protocols import (
    Approver,
    Backups,
    Clock,
    Control,
    Journal,
    Lock,
    Observer,
    Order,
    ProcessRunner,
)
from tests.contracts.backups import BackupsContract
from tests.contracts.gathering import GatheringContract, Make, write_files
from tests.contracts.journal import JournalContract
from tests.contracts.node_files import CONF, NodeFilesContract, NodeWithFiles
from tests.contracts.people import (
    QUESTION,
    ApproverContract,
    ClockContract,
    ControlContract,
    LockContract,
    ObserverContract,
)
from tests.contracts.process_runner import (
    Commands,
    InputCommands,
    InputRunnerContract,
    ProcessRunnerContract,
)


class TestGatheringHere(GatheringContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def make(mark: str, files: Mapping[str, str]) -> tuple[str, ProcessRunner]:
            write_files(tmp_path, mark, files)
            return str(tmp_path), LocalProcessRunner(environ={"PATH": os.defpath, "LANG": "C"})

        return make


class TestLocalProcessRunner(ProcessRunnerContract, InputRunnerContract):
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

    @pytest.fixture
    def fed(self) -> InputCommands:
        return InputCommands(
            runner=LocalProcessRunner(),
            sums_up=("sh", "-c", "sha256sum | cut -c 1-64"),
            does_not_read=("echo", "done"),
            never_ends=("sleep", "60"),
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


class TestTwoPersonApprover(ApproverContract):
    @pytest.fixture
    def make(self) -> Callable[[bool | None], Approver]:
        def answer(said: bool | None) -> bool:
            if said is None:
                raise EOFError("no terminal")
            return said

        return lambda said: TwoPersonApprover(
            CallableApprover(lambda _: answer(said), by="Zoë"),
            CallableApprover(lambda _: answer(said), by="Ali"),
        )


class TestSwitch(ControlContract):
    @pytest.fixture
    def make(self) -> Callable[[Order], Control]:
        def make(order: Order) -> Control:
            switch = Switch()
            turn = {Order.PAUSE: switch.pause, Order.CANCEL: switch.cancel}
            turn.get(order, switch.go_on)("Zoë")
            return switch

        return make


class TestFileControl(ControlContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[Order], Control]:
        def make(order: Order) -> Control:
            if order is not Order.GO_ON:
                (tmp_path / order.value).write_text("Zoë\n", encoding="utf-8")
            return FileControl(tmp_path)

        return make


class TestFileLock(LockContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[], Lock]:
        return lambda: FileLock(tmp_path / "deployment.lock")


class TestBackupFolders(BackupsContract):
    @pytest.fixture
    def make(self) -> Callable[[], Backups]:
        return BackupFolders


def conf_below(folder: Path) -> Path:
    """The configuration of a node whose files are below a folder."""
    conf = folder / f"node{CONF}"
    conf.parent.mkdir(parents=True)
    conf.write_text("first")
    return conf


def written_to(conf: Path) -> Callable[[str], None]:
    """What somebody writes there afterwards."""

    def write(text: str) -> None:
        conf.write_text(text)

    return write


class TestLocalNodeFiles(NodeFilesContract):
    @pytest.fixture
    def node(self, tmp_path: Path) -> NodeWithFiles:
        files = LocalNodeFiles({"gw": f"{tmp_path}/node"})
        return NodeWithFiles(files, written_to(conf_below(tmp_path)))


class TestRemoteNodeFiles(NodeFilesContract):
    """Over commands of this machine; the integration tests hold it to this over ssh."""

    @pytest.fixture
    def node(self, tmp_path: Path) -> NodeWithFiles:
        conf = conf_below(tmp_path)
        files = RemoteNodeFiles({"gw": LocalProcessRunner()})
        return NodeWithFiles(files, written_to(conf), str(conf))
