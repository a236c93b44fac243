"""The `deck` program against a simulated cluster."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

from kong_lts.deployment import Side
from kong_lts.errors import CredentialsError, DeckError
from kong_lts.state_files import Changes, DeckAbility, DumpedFile, StateDump
from kong_lts.testing.fakes.databases import REFUSAL
from kong_lts.testing.simulation import (
    SimulatedCluster,
    SimulatedDatabase,
    SimulatedDump,
    World,
)
from kong_lts.versions import Edition, KongVersion

__all__ = ["FakeCredentials", "FakeDeck"]

T = TypeVar("T")

_PROGRAM = "1.55.0"
_WORKSPACE = "default"
"""The only one of a simulated Enterprise."""
_BREAKING = 3
"""The release from which on a gateway refuses files of an older one."""


@attrs.define
class FakeDeck:
    """Its state files are in the simulated world, and on no disk."""

    world: World
    side: Side

    def ping(self) -> str:
        return self._look("ping the gateway", lambda: self._cluster.version)

    def program_version(self) -> str:
        """Of decK itself."""
        return _PROGRAM

    def abilities(self) -> frozenset[DeckAbility]:
        return frozenset(DeckAbility) - {DeckAbility.DUMP_PARALLELISM}

    def dump(self, folder: str, *, tags: Sequence[str] = ()) -> StateDump:
        doing = f"dump the configuration to {folder}"
        rows = self._look(doing, lambda: dict(self._cluster.database.rows))
        if any(path.startswith(f"{folder}/") for path in self.world.dumps):
            raise DeckError(doing, "the folder is there")
        workspace = _WORKSPACE if self._is_enterprise else None
        files = [
            DumpedFile(path=f"{folder}/kong{n}.yaml", workspace=workspace, tag=tag)
            for n, tag in enumerate(tags or (None,))
        ]
        if self._is_enterprise:
            files.append(DumpedFile(path=f"{folder}/rbac.yaml", workspace=workspace, rbac=True))

        def effect() -> None:
            for file in files:
                self.world.dumps[file.path] = SimulatedDump(
                    release=self._cluster.version,
                    rows={} if file.rbac else rows,
                    basic_auth=() if file.rbac else self._cluster.database.basic_auth,
                )

        self.world.act(doing, DeckError, effect)
        return StateDump(folder=folder, files=tuple(files), entities={"routes": len(rows)})

    def validate(self, file: DumpedFile, *, online: bool) -> tuple[str, ...]:
        if online:
            self._look(f"validate {file.path}", lambda: None)
        self._file(f"validate {file.path}", file)
        return ()

    def diff(self, file: DumpedFile) -> Changes:
        doing = f"compare the gateway with {file.path}"
        wanted, there = self._file(doing, file), self._cluster.database
        found = self._look(doing, lambda: _changes(there, wanted))
        return Changes() if file.rbac else found

    def sync(self, file: DumpedFile) -> Changes:
        doing = f"sync {file.path}"
        wanted, database = self._file(doing, file), self._cluster.database
        found = self._look(doing, lambda: _changes(database, wanted))
        if file.rbac:
            return Changes()
        if found.is_empty:
            return found
        if database.guarded:
            return Changes(errors=(REFUSAL,))

        def effect() -> None:
            database.rows = dict(wanted.rows)

        self.world.act(doing, DeckError, effect)
        return found

    @property
    def _cluster(self) -> SimulatedCluster:
        return self.world.cluster(self.side)

    @property
    def _is_enterprise(self) -> bool:
        return KongVersion.parse(self._cluster.version).edition is Edition.ENTERPRISE

    def _look(self, doing: str, seen: Callable[[], T]) -> T:
        def reached() -> T:
            if not any(self._cluster.running.values()) or not self._cluster.database.exists:
                raise DeckError(doing, "connection refused")
            return seen()

        return self.world.look(doing, DeckError, reached)

    def _file(self, doing: str, file: DumpedFile) -> SimulatedDump:
        if (text := self.world.parts.get(file.path)) is not None:
            dump = SimulatedDump.from_text(text)
        elif file.path in self.world.dumps:
            dump = self.world.dumps[file.path]
        else:
            raise DeckError(doing, "there is no such file")
        if file.workspace is not None and not self._is_enterprise:
            raise DeckError(doing, f"open source has no workspace {file.workspace}")
        ours = KongVersion.parse(self._cluster.version)
        if int(dump.release.partition(".")[0]) < _BREAKING <= ours.parts[0]:
            raise DeckError(doing, "the file is of an older release; convert it first")
        return dump


def _changes(database: SimulatedDatabase, dump: SimulatedDump) -> Changes:
    there, wanted = database.rows, dump.rows
    lost = [name for name in dump.basic_auth if name not in database.basic_auth]
    return Changes(
        created=tuple(f"route {key}" for key in wanted if key not in there),
        updated=tuple(f"route {k}" for k in wanted if k in there and there[k] != wanted[k]),
        deleted=tuple(f"route {key}" for key in there if key not in wanted),
        left_out=tuple(f"basic-auth {name}" for name in lost),
    )


@attrs.define
class FakeCredentials:
    """The basic-auth credentials of a simulated database."""

    world: World
    side: Side

    def missing(self, file: DumpedFile) -> tuple[str, ...]:
        doing = f"look for the credentials of {file.path}"
        return self.world.look(doing, CredentialsError, lambda: self._missing(doing, file))

    def restore(self, file: DumpedFile) -> tuple[str, ...]:
        doing = f"restore the credentials of {file.path}"
        missing = self._missing(doing, file)
        database = self.world.cluster(self.side).database
        if missing and not database.rows:
            raise CredentialsError(doing, "the consumers are not there under their old ids")

        def effect() -> None:
            database.basic_auth = (*database.basic_auth, *missing)

        if missing:
            self.world.act(doing, CredentialsError, effect)
        return missing

    def _missing(self, doing: str, file: DumpedFile) -> tuple[str, ...]:
        database = self.world.cluster(self.side).database
        if not database.exists:
            raise CredentialsError(doing, f"database {database.name} does not exist")
        if file.path not in self.world.dumps:
            raise CredentialsError(doing, "there is no such file")
        wanted = self.world.dumps[file.path].basic_auth
        return tuple(name for name in wanted if name not in database.basic_auth)
