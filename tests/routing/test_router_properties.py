"""Properties that hold for every configuration, on each router."""

from collections.abc import Mapping
from random import Random
from typing import Any, TypeAlias

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kong_lts import routing
from kong_lts.routing import Engines, Request, Router
from tests.conftest import counted
from tests.routing.test_router_reference import FEW_REQUESTS, document, names, routes

Release: TypeAlias = tuple[str, str | None]
RELEASES = st.sampled_from(
    [("2.8", None), ("3.4", "traditional"), ("3.4", "traditional_compatible")]
)


@settings(max_examples=counted(300))
@given(
    found=routes(uncertain=False), requests=FEW_REQUESTS, release=RELEASES, shuffled=st.randoms()
)
def test_the_order_of_the_document_changes_nothing(
    found: list[dict[str, Any]], requests: list[Request], release: Release, shuffled: Random
) -> None:
    other = list(found)
    shuffled.shuffle(other)

    one, two = (made(document(rows), release) for rows in (found, other))

    for request in requests:
        assert names(one.match(request)) == names(two.match(request))


@settings(max_examples=counted(300))
@given(found=routes(uncertain=True), requests=FEW_REQUESTS, release=RELEASES)
def test_a_route_that_no_request_matches_changes_nothing(
    found: list[dict[str, Any]], requests: list[Request], release: Release
) -> None:
    """But for routes that 2.8 asks only where no route has just the criteria that are hit."""
    assume(not any("snis" in route or "/(a)" in route.get("paths", ()) for route in found))
    unused = {"name": "unused", "hosts": ["never.invalid"], "paths": ["/never"], "created_at": 0}

    one, two = (made(document(rows), release) for rows in (found, [*found, unused]))

    for request in requests:
        assert names(one.match(request)) == names(two.match(request))


@settings(max_examples=counted(300))
@given(found=routes(uncertain=True), requests=FEW_REQUESTS, release=RELEASES)
def test_a_configuration_does_not_differ_from_itself(
    found: list[dict[str, Any]], requests: list[Request], release: Release
) -> None:
    router = made(document(found), release)

    assert routing.compare(router, router, requests) == ()


@settings(max_examples=counted(300))
@given(found=routes(uncertain=True), requests=FEW_REQUESTS)
def test_a_difference_is_shown_by_its_own_request(
    found: list[dict[str, Any]], requests: list[Request]
) -> None:
    """Every request that is decided differently is counted once, and no other one is."""
    current, new = made(document(found), ("2.8", None)), made(document(found), ("3.4", None))

    differences = routing.compare(document(found), document(found), requests)

    apart = [request for request in requests if current.match(request) != new.match(request)]
    assert sum(difference.requests for difference in differences) == len(apart)
    for difference in differences:
        assert difference.request in apart
        assert difference.match_28 == current.match(difference.request)
        assert difference.match_34 == new.match(difference.request)


@settings(max_examples=counted(300))
@given(found=routes(uncertain=True), release=RELEASES)
def test_generated_requests_are_the_same_each_time_and_bounded(
    found: list[dict[str, Any]], release: Release
) -> None:
    requests = routing.requests_for(document(found))

    assert requests == routing.requests_for(document(found))
    assert len(set(requests)) == len(requests)
    assert routing.requests_for(document(found), most=3) == requests[:3]


@settings(max_examples=counted(300))
@given(found=routes(uncertain=False), requests=FEW_REQUESTS)
def test_traditional_decides_as_2_8_where_paths_are_written_normalised(
    found: list[dict[str, Any]], requests: list[Request]
) -> None:
    assume(not any("/a%2E" in str(route.get("paths")) for route in found))
    current, new = (
        made(document(found), release) for release in (("2.8", None), ("3.4", "traditional"))
    )

    for request in requests:
        assert current.match(request) == new.match(request)


def made(config: Mapping[str, Any], release: Release) -> Router:
    """The router of one release and flavor, without engines."""
    name, flavor = release
    return routing.router(config, release=name, router_flavor=flavor, engines=Engines())
