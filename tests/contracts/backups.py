"""What every `Backups` promises."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from kong_lts.errors import BackupError
from kong_lts.manifest import BackupManifest, BackupMethod
from kong_lts.protocols import Backups

ABOUT = BackupManifest(
    created_at="2026-11-23T10:00:00+00:00",
    deployment="shop",
    methods=(BackupMethod.DECLARATIVE,),
    cannot_restore=("everything else",),
)


class BackupsContract:
    @pytest.fixture
    def make(self) -> Callable[[], Backups]:
        raise NotImplementedError

    @pytest.fixture
    def backups(self, make: Callable[[], Backups], tmp_path: Path) -> Backups:
        """With one part that is not complete yet."""
        backups = make()
        backups.prepare(f"{tmp_path}/b.unfinished/one.json")
        backups.write(f"{tmp_path}/b.unfinished/one.json", "{}")
        return backups

    def test_a_completed_backup_is_what_it_was_told_and_more(
        self, backups: Backups, tmp_path: Path
    ) -> None:
        whole = backups.complete(f"{tmp_path}/b.unfinished", f"{tmp_path}/b", ABOUT)

        assert backups.inspect(f"{tmp_path}/b") == whole
        assert attrs.evolve(whole, files=(), made_by="") == ABOUT
        assert whole.made_by
        assert backups.read(f"{tmp_path}/b", "one.json") == "{}"
        assert not backups.holds(f"{tmp_path}/b.unfinished/one.json")

    def test_an_unfinished_one_is_no_backup(self, backups: Backups, tmp_path: Path) -> None:
        assert backups.holds(f"{tmp_path}/b.unfinished/one.json")

        for folder in ("b", "b.unfinished"):
            with pytest.raises(BackupError):
                backups.inspect(f"{tmp_path}/{folder}")

    def test_completing_twice_is_once(self, backups: Backups, tmp_path: Path) -> None:
        first = backups.complete(f"{tmp_path}/b.unfinished", f"{tmp_path}/b", ABOUT)

        assert backups.complete(f"{tmp_path}/b.unfinished", f"{tmp_path}/b", ABOUT) == first

    def test_nothing_is_overwritten(self, backups: Backups, tmp_path: Path) -> None:
        first = backups.complete(f"{tmp_path}/b.unfinished", f"{tmp_path}/b", ABOUT)
        backups.prepare(f"{tmp_path}/b.unfinished/two.json")
        backups.write(f"{tmp_path}/b.unfinished/two.json", "[]")

        with pytest.raises(BackupError):
            backups.complete(f"{tmp_path}/b.unfinished", f"{tmp_path}/b", ABOUT)

        assert backups.inspect(f"{tmp_path}/b") == first

    def test_a_part_of_an_interrupted_attempt_makes_room(
        self, backups: Backups, tmp_path: Path
    ) -> None:
        backups.prepare(f"{tmp_path}/b.unfinished/one.json")

        assert not backups.holds(f"{tmp_path}/b.unfinished/one.json")

    def test_what_is_not_there_cannot_be_completed_or_read(
        self, make: Callable[[], Backups], tmp_path: Path
    ) -> None:
        with pytest.raises(BackupError):
            make().complete(f"{tmp_path}/none.unfinished", f"{tmp_path}/none", ABOUT)
        with pytest.raises(BackupError):
            make().read(f"{tmp_path}/none", "one.json")
