"""The real programs: each fixture gives one, or skips with the reason that it is absent."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from kong_lts.adapters import SshProcessRunner
from kong_lts.errors import PostgresServerError
from kong_lts.testing.postgres_server import PostgresServer
from tests.integration.kubernetes_servers import (
    KubernetesServer,
    kubernetes_on_loopback,
    kubernetes_program,
)
from tests.integration.postgres_databases import Databases, databases_on
from tests.integration.ssh_servers import SshServer, sshd_on_loopback

# decK sends usage data unless told not to; a test tells nobody anything.
os.environ["DECK_ANALYTICS"] = "off"

CACHE = Path(os.environ.get("KONG_LTS_CACHE") or Path.home() / ".cache/kong_lts")
BUILT_DECK = CACHE / "deck-1.55.0"

SEARCHED = (
    str(BUILT_DECK),  # first: another release on PATH has other commands
    os.environ.get("PATH", os.defpath),
    "/usr/local/sbin:/usr/sbin:/sbin",  # Debian's, and not on an ordinary user's PATH
)


def program(name: str) -> Path:
    """Path of a program of this machine."""
    found = shutil.which(name, path=os.pathsep.join(SEARCHED))
    return Path(found) if found else absent(name)


def absent(name: str) -> NoReturn:
    """Skip the test for want of a part, or fail it where every part has to be there."""
    reason = f"{name}: not on this machine (`nox -s integration` says how to get it)"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI=true allows no gap")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def deck() -> Path:
    """The program of decK v1.55.0, as `nox -s integration` builds it, or the one on PATH."""
    return program("deck")


@pytest.fixture(scope="session")
def nginx() -> Path:
    """The program of nginx."""
    return program("nginx")


@pytest.fixture(scope="session")
def bind9() -> Path:
    """The program `named` of bind9; `named-checkconf` and `nsupdate` come with it."""
    return program("named")


@pytest.fixture(scope="session")
def haproxy() -> Path:
    """The program of HAProxy."""
    return program("haproxy")


@pytest.fixture(scope="session")
def sshd() -> Path:
    """The server of OpenSSH; its client has to be there as well."""
    program("ssh")
    return program("sshd")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of the superuser of a PostgreSQL server that lives as long as the test run."""
    try:
        server = PostgresServer.start()
    except PostgresServerError as exc:
        if not exc.doing.startswith("looking for"):
            raise  # it is there and does not start, which is no reason to skip
        absent("postgres")
    with server:
        yield server.url


@pytest.fixture(scope="module")
def server(postgres: str) -> Iterator[Databases]:
    """A real PostgreSQL, on which a module has databases of its own."""
    with databases_on(postgres) as made:
        yield made


@pytest.fixture
def databases(server: Databases) -> Iterator[Databases]:
    """The same; what a test has made is gone after it."""
    yield server
    server.remove()


@pytest.fixture(scope="module")
def ssh_server(sshd: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A real sshd, for a module."""
    with sshd_on_loopback(sshd, tmp_path_factory.mktemp("sshd")) as found:
        yield found


@pytest.fixture(scope="module")
def ssh_runner(ssh_server: SshServer) -> Iterator[SshProcessRunner]:
    """Runs commands over it."""
    found = ssh_server.runner()
    yield found
    found.close()


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesServer]:
    """A real API server, for a module; skips where there is none."""
    programs = kubernetes_program("kube-apiserver"), kubernetes_program("etcd")
    with kubernetes_on_loopback(*programs, tmp_path_factory.mktemp("kubernetes")) as server:
        yield server
