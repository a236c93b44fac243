"""Nodes are started and stopped one after the other, and looked at until it is so."""

from datetime import timedelta

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import ProcessFailedError, StepFailedError
from kong_lts.events import Confirmed, Done, Past
from kong_lts.nodes import DoByHand, NoConnections, StartNodes, StopNodes
from kong_lts.protocols import Adapters, NodeStatus
from kong_lts.schema import SchemaState
from kong_lts.step import Reversibility
from kong_lts.testing.fakes import FakeAdminApi, FakeApprover, FakeClock, fake_adapters
from kong_lts.testing.simulation import Fault
from tests.worlds import NO_PAST, a_world, restored_world, rules, without

START = StartNodes(
    id="start", guide="a guide", side=Side.NEW, nodes=("y-1", "y-2"), version="3.4.2"
)
STOP = StopNodes(
    id="stop", guide="a guide", side=Side.CURRENT, nodes=("x-1", "x-2"), version="2.8.5"
)
ASK = DoByHand(
    id="install", guide="a guide", side=Side.NEW, what="Install it", instructions="As usual."
)


# --- by hand ------------------------------------------------------------------------------------


def asked(*, approves: bool) -> tuple[Adapters, FakeApprover]:
    approver = FakeApprover(approves=approves)
    return attrs.evolve(fake_adapters(a_world()), approver=approver), approver


def test_a_person_is_asked_and_believed() -> None:
    adapters, approver = asked(approves=True)

    outcome = ASK.run(adapters, NO_PAST)

    assert outcome == Confirmed(by="a simulated person")
    (question,) = approver.asked
    assert (question.step, question.title, question.instructions) == (
        *("install", "Install it", "As usual."),
    )
    assert rules(ASK.verify(adapters, {"install": outcome})) == []


def test_a_person_who_says_no_stops_the_run() -> None:
    adapters, _ = asked(approves=False)

    with pytest.raises(StepFailedError, match="Step install failed: a simulated person did not"):
        ASK.run(adapters, NO_PAST)


@pytest.mark.parametrize("past", [NO_PAST, {"install": Done()}, {"other": Confirmed(by="me")}])
def test_a_confirmation_that_is_not_in_the_journal_is_none(past: Past) -> None:
    assert rules(ASK.verify(fake_adapters(a_world()), past)) == ["not-confirmed"]


def test_what_a_person_does_is_not_taken_back() -> None:
    assert ASK.undo(NO_PAST) is None
    assert ASK.reversibility is Reversibility.FREE
    assert ASK.needs == ()
    assert ASK.title == "Install it"


@pytest.mark.parametrize("touches", [True, False])
def test_a_person_touches_the_traffic_where_the_plan_says_so(touches: bool) -> None:
    assert attrs.evolve(ASK, touches_traffic=touches).effect.traffic is touches


# --- nobody connected ---------------------------------------------------------------------------

ALONE = NoConnections(id="alone", guide="a guide", side=Side.CURRENT)


@attrs.define
class _TheyLeave(FakeClock):
    """Whenever somebody waits, one session ends."""

    def sleep(self, duration_s: float) -> None:
        super().sleep(duration_s)
        self.world.current.database.connections -= 1


def test_sessions_that_end_are_waited_for() -> None:
    world = a_world()
    world.current.database.connections = 20
    adapters = attrs.evolve(fake_adapters(world), clock=_TheyLeave(world))
    begun = world.now

    assert ALONE.run(adapters, NO_PAST) == Done()

    assert world.now - begun < timedelta(seconds=60)
    assert rules(ALONE.verify(adapters, NO_PAST)) == []


def test_sessions_that_stay_are_noticed() -> None:
    world = a_world()
    world.current.database.connections = 2
    begun = world.now

    ALONE.run(fake_adapters(world), NO_PAST)

    assert world.now - begun == timedelta(seconds=60)
    (finding,) = ALONE.verify(fake_adapters(world), NO_PAST)
    assert finding.rule == "database-in-use"
    assert finding.message.startswith("2 session(s) of others are on the database")


def test_waiting_harms_nobody() -> None:
    assert (ALONE.reversibility, ALONE.undo(NO_PAST)) == (Reversibility.FREE, None)
    assert ALONE.needs == ("current.database",)
    assert ALONE.title == "Wait until nobody uses the database of the current cluster"


# --- starting -----------------------------------------------------------------------------------


def test_nodes_are_started() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    adapters = fake_adapters(world)

    assert START.run(adapters, NO_PAST) == Done(note="y-1, y-2")

    assert world.new.running == {"y-1": True, "y-2": True}
    assert rules(START.verify(adapters, NO_PAST)) == []


def test_a_node_that_is_ready_is_not_started_again() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    world.new.running["y-1"] = True

    START.run(fake_adapters(world), NO_PAST)

    assert world.effects == ["kong start"]


def test_a_node_is_waited_for_until_it_is_ready() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    world.new.starts_in_s = 30
    begun = world.now

    START.run(fake_adapters(world), NO_PAST)

    assert timedelta(seconds=60) <= world.now - begun < timedelta(seconds=70)
    assert rules(START.verify(fake_adapters(world), NO_PAST)) == []


def test_a_node_that_is_still_starting_is_only_waited_for() -> None:
    """As after a kill: `kong start` would say that Kong is running already."""
    world = restored_world(SchemaState.LTS_3_4)
    world.new.running = dict.fromkeys(world.new.running, True)
    world.new.ready_at = {"y-1": world.now + timedelta(seconds=30)}

    START.run(fake_adapters(world), NO_PAST)

    assert world.effects == []


