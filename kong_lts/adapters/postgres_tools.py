"""PostgreSQL's own programs, of the server's major version."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from kong_lts.adapters.local_process import LocalProcessRunner
from kong_lts.adapters.postgres_facts import major_version
from kong_lts.adapters.secrets import masked
from kong_lts.errors import ArchiveError, ProcessFailedError, ProcessNotRunError

__all__ = ["PostgresTools", "find_tools", "tool_words"]

_VERSION = re.compile(r"\([^)]*\) (\d+(?:\.\d+)*)")
_VERSION_TIMEOUT_S = 30.0
_VALUE = re.compile(r'(invalid [^"]*?(?:type|value|sequence)[^:]*: ).*')


@attrs.frozen(kw_only=True)
class PostgresTools:
    """`pg_dump` and `pg_restore` of one folder."""

    folder: Path
    version: str
    """As in "15.4"."""

    def path(self, program: str) -> str:
        """Where a program is."""
        return str(self.folder / program)


def find_tools(
    major: str, doing: str, *, bin_dir: str | None, environ: Mapping[str, str]
) -> PostgresTools:
    """The programs of one major version: others lose data, or refuse it.

    Args:
        major: As in "15".
        doing: What is being done, for the error.
        bin_dir: A folder to look in first.
        environ: Its KONG_LTS_POSTGRES_BIN and PATH are looked at.

    Raises:
        ArchiveError: There are none; says what there is, and what to install.
    """
    seen = []
    for folder in _folders(major, bin_dir, environ):
        version = _version(folder, environ)
        if version is not None and major_version(version) == major:
            return PostgresTools(folder=folder, version=version)
        if version is not None:
            seen.append(f"{version} in {folder}")
    found = f" (found only {', '.join(seen)})" if seen else ""
    raise ArchiveError(
        doing,
        f"no pg_dump and pg_restore of PostgreSQL {major}, the server's own version{found}. "
        f"Install them (Debian: apt-get install postgresql-client-{major}, Red Hat: "
        f"postgresql{major}), or point KONG_LTS_POSTGRES_BIN at the folder that has them",
    )


def tool_words(stderr: str, secrets: Sequence[str]) -> str:
    """What a program of PostgreSQL complains of, without the rows that it may repeat."""
    lines = [line.strip() for line in stderr.splitlines()]
    errors = [line for line in lines if re.match(r"(\w+: )?(error|fatal)|.*\b(ERROR|FATAL):", line)]
    chosen = errors[:3] or ["it gave no reason"]
    return masked("; ".join(_VALUE.sub(r"\1...", line) for line in chosen), secrets)


def _folders(major: str, bin_dir: str | None, environ: Mapping[str, str]) -> Iterator[Path]:
    for named in (bin_dir, environ.get("KONG_LTS_POSTGRES_BIN")):
        if named:
            yield Path(named)
    yield Path("/usr/lib/postgresql", major, "bin")
    yield Path(f"/usr/pgsql-{major}", "bin")
    for entry in environ.get("PATH", os.defpath).split(os.pathsep):
        if entry:
            yield Path(entry)


def _version(folder: Path, environ: Mapping[str, str]) -> str | None:
    """Of a folder that has both programs."""
    programs = [folder / name for name in ("pg_dump", "pg_restore")]
    if not all(shutil.which(program) for program in programs):
        return None
    runner = LocalProcessRunner(environ=environ)
    try:
        done = runner.run([str(programs[0]), "--version"], timeout_s=_VERSION_TIMEOUT_S)
    except (ProcessFailedError, ProcessNotRunError):
        return None
    number = _VERSION.search(done.stdout)
    return number[1] if number else None
