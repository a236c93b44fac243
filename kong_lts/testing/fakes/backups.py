"""Whole backups and the files of nodes, in the simulated world and on no disk."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import attrs

from kong_lts.deployment import Side
from kong_lts.errors import AdapterError, BackupError, NodeFilesError
from kong_lts.manifest import BackupManifest, FileListing, NodeFile
from kong_lts.testing.simulation import World

__all__ = ["FakeBackups", "FakeNodeFiles"]

Part = TypeVar("Part")


@attrs.define
class FakeBackups:
    """Backups of the simulated world."""

    world: World

    def prepare(self, path: str) -> None:
        if not self._there(path):
            return

        def effect() -> None:
            for parts in self._parts():
                for name in [n for n in parts if _inside(n, path)]:
                    del parts[name]

        self.world.act(f"prepare {path}", AdapterError, effect)

    def holds(self, path: str) -> bool:
        return self.world.look(f"look for {path}", AdapterError, lambda: self._there(path))

    def write(self, path: str, text: str) -> None:
        def effect() -> None:
            self.world.parts[path] = text

        self.world.act(f"write {path}", AdapterError, effect)

    def complete(self, unfinished: str, folder: str, manifest: BackupManifest) -> BackupManifest:
        there = self._there(unfinished)
        if folder in self.world.completed:
            if there:
                raise BackupError(folder, "something stands there already")
            return self.world.completed[folder]
        if not there:
            raise BackupError(unfinished, "there is no such folder")
        whole = attrs.evolve(manifest, made_by="a simulated process")

        def effect() -> None:
            for parts in self._parts():
                _rename(parts, unfinished, folder)
            self.world.completed[folder] = whole

        self.world.act(f"complete {folder}", AdapterError, effect)
        return whole

    def inspect(self, folder: str) -> BackupManifest:
        def seen() -> BackupManifest:
            if folder not in self.world.completed:
                raise BackupError(folder, "there is no such folder")
            return self.world.completed[folder]

        return self.world.look(f"inspect {folder}", AdapterError, seen)

    def read(self, folder: str, path: str) -> str:
        name = f"{folder}/{path}"
        if (dump := self.world.dumps.get(name)) is not None:
            return dump.to_text()
        if (text := self.world.parts.get(name)) is None:
            raise BackupError(folder, f"there is no {path}")
        return text

    def _there(self, path: str) -> bool:
        return any(_inside(name, path) for parts in self._parts() for name in parts)

    def _parts(self) -> tuple[dict[str, object], ...]:
        world = self.world
        return (
            world.backups, world.dumps, world.keyring_exports, world.parts, world.fetched,
        )  # type: ignore[return-value] # dicts of each kind of part  # fmt: skip


@attrs.define
class FakeNodeFiles:
    """Files of the nodes of a simulated cluster."""

    world: World
    side: Side

    def fetch(self, node: str, paths: Sequence[str], folder: str) -> FileListing:
        doing = f"copy the files of node {node}"
        files = self._files(doing, node)
        if folder in self.world.fetched:
            raise NodeFilesError(doing, "the folder is there")
        if missing := [path for path in paths if not any(_inside(f, path) for f in files)]:
            raise NodeFilesError(doing, f"there is no {missing[0]}")
        copies = {f: text for f, text in files.items() if any(_inside(f, p) for p in paths)}

        def effect() -> None:
            self.world.fetched[folder] = copies

        self.world.act(doing, NodeFilesError, effect)
        return _listing(node, copies)

    def differing(self, node: str, folder: str) -> tuple[str, ...]:
        doing = f"compare the files of node {node}"

        def seen() -> tuple[str, ...]:
            files, copies = self._files(doing, node), self._copies(doing, folder)
            return tuple(path for path, text in copies.items() if files.get(path) != text)

        return self.world.look(doing, NodeFilesError, seen)

    def put_back(self, node: str, folder: str) -> tuple[str, ...]:
        doing = f"put the files of node {node} back"
        files, copies = self._files(doing, node), self._copies(doing, folder)
        put = tuple(path for path, text in copies.items() if files.get(path) != text)
        if put:
            self.world.act(doing, NodeFilesError, lambda: files.update(copies))
        return put

    def digest(self, node: str, path: str) -> str:
        doing = f"read {path} of node {node}"

        def seen() -> str:
            if (text := self._files(doing, node).get(path)) is None:
                raise NodeFilesError(doing, "there is no such file")
            return hashlib.sha256(text.encode()).hexdigest()

        return self.world.look(doing, NodeFilesError, seen)

    def _files(self, doing: str, node: str) -> dict[str, str]:
        if node not in self.world.cluster(self.side).running:
            raise NodeFilesError(doing, "there is no such node")
        return self.world.cluster(self.side).files.setdefault(node, {})

    def _copies(self, doing: str, folder: str) -> Mapping[str, str]:
        if folder not in self.world.fetched:
            raise NodeFilesError(doing, f"there is no {folder}")
        return self.world.fetched[folder]


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _rename(parts: dict[str, Part], before: str, after: str) -> None:
    for name in [n for n in parts if _inside(n, before)]:
        parts[after + name.removeprefix(before)] = parts.pop(name)


def _listing(node: str, copies: Mapping[str, str]) -> FileListing:
    files = [
        NodeFile(
            path=path,
            mode=0o640,
            owner="kong",
            group="kong",
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )
        for path, text in copies.items()
    ]
    return FileListing(node=node, files=tuple(files))
