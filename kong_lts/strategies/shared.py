"""Steps that more than one strategy has; each is told the section of the guide."""

from collections.abc import Iterator, Sequence

import attrs

from kong_lts.backup import CompareDeclarative
from kong_lts.deployment import Cluster, Deployment, Node, NodeRole, Side
from kong_lts.migrations import MigrationsFinish, MigrationsUp
from kong_lts.monitoring import CheckMetrics, Gate, Measure, WatchMetrics, WindowEnd
from kong_lts.nodes import DoByHand, InstallNodes, StartNodes, StopNodes
from kong_lts.smoke_test import (
    AllowDebugHeader,
    CheckRoutes,
    CompareAnswers,
    RecordAnswers,
    SmokeTest,
    StagingTest,
)
from kong_lts.step import Step
from kong_lts.strategies.basics import EVALUATE, RESUME, STOP, by_hand
from kong_lts.strategies.settings import Settings
from kong_lts.traffic import DivertTraffic, ramp

__all__ = [
    "EVALUATE",
    "RESUME",
    "STOP",
    "by_hand",
    "check_metrics",
    "check_routes",
    "compare",
    "compare_with_deck",
    "debug_header",
    "diversion",
    "evaluate",
    "install",
    "migrate",
    "record",
    "start",
    "stop",
    "test",
    "test_routes",
    "watch_afterwards",
    "watch_stage",
    "window_that_ends",
    "with_database",
    "without_database",
]

_RECORD = "record-answers"
_COMPARE_WITH_DECK = "compare-with-deck"


def evaluate(guide: str) -> DoByHand:
    """The review of what changes."""
    return by_hand(
        EVALUATE,
        guide,
        Side.NEW,
        "Evaluate what changes, and prepare kong.conf for 3.4",
        "Go through the assessment's findings. `kong_lts.kong_conf.rewrite` writes the new"
        " kong.conf; put it on the new nodes.",
    )


def install(
    deployment: Deployment, new: Cluster, settings: Settings, guide: str, where: str
) -> InstallNodes:
    """The new nodes that have a database, not started yet."""
    current = with_database(deployment.current.nodes)
    return InstallNodes(
        id="install",
        guide=guide,
        side=Side.NEW,
        what=f"Install a cluster of {new.version} with the capacity of the current one",
        instructions=f"Same number of nodes, CPU and memory; do not start it. {where}",
        nodes=with_database(new.nodes),
        version=str(new.version),
        program=settings.program,
        as_large_as=current if settings.same_capacity else (),
    )


def compare_with_deck(deployment: Deployment, settings: Settings, guide: str) -> Iterator[Step]:
    """The converted files against the migrated cluster, where the plan's maker wants that."""
    if not settings.compare_with_deck:
        return
    if deployment.tools.deck is not None and settings.run_deck:
        yield CompareDeclarative(
            id=_COMPARE_WITH_DECK,
            guide=guide,
            side=Side.NEW,
            folder=settings.backup_folder,
            converted=f"{settings.backup_folder}-converted",
            edition=deployment.current.version.edition,
        )
        return
    why = "the plan may not run decK" if deployment.tools.deck else "the deployment names no decK"
    yield by_hand(
        _COMPARE_WITH_DECK,
        guide,
        Side.NEW,
        "Compare the converted decK files with the new cluster",
        f"By hand, since {why}. Convert each file with `kong_lts.declarative.convert`, then run"
        " `deck gateway diff` and `deck gateway validate` with it, on Enterprise for each workspace"
        " (`--workspace`). What they show is where the files differ from what the migration made."
        " Sync nothing blindly: basic-auth passwords would be lost, paths change their meaning.",
    )


def migrate(settings: Settings, guide: str, *, in_place: bool = False) -> Iterator[Step]:
    """Both migrations of the new cluster's database."""
    conf = ("-c", settings.configuration) if settings.configuration else ()
    yield MigrationsUp(
        id="migrations-up",
        guide=guide,
        side=Side.NEW,
        program=settings.program,
        options=conf,
        in_place=in_place,
        continue_interrupted=settings.continue_interrupted,
    )
    yield MigrationsFinish(
        id="migrations-finish",
        guide=guide,
        side=Side.NEW,
        program=settings.program,
        options=conf,
        in_place=in_place,
    )
    yield by_hand(
        "customize",
        guide,
        Side.NEW,
        "Customize the new cluster's configuration data",
        "Change in the new database what the migrations leave and the evaluation asks for: above"
        " all turn on the prometheus families that the gates read (status_code_metrics,"
        " latency_metrics), which 3.4 leaves off.",
    )


