"""Values to report on: small, complete, and the same each time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import attrs

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.assessment import Assessment, NotChecked
from kong_lts.backup import BackUpDatabase
from kong_lts.deployment import (
    Cluster,
    DatabaseSettings,
    Deployment,
    DeploymentMode,
    Node,
    Resources,
    Side,
)
from kong_lts.edits import Edit
from kong_lts.events import (
    Event,
    Outcome,
    RollbackEnded,
    RollbackStarted,
    RunEnded,
    RunResumed,
    RunStarted,
    StepChecked,
    StepDone,
    StepFailed,
    StepFound,
    StepStarted,
    StepVerified,
    UndoDone,
    UndoFailed,
    UndoStarted,
)
from kong_lts.findings import Finding, Location, Severity
from kong_lts.migrations import MigrationsUp
from kong_lts.monitoring import WatchMetrics
from kong_lts.nodes import DoByHand
from kong_lts.planning import AnyStep, Case, Plan, Rehearsal, Run, Verdict
from kong_lts.protocols import Probe
from kong_lts.restore import CreateDatabase, RestoreDatabase
from kong_lts.run import replay
from kong_lts.smoke_test import StagingTest
from kong_lts.strategies import Strategy
from kong_lts.traffic import DivertTraffic
from kong_lts.versions import KongVersion
from tests.reports.outcomes import OUTCOMES, watched

BEGIN = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
OWNER = "ops@bastion process 7"


def deployment(name: str = "shop") -> Deployment:
    """Two nodes on each side, in traditional mode."""
    return Deployment(
        name=name,
        mode=DeploymentMode.TRADITIONAL,
        current=Cluster(
            version=KongVersion.parse("2.8.5"),
            nodes=(Node(name="kong-1"), Node(name="kong-2")),
            database=DatabaseSettings(server_version="13.4"),
        ),
        new=Cluster(
            version=KongVersion.parse("3.4.2"),
            nodes=(Node(name="kong-3"), Node(name="kong-4")),
            database=DatabaseSettings(server_version="13.4"),
        ),
        resources=Resources(second_cluster=True, decommissioning_allowed=True),
    )


CASSANDRA = Finding(
    rule="conf-database-cassandra",
    severity=Severity.BLOCKER,
    subject="database",
    message="`database = cassandra` is refused by 3.4.",
    action="Move to PostgreSQL while still on 2.8.",
    source="Kong/kong 3.4.2 kong.conf.default",
    location=Location(path="kong.conf", line=12, column=1),
    evidence="kong_conf",
)
WORKER = Finding(
    rule="conf-worker-consistency-default",
    severity=Severity.WARNING,
    subject="worker_consistency",
    message="The default changes from `strict` to `eventual`.",
    action="To keep the 2.8 behaviour, set `worker_consistency = strict`.",
    source="Kong/kong 3.4.2 kong.conf.default",
    location=Location(path="kong.conf"),
    edit=Edit(start=0, end=0, replacement="worker_consistency = strict\n"),
)
REGEX = Finding(
    rule="route-path-regex",
    severity=Severity.INFO,
    subject="route orders",
    message="2.8 reads the path `/orders/\\d+|x` as a regex; the migration writes a ~ before it.",
    action="Nothing; the migration does it.",
    source="guide, Prerequisites",
    location=Location(table="routes", row="a1b2"),
)


def blocked() -> Assessment:
    """One blocker, one warning, two inputs missing, one finding ignored."""
    return Assessment(
        deployment=deployment(),
        findings=(CASSANDRA, WORKER),
        not_checked=(
            *(NotChecked(rule=f"plugin-{n}", missing="kong.yml or a database") for n in range(14)),
            NotChecked(rule="log-slow", missing="an access log"),
        ),
        ignored=(REGEX,),
    )


def clear() -> Assessment:
    """Nothing at all was found."""
    return Assessment(deployment=deployment(), findings=())


GUIDE = "Dual-cluster upgrade, step"
PROBES = (Probe(name="orders", path="/orders"), Probe(name="health", path="/health"))


def _ramp() -> Iterator[AnyStep]:
    for before, after in ((0, 10), (10, 50), (50, 100)):
        yield DivertTraffic(
            id=f"divert-{after}",
            guide=f"{GUIDE} 6",
            side=Side.NEW,
            new_percent=after,
            before_percent=before,
        )
        yield WatchMetrics(id=f"watch-{after}", guide=f"{GUIDE} 7", side=Side.NEW, watch_s=60.0)


def short_plan(name: str = "shop") -> Plan:
    """A dual-cluster plan of fewer steps than the guide has; its text stays as it is here."""
    first_stage, first_watch, *later_stages = _ramp()
    new, current = Side.NEW, Side.CURRENT
    return Plan(
        deployment=deployment(name),
        strategy=Strategy.DUAL_CLUSTER,
        reasons=("a second cluster can be afforded",),
        findings=(WORKER,),
        steps=(
            StopAdminWrites(id="stop-admin-writes", guide=f"{GUIDE} 1", side=current),
            BackUpDatabase(
                id="back-up-database", guide=f"{GUIDE} 2", side=current, folder="kong-lts-backup"
            ),
            DoByHand(
                id="back-up-files",
                guide=f"{GUIDE} 2",
                side=current,
                what="Back up kong.conf and every other file",
                instructions="Copy them with their owners and modes.",
            ),
            CreateDatabase(
                id="create-database",
                guide=f"{GUIDE} 4",
                side=new,
                owner="shop",
                kept_after="resume-admin-writes",
            ),
            RestoreDatabase(
                id="restore-database", guide=f"{GUIDE} 4", side=new, folder="kong-lts-backup"
            ),
            MigrationsUp(id="migrations-up", guide=f"{GUIDE} 4", side=new, node="kong-3"),
            StagingTest(id="staging-test", guide=f"{GUIDE} 5", side=new, probes=PROBES),
            first_stage,
            first_watch,
            DoByHand(
                id="approve-50",
                guide=f"{GUIDE} 6",
                side=new,
                what="Approve that 50% of the traffic is diverted",
                instructions="Look at what the gates have seen so far.",
            ),
            *later_stages,
            ResumeAdminWrites(id="resume-admin-writes", guide=f"{GUIDE} 9", side=new),
        ),
    )


GATE_SHUT = Finding(
    rule="gate-shut",
    severity=Severity.BLOCKER,
    subject="step watch-50",
    message="The new cluster does not pass: 900 of 6000 requests failed (15.00%);"
    " on the current cluster 0.03%.",
    action="Roll back, which sends all traffic to the current cluster, and investigate.",
    source="Dual-cluster upgrade, step 7",
)


@attrs.define
class Story:
    """Writes the events of a run, on a clock of its own."""

    plan: Plan = attrs.Factory(short_plan)
    now: datetime = BEGIN
    events: list[Event] = attrs.Factory(list)

    def __attrs_post_init__(self) -> None:
        self.events.append(RunStarted(at=self.at(), plan=self.plan.to_json(), owner=OWNER))

    def at(self, after_s: float = 0.0) -> str:
        """A little later, as an event says it."""
        self.now += timedelta(seconds=after_s)
        return self.now.isoformat()

    def begin(self, step: str) -> None:
        """The step is looked at and acts; no end is known."""
        self.events.append(StepChecked(at=self.at(0.1), step=step))
        self.events.append(StepStarted(at=self.at(), step=step))

    def act(self, step: str, outcome: Outcome | None = None) -> None:
        """The step acts and says so."""
        self.begin(step)
        usual, took_s = OUTCOMES[step]
        self.events.append(StepDone(at=self.at(took_s), step=step, outcome=outcome or usual))

    def do(self, *steps: str) -> "Story":
        """The steps act and are proved."""
        for step in steps:
            self.act(step)
            self.events.append(StepVerified(at=self.at(0.1), step=step))
        return self

    def do_until(self, last: str) -> "Story":
        """Every step of the plan up to one, that one included."""
        steps = [step.id for step in self.plan.steps]
        return self.do(*steps[: steps.index(last) + 1])

    def do_after(self, first: str) -> "Story":
        """Every step of the plan after one, and the end."""
        steps = [step.id for step in self.plan.steps]
        self.do(*steps[steps.index(first) + 1 :])
        self.events.append(RunEnded(at=self.at()))
        return self

    def undo(self, *steps: str, reason: str = "the gate is shut") -> "Story":
        """The way back, over those steps."""
        self.events.append(RollbackStarted(at=self.at(45), owner="dave@bastion", reason=reason))
        for step in steps:
            undo = self.plan.step(step).undo({})
            self.events.append(UndoStarted(at=self.at(), step=step))
            note = undo.title if undo else ""
            self.events.append(UndoDone(at=self.at(0.5), step=step, note=note))
        return self

    def run(self) -> Run:
        """The run, as its journal tells it."""
        return replay(self.events).as_run(tuple(self.events))


def finished() -> Run:
    """Everything went well."""
    story = Story().do_until("resume-admin-writes")
    story.events.append(RunEnded(at=story.at()))
    return story.run()


def killed_and_resumed() -> Run:
    """The process was killed in `kong migrations up`, and the run was resumed to its end."""
    story = Story().do_until("restore-database")
    story.begin("migrations-up")
    story.events.append(RunResumed(at=story.at(420), owner="ops@bastion process 9"))
    story.events.append(StepFound(at=story.at(0.2), step="migrations-up", happened=True))
    story.do("migrations-up")
    return story.do_after("migrations-up").run()


def failed() -> Run:
    """`kong migrations up` failed."""
    story = Story().do_until("restore-database")
    story.begin("migrations-up")
    reason = (
        "Step migrations-up failed: kong migrations up ended with status 1: password"
        " authentication failed. Mend the cause and resume, or roll back."
    )
    story.events.append(StepFailed(at=story.at(3), step="migrations-up", reason=reason))
    return story.run()


def killed() -> Run:
    """The process was killed while it diverted traffic, and nobody has resumed the run yet."""
    story = Story().do_until("approve-50")
    story.begin("divert-50")
    return story.run()


def _gate_shut() -> Story:
    story = Story().do_until("divert-50")
    story.act("watch-50", watched(6_000, 900, 30))
    story.events.append(StepVerified(at=story.at(0.1), step="watch-50", findings=(GATE_SHUT,)))
    return story


def rolled_back() -> Run:
    """A gate was shut at 50%, and every step was taken back."""
    story = _gate_shut()
    begun = [event.step for event in story.events if isinstance(event, StepStarted)]
    story.undo(*reversed(begun))
    story.events.append(RollbackEnded(at=story.at()))
    return story.run()


def rollback_failed() -> Run:
    """A gate was shut at 50%, and the load balancer did not answer on the way back."""
    story = _gate_shut().undo("watch-50")
    story.events.append(UndoStarted(at=story.at(), step="divert-50"))
    reason = "Setting the weight: the load balancer does not answer"
    story.events.append(UndoFailed(at=story.at(5), step="divert-50", reason=reason))
    return story.run()


def _cases(*broken: Case) -> tuple[Case, ...]:
    undisturbed = (("resume", Verdict.SUCCEEDED), ("roll back", Verdict.ROLLED_BACK))
    whole = [
        Case(step=step, fault=fault, way=way, verdict=verdict)
        for step, fault in (
            ("none", "none"),
            ("migrations-up", "killed after the effect"),
            ("divert-10", "killed after the effect"),
            ("divert-10", "the adapter fails"),
        )
        for way, verdict in undisturbed
    ]
    return (*whole, *broken)


def safe_rehearsal() -> Rehearsal:
    """Every invariant held."""
    return Rehearsal(plan=short_plan(), cases=_cases())


def broken_rehearsal() -> Rehearsal:
    """Two invariants broke in one case."""
    case = Case(
        step="divert-50",
        fault="the adapter fails",
        way="roll back",
        verdict=Verdict.ROLLBACK_FAILED,
        broken=("50% of the traffic is on the new cluster", "admin writes are still stopped"),
    )
    return Rehearsal(plan=short_plan(), cases=_cases(case))
