"""Generators of values for property tests, in the words of Hypothesis its strategies.

Whatever a value class allows is generated, the odd and the empty too.
"""

import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin

import attrs
from hypothesis import strategies as st

from kong_lts.deployment import DatabaseSettings, Deployment, Node, NodeRole
from kong_lts.edits import Edit
from kong_lts.events import Event, Outcome
from kong_lts.findings import Finding
from kong_lts.monitoring import CheckMetrics, Gate, WatchMetrics
from kong_lts.planning import Plan
from kong_lts.protocols import Credential, Probe
from kong_lts.routing import Request
from kong_lts.smoke_test import (
    AllowDebugHeader,
    CheckRoutes,
    CompareAnswers,
    RecordAnswers,
    SmokeTest,
    StagingTest,
)
from kong_lts.strategies import choose_strategy
from kong_lts.testing.scenarios import ALL
from kong_lts.traffic import DivertTraffic, RampStage
from kong_lts.unshared import RateLimit
from kong_lts.versions import KongVersion

__all__ = [
    "deployments",
    "edits_of",
    "events",
    "findings",
    "outcomes",
    "plannable_deployments",
    "plans",
    "ramps",
    "texts",
    "values_of",
    "versions",
]

T = TypeVar("T")

_MOST = 3
"""Items in a list: enough to tell none, one and several apart."""
_MOST_NODES = 7
_PLANNABLE = tuple(name for name, made in ALL.items() if choose_strategy(made).strategy)
_PERCENT = st.integers(0, 100)
_OVER_ZERO = st.floats(1, 10**6)
_POSITIVE = st.floats(0, 1e9)
_JSON_PATH = st.from_regex(r"\A\$(\.[a-z]+|\[[0-9]\])*\Z")
_SEEN = st.just((Probe(name="p"),))
_PROBE_STEPS = (CheckRoutes, CompareAnswers, RecordAnswers, SmokeTest, StagingTest)
_PART = st.floats(0, 1, exclude_min=True, exclude_max=True)


def texts() -> st.SearchStrategy[str]:
    """Any text, and bytes that are no UTF-8 in the form in which files bring them."""
    anything = st.characters()
    bytes_ = st.characters(categories=["Cs"], min_codepoint=0xDC80, max_codepoint=0xDCFF)
    return st.text(anything | bytes_, max_size=12)


def versions() -> st.SearchStrategy[KongVersion]:
    """Versions of three and of four parts, those of both releases among them."""
    part = st.integers(0, 20)
    start = st.sampled_from([(2, 8), (3, 4)]) | st.tuples(part, part)
    end = st.tuples(part) | st.tuples(part, part)
    return st.builds(lambda one, other: KongVersion((*one, *other)), start, end)


def deployments() -> st.SearchStrategy[Deployment]:
    """Any deployment."""
    return values_of(Deployment)


@st.composite
def plannable_deployments(draw: st.DrawFn) -> Deployment:
    """A deployment that the guide has a strategy for: any mode, any number of nodes, any means."""
    scenario = draw(st.sampled_from(sorted(_PLANNABLE)))
    deployment = ALL[scenario]
    assert deployment.new is not None
    control_planes, others = draw(st.integers(1, 3)), draw(st.integers(1, _MOST_NODES))
    current, new = (
        attrs.evolve(cluster, nodes=_grown(cluster.nodes, control_planes, others))
        for cluster in (deployment.current, deployment.new)
    )
    resources = attrs.evolve(
        deployment.resources, decommissioning_allowed=draw(st.none() | st.booleans())
    )
    return attrs.evolve(deployment, current=current, new=new, resources=resources)


def _grown(nodes: tuple[Node, ...], control_planes: int, others: int) -> tuple[Node, ...]:
    """As many nodes of each role that is there."""
    counts = {NodeRole.CONTROL_PLANE: control_planes}
    made: list[Node] = []
    for role in dict.fromkeys(node.role for node in nodes):
        first = next(node for node in nodes if node.role is role)
        stem = first.name.rpartition("-")[0]
        count = counts.get(role or NodeRole.TRADITIONAL, others)
        made += [attrs.evolve(first, name=f"{stem}-{n}") for n in range(1, count + 1)]
    return tuple(made)


def outcomes() -> st.SearchStrategy[Outcome]:
    """Any outcome of a step."""
    return st.one_of([values_of(kind) for kind in get_args(Outcome)])


def events() -> st.SearchStrategy[Event]:
    """Any event of a journal, whatever came before it."""
    return st.one_of([values_of(kind) for kind in get_args(Event)])


def findings() -> st.SearchStrategy[Finding]:
    """Any finding."""
    return values_of(Finding)


def plans() -> st.SearchStrategy[Plan]:
    """Any plan, with steps of every kind in any order; their ids are unique, as they must be."""
    return values_of(Plan).filter(lambda plan: len({s.id for s in plan.steps}) == len(plan.steps))


