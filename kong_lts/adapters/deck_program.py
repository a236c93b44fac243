"""The installed `deck` program: what it knows, and by which names it is called."""

import functools
import re
from collections.abc import Sequence

import attrs

from kong_lts.errors import DeckError, ProcessFailedError, ProcessNotRunError, last_words
from kong_lts.protocols import Finished, ProcessRunner
from kong_lts.state_files import DeckAbility

__all__ = ["DeckFailedError", "DeckProgram"]

_NO_COMMAND = re.compile(r'unknown command "gateway"')
_OWN_VERSION = re.compile(r"\bv?(\d+\.\d+\.\d+)")
_HELP_TIMEOUT_S = 60.0
_CONVERTS = re.compile(r"--from.*\b2\.8\b[\s\S]*--to.*\b3\.4\b")
_MOVED = re.compile(r"\AInfo: 'deck [^\n]*\n(?:(?!Error:|Warning:)[^\n]*\n)*")
"""What a newer decK says on stderr when it is called by an older name."""


@attrs.define
class DeckFailedError(Exception):
    """A command ended badly, or not at all; its text is decK's own."""

    text: str
    ended: bool
    """False where it was never seen to end."""


@attrs.frozen
class DeckProgram:
    """Runs `deck gateway ...`, or the older names where the program does not know these."""

    runner: ProcessRunner
    program: str
    timeout_s: float

    @functools.cached_property
    def abilities(self) -> frozenset[DeckAbility]:
        """What its own help says that it knows.

        Raises:
            DeckError: It cannot be run.
        """
        gateway = self._help("gateway", "dump")
        dump, diff = (gateway, self._help("gateway", "diff")) if gateway else (
            self._help("dump"), self._help("diff"),
        )  # fmt: skip
        known = {
            DeckAbility.GATEWAY_COMMANDS: bool(gateway),
            DeckAbility.DUMP_PARALLELISM: "--parallelism" in dump,
            DeckAbility.JSON_OUTPUT: "--json-output" in diff,
            DeckAbility.CONVERT_TO_3_4: bool(_CONVERTS.search(self._help("file", "convert"))),
        }
        return frozenset(ability for ability, there in known.items() if there)

    @functools.cached_property
    def version(self) -> str:
        """Its own.

        Raises:
            DeckError: It cannot be run, or names none.
        """
        doing = "asking decK for its version"
        try:
            found = _OWN_VERSION.search(self._run(["version"]).stdout)
        except DeckFailedError as failure:
            raise DeckError(doing, last_words(failure.text)) from failure
        if found is None:
            raise DeckError(doing, "it ended well, but named no version")
        return found[1]

    def gateway(self, command: str, *words: str, file: str | None = None) -> Finished:
        """One command that talks to the gateway.

        Args:
            command: As `deck gateway` calls it.
            words: Flags and their values.
            file: The state file that it reads.

        Raises:
            DeckFailedError: It ended with another status than 0, or not at all.
        """
        files = [] if file is None else [file]
        try:
            return self._run(["gateway", command, *words, *files])
        except DeckFailedError as failure:
            if not _NO_COMMAND.search(failure.text):
                raise
        before = ["--online"] if command == "validate" else []
        return self._run([command, *before, *words, *(("-s", file) if file is not None else ())])

    def validate_offline(self, file: str) -> Finished:
        """Look at a state file without any gateway.

        Raises:
            DeckFailedError: There is something wrong with it, or nobody looked.
        """
        try:
            return self._run(["file", "validate", file])
        except DeckFailedError as failure:
            if 'unknown command "file"' not in failure.text:
                raise
        return self._run(["validate", "-s", file])

    def _help(self, *command: str) -> str:
        """The help of a command; nothing where there is no such command."""
        argv = [self.program, *command, "--help"]
        try:
            done = self.runner.run(argv, timeout_s=_HELP_TIMEOUT_S, statuses=(0, 1))
        except (ProcessFailedError, ProcessNotRunError) as exc:
            raise DeckError("asking decK what it knows", str(exc)) from exc
        return (
            done.stdout if done.status == 0 and f"deck {' '.join(command)} [" in done.stdout else ""
        )

    def _run(self, words: Sequence[str]) -> Finished:
        try:
            return self.runner.run([self.program, *words], timeout_s=self.timeout_s)
        except ProcessFailedError as exc:
            text = _MOVED.sub("", exc.reason)
            raise DeckFailedError(text or last_words(exc.stdout), ended=True) from None
        except ProcessNotRunError as exc:
            raise DeckFailedError(str(exc), ended=False) from None
