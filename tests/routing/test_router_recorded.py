"""The routers against what real gateways of 2.8.5 and 3.4.2 did with 8,453 requests."""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest

from kong_lts import routing
from kong_lts.errors import RouterError
from kong_lts.routing import Request, Router
from kong_lts.routing.router.engines import Engines
from tests.conftest import NIGHTLY, counted

GATEWAYS = {
    "2.8": ("2.8", None),
    "3.4-traditional": ("3.4", "traditional"),
    "3.4-traditional_compatible": ("3.4", "traditional_compatible"),
}
ANSWERED_BY_NGINX = (400, 405)


@attrs.frozen(slots=False)
class Recording:
    """One configuration, its requests, and what one gateway did."""

    name: str
    gateway: str
    case: Mapping[str, Any]

    @property
    def refused(self) -> str | None:
        """Why the gateway did not load it."""
        results = self.case["results"][self.gateway]
        return results["error"] if isinstance(results, dict) else None

    @property
    def config(self) -> dict[str, Any]:
        """As loaded, with the ids and times that the gateway gave its routes."""
        key = "config_28" if self.gateway == "2.8" else "config_34"
        config: dict[str, Any] = json.loads(json.dumps(self.case[key]))
        loaded = {name: rest for name, *rest in self.case["loaded"].get(self.gateway) or []}
        for holder in [config, *config.get("services", [])]:
            for route in holder.get("routes") or []:
                if route.get("name") in loaded:
                    route_id, created_at = loaded[route["name"]]
                    route.setdefault("id", route_id)
                    route.setdefault("created_at", created_at)
        return config

    @functools.cached_property
    def router(self) -> Router:
        """The router for it, with the engines that are installed."""
        return self.router_with(None)

    def router_with(self, engines: Engines | None) -> Router:
        """The same with other engines."""
        release, flavor = GATEWAYS[self.gateway]
        return routing.router(self.config, release=release, router_flavor=flavor, engines=engines)

    def decisions(self) -> Iterator[tuple[int, Request, Mapping[str, Any], bool]]:
        """Number, request, what came out, and whether that varied between restarts."""
        varies = self.case.get("varies", {}).get(self.gateway, ())
        pairs = zip(self.case["requests"], self.case["results"][self.gateway], strict=True)
        for number, (request, result) in enumerate(pairs):
            yield number, Request(**request), result, number in varies


@pytest.fixture(scope="module")
def recordings(reference: Path) -> Sequence[Recording]:
    """Every configuration on every gateway."""
    return [
        Recording(path.stem, gateway, case)
        for path in sorted((reference / "cases/routing").glob("[0-9]*.json"))
        for case in [json.loads(path.read_text(encoding="utf-8"))]
        for gateway in GATEWAYS
    ]


@pytest.fixture(scope="module")
def loaded(recordings: Sequence[Recording]) -> Sequence[Recording]:
    """Those that the gateway loaded."""
    for engine in ("pcre2", "rurex"):
        pytest.importorskip(engine, reason=f"{engine} of the extra `routing` is not installed")
    return [recording for recording in recordings if not recording.refused]


def sampled(loaded: Sequence[Recording]) -> Sequence[Recording]:
    """Each seventh, which has all three gateways in turn; all of them in the nightly run."""
    return loaded[:: 1 if NIGHTLY else 7]


def test_every_recorded_decision_is_predicted(loaded: Sequence[Recording]) -> None:
    wrong: list[object] = []
    asked = 0
    for recording in loaded:
        for number, request, result, varies in recording.decisions():
            if varies or result["status"] in ANSWERED_BY_NGINX:
                continue
            asked += 1
            match = recording.router.match(request)
            got = match and (match.route, match.upstream_uri, match.upstream_host)
            want = tuple(result[key] for key in ("route", "upstream_uri", "upstream_host"))
            # What did not come from the upstream shows neither its path nor its host.
            if want[1] is None:
                got = match and (match.route, None, None)
            if got != (want if want[0] else None):
                wrong.append((recording.name, recording.gateway, number, want, match))
    assert wrong == []
    assert asked > 20_000


