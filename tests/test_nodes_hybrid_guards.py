"""Before every step of a hybrid upgrade the data planes and their control planes are looked at."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import AdminApiError
from kong_lts.events import DataPlaneSeen, Event, Outcome, StepVerified
from kong_lts.execution import execute, resume
from kong_lts.findings import Finding, Severity
from kong_lts.nodes import GuardDataPlanes, hybrid_guards
from kong_lts.planning import Plan, Verdict, guards
from kong_lts.protocols import Adapters, AdminApi, NodeStatus
from kong_lts.reports import render
from kong_lts.testing.fakes import FakeJournal, fake_adapters
from kong_lts.testing.simulation import World
from tests.worlds import a_plan, plans, rules, world_of

PLANS = plans()
DUAL, IN_PLACE = PLANS["hybrid-dual-cluster"], PLANS["hybrid-in-place"]
BOTH = pytest.mark.parametrize("plan", [DUAL, IN_PLACE], ids=["dual-cluster", "in-place"])
NOTE = "note-data-planes"


def note(plan: Plan) -> GuardDataPlanes:
    step = plan.step(NOTE)
    assert isinstance(step, GuardDataPlanes)
    return step


@attrs.define
class Night:
    """A plan that was run up to a step, and the world it left."""

    plan: Plan
    at: str
    world: World = attrs.field(init=False)
    adapters: Adapters = attrs.field(init=False)
    journal: FakeJournal = attrs.field(factory=FakeJournal)

    past: dict[str, Outcome] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.world = world_of(self.plan)
        self.adapters = fake_adapters(self.world)
        before = self.plan.steps[: [step.id for step in self.plan.steps].index(self.at)]
        self.past = {}
        for step in before:
            assert not [f for f in step.check(self.adapters, self.past) if f.severity == "blocker"]
            self.past[step.id] = step.run(self.adapters, self.past)

    def looks(self, begun: tuple[str, ...] = ()) -> list[Finding]:
        return list(
            hybrid_guards(
                self.plan.deployment,
                self.plan.steps,
                self.plan.step(self.at),
                self.adapters,
                self.past,
                (*self.past, *begun),
            )
        )

    def with_admin(self, side: Side, admin: AdminApi) -> None:
        cluster = attrs.evolve(self.adapters.of(side), admin=admin)
        changed: dict[str, Any] = {str(side): cluster}
        self.adapters = attrs.evolve(self.adapters, **changed)


@attrs.define
class Lists:
    """An Admin API that lists other data planes than there are."""

    inner: AdminApi
    rows: tuple[Mapping[str, object], ...] | None = None
    statuses: Mapping[str, NodeStatus | None] = attrs.Factory(dict)

    def status(self, node: str) -> NodeStatus:
        if node not in self.statuses:
            return self.inner.status(node)
        if (status := self.statuses[node]) is None:
            raise AdminApiError(f"ask {node}", "connection refused")
        return status

    def root(self) -> Mapping[str, object]:
        return self.inner.root()

    def workspaces(self) -> tuple[str, ...]:
        return self.inner.workspaces()

    def entities(
        self, path: str, *, workspace: str | None = None
    ) -> tuple[Mapping[str, object], ...]:
        if self.rows is None:
            raise AdminApiError("list the data planes", "status 403")
        return self.rows

    def put(self, path: str, entity: Mapping[str, object], *, workspace: str | None = None) -> None:
        self.inner.put(path, entity, workspace=workspace)


# --- current data planes ------------------------------------------------------------------------


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_nothing_stands_against_any_step_of_an_undisturbed_run(plan: Plan) -> None:
    journal = FakeJournal()

    run = execute(plan, fake_adapters(world_of(plan)), journal=journal)

    assert run.ok
    assert not {f.rule for f in run.findings if f.rule.startswith(("data-plane", "control-plane"))}


@BOTH
def test_a_current_data_plane_that_is_gone_stops_any_step(plan: Plan) -> None:
    night = Night(plan, "migrations-finish")
    assert night.looks() == []

    night.world.current.running["x-dp-1"] = False

    (found,) = night.looks()
    assert found.rule == "data-plane-lost"
    assert found.severity is Severity.BLOCKER
    assert found.subject == "step migrations-finish"
    assert "x-dp-1" in found.message


def test_one_that_the_plan_itself_takes_away_is_not_missed() -> None:
    night = Night(DUAL, "stop-batch-1")
    night.world.current.running["x-dp-1"] = False

    assert night.looks() == []  # this very step stops it
    night.at = "divert-100"
    assert rules(night.looks()) == ["data-plane-lost"]
    assert night.looks(begun=("stop-batch-1",)) == []


def test_a_new_configuration_stops_any_step() -> None:
    night = Night(DUAL, "migrations-up")

    night.world.current.configuration["x-dp-2"] = "0" * 32  # an empty one

    (found,) = night.looks()
    assert (found.rule, found.severity) == ("data-plane-configuration-lost", Severity.BLOCKER)


def test_one_that_was_restarted_and_serves_from_its_cache_is_told() -> None:
    night = Night(DUAL, "migrations-up")

    night.world.current.starts["x-dp-2"] = 1

    (found,) = night.looks()
    assert (found.rule, found.severity) == ("data-plane-restarted", Severity.WARNING)


def test_before_anything_was_noted_nobody_is_missed() -> None:
    night = Night(DUAL, NOTE)

    night.world.current.running["x-dp-1"] = False

    assert night.looks() == []


SEEN = DataPlaneSeen(name="x", requests=10, workers=(7, 8))


@pytest.mark.parametrize(
    ("now", "another"),
    [
        (SEEN, False),
        (attrs.evolve(SEEN, requests=11), False),
        (attrs.evolve(SEEN, requests=9), True),
        (attrs.evolve(SEEN, workers=(8, 9)), False),  # one worker has died and was replaced
        (attrs.evolve(SEEN, workers=(9, 10)), True),
        (DataPlaneSeen(name="x"), False),  # it does not tell
    ],
)
def test_a_restart_is_seen_by_requests_or_workers(now: DataPlaneSeen, another: bool) -> None:
    assert now.is_another_process(SEEN) is another


# --- control planes -----------------------------------------------------------------------------


@BOTH
def test_data_planes_that_were_started_have_a_control_plane_that_answers(plan: Plan) -> None:
    night = Night(plan, "divert-50")
    assert night.looks() == []

    for node in night.world.new.running:
        if "cp" in node:
            night.world.new.running[node] = False

    assert "control-plane-gone" in rules(night.looks())


def test_before_any_data_plane_was_started_none_is_needed() -> None:
    night = Night(DUAL, "start-batch-1")

    night.world.new.running["y-cp-1"] = False

    assert "control-plane-gone" not in rules(night.looks())


@pytest.mark.parametrize(
    ("version", "found"),
    [("3.4.0.0", []), ("3.4.3.5", []), ("3.3.1.0", ["control-plane-older"]), ("", [])],
)
def test_a_control_plane_is_never_older_than_its_data_planes(
    version: str, found: list[str]
) -> None:
    """By major and minor, as Kong compares them."""
    night = Night(DUAL, "divert-50")
    there = NodeStatus(version=version, ready=True, database_reachable=True)
    inner = fake_adapters(night.world).new.admin
    assert inner is not None

    night.with_admin(Side.NEW, Lists(inner, rows=(), statuses={"y-cp-1": there}))

    assert rules(night.looks()) == found


def refused(**changes: object) -> dict[str, object]:
    row = {"hostname": "x-dp-1", "version": "2.8.4.14", "sync_status": "kong_version_incompatible"}
    return {**row, **changes}


def listed(side: Side, row: Callable[[int], Mapping[str, object]]) -> list[str]:
    night = Night(DUAL, "divert-50")
    inner = night.adapters.of(side).admin
    assert inner is not None
    night.with_admin(side, Lists(inner, rows=(row(int(night.world.now.timestamp())),)))
    return rules(night.looks())


def test_a_data_plane_at_a_control_plane_that_refuses_it_stops_any_step() -> None:
    assert listed(Side.NEW, lambda now: refused(last_seen=now - 5)) == ["data-plane-refused"]


def test_an_old_row_of_one_that_was_refused_once_does_not() -> None:
    assert listed(Side.NEW, lambda now: refused(last_seen=now - 3600)) == []


def test_a_data_plane_that_is_older_does_not() -> None:
    """In place the rows of the current data planes are in the database that was migrated."""
    assert listed(Side.NEW, lambda now: refused(last_seen=now, sync_status="normal")) == []


def test_one_that_is_newer_than_its_control_plane_does() -> None:
    def newer(now: int) -> Mapping[str, object]:
        return refused(last_seen=now, sync_status="normal", version="3.4.3.5")

    assert listed(Side.CURRENT, newer) == ["data-plane-refused"]
    assert listed(Side.NEW, newer) == []


def test_many_are_one_finding() -> None:
    night = Night(DUAL, "divert-50")
    inner, now = night.adapters.new.admin, int(night.world.now.timestamp())
    assert inner is not None
    rows = tuple(refused(hostname=f"dp-{n}", last_seen=now) for n in range(2000))
    night.with_admin(Side.NEW, Lists(inner, rows=rows))

    (found,) = night.looks()

    assert found.message.endswith("and 1995 more.")


def test_a_control_plane_that_lists_none_is_said_and_stops_nothing() -> None:
    night = Night(DUAL, "divert-50")
    inner = night.adapters.new.admin
    assert inner is not None
    night.with_admin(Side.NEW, Lists(inner, rows=None))

    (found,) = night.looks()

    assert (found.rule, found.severity) == ("data-planes-not-listed", Severity.WARNING)


# --- in a run -----------------------------------------------------------------------------------


@attrs.define
class Once:
    """Somebody who does something as soon as a step is proved."""

    step: str
    act: Callable[[], None]

    def notice(self, event: Event) -> None:
        if isinstance(event, StepVerified) and event.step == self.step:
            self.act()


@BOTH
def test_a_run_stops_before_the_next_step_and_goes_on_when_it_is_mended(plan: Plan) -> None:
    world, journal = world_of(plan), FakeJournal()

    def ends() -> None:
        world.current.running["x-dp-2"] = False

    adapters = attrs.evolve(fake_adapters(world), observer=Once("migrations-up", ends))

    run = execute(plan, adapters, journal=journal)

    assert (run.verdict, run.stopped_at) == (Verdict.STOPPED, "migrations-finish")
    assert run.reason is not None
    assert "x-dp-2 does not serve as it did" in run.reason
    world.current.running["x-dp-2"] = True
    assert resume(journal, fake_adapters(world)).ok


def test_a_restart_is_told_once_and_not_before_every_step() -> None:
    world = world_of(DUAL)

    def restarts() -> None:
        world.current.starts["x-dp-2"] = 1

    adapters = attrs.evolve(fake_adapters(world), observer=Once("migrations-up", restarts))

    run = execute(DUAL, adapters, journal=FakeJournal())

    assert run.ok
    assert rules(run.findings).count("data-plane-restarted") == 2  # and by the guard's own step


@BOTH
def test_plan_and_runbook_say_what_is_looked_at_before_every_step(plan: Plan) -> None:
    said = guards(plan)

    assert len(said) == 4
    for form in ("text", "markdown", "html", "runbook"):
        shown = " ".join(render(plan, form).split())
        assert "each current data plane that was not taken away yet" in shown
        assert "No control plane is older than a data plane" in shown


def test_a_plan_without_data_planes_has_no_such_guard() -> None:
    assert len(guards(a_plan())) == 1
    assert guards(PLANS["db-less-rolling"]) == ()
