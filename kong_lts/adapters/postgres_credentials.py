"""Basic-auth credentials put back into a Kong database by SQL, hashes as they are."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import attrs
from psycopg import sql

from kong_lts.adapters.postgres_address import Connection, PostgresAddress
from kong_lts.adapters.postgres_facts import schema_name
from kong_lts.declarative.state_entities import StoredCredential, basic_auth_of
from kong_lts.errors import CredentialsError, DeclarativeError
from kong_lts.state_files import DumpedFile

__all__ = ["PostgresCredentials"]

_WORKSPACE = "default"
"""Which one open source has, under a name that nobody uses."""
_EVENT_LASTS = "1 hour"


@attrs.frozen
class PostgresCredentials:
    """Writes rows of `basicauth_credentials`, and tells the nodes to forget what they cached.

    A hash is salted with the id of its consumer: it fits the consumer with the old id and no other.

    Source:
        Kong/kong 3.4.2 kong/plugins/basic-auth/{crypto,daos}.lua, kong/cluster_events; measured: of
        what decK brings back every login fails.
    """

    address: PostgresAddress
    """Where the database is."""

    @classmethod
    def at(cls, url: str) -> "PostgresCredentials":
        """Those of the database at a URL, or at the one that a reference names."""
        return cls(PostgresAddress(url))

    def missing(self, file: DumpedFile) -> tuple[str, ...]:
        doing = f"looking for the basic-auth credentials of {file.path}"
        wanted = _read(doing, file)
        with self.address.look(doing, CredentialsError) as connection:
            return tuple(
                one.username
                for one in _missing(connection, wanted, _workspace(connection, file, doing))
            )

    def restore(self, file: DumpedFile) -> tuple[str, ...]:
        doing = f"restoring the basic-auth credentials of {file.path}"
        wanted = _read(doing, file)
        with self.address.session(doing, CredentialsError) as connection, connection.transaction():
            workspace = _workspace(connection, file, doing)
            missing = _missing(connection, wanted, workspace)
            _refuse_without_consumers(connection, missing, doing)
            for one in missing:
                _write(connection, one, workspace)
                _forget(connection, one, workspace)
        return tuple(one.username for one in missing)


def _read(doing: str, file: DumpedFile) -> tuple[StoredCredential, ...]:
    try:
        found = basic_auth_of(Path(file.path).read_bytes())
    except DeclarativeError as exc:
        raise CredentialsError(doing, str(exc)) from exc
    except OSError as exc:
        raise CredentialsError(doing, exc.strerror or "it cannot be read") from exc
    if without := [one.username for one in found if not one.id or not one.consumer]:
        names = ", ".join(without)
        raise CredentialsError(doing, f"the file gives no ids for {names}; dump it `--with-id`")
    return found


def _table(connection: Connection, name: str) -> sql.Identifier:
    return sql.Identifier(schema_name(connection), name)


def _workspace(connection: Connection, file: DumpedFile, doing: str) -> str:
    query = sql.SQL("SELECT id::text FROM {} WHERE name = %s").format(
        _table(connection, "workspaces")
    )
    name = file.workspace or _WORKSPACE
    row = connection.execute(query, [name]).fetchone()
    if row is None:
        raise CredentialsError(doing, f"the database has no workspace {name}")
    return str(row[0])


def _missing(
    connection: Connection, wanted: Sequence[StoredCredential], workspace: str
) -> tuple[StoredCredential, ...]:
    """Those that are not in the database as they are in the file."""
    query = sql.SQL(
        "SELECT id::text, consumer_id::text, username, password FROM {}"
        " WHERE ws_id = %s AND id = ANY(%s::uuid[])"
    ).format(_table(connection, "basicauth_credentials"))
    rows = connection.execute(query, [workspace, [one.id for one in wanted]]).fetchall()
    there = {tuple(row) for row in rows}
    return tuple(
        one for one in wanted if (one.id, one.consumer, one.username, one.password) not in there
    )


def _refuse_without_consumers(
    connection: Connection, credentials: Sequence[StoredCredential], doing: str
) -> None:
    query = sql.SQL("SELECT id::text FROM {} WHERE id = ANY(%s::uuid[])").format(
        _table(connection, "consumers")
    )
    rows = connection.execute(query, [[one.consumer for one in credentials]]).fetchall()
    there = {str(row[0]) for row in rows}
    if lost := sorted({one.username for one in credentials if one.consumer not in there}):
        raise CredentialsError(
            doing,
            f"the consumers of {', '.join(lost)} are not there under their old ids: their hashes"
            " fit no other; sync the dump that was made with ids first",
        )


def _write(connection: Connection, one: StoredCredential, workspace: str) -> None:
    query = sql.SQL(
        "INSERT INTO {} (id, created_at, consumer_id, username, password, tags, ws_id)"
        " VALUES (%s, CURRENT_TIMESTAMP(0), %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
        " consumer_id = EXCLUDED.consumer_id, username = EXCLUDED.username,"
        " password = EXCLUDED.password, tags = EXCLUDED.tags"
    ).format(_table(connection, "basicauth_credentials"))
    tags = list(one.tags) or None
    connection.execute(query, [one.id, one.consumer, one.username, one.password, tags, workspace])


def _forget(connection: Connection, one: StoredCredential, workspace: str) -> None:
    """What a node writes when it changes a credential: the others drop theirs from the cache."""
    query = sql.SQL(
        "INSERT INTO {} (id, node_id, at, expire_at, channel, data) VALUES"
        " (%s, %s, CURRENT_TIMESTAMP(3), CURRENT_TIMESTAMP(3) + %s::interval, 'invalidations', %s)"
    ).format(_table(connection, "cluster_events"))
    key = f"basicauth_credentials:{one.username}:::::{workspace}"
    connection.execute(query, [uuid.uuid4(), uuid.uuid4(), _EVENT_LASTS, key])