def test_uncertain_is_what_varied_between_restarts(loaded: Sequence[Recording]) -> None:
    """What varied is uncertain, and what was seen is among the candidates; little else is."""
    spurious = 0
    for recording in loaded:
        for number, request, result, varies in recording.decisions():
            match = recording.router.match(request)
            uncertain = match is not None and match.uncertain
            assert uncertain or not varies, (recording.name, number)
            if match is not None and uncertain:
                assert result["route"] in {one.route for one in match.candidates}
            spurious += uncertain and not varies
    assert spurious <= 10  # two of equal rank do not change places in each of three recordings


def test_what_nginx_refuses_is_routed_by_no_router(loaded: Sequence[Recording]) -> None:
    for recording in loaded:
        for number, request, result, _ in recording.decisions():
            if result["status"] in ANSWERED_BY_NGINX:
                assert recording.router.match(request) is None, (recording.name, number)


def test_the_status_of_an_answer_of_kong_is_predicted(loaded: Sequence[Recording]) -> None:
    for recording in sampled(loaded):
        for number, request, result, _ in recording.decisions():
            match = recording.router.match(request)
            if match is not None and match.status is not None and match.service is not None:
                assert match.status == result["status"], (recording.name, number)


def test_a_configuration_that_a_gateway_refused_is_refused_for_its_reason(
    recordings: Sequence[Recording],
) -> None:
    refused = [recording for recording in recordings if recording.refused]
    for recording in refused:
        with pytest.raises(RouterError) as caught:
            _ = recording.router
        said = str(caught.value)
        assert caught.value.route is not None
        for words in ("invalid wildcard", "must not have empty segments", "regex parse error"):
            assert (words in said) == (words in str(recording.refused)), recording.name
        for reason in re.findall(r"error: ([\w, -]+)", str(recording.refused)):
            assert reason in said
    assert refused


def test_ids_that_kong_makes_of_names_are_known(loaded: Sequence[Recording]) -> None:
    seen = 0
    for recording in loaded:
        if recording.gateway != "2.8":
            continue
        ids = {name: route_id for name, route_id, _ in recording.case["loaded"]["2.8"]}
        for route in routing.router(recording.case["config_28"], release="2.8").routes:
            assert route.id == ids[route.label]
        seen += "ids=none" in recording.case["title"]
    assert seen


def test_without_engines_a_wrong_answer_says_that_it_is_not_sure(
    loaded: Sequence[Recording],
) -> None:
    unsure = asked = 0
    for recording in sampled(loaded):
        without = recording.router_with(Engines())
        for number, request, _, _ in recording.decisions():
            match = without.match(request)
            asked += 1
            unsure += match is not None and match.uncertain
            if match is None or not match.uncertain:
                assert match == recording.router.match(request), (recording.name, number)
    assert unsure < asked / 50


def test_the_generated_requests_reach_every_route_that_was_reached(
    loaded: Sequence[Recording],
) -> None:
    for recording in sampled(loaded):
        left = routing.shadowed(recording.router, routing.requests_for(recording.config))
        recorded = {result["route"] for _, _, result, _ in recording.decisions()}
        assert recorded.isdisjoint(left), recording.name


def test_what_no_generated_request_reaches_no_other_one_does(loaded: Sequence[Recording]) -> None:
    """Parts of the requests that are known, put together at random, reach no shadowed route."""
    random = Random(10)
    for recording in sampled(loaded):
        known = routing.requests_for(recording.config)
        left = {*routing.shadowed(recording.router, known)}
        for _ in range(counted(5000) if left else 0):
            base, path, host, headers = (random.choice(known) for _ in range(4))
            tail = random.choice(("", "/", "/x", "1", "/a/b", "x"))
            request = attrs.evolve(
                base, path=path.path + tail, host=host.host, headers=headers.headers
            )
            match = recording.router.match(request)
            reached = {one.route for one in match.candidates} if match else set[str]()
            assert left.isdisjoint(reached), (recording.name, recording.gateway, request)
