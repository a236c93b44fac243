"""`kong migrations up` and `finish`: run once, never forced, and believed only after a look."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import attrs

from kong_lts.catalog import migrations
from kong_lts.deny_list import refuse_denied
from kong_lts.deployment import Side
from kong_lts.errors import StepFailedError
from kong_lts.events import Migrated, Past
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Clock, Database, Finished
from kong_lts.routing import migrate_path
from kong_lts.schema import (
    SchemaState,
    duplicated_tildes,
    migrations_listed,
    schema_state,
    subsystems_listed,
)
from kong_lts.step import PlannedStep, Reversibility, present, runner_of

__all__ = ["MigrationsBootstrap", "MigrationsFinish", "MigrationsUp", "alive"]

_TIMEOUT_S = 3600.0
"""Measured: 5 s for 20,000 routes; an hour leaves room for a hundred times the largest."""

_LOCK_S = 120.0
"""Measured: the lock row of a killed `up` runs out after about a minute."""
_LOCK_POLL_S = 5.0

_LIST_UP_TO_DATE = 0
_LIST_PENDING = 4
_LIST_NEW = 5
_LIST_BOOTSTRAP = 3
"""Exit statuses of `kong migrations list`, measured on 2.8.5 and 3.4.2."""


_BEAT_S = 30.0
"""While a command runs, the run gives a sign of life this often."""


def alive(clock: Clock, command: Callable[[], Finished], *, beat_s: float = _BEAT_S) -> Finished:
    """Run a command while the clock is looked at; whoever ends the wait still waits for its end.

    A migration that was begun is never left alone: its process would go on.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        ending = pool.submit(command)
        while True:
            done, _ = wait([ending], timeout=beat_s)
            if done:
                return ending.result()
            clock.sleep(0.0)


_REGEX = frozenset("\\^$*+?()[]{}|")


def _is_of_2_8(path: str) -> bool:
    """Whether a path is a regex that was not rewritten; what a plain one decodes to is none."""
    return migrate_path(path) != path and not _REGEX.isdisjoint(path)


def _lock_owner(database: Database) -> str | None:
    locks = database.facts().locks
    return next((lock.owner for lock in locks if lock.key == "migrations" and lock.held), None)


