"""What the generators promise: values that are allowed, the odd ones among them."""

from collections.abc import Callable
from typing import TypeVar, get_args

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from kong_lts.deployment import Deployment, DeploymentMode
from kong_lts.edits import Edit
from kong_lts.events import Event, Outcome
from kong_lts.planning import AnyStep, Plan
from kong_lts.testing.generators import (
    deployments,
    edits_of,
    events,
    outcomes,
    plans,
    ramps,
    texts,
    values_of,
    versions,
)
from kong_lts.traffic import RampStage, ramp
from kong_lts.versions import KongVersion, Release
from tests.conftest import counted

T = TypeVar("T")


def some(generator: st.SearchStrategy[T], condition: Callable[[T], bool] = lambda _: True) -> T:
    """A value for which a condition holds; the first one, since nobody reads it."""
    wanted = settings(phases=[Phase.generate], max_examples=500, derandomize=True, database=None)
    return find(generator, condition, settings=wanted)


@settings(max_examples=counted(500))
@given(data=st.data(), text=st.text(max_size=30))
def test_generated_edits_do_not_overlap(data: st.DataObject, text: str) -> None:
    edits = sorted(data.draw(edits_of(text)), key=lambda edit: (edit.start, edit.end))

    ends = [0, *(edit.end for edit in edits)]
    assert all(end <= edit.start for end, edit in zip(ends, edits, strict=False))
    assert ends[-1] <= len(text)


@settings(max_examples=counted(500))
@given(stages=ramps())
def test_a_generated_ramp_is_one_that_can_be_planned(stages: tuple[RampStage, ...]) -> None:
    assert len(ramp(stages, guide="a guide")) == len(stages)


@settings(max_examples=counted(300))
@given(plan=plans())
def test_the_steps_of_a_generated_plan_have_ids_of_their_own(plan: Plan) -> None:
    assert all(plan.step(step.id) is step for step in plan.steps)


@pytest.mark.parametrize("release", [*Release, None])
def test_versions_of_both_releases_and_of_neither_are_generated(release: Release | None) -> None:
    found = some(versions(), lambda version: version.release is release)

    assert isinstance(found, KongVersion)


@pytest.mark.parametrize("mode", list(DeploymentMode))
def test_every_mode_is_generated(mode: DeploymentMode) -> None:
    assert isinstance(some(deployments(), lambda d: d.mode is mode), Deployment)


def test_texts_have_bytes_that_are_no_utf_8() -> None:
    odd = some(texts(), lambda text: any("\udc80" <= character <= "\udcff" for character in text))

    assert odd.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "kind",
    [*get_args(Event), *get_args(Outcome), *get_args(AnyStep), Edit],
    ids=lambda kind: kind.__name__,
)
def test_every_value_class_can_be_generated(kind: type) -> None:
    value: object = some(values_of(kind))

    assert type(value) is kind
    assert attrs.has(kind)


def test_events_and_outcomes_are_those_of_the_journal() -> None:
    assert isinstance(some(events()), get_args(Event))
    assert isinstance(some(outcomes()), get_args(Outcome))
