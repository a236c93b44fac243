"""Stopping and resuming admin writes: how a write is kept out, and how one is noticed."""

from collections.abc import Iterator

import attrs

from kong_lts.database import differences
from kong_lts.deployment import Side
from kong_lts.events import Done, Past, WritesStopped
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters
from kong_lts.step import Effect, PlannedStep, Reversibility, own_outcome, present

__all__ = ["ResumeAdminWrites", "StopAdminWrites"]


@attrs.frozen(kw_only=True)
class StopAdminWrites(PlannedStep):
    """Keep writes to the configuration out of the database of one cluster.

    Counters, tokens and sessions go on, since only configuration tables are guarded; the Admin API
    answers writes with 500 meanwhile.

    Source:
        guide, Dual-cluster upgrade: "Stop any Kong configuration updates"; measured on 2.8.5.
    """

    needs_of_side = ("database", "write_guard")

    @property
    def title(self) -> str:
        """What it does."""
        return f"Stop admin writes on the {self.side} cluster"

    @property
    def reversibility(self) -> Reversibility:
        """They are resumed."""
        return Reversibility.COMPENSATED

    @property
    def effect(self) -> Effect:
        """The Admin API refuses writes."""
        return Effect(administration=True)

    def run(self, adapters: Adapters, past: Past) -> WritesStopped:
        """Set the guard, meet its refusal, and note what the database holds."""
        cluster = self.cluster(adapters)
        guard = present(cluster.write_guard, "write_guard", self.id)
        tables = guard.hold()
        proof = guard.try_write()
        found = present(cluster.database, "database", self.id).fingerprint()
        return WritesStopped(tables=tables, proof=proof or "", fingerprint=found)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """A trial write must be refused."""
        guard = present(self.cluster(adapters).write_guard, "write_guard", self.id)
        if not guard.held() or guard.try_write() is None:
            yield self.obstacle(
                "admin-writes-not-stopped",
                "A trial write to the configuration was taken.",
                "See why the guard does not hold: is it the right database, may this role add"
                " triggers?",
            )

    def undo(self, past: Past) -> "ResumeAdminWrites":
        """Let writes in again."""
        return ResumeAdminWrites(id=f"undo-{self.id}", guide=self.guide, side=self.side)


@attrs.frozen(kw_only=True)
class ResumeAdminWrites(PlannedStep):
    """Let writes to the configuration in again.

    On the new cluster this is the point of no return of a dual-cluster upgrade: what is written
    there is lost by going back to the current one.

    Source:
        guide, Dual-cluster upgrade: "Write updates to Kong can now be performed".
    """

    stopped_by: str | None = None
    """Id of the step whose fingerprint the current database must still have."""

    needs_of_side = ("write_guard",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Resume admin writes on the {self.side} cluster"

    @property
    def reversibility(self) -> Reversibility:
        """Nothing brings a first write on the new cluster back to the current one."""
        return Reversibility.NONE if self.side is Side.NEW else Reversibility.FREE

    @property
    def effect(self) -> Effect:
        """The Admin API takes writes."""
        return Effect(administration=True)

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nobody may have written to the current database in the meantime."""
        stopped = own_outcome(past, self.stopped_by or "", WritesStopped)
        database = adapters.current.database
        if stopped is None or database is None:
            return
        then = stopped.fingerprint
        for line in differences(then, database.fingerprint(then.taken_at)):
            yield self.obstacle(
                "configuration-drifted",
                f"The current database was written to although admin writes are stopped: {line}.",
                "Find out who wrote, and carry the change over by hand or roll back.",
            )

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Take the guard away."""
        present(self.cluster(adapters).write_guard, "write_guard", self.id).release()
        return Done()

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """A trial write must be taken; and nobody may have written elsewhere at the last moment."""
        yield from self.check(adapters, past)
        guard = present(self.cluster(adapters).write_guard, "write_guard", self.id)
        if guard.held() or guard.try_write() is not None:
            yield self.obstacle(
                "admin-writes-not-resumed",
                "A trial write to the configuration is still refused.",
                "See what refuses it; the guard's triggers are named kong_lts_*.",
            )