@attrs.frozen(kw_only=True)
class _Migrations(PlannedStep):
    """What `up` and `finish` share."""

    program: tuple[str, ...] = ("kong",)
    """How kong is called on the node."""
    options: tuple[str, ...] = ()
    """Follow the command, as `-c FILE`."""
    in_place: bool = False
    """Whether the current cluster's own database is migrated."""

    time_limit_s: float | None = _TIMEOUT_S
    """When the command is ended, which leaves a migration half done; then only a restore helps."""

    needs_of_side = ("database", "nodes")

    def __attrs_post_init__(self) -> None:
        """No plan can be made, or read, that would force a migration or reset the database."""
        refuse_denied((*self.program, "migrations", *self.options))

    @property
    def changes_configuration(self) -> tuple[Side, ...]:
        """Of both sides where they share one database."""
        return tuple(Side) if self.in_place else (self.side,)

    @property
    def reversibility(self) -> Reversibility:
        """A copy is dropped; the current cluster's own database needs its backup."""
        return Reversibility.RESTORE if self.in_place else Reversibility.COMPENSATED

    def _state(self, adapters: Adapters) -> SchemaState:
        database = present(self.cluster(adapters).database, "database", self.id)
        return schema_state(database.facts().schema_meta)

    def _not_locked(self, adapters: Adapters) -> Iterator[Finding]:
        """Nobody migrates; the lock of one who was killed is waited out."""
        database = present(self.cluster(adapters).database, "database", self.id)
        waited_s = 0.0
        while (owner := _lock_owner(database)) is not None:
            if waited_s >= _LOCK_S:
                yield self.obstacle(
                    "migrations-locked",
                    f"The database is locked for migrations by {owner}. `up` and `finish` would"
                    " answer 0 and do nothing.",
                    "Find who migrates, and wait for the end. Then look at the state before going"
                    " on.",
                )
                return
            adapters.clock.sleep(_LOCK_POLL_S)
            waited_s += _LOCK_POLL_S

    def _kong(self, adapters: Adapters, command: str) -> tuple[Finished, float]:
        guard = self.cluster(adapters).write_guard
        if self.in_place and guard is not None:
            guard.release()  # measured: `up` and `finish` fail half way while triggers refuse
        _, runner = runner_of(self.cluster(adapters), self.node, self.id)
        argv = [*self.program, "migrations", command, *self.options]
        refuse_denied(argv)
        begun = adapters.clock.now()
        limit_s = self.time_limit_s or _TIMEOUT_S
        finished = alive(adapters.clock, lambda: runner.run(argv, timeout_s=limit_s))
        if "aborted" in finished.stdout + finished.stderr:
            raise StepFailedError(
                self.id,
                f"kong migrations {command} ended with status 0 but says that it was aborted:"
                " another node is performing database changes.",
                "Wait a minute, look at the state, then resume.",
            )
        return finished, (adapters.clock.now() - begun).total_seconds()

    def _list(self, adapters: Adapters) -> Finished:
        _, runner = runner_of(self.cluster(adapters), self.node, self.id)
        known = (_LIST_UP_TO_DATE, _LIST_PENDING, _LIST_NEW, _LIST_BOOTSTRAP)
        argv = [*self.program, "migrations", "list", *self.options]
        return runner.run(argv, timeout_s=_TIMEOUT_S, statuses=known)

    def _listed(self, adapters: Adapters, expected: tuple[int, ...]) -> Iterator[Finding]:
        finished = self._list(adapters)
        if finished.status not in expected:
            yield self.obstacle(
                "migrations-list-disagrees",
                f"`kong migrations list` ended with status {finished.status}, not with"
                f" {' or '.join(map(str, expected))}.",
                "Compare the plugins that the node has with those in the database; each may have"
                " migrations of its own.",
            )

    def _unharmed(self, adapters: Adapters) -> Iterator[Finding]:
        database = present(self.cluster(adapters).database, "database", self.id)
        for route in database.facts().routes:
            for path in duplicated_tildes(route.paths):
                yield self.obstacle(
                    "path-migrated-twice",
                    f"Route {route.name or route.id} has the path {path!r}: the path migration"
                    " ran twice over it.",
                    "Restore the backup; no later migration repairs this.",
                )


@attrs.frozen(kw_only=True)
class MigrationsBootstrap(_Migrations):
    """Run `kong migrations bootstrap` of the current release on an empty database.

    Source:
        guide, Backup: "otherwise bootstrap a new database and use deck".
    """

    @property
    def title(self) -> str:
        """What it does."""
        return f"Run kong migrations bootstrap on the database of the {self.side} cluster"

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """An empty database, or one that was bootstrapped before, and nobody else at work."""
        yield from self._not_locked(adapters)
        state = self._state(adapters)
        if state not in (SchemaState.EMPTY, SchemaState.LTS_2_8):
            yield self.obstacle(
                "schema-not-empty",
                f"The database is in the state '{state}'; a bootstrap is for an empty one.",
                "Name a database that does not exist yet.",
            )
            return
        is_empty = state is SchemaState.EMPTY
        yield from self._listed(adapters, (_LIST_BOOTSTRAP if is_empty else _LIST_UP_TO_DATE,))

    def run(self, adapters: Adapters, past: Past) -> Migrated:
        """Run it, unless it has run."""
        duration_s = 0.0
        if self._state(adapters) is SchemaState.EMPTY:
            _, duration_s = self._kong(adapters, "bootstrap")
        return Migrated(state=self._state(adapters), duration_s=duration_s)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """A complete 2.8 schema is there."""
        if (state := self._state(adapters)) is not SchemaState.LTS_2_8:
            yield self.obstacle(
                "migrations-bootstrap-not-done",
                f"After `kong migrations bootstrap` the database is in the state '{state}'.",
                "Is the node of release 2.8, and does it reach this very database?",
            )
            return
        yield from self._listed(adapters, (_LIST_UP_TO_DATE,))


