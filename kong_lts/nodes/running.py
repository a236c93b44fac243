"""Starting and stopping nodes, and waiting until nobody uses a database any more."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, TypeVar

import attrs

from kong_lts.errors import AdminApiError, StepFailedError
from kong_lts.events import Done, Past
from kong_lts.fan_out import fan_out
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, AdminApi, NodeStatus, ProcessRunner
from kong_lts.step import Effect, PlannedStep, Reversibility, Step, present, runner_of

__all__ = [
    "COMMAND_S",
    "NoConnections",
    "NodesStep",
    "StartNodes",
    "StopNodes",
    "status_text",
    "wrong_with",
]

T = TypeVar("T")

COMMAND_S = 600.0
"""Measured: 3.8 s for a start with 20,000 of each entity."""
_POLL_S = 0.25


@attrs.frozen(kw_only=True)
class NodesStep(PlannedStep):
    """What is done to some nodes of one cluster."""

    nodes: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    """Their names."""
    program: tuple[str, ...] = ("kong",)
    """How kong is called on a node; `-c FILE` may follow it for `start` and `reload`."""
    configuration: str | None = None
    """Path of the node's kong.conf, as seen on the node."""

    attempts: ClassVar[int] = 3
    needs_of_side: ClassVar[tuple[str, ...]] = ("nodes", "admin")

    def argv(self, command: str) -> list[str]:
        """A command of kong on a node."""
        conf = (
            ["-c", self.configuration]
            if self.configuration and command in ("start", "reload")
            else []
        )
        return [*self.program, command, *conf]

    def each(
        self, adapters: Adapters, nodes: Sequence[str], act: Callable[[str], T]
    ) -> Iterator[tuple[str, T]]:
        """What *act* gives for each node, in their order; at once where the run has an executor."""
        if adapters.executor is None:
            for node in nodes:
                yield node, act(node)
            return
        doing = fan_out(act, nodes, at_once=adapters.at_once, executor=adapters.executor)
        done = dict(doing)
        for node in nodes:
            yield node, done[node].result()

    def groups(self, adapters: Adapters) -> list[tuple[str, ...]]:
        """The nodes that are dealt with together."""
        return [(node,) for node in self.nodes] if adapters.executor is None else [self.nodes]

    def _runs(self, runner: ProcessRunner) -> bool:
        """`kong health` ends with 0 as long as the process is there."""
        finished = runner.run(self.argv("health"), timeout_s=COMMAND_S, statuses=(0, 1))
        return finished.status == 0


def status_text(admin: AdminApi, node: str, version: str) -> str:
    """What keeps a node from serving as *version*, empty when nothing does."""
    try:
        status = admin.status(node)
    except AdminApiError as exc:
        return str(exc)
    return wrong_with(status, version)


def wrong_with(status: NodeStatus, version: str) -> str:
    """What a node says that keeps it from serving as *version*, empty when nothing does."""
    if not status.ready:
        return "it is not ready"
    if status.version and status.version != version:
        return f"it runs {status.version}, not {version}"
    return "" if status.database_reachable else "it does not reach its database"


@attrs.frozen(kw_only=True)
class StartNodes(NodesStep):
    """Start the nodes of a cluster and wait until each is ready: one after the other, or at once.

    Source:
        guide, Dual-cluster upgrade: "and start cluster Y".
    """

    version: str
    """What the nodes must say that they run."""
    control_planes: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """Of data planes: nodes of the same cluster that must not be older."""
    ready_within_s: float = attrs.field(default=120.0, converter=float)
    """How long a node is given."""

    @property
    def title(self) -> str:
        """What it does."""
        return f"Start {len(self.nodes)} node(s) of the {self.side} cluster"

    @property
    def reversibility(self) -> Reversibility:
        """They are stopped."""
        return Reversibility.COMPENSATED

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """A data plane is never newer than its control plane: measured, it is refused."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        for node in self.control_planes:
            if wrong := status_text(admin, node, self.version):
                yield self.obstacle(
                    "control-plane-older",
                    f"Control plane {node} is not there for data planes of {self.version}:"
                    f" {wrong}.",
                    "Bring the control planes up first, then resume.",
                )

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Start those that do not run; one that is still starting is only waited for.

        Raises:
            StepFailedError: A node is not ready in time.
        """
        admin = present(self.cluster(adapters).admin, "admin", self.id)

        def begin(node: str) -> None:
            _, runner = runner_of(self.cluster(adapters), node, self.id)
            if status_text(admin, node, self.version) and not self._runs(runner):
                runner.run(self.argv("start"), timeout_s=COMMAND_S)

        for nodes in self.groups(adapters):
            list(self.each(adapters, nodes, begin))
            self._wait(adapters, admin, nodes)
        return Done(note=", ".join(self.nodes))

    def _wait(self, adapters: Adapters, admin: AdminApi, nodes: Sequence[str]) -> None:
        waited_s = 0.0
        while wrong := self._wrong(adapters, admin, nodes):
            if waited_s >= self.ready_within_s:
                node, text = next(iter(wrong.items()))
                raise StepFailedError(
                    self.id,
                    f"node {node} is not ready after {self.ready_within_s:g} s: {text}.",
                    "Look at its error.log, then resume.",
                )
            adapters.clock.sleep(_POLL_S)
            waited_s += _POLL_S
            nodes = tuple(wrong)

    def _wrong(self, adapters: Adapters, admin: AdminApi, nodes: Sequence[str]) -> dict[str, str]:
        """What keeps nodes from serving, of those where anything does."""
        looks = self.each(adapters, nodes, lambda node: status_text(admin, node, self.version))
        return {node: text for node, text in looks if text}

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Each node is ready and runs the version it should."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        for node, wrong in self._wrong(adapters, admin, self.nodes).items():
            yield self.obstacle(
                "node-not-ready",
                f"Node {node}: {wrong}.",
                "Look at its error.log; a configuration that a node refuses is named there.",
            )

    def undo(self, past: Past) -> "StopNodes":
        """Stop them."""
        return StopNodes(
            id=f"undo-{self.id}",
            guide=self.guide,
            side=self.side,
            nodes=self.nodes,
            program=self.program,
            configuration=self.configuration,
            version=self.version,
        )


