"""Stopping and resuming admin writes: how a write is kept out, and how one is noticed."""

from collections.abc import Iterator, Sequence

import attrs

from kong_lts.catalog import migrations
from kong_lts.database import Fingerprint, differences
from kong_lts.deployment import Side
from kong_lts.events import Done, Past, WritesStopped
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters
from kong_lts.step import Effect, PlannedStep, Reversibility, Step, own_outcome, present

__all__ = ["ResumeAdminWrites", "StopAdminWrites", "drift", "written_since"]

_NO_TTL = "9999-12-31T00:00:00+00:00"
"""As of then no row with a `ttl` counts: Kong's cleanup removes them where nothing keeps it out."""


@attrs.frozen(kw_only=True)
class StopAdminWrites(PlannedStep):
    """Keep writes to the configuration out of the database of one cluster.

    Counters, tokens and sessions go on, since only configuration tables are guarded; the Admin API
    answers writes with 500 meanwhile.

    Source:
        guide, Dual-cluster upgrade: "Stop any Kong configuration updates"; measured on 2.8.5.
    """

    guard: bool = True
    """Whether the database keeps them out; where it may not, they are only noticed."""

    notices_drift = True

    @property
    def needs(self) -> tuple[str, ...]:
        """A guard, where one is set."""
        guard = (f"{self.side}.write_guard",) if self.guard else ()
        return (f"{self.side}.database", *guard)

    @property
    def title(self) -> str:
        """What it does."""
        if self.guard:
            return f"Stop admin writes on the {self.side} cluster"
        return f"Note what the {self.side} cluster holds: writes are noticed, and not kept out"

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
        if not self.guard:
            database = present(cluster.database, "database", self.id)
            return WritesStopped(tables=(), proof="", fingerprint=database.fingerprint(_NO_TTL))
        guard = present(cluster.write_guard, "write_guard", self.id)
        tables = guard.hold()
        proof = guard.try_write()
        found = present(cluster.database, "database", self.id).fingerprint()
        return WritesStopped(tables=tables, proof=proof or "", fingerprint=found)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """A trial write must be refused."""
        if not self.guard:
            yield self.obstacle(
                "admin-writes-not-kept-out",
                "Nothing keeps writes to the configuration out; they are noticed afterwards.",
                "See to it that nobody writes: no Admin API, Kong Manager, decK or SQL.",
                severity=Severity.WARNING,
            )
            return
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
        return ResumeAdminWrites(
            id=f"undo-{self.id}", guide=self.guide, side=self.side, guard=self.guard
        )


@attrs.frozen(kw_only=True)
class ResumeAdminWrites(PlannedStep):
    """Let writes to the configuration in again.

    On the new cluster: what is written there is lost by going back to the current one. In a
    dual-cluster upgrade this is the point of no return.

    Source:
        guide, Dual-cluster upgrade: "Write updates to Kong can now be performed".
    """

    stopped_by: str | None = None
    """Id of the step whose fingerprint the current database must still have."""

    guard: bool = True
    """Whether the database keeps them out."""

    writes_configuration = True
    notices_drift = True

    @property
    def needs(self) -> tuple[str, ...]:
        """The guard, where one is set."""
        return (f"{self.side}.write_guard",) if self.guard else ()

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
        for line in written_since(then, database.fingerprint(then.taken_at)):
            yield self.obstacle(
                "configuration-drifted",
                f"The current database was written to although admin writes are stopped: {line}.",
                "Find out who wrote, and carry the change over by hand or roll back.",
            )

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Take the guard away."""
        if not self.guard:
            return Done(note="writes were never kept out")
        present(self.cluster(adapters).write_guard, "write_guard", self.id).release()
        return Done()

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """A trial write must be taken; and nobody may have written elsewhere at the last moment."""
        yield from self.check(adapters, past)
        if not self.guard:
            return
        guard = present(self.cluster(adapters).write_guard, "write_guard", self.id)
        if guard.held() or guard.try_write() is not None:
            yield self.obstacle(
                "admin-writes-not-resumed",
                "A trial write to the configuration is still refused.",
                "See what refuses it; the guard's triggers are named kong_lts_*.",
            )


def drift(
    steps: Sequence[Step], step: Step, adapters: Adapters, past: Past, *, begun: bool = False
) -> Iterator[Finding]:
    """Writes to the configuration since it was noted, on either side, before a step acts.

    What was noted holds for one database and one state of its schema: a step that changes the
    configuration on purpose ends it.

    Args:
        steps: Of the plan.
        step: The one that is about to act.
        adapters: Reach the databases.
        past: Outcomes of the steps before.
        begun: Whether it acted before, and was interrupted: what it changes is no drift.
    """
    if step.notices_drift:
        return
    own = step.changes_configuration if begun else ()
    for side, (noted_by, noted) in _noted(steps, step, past).items():
        database = adapters.of(side).database
        if database is None or side in own:
            continue
        then = noted.fingerprint
        for line in written_since(then, database.fingerprint(then.taken_at)):
            yield Finding(
                rule="configuration-drifted",
                severity=Severity.BLOCKER,
                subject=f"step {step.id}",
                message=f"The {side} cluster was written to after step {noted_by}: {line}.",
                action="Find out who wrote. Take the change back, or roll back and begin again.",
                source=step.guide,
            )


def written_since(then: Fingerprint, now: Fingerprint) -> tuple[str, ...]:
    """What somebody wrote in between, one line a table.

    Tables that running nodes write by themselves do not count: they renew certificates, rotate
    keys and discover issuers, whoever keeps away from the Admin API.
    """
    return differences(then, now, but_for=migrations().node_tables)


def _noted(steps: Sequence[Step], step: Step, past: Past) -> dict[Side, tuple[str, WritesStopped]]:
    """What was noted last of each side, and still holds."""
    noted: dict[Side, tuple[str, WritesStopped]] = {}
    if not any(isinstance(outcome, WritesStopped) for outcome in past.values()):
        return noted
    for before in steps:
        if before.id == step.id:
            break
        for side in before.changes_configuration:
            noted.pop(side, None)
        outcome = past.get(before.id)
        if isinstance(outcome, WritesStopped):
            noted[before.side] = (before.id, outcome)
    return noted