@attrs.frozen(kw_only=True)
class MigrationsUp(_Migrations):
    """Run `kong migrations up`, once.

    Source:
        guide, Dual-cluster upgrade: "Run kong migrations up"; measured on 3.4.2.
    """

    continue_interrupted: bool = False
    """Whether an interrupted one is gone on with, by `finish` and `up`; the way is the restore
    unless this is asked for, and it is refused where paths are half rewritten."""

    @property
    def title(self) -> str:
        """What it does."""
        return f"Run kong migrations up on the database of the {self.side} cluster"

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """A complete 2.8 schema, and nobody else at work."""
        yield from self._not_locked(adapters)
        state = self._how_far(adapters)
        if state is SchemaState.LTS_2_8:
            yield from self._whole(adapters)
            yield from self._covered(adapters)
        elif state is SchemaState.PARTLY_UP and self.continue_interrupted:
            yield from self._unharmed(adapters)
            yield from self._all_rewritten(adapters)
        elif state is not SchemaState.UP:
            yield self.obstacle(
                "schema-not-2.8",
                f"The database is in the state '{state}'; `up` starts from a complete 2.8 schema.",
                "If an earlier `up` was interrupted, restore the backup; `up -f` is never the way:"
                " it deletes allow and deny lists.",
            )
            yield from self._unharmed(adapters)

    def run(self, adapters: Adapters, past: Past) -> Migrated:
        """Run it, unless it has run; after an interrupted one only as far as was asked for."""
        duration_s = 0.0
        state = self._how_far(adapters)
        commands = {SchemaState.UP: (), SchemaState.PARTLY_UP: ("finish", "up")}
        for command in commands.get(state, ("up",)):
            duration_s += self._kong(adapters, command)[1]
        return self._seen(adapters, duration_s)

    def _how_far(self, adapters: Adapters) -> SchemaState:
        """The state of the database; one that was left before the last plugin is not up.

        The core comes first, and `schema_meta` does not tell which plugins the node would migrate.
        """
        state = self._state(adapters)
        if state is SchemaState.UP and migrations_listed(self._list(adapters).stdout):
            return SchemaState.PARTLY_UP
        return state

    def _whole(self, adapters: Adapters) -> Iterator[Finding]:
        """No trace of an `up` that was killed before it was noted down."""
        facts = present(self.cluster(adapters).database, "database", self.id).facts()
        if made := sorted(facts.tables.keys() & set(migrations().tables_3_4)):
            yield self.obstacle(
                "up-was-interrupted",
                f"There is a table {made[0]}, which 2.8 never makes, and no migration of 3.4 is"
                " noted down: an `up` was interrupted while it rewrote paths. Another one would"
                " rewrite some of them twice.",
                "Restore the backup.",
            )
        rewritten = [r for r in facts.routes if any(path.startswith("~") for path in r.paths)]
        if rewritten:
            yield self.obstacle(
                "up-was-interrupted",
                f"{len(rewritten)} routes have paths with a ~, which 2.8 never stores: an `up` was"
                " interrupted. Another one would write ~~.",
                "Restore the backup.",
            )

    def _covered(self, adapters: Adapters) -> Iterator[Finding]:
        """The node that migrates has every plugin enabled that the database holds."""
        listed = self._list(adapters)
        if listed.status != _LIST_NEW:
            yield self.obstacle(
                "migrations-list-disagrees",
                f"Before `up`, `kong migrations list` ended with status {listed.status}, not with"
                f" {_LIST_NEW}: the node does not see this 2.8 database, or is not of 3.4.",
                "Compare the node's kong.conf with the database that this run looks at.",
            )
        facts = present(self.cluster(adapters).database, "database", self.id).facts()
        with_records = {row.subsystem for row in facts.schema_meta}
        for plugin in sorted(
            facts.plugins.keys() & with_records - subsystems_listed(listed.stdout)
        ):
            yield self.obstacle(
                "plugin-not-migrated",
                f"The database has {facts.plugins[plugin]} {plugin} plugins and records of their"
                " migrations, and `kong migrations list` of the node does not name it at all.",
                "Enable the plugin (`plugins` in the kong.conf of the node that migrates) and"
                " install its code there, or its rows and tables are left behind.",
            )
        new = migrations_listed(listed.stdout)
        for plugin, names in sorted(migrations().plugins_3_4.items()):
            if plugin in facts.plugins and not set(names) <= set(new.get(plugin, ())):
                yield self.obstacle(
                    "plugin-not-migrated",
                    f"The database has {facts.plugins[plugin]} {plugin} plugins, and `kong"
                    f" migrations list` of the node does not name {', '.join(names)} of it.",
                    "Enable the plugin (`plugins` in the kong.conf of the node that migrates), or"
                    " its rows and tables are left behind.",
                )

    def _all_rewritten(self, adapters: Adapters) -> Iterator[Finding]:
        """An interrupted path migration may only be gone on with when it had come to its end."""
        facts = present(self.cluster(adapters).database, "database", self.id).facts()
        first = migrations().core_3_4[0]
        if not any(first in (*row.executed, *row.pending) for row in facts.schema_meta):
            yield self.obstacle(
                "paths-half-migrated",
                f"{first}, which rewrites the paths, is not noted down as done.",
                "Restore the backup: this `up` cannot be gone on with.",
            )
        for route in facts.routes:
            for path in route.paths:
                if _is_of_2_8(path):
                    yield self.obstacle(
                        "paths-half-migrated",
                        f"Route {route.name or route.id} still has the path {path!r} of 2.8.",
                        "Restore the backup: this `up` cannot be gone on with.",
                    )

    def _seen(self, adapters: Adapters, duration_s: float) -> Migrated:
        database = present(self.cluster(adapters).database, "database", self.id)
        rows = database.facts().schema_meta
        return Migrated(
            state=schema_state(rows),
            executed=sum(len(row.executed) for row in rows),
            pending=sum(len(row.pending) for row in rows),
            duration_s=duration_s,
        )

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """`schema_meta` has it, kong lists it, and no path was migrated twice."""
        done = (SchemaState.UP, *([SchemaState.LTS_3_4] if self.continue_interrupted else ()))
        if (state := self._how_far(adapters)) not in done:
            yield self.obstacle(
                "migrations-up-not-done",
                f"After `kong migrations up` the database is in the state '{state}'.",
                "Restore the backup and look for the cause; a second `up` over a half-done one"
                " writes ~~ paths.",
            )
            return
        pending = _LIST_PENDING if state is SchemaState.UP else _LIST_UP_TO_DATE
        yield from self._listed(adapters, (pending,))
        yield from self._unharmed(adapters)


