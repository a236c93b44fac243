"""The steps of a rolling upgrade of nodes without a database, in the guide's order."""

from collections.abc import Iterator, Sequence

import attrs

from kong_lts.backup import BackupLayout, SaveDeclarative
from kong_lts.deployment import Cluster, Deployment, DeploymentMode, NodeRole, Side
from kong_lts.errors import PlanError
from kong_lts.nodes import CompareConfiguration, InstallNodes, ReloadNodes, ValidateDeclarative
from kong_lts.smoke_test import SmokeTest, StagingTest
from kong_lts.step import Step
from kong_lts.strategies import backups, shared
from kong_lts.strategies.settings import Settings
from kong_lts.traffic import DivertTraffic

__all__ = ["replacement", "steps"]

_GUIDE = "Rolling upgrade, step"
_COMPARE = "compare-configuration"
_MOST_NAMES = 5


def steps(deployment: Deployment, new: Cluster, settings: Settings) -> tuple[Step, ...]:
    """The whole upgrade of DB-less nodes, or of Konnect data planes.

    Args:
        deployment: In DB-less or Konnect mode.
        new: The nodes it becomes.
        settings: What the plan's maker decides.

    Source:
        guide, Rolling upgrade, steps 1 to 8.
    """
    db_less = deployment.mode is DeploymentMode.DB_LESS
    return (
        *_preparation(deployment, settings, db_less=db_less),
        *replacement(deployment.current, new, settings, guide=_GUIDE, db_less=db_less),
        *_completion(new, settings, db_less=db_less),
    )


def _preparation(deployment: Deployment, settings: Settings, *, db_less: bool) -> Iterator[Step]:
    """Steps 1 to 3: stop updates, back up, evaluate."""
    yield shared.by_hand(
        shared.STOP,
        f"{_GUIDE} 1",
        Side.CURRENT,
        "Stop every configuration update",
        "No POST /config, no push of kong.yml, no change on the control plane, until the end.",
    )
    if db_less:
        yield CompareConfiguration(
            id=_COMPARE,
            guide=f"{_GUIDE} 1",
            side=Side.CURRENT,
            nodes=shared.without_database(deployment.current.nodes),
        )
        yield _save_declarative(deployment, settings)
    yield backups.back_up_files(deployment, settings, f"{_GUIDE} 2")
    if settings.files or (db_less and settings.kong_yml):
        yield backups.verify_backup(deployment, settings, f"{_GUIDE} 2")
    yield shared.evaluate(f"{_GUIDE} 3")
    if db_less:
        yield shared.by_hand(
            "convert-declarative",
            f"{_GUIDE} 3",
            Side.NEW,
            "Convert kong.yml for the new nodes",
            "`kong_lts.declarative.convert` writes it. Keep the current file for the current nodes:"
            " 2.8 does not read the converted one.",
        )


def _save_declarative(deployment: Deployment, settings: Settings) -> Step:
    """kong.yml of the current nodes; decK is not for DB-less ones."""
    if settings.kong_yml is None:
        return shared.by_hand(
            "back-up-declarative",
            f"{_GUIDE} 2",
            Side.CURRENT,
            "Save a copy of kong.yml",
            "Copy the very file that each node loads, and compare its hash on all nodes. decK is"
            " not for DB-less nodes.",
        )
    return SaveDeclarative(
        id="back-up-declarative",
        guide=f"{_GUIDE} 2",
        side=Side.CURRENT,
        folder=BackupLayout(settings.backup_folder).unfinished.kong_yml,
        nodes=tuple(node.name for node in deployment.current.nodes),
        path=settings.kong_yml,
    )


def replacement(
    current: Cluster, new: Cluster, settings: Settings, *, guide: str, db_less: bool = False
) -> Iterator[Step]:
    """Steps 4 to 7: one new node first, then batch by batch, each with its share of the traffic.

    New nodes come before current ones go, so that there are never fewer than before, unless the
    settings add none.

    Args:
        current: Its nodes without a control plane are replaced.
        new: The nodes that replace them.
        settings: Ramp, gates, probes, and the limits of a batch.
        guide: Section, without the number.
        db_less: Whether each node loads a kong.yml of its own.

    Raises:
        PlanError: Neither a node more nor a node fewer is allowed.
    """
    made = _Replacement(current=current, new=new, settings=settings, guide=guide, db_less=db_less)
    yield from made.steps()


