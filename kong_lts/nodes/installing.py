"""Installing nodes: by a person or a tool of the caller's own, and then looked at."""

import re
from collections.abc import Iterator, Sequence

import attrs

from kong_lts.errors import ProcessError
from kong_lts.events import Past
from kong_lts.findings import Finding, Severity
from kong_lts.nodes.by_hand import DoByHand
from kong_lts.nodes.running import COMMAND_S
from kong_lts.protocols import Adapters, ClusterAdapters, ProcessRunner
from kong_lts.step import runner_of

__all__ = ["InstallNodes"]

_VERSION = re.compile(r"\d+(?:\.\d+){2,3}")
_MEMORY = re.compile(r"^MemTotal:\s+(\d+) kB$", re.MULTILINE)
_TOLERANCE = 0.95
"""Two machines of one size differ a little in the memory that the kernel leaves."""


@attrs.frozen(kw_only=True)
class _Capacity:
    """What some nodes have together."""

    nodes: int = 0
    cpus: int = 0
    memory_kib: int = 0

    def per_node(self) -> "_Capacity":
        """The mean of them."""
        count = max(self.nodes, 1)
        return _Capacity(nodes=1, cpus=self.cpus // count, memory_kib=self.memory_kib // count)


@attrs.frozen(kw_only=True)
class InstallNodes(DoByHand):
    """Have nodes installed, and see that they have the right version and the capacity they need.

    Source:
        guide, Dual-cluster upgrade, step 1: "the same capacity and resources as the existing
        cluster".
    """

    nodes: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    """Their names."""
    version: str
    """What is installed."""
    program: tuple[str, ...] = ("kong",)
    """How kong is called on a node."""
    as_large_as: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """Current nodes that they are compared with; nobody is compared where it is empty."""
    together: bool = True
    """Whether all of them have to be as large as all of those; otherwise node by node."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Where the commands run that look."""
        return (f"{self.side}.nodes", *(["current.nodes"] if self.as_large_as else []))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Each has the version, and together they are large enough."""
        yield from super().verify(adapters, past)
        for node in self.nodes:
            yield from self._version(adapters, node)
        if self.as_large_as:
            yield from self._large_enough(adapters)

    def _version(self, adapters: Adapters, node: str) -> Iterator[Finding]:
        _, runner = runner_of(self.cluster(adapters), node, self.id)
        try:
            said = runner.run([*self.program, "version"], timeout_s=COMMAND_S).stdout
        except ProcessError as exc:
            found = f"`kong version` fails: {exc}"
        else:
            version = _VERSION.search(said)
            if version is not None and version[0] == self.version:
                return
            found = f"it is {version[0] if version else said.strip() or 'nothing'}"
        yield self.obstacle(
            "not-installed",
            f"Node {node} has not got {self.version}: {found}.",
            "Install it, then resume.",
        )

    def _large_enough(self, adapters: Adapters) -> Iterator[Finding]:
        wanted = _measured(adapters.current, self.as_large_as, self.id)
        found = _measured(self.cluster(adapters), self.nodes, self.id)
        if wanted is None or found is None:
            yield self.obstacle(
                "capacity-unknown",
                "CPU and memory of the nodes could not be compared.",
                "Compare them by hand.",
                severity=Severity.WARNING,
            )
            return
        if self.together and found.nodes < wanted.nodes:
            yield self.obstacle(
                "fewer-nodes",
                f"There are {found.nodes} new nodes for {wanted.nodes} current ones.",
                "One that fails is a larger part of them; see that this is meant.",
                severity=Severity.WARNING,
            )
        yield from self._smaller(
            *((wanted, found) if self.together else (wanted.per_node(), found.per_node()))
        )

    def _smaller(self, wanted: _Capacity, found: _Capacity) -> Iterator[Finding]:
        who = "The new nodes have" if self.together else "A new node has"
        lacking = {
            f"{found.cpus} CPUs, not {wanted.cpus}": found.cpus < wanted.cpus,
            f"{found.memory_kib >> 10} MiB of memory, not {wanted.memory_kib >> 10}": (
                found.memory_kib < wanted.memory_kib * _TOLERANCE
            ),
        }
        for text, lacks in lacking.items():
            if lacks:
                yield self.obstacle(
                    "capacity-smaller",
                    f"{who} {text}.",
                    "Give them the size of the current ones, or plan without `same_capacity`.",
                )


def _measured(cluster: ClusterAdapters, nodes: Sequence[str], step: str) -> _Capacity | None:
    """What some nodes have together; None where one of them does not say."""
    cpus = memory_kib = 0
    for node in nodes:
        _, runner = runner_of(cluster, node, step)
        try:
            count, memory = _of_one(runner)
        except (ProcessError, ValueError):
            return None
        cpus, memory_kib = cpus + count, memory_kib + memory
    return _Capacity(nodes=len(nodes), cpus=cpus, memory_kib=memory_kib)


def _of_one(runner: ProcessRunner) -> tuple[int, int]:
    """CPUs and memory of one node.

    Raises:
        ProcessError: It cannot be asked.
        ValueError: It answers something else.
    """
    memory = _MEMORY.search(runner.run(["cat", "/proc/meminfo"], timeout_s=COMMAND_S).stdout)
    if memory is None:
        raise ValueError("no MemTotal")
    return int(runner.run(["nproc"], timeout_s=COMMAND_S).stdout), int(memory[1])