@attrs.frozen(kw_only=True)
class MigrationsFinish(_Migrations):
    """Run `kong migrations finish`, once.

    Source:
        guide, Dual-cluster upgrade: "and kong migrations finish"; measured on 3.4.2.
    """

    @property
    def title(self) -> str:
        """What it does."""
        return f"Run kong migrations finish on the database of the {self.side} cluster"

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """`up` is done by kong's own account too, and nobody else is at work."""
        yield from self._not_locked(adapters)
        state = self._state(adapters)
        if state is SchemaState.LTS_3_4:
            yield from self._listed(adapters, (_LIST_UP_TO_DATE,))
        elif state is SchemaState.UP:
            yield from self._listed(adapters, (_LIST_PENDING,))
            yield from self._ended(adapters)
        else:
            yield self.obstacle(
                "schema-not-up",
                f"The database is in the state '{state}'; `finish` comes after `up`. Before it,"
                " `finish` answers 0 and does nothing.",
                "Run the step before this one.",
            )

    def _ended(self, adapters: Adapters) -> Iterator[Finding]:
        """No migration is left that `up` would have to run first."""
        for subsystem, names in migrations_listed(self._list(adapters).stdout).items():
            yield self.obstacle(
                "schema-not-up",
                f"`kong migrations list` still has new migrations of {subsystem}:"
                f" {', '.join(names)}: `up` did not reach its end.",
                "Restore the backup and begin anew.",
            )

    def run(self, adapters: Adapters, past: Past) -> Migrated:
        """Run it, unless it has run."""
        duration_s = 0.0
        if self._state(adapters) is not SchemaState.LTS_3_4:
            _, duration_s = self._kong(adapters, "finish")
        return Migrated(state=self._state(adapters), duration_s=duration_s)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nothing is pending, kong lists nothing new, and no path was migrated twice."""
        if (state := self._state(adapters)) is not SchemaState.LTS_3_4:
            yield self.obstacle(
                "migrations-finish-not-done",
                f"After `kong migrations finish` the database is in the state '{state}'.",
                "Look at schema_meta.pending: two equal targets with one created_at make it fail;"
                " delete one of them and resume.",
            )
            return
        yield from self._listed(adapters, (_LIST_UP_TO_DATE,))
        yield from self._unharmed(adapters)