@attrs.frozen(kw_only=True)
class StopNodes(NodesStep):
    """Stop the nodes of a cluster gracefully, and wait until their processes are gone.

    Source:
        guide, In-place upgrade: "Stop Kong nodes of cluster X"; measured: the command returns
        before the process is gone, in 11 of 11 stops.
    """

    version: str
    """What they run, for starting them again."""
    gone_within_s: float = attrs.field(default=120.0, converter=float)
    """How long a process is given to end."""
    downtime_s: float = attrs.field(default=0.0, converter=float)
    """How long nobody is expected to answer; 0 where others have the traffic."""
    ahead: bool = False
    """Whether they go before those are there that replace them, so that fewer serve meanwhile."""

    needs_of_side: ClassVar[tuple[str, ...]] = ("nodes",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Stop {len(self.nodes)} node(s) of the {self.side} cluster"

    @property
    def reversibility(self) -> Reversibility:
        """They are started again."""
        return Reversibility.COMPENSATED

    @property
    def effect(self) -> Effect:
        """Its Admin API ends with it."""
        traffic = self.downtime_s > 0
        return Effect(administration=True, traffic=traffic, downtime_s=self.downtime_s)

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Stop those that run.

        Raises:
            StepFailedError: A process does not end in time.
        """

        def end(node: str) -> None:
            _, runner = runner_of(self.cluster(adapters), node, self.id)
            if self._runs(runner):
                runner.run(self.argv("quit"), timeout_s=COMMAND_S)

        for nodes in self.groups(adapters):
            list(self.each(adapters, nodes, end))
            self._wait(adapters, nodes)
        return Done(note=", ".join(self.nodes))

    def _wait(self, adapters: Adapters, nodes: Sequence[str]) -> None:
        waited_s = 0.0
        while left := self._left(adapters, nodes):
            if waited_s >= self.gone_within_s:
                reason = f"node {left[0]} still runs after {self.gone_within_s:g} s."
                raise StepFailedError(self.id, reason, "End it by hand, then resume.")
            adapters.clock.sleep(_POLL_S)
            waited_s += _POLL_S
            nodes = left

    def _left(self, adapters: Adapters, nodes: Sequence[str]) -> tuple[str, ...]:
        """Those that still run."""

        def runs(node: str) -> bool:
            return self._runs(runner_of(self.cluster(adapters), node, self.id)[1])

        return tuple(node for node, there in self.each(adapters, nodes, runs) if there)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """No process is left."""
        for node in self._left(adapters, self.nodes):
            yield self.obstacle(
                "node-still-runs", f"Node {node} still runs.", "End it by hand, then resume."
            )

    def undo(self, past: Past) -> Step | None:
        """Start them again."""
        return StartNodes(
            id=f"undo-{self.id}",
            guide=self.guide,
            side=self.side,
            nodes=self.nodes,
            program=self.program,
            configuration=self.configuration,
            version=self.version,
        )


@attrs.frozen(kw_only=True)
class NoConnections(PlannedStep):
    """Wait until nobody is connected to the database any more.

    Source:
        guide, In-place upgrade: "Stop Kong nodes of cluster X but keep the database running".
    """

    within_s: float = attrs.field(default=60.0, converter=float)
    """How long is waited for that."""

    needs_of_side = ("database",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Wait until nobody uses the database of the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Look until the last one is gone, or the time is over."""
        database = present(self.cluster(adapters).database, "database", self.id)
        waited_s = 0.0
        while database.facts().connections and waited_s < self.within_s:
            adapters.clock.sleep(_POLL_S)
            waited_s += _POLL_S
        return Done()

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nobody is connected."""
        database = present(self.cluster(adapters).database, "database", self.id)
        if count := database.facts().connections:
            yield self.obstacle(
                "database-in-use",
                f"{count} session(s) of others are on the database: a node that still runs would"
                " work on a schema that is not its own.",
                "Find them in pg_stat_activity and end them, then resume.",
            )
