"""The database of a simulated cluster, its backups and what keeps writes out."""

from datetime import datetime

import attrs

from kong_lts.catalog import migrations
from kong_lts.database import DatabaseFacts, Fingerprint, Lock, RouteRow, SchemaMeta
from kong_lts.deployment import Side
from kong_lts.errors import (
    ArchiveError,
    BackupError,
    DatabaseError,
    LockHeldError,
    WriteGuardError,
)
from kong_lts.events import BackedUp
from kong_lts.schema import SchemaState
from kong_lts.testing.simulation import (
    SERVER_VERSION,
    SimulatedDatabase,
    World,
)

__all__ = ["REFUSAL", "FakeArchive", "FakeDatabase", "FakeWriteGuard", "locks"]

_GUARDED = ("routes",)
REFUSAL = "the configuration is frozen for the upgrade"
"""What a write meets that is kept out."""


def _meta(state: SchemaState) -> tuple[SchemaMeta, ...]:
    """The `schema_meta` of a database in one state."""
    known = migrations()
    first, *rest = known.core_3_4
    executed, pending = {
        SchemaState.EMPTY: ((), ()),
        SchemaState.OLDER: (known.core_2_8[:-1], ()),
        SchemaState.LTS_2_8: (known.core_2_8, ()),
        SchemaState.PARTLY_UP: (known.core_2_8, (first,)),
        SchemaState.UP: ((*known.core_2_8, *rest), (first,)),
        SchemaState.LTS_3_4: ((*known.core_2_8, *known.core_3_4), ()),
        SchemaState.NEWER: ((*known.core_2_8, *known.core_3_4, "999_a_later_one"), ()),
    }[state]
    if state is SchemaState.EMPTY:
        return ()
    return (SchemaMeta(subsystem="core", executed=executed, pending=pending),)


def locks(database: SimulatedDatabase, now: datetime) -> tuple[Lock, ...]:
    """The `locks` of a database: of whoever migrates, or was killed while doing so."""
    if database.locked_by is None:
        return ()
    held = now < database.locked_until
    return (Lock(key="migrations", owner=database.locked_by, held=held),)


@attrs.define
class FakeDatabase:
    """A database of the simulated world."""

    world: World
    side: Side

    @property
    def _database(self) -> SimulatedDatabase:
        return self.world.cluster(self.side).database

    def _there(self, doing: str) -> SimulatedDatabase:
        if not self._database.exists:
            raise DatabaseError(doing, f"database {self._database.name} does not exist")
        return self._database

    def facts(self) -> DatabaseFacts:
        def seen() -> DatabaseFacts:
            database = self._there("look at the database")
            return DatabaseFacts(
                name=database.name,
                server_version=SERVER_VERSION,
                identity=database.name,
                tables={"routes": len(database.rows)},
                schema_meta=_meta(database.state),
                locks=locks(database, self.world.now),
                connections=database.connections,
                plugins=dict(database.plugins),
                keyring_ids=database.keyring_ids,
                routes=tuple(
                    RouteRow(id=key, name=key, paths=(path,)) for key, path in database.rows.items()
                ),
            )

        return self.world.look("look at the database", DatabaseError, seen)

    def fingerprint(self, at: str | None = None) -> Fingerprint:
        doing = "fingerprint the database"
        return self.world.look(doing, DatabaseError, lambda: self._there(doing).fingerprint())

    def create(self, owner: str) -> None:
        database = self._database
        if database.exists and (database.owner != owner or database.state != SchemaState.EMPTY):
            raise DatabaseError(f"create database {database.name}", "it exists already")

        def effect() -> None:
            database.exists, database.owner = True, owner

        self.world.act(f"create database {database.name}", DatabaseError, effect)

    def drop(self, owner: str) -> None:
        database = self._database
        doing = f"drop database {database.name}"
        if not database.exists:
            return
        if database.owner != owner:
            raise DatabaseError(doing, "it does not carry the mark of this upgrade")

        def effect() -> None:
            database.exists, database.owner = False, None
            database.rows, database.state, database.guarded = {}, SchemaState.EMPTY, False

        self.world.act(doing, DatabaseError, effect)

    def hold_lock(self, owner: str) -> None:
        self._there("lock the database")
        if self.world.run_lock is not None:
            raise LockHeldError(self.world.run_lock, f"database {self._database.name}")
        self.world.run_lock = owner

    def release_lock(self) -> None:
        self.world.run_lock = None


