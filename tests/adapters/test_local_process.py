"""Commands on this host end with all that they started, and show no secret."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_lts.adapters import LocalProcessRunner
from kong_lts.errors import ProcessFailedError, ProcessNotRunError

MARKER = "s3cr3t-marker"


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", code, *words]


def soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        pass
    return condition()


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return b"\nState:\tZ" in Path(f"/proc/{pid}/status").read_bytes()


CHILD = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}]);"
SLEEP = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def test_the_whole_group_ends_with_its_time(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = CHILD.format(child=SLEEP) + f"open({str(note)!r}, 'w').write(str(p.pid)); p.wait()"

    with pytest.raises(ProcessNotRunError, match="still running after 1 s"):
        LocalProcessRunner().run(python(code), timeout_s=1)

    assert soon(lambda: is_gone(int(note.read_text())))


def test_what_ignores_the_signal_is_killed() -> None:
    start = time.monotonic()

    with pytest.raises(ProcessNotRunError):
        LocalProcessRunner().run(python(DEAF), timeout_s=0.5)

    assert time.monotonic() - start < 10


def test_a_daemon_that_keeps_the_output_open_keeps_nobody_waiting() -> None:
    code = CHILD.format(child=SLEEP) + "print(p.pid)"
    start = time.monotonic()

    done = LocalProcessRunner().run(python(code), timeout_s=30)

    assert time.monotonic() - start < 10
    daemon = int(done.stdout)
    assert not is_gone(daemon)
    os.kill(daemon, signal.SIGKILL)


def test_nobody_waits_for_input() -> None:
    done = LocalProcessRunner().run(python("print(repr(input()) if 0 else 'x')"), timeout_s=30)
    assert done.stdout == "x\n"

    with pytest.raises(ProcessFailedError, match="EOFError"):
        LocalProcessRunner().run(python("input()"), timeout_s=30)


def test_no_shell_reads_the_arguments() -> None:
    done = LocalProcessRunner().run(
        python("import sys; print(sys.argv[1:])", "$(id)", ";", "*"), timeout_s=30
    )

    assert done.stdout == "['$(id)', ';', '*']\n"


def test_bytes_that_are_no_text_do_no_harm() -> None:
    code = "import sys; sys.stdout.buffer.write(b'a\\xffb'); sys.stderr.buffer.write(b'\\xfe')"

    done = LocalProcessRunner().run(python(code), timeout_s=30)

    assert (done.stdout, done.stderr) == ("a\ufffdb", "\ufffd")


def test_of_much_output_the_beginning_and_the_end_are_kept() -> None:
    code = (
        "import sys\nprint('first')\n"
        "for n in range(60): sys.stdout.write(('x' * 99 + '\\n') * 10000)\nprint('last')"
    )

    done = LocalProcessRunner().run(python(code), timeout_s=60)

    assert done.stdout.startswith("first\n")
    assert done.stdout.endswith("\nlast\n")
    assert "left out" in done.stdout
    assert len(done.stdout) < 11 << 20


def test_a_secret_is_blotted_out_wherever_it_was_printed() -> None:
    runner = LocalProcessRunner(environ={"TOKEN": MARKER}, secrets=(MARKER,))
    code = "import os, sys; print(os.environ['TOKEN']); sys.stderr.write(os.environ['TOKEN'])"

    done = runner.run(python(code), timeout_s=30)
    with pytest.raises(ProcessFailedError) as failed:
        runner.run(python(code + "; sys.exit(1)"), timeout_s=30)
    with pytest.raises(ProcessNotRunError) as missing:
        runner.run([f"/nonexistent/{MARKER}"], timeout_s=30)

    assert (done.stdout, done.stderr) == ("***\n", "***")
    for shown in (failed.value, missing.value, repr(failed.value), repr(runner)):
        assert MARKER not in str(shown)
    assert MARKER not in failed.value.stdout


@pytest.mark.parametrize("argv", [[], ["/nonexistent"], ["/etc/passwd"], ["a\x00b"]])
def test_what_is_no_command_is_not_run(argv: list[str]) -> None:
    with pytest.raises(ProcessNotRunError):
        LocalProcessRunner().run(argv, timeout_s=30)


def test_it_runs_where_it_is_told_to(tmp_path: Path) -> None:
    runner = LocalProcessRunner(cwd=str(tmp_path))

    assert runner.run(["pwd", "-P"], timeout_s=30).stdout.strip() == str(tmp_path.resolve())
