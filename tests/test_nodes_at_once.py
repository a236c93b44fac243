"""With an executor, the nodes of one step are dealt with at the same time."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import ProcessFailedError, StepFailedError
from kong_lts.nodes import StartNodes, StopNodes
from kong_lts.protocols import Adapters, ClusterAdapters, Finished, NodeStatus
from kong_lts.testing.fakes import FakeAdminApi, fake_adapters
from tests.conftest import NIGHTLY, counted
from tests.worlds import NO_PAST, a_world

LATENCY_S = 0.05
VERSION = "3.4.2"
LOOKS_OF_A_START = 5
"""Status, health, start; status when waiting, and once more as the proof."""
LOOKS_OF_A_STOP = 4
"""Health, quit; health when waiting, and as the proof."""


@attrs.define
class Planes:
    """Many nodes behind latency, and how many of them are asked at the same time."""

    running: dict[str, bool]
    latency_s: float = LATENCY_S
    now: int = 0
    most: int = 0
    broken: str = ""
    lock: threading.Lock = attrs.Factory(threading.Lock)

    def takes_a_while(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.latency_s)
        with self.lock:
            self.now -= 1


@attrs.define
class Runner:
    planes: Planes
    node: str

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        self.planes.takes_a_while()
        if argv[1] == "health":
            return Finished(status=0 if self.planes.running[self.node] else 1)
        if self.node == self.planes.broken:
            raise ProcessFailedError("starting kong", "no such file", 1)
        self.planes.running[self.node] = argv[1] == "start"
        return Finished(status=0)


@attrs.define
class Admin(FakeAdminApi):
    planes: Planes

    def status(self, node: str) -> NodeStatus:
        self.planes.takes_a_while()
        ready = self.planes.running[node]
        return NodeStatus(version=VERSION, ready=ready, database_reachable=True)


def of(planes: Planes, executor: Executor | None, *, at_once: int = 100) -> Adapters:
    world = a_world()
    cluster = ClusterAdapters(
        admin=Admin(world, Side.NEW, planes),
        nodes={node: Runner(planes, node) for node in planes.running},
    )
    adapters = fake_adapters(world)
    return attrs.evolve(adapters, new=cluster, executor=executor, at_once=at_once)


def start(planes: Planes) -> StartNodes:
    return StartNodes(
        id="start", guide="a guide", side=Side.NEW, nodes=tuple(planes.running), version=VERSION
    )


def stop(planes: Planes) -> StopNodes:
    return StopNodes(
        id="stop", guide="a guide", side=Side.NEW, nodes=tuple(planes.running), version=VERSION
    )


def planes(count: int, *, running: bool = False, latency_s: float = 0.001) -> Planes:
    return Planes({f"dp-{n}": running for n in range(count)}, latency_s)


def test_without_an_executor_one_comes_after_the_other() -> None:
    found = planes(5)
    adapters = of(found, None)

    start(found).run(adapters, NO_PAST)

    assert list(start(found).verify(adapters, NO_PAST)) == []
    assert all(found.running.values())
    assert found.most == 1


def test_with_one_as_many_as_asked_for_are_dealt_with_at_once() -> None:
    found = planes(30)
    with ThreadPoolExecutor(20) as executor:
        adapters = of(found, executor, at_once=7)

        start(found).run(adapters, NO_PAST)
        assert list(start(found).verify(adapters, NO_PAST)) == []
        assert all(found.running.values())
        stop(found).run(adapters, NO_PAST)
        assert list(stop(found).verify(adapters, NO_PAST)) == []

    assert not any(found.running.values())
    assert 1 < found.most <= 7


def test_a_node_that_fails_fails_the_step_and_the_others_are_not_half_done() -> None:
    found = attrs.evolve(planes(8), broken="dp-3")
    with ThreadPoolExecutor(8) as executor:
        adapters = of(found, executor)

        with pytest.raises(ProcessFailedError):
            start(found).run(adapters, NO_PAST)
        left = list(start(found).verify(adapters, NO_PAST))

    assert [finding.message for finding in left] == ["Node dp-3: it is not ready."]


def test_a_node_that_does_not_get_ready_is_named() -> None:
    found = planes(4)

    class Deaf(Runner):
        def run(
            self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
        ) -> Finished:
            return Finished(status=0)

    with ThreadPoolExecutor(4) as executor:
        adapters = of(found, executor)
        nodes = {**adapters.new.nodes, "dp-2": Deaf(found, "dp-2")}
        adapters = attrs.evolve(adapters, new=attrs.evolve(adapters.new, nodes=nodes))

        with pytest.raises(StepFailedError, match="node dp-2 is not ready"):
            start(found).run(adapters, NO_PAST)


def test_two_thousand_data_planes_take_little_more_than_the_ideal() -> None:
    """In the normal run a tenth of them, and a generous limit, since others work here too."""
    count, at_once = counted(2000), 100
    found = planes(count, latency_s=LATENCY_S)
    with ThreadPoolExecutor(at_once) as executor:
        adapters = of(found, executor, at_once=at_once)
        began = time.monotonic()

        start(found).run(adapters, NO_PAST)
        assert list(start(found).verify(adapters, NO_PAST)) == []
        stop(found).run(adapters, NO_PAST)
        assert list(stop(found).verify(adapters, NO_PAST)) == []

        took_s = time.monotonic() - began
    ideal_s = (LOOKS_OF_A_START + LOOKS_OF_A_STOP) * count / at_once * LATENCY_S
    assert took_s < ideal_s * (1.3 if NIGHTLY else 5)
    assert found.most == at_once
