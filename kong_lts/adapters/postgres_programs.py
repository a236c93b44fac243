"""What `pg_dump`, `pg_restore` and `psql` are asked to do, and nothing of when."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs

from kong_lts.adapters.local_process import LocalProcessRunner
from kong_lts.adapters.postgres_address import APPLICATION, PostgresAddress
from kong_lts.adapters.postgres_tools import PostgresTools, tool_words
from kong_lts.adapters.postgres_write_guard import FUNCTION, TRIGGER
from kong_lts.errors import ArchiveError, ProcessFailedError, ProcessNotRunError
from kong_lts.manifest import DumpFormat

__all__ = ["RESTORING", "PostgresPrograms"]

RESTORING = f"{APPLICATION} restore"
"""`application_name` of the sessions that fill a database."""

_LEFT_OUT = (
    # What stops writes belongs to a run, not to the configuration. Owners stand at the end.
    re.compile(rf"\d+; \d+ \d+ TRIGGER .* {TRIGGER}( \S*)?$"),
    re.compile(rf"\d+; \d+ \d+ (FUNCTION \S+|(ACL|COMMENT) \S+ FUNCTION) {FUNCTION}\(\)"),
    # Every new database has these, and only a superuser may make or describe them.
    re.compile(r"\d+; \d+ \d+ (SCHEMA - public|COMMENT - SCHEMA public|ACL - SCHEMA public) "),
    re.compile(r"\d+; \d+ \d+ (EXTENSION - plpgsql|COMMENT - EXTENSION plpgsql) "),
)
"""Lines of `pg_restore --list` that are not restored."""
_DATABASES_OWN = re.compile(r"\d+; \d+ \d+ ((SCHEMA|EXTENSION) - |COMMENT - (SCHEMA|EXTENSION) )")
"""Lines about what a database that is in use has already."""
_SCRIPT_END = b"-- PostgreSQL database dump complete"
_TAIL_BYTES = 4096


@attrs.frozen(kw_only=True)
class PostgresPrograms:
    """The programs of one server's major version, at work on one database."""

    address: PostgresAddress
    tools: PostgresTools
    timeout_s: float
    doing: str

    def dump(
        self,
        path: Path,
        *,
        dump_format: DumpFormat,
        jobs: int,
        compression: int,
        snapshot: str,
        schemas_left_out: Sequence[str],
        lock: int,
    ) -> None:
        """Dump what a snapshot shows."""
        dbname, environ = self.address.for_child(
            self.doing, ArchiveError, options="-c default_transaction_read_only=on"
        )
        words = {
            DumpFormat.DIRECTORY: [f"--jobs={jobs}", f"--compress={compression}"],
            DumpFormat.TAR: [],
            # A script says owners and privileges in its text, where no restore can leave them out.
            DumpFormat.PLAIN: ["--no-owner", "--no-privileges"],
        }[dump_format]
        argv = [
            self.tools.path("pg_dump"),
            f"--format={dump_format}",
            *words,
            *(f'--exclude-schema="{name}"' for name in schemas_left_out),
            f"--snapshot={snapshot}",
            f"--file={path}",
            "--lock-wait-timeout=60000",
            "--no-password",
            "--no-sync",  # done with the hashes
            f"--dbname={dbname}",
        ]
        self._run(argv, environ, (lock,))

    def holds_tables(self, path: Path, dump_format: DumpFormat) -> bool:
        """Whether a dump can be listed to its end, and has a table in it."""
        if dump_format is DumpFormat.PLAIN:
            return _is_whole_script(path)
        with tempfile.TemporaryDirectory() as scratch:
            return any(" TABLE DATA " in e for e in self._list(path, Path(scratch, "list")))

    def restore(self, path: Path, dump_format: DumpFormat, schema: str) -> None:
        """Fill an empty database: all or nothing, in one transaction."""
        with tempfile.TemporaryDirectory() as scratch:
            if dump_format is DumpFormat.PLAIN:
                self.run_scripts([path, _guard_away(schema, Path(scratch, "guard.sql"))])
                return
            wanted = self._wanted(path, Path(scratch, "list"))
            dbname, environ = self.address.for_child(self.doing, ArchiveError)
            argv = [
                self.tools.path("pg_restore"),
                "--single-transaction",
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                "--no-password",
                f"--use-list={wanted}",
                f"--dbname={dbname}",
                str(path),
            ]
            self._run(argv, {**environ, "PGAPPNAME": RESTORING})

    def restore_after(
        self, statements: str, path: Path, dump_format: DumpFormat, schema: str
    ) -> None:
        """Run statements, then fill a schema: all or nothing, in one transaction.

        Schemas and extensions are left alone: the database has them.
        """
        with tempfile.TemporaryDirectory() as name:
            scratch = Path(name)
            first, script = scratch / "before.sql", scratch / "dump.sql"
            first.write_text(statements, "utf-8")
            if dump_format is DumpFormat.PLAIN:
                _copy_without_schema(path, script, schema)
            else:
                self._script(path, script, scratch / "list")
            self.run_scripts([first, script, _guard_away(schema, scratch / "guard.sql")])

    def run_scripts(self, scripts: Sequence[Path]) -> None:
        """Run files of SQL in one transaction."""
        dbname, environ = self.address.for_child(self.doing, ArchiveError)
        argv = [
            self.tools.path("psql"),
            "--no-psqlrc",
            "--quiet",
            "--no-password",
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            "--output=/dev/null",
            *(f"--file={path}" for path in scripts),
            f"--dbname={dbname}",
        ]
        self._run(argv, {**environ, "PGAPPNAME": RESTORING})

    def _script(self, dump: Path, script: Path, listed: Path) -> None:
        wanted = self._wanted(dump, listed, also_left_out=(_DATABASES_OWN,))
        argv = [
            self.tools.path("pg_restore"),
            "--no-owner",
            "--no-privileges",
            f"--use-list={wanted}",
            f"--file={script}",
            str(dump),
        ]
        self._run(argv, dict(self.address.environ))

    def _wanted(
        self, dump: Path, path: Path, also_left_out: tuple[re.Pattern[str], ...] = ()
    ) -> Path:
        left_out = (*_LEFT_OUT, *also_left_out)
        entries = self._list(dump, path)
        kept = [e for e in entries if not any(p.match(e) for p in left_out)]
        path.write_text("".join(kept), encoding="utf-8", errors="surrogateescape")
        return path

    def _list(self, dump: Path, path: Path) -> list[str]:
        """The lines of `pg_restore --list`, each with its end."""
        argv = [self.tools.path("pg_restore"), "--list", f"--file={path}", str(dump)]
        self._run(argv, dict(self.address.environ))
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        return text.splitlines(keepends=True)

    def _run(
        self, argv: Sequence[str], environ: dict[str, str], held: tuple[int, ...] = ()
    ) -> None:
        secrets = self.address.secrets()
        runner = LocalProcessRunner(environ=environ, secrets=secrets, pass_fds=held)
        try:
            runner.run(argv, timeout_s=self.timeout_s)
        except ProcessFailedError as exc:  # what it said may hold rows
            raise ArchiveError(self.doing, tool_words(exc.reason, secrets)) from None
        except ProcessNotRunError as exc:
            raise ArchiveError(self.doing, str(exc)) from None


def _is_whole_script(path: Path) -> bool:
    """Whether a script has its last line, and some table before it."""
    with path.open("rb") as file:
        has_table = any(line.startswith(b"CREATE TABLE ") for line in file)
        file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
        return has_table and _SCRIPT_END in file.read()


def _guard_away(schema: str, path: Path) -> Path:
    """A script cannot leave out what stops writes, so it is taken away in the same transaction."""
    name = schema.replace('"', '""')
    path.write_text(f'DROP FUNCTION IF EXISTS "{name}".{FUNCTION}() CASCADE;\n', "utf-8")
    return path


def _copy_without_schema(dump: Path, script: Path, schema: str) -> None:
    """A script without the statement that makes the schema."""
    makes = {f"CREATE SCHEMA {schema};\n".encode(), f'CREATE SCHEMA "{schema}";\n'.encode()}
    with dump.open("rb") as file, script.open("wb") as copy:
        copy.writelines(line for line in file if line not in makes)