@attrs.define
class FakeArchive:
    """Backups of the simulated world."""

    world: World
    side: Side

    @property
    def _database(self) -> SimulatedDatabase:
        return self.world.cluster(self.side).database

    def back_up(self, folder: str) -> BackedUp:
        database = self._database
        if not database.exists:
            raise ArchiveError("dump the database", f"database {database.name} does not exist")
        made = BackedUp(
            folder=folder,
            fingerprint=database.fingerprint(),
            size_bytes=sum(map(len, database.rows.values())),
            server_version=SERVER_VERSION,
            tool_version=SERVER_VERSION,
        )
        there = self.world.backups.get(folder)
        if there is not None and there[0] != made:
            raise BackupError(folder, "a backup of something else stands there")

        def effect() -> None:
            self.world.backups[folder] = (made, database.name, dict(database.rows))

        self.world.act(f"back up into {folder}", ArchiveError, effect)
        return made

    def inspect(self, folder: str) -> BackedUp:
        def seen() -> BackedUp:
            if folder not in self.world.backups:
                raise BackupError(folder, "there is no backup")
            return self.world.backups[folder][0]

        return self.world.look(f"inspect {folder}", ArchiveError, seen)

    def restore(self, folder: str) -> Fingerprint:
        made = self.inspect(folder)
        database, rows = self._database, self.world.backups[folder][2]
        if not database.exists:
            raise ArchiveError(f"restore {folder}", f"database {database.name} does not exist")
        if database.state is not SchemaState.EMPTY:
            if database.fingerprint() == made.fingerprint:
                return made.fingerprint
            raise ArchiveError(f"restore {folder}", f"database {database.name} is not empty")

        def effect() -> None:
            database.rows, database.state = dict(rows), SchemaState.LTS_2_8

        self.world.act(f"restore {folder}", ArchiveError, effect)
        return made.fingerprint

    def rehearse(self, folder: str) -> Fingerprint:
        return self.inspect(folder).fingerprint

    def replace(self, folder: str, keep_as: str, over: str | None = None) -> Fingerprint:
        made = self.inspect(folder)
        database = self._database
        taken_of, rows = self.world.backups[folder][1:]
        doing = f"replace {database.name} by {folder}"
        if not database.exists:
            raise ArchiveError(doing, f"database {database.name} does not exist")
        if database.fingerprint() == made.fingerprint:
            return made.fingerprint
        if database.name not in (taken_of, over):
            raise BackupError(folder, f"was taken of another database, {taken_of}")
        taken = self.world.replaced
        names = (keep_as, *(f"{keep_as}_{number}" for number in range(2, len(taken) + 2)))
        kept = next(name for name in names if name not in taken)

        def effect() -> None:
            taken[kept] = dict(database.rows)
            database.rows, database.state = dict(rows), SchemaState.LTS_2_8
            database.guarded = False

        self.world.act(doing, ArchiveError, effect)
        return made.fingerprint


@attrs.define
class FakeWriteGuard:
    """Keeps writes out of a simulated database."""

    world: World
    side: Side

    @property
    def _database(self) -> SimulatedDatabase:
        database = self.world.cluster(self.side).database
        if not database.exists:
            raise WriteGuardError("look at the guard", f"database {database.name} does not exist")
        return database

    def _set(self, guarded: bool) -> None:
        database = self._database

        def effect() -> None:
            database.guarded = guarded

        doing = f"{'stop' if guarded else 'resume'} writes on {database.name}"
        self.world.act(doing, WriteGuardError, effect)

    def hold(self) -> tuple[str, ...]:
        self._set(guarded=True)
        return _GUARDED

    def release(self) -> None:
        self._set(guarded=False)

    def held(self) -> tuple[str, ...]:
        return _GUARDED if self._guarded() else ()

    def try_write(self) -> str | None:
        return REFUSAL if self._guarded() else None

    def _guarded(self) -> bool:
        return self.world.look("look at the guard", WriteGuardError, lambda: self._database.guarded)
