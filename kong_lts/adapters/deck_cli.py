"""The `deck` program against the Admin API of one cluster."""

import functools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs

from kong_lts.adapters.admin_api import HttpAdminApi
from kong_lts.adapters.deck_program import DeckFailedError, DeckProgram
from kong_lts.adapters.deck_report import (
    basic_auth_writes,
    changes_of,
    first_words,
    refusals_of,
    without_basic_auth_writes,
)
from kong_lts.adapters.local_process import LocalProcessRunner
from kong_lts.adapters.secrets import resolve_secret
from kong_lts.declarative.state_entities import entities_of, without_basic_auth
from kong_lts.errors import AdminApiError, DeckError, DeclarativeError, SecretError
from kong_lts.protocols import AdminApi, Finished, ProcessRunner
from kong_lts.state_files import Changes, DeckAbility, DumpedFile, StateDump
from kong_lts.versions import Edition, KongVersion

__all__ = ["DeckCli"]

_VERSION = re.compile(r"Kong version:\s+(\d+(?:\.\d+){2,3})")
_PARALLELISM = 20
"""Requests at once of a dump, where decK can be told: twice its default."""
_WORKSPACES_OF = "admin"
"""How the Admin API is called that says which workspaces there are."""


@attrs.frozen
class DeckCli:
    """Runs `deck gateway ...`, and the older names where the program does not know these.

    Args:
        runner: Where it runs; its environment gives DECK_KONG_ADDR, DECK_ANALYTICS=off and, where
            there is a token, DECK_HEADERS=Kong-Admin-Token:..., so that no secret stands in an
            argument. State files are read and written on this host.
        program: Name or path.
        timeout_s: Seconds for one command.
        admin: Says which workspaces there are; needed for Enterprise only.
    """

    runner: ProcessRunner
    program: str = attrs.field(default="deck", kw_only=True)
    timeout_s: float = attrs.field(default=1800.0, kw_only=True)
    admin: AdminApi | None = attrs.field(default=None, kw_only=True)

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
        admin = HttpAdminApi({_WORKSPACES_OF: kong_addr}, token=token, environ=environ)
        return cls(runner, program=program, admin=admin)

    def ping(self) -> str:
        doing = "asking for the version of Kong with decK"
        found = _VERSION.search(self._gateway(doing, "ping").stdout)
        if found is None:
            raise DeckError(doing, "decK ended well, but named no version")
        return found[1]

    def program_version(self) -> str:
        """The version of the program, as in "1.55.0".

        Raises:
            DeckError: It cannot be run, or names none.
        """
        return self._deck.version

    def abilities(self) -> frozenset[DeckAbility]:
        return self._deck.abilities

    def dump(self, folder: str, *, tags: Sequence[str] = ()) -> StateDump:
        doing = f"dumping the configuration to {folder} with decK"
        target = Path(folder)
        if os.path.lexists(target):
            raise DeckError(doing, "the folder is there, and is not overwritten; name a new one")
        wanted = _wanted(self._workspaces(doing), tags)
        flags = self._parallelism()
        try:
            with _new_folder(target) as partial:
                said = {file: self._dump(doing, partial, file, flags) for file in wanted}
                files = [file for file, refusal in said.items() if refusal is None]
                entities = _count(doing, [partial / file.path for file in files])
        except OSError as exc:
            raise DeckError(doing, exc.strerror or "the folder cannot be written") from exc
        return StateDump(
            folder=folder,
            files=tuple(attrs.evolve(file, path=str(target / file.path)) for file in files),
            entities=entities,
            refused=tuple(f"{file.path}: {why}" for file, why in said.items() if why is not None),
        )

    def validate(self, file: DumpedFile, *, online: bool) -> tuple[str, ...]:
        doing = f"validating {file.path} with decK"
        with self._without_credentials(doing, file, None) as (path, _):
            try:
                if online:
                    self._deck.gateway("validate", *self._flags(doing, file), file=path)
                else:
                    self._deck.validate_offline(path)
            except DeckFailedError as failure:
                refusals = refusals_of(failure.text)
                if refusals is None:
                    raise DeckError(doing, first_words(failure.text)) from None
                return tuple(line.replace(path, file.path) for line in refusals)
        return ()

    def diff(self, file: DumpedFile) -> Changes:
        doing = f"comparing the gateway with {file.path} by decK"
        return without_basic_auth_writes(self._compare(doing, file, file.path)[0])

    def sync(self, file: DumpedFile) -> Changes:
        doing = f"syncing {file.path} with decK"
        _, report = self._compare(doing, file, file.path)
        with self._without_credentials(doing, file, basic_auth_writes(report)) as (path, gone):
            if gone and basic_auth_writes(self._compare(doing, file, path)[1]):
                raise DeckError(doing, "a basic-auth credential would be written all the same")
            words = ("--json-output", *self._flags(doing, file))
            done = self._gateway(doing, "sync", *words, file=path)
        found = changes_of(done.stdout)
        if found is None:
            raise DeckError(doing, "decK ended well, but reported nothing; compare before going on")
        return attrs.evolve(found[0], left_out=tuple(f"basic-auth {name}" for name in gone))

    @functools.cached_property
    def _deck(self) -> DeckProgram:
        return DeckProgram(self.runner, self.program, self.timeout_s)

    def _gateway(self, doing: str, command: str, *words: str, file: str | None = None) -> Finished:
        try:
            return self._deck.gateway(command, *words, file=file)
        except DeckFailedError as failure:
            raise DeckError(doing, first_words(failure.text)) from None

    def _workspaces(self, doing: str) -> tuple[str | None, ...]:
        """Of Enterprise; on open source decK finds not even `default`, and goes without a name."""
        if not self._has_workspaces():
            return (None,)
        try:
            names = self.admin.workspaces() if self.admin is not None else ()
        except AdminApiError as exc:
            raise DeckError(doing, str(exc)) from exc
        if not names:
            raise DeckError(doing, "nobody says which workspaces there are; give `admin`")
        return names

    def _has_workspaces(self) -> bool:
        return KongVersion.parse(self.ping()).edition is Edition.ENTERPRISE

    def _flags(self, doing: str, file: DumpedFile) -> tuple[str, ...]:
        """What says to decK what a file is about."""
        if file.workspace is None:
            return ("--rbac-resources-only",) if file.rbac else ()
        if not self._has_workspaces():  # decK would say that it creates the workspace
            raise DeckError(doing, f"open source has no workspace {file.workspace}")
        workspace = ("--workspace", file.workspace)
        return (*workspace, "--rbac-resources-only") if file.rbac else workspace

    def _parallelism(self) -> tuple[str, ...]:
        """As the guide asks for it, and no decK so far takes it."""
        if DeckAbility.DUMP_PARALLELISM not in self.abilities():
            return ()
        return ("--parallelism", str(_PARALLELISM))

    def _dump(self, doing: str, folder: Path, file: DumpedFile, flags: Sequence[str]) -> str | None:
        """Write one file; why it could not be, where the rest may go on without it."""
        words = ["--with-id", "--output-file", str(folder / file.path), *flags]
        words += self._flags(doing, file)
        words += [] if file.tag is None else ["--select-tag", file.tag]
        try:
            self._deck.gateway("dump", *words)
        except DeckFailedError as failure:
            if file.rbac and failure.ended:
                return first_words(failure.text)
            raise DeckError(doing, first_words(failure.text)) from None
        _own(doing, folder / file.path)
        return None

    def _compare(
        self, doing: str, file: DumpedFile, path: str
    ) -> tuple[Changes, Mapping[str, Any]]:
        words = ("--json-output", *self._flags(doing, file))
        if DeckAbility.JSON_OUTPUT not in self.abilities():
            raise DeckError(doing, "this decK knows no --json-output; install a newer one")
        found = changes_of(self._gateway(doing, "diff", *words, file=path).stdout)
        if found is None:
            raise DeckError(doing, "decK ended well, but reported nothing")
        return found

    @contextmanager
    def _without_credentials(
        self, doing: str, file: DumpedFile, usernames: frozenset[str] | None
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Path of the same file without these credentials, and which of them it had."""
        try:
            data, gone = without_basic_auth(Path(file.path).read_bytes(), usernames)
        except DeclarativeError as exc:
            raise DeckError(doing, str(exc)) from exc
        except OSError as exc:
            raise DeckError(doing, exc.strerror or "it cannot be read") from exc
        if not gone:
            yield file.path, ()
            return
        with tempfile.TemporaryDirectory(prefix="kong_lts-") as folder:  # mode 0700
            path = Path(folder, Path(file.path).name)
            path.write_bytes(data)
            yield str(path), gone


def _headers(before: str, token: str) -> str:
    """The token as a header: measured, decK 1.55 does not read DECK_KONG_ADMIN_TOKEN."""
    if token.split() != [token]:  # decK divides the variable at blanks
        raise DeckError("preparing decK", "the token is empty or has a blank in it")
    return f"{before} Kong-Admin-Token:{token}".strip()


def _wanted(workspaces: Sequence[str | None], tags: Sequence[str]) -> list[DumpedFile]:
    """Every file of a dump, by its name in the folder."""
    return [
        DumpedFile(
            path=_file_name(workspace, tag, rbac=rbac), workspace=workspace, tag=tag, rbac=rbac
        )
        for workspace in workspaces
        for tag, rbac in [
            *((tag, False) for tag in tags or (None,)),
            *([(None, True)] if workspace is not None else []),
        ]
    ]


def _file_name(workspace: str | None, tag: str | None, *, rbac: bool) -> str:
    parts = ["rbac" if rbac else "kong", *(part for part in (workspace, tag) if part is not None)]
    return f"{'+'.join(quote(part, safe='') for part in parts)}.yaml"


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """A folder beside the target, which takes its place when all is well and else is gone."""
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))  # mode 0700
    try:
        yield partial
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _own(doing: str, path: Path) -> None:
    """See that a file was written, and keep it to ourselves."""
    if not path.exists():
        raise DeckError(doing, f"decK ended well, but wrote no {path.name}")
    path.chmod(0o600)
    with path.open("rb") as file:
        if b"_format_version" not in file.read(1 << 16):
            raise DeckError(doing, "decK ended well, but what it wrote is no state file")


def _count(doing: str, paths: Sequence[Path]) -> dict[str, int]:
    """Entities of each kind in all files together; by their ids each of them once."""
    found: dict[str, set[str]] = {}
    for path in paths:
        try:
            for kind, one in entities_of(path.read_bytes()):
                name = f"{path.name} {one}" if one.startswith("at ") else one
                found.setdefault(kind, set()).add(name)
        except DeclarativeError as exc:
            raise DeckError(doing, f"decK ended well, but: {exc}") from exc
    return {kind: len(ids) for kind, ids in sorted(found.items())}
