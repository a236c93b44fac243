"""The configuration of nodes without a database: loading it, and that all have the same."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import attrs

from kong_lts.errors import StepFailedError
from kong_lts.events import Done, Past
from kong_lts.findings import Finding, Severity
from kong_lts.nodes.running import COMMAND_S, NodesStep, status_text
from kong_lts.protocols import Adapters, AdminApi
from kong_lts.step import own_outcome, present, runner_of

__all__ = ["CompareConfiguration", "ReloadNodes", "ValidateDeclarative"]

_PARSED = "parse successful"
_MOST_SAID = 500
_POLL_S = 0.25


def _hashes(admin: AdminApi, nodes: Sequence[str]) -> dict[str, str]:
    """The hash of what each node has loaded; those that tell none are left out."""
    told = {node: admin.status(node).configuration_hash for node in nodes}
    return {node: found for node, found in told.items() if found is not None}


@attrs.frozen(kw_only=True)
class _Compared(NodesStep):
    """Nodes that must all have loaded the same configuration."""

    def _same(self, admin: AdminApi, as_before: str = "") -> Iterator[Finding]:
        found = _hashes(admin, self.nodes)
        if untold := [node for node in self.nodes if node not in found]:
            yield self.obstacle(
                "configuration-untold",
                f"{len(untold)} node(s) do not tell the hash of their configuration,"
                f" {untold[0]} for one.",
                "Compare the file that each node loads by hand.",
                severity=Severity.WARNING,
            )
        wanted = {as_before} if as_before and found else set(found.values())
        if len({*wanted, *found.values()}) > 1:
            shown = ", ".join(f"{node}: {told[:8]}" for node, told in list(found.items())[:5])
            yield self.obstacle(
                "configuration-differs",
                f"The nodes have not all loaded the same configuration ({shown}).",
                "Find out who changed it, and load the same file on all of them.",
            )


@attrs.frozen(kw_only=True)
class ReloadNodes(_Compared):
    """Let nodes without a database load their kong.yml anew, and see that all have the same.

    Source:
        guide, DB-less mode: "changes being made to the kong.yaml and then reloading".
    """

    version: str
    """What the nodes run."""
    ready_within_s: float = attrs.field(default=120.0, converter=float)
    """How long a node is given."""

    attempts: ClassVar[int] = 3

    @property
    def title(self) -> str:
        """What it does."""
        return f"Reload {len(self.nodes)} node(s) of the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Reload each, and wait until it is ready again.

        Raises:
            StepFailedError: A node is not ready in time.
        """
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        for node in self.nodes:
            _, runner = runner_of(self.cluster(adapters), node, self.id)
            runner.run(self.argv("reload"), timeout_s=COMMAND_S)
            waited_s = 0.0
            while wrong := status_text(admin, node, self.version):
                if waited_s >= self.ready_within_s:
                    reason = f"node {node} is not ready after {self.ready_within_s:g} s: {wrong}."
                    raise StepFailedError(self.id, reason, "Look at its error.log, then resume.")
                adapters.clock.sleep(_POLL_S)
                waited_s += _POLL_S
        return Done(note=", ".join(self.nodes))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Each is ready, and all have loaded the same."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        for node in self.nodes:
            if wrong := status_text(admin, node, self.version):
                yield self.obstacle(
                    "node-not-ready", f"Node {node}: {wrong}.", "Look at its error.log."
                )
                return
        yield from self._same(admin)


@attrs.frozen(kw_only=True)
class ValidateDeclarative(NodesStep):
    """Let 3.4 itself parse the converted kong.yml on new nodes, before any of them loads it.

    Source:
        guide, Rolling upgrade, step 4: "validate the compatibility of Kong configuration data";
        measured on 3.4.2: `kong config parse` needs no running node and knows the plugins that are
        installed; a file that it takes may still have a route that the router does not.
    """

    path: str
    """Of the converted file on each of the nodes."""

    needs_of_side: ClassVar[tuple[str, ...]] = ("nodes",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Validate the converted {self.path} with 3.4's own parser"

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Nothing but a look, which `verify` takes."""
        return Done(note=", ".join(self.nodes))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Each node says that it parsed the file; its exit status alone is not believed."""
        conf = ["-c", self.configuration] if self.configuration else []
        for node in self.nodes:
            _, runner = runner_of(self.cluster(adapters), node, self.id)
            argv = [*self.program, "config", "parse", self.path, *conf]
            parsed = runner.run(argv, timeout_s=COMMAND_S, statuses=(0, 1))
            if parsed.status != 0 or _PARSED not in parsed.stdout:
                said = " ".join((parsed.stderr or parsed.stdout).split())[-_MOST_SAID:]
                yield self.obstacle(
                    "declarative-not-loadable",
                    f"Node {node} does not take {self.path}: {said or 'it says nothing'}",
                    "Convert the file anew (`kong_lts.declarative.convert`), put it on the node,"
                    " then resume.",
                )


@attrs.frozen(kw_only=True)
class CompareConfiguration(_Compared):
    """See that all nodes have the same configuration, and the one that they had before.

    Source:
        guide, Rolling upgrade, step 1: "critical to guarantee the data consistency".
    """

    since: str | None = None
    """Id of an earlier look at the same nodes."""

    needs_of_side: ClassVar[tuple[str, ...]] = ("admin",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Compare the configuration of {len(self.nodes)} node(s) of the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Note what they have loaded."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        return Done(note=next(iter(_hashes(admin, self.nodes).values()), ""))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """All have the same, and nobody has changed it since."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        before = own_outcome(past, self.since or "", Done)
        yield from self._same(admin, before.note if before else "")
