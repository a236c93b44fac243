"""What every `Archive` promises."""

from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path

import pytest

from kong_lts.errors import ArchiveError, BackupError
from kong_lts.protocols import Archive


class Content(Enum):
    """What the database of the archive holds."""

    FILLED = auto()
    """A 2.8 database, the same at every call."""
    OTHER = auto()
    """Another 2.8 database, with other rows."""
    EMPTY = auto()
    """A new one at every call."""


class ArchiveContract:
    @pytest.fixture
    def make(self) -> Callable[[Content], Archive]:
        raise NotImplementedError

    def test_what_was_backed_up_comes_back(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        backup = make(Content.FILLED).back_up(f"{tmp_path}/backup")

        restored = make(Content.EMPTY).restore(f"{tmp_path}/backup")

        assert restored == backup.fingerprint
        assert backup.size_bytes > 0
        assert backup.folder == f"{tmp_path}/backup"

    def test_a_backup_proves_itself(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        archive = make(Content.FILLED)

        backup = archive.back_up(f"{tmp_path}/backup")

        assert archive.inspect(f"{tmp_path}/backup") == backup

    def test_backing_up_twice_hands_out_the_first(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        archive = make(Content.FILLED)

        assert archive.back_up(f"{tmp_path}/b") == archive.back_up(f"{tmp_path}/b")

    def test_no_backup_of_something_else_is_overwritten(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        first = make(Content.FILLED)
        backup = first.back_up(f"{tmp_path}/backup")

        with pytest.raises(BackupError):
            make(Content.OTHER).back_up(f"{tmp_path}/backup")

        assert first.inspect(f"{tmp_path}/backup") == backup

    def test_restoring_twice_is_once(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        make(Content.FILLED).back_up(f"{tmp_path}/backup")
        empty = make(Content.EMPTY)

        assert empty.restore(f"{tmp_path}/backup") == empty.restore(f"{tmp_path}/backup")

    def test_nothing_is_restored_over_other_rows(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        make(Content.FILLED).back_up(f"{tmp_path}/backup")

        with pytest.raises(ArchiveError):
            make(Content.OTHER).restore(f"{tmp_path}/backup")

    def test_a_missing_backup_is_an_error(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        with pytest.raises(BackupError):
            make(Content.FILLED).inspect(f"{tmp_path}/none")
        with pytest.raises(BackupError):
            make(Content.EMPTY).restore(f"{tmp_path}/none")

    def test_a_rehearsal_shows_what_would_come_back(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        archive = make(Content.FILLED)
        backup = archive.back_up(f"{tmp_path}/backup")

        assert archive.rehearse(f"{tmp_path}/backup") == backup.fingerprint
        with pytest.raises(BackupError):
            archive.rehearse(f"{tmp_path}/none")

    def test_nothing_is_replaced_by_what_it_holds_already(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        archive = make(Content.FILLED)
        backup = archive.back_up(f"{tmp_path}/backup")

        assert archive.replace(f"{tmp_path}/backup", "never_made") == backup.fingerprint

    def test_another_database_is_not_replaced_unasked(
        self, make: Callable[[Content], Archive], tmp_path: Path
    ) -> None:
        make(Content.FILLED).back_up(f"{tmp_path}/backup")

        with pytest.raises(BackupError, match="another database"):
            make(Content.OTHER).replace(f"{tmp_path}/backup", "never_made")
