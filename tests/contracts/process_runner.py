"""What every `ProcessRunner` promises."""

import attrs
import pytest

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
