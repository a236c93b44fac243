"""Basic-auth credentials restored into a real database, proved by logins as Kong makes them."""

import base64
import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import psycopg
import pytest

import kong_lts
from kong_lts.adapters import BackupFolders, HttpProxy, PostgresCredentials, SystemClock
from kong_lts.backup import BackupLayout
from kong_lts.deployment import Side
from kong_lts.manifest import BackupManifest
from kong_lts.protocols import Adapters, Credential, CredentialKind, Probe
from kong_lts.restore import RestoreBasicAuth
from kong_lts.serialization import Form
from kong_lts.state_files import DumpedFile, StateDump
from kong_lts.testing.fakes import FakeApprover, FakeObserver
from tests.integration.postgres_databases import Databases
from tests.integration.test_postgres import USERS, hashed, state_file, with_basic_auth

PASSWORDS = "SELECT password, consumer_id::text FROM basicauth_credentials WHERE username = %s"


@attrs.define
class Site:
    """A database, a gateway that lets in by basic-auth what is in it, and a backup by decK."""

    server: Databases
    url: str
    proxy: str
    backup: str

    def adapters(self, password: str) -> Adapters:
        return kong_lts.Adapters(
            current=kong_lts.ClusterAdapters(
                credentials=PostgresCredentials.at(self.url),
                proxy=HttpProxy(self.proxy, environ={"PASSWORD": password}),
            ),
            backups=BackupFolders(),
            clock=SystemClock(),
            approver=FakeApprover(),
            observer=FakeObserver(),
        )

    def step(self, user: str) -> RestoreBasicAuth:
        credential = Credential(kind=CredentialKind.BASIC, user=user, secret="env:PASSWORD")
        login = Probe(name=f"{user} logs in", credential=credential)
        return RestoreBasicAuth(
            id="basic", guide="a guide", side=Side.CURRENT, folder=self.backup, logins=(login,)
        )

    def verdict(self, step: RestoreBasicAuth, adapters: Adapters) -> list[str]:
        assert tuple(step.check(adapters, {})) == ()
        past = {step.id: step.run(adapters, {})}
        return [finding.rule for finding in step.verify(adapters, past)]


@pytest.fixture
def site(server: Databases, tmp_path: Path) -> Iterator[Site]:
    url = with_basic_auth(server)
    layout, backups = BackupLayout(f"{tmp_path}/backup"), BackupFolders()
    backups.prepare(layout.unfinished.declarative)
    Path(layout.unfinished.declarative).mkdir()
    state_file(Path(layout.unfinished.declarative))
    dump = StateDump(folder="declarative", files=(DumpedFile(path="kong.yaml"),), entities={})
    listing = Form(StateDump, "listing of state files").to_json(dump)
    backups.write(layout.unfinished.state_dump, listing)
    about = BackupManifest(created_at="2026-11-28T00:00:00Z", methods=())
    backups.complete(layout.unfinished.folder, layout.folder, about)
    with gateway_on(url) as proxy:
        yield Site(server, url, proxy, layout.folder)
    server.remove()


@contextlib.contextmanager
def gateway_on(url: str) -> Iterator[str]:
    """Answers 200 to whom Kong's basic-auth lets in, by the rows of the database, else 401."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            user, _, password = base64.b64decode(
                self.headers.get("Authorization", "").removeprefix("Basic ")
            ).decode().partition(":")  # fmt: skip
            with psycopg.connect(url) as connection:
                row = connection.execute(PASSWORDS, [user]).fetchone() or ("", "")
            # kong/plugins/basic-auth/crypto.lua
            is_in = row[0] == hashlib.sha1(f"{password}{row[1]}".encode()).hexdigest()
            self.send_response(200 if is_in else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


def logs_in(site: Site, step: RestoreBasicAuth, password: str) -> bool:
    proxy = site.adapters(password).current.proxy
    assert proxy is not None
    return proxy.send(step.logins[0]).status == 200


def test_a_password_that_was_lost_lets_in_again(site: Site) -> None:
    step = site.step("user0")
    assert not logs_in(site, step, "secret")

    assert site.verdict(step, site.adapters("secret")) == []

    assert logs_in(site, step, "secret")


def test_what_deck_leaves_is_mended_and_the_old_hash_is_no_password_any_more(site: Site) -> None:
    """It sends the stored hash as a password, which Kong hashes again."""
    one, consumer = USERS["user1"]
    again = hashlib.sha1(f"{hashed('user1')}{consumer}".encode()).hexdigest()
    site.server.run(
        site.url, f"UPDATE basicauth_credentials SET password = '{again}' WHERE id = '{one}'"
    )
    step = site.step("user1")
    assert not logs_in(site, step, "secret")
    assert logs_in(site, step, hashed("user1"))

    assert site.verdict(step, site.adapters("secret")) == []

    assert logs_in(site, step, "secret")
    assert not logs_in(site, step, hashed("user1"))


def test_a_login_that_is_not_let_in_is_a_blocker(site: Site) -> None:
    step = site.step("user0")

    assert site.verdict(step, site.adapters("another")) == ["basic-auth-login-failed"]
