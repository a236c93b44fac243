"""`kong migrations bootstrap`, `up` and `finish`: run once, and believed only after a look."""

from collections.abc import Iterator

import attrs

from kong_lts.catalog import migrations
from kong_lts.events import Migrated, Past
from kong_lts.findings import Finding
from kong_lts.migrations.commands import (
    LIST_BOOTSTRAP,
    LIST_NEW,
    LIST_PENDING,
    LIST_UP_TO_DATE,
    KongMigrations,
)
from kong_lts.protocols import Adapters
from kong_lts.routing import migrate_path
from kong_lts.schema import SchemaState, migrations_listed, schema_state, subsystems_listed
from kong_lts.step import present

__all__ = ["MigrationsBootstrap", "MigrationsFinish", "MigrationsUp"]

_REGEX = frozenset("\\^$*+?()[]{}|")


def _is_of_2_8(path: str) -> bool:
    """Whether a path is a regex that was not rewritten; what a plain one decodes to is none."""
    return migrate_path(path) != path and not _REGEX.isdisjoint(path)


@attrs.frozen(kw_only=True)
class MigrationsBootstrap(KongMigrations):
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
        yield from self._listed(adapters, (LIST_BOOTSTRAP if is_empty else LIST_UP_TO_DATE,))

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
        yield from self._listed(adapters, (LIST_UP_TO_DATE,))


@attrs.frozen(kw_only=True)
class MigrationsUp(KongMigrations):
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
        if listed.status != LIST_NEW:
            yield self.obstacle(
                "migrations-list-disagrees",
                f"Before `up`, `kong migrations list` ended with status {listed.status}, not with"
                f" {LIST_NEW}: the node does not see this 2.8 database, or is not of 3.4.",
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
        pending = LIST_PENDING if state is SchemaState.UP else LIST_UP_TO_DATE
        yield from self._listed(adapters, (pending,))
        yield from self._unharmed(adapters)


@attrs.frozen(kw_only=True)
class MigrationsFinish(KongMigrations):
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
            yield from self._listed(adapters, (LIST_UP_TO_DATE,))
        elif state is SchemaState.UP:
            yield from self._listed(adapters, (LIST_PENDING,))
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
        yield from self._listed(adapters, (LIST_UP_TO_DATE,))
        yield from self._unharmed(adapters)