def start(
    name: str,
    guide: str,
    side: Side,
    cluster: Cluster,
    nodes: Sequence[str],
    settings: Settings,
    *,
    control_planes: Sequence[str] = (),
) -> StartNodes:
    """Nodes of one cluster; data planes after their *control_planes*."""
    return StartNodes(
        id=name,
        guide=guide,
        side=side,
        nodes=tuple(nodes),
        program=settings.program,
        configuration=settings.configuration if side is Side.NEW else None,
        version=str(cluster.version),
        control_planes=tuple(control_planes),
    )


def stop(
    name: str,
    guide: str,
    cluster: Cluster,
    nodes: Sequence[str],
    settings: Settings,
    *,
    downtime_s: float = 0.0,
    ahead: bool = False,
) -> StopNodes:
    """Nodes of the current cluster; *downtime_s* until others serve in their place.

    Args:
        name: Id of the step.
        guide: Its section.
        cluster: The current one.
        nodes: Which of its nodes.
        settings: How kong is called.
        downtime_s: How long nobody answers.
        ahead: Whether they go before those are there that replace them.
    """
    return StopNodes(
        id=name,
        guide=guide,
        side=Side.CURRENT,
        nodes=tuple(nodes),
        program=settings.program,
        version=str(cluster.version),
        downtime_s=downtime_s,
        ahead=ahead,
    )


def test(
    kind: type[StagingTest] | type[SmokeTest], name: str, guide: str, settings: Settings, when: str
) -> Step:
    """The probes; where there are none, a person tests, since a test of nothing proves nothing.

    A staging test that fails leads back to the evaluation; a smoke test that fails, to a rollback.
    """
    back = EVALUATE if kind is StagingTest else None
    if settings.probes:
        return kind(
            id=name,
            guide=guide,
            side=Side.NEW,
            probes=settings.probes,
            safe_methods=settings.safe_methods,
            leads_back_to=back,
        )
    asked = by_hand(
        name,
        guide,
        Side.NEW,
        f"Test the new cluster {when}",
        "The plan has no probes. Send requests for all use cases to the new cluster's proxy: does"
        " key-auth authenticate, does every important route answer as before?"
        + (" Say no only if it does not: then this plan is stale." if back else ""),
    )
    return attrs.evolve(asked, leads_back_to=back)


def test_routes(guide: str, settings: Settings) -> Iterator[Step]:
    """The requests whose route changes, to both clusters; no step where there are none."""
    probes = settings.route_probes
    if probes.new:
        yield StagingTest(
            id="staging-test-routes",
            guide=guide,
            side=Side.NEW,
            probes=probes.new,
            current_probes=probes.current,
            leads_back_to=EVALUATE,
        )


def debug_header(
    settings: Settings, new: Cluster, guide: str, *, on: bool = True
) -> Iterator[Step]:
    """Whether the new nodes tell which route answers; no step where no probe asks for that."""
    if probes := settings.asking_for_routes:
        yield AllowDebugHeader(
            id="allow-debug-header" if on else "withdraw-debug-header",
            guide=guide,
            side=Side.NEW,
            probes=probes,
            on=on,
            configuration=settings.configuration or "kong.conf",
            nodes=tuple(node.name for node in new.nodes),
        )


def record(settings: Settings, guide: str) -> Iterator[Step]:
    """What the current cluster answers, while it serves; no step where nothing is compared."""
    if settings.compared:
        yield RecordAnswers(
            id=_RECORD,
            guide=guide,
            side=Side.CURRENT,
            probes=settings.compared,
            safe_methods=settings.safe_methods,
        )