def test_a_node_that_is_not_ready_in_time_stops_the_run() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    world.new.starts_in_s = 3600

    with pytest.raises(StepFailedError, match="node y-1 is not ready after 120 s: it is not ready"):
        START.run(fake_adapters(world), NO_PAST)


def test_a_start_that_did_not_happen_stops_the_run() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    world.fault = Fault.LIES

    with pytest.raises(StepFailedError, match=r"node y-1 is not ready after 120 s: .*refused"):
        START.run(fake_adapters(world), NO_PAST)


def test_kong_refuses_to_start_on_a_database_of_another_release() -> None:
    world = restored_world(SchemaState.UP)

    with pytest.raises(ProcessFailedError, match="New migrations available"):
        START.run(fake_adapters(world), NO_PAST)


@attrs.define
class _Says(FakeAdminApi):
    """Nodes that say all the same of themselves."""

    said: NodeStatus

    def status(self, node: str) -> NodeStatus:
        return self.said


GOOD = NodeStatus(version="3.4.2", ready=True, database_reachable=True)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (GOOD, None),
        (attrs.evolve(GOOD, version=""), None),
        (attrs.evolve(GOOD, version="2.8.5"), "it runs 2.8.5, not 3.4.2"),
        (attrs.evolve(GOOD, ready=False), "it is not ready"),
        (attrs.evolve(GOOD, database_reachable=False), "it does not reach its database"),
    ],
)
def test_a_node_has_to_be_ready_and_of_the_right_version(
    said: NodeStatus, wrong: str | None
) -> None:
    adapters = fake_adapters(a_world())
    adapters = attrs.evolve(
        adapters, new=attrs.evolve(adapters.new, admin=_Says(a_world(), Side.NEW, said))
    )

    messages = [finding.message for finding in START.verify(adapters, NO_PAST)]

    assert messages == ([f"Node y-1: {wrong}.", f"Node y-2: {wrong}."] if wrong else [])


def test_starting_is_taken_back_by_stopping() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    START.run(fake_adapters(world), NO_PAST)
    undo = START.undo(NO_PAST)

    undo.run(fake_adapters(world), NO_PAST)

    assert not world.new.serves
    assert rules(undo.verify(fake_adapters(world), NO_PAST)) == []
    assert undo.effect.traffic is False


def test_kong_is_called_as_the_plan_says() -> None:
    world = restored_world(SchemaState.LTS_3_4)
    step = attrs.evolve(
        START, nodes=("y-1",), program=("/opt/bin/kong",), configuration="/etc/kong34.conf"
    )

    step.run(fake_adapters(world), NO_PAST)
    step.undo(NO_PAST).run(fake_adapters(world), NO_PAST)

    assert world.effects == ["/opt/bin/kong start -c /etc/kong34.conf", "/opt/bin/kong quit"]


# --- stopping -----------------------------------------------------------------------------------


def test_nodes_are_stopped() -> None:
    world = a_world()
    adapters = fake_adapters(world)

    assert STOP.run(adapters, NO_PAST) == Done(note="x-1, x-2")

    assert not world.current.serves
    assert rules(STOP.verify(adapters, NO_PAST)) == []


def test_a_node_that_does_not_run_is_not_stopped_again() -> None:
    world = a_world()
    world.current.running["x-1"] = False

    STOP.run(fake_adapters(world), NO_PAST)

    assert world.effects == ["kong quit"]


def test_a_node_that_goes_on_running_stops_the_run() -> None:
    world = a_world()
    world.fault = Fault.LIES

    with pytest.raises(StepFailedError, match="node x-1 still runs after 120 s"):
        STOP.run(fake_adapters(world), NO_PAST)


def test_a_node_that_runs_again_is_noticed() -> None:
    world = a_world()
    STOP.run(fake_adapters(world), NO_PAST)
    world.current.running["x-2"] = True

    (finding,) = STOP.verify(fake_adapters(world), NO_PAST)

    assert (finding.rule, finding.message) == ("node-still-runs", "Node x-2 still runs.")


def test_stopping_is_taken_back_by_starting() -> None:
    world = a_world()
    STOP.run(fake_adapters(world), NO_PAST)
    undo = STOP.undo(NO_PAST)
    assert undo is not None

    undo.run(fake_adapters(world), NO_PAST)

    assert all(world.current.running.values())
    assert rules(undo.verify(fake_adapters(world), NO_PAST)) == []


@pytest.mark.parametrize("downtime_s", [0.0, 60.0])
def test_only_a_stop_with_a_downtime_touches_traffic(downtime_s: float) -> None:
    effect = attrs.evolve(STOP, downtime_s=downtime_s).effect

    assert (effect.traffic, effect.downtime_s) == (downtime_s > 0, downtime_s)
    assert effect.administration


def test_both_need_a_runner_for_each_node() -> None:
    assert START.needs == ("new.nodes", "new.admin")
    assert STOP.needs == ("current.nodes",)
    for step, side in ((START, "new"), (STOP, "current")):
        with pytest.raises(StepFailedError, match="there is no process runner for node"):
            step.run(without(fake_adapters(a_world()), side, "nodes"), NO_PAST)


def test_starting_needs_an_admin_api() -> None:
    with pytest.raises(StepFailedError, match="there is no admin adapter"):
        START.run(without(fake_adapters(a_world()), "new", "admin"), NO_PAST)


def test_both_are_compensated_by_each_other() -> None:
    assert {START.reversibility, STOP.reversibility} == {Reversibility.COMPENSATED}
    assert START.title == "Start 2 node(s) of the new cluster"
    assert STOP.title == "Stop 2 node(s) of the current cluster"
