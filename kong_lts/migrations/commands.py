"""How a step runs `kong migrations` and looks at what came of it: never forced, never twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import attrs

from kong_lts.deny_list import refuse_denied
from kong_lts.deployment import Side
from kong_lts.errors import StepFailedError
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Clock, Database, Finished
from kong_lts.schema import SchemaState, duplicated_tildes, schema_state
from kong_lts.step import PlannedStep, Reversibility, present, runner_of

__all__ = [
    "LIST_BOOTSTRAP",
    "LIST_NEW",
    "LIST_PENDING",
    "LIST_UP_TO_DATE",
    "KongMigrations",
    "alive",
]

_TIMEOUT_S = 3600.0
"""Measured: 5 s for 20,000 routes; an hour leaves room for a hundred times the largest."""

_LOCK_S = 120.0
"""Measured: the lock row of a killed `up` runs out after about a minute."""
_LOCK_POLL_S = 5.0

LIST_UP_TO_DATE = 0
LIST_PENDING = 4
LIST_NEW = 5
LIST_BOOTSTRAP = 3
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


def _lock_owner(database: Database) -> str | None:
    locks = database.facts().locks
    return next((lock.owner for lock in locks if lock.key == "migrations" and lock.held), None)


@attrs.frozen(kw_only=True)
class KongMigrations(PlannedStep):
    """What the steps that run `kong migrations` share."""

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
        known = (LIST_UP_TO_DATE, LIST_PENDING, LIST_NEW, LIST_BOOTSTRAP)
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
