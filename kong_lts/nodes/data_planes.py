"""The guard over current data planes, which must stay as they are until they are replaced."""

from collections.abc import Iterator
from typing import ClassVar

import attrs

from kong_lts.events import Done, Past
from kong_lts.findings import Finding
from kong_lts.nodes.running import NodesStep, status_text
from kong_lts.protocols import Adapters
from kong_lts.step import present

__all__ = ["GuardDataPlanes"]


@attrs.frozen(kw_only=True)
class GuardDataPlanes(NodesStep):
    """See that the current data planes still serve as what they are, before anything goes on.

    Source:
        guide, Hybrid mode, step 1: "while DP nodes are still serving requests"; measured: a 2.8
        data plane is refused by a 3.4 control plane, and one that restarts has only its cache.
    """

    version: str
    """What they run."""

    needs_of_side: ClassVar[tuple[str, ...]] = ("admin",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"See that {len(self.nodes)} current data plane(s) still serve"

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Nothing but a look, which `verify` takes."""
        return Done(note=", ".join(self.nodes))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Each of them answers, and is what it was."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        for node in self.nodes:
            if wrong := status_text(admin, node, self.version):
                yield self.obstacle(
                    "data-plane-lost",
                    f"Data plane {node} does not serve as it did: {wrong}.",
                    "Start it from its cache, and stop whatever restarts it, then resume.",
                )
