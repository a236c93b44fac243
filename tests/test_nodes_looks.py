"""Nodes are looked at: what is installed on them, how large they are, what they have loaded."""

from collections.abc import Sequence

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import ProcessFailedError
from kong_lts.events import Confirmed, Done
from kong_lts.findings import Severity
from kong_lts.nodes import (
    CompareConfiguration,
    GuardDataPlanes,
    InstallNodes,
    ReloadNodes,
    StartNodes,
    ValidateDeclarative,
)
from kong_lts.protocols import Adapters, Finished
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.worlds import NO_PAST, a_world, rules, without

INSTALL = InstallNodes(
    id="install",
    guide="a guide",
    side=Side.NEW,
    what="Install it",
    instructions="As usual.",
    nodes=("y-1", "y-2"),
    version="3.4.2",
    as_large_as=("x-1", "x-2"),
)
CONFIRMED = {"install": Confirmed(by="me")}
RELOAD = ReloadNodes(
    id="reload", guide="a guide", side=Side.NEW, nodes=("y-1", "y-2"), version="3.4.2"
)
COMPARE = CompareConfiguration(
    id="compare", guide="a guide", side=Side.CURRENT, nodes=("x-1", "x-2")
)


def installed(world: World, step: InstallNodes = INSTALL) -> list[str]:
    return rules(step.verify(fake_adapters(world), CONFIRMED))


# --- installed ----------------------------------------------------------------------------------


def test_what_was_installed_as_asked_is_taken() -> None:
    assert installed(a_world()) == []


def test_what_nobody_confirmed_is_not_installed() -> None:
    assert rules(INSTALL.verify(fake_adapters(a_world()), NO_PAST)) == ["not-confirmed"]


def test_another_version_is_noticed_on_each_node() -> None:
    world = a_world()
    world.new.version = "3.4.1"

    found = list(INSTALL.verify(fake_adapters(world), CONFIRMED))

    assert rules(found) == ["not-installed", "not-installed"]
    assert found[0].message == "Node y-1 has not got 3.4.2: it is 3.4.1."


def test_a_node_without_kong_is_noticed() -> None:
    step = attrs.evolve(INSTALL, program=("/opt/other",))

    assert installed(a_world(), step) == ["not-installed", "not-installed"]


@pytest.mark.parametrize(
    ("cpus", "memory_mib", "found"),
    [
        (4, 8192, []),
        (8, 16384, []),
        (4, 7900, []),  # what the kernel leaves differs a little
        (3, 8192, ["capacity-smaller"]),
        (4, 7000, ["capacity-smaller"]),
        (2, 4096, ["capacity-smaller", "capacity-smaller"]),
    ],
)
def test_new_nodes_are_as_large_as_the_current_ones(
    cpus: int, memory_mib: int, found: list[str]
) -> None:
    world = a_world()
    world.new.cpus, world.new.memory_mib = cpus, memory_mib

    assert installed(world) == found


def test_fewer_and_larger_nodes_are_only_warned_of() -> None:
    world = a_world()
    world.new.cpus, world.new.memory_mib = 8, 16384
    step = attrs.evolve(INSTALL, nodes=("y-1",))

    (finding,) = step.verify(fake_adapters(world), CONFIRMED)

    assert (finding.rule, finding.severity) == ("fewer-nodes", Severity.WARNING)


def test_node_by_node_the_mean_counts() -> None:
    step = attrs.evolve(INSTALL, nodes=("y-1",), together=False)
    world = a_world()

    assert installed(world, step) == []
    world.new.cpus = 3
    assert installed(world, step) == ["capacity-smaller"]


def test_a_size_that_cannot_be_seen_is_said() -> None:
    world = a_world()
    world.current.memory_mib = -1

    (finding,) = INSTALL.verify(fake_adapters(world), CONFIRMED)

    assert (finding.rule, finding.severity) == ("capacity-unknown", Severity.WARNING)


def test_nobody_is_compared_where_the_plan_does_not_want_it() -> None:
    world = a_world()
    world.new.cpus = 1

    assert installed(world, attrs.evolve(INSTALL, as_large_as=())) == []
    assert INSTALL.needs == ("new.nodes", "current.nodes")
    assert attrs.evolve(INSTALL, as_large_as=()).needs == ("new.nodes",)


# --- without a database -------------------------------------------------------------------------


def db_less() -> World:
    world = World.of(ALL["db-less-rolling"])
    world.new.running = dict.fromkeys(world.new.running, True)
    return world


def test_a_reload_makes_all_nodes_load_the_same() -> None:
    world = db_less()
    world.new.configuration["y-2"] = "another"
    adapters = fake_adapters(world)

    assert rules(RELOAD.verify(adapters, NO_PAST)) == ["configuration-differs"]
    RELOAD.run(adapters, NO_PAST)

    assert rules(RELOAD.verify(adapters, NO_PAST)) == []
    assert [e for e in world.effects if "reload" in e] == ["kong reload", "kong reload"]


def test_a_node_that_is_not_there_after_the_reload_is_noticed() -> None:
    world = db_less()
    adapters = fake_adapters(world)
    RELOAD.run(adapters, NO_PAST)
    world.new.running["y-2"] = False

    assert rules(RELOAD.verify(adapters, NO_PAST)) == ["node-not-ready"]


