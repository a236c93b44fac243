"""Each request whose route changes becomes a probe for both clusters, if it does no harm."""

from typing import Any

import pytest

from kong_lts import routing
from kong_lts.routing import Cause, Difference, Match, Request
from kong_lts.strategies import RouteProbes, route_probes

R1, R2 = (Match.of((routing.Candidate(route=name),), uncertain=False) for name in ("r1", "r2"))


def change(*, current: Match | None = R1, new: Match | None = R2, **request: Any) -> Difference:
    return Difference(cause=Cause.OTHER, request=Request(**request), match_28=current, match_34=new)


def test_both_clusters_get_the_same_request_and_own_expectations() -> None:
    made = route_probes([change(path="/a", host="a.test:", headers={"x-a": "1"})])

    (current,), (new,) = made.current, made.new
    assert current.expect_routes == ("r1",)
    assert new.expect_routes == ("r2",)
    for probe in (current, new):
        assert (probe.name, probe.method) == ("GET a.test:/a (header x-a)", "GET")
        assert (probe.path, probe.host) == ("/a", "a.test:")
        assert probe.headers == {"x-a": "1", "Kong-Debug": "1"}


def test_every_candidate_is_expected_where_more_may_come_out() -> None:
    tied = Match.of((*R1.candidates, *R2.candidates, routing.Candidate(route=None)), uncertain=True)

    made = route_probes([change(current=tied, new=None)])

    assert made.current[0].expect_routes == ("r1", "r2", "no route")
    assert made.new[0].expect_routes == ("no route",)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"method": "DELETE"}, "DELETE may change something"),
        ({"headers": {"x-a": ["1", "2"]}}, "it has one header twice"),
        ({"headers": {"X-Api-Key": "1"}}, "a header of it may be a credential"),
    ],
)
def test_what_may_do_harm_or_cannot_be_sent_is_left_out_and_said(
    request_: dict[str, Any], reason: str
) -> None:
    made = route_probes([change(**request_)])

    assert (made.current, made.new) == ((), ())
    (said,) = made.left_out
    assert said.endswith(reason)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_only_reads_is_sent(method: str) -> None:
    assert route_probes([change(method=method)]).left_out == ()


def test_what_needs_tls_is_sent_by_tls_to_the_name_that_it_asks_for() -> None:
    over_tls = change(scheme="https", sni="a.test", host="b.test")
    (probe,) = route_probes([over_tls]).new

    assert (probe.scheme, probe.server_name, probe.host) == ("https", "a.test", "b.test")
    assert not probe.verifies_certificate, "whose certificate it is does not matter"
    assert route_probes([over_tls], tls=False).left_out == (
        "GET b.test/ (TLS for a.test): it needs TLS",
    )


def test_a_route_without_name_and_id_cannot_be_told_by_its_answer() -> None:
    found = Match.of((routing.Candidate(route="services[0].routes[1]"),), uncertain=False)

    assert route_probes([change(new=found)]).left_out == ("GET /: a route has neither name nor id",)


def test_without_changes_there_are_no_probes() -> None:
    assert route_probes([]) == RouteProbes()
