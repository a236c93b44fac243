"""A backup in the place of what is there: the whole database, or only Kong's schema of it."""

from collections.abc import Callable
from pathlib import Path

from psycopg import sql

from kong_lts.adapters.postgres_address import PostgresAddress
from kong_lts.adapters.postgres_facts import read_fingerprint, schema_name
from kong_lts.adapters.postgres_programs import PostgresPrograms
from kong_lts.adapters.postgres_swap import (
    free_name,
    make_beside,
    moves,
    refuse_references,
    swap,
)
from kong_lts.database import Fingerprint, differences
from kong_lts.errors import ArchiveError
from kong_lts.manifest import Manifest

__all__ = ["replace_database", "replace_schema"]


def replace_database(
    address: PostgresAddress,
    restore: Callable[[str], Fingerprint],
    manifest: Manifest,
    keep_as: str,
    doing: str,
) -> None:
    """Restore into a new database beside, compare, and only then swap the names.

    Args:
        address: Of the database that is replaced.
        restore: Fills the database of a name.
        manifest: Of the backup.
        keep_as: Name under which the replaced database stays; a number follows where it is taken.
        doing: What is being done, for the error.

    Raises:
        ArchiveError: Somebody uses the database, or the restore failed; it is as it was.
    """
    name = address.name(doing, ArchiveError)
    with address.server(doing, ArchiveError) as server:
        beside = make_beside(server, name, "beside")
        if lines := differences(manifest.fingerprint, restore(beside)):
            raise ArchiveError(doing, f"the restored {beside} is not what was backed up: {lines}")
        swap(server, name, beside, keep_as)


def replace_schema(
    programs: PostgresPrograms, dump: Path, manifest: Manifest, keep_as: str
) -> None:
    """Move Kong's tables to another schema and restore in their place, all in one transaction.

    Other applications in the database are not touched. What does not come out as it was backed up
    is moved away again, and what was there comes back.

    Args:
        programs: At the database.
        dump: What is restored.
        manifest: Of the backup.
        keep_as: Name of the schema under which the replaced tables stay.

    Raises:
        ArchiveError: Something uses the tables, refers to them, or the restore failed; they are as
            they were.
    """
    address, doing = programs.address, programs.doing
    with address.look(doing, ArchiveError) as connection:
        schema = schema_name(connection)
        if schema != manifest.schema:
            why = f"the backup is of schema {manifest.schema}, and here Kong's is {schema}"
            raise ArchiveError(doing, f"{why}; set search_path in the URL's options")
        refuse_references(connection, schema, doing)
        taken = [str(name) for (name,) in connection.execute("SELECT nspname FROM pg_namespace")]
        keep_as = free_name(keep_as, taken)
        make = sql.SQL("CREATE SCHEMA {};\n").format(sql.Identifier(keep_as))
        away = make.as_string(connection) + moves(connection, schema, keep_as)
    programs.restore_after(away, dump, manifest.dump_format, schema)
    with address.look(doing, ArchiveError) as connection:
        found = read_fingerprint(connection, manifest.created_at)
    if lines := differences(manifest.fingerprint, found):
        _move_back(programs, schema, keep_as)
        raise ArchiveError(
            doing, f"what it restores is not what was backed up: {lines}; nothing was replaced"
        )


def _move_back(programs: PostgresPrograms, schema: str, kept: str) -> None:
    with programs.address.session(programs.doing, ArchiveError) as connection:
        failed = f"{kept}_failed"
        names = [sql.Identifier(name) for name in (failed, kept)]
        with connection.transaction():
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(names[0]))
            for source, to in ((schema, failed), (kept, schema)):
                if statements := moves(connection, source, to):
                    connection.execute(statements.encode())
            for name in names:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(name))
