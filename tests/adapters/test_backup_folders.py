"""A whole backup is its owner's alone, complete or not there, and every damage to it is found."""

from pathlib import Path

import pytest

from kong_lts.adapters import BackupFolders, LocalNodeFiles
from kong_lts.errors import BackupError
from kong_lts.manifest import BackupManifest
from tests.contracts.backups import ABOUT


def a_backup(folder: Path) -> BackupManifest:
    """With files of a node, a text, and an empty file."""
    root, parts = folder.parent / "node", Path(f"{folder}.unfinished")
    (root / "etc/kong/ssl").mkdir(parents=True)
    (root / "etc/kong/kong.conf").write_text("pg_password = secret\n")
    (root / "etc/kong/ssl/key.pem").write_bytes(b"\x00\xffkey")
    (root / "etc/kong/empty").write_bytes(b"")
    backups = BackupFolders()
    backups.prepare(f"{parts}/files/gw")
    LocalNodeFiles({"gw": str(root)}).fetch("gw", ["/etc/kong"], f"{parts}/files/gw")
    backups.write(f"{parts}/declarative.json", '{"files": []}')
    return backups.complete(str(parts), str(folder), ABOUT)


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    a_backup(tmp_path / "backup")

    for path in (tmp_path / "backup", *(tmp_path / "backup").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_the_manifest_has_every_file(tmp_path: Path) -> None:
    manifest = a_backup(tmp_path / "backup")

    there = {p for p in (tmp_path / "backup").rglob("*") if p.is_file()}
    listed = {tmp_path / "backup" / file.path for file in manifest.files}
    assert there - listed == {
        tmp_path / "backup/manifest.json",
        tmp_path / "backup/manifest.json.sha256",
    }
    assert manifest.size_bytes == sum(path.stat().st_size for path in listed)


def test_one_wrong_byte_in_any_file_is_found(tmp_path: Path) -> None:
    a_backup(tmp_path / "backup")
    backups = BackupFolders()

    for path in sorted(p for p in (tmp_path / "backup").rglob("*") if p.is_file()):
        good = path.read_bytes()
        for at in {0, len(good) // 2, max(0, len(good) - 1)}:
            bad = bytes([good[at] ^ 1]) if good else b"x"
            path.write_bytes(good[:at] + bad + good[at + 1 :])
            with pytest.raises(BackupError):
                backups.inspect(f"{tmp_path}/backup")
        path.unlink()
        with pytest.raises(BackupError):
            backups.inspect(f"{tmp_path}/backup")
        path.write_bytes(good)

    backups.inspect(f"{tmp_path}/backup")


def test_what_an_interrupted_dump_left_does_not_get_in(tmp_path: Path) -> None:
    left = tmp_path / "b.unfinished/.database.abc.unfinished"
    left.mkdir(parents=True)
    (left / "toc.dat").write_text("half")
    backups = BackupFolders()
    backups.write(f"{tmp_path}/b.unfinished/one", "1")

    manifest = backups.complete(f"{tmp_path}/b.unfinished", f"{tmp_path}/b", ABOUT)

    assert [file.path for file in manifest.files] == ["one"]


def test_a_completion_that_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    backups = BackupFolders()
    backups.prepare(f"{tmp_path}/b.unfinished/one")
    backups.write(f"{tmp_path}/b.unfinished/one", "1")
    backups.write(f"{tmp_path}/b.unfinished/manifest.json", "half")

    backups.complete(f"{tmp_path}/b.unfinished", f"{tmp_path}/b", ABOUT)

    assert [file.path for file in backups.inspect(f"{tmp_path}/b").files] == ["one"]


def test_one_that_was_killed_before_it_got_its_name_is_no_backup(tmp_path: Path) -> None:
    a_backup(tmp_path / "b")
    (tmp_path / "b").rename(tmp_path / "b.unfinished")

    with pytest.raises(BackupError, match="never completed; take it again"):
        BackupFolders().inspect(f"{tmp_path}/b.unfinished")

    BackupFolders().complete(f"{tmp_path}/b.unfinished", f"{tmp_path}/b", ABOUT)
    BackupFolders().inspect(f"{tmp_path}/b")


def test_no_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "part").symlink_to(tmp_path / "mine")

    with pytest.raises(BackupError):
        BackupFolders().write(f"{tmp_path}/part", "theirs")

    assert (tmp_path / "mine").read_text() == "mine"
