"""Answers are recorded on a 2.8 and compared on a 3.4, each over HTTP and in its own dialect."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest

from kong_lts.adapters import HttpProxy
from kong_lts.deployment import Side
from kong_lts.events import Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters, Credential, Probe
from kong_lts.smoke_test import AllowDebugHeader, CompareAnswers, RecordAnswers, StagingTest
from kong_lts.testing.fakes import FakeApprover, fake_adapters
from kong_lts.testing.kong_gateway import Gateway, KeyAuth, Route
from kong_lts.testing.kong_listeners import serving
from tests.worlds import NO_PAST, a_world, rules

ENVIRON = {"KEY": "s3cr3t-of-jane"}
ORDERS = "00000001-0000-4000-8000-000000000000"
KEY = Credential(kind="key-auth", secret="env:KEY")
PROBES = (
    Probe(name="open", path="/open", ignore_json=("$.kong",)),
    Probe(name="with a key", path="/orders", credential=KEY, ignore_json=("$.kong",)),
    Probe(name="without a key", path="/orders", expect_status=401),
    Probe(name="nowhere", path="/nowhere", expect_status=404),
)
RECORD = RecordAnswers(id="record", guide="a guide", side=Side.CURRENT, probes=PROBES)
COMPARE = CompareAnswers(
    id="compare", guide="a guide", side=Side.NEW, probes=PROBES, recorded_by="record", settle_s=0
)


def a_gateway(release: str, **changes: Any) -> Gateway:
    made = Gateway(
        release=release,
        routes=(
            Route(id=ORDERS, name="orders", service="shop", service_id=None, paths=("/orders",)),
            Route(
                id=ORDERS.replace("1", "2"), name="open", service="shop", service_id=None,
                paths=("/open",),
            ),
        ),
        key_auths=(KeyAuth(route_id=ORDERS, service_id=None, names=("apikey",)),),
        keys=frozenset(ENVIRON.values()),
        allow_debug_header=True,
    )  # fmt: skip
    return attrs.evolve(made, **changes)


@contextlib.contextmanager
def between(current: Gateway, new: Gateway) -> Iterator[Adapters]:
    """Adapters whose proxies are these."""
    adapters = fake_adapters(a_world())
    with serving(current) as x, serving(new) as y:
        proxies = [HttpProxy(url, environ=ENVIRON) for url in (x, y)]
        yield attrs.evolve(
            adapters,
            current=attrs.evolve(adapters.current, proxy=proxies[0]),
            new=attrs.evolve(adapters.new, proxy=proxies[1]),
        )


def compared(**changes: Any) -> list[Finding]:
    """What a comparison of 2.8 with a changed 3.4 finds."""
    with between(a_gateway("2.8.5"), a_gateway("3.4.2", **changes)) as adapters:
        past: Past = {"record": RECORD.run(adapters, NO_PAST)}
        assert rules(RECORD.verify(adapters, past)) == []
        past = {**past, "compare": COMPARE.run(adapters, past)}
        assert not any(secret in str(past) for secret in ENVIRON.values())
        return list(COMPARE.verify(adapters, past))


def test_the_same_gateway_in_both_releases_has_no_difference() -> None:
    """404 and 401 have bodies of other spacing in 3.4: as JSON they are the same."""
    assert compared() == []


def test_the_releases_really_write_their_errors_differently() -> None:
    with between(a_gateway("2.8.5"), a_gateway("3.4.2")) as adapters:
        sent = [
            adapters.of(side).proxy.send(PROBES[3]).body  # type: ignore[union-attr] # they are given
            for side in Side
        ]

    assert sent[0] != sent[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keys": frozenset()}, "with a key: expected status 200"),
        ({"key_auths": ()}, "without a key: expected status 401"),
        ({"routes": ()}, "open: expected status 200"),
    ],
)
def test_a_gateway_that_answers_otherwise_is_found(changes: dict[str, Any], said: str) -> None:
    found = compared(**changes)

    assert set(rules(found)) == {"probe-failed"}
    assert any(said in finding.message for finding in found)


def test_another_route_and_service_are_found_though_the_status_is_the_same() -> None:
    others = a_gateway("3.4.2").routes
    renamed = tuple(
        attrs.evolve(r, name="other", service="warehouse") if r.name == "open" else r
        for r in others
    )

    (finding,) = compared(routes=renamed)

    assert "route open" in finding.message
    assert "route other" in finding.message
    assert "$['service'] there" in finding.message, "the body names the service too"


def test_an_answer_that_takes_much_longer_is_told() -> None:
    found = compared(delay_s=0.4)

    assert set(rules(found)) == {"probe-slower"}
    assert {finding.severity for finding in found} == {Severity.WARNING}


def test_a_route_that_is_not_told_is_said_and_is_no_difference() -> None:
    found = compared(allow_debug_header=False)

    assert rules(found) == ["route-not-told"]
    assert "allow_debug_header = on" in found[0].action


# --- the debug header -----------------------------------------------------------------------------

ROUTED = (Probe(name="p", path="/open", headers={"Kong-Debug": "1"}, expect_routes=("open",)),)
ALLOW = AllowDebugHeader(
    id="allow", guide="a guide", side=Side.NEW, probes=ROUTED, nodes=("new-1",),
    configuration="/etc/kong/kong.conf",
)  # fmt: skip
WITHDRAW = attrs.evolve(ALLOW, id="withdraw", on=False)


@attrs.define
class Doing(FakeApprover):
    """Somebody who does what is asked: or says so only."""

    gateway: Gateway | None = None

    def ask(self, question: Any) -> Any:
        if self.gateway is not None:
            self.gateway.allow_debug_header = not self.gateway.allow_debug_header
        return super().ask(question)


def asked(
    step: AllowDebugHeader, release: str, *, told: bool, does: bool
) -> tuple[list[str], list[str]]:
    """Questions, and what the proof of the step finds."""
    gateway = a_gateway(release, allow_debug_header=told)
    approver = Doing(gateway=gateway if does else None)
    with between(a_gateway("2.8.5"), gateway) as adapters:
        adapters = attrs.evolve(adapters, approver=approver)
        step.run(adapters, NO_PAST)
        return [q.instructions for q in approver.asked], rules(step.verify(adapters, NO_PAST))


def test_whoever_sets_the_key_has_the_route_told() -> None:
    questions, found = asked(ALLOW, "3.4.2", told=False, does=True)

    assert found == []
    assert questions[0].startswith(
        "Write `allow_debug_header = on` into /etc/kong/kong.conf on new-1"
    )


def test_who_only_says_so_does_not() -> None:
    assert asked(ALLOW, "3.4.2", told=False, does=False)[1] == ["debug-header-off"]


@pytest.mark.parametrize(("release", "told"), [("3.4.2", True), ("2.8.5", False)])
def test_where_it_is_told_nobody_is_asked(release: str, told: bool) -> None:
    assert asked(ALLOW, release, told=told, does=False) == ([], [])


def test_afterwards_it_is_taken_out_again() -> None:
    assert asked(WITHDRAW, "3.4.2", told=True, does=True)[1] == []
    assert asked(WITHDRAW, "3.4.2", told=False, does=False) == ([], [])


def test_what_stays_in_is_told_and_stops_nothing() -> None:
    assert asked(WITHDRAW, "3.4.2", told=True, does=False)[1] == ["debug-header-on"]


def test_a_test_that_is_told_no_route_stops_and_does_not_outdate_its_plan() -> None:
    step = StagingTest(
        id="s", guide="a guide", side=Side.NEW, probes=ROUTED, settle_s=0, leads_back_to="evaluate"
    )
    with between(a_gateway("2.8.5"), a_gateway("3.4.2", allow_debug_header=False)) as adapters:
        found = list(step.verify(adapters, {"s": step.run(adapters, NO_PAST)}))

    assert rules(found) == ["route-not-told"]
    assert found[0].severity is Severity.BLOCKER
    assert not step.outdates_plan(found)


def test_an_answer_from_nobody_is_no_proof() -> None:
    adapters = fake_adapters(a_world())  # its new cluster does not run yet
    questions: Mapping[str, list[str]] = {
        step.id: rules(step.verify(adapters, NO_PAST)) for step in (ALLOW, WITHDRAW)
    }

    assert questions == {"allow": ["debug-header-off"], "withdraw": []}
