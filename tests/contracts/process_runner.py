"""What every `ProcessRunner` promises."""

import hashlib

import attrs
import pytest

from kong_lts.adapters.node_host import InputRunner
from kong_lts.errors import ProcessFailedError, ProcessNotRunError
from kong_lts.protocols import ProcessRunner


@attrs.frozen(kw_only=True)
class Commands:
    """Commands that do what the contract is about."""

    runner: ProcessRunner
    says_hello: tuple[str, ...]
    """Prints hello, ends with 0."""
    ends_with_3: tuple[str, ...]
    """Prints sorry as an error."""
    is_missing: tuple[str, ...]
    never_ends: tuple[str, ...]


@attrs.frozen(kw_only=True)
class InputCommands:
    """The same, for one that can give input."""

    runner: InputRunner
    sums_up: tuple[str, ...]
    """Prints the SHA-256 of what it reads, in hexadecimal."""
    does_not_read: tuple[str, ...]
    """Prints done."""
    never_ends: tuple[str, ...]


class ProcessRunnerContract:
    @pytest.fixture
    def commands(self) -> Commands:
        raise NotImplementedError

    def test_a_command_runs_to_its_end(self, commands: Commands) -> None:
        done = commands.runner.run(commands.says_hello, timeout_s=30)

        assert (done.status, done.stdout.strip()) == (0, "hello")

    def test_another_status_is_a_failure(self, commands: Commands) -> None:
        with pytest.raises(ProcessFailedError) as failed:
            commands.runner.run(commands.ends_with_3, timeout_s=30)

        assert failed.value.status == 3
        assert "sorry" in str(failed.value)

    def test_unless_it_is_expected(self, commands: Commands) -> None:
        done = commands.runner.run(commands.ends_with_3, timeout_s=30, statuses=(0, 3))

        assert (done.status, done.stderr.strip()) == (3, "sorry")

    def test_a_missing_program_is_not_run(self, commands: Commands) -> None:
        with pytest.raises(ProcessNotRunError):
            commands.runner.run(commands.is_missing, timeout_s=30)

    def test_what_does_not_end_in_time_is_ended(self, commands: Commands) -> None:
        with pytest.raises(ProcessNotRunError):
            commands.runner.run(commands.never_ends, timeout_s=0.3)


class InputRunnerContract:
    @pytest.fixture
    def fed(self) -> InputCommands:
        raise NotImplementedError

    @pytest.mark.parametrize(
        "data", [b"k", b"\n\x00\xff'$(id)\\\n", bytes(range(256)) * 8192], ids=len
    )
    def test_every_byte_arrives(self, fed: InputCommands, data: bytes) -> None:
        done = fed.runner.run(fed.sums_up, timeout_s=30, stdin=data)

        assert done.stdout.strip() == hashlib.sha256(data).hexdigest()

    def test_a_command_need_not_read_it(self, fed: InputCommands) -> None:
        done = fed.runner.run(fed.does_not_read, timeout_s=30, stdin=b"k" * 1_000_000)

        assert done.stdout.strip() == "done"

    def test_one_that_does_not_is_ended_in_time(self, fed: InputCommands) -> None:
        with pytest.raises(ProcessNotRunError, match="still running"):
            fed.runner.run(fed.never_ends, timeout_s=1, stdin=b"k" * 1_000_000)