@attrs.frozen(kw_only=True)
class _Replacement:
    """Nodes of one cluster by nodes of another."""

    current: Cluster
    new: Cluster
    settings: Settings
    guide: str
    db_less: bool

    def steps(self) -> Iterator[Step]:
        """Batch by batch."""
        old, fresh = shared.without_database(self.current.nodes), self._fresh
        ahead = self.settings.surge == 0
        before = stopped = started = 0
        for number, batch in enumerate(_batches(fresh, self._batch_size()), start=1):
            already, started = started, started + len(batch)
            leaving = old[stopped : len(old) * started // len(fresh)]
            compared = old if self.db_less and not stopped else ()
            stopped += len(leaving)
            going = tuple(self._going(number, leaving, compared))
            if ahead and leaving:
                relief = self._relief(number, before, already, len(old) - stopped)
                yield from (*relief, *going)
                before = max((step.new_percent for step in relief), default=before)
            yield from self._new_nodes(number, batch, fresh[:started])
            percent = max(1, 100 * started // len(fresh))
            yield from self._share(before, percent, alone=ahead and stopped == len(old))
            before = percent
            if not ahead:
                yield from going

    @property
    def _fresh(self) -> tuple[str, ...]:
        return shared.without_database(self.new.nodes)

    def _batch_size(self) -> int:
        """How many nodes are replaced at once."""
        settings = self.settings
        if settings.surge == 0:
            if not settings.unavailable:
                reason = (
                    "A rolling upgrade needs a node more (surge) or a node fewer (unavailable)."
                )
                raise PlanError(reason)
            return settings.unavailable
        return settings.surge or max(1, len(self._fresh) // 4)

    # --- current nodes --------------------------------------------------------------------------

    def _going(
        self, number: int, leaving: Sequence[str], compared: Sequence[str]
    ) -> Iterator[Step]:
        """Nodes that go; before the first of them, whatever was changed would go with it."""
        if not leaving:
            return
        if compared:
            yield CompareConfiguration(
                id=f"{_COMPARE}-again",
                guide=f"{self.guide} 1",
                side=Side.CURRENT,
                nodes=compared,
                since=_COMPARE,
            )
        yield shared.stop(
            f"stop-batch-{number}",
            f"{self.guide} 7",
            self.current,
            leaving,
            self.settings,
            ahead=self.settings.surge == 0,
        )

    def _relief(
        self, number: int, before: int, new: int, current: int
    ) -> tuple[DivertTraffic, ...]:
        """Before nodes go that nobody has replaced yet: their share, to those that stay."""
        percent = 100 * new // (new + current)
        if percent <= before:
            return ()
        return (
            DivertTraffic(
                id=f"relieve-batch-{number}",
                guide=f"{self.guide} 6",
                side=Side.NEW,
                new_percent=percent,
                before_percent=before,
            ),
        )

    # --- new nodes ------------------------------------------------------------------------------

    def _new_nodes(
        self, number: int, batch: Sequence[str], so_far: Sequence[str]
    ) -> Iterator[Step]:
        """Nodes of one batch: installed, started and loaded; the very first one tested."""
        yield self._installed(number, batch)
        if number == 1 and self.db_less:
            yield self._validated(batch[0])
        planes = tuple(n.name for n in self.new.nodes if n.role is NodeRole.CONTROL_PLANE)
        yield shared.start(
            f"start-batch-{number}",
            f"{self.guide} 5",
            Side.NEW,
            self.new,
            batch,
            self.settings,
            control_planes=planes,
        )
        if self.db_less:
            yield self._loaded(number, so_far)
        if number == 1:
            yield from self._tested()

    def _installed(self, number: int, batch: Sequence[str]) -> Step:
        settings, current = self.settings, shared.without_database(self.current.nodes)
        return InstallNodes(
            id=f"install-batch-{number}",
            guide=f"{self.guide} {4 if number == 1 else 5}",
            side=Side.NEW,
            what=f"Install {_listed(batch)} with {self.new.version}",
            instructions=f"Same size as a current node, with the new kong.conf{self._source()};"
            " do not start it.",
            nodes=tuple(batch),
            version=str(self.new.version),
            program=settings.program,
            as_large_as=current[:1] if settings.same_capacity else (),
            together=False,
        )

    def _source(self) -> str:
        """Where a new node has its configuration from."""
        if self.db_less:
            return " and the converted kong.yml"
        if any(node.role is NodeRole.CONTROL_PLANE for node in self.new.nodes):
            return ", whose `cluster_control_plane` is a new control plane"
        return " and the addresses and the certificate by which a current one reaches Konnect"

    def _validated(self, node: str) -> Step:
        """The converted file, by the first new node, before it is started with it."""
        name, guide, path = "validate-declarative", f"{self.guide} 4", self.settings.kong_yml
        if path is None:
            return shared.by_hand(
                name,
                guide,
                Side.NEW,
                "Validate the converted kong.yml",
                "By hand, since the plan does not know where it is (`Settings.kong_yml`). Run `kong"
                " config parse` of 3.4 with it on the new node, or `deck file validate`; only the"
                " former knows the plugins that are installed.",
            )
        return ValidateDeclarative(
            id=name,
            guide=guide,
            side=Side.NEW,
            nodes=(node,),
            path=path,
            program=self.settings.program,
            configuration=self.settings.configuration,
        )

    def _loaded(self, number: int, nodes: Sequence[str]) -> Step:
        """The converted kong.yml, the same on every new node so far."""
        return ReloadNodes(
            id=f"reload-batch-{number}",
            guide=f"{self.guide} 5",
            side=Side.NEW,
            nodes=tuple(nodes),
            program=self.settings.program,
            configuration=self.settings.configuration,
            version=str(self.new.version),
        )

    def _tested(self) -> Iterator[Step]:
        """The very first new node."""
        settings, guide = self.settings, f"{self.guide} 4"
        yield from shared.debug_header(settings, self.new, guide)
        yield from shared.check_routes(settings, guide)
        yield from shared.record(settings, guide)
        yield shared.test(
            StagingTest, "staging-test", guide, settings, "before it gets any traffic"
        )
        yield from shared.test_routes(guide, settings)
        yield from shared.compare(settings, guide)

    def _share(self, before: int, percent: int, *, alone: bool) -> Iterator[Step]:
        """The new nodes' share, and a watch over it; *alone* without a current node."""
        settings, guide = self.settings, f"{self.guide} 6"
        if not before:
            yield shared.check_metrics(settings, guide)
        diverted = DivertTraffic(
            id=f"divert-{percent}",
            guide=guide,
            side=Side.NEW,
            new_percent=percent,
            keeps_clients=bool(settings.sessions),
            keeps_hosts=settings.session_hosts,
            mixed_window_s=shared.window_that_ends(settings),
            before_percent=before,  # the way back too: no more current nodes run than for it
        )
        yield diverted
        watch = shared.watch_stage(diverted, settings, guide, settings.ramp[0].bake_s)
        yield attrs.evolve(watch, needs_current=False) if alone else watch


def _listed(names: Sequence[str]) -> str:
    """The nodes of a batch, the first few by name."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _batches(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """One node first; then batches."""
    yield names[:1]
    for at in range(1, len(names), size):
        yield names[at : at + size]


def _completion(new: Cluster, settings: Settings, *, db_less: bool) -> Iterator[Step]:
    """Step 8: smoke test, resume updates, keep watching."""
    yield shared.test(
        SmokeTest, "smoke-test", "Perform upgrade, step 3", settings, "now that it has all traffic"
    )
    yield from shared.debug_header(settings, new, "Perform upgrade, step 3", on=False)
    if db_less:
        yield CompareConfiguration(
            id=f"{_COMPARE}-new",
            guide=f"{_GUIDE} 8",
            side=Side.NEW,
            nodes=shared.without_database(new.nodes),
        )
    yield shared.by_hand(
        shared.RESUME,
        f"{_GUIDE} 8",
        Side.NEW,
        "Resume configuration updates",
        "The current nodes are gone; from here on only the converted kong.yml is changed."
        if db_less
        else "The current nodes are gone; changes on the control plane may go on.",
    )
    yield shared.watch_afterwards(settings, f"{_GUIDE} 8")