def compare(
    settings: Settings, guide: str, *, leads_back_to: str | None = EVALUATE
) -> Iterator[Step]:
    """The same requests to the new cluster."""
    if settings.compared:
        yield CompareAnswers(
            id="compare-answers",
            guide=guide,
            side=Side.NEW,
            probes=settings.compared,
            safe_methods=settings.safe_methods,
            recorded_by=_RECORD,
            leads_back_to=leads_back_to,
        )


def check_routes(
    settings: Settings, guide: str, *, leads_back_to: str | None = EVALUATE
) -> Iterator[Step]:
    """Whether every route is in the router of the new nodes; no step where nothing can tell."""
    if settings.every_route or settings.error_log:
        yield CheckRoutes(
            id="check-routes",
            guide=guide,
            side=Side.NEW,
            probes=settings.every_route,
            safe_methods=settings.safe_methods,
            error_log=settings.error_log,
            leads_back_to=leads_back_to,
        )


def diversion(settings: Settings, divert: str, watch: str) -> Iterator[Step]:
    """The ramp: each stage is approved where the plan says so, diverted, and watched."""
    diversions = ramp(
        settings.ramp,
        guide=divert,
        keeps_clients=bool(settings.sessions),
        keeps_hosts=settings.session_hosts,
        mixed_window_s=window_that_ends(settings),
    )
    yield check_metrics(settings, watch)
    for stage, diverted in zip(settings.ramp, diversions, strict=True):
        if stage.approval:
            yield _approval(diverted, settings, divert)
        yield diverted
        yield watch_stage(diverted, settings, watch, stage.bake_s)


def _approval(diverted: DivertTraffic, settings: Settings, guide: str) -> Step:
    """The word of a person; with traffic on the new cluster, the gates go on watching meanwhile."""
    name = f"approve-{diverted.new_percent}"
    what = f"Approve that {diverted.new_percent}% of the traffic is diverted"
    if not diverted.before_percent:
        return by_hand(name, guide, Side.NEW, what, "Look at what the staging test has seen.")
    before = watch_stage(
        attrs.evolve(diverted, new_percent=diverted.before_percent), settings, guide, 0
    )
    return attrs.evolve(before, id=name, question=what)


def check_metrics(settings: Settings, guide: str) -> CheckMetrics:
    """Whether the gates will see anything at all."""
    return CheckMetrics(id="check-metrics", guide=guide, side=Side.NEW, gates=settings.gates)


def watch_stage(
    diverted: DivertTraffic, settings: Settings, guide: str, watch_s: float
) -> WatchMetrics:
    """The watch over one share of the traffic, and where it is led back to."""
    log_gates = (Gate(measure=Measure.ROUTER_ERRORS),) if settings.error_log else ()
    back = diverted.undo({}).new_percent
    return WatchMetrics(
        id=f"watch-{diverted.new_percent}",
        guide=guide,
        side=Side.NEW,
        watch_s=watch_s,
        hold_s=settings.hold_s,
        interval_s=settings.watch_interval_s,
        gates=(*settings.gates, *log_gates),
        share_percent=diverted.new_percent,
        back_to_percent=back,
        error_log=settings.error_log,
        mixed_window_s=settings.mixed_window_s if 0 < diverted.new_percent < 100 else None,
        window_end=settings.window_end,
    )


def window_that_ends(settings: Settings) -> float | None:
    """How long a further share may be given, where nobody is asked about the end."""
    return settings.mixed_window_s if settings.window_end is WindowEnd.ROLL_BACK else None


def watch_afterwards(settings: Settings, guide: str, name: str = "watch-afterwards") -> Step:
    """The metrics of the new cluster, when the current one is gone."""
    return WatchMetrics(
        id=name,
        guide=guide,
        side=Side.NEW,
        watch_s=settings.watch_afterwards_s,
        hold_s=settings.hold_s,
        interval_s=settings.watch_interval_s,
        gates=settings.gates,
        needs_current=False,
    )


def with_database(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Names of the nodes that use the database: all but data planes."""
    return tuple(node.name for node in nodes if node.role is not NodeRole.DATA_PLANE)


def without_database(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Names of the nodes that serve without a database: all but control planes."""
    return tuple(node.name for node in nodes if node.role is not NodeRole.CONTROL_PLANE)
