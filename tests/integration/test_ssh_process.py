"""Commands over OpenSSH, against a real sshd on loopback."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kong_lts.adapters import SshProcessRunner
from kong_lts.errors import ProcessFailedError, ProcessNotRunError
from kong_lts.protocols import ProcessRunner
from tests.contracts.gathering import GatheringContract, Make, write_files
from tests.contracts.process_runner import (
    Commands,
    InputCommands,
    InputRunnerContract,
    ProcessRunnerContract,
)
from tests.integration.ssh_servers import SshServer

MARKER = "s3cr3t-marker"
NAP = "import time; time.sleep(60)"


@pytest.fixture
def short_folder() -> Iterator[str]:
    """The path of a socket has little room, and that of a test's own folder is long."""
    with tempfile.TemporaryDirectory(prefix="ssh") as folder:
        yield folder


def python(code: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *words)


def soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_gone(pid: int) -> bool:
    try:
        return b"\nState:\tZ" in Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return True


class TestGatheringOverSsh(GatheringContract):
    @pytest.fixture
    def make(self, ssh_runner: SshProcessRunner, tmp_path: Path) -> Make:
        def make(mark: str, files: Mapping[str, str]) -> tuple[str, ProcessRunner]:
            write_files(tmp_path, mark, files)
            return str(tmp_path), ssh_runner

        return make


class TestSshProcessRunner(ProcessRunnerContract, InputRunnerContract):
    @pytest.fixture
    def commands(self, ssh_runner: SshProcessRunner) -> Commands:
        return Commands(
            runner=ssh_runner,
            says_hello=python("print('hello')"),
            ends_with_3=python("import sys; sys.stderr.write('sorry'); sys.exit(3)"),
            is_missing=("/nonexistent/kong", "version"),
            never_ends=python(NAP),
        )

    @pytest.fixture
    def fed(self, ssh_runner: SshProcessRunner) -> InputCommands:
        return InputCommands(
            runner=ssh_runner,
            sums_up=("sh", "-c", "sha256sum | cut -c 1-64"),
            does_not_read=("echo", "done"),
            never_ends=("sleep", "60"),
        )


@pytest.mark.parametrize(
    "word", ["two words", "it's", "$HOME", "`id`", "a\nb", "*", "!", "\\n", "", "é", "\x01", "-c"]
)
def test_every_word_comes_through_as_it_is(ssh_runner: SshProcessRunner, word: str) -> None:
    code = "import sys; sys.stdout.buffer.write(repr(sys.argv[1:]).encode())"

    done = ssh_runner.run(python(code, word, "end"), timeout_s=30)

    assert done.stdout == repr([word, "end"])


def test_large_output_is_whole_and_in_its_own_stream(ssh_runner: SshProcessRunner) -> None:
    code = "import sys; sys.stderr.write('e' * 300000); sys.stdout.write('o' * 300000)"

    done = ssh_runner.run(python(code), timeout_s=30)

    assert (done.stdout, done.stderr) == ("o" * 300000, "e" * 300000)


def test_output_without_bound_is_cut(ssh_runner: SshProcessRunner) -> None:
    code = "for n in range(700_000): print(n, 'x' * 20)"

    done = ssh_runner.run(python(code), timeout_s=60)

    assert "left out" in done.stdout
    assert len(done.stdout) < 11 << 20
    assert done.stdout.startswith("0 x")
    assert done.stdout.endswith(f"699999 {'x' * 20}\n")


def test_a_command_has_no_input(ssh_runner: SshProcessRunner) -> None:
    done = ssh_runner.run(python("import sys; print(repr(sys.stdin.read()))"), timeout_s=30)

    assert done.stdout == "''\n"


def test_a_status_of_255_is_the_commands_own(ssh_runner: SshProcessRunner) -> None:
    """ssh ends with it when it cannot connect."""
    with pytest.raises(ProcessFailedError) as failed:
        ssh_runner.run(python("import sys; sys.exit(255)"), timeout_s=30)

    assert failed.value.status == 255


def test_the_connection_is_shared(ssh_server: SshServer, ssh_runner: SshProcessRunner) -> None:
    ssh_runner.run(("true",), timeout_s=30)
    before = (ssh_server.folder / "log").read_text().count("Accepted publickey")

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: ssh_runner.run(("true",), timeout_s=30), range(24)))

    assert {one.status for one in done} == {0}
    assert (ssh_server.folder / "log").read_text().count("Accepted publickey") == before


def test_a_host_whose_key_nobody_knows_is_refused_and_not_added(
    ssh_server: SshServer, tmp_path: Path, short_folder: str
) -> None:
    known = tmp_path / "known"
    known.write_text("")
    stranger = ssh_server.runner(known_hosts=str(known), control_folder=short_folder)

    with pytest.raises(ProcessNotRunError, match="Host key verification failed"):
        stranger.run(("true",), timeout_s=30)

    assert known.read_text() == ""


def test_so_is_one_with_another_key(
    ssh_server: SshServer, tmp_path: Path, short_folder: str
) -> None:
    known = tmp_path / "known"
    other = (ssh_server.folder / "client.pub").read_text()
    known.write_text(f"[127.0.0.1]:{ssh_server.port} {other}")
    ssh_runner = ssh_server.runner(known_hosts=str(known), control_folder=short_folder)

    with pytest.raises(ProcessNotRunError, match="verification failed"):
        ssh_runner.run(("true",), timeout_s=30)


