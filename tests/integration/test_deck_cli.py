"""The real decK against the recorded answers of a real Kong 2.8.5."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kong_lts.adapters import DeckCli, LocalProcessRunner
from kong_lts.errors import DeckError
from kong_lts.state_files import DeckAbility
from tests.adapters.servers import NOBODY, Received, Reply, Server, serving

MARKER = "s3cr3t-marker"
Serve = Callable[[Callable[[Received], Reply]], Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))


@pytest.fixture
def kong_28(reference: Path) -> Callable[[Received], Reply]:
    """Every answer of the recorded dump, by path."""
    recorded = reference / "reference/kong/deck/http/28-deck1.55-dump.jsonl"
    lines = map(json.loads, recorded.read_text("utf-8").splitlines())
    replies = {
        line["path"]: Reply(line["status"], json.dumps(line["response_body"]).encode())
        for line in lines
    }
    none = Reply(404, b'{"message":"Not found"}')
    return lambda request: replies.get(urlsplit(request.target).path, none)


def test_a_dump_holds_the_configuration_and_is_its_owners_alone(
    deck: Path, serve: Serve, kong_28: Callable[[Received], Reply], tmp_path: Path
) -> None:
    dump = DeckCli.local(serve(kong_28).url, program=str(deck)).dump(f"{tmp_path}/state")

    path = Path(dump.files[0].path)
    text = path.read_text("utf-8")
    assert text.startswith('_format_version: "1.1"')
    assert "\nservices:\n" in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == [path.parent]
    assert (dump.entities["services"], dump.entities["basicauth_credentials"]) == (10, 5)


@pytest.mark.parametrize("there", ["folder", "dangling link"])
def test_nothing_is_overwritten(
    deck: Path, serve: Serve, kong_28: Callable[[Received], Reply], tmp_path: Path, there: str
) -> None:
    path = tmp_path / "state"
    if there == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")

    with pytest.raises(DeckError, match="not overwritten"):
        DeckCli.local(serve(kong_28).url, program=str(deck)).dump(str(path))

    assert there != "folder" or list(path.iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_the_token_is_sent_and_never_shown(deck: Path, serve: Serve, tmp_path: Path) -> None:
    """Here the server repeats it."""
    log, spy = tmp_path / "log", tmp_path / "deck"
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{log}"\nexec "{deck}" "$@"\n')
    spy.chmod(0o755)
    server = serve(lambda _: Reply(401, json.dumps({"message": f"bad token {MARKER}"}).encode()))
    adapter = DeckCli.local(
        server.url, token="env:TOKEN", environ={**os.environ, "TOKEN": MARKER}, program=str(spy)
    )

    with pytest.raises(DeckError, match="HTTP status 401") as failed:
        adapter.ping()

    assert server.received[0].headers["kong-admin-token"] == MARKER
    assert MARKER not in f"{failed.value} {failed.value!r} {adapter!r} {failed.value.__cause__}"
    assert "ping" in log.read_text()
    assert MARKER not in log.read_text()


def test_a_token_that_is_missing_is_an_error() -> None:
    with pytest.raises(DeckError, match="env:TOKEN"):
        DeckCli.local(NOBODY, token="env:TOKEN", environ={})
    with pytest.raises(DeckError, match="empty or has a blank"):
        DeckCli.local(NOBODY, token="env:TOKEN", environ={"TOKEN": "two words"})


def test_a_server_that_is_no_kong_is_an_error(deck: Path, serve: Serve, tmp_path: Path) -> None:
    adapter = DeckCli.local(serve(lambda _: Reply(200, b"<html>")).url, program=str(deck))

    with pytest.raises(DeckError, match="invalid character"):
        adapter.ping()
    with pytest.raises(DeckError):
        adapter.dump(f"{tmp_path}/state")
    assert not (tmp_path / "state").exists()


def test_an_older_deck_is_called_by_its_own_names(
    deck: Path, serve: Serve, kong_28: Callable[[Received], Reply], tmp_path: Path
) -> None:
    """The real one, but for its newer names; the older ones are still in it."""
    old = tmp_path / "deck"
    old.write_text(
        '#!/bin/sh\ncase "$1" in gateway|file)\n'
        '  echo "Error: unknown command \\"$1\\" for \\"deck\\"" >&2; exit 1;;\n'
        f'esac\nexec "{deck}" "$@"\n'
    )
    old.chmod(0o755)
    adapter = DeckCli.local(serve(kong_28).url, program=str(old))

    assert adapter.abilities() == {DeckAbility.JSON_OUTPUT}
    assert adapter.ping() == "2.8.5"
    (file,) = adapter.dump(f"{tmp_path}/state").files
    assert Path(file.path).stat().st_mode & 0o777 == 0o600
    assert adapter.validate(file, online=False) == ()


def test_an_exit_status_is_not_believed(tmp_path: Path) -> None:
    liar = tmp_path / "deck"
    liar.write_text("#!/bin/sh\nexit 0\n")
    liar.chmod(0o755)
    adapter = DeckCli(LocalProcessRunner(), program=str(liar))

    with pytest.raises(DeckError, match="named no version"):
        adapter.ping()
    liar.write_text("#!/bin/sh\necho Kong version:  2.8.5\n")
    with pytest.raises(DeckError, match="ended well, but wrote no"):
        adapter.dump(f"{tmp_path}/state")
    assert list(tmp_path.iterdir()) == [liar]


def test_a_deck_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DeckError, match="No such file"):
        DeckCli(LocalProcessRunner(), program="/nonexistent/deck").ping()
