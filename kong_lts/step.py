"""The Step protocol: what a plan is made of. Reversibility, Effect, and what most steps share."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import ClassVar, Protocol, TypeVar

import attrs

from kong_lts.deployment import Side
from kong_lts.errors import StepFailedError
from kong_lts.events import Outcome, Past
from kong_lts.findings import Finding, Severity, blockers
from kong_lts.protocols import Adapters, ClusterAdapters, ProcessRunner

__all__ = ["Effect", "PlannedStep", "Reversibility", "Step"]

A = TypeVar("A")
Kind = TypeVar("Kind")


class Reversibility(StrEnum):
    """What it takes to bring back what a step did."""

    FREE = "free"
    """Nothing: it only looked, or its effect harms nobody."""
    COMPENSATED = "compensated"
    """Another step takes it back."""
    RESTORE = "restore"
    """Only the backup brings it back."""
    NONE = "none"
    """Nothing does."""


@attrs.frozen(kw_only=True)
class Effect:
    """Whom a step touches."""

    traffic: bool = False
    """Requests are served by something else afterwards, or not at all."""
    administration: bool = False
    """The Admin API answers differently afterwards."""
    downtime_s: float = 0.0
    """How long the proxy is expected not to answer."""


class Step(Protocol):
    """One action of a plan: data that knows how to act, how to prove it, and how to be taken back.

    Running a step twice is safe: it looks first, and does only what is not done yet.
    """

    @property
    def id(self) -> str:
        """Unique in its plan; later steps find its outcome by it."""

    @property
    def title(self) -> str:
        """What it does, in the imperative."""

    @property
    def guide(self) -> str:
        """The section of the guide that it carries out."""

    @property
    def side(self) -> Side:
        """The cluster it acts on."""

    @property
    def node(self) -> str | None:
        """The node it acts on, None for the whole cluster."""

    @property
    def reversibility(self) -> Reversibility:
        """What it takes to bring back what it did."""

    @property
    def effect(self) -> Effect:
        """Whom it touches."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Adapters that it cannot do without, as `current.database`; looked for beforehand."""

    @property
    def attempts(self) -> int:
        """How often its effect is tried before the run stops; 1 unless it may be repeated."""

    @property
    def time_limit_s(self) -> float | None:
        """Seconds after which it stops waiting, whatever it waits for; None sets no end."""

    @property
    def leads_back_to(self) -> str | None:
        """Id of the step to which a failure of this one leads back; the plan is stale then."""

    @property
    def changes_configuration(self) -> tuple[Side, ...]:
        """Whose configuration it changes on purpose: what was noted before is out of date."""

    @property
    def notices_drift(self) -> bool:
        """Whether it compares the configuration by itself with what was noted."""

    def outdates_plan(self, findings: Iterable[Finding]) -> bool:
        """Whether what its look found says that the evaluation was wrong."""

    def unfit(self, adapters: Adapters) -> Iterator[Finding]:
        """What the adapters say that they cannot do for it; nobody is asked, nothing is reached.

        Looked at before anything is done, so that a run does not stop for it in the middle.
        """

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """What speaks against acting now. A BLOCKER stops the run."""

    def run(self, adapters: Adapters, past: Past) -> Outcome:
        """Act.

        Raises:
            KongLtsError: It could not be done.
        """

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Look whether the effect is there. A BLOCKER stops the run.

        After an interruption the step's own outcome may be missing from *past*.
        """

    def undo(self, past: Past) -> "Step | None":
        """The step that takes this one back, None where nothing has to be, or can be."""


@attrs.frozen(kw_only=True)
class PlannedStep:
    """What most steps share: their place in the plan, and nothing to check or to undo."""

    id: str
    """Of its own in the plan; journal and reports name it."""
    guide: str
    """The section and step of the guide that it carries out."""
    side: Side
    """The cluster that it is about."""
    node: str | None = None
    """The one node that it is about; None for the cluster."""
    time_limit_s: float | None = None
    """How long it may wait; None for no limit."""
    leads_back_to: str | None = None
    """Id of the step to which a failure of this one leads back; the plan is stale then."""

    attempts: ClassVar[int] = 1
    notices_drift: ClassVar[bool] = False
    writes_configuration: ClassVar[bool] = False
    needs_of_side: ClassVar[tuple[str, ...]] = ()
    needs_beside: ClassVar[tuple[str, ...]] = ()

    @property
    def reversibility(self) -> Reversibility:
        """Nothing has to be brought back."""
        return Reversibility.FREE

    @property
    def effect(self) -> Effect:
        """Nobody is touched."""
        return Effect()

    @property
    def changes_configuration(self) -> tuple[Side, ...]:
        """Its side's, where it writes any."""
        return (self.side,) if self.writes_configuration else ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Adapters that it cannot do without."""
        return (*(f"{self.side}.{name}" for name in self.needs_of_side), *self.needs_beside)

    def outdates_plan(self, findings: Iterable[Finding]) -> bool:
        """A blocker does where the step leads back."""
        return self.leads_back_to is not None and bool(blockers(findings))

    def unfit(self, adapters: Adapters) -> Iterator[Finding]:
        """They can do all of it."""
        yield from ()

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nothing speaks against it."""
        yield from ()

    def undo(self, past: Past) -> Step | None:
        """Nothing has to be taken back."""
        return None

    def cluster(self, adapters: Adapters) -> ClusterAdapters:
        """The adapters of this step's side."""
        return adapters.of(self.side)

    def obstacle(
        self, rule: str, message: str, action: str, *, severity: Severity = Severity.BLOCKER
    ) -> Finding:
        """A finding about this step."""
        return Finding(
            rule=rule,
            severity=severity,
            subject=f"step {self.id}",
            message=message,
            action=action,
            source=self.guide,
        )


def present(adapter: A | None, name: str, step: str) -> A:
    """An adapter that a step cannot do without.

    Raises:
        StepFailedError: It is not there. A run looks for it beforehand, so the step forgot to
            name its need.
    """
    if adapter is None:
        raise StepFailedError(step, f"there is no {name} adapter.", "Give one, and resume.")
    return adapter


def runner_of(cluster: ClusterAdapters, node: str | None, step: str) -> tuple[str, ProcessRunner]:
    """Where the commands of a step run: on its node, or on the first one of the cluster.

    Raises:
        StepFailedError: The cluster has no such node.
    """
    name = node or next(iter(cluster.nodes), None)
    if name is None or name not in cluster.nodes:
        reason = f"there is no process runner for node {name}."
        raise StepFailedError(step, reason, "Give one, and resume.")
    return name, cluster.nodes[name]


def own_outcome(past: Past, step: str, kind: type[Kind]) -> Kind | None:
    """The outcome of a step if it is known and of that kind."""
    outcome = past.get(step)
    return outcome if isinstance(outcome, kind) else None
