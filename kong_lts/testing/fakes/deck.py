"""The `deck` program against a simulated cluster."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import attrs

from kong_lts.deployment import Side
from kong_lts.errors import DeckError
from kong_lts.state_files import Changes, DeckAbility, DumpedFile, StateDump
from kong_lts.testing.fakes.databases import REFUSAL
from kong_lts.testing.simulation import SimulatedCluster, SimulatedDump, World
from kong_lts.versions import Edition, KongVersion

__all__ = ["FakeDeck"]

T = TypeVar("T")

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
                    release=self._cluster.version, rows={} if file.rbac else rows
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
        wanted = self._file(doing, file).rows
        found = self._look(doing, lambda: _changes(self._cluster.database.rows, wanted))
        return Changes() if file.rbac else found

    def sync(self, file: DumpedFile) -> Changes:
        doing = f"sync {file.path}"
        wanted = self._file(doing, file).rows
        database = self._cluster.database
        found = self._look(doing, lambda: _changes(database.rows, wanted))
        if file.rbac or found.is_empty:
            return Changes()
        if database.guarded:
            return Changes(errors=(REFUSAL,))

        def effect() -> None:
            database.rows = dict(wanted)

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
        if file.path not in self.world.dumps:
            raise DeckError(doing, "there is no such file")
        if file.workspace is not None and not self._is_enterprise:
            raise DeckError(doing, f"open source has no workspace {file.workspace}")
        dump, ours = self.world.dumps[file.path], KongVersion.parse(self._cluster.version)
        if KongVersion.parse(dump.release).parts[0] < _BREAKING <= ours.parts[0]:
            raise DeckError(doing, "the file is of an older release; convert it first")
        return dump


def _changes(there: Mapping[str, str], wanted: Mapping[str, str]) -> Changes:
    return Changes(
        created=tuple(f"route {key}" for key in wanted if key not in there),
        updated=tuple(f"route {k}" for k in wanted if k in there and there[k] != wanted[k]),
        deleted=tuple(f"route {key}" for key in there if key not in wanted),
    )
