"""The `deck` program against the Admin API of one cluster."""

import os
import re
from collections.abc import Mapping

import attrs

from kong_lts.adapters.local_process import LocalProcessRunner
from kong_lts.adapters.secrets import resolve_secret
from kong_lts.errors import (
    DeckError,
    ProcessFailedError,
    ProcessNotRunError,
    SecretError,
    last_words,
)
from kong_lts.protocols import Finished, ProcessRunner

__all__ = ["DeckCli"]

_VERSION = re.compile(r"Kong version:\s+(\S+)")
_NO_GATEWAY = re.compile(r'unknown command "gateway"')


@attrs.frozen
class DeckCli:
    """Runs `deck gateway ...`, and the older names where the program does not know these.

    Args:
        runner: Where it runs; its environment gives DECK_KONG_ADDR, DECK_ANALYTICS=off and, where
            there is a token, DECK_HEADERS=Kong-Admin-Token:..., so that no secret stands in an
            argument.
        program: Name or path.
        timeout_s: Seconds for one command.
    """

    runner: ProcessRunner
    program: str = attrs.field(default="deck", kw_only=True)
    timeout_s: float = attrs.field(default=1800.0, kw_only=True)

    @classmethod
    def local(
        cls,
        kong_addr: str,
        *,
        token: str | None = None,
        environ: Mapping[str, str] = os.environ,
        program: str = "deck",
    ) -> "DeckCli":
        """On this host.

        Args:
            kong_addr: The Admin API.
            token: Reference of the RBAC token, read now; None where there is none.
            environ: The environment of the program beside that.
            program: Name or path.

        Raises:
            DeckError: The token cannot be had.
        """
        own = {"DECK_KONG_ADDR": kong_addr, "DECK_ANALYTICS": "off"}
        secrets: tuple[str, ...] = ()
        if token is not None:
            try:
                secrets = (resolve_secret(token, environ),)
            except SecretError as exc:
                raise DeckError("preparing decK", str(exc)) from exc
            own["DECK_HEADERS"] = _headers(environ.get("DECK_HEADERS", ""), secrets[0])
        runner = LocalProcessRunner(environ={**environ, **own}, secrets=secrets)
        return cls(runner, program=program)

    def ping(self) -> str:
        doing = "asking for the version of Kong with decK"
        found = _VERSION.search(self._run(doing, "ping").stdout)
        if found is None:
            raise DeckError(doing, "decK ended well, but named no version")
        return found[1]

    def dump(self, path: str) -> None:
        doing = f"dumping the configuration to {path} with decK"
        if os.path.lexists(path):
            raise DeckError(doing, "the file is there, and is not overwritten; name a new one")
        self._run(doing, "dump", "--output-file", path)
        try:
            with open(path, "rb") as file:
                os.fchmod(file.fileno(), 0o600)
                written = b"_format_version" in file.read(1 << 16)
        except OSError as exc:
            raise DeckError(doing, f"decK ended well, but: {exc.strerror}") from exc
        if not written:
            raise DeckError(doing, "decK ended well, but what it wrote is no state file")

    def _run(self, doing: str, *words: str) -> Finished:
        try:
            return self._try("gateway", *words)
        except ProcessFailedError as exc:
            if not _NO_GATEWAY.search(exc.reason):
                raise DeckError(doing, last_words(exc.reason)) from exc
        except ProcessNotRunError as exc:
            raise DeckError(doing, str(exc)) from exc
        try:
            return self._try(*words)
        except (ProcessFailedError, ProcessNotRunError) as exc:
            raise DeckError(doing, str(exc)) from exc

    def _try(self, *words: str) -> Finished:
        return self.runner.run([self.program, *words], timeout_s=self.timeout_s)


def _headers(before: str, token: str) -> str:
    """The token as a header: measured, decK 1.55 does not read DECK_KONG_ADMIN_TOKEN."""
    if token.split() != [token]:  # decK divides the variable at blanks
        raise DeckError("preparing decK", "the token is empty or has a blank in it")
    return f"{before} Kong-Admin-Token:{token}".strip()
