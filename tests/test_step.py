"""What most steps share: nothing to check, nothing to take back, and words for what is missing."""

from collections.abc import Iterator
from typing import get_args

import attrs
import pytest

import kong_lts
from kong_lts.deployment import Side
from kong_lts.errors import StepFailedError
from kong_lts.events import Diverted, Done, Past
from kong_lts.findings import Finding, Severity
from kong_lts.planning import AnyStep, plan_restore
from kong_lts.protocols import Adapters, ClusterAdapters
from kong_lts.step import (
    Effect,
    PlannedStep,
    Reversibility,
    Step,
    own_outcome,
    present,
    runner_of,
)
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.scenarios import ALL
from tests.worlds import DUAL_CLUSTER, NO_PAST, PROBES, a_world, plans


@attrs.frozen(kw_only=True)
class Bare(PlannedStep):
    """A step that says nothing of itself but what it must."""

    needs_of_side = ("database", "deck")
    needs_beside = ("load_balancer",)

    @property
    def title(self) -> str:
        """What it does."""
        return "Do nothing"

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Nothing."""
        return Done()

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Nothing."""
        yield from ()


BARE = Bare(id="bare", guide="a guide, step 1", side=Side.NEW)


def test_a_step_checks_nothing_and_takes_nothing_back_unless_it_says_so() -> None:
    step: Step = BARE

    assert list(step.check(fake_adapters(a_world()), NO_PAST)) == []
    assert step.undo(NO_PAST) is None
    assert step.reversibility is Reversibility.FREE
    assert step.effect == Effect(traffic=False, administration=False, downtime_s=0.0)
    assert step.node is None


@pytest.mark.parametrize("side", list(Side))
def test_needs_are_those_of_its_own_side(side: Side) -> None:
    step = attrs.evolve(BARE, side=side)

    assert step.needs == (f"{side}.database", f"{side}.deck", "load_balancer")


def test_an_obstacle_names_the_step_and_the_guide() -> None:
    finding = BARE.obstacle("a-rule", "It is so.", "Change it.")

    assert (finding.subject, finding.source) == ("step bare", "a guide, step 1")
    assert finding.severity is Severity.BLOCKER
    warning = BARE.obstacle("a-rule", "It is so.", "Change it.", severity=Severity.WARNING)
    assert warning.severity is Severity.WARNING


def test_an_adapter_that_is_there_is_handed_on() -> None:
    adapters = fake_adapters(a_world())

    assert present(adapters.new.database, "database", "bare") is adapters.new.database
    assert BARE.cluster(adapters) is adapters.new


def test_an_adapter_that_is_missing_stops_the_step() -> None:
    with pytest.raises(StepFailedError) as missing:
        present(None, "database", "bare")

    assert str(missing.value) == (
        "Step bare failed: there is no database adapter. Give one, and resume."
    )


def test_commands_run_on_the_node_or_on_the_first_one() -> None:
    cluster = fake_adapters(a_world()).new

    assert runner_of(cluster, "y-2", "bare") == ("y-2", cluster.nodes["y-2"])
    assert runner_of(cluster, None, "bare") == ("y-1", cluster.nodes["y-1"])


@pytest.mark.parametrize(
    ("cluster", "node"), [(ClusterAdapters(), None), (ClusterAdapters(), "y-1")]
)
def test_a_node_that_nobody_knows_stops_the_step(
    cluster: ClusterAdapters, node: str | None
) -> None:
    with pytest.raises(StepFailedError, match=f"no process runner for node {node}"):
        runner_of(cluster, node, "bare")


@pytest.mark.parametrize("past", [{}, {"bare": Done()}, {"other": Diverted(new_percent=1)}])
def test_an_outcome_of_another_kind_or_step_is_none_of_its_own(past: Past) -> None:
    assert own_outcome(past, "bare", Diverted) is None


def test_an_outcome_of_its_own_is_found() -> None:
    outcome = Diverted(new_percent=1)

    assert own_outcome({"bare": outcome}, "bare", Diverted) is outcome


def test_every_step_that_a_plan_can_hold_is_in_some_plan_or_takes_one_back() -> None:
    by_kong = kong_lts.Settings(
        run_deck=False, kong_config="/var/tmp/kong.yml", compared=PROBES, error_log="/error.log"
    )
    enterprise = ALL["enterprise-keyring"]
    restores = [plan_restore(enterprise, declarative=way) for way in (False, True)]
    restores += [plan_restore(DUAL_CLUSTER, declarative=True, settings=by_kong)]
    by_deck = kong_lts.Settings(compare_with_deck=True)
    compared = kong_lts.plan(DUAL_CLUSTER, settings=by_deck)
    made = [*plans().values(), kong_lts.plan(DUAL_CLUSTER, settings=by_kong), compared, *restores]
    planned = {type(step) for plan in made for step in plan.steps}
    undos = {type(step.undo(NO_PAST)) for plan in plans().values() for step in plan.steps}

    assert planned | undos == {*get_args(AnyStep), type(None)}


@pytest.mark.parametrize("kind", get_args(AnyStep), ids=lambda kind: kind.__name__)
def test_a_step_is_a_frozen_value(kind: type) -> None:
    assert attrs.has(kind)
    assert kind.__setattr__ is not object.__setattr__
    assert issubclass(kind, PlannedStep)
