"""After a configuration was loaded, every route of it is in the router, or that is told."""

from collections.abc import Sequence

import attrs
import pytest

from kong_lts.deployment import Side
from kong_lts.errors import ProcessFailedError
from kong_lts.protocols import Adapters, Answer, Finished, Probe
from kong_lts.schema import SchemaState
from kong_lts.smoke_test import CheckRoutes
from kong_lts.testing.fakes import fake_adapters
from tests.smoke_test.proxies import Says
from tests.worlds import NO_PAST, restored_world, rules

ID = "57473fb5-1b9f-4d06-a55e-3008ee6a9bb4"
LINE = (
    "2026/11/23 02:20:40 [error] 9022#0: [lua] atc.lua:228: new_from_scratch(): could not add"
    f" route: {ID}, err:  --> 1:14\n"
)
PROBES = tuple(
    Probe(name=f"route {name}", path=f"/{name}", expect_routes=(name,)) for name in ("a", "b", "c")
)
CHECK = CheckRoutes(
    id="check-routes", guide="a guide", side=Side.NEW, probes=PROBES, error_log="error.log"
)


@attrs.frozen
class _Log:
    text: str | None

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        if self.text is None:
            raise ProcessFailedError("grep", "no such file", 2)
        return Finished(status=0 if self.text else 1, stdout=self.text)


def adapters(*, missing: str = "", log: str | None = "") -> Adapters:
    """Three routes in the database, of which the router may lack one."""

    def answer(probe: Probe) -> Answer:
        name = probe.path[1:]
        if name == missing:
            return Answer(status=404, body='{"message":"no Route matched with those values"}')
        return Answer(status=200, headers={"Kong-Route-Name": name})

    world = restored_world(SchemaState.LTS_3_4)
    made = fake_adapters(world)
    new = attrs.evolve(made.new, proxy=Says(answer), nodes={"y-1": _Log(log)})
    return attrs.evolve(made, new=new)


def found(step: CheckRoutes, given: Adapters) -> list[str]:
    outcome = step.run(given, NO_PAST)
    return [f.message for f in step.verify(given, {step.id: outcome})]


def test_all_routes_are_there() -> None:
    assert found(CHECK, adapters()) == []


def test_a_route_that_does_not_answer_is_told_and_counted() -> None:
    assert found(CHECK, adapters(missing="b")) == [
        "route b: expected b, got no route.",
        "routes in the router: expected 3 as in the database, got 2 of 3.",
    ]


def test_a_line_in_the_log_of_any_node_is_told_and_counted() -> None:
    assert found(CHECK, adapters(log=LINE + LINE)) == [
        f"route {ID}: expected in the router, got could not be added (error log of y-1).",
        "routes in the router: expected 3 as in the database, got 2 of 3.",
    ]


def test_the_recorded_line_of_a_real_gateway_is_understood(reference: object) -> None:
    text = (reference / "reference/kong/metrics/bad_route_error.log").read_text("utf-8")  # type: ignore[operator] # a path

    assert any("could not be added" in message for message in found(CHECK, adapters(log=text)))


@pytest.mark.parametrize(("log", "path"), [("", None), (LINE, None)])
def test_a_log_that_nobody_read_is_told(log: str, path: str | None) -> None:
    step = attrs.evolve(CHECK, error_log=path)
    given = adapters(log=log)

    assert rules(step.verify(given, {step.id: step.run(given, NO_PAST)})) == ["router-log-not-read"]


def test_without_a_database_the_number_is_told_by_the_plan() -> None:
    given = adapters(missing="c")
    given = attrs.evolve(given, new=attrs.evolve(given.new, database=None))

    assert len(found(CHECK, given)) == 1
    assert found(attrs.evolve(CHECK, routes=5), given)[-1].endswith("got 4 of 5.")


def test_without_probes_the_log_alone_is_read() -> None:
    step = attrs.evolve(CHECK, probes=())

    assert step.needs == ()
    assert found(step, adapters()) == []


def test_a_log_that_cannot_be_read_is_no_proof() -> None:
    step = attrs.evolve(CHECK, leads_back_to="evaluate")
    given = adapters(log=None)

    stopped = list(step.verify(given, {step.id: step.run(given, NO_PAST)}))

    assert rules(stopped) == ["probe-unanswered"]
    assert "error log of y-1" in stopped[0].message
    assert not step.outdates_plan(stopped)


def test_routes_that_nothing_tells_of_are_told() -> None:
    step = attrs.evolve(CHECK, probes=PROBES[:1], error_log=None)
    given = adapters()

    told = list(step.verify(given, {step.id: step.run(given, NO_PAST)}))

    assert rules(told) == ["routes-not-looked-at", "router-log-not-read"]
    assert told[0].message.startswith("Of 2 route(s) of the database neither")
    assert found(attrs.evolve(CHECK, probes=PROBES[:1]), given) == [], "the log tells of all"