def ramps() -> st.SearchStrategy[tuple[RampStage, ...]]:
    """Ramps that rise to 100%, each stage watched long enough for one request at least."""
    shares = st.lists(st.integers(1, 99), unique=True, max_size=_MOST).map(sorted)
    bakes = st.lists(st.floats(2, 600), min_size=_MOST + 1, max_size=_MOST + 1)
    return st.builds(
        lambda percents, bake: tuple(
            RampStage(percent, bake_s)
            for percent, bake_s in zip((*percents, 100), bake, strict=False)
        ),
        shares,
        bakes,
    )


@st.composite
def edits_of(draw: st.DrawFn, text: str) -> tuple[Edit, ...]:
    """Edits of a text that do not overlap, in any order."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = zip(places[::2], places[1::2], strict=False)
    replacement = st.text("xyz\n", max_size=4)
    made = [Edit(start=a, end=b, replacement=draw(replacement)) for a, b in spans]
    return tuple(draw(st.permutations(made)))


def values_of(kind: type[T]) -> st.SearchStrategy[T]:
    """Any value of a value class, field by field."""
    return _of_class(kind)


def _of_class(kind: Any) -> st.SearchStrategy[Any]:
    if kind is Edit:
        return _edits()
    fields = {f.alias: _of_field(kind, f) for f in attrs.fields(kind) if f.init}
    return st.builds(kind, **fields)


def _of_field(kind: type, field: "attrs.Attribute[Any]") -> st.SearchStrategy[Any]:
    narrower = _FIELDS.get((kind, field.name))
    return _of(field.type) if narrower is None else narrower


def _of(kind: Any) -> st.SearchStrategy[Any]:
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of([_of(member) for member in args])
    if origin is tuple:
        return st.lists(_of(args[0]), max_size=_MOST).map(tuple)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(_of(args[0]), _of(args[1]), max_size=_MOST)
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    return _of_class(kind)


def _edits() -> st.SearchStrategy[Edit]:
    place = st.integers(0, 1000)
    pairs = st.tuples(place, place).map(sorted)
    return st.builds(
        lambda pair, text: Edit(start=pair[0], end=pair[1], replacement=text), pairs, texts()
    )


_PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: texts(),
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    KongVersion: versions(),
    type(None): st.none(),
}
_FIELDS: Mapping[tuple[type, str], st.SearchStrategy[Any]] = {
    (DatabaseSettings, "url"): st.none() | st.from_regex(r"\A(env:[A-Z_]+|file:/[a-z]+)\Z"),
    (RampStage, "percent"): _PERCENT,
    (RampStage, "bake_s"): _POSITIVE,
    (DivertTraffic, "new_percent"): _PERCENT,
    (DivertTraffic, "before_percent"): _PERCENT,
    (DivertTraffic, "back_to_percent"): st.none() | _PERCENT,
    (Gate, "quantile"): _PART,
    (Gate, "max_factor"): st.floats(1, 1000),
    (Gate, "max_more"): _PART,
    (Gate, "max_share"): st.none() | _PART,
    (Gate, "max_share_alone"): _PART,
    (Gate, "false_alarms"): _PART,
    (Gate, "min_requests"): st.integers(0),
    (Credential, "secret"): st.from_regex(r"\Afile:/[a-z]+\Z"),
    (Probe, "headers"): st.dictionaries(
        st.sampled_from(["accept", "x-a"]), texts(), max_size=_MOST
    ),
    (Probe, "scheme"): st.sampled_from([None, "http", "https"]),
    (Probe, "server_name"): st.none(),
    (Probe, "verifies_certificate"): st.just(True),
    (Probe, "expect_json"): st.dictionaries(_JSON_PATH, st.sampled_from(["1", '"a"', "null"])),
    (Probe, "ignore_json"): st.lists(_JSON_PATH, max_size=_MOST).map(tuple),
    **{(kind, "settle_s"): _POSITIVE for kind in _PROBE_STEPS},
    **{(kind, "poll_s"): st.floats(0.1, 1000) for kind in _PROBE_STEPS},
    (CompareAnswers, "max_slower_factor"): st.floats(1, 1000),
    (CheckRoutes, "routes"): st.none() | st.integers(0),
    (DivertTraffic, "mixed_window_s"): st.none() | _OVER_ZERO,
    (WatchMetrics, "mixed_window_s"): st.none() | _OVER_ZERO,
    (RateLimit, "limit"): st.integers(1),
    (RateLimit, "window_s"): st.integers(1),
    (WatchMetrics, "watch_s"): _POSITIVE,
    (Request, "headers"): st.lists(st.tuples(texts(), texts()), max_size=_MOST).map(tuple),
    (Request, "scheme"): st.sampled_from(["http", "https"]),
    (WatchMetrics, "hold_s"): _POSITIVE,
    (WatchMetrics, "interval_s"): st.floats(0.1, 1000),
    (WatchMetrics, "share_percent"): st.none() | _PERCENT,
    (WatchMetrics, "back_to_percent"): st.none() | _PERCENT,
    (AllowDebugHeader, "probes"): _SEEN,
    (AllowDebugHeader, "settle_s"): _POSITIVE,
    (CheckMetrics, "within_s"): _POSITIVE,
}
"""Where a field takes less than its type."""