def test_a_configuration_file_is_named_to_a_reload() -> None:
    world = db_less()

    attrs.evolve(RELOAD, configuration="/etc/kong.conf").run(fake_adapters(world), NO_PAST)

    assert world.effects[0] == "kong reload -c /etc/kong.conf"


def looked(adapters: Adapters, step: CompareConfiguration = COMPARE) -> list[str]:
    past = {"before": Done(note="2.8.5".ljust(32, "0"))}
    return rules(step.verify(adapters, past))


def test_nodes_of_one_configuration_are_alike() -> None:
    world = db_less()
    adapters = fake_adapters(world)

    assert looked(adapters) == []
    world.current.configuration["x-1"] = "another"
    assert looked(adapters) == ["configuration-differs"]


def test_a_configuration_that_all_nodes_changed_together_is_noticed() -> None:
    world = db_less()
    adapters = fake_adapters(world)
    again = attrs.evolve(COMPARE, since="before")

    assert looked(adapters, again) == []
    world.current.configuration = {"x-1": "another", "x-2": "another"}
    assert looked(adapters, again) == ["configuration-differs"]
    assert looked(adapters) == []


def test_nodes_that_do_not_tell_are_compared_by_hand() -> None:
    """With a database there is no such hash."""
    (finding,) = COMPARE.verify(fake_adapters(a_world()), NO_PAST)

    assert (finding.rule, finding.severity) == ("configuration-untold", Severity.WARNING)


# --- control planes and data planes -------------------------------------------------------------

HYBRID = ALL["hybrid-dual-cluster"]
START = StartNodes(
    id="start",
    guide="a guide",
    side=Side.NEW,
    nodes=("y-dp-1",),
    version="3.4.3.5",
    control_planes=("y-cp-1",),
)


@pytest.mark.parametrize(
    ("runs", "version", "found"),
    [
        (True, "3.4.3.5", []),
        (False, "3.4.3.5", ["control-plane-older"]),
        (True, "2.8.4.14", ["control-plane-older"]),
    ],
)
def test_a_data_plane_is_never_newer_than_its_control_plane(
    runs: bool, version: str, found: list[str]
) -> None:
    world = World.of(HYBRID)
    world.new.running["y-cp-1"], world.new.version = runs, version
    world.new.database.exists = True

    assert rules(START.check(fake_adapters(world), NO_PAST)) == found


def test_current_data_planes_must_go_on_serving() -> None:
    world = World.of(HYBRID)
    guard = GuardDataPlanes(
        id="guard",
        guide="a guide",
        side=Side.CURRENT,
        nodes=("x-dp-1", "x-dp-2"),
        version="2.8.4.14",
    )
    adapters = without(fake_adapters(world), "current", "nodes")

    past = {guard.id: guard.run(adapters, NO_PAST)}

    assert rules(guard.verify(adapters, past)) == []
    world.current.running["x-dp-2"] = False
    assert rules(guard.verify(adapters, past)) == ["data-plane-lost"]
    assert rules(guard.verify(adapters, NO_PAST)) == ["data-planes-not-noted"]


# --- a file that 3.4 parses ---------------------------------------------------------------------

VALIDATE = ValidateDeclarative(
    id="validate", guide="a guide", side=Side.NEW, nodes=("y-1",), path="/etc/kong/kong.yml"
)


def validated(finished: Finished | None = None) -> list[str]:
    world = World.of(ALL["db-less-rolling"])
    adapters = fake_adapters(world)
    if finished is not None:
        new = attrs.evolve(adapters.new, nodes={"y-1": Says(finished)})
        adapters = attrs.evolve(adapters, new=new)
    VALIDATE.run(adapters, NO_PAST)
    return [f"{f.rule}: {f.message}" for f in VALIDATE.verify(adapters, NO_PAST)]


@attrs.define
class Says:
    """A node on which every command ends alike."""

    finished: Finished
    seen: list[Sequence[str]] = attrs.Factory(list)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        self.seen.append(argv)
        if self.finished.status not in statuses:
            raise ProcessFailedError("kong", self.finished.stderr, self.finished.status, "")
        return self.finished


def test_a_file_that_3_4_parses_is_loaded() -> None:
    assert validated() == []
    assert validated(Finished(status=0, stdout="[warn] old\nparse successful\n")) == []


def test_one_that_it_refuses_is_not() -> None:
    """As 3.4.2 says it of a header that is no string."""
    refused = Finished(status=1, stderr="Error: Failed parsing:\nin 'plugins': headers: expected")

    (found,) = validated(refused)

    assert found.startswith("declarative-not-loadable: Node y-1 does not take /etc/kong/kong.yml:")
    assert found.endswith("in 'plugins': headers: expected")


def test_an_exit_status_of_0_alone_is_not_believed() -> None:
    assert len(validated(Finished(status=0))) == 1


def test_the_parser_reads_the_nodes_own_kong_conf() -> None:
    node = Says(Finished(status=0, stdout="parse successful\n"))
    fakes = fake_adapters(World.of(ALL["db-less-rolling"]))
    adapters = attrs.evolve(fakes, new=attrs.evolve(fakes.new, nodes={"y-1": node}))

    step = attrs.evolve(VALIDATE, configuration="/etc/kong.conf", program=("sudo", "kong"))

    assert list(step.verify(adapters, NO_PAST)) == []
    assert node.seen == [
        ["sudo", "kong", "config", "parse", "/etc/kong/kong.yml", "-c", "/etc/kong.conf"]
    ]
