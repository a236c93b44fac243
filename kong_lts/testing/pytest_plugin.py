"""The pytest plugin: a simulated deployment as fixtures, and an assertion about whole plans.

pytest finds it by its entry point; nothing is loaded before a test asks for it::

    def test_our_plan_survives(upgrade_deployment):
        assert_upgrade_survives(kong_lts.plan(upgrade_deployment))

A test module chooses its deployment with a fixture `upgrade_deployment` of its own.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kong_lts.deployment import Deployment
    from kong_lts.planning import Plan, Rehearsal
    from kong_lts.protocols import Adapters
    from kong_lts.rehearsal import Invariant
    from kong_lts.testing.fakes import FakeJournal
    from kong_lts.testing.faults import Fault
    from kong_lts.testing.simulation import World

__all__ = ["assert_upgrade_survives"]


@pytest.fixture
def upgrade_deployment() -> "Deployment":
    """What is upgraded: two traditional nodes with a database, which can be run twice."""
    from kong_lts.testing.scenarios import ALL

    return ALL["traditional-dual-cluster"]


@pytest.fixture
def upgrade_world(upgrade_deployment: "Deployment") -> "World":
    """The deployment in memory, healthy and before its upgrade, with a clock of its own."""
    from kong_lts.strategies import Strategy, choose_strategy
    from kong_lts.testing.simulation import World

    in_place = choose_strategy(upgrade_deployment).strategy is Strategy.IN_PLACE
    return World.of(upgrade_deployment, in_place=in_place)


@pytest.fixture
def upgrade_adapters(upgrade_world: "World") -> "Adapters":
    """Adapters for everything, over the simulated deployment."""
    from kong_lts.testing.fakes import fake_adapters

    return fake_adapters(upgrade_world)


@pytest.fixture
def upgrade_journal() -> "FakeJournal":
    """A journal in memory."""
    from kong_lts.testing.fakes import FakeJournal

    return FakeJournal()


def assert_upgrade_survives(
    plan: "Plan",
    *,
    faults: "Sequence[Fault] | None" = None,
    invariants: "Sequence[Invariant]" = (),
    executor: Executor | None = None,
) -> "Rehearsal":
    """Fail unless every invariant holds with every fault at every step of a plan.

    Args:
        plan: What is rehearsed.
        faults: What goes wrong; every kind of fault if None.
        invariants: More that must hold at the end of each case.
        executor: Where the cases of each step are run, side by side.

    Returns:
        The rehearsal.

    Raises:
        AssertionError: Tells each case that is broken, and what did not hold.
    """
    __tracebackhide__ = True
    from kong_lts.rehearsal import rehearse

    rehearsal = rehearse(plan, faults=faults, invariants=invariants, executor=executor)
    if rehearsal.broken:
        lines = [
            f"{case.step}: {case.fault}, then {case.way}: {what}"
            for case in rehearsal.broken
            for what in case.broken
        ]
        cases = f"{len(rehearsal.broken)} of {len(rehearsal.cases)} rehearsed cases are broken"
        pytest.fail("\n".join([cases, *lines]), pytrace=False)
    return rehearsal
