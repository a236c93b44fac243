"""What must be so in hybrid mode before any step acts."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

from kong_lts.deployment import Deployment, NodeRole, Side
from kong_lts.errors import AdminApiError, VersionError
from kong_lts.events import DataPlanesSeen, Past
from kong_lts.findings import Finding, Severity
from kong_lts.nodes.data_planes import GuardDataPlanes
from kong_lts.nodes.running import StartNodes, StopNodes
from kong_lts.protocols import Adapters, AdminApi
from kong_lts.step import Step, own_outcome
from kong_lts.versions import KongVersion

__all__ = ["hybrid_guards"]

_REFUSED = "kong_version_incompatible"
_RECENT_S = 120.0
"""A data plane that is refused tries again every few seconds; an older row is history."""
_MOST_NAMES = 5


def hybrid_guards(
    deployment: Deployment,
    steps: Sequence[Step],
    step: Step,
    adapters: Adapters,
    past: Past,
    begun: Collection[str],
) -> Iterator[Finding]:
    """What stands against any step of a hybrid upgrade; nothing in another mode.

    A current data plane that was not taken away yet serves what it served when it was first looked
    at; a control plane is never older than a data plane; none is where it would be refused.

    Args:
        deployment: What is upgraded.
        steps: Of the plan.
        step: The one that is about to act.
        adapters: Reach the nodes.
        past: Outcomes of the steps before.
        begun: Ids of the steps whose effect was begun.

    Source:
        guide, Hybrid mode; measured on 2.8.5 and 3.4.2: each refuses data planes of the other.
    """
    first = next((other for other in steps if isinstance(other, GuardDataPlanes)), None)
    if first is None:
        return
    gone, started = _moved(steps, step, set(begun))
    left = tuple(node for node in first.nodes if node not in gone)
    guard = attrs.evolve(first, id=step.id, guide=step.guide, nodes=left)
    if (noted := own_outcome(past, first.id, DataPlanesSeen)) is not None:
        yield from guard.changes(adapters, noted)
    for side in Side:
        cluster, admin = deployment.cluster(side), adapters.of(side).admin
        if cluster is None or admin is None:
            continue
        planes = {n.name for n in cluster.nodes if n.role is NodeRole.CONTROL_PLANE}
        running = planes - gone if side is Side.CURRENT else planes & started
        needed = side is Side.NEW and bool(started - planes)
        if running or needed:
            look = _Look(guard=guard, side=side, version=str(cluster.version), admin=admin)
            yield from look.control_planes(sorted(running), needed=needed)
            yield from look.data_planes(adapters.clock.now().timestamp())


def _moved(steps: Sequence[Step], step: Step, begun: Collection[str]) -> tuple[set[str], set[str]]:
    """Current nodes that a step has stopped, or is about to; new nodes that one has started."""
    gone: set[str] = set()
    started: set[str] = set()
    for other in steps:
        if isinstance(other, StopNodes) and other.side is Side.CURRENT:
            gone |= set(other.nodes if other.id in begun or other.id == step.id else ())
        elif isinstance(other, StartNodes) and other.side is Side.NEW and other.id != step.id:
            started |= set(other.nodes if other.id in begun else ())
    return gone, started


@attrs.frozen(kw_only=True)
class _Look:
    """A look at the control planes of one side."""

    guard: GuardDataPlanes
    side: Side
    version: str
    admin: AdminApi

    def control_planes(self, nodes: Sequence[str], *, needed: bool) -> Iterator[Finding]:
        """None of them is older than its data planes; one answers, where data planes need it."""
        told = dict(self._versions(nodes))
        for node, version in told.items():
            if _is_newer(self.version, version):
                yield self.guard.obstacle(
                    "control-plane-older",
                    f"Control plane {node} runs {version}, and its data planes {self.version}.",
                    "Bring the control planes up to the version of their data planes, then resume.",
                )
        if needed and not told:
            yield self.guard.obstacle(
                "control-plane-gone",
                f"The {self.side} cluster has data planes, and none of its control planes answers.",
                "Start them: a data plane that starts now gets no configuration. Then resume.",
            )

    def _versions(self, nodes: Sequence[str]) -> Iterator[tuple[str, str]]:
        for node in nodes:
            try:
                yield node, self.admin.status(node).version
            except AdminApiError:
                continue  # whether one is enough, whoever asks decides

    def data_planes(self, now: float) -> Iterator[Finding]:
        """None of those that reach it is refused, or newer."""
        try:
            rows = self.admin.entities("clustering/data-planes")
        except AdminApiError as exc:
            yield self.guard.obstacle(
                "data-planes-not-listed",
                f"The {self.side} control plane does not list its data planes: {exc}.",
                "See by hand that each data plane is at a control plane of its own release.",
                severity=Severity.WARNING,
            )
            return
        wrong = sorted(_shown(row) for row in rows if self._is_refused(row, now))
        if wrong:
            more = f" and {len(wrong) - _MOST_NAMES} more" if len(wrong) > _MOST_NAMES else ""
            yield self.guard.obstacle(
                "data-plane-refused",
                f"The {self.side} control plane of {self.version} refuses"
                f" {', '.join(wrong[:_MOST_NAMES])}{more}.",
                "Point each back at a control plane of its own release, and restart none: it"
                " serves what it has in memory. Then resume.",
            )

    def _is_refused(self, row: Mapping[str, object], now: float) -> bool:
        seen = row.get("last_seen")
        if not isinstance(seen, int | float) or now - seen > _RECENT_S:
            return False
        newer = _is_newer(str(row.get("version") or ""), self.version)
        return newer or row.get("sync_status") == _REFUSED


def _shown(row: Mapping[str, object]) -> str:
    return f"{row.get('hostname') or 'a data plane'} ({row.get('version') or 'unknown version'})"


def _is_newer(version: str, other: str) -> bool:
    """By major and minor, as Kong compares them; what is no version is not newer."""
    if version == other:  # as nearly always, of thousands of data planes
        return False
    try:
        newer, than = (KongVersion.parse(text).parts[:2] for text in (version, other))
    except VersionError:
        return False
    return newer > than
