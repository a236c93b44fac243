"""A whole backup of a real database and a node's files: killed anywhere, corrupted anywhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import kong_lts
from kong_lts.adapters import (
    BackupFolders,
    LocalNodeFiles,
    PostgresArchive,
    PostgresDatabase,
    SystemClock,
)
from kong_lts.backup import BackUpDatabase, BackUpFiles, BackupLayout, VerifyBackup
from kong_lts.deployment import Side
from kong_lts.errors import BackupError
from kong_lts.events import Outcome
from kong_lts.findings import blockers
from kong_lts.manifest import BackupManifest, BackupMethod
from kong_lts.testing.fakes import FakeApprover, FakeObserver
from tests.conftest import counted
from tests.integration.postgres_databases import Databases, run_and_kill


@attrs.frozen
class Place:
    """A database, a node with files, and where its backups go."""

    url: str
    root: Path
    folder: Path

    def take(self, name: str, kill_after_s: float | None = None) -> float:
        """Take a backup in a process of its own; the seconds it ran."""
        return run_and_kill(self._take, str(self.folder / name), after_s=kill_after_s)

    def _take(self, folder: str) -> None:
        parts = BackupLayout(folder).unfinished
        adapters = kong_lts.Adapters(
            current=kong_lts.ClusterAdapters(
                database=PostgresDatabase.at(self.url),
                archive=PostgresArchive.at(self.url),
                files=LocalNodeFiles({"gw-1": str(self.root)}),
            ),
            backups=BackupFolders(),
            clock=SystemClock(),
            approver=FakeApprover(),
            observer=FakeObserver(),
        )
        at: dict[str, Any] = {"guide": "a guide", "side": Side.CURRENT}
        steps = (
            BackUpDatabase(id="database", folder=parts.database, **at),
            BackUpFiles(
                id="files", folder=parts.files, nodes=("gw-1",), paths=("/etc/kong",), **at
            ),
            VerifyBackup(id="verify", folder=folder, deployment="shop", **at),
        )
        past: dict[str, Outcome] = {}
        for step in steps:
            past[step.id] = step.run(adapters, past)
            assert not blockers(step.verify(adapters, past))

    def inspect(self, name: str) -> BackupManifest:
        """The whole, and the database backup in it."""
        manifest = BackupFolders().inspect(str(self.folder / name))
        where = BackupLayout(str(self.folder / name)).database
        assert PostgresArchive.at(self.url).inspect(where).fingerprint == manifest.fingerprint
        return manifest


@pytest.fixture
def place(server: Databases, tmp_path: Path) -> Iterator[Place]:
    conf = tmp_path / "root/etc/kong/kong.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("pg_password = secret\n")
    (conf.parent / "cluster.key").write_bytes(b"\x00key")
    yield Place(server.filled(), tmp_path / "root", tmp_path / "backups")
    server.remove()


def test_it_holds_the_dump_and_the_files_and_says_so(place: Place) -> None:
    place.take("shop")

    manifest = place.inspect("shop")

    assert manifest.methods == (BackupMethod.DATABASE, BackupMethod.FILES)
    assert manifest.fingerprint == PostgresDatabase.at(place.url).fingerprint()
    assert manifest.schema_state == "2.8"
    assert manifest.deployment == "shop"
    assert [path.name for path in place.folder.iterdir()] == ["shop"]
    for path in (place.folder / "shop", *(place.folder / "shop").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_one_wrong_byte_in_any_file_is_found(place: Place) -> None:
    place.take("shop")
    files = sorted(path for path in (place.folder / "shop").rglob("*") if path.is_file())
    assert len(files) > 25

    for path in files:
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(BackupError):
            place.inspect("shop")
        path.write_bytes(good)

    place.inspect("shop")


def test_a_backup_that_is_killed_is_there_or_not_and_can_be_taken_again(place: Place) -> None:
    whole_s = place.take("measured")
    count = counted(50)
    complete = 0

    for number in range(count):
        name = f"shop-{number}"
        place.take(name, kill_after_s=1.1 * whole_s * number / count)
        if (place.folder / name).exists():
            complete += 1
            place.inspect(name)
            continue
        for left in (name, f"{name}.unfinished"):
            with pytest.raises(BackupError):
                place.inspect(left)
        place.take(name)
        place.inspect(name)
        assert not (place.folder / f"{name}.unfinished").exists()

    assert complete < count


def test_files_come_back_to_the_node(place: Place) -> None:
    place.take("shop")
    conf = place.root / "etc/kong/kong.conf"
    conf.write_text("of 3.4")
    conf.chmod(0o600)
    restore = kong_lts.plan_restore(
        kong_lts.Deployment(
            mode=kong_lts.DeploymentMode.TRADITIONAL,
            current=kong_lts.Cluster(
                version=kong_lts.KongVersion.parse("2.8.5"), nodes=(kong_lts.Node(name="gw-1"),)
            ),
        ),
        settings=kong_lts.Settings(backup_folder=str(place.folder / "shop"), files=("/etc/kong",)),
    )
    step = restore.step("restore-files")
    files = LocalNodeFiles({"gw-1": str(place.root)})

    assert files.put_back("gw-1", f"{getattr(step, 'folder', '')}/gw-1") == ("/etc/kong/kong.conf",)
    assert conf.read_text() == "pg_password = secret\n"
    assert conf.stat().st_mode & 0o777 == 0o644