def test_a_key_that_does_not_fit_is_an_error(ssh_server: SshServer, short_folder: str) -> None:
    ssh_runner = ssh_server.runner(
        identity_file=f"{ssh_server.folder}/host", control_folder=short_folder
    )

    with pytest.raises(ProcessNotRunError, match="Permission denied"):
        ssh_runner.run(("true",), timeout_s=30)


def test_a_host_that_does_not_answer_is_an_error(ssh_server: SshServer, short_folder: str) -> None:
    ssh_runner = ssh_server.runner(port=1, control_folder=short_folder)

    with pytest.raises(ProcessNotRunError, match="refused"):
        ssh_runner.run(("true",), timeout_s=30)


def test_what_is_too_slow_is_gone_on_the_host(ssh_runner: SshProcessRunner, tmp_path: Path) -> None:
    """With its children, one of which does not hear the first signal."""
    note = tmp_path / "pids"
    deaf = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {NAP}"
    code = (
        "import os, subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[2]]);"
        "open(sys.argv[1], 'w').write(f'{os.getpid()} {p.pid} '); p.wait()"
    )

    with pytest.raises(ProcessNotRunError, match="still running after 2 s"):
        ssh_runner.run(python(code, str(note), deaf), timeout_s=2)

    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2
    assert soon(lambda: all(map(is_gone, pids)))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_so_is_the_command_of_a_process_that_was_ended(
    ssh_server: SshServer, tmp_path: Path, how: signal.Signals
) -> None:
    note = tmp_path / "pid"
    inner = f"import os; open({str(note)!r}, 'w').write(str(os.getpid()) + ' '); {NAP}"
    outer = (
        "import sys\nfrom kong_lts.adapters import SshProcessRunner\n"
        f"r = SshProcessRunner(host='127.0.0.1', port={ssh_server.port},"
        f" identity_file={str(ssh_server.folder / 'client')!r},"
        f" known_hosts={str(ssh_server.folder / 'known')!r})\n"
        f"r.run((sys.executable, '-c', {inner!r}), timeout_s=60)\n"
    )
    with subprocess.Popen(python(outer), stderr=subprocess.DEVNULL) as process:
        assert soon(lambda: note.exists() and note.read_text().endswith(" "))
        process.send_signal(how)

    assert soon(lambda: is_gone(int(note.read_text())))


def test_a_daemon_neither_ends_nor_keeps_us(ssh_runner: SshProcessRunner, tmp_path: Path) -> None:
    """It holds both pipes, as one may that `kong start` leaves behind."""
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[2]],"
        " start_new_session=True); open(sys.argv[1], 'w').write(str(p.pid)); print('started')"
    )
    start = time.monotonic()

    done = ssh_runner.run(python(code, str(note), NAP), timeout_s=50)

    pid = int(note.read_text())
    assert done.stdout == "started\n"
    assert time.monotonic() - start < 30
    assert not is_gone(pid)
    os.kill(pid, signal.SIGKILL)


def test_no_secret_stands_in_an_argument_or_in_sshs_environment(
    ssh_server: SshServer, tmp_path: Path
) -> None:
    """Nor in what is kept of the output; the command itself has it."""
    note = tmp_path / "seen"
    ssh_runner = ssh_server.runner(environ={"KONG_PG_PASSWORD": MARKER}, secrets=(MARKER,))
    code = (
        "import glob, os, sys\n"
        "seen = b''\n"
        "for path in glob.glob('/proc/[0-9]*'):\n"
        "    if int(path[6:]) == os.getpid(): continue\n"
        "    for name in ('cmdline', 'environ'):\n"
        "        try: seen += open(f'{path}/{name}', 'rb').read()\n"
        "        except OSError: continue\n"
        "open(sys.argv[1], 'wb').write(seen)\n"
        "print(os.environ['KONG_PG_PASSWORD'])\n"
        "sys.exit(os.environ['KONG_PG_PASSWORD'])\n"
    )

    with pytest.raises(ProcessFailedError) as failed:
        ssh_runner.run(python(code, str(note)), timeout_s=30)

    assert b"kong_lts" in note.read_bytes()
    assert MARKER.encode() not in note.read_bytes()
    assert MARKER not in f"{failed.value} {failed.value.stdout} {failed.value!r} {ssh_runner!r}"
    assert failed.value.stdout == "***\n"


def test_a_folder_that_is_open_to_others_is_not_used(ssh_server: SshServer, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)

    with pytest.raises(ProcessNotRunError, match="open to all"):
        ssh_server.runner(control_folder=str(folder)).run(("true",), timeout_s=30)


@pytest.mark.parametrize("host", ["-oProxyCommand=id", "two words", "", "a/b"])
def test_a_host_is_no_option(host: str) -> None:
    with pytest.raises(ValueError, match="host"):
        SshProcessRunner(host=host)


@pytest.mark.parametrize("argv", [(), ("",), ("a\0b",)])
def test_what_is_no_command_is_an_error(
    ssh_runner: SshProcessRunner, argv: tuple[str, ...]
) -> None:
    with pytest.raises(ProcessNotRunError):
        ssh_runner.run(argv, timeout_s=30)


def test_what_is_no_name_of_a_variable_is_an_error(ssh_server: SshServer) -> None:
    with pytest.raises(ProcessNotRunError, match="no name of a variable"):
        ssh_server.runner(environ={"A=B;": "c"}).run(("true",), timeout_s=30)


def test_an_ssh_that_is_not_there_is_an_error(ssh_server: SshServer) -> None:
    ssh_runner = ssh_server.runner(program="/nonexistent/ssh")

    with pytest.raises(ProcessNotRunError, match="No such file"):
        ssh_runner.run(("true",), timeout_s=30)
    with contextlib.suppress(OSError):
        ssh_runner.close()
