"""The guard over current data planes, which must stay as they are until they are replaced."""

from collections.abc import Iterator
from typing import ClassVar

import attrs

from kong_lts.errors import AdminApiError
from kong_lts.events import DataPlaneSeen, DataPlanesSeen, Past
from kong_lts.findings import Finding, Severity
from kong_lts.nodes.running import NodesStep, wrong_with
from kong_lts.protocols import Adapters, AdminApi
from kong_lts.step import own_outcome, present

__all__ = ["GuardDataPlanes"]

_KEEP = "Stop whatever restarts it (updates, autoscaling, rollouts)"


@attrs.frozen(kw_only=True)
class GuardDataPlanes(NodesStep):
    """See that the current data planes still serve as what they are, and note how they are.

    From there on every step of a run first looks whether they are still so.

    Source:
        guide, Hybrid mode, step 1: "while DP nodes are still serving requests"; measured: a 2.8
        data plane is refused by a 3.4 control plane, and one that restarts has only its cache.
    """

    version: str
    """What they run."""
    since: str | None = None
    """Id of an earlier look, which they are compared with; None for the first one."""

    needs_of_side: ClassVar[tuple[str, ...]] = ("admin",)

    @property
    def title(self) -> str:
        """What it does."""
        noted = ", and note what they have loaded" if self.since is None else ""
        return f"See that {len(self.nodes)} current data plane(s) still serve{noted}"

    def run(self, adapters: Adapters, past: Past) -> DataPlanesSeen:
        """Note how they are; one that does not answer is left to `verify`."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        looks = self.each(adapters, self.nodes, lambda node: _seen(admin, node))
        return DataPlanesSeen(nodes=tuple(seen for _, seen in looks if seen is not None))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Each of them answers, and is what it was."""
        noted = own_outcome(past, self.since or self.id, DataPlanesSeen)
        if noted is None:
            yield self.obstacle("data-planes-not-noted", "Nobody has looked at them.", "Resume.")
            return
        yield from self.changes(adapters, noted)

    def changes(self, adapters: Adapters, noted: DataPlanesSeen) -> Iterator[Finding]:
        """What is not with them as it was noted."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        before = {seen.name: seen for seen in noted.nodes}
        looks = self.each(adapters, self.nodes, lambda node: _look(admin, node, self.version))
        for node, (wrong, now) in looks:
            if wrong or now is None:
                yield self.obstacle(
                    "data-plane-lost",
                    f"Data plane {node} does not serve as it did: {wrong}.",
                    f"Start it from its cache. {_KEEP}, then resume.",
                )
            elif node in before:
                yield from self._changed(before[node], now)

    def _changed(self, before: DataPlaneSeen, now: DataPlaneSeen) -> Iterator[Finding]:
        """What is not as it was noted with one that serves."""
        if before.configuration != now.configuration:
            yield self.obstacle(
                "data-plane-configuration-lost",
                f"Data plane {now.name} has loaded {_shown(now)}, and had {_shown(before)}.",
                "See who changed it, and whether its cache was there when it started."
                f" {_KEEP}; give it the configuration that it had, then resume.",
            )
        elif now.is_another_process(before):
            yield self.obstacle(
                "data-plane-restarted",
                f"Data plane {now.name} was restarted or reloaded since it was first looked at.",
                f"It serves from its cache, and without one it would serve nothing. {_KEEP}.",
                severity=Severity.WARNING,
            )


def _seen(admin: AdminApi, node: str) -> DataPlaneSeen | None:
    """How a node is; None where it does not answer."""
    return _look(admin, node, "")[1]


def _look(admin: AdminApi, node: str, version: str) -> tuple[str, DataPlaneSeen | None]:
    """What keeps a node from serving as *version*, empty when nothing does; and how it is."""
    try:
        status = admin.status(node)
    except AdminApiError as exc:
        return str(exc), None
    seen = DataPlaneSeen(
        name=node,
        configuration=status.configuration_hash or "",
        requests=status.requests,
        workers=status.workers,
    )
    return wrong_with(status, version), seen


def _shown(seen: DataPlaneSeen) -> str:
    return (
        f"configuration {seen.configuration[:8]}" if seen.configuration else "one it does not tell"
    )
