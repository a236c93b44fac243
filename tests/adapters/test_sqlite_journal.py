"""A journal survives kill -9, has one writer, and never takes another file for its own."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kong_lts.adapters import SqliteJournal
from kong_lts.errors import JournalError, LockHeldError
from kong_lts.events import StepStarted
from tests.conftest import counted
from tests.contracts.journal import AT, EVENTS


def test_looking_makes_no_file(tmp_path: Path) -> None:
    assert SqliteJournal(tmp_path / "run.journal").events() == ()

    assert list(tmp_path.iterdir()) == []


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "run.journal")
    journal.append(EVENTS[0])

    names = {path.name for path in tmp_path.iterdir()}
    assert {"run.journal", "run.journal.lock"} <= names
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    one, other = (SqliteJournal(tmp_path / "run.journal") for _ in range(2))
    one.append(EVENTS[0])

    with pytest.raises(LockHeldError, match=f"process {os.getpid()} on "):
        other.append(EVENTS[1])

    one.close()
    other.append(EVENTS[1])
    assert other.events() == EVENTS[:2]


WRITER = """\
import sys
from kong_lts.adapters import SqliteJournal
from kong_lts.events import StepStarted
journal = SqliteJournal(sys.argv[1])
number = len(journal.events())
while True:
    journal.append(StepStarted(at="now", step=str(number)))
    number += 1
    print(number, flush=True)
"""


def test_what_was_appended_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    for kill in range(counted(30)):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(kill + 1):
                writer.stdout.readline()
            with pytest.raises(LockHeldError, match=f"process {writer.pid} "):
                SqliteJournal(path).append(EVENTS[0])
            writer.send_signal(signal.SIGKILL)
            said = [line for line in writer.stdout.read().split("\n") if line.isdecimal()]
            writer.wait()
        events = SqliteJournal(path).events()
        assert len(events) >= int(said[-1] if said else kill + 1)
        assert events == tuple(StepStarted(at="now", step=str(n)) for n in range(len(events)))


def test_others_read_while_one_writes(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "run.journal")
    journal.append(EVENTS[0])
    seen: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(len(SqliteJournal(tmp_path / "run.journal").events()))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(200):
        journal.append(StepStarted(at=AT, step="one"))
    stop.set()
    reader.join()

    assert seen == sorted(seen)
    assert len(journal.events()) == 201


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    text, foreign, folder = (tmp_path / name for name in ("text", "foreign", "folder"))
    text.write_text("format_version: 1\n")
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    folder.mkdir()

    for path in (text, foreign, folder):
        before = path.read_bytes() if path.is_file() else b""
        journal = SqliteJournal(path)
        with pytest.raises(JournalError):
            journal.append(EVENTS[0])
        with pytest.raises(JournalError):
            journal.events()
        assert (path.read_bytes() if path.is_file() else b"") == before


def test_damage_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    with SqliteJournal(path) as journal:
        for number in range(500):
            journal.append(StepStarted(at=AT, step=str(number)))
    whole = path.read_bytes()
    assert len(whole) > 5 * 4096

    for damaged in (whole[:-4096], whole[: len(whole) // 2], whole[:5000], whole[:60]):
        path.write_bytes(damaged)
        with pytest.raises(JournalError):
            SqliteJournal(path).events()
        with pytest.raises(JournalError):
            SqliteJournal(path).append(EVENTS[0])
    path.write_bytes(whole)
    assert len(SqliteJournal(path).events()) == 500


def test_an_event_that_was_taken_out_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    with SqliteJournal(path) as journal:
        for event in EVENTS:
            journal.append(event)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM event WHERE number = 2")
    connection.close()

    with pytest.raises(JournalError, match="missing"):
        SqliteJournal(path).events()


def test_an_event_of_the_future_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    with SqliteJournal(path) as journal:
        journal.append(EVENTS[0])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE event SET json = replace(json, ': 1', ': 7')")
    connection.close()

    with pytest.raises(JournalError, match="format_version"):
        SqliteJournal(path).events()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        SqliteJournal(tmp_path / "none/run.journal").append(EVENTS[0])
