"""Each measured cause is told from the others, shown by its smallest request, with a way out."""

from collections.abc import Mapping
from typing import Any

import pytest

from kong_lts import routing
from kong_lts.routing import Cause, Request
from kong_lts.routing.router.engines import Engines
from kong_lts.serialization import Form


def document(*routes: Mapping[str, Any]) -> dict[str, Any]:
    """A document of 2.8; the first route is the oldest and has the smallest id."""
    named = [
        {"name": f"r{n}", "created_at": n, "id": f"{n:08x}-0000-4000-8000-000000000000", **route}
        for n, route in enumerate(routes, 1)
    ]
    service = {"name": "s", "host": "up.test", "path": "/svc", "routes": named}
    return {"_format_version": "2.1", "services": [service]}


def only(routes: list[dict[str, Any]], request: Request, **other: Any) -> routing.Difference:
    """The one difference that one request shows."""
    config = document(*routes)
    differences = routing.compare(config, config, [request], **other)
    assert len(differences) == 1
    return differences[0]


def winners(difference: routing.Difference) -> tuple[str | None, str | None]:
    """Names of the routes, None for no route."""
    matches = (difference.match_28, difference.match_34)
    current, new = (None if match is None else match.route for match in matches)
    return current, new


@pytest.mark.parametrize(
    ("cause", "routes", "request_", "names"),
    [
        (
            Cause.PATH_HANDLING,
            [{"paths": ["/a"], "path_handling": "v1"}],
            Request(path="/ab"),
            ("r1", "r1"),
        ),
        (
            Cause.GREATEST_ID,
            [{"paths": ["/a"]}, {"paths": ["/a"]}],
            Request(path="/a"),
            ("r1", "r2"),
        ),
        (
            Cause.REGEX_OVER_PREFIX,
            [{"paths": [r"/users/\d+"]}, {"paths": ["/users"], "methods": ["GET"]}],
            Request(path="/users/1"),
            ("r2", "r1"),
        ),
        (
            Cause.NEGATIVE_PRIORITY,
            [{"paths": ["/.*"], "regex_priority": 1}, {"paths": ["/[a-z]+"], "regex_priority": -5}],
            Request(path="/ab"),
            ("r1", "r2"),
        ),
        (
            Cause.NEGATIVE_PRIORITY,
            [
                {"paths": [r"/users/\d+"], "regex_priority": 4096},
                {"hosts": ["a.test"], "paths": ["/users"], "methods": ["GET"]},
            ],
            Request(path="/users/1", host="a.test"),
            ("r2", "r1"),
        ),
        (
            Cause.EXACT_HOSTS,
            [{"hosts": ["*.a.test:8080"]}, {"hosts": ["www.a.test"]}],
            Request(host="www.a.test:8080"),
            ("r1", "r2"),
        ),
        (
            Cause.PRIORITY_IN_CRITERIA,
            [
                {"paths": [r"/users/\d+"], "regex_priority": 2048},
                {"paths": [r"/users/\d+$"], "methods": ["GET"]},
            ],
            Request(path="/users/1"),
            ("r2", "r1"),
        ),
        (
            Cause.PRIORITY_IN_HEADERS,
            [
                {"paths": [r"/users/\d+"], "headers": {"x-a": ["1"]}, "regex_priority": 8},
                {
                    "paths": [r"/users/\d+$"],
                    "headers": {"x-a": ["1"], "x-b": ["2"]},
                    "regex_priority": 1,
                },
            ],
            Request(path="/users/1", headers={"x-a": "1", "x-b": "2"}),
            ("r2", "r1"),
        ),
        (
            Cause.REGEX_PRIORITY,
            [
                {"hosts": ["a.*"], "paths": ["/users/.*"]},
                {"paths": ["/[a-z]+/.*"], "methods": ["GET"], "regex_priority": 10},
            ],
            Request(path="/users/12", host="a.com"),
            ("r1", "r2"),
        ),
        (
            Cause.HEADER_COUNT,
            [{"hosts": ["*.a.test"]}, {"headers": {"x-a": ["1"]}}],
            Request(host="www.a.test", headers={"x-a": "1"}),
            ("r1", "r2"),
        ),
        (
            Cause.LONGER_PREFIX,
            [{"hosts": ["*.a.test"]}, {"paths": ["/users"]}],
            Request(host="www.a.test", path="/users"),
            ("r1", "r2"),
        ),
        (
            Cause.SNI_WITHOUT_TLS,
            [{"snis": ["a.test"], "protocols": ["https"]}],
            Request(path="/x"),
            (None, "r1"),
        ),
        (Cause.HOST, [{"hosts": ["a.test"]}], Request(host="a.test:"), ("r1", None)),
        (Cause.HOST, [{"hosts": ["*.a.test"]}], Request(host=".a.test"), (None, "r1")),
        (Cause.HOST, [{"hosts": ["a.*"]}], Request(host="a.test:abc"), (None, "r1")),
        (
            Cause.HEADER,
            [{"paths": ["/"], "headers": {"x-a": ["1"]}}],
            Request(headers={"x_a": "1"}),
            (None, "r1"),
        ),
        (
            Cause.HEADER,
            [{"paths": ["/"], "headers": {"x-a": ["~*^v[0-9]+$", "zz"]}}, {"paths": ["/"]}],
            Request(headers={"x-a": "v1"}),
            ("r2", "r1"),
        ),
        (Cause.REGEX, [{"paths": ["/a|/b"]}], Request(path="/c/b"), (None, "r1")),
        (Cause.REGEX, [{"paths": ["/a|/b"]}], Request(path="/a"), ("r1", "r1")),
        (
            Cause.REGEX,
            [{"hosts": ["a.test"], "paths": [r"/c/\d"]}],
            Request(host="a.test", path=r"/c/\d"),
            ("r1", None),
        ),
        (Cause.REGEX, [{"paths": ["/"]}], Request(path="/%FF"), ("r1", None)),
        (
            Cause.HEADER,
            [{"paths": ["/"], "headers": {"x-a": ["~*(?>a)"]}}, {"paths": ["/"]}],
            Request(headers={"x-a": "a"}),
            ("r1", "r2"),
        ),
        (Cause.REQUEST_LINE, [{"paths": ["/"]}], Request(path="/a b"), ("r1", None)),
        (
            Cause.EQUAL_CREATED_AT,
            [{"paths": ["/"], "created_at": 7}, {"paths": ["/"], "created_at": 7}],
            Request(),
            ("r1", "r2"),
        ),
    ],
)
def test_the_cause_is_named(
    cause: Cause, routes: list[dict[str, Any]], request_: Request, names: tuple[str, str]
) -> None:
    difference = only(routes, request_)

    assert difference.cause == cause
    assert winners(difference) == names
    assert difference.way_out


@pytest.mark.parametrize(
    ("routes", "request_"),
    [
        ([{"paths": ["/a"], "path_handling": "v1"}], Request(path="/a/b")),
        ([{"paths": ["/a"], "path_handling": "v0"}], Request(path="/ab")),
        ([{"paths": ["/a"]}, {"paths": ["/a/b"]}], Request(path="/a/b")),
        ([{"paths": ["/a"]}, {"paths": ["/a"], "methods": ["GET"]}], Request(path="/a")),
        ([{"paths": [r"/u/\d+"], "methods": ["GET"]}, {"paths": ["/u"]}], Request(path="/u/1")),
        (
            [{"paths": ["/.*"], "regex_priority": 0}, {"paths": ["/a.*"], "regex_priority": 5}],
            Request(path="/ab"),
        ),
        (
            [
                {"paths": [r"/users/\d+"], "regex_priority": 1023},
                {"paths": [r"/users/\d+$"], "methods": ["GET"]},
            ],
            Request(path="/users/1"),
        ),
        ([{"hosts": ["a.test"]}, {"hosts": ["*.test"]}], Request(host="a.test")),
        ([{"snis": ["a.test"], "protocols": ["https"]}], Request(scheme="https", sni="a.test")),
        ([{"hosts": ["a.test"]}], Request(host="a.test:8080")),
        ([{"paths": ["/"], "headers": {"x-a": ["1"]}}], Request(headers={"x-a": "1"})),
        ([{"paths": ["/(a|b)/c"]}], Request(path="/b/c")),
    ],
)
def test_where_both_decide_alike_there_is_no_difference(
    routes: list[dict[str, Any]], request_: Request
) -> None:
    config = document(*routes)

    assert routing.compare(config, config, [request_]) == ()


def test_traditional_differs_by_the_length_of_a_path_as_it_was_written() -> None:
    routes = [{"paths": ["/a.b"]}, {"paths": ["/a%2Eb"]}]

    difference = only(routes, Request(path="/a.b"), router_flavor="traditional")

    assert (difference.cause, winners(difference)) == (Cause.WRITTEN_LENGTH, ("r2", "r1"))


def test_a_route_of_one_configuration_only_is_its_own_cause() -> None:
    one, other = document({"paths": ["/a"]}), document({"paths": ["/b"], "name": "b"})

    differences = routing.compare(one, other, [Request(path="/a"), Request(path="/b")])

    assert {difference.cause for difference in differences} == {Cause.CONFIGURATION}


def test_routes_without_id_and_name_leave_3_4_undecided() -> None:
    routes = [{"paths": ["/a"], "created_at": n} for n in (1, 2)]
    config = {"_format_version": "2.1", "routes": routes}

    (difference,) = routing.compare(config, config, [Request(path="/a")])

    assert difference.cause == Cause.GREATEST_ID
    assert difference.match_34 is not None
    assert {one.route for one in difference.match_34.candidates} == {"routes[0]", "routes[1]"}


def test_requests_with_one_cause_are_one_difference_shown_by_the_smallest() -> None:
    config = document({"paths": ["/a"]}, {"paths": ["/a"]}, {"paths": ["/b"]})
    requests = [Request(path=path) for path in ("/a/long", "/a/x", "/a", "/b", "/c")]

    (difference,) = routing.compare(config, config, requests)

    assert difference.request == Request(path="/a")
    assert difference.requests == 3
    assert str(difference) == "greatest-id: GET /a: r1 in 2.8, r2 in 3.4"


def test_without_requests_the_generated_ones_are_compared() -> None:
    config = document({"paths": ["/a"]}, {"paths": [r"/a/\d+"]}, {"paths": ["/a"]})

    causes = {difference.cause for difference in routing.compare(config, config)}

    assert Cause.GREATEST_ID in causes


def test_the_access_log_says_which_difference_weighs_most() -> None:
    config = document({"paths": ["/a"]}, {"paths": ["/a"]}, {"paths": ["/b"]}, {"paths": ["/b"]})
    requests = [Request(path="/a"), Request(path="/a/1"), Request(path="/b")]
    log = [
        '10.0.0.1 - - [23/Nov/2026:10:00:00 +0000] "GET /b/7?x=1 HTTP/1.1" 200 5 "-" "curl"',
        '10.0.0.1 - - [23/Nov/2026:10:00:01 +0000] "GET /b/7?x=2 HTTP/2.0" 200 5 "-" "curl"',
        '10.0.0.1 - - [23/Nov/2026:10:00:02 +0000] "POST /a HTTP/1.1" 200 5 "-" "curl"',
        "no request at all",
    ]

    weighed = routing.compare(config, config, requests, access_log=log)
    unweighed = routing.compare(config, config, requests)

    assert [(d.request.path, d.traffic) for d in weighed] == [("/b", 2), ("/a", 1)]
    assert [(d.request.path, d.traffic) for d in unweighed] == [("/a", None), ("/b", None)]


def test_requests_by_path_weigh_as_those_of_the_difference() -> None:
    config = document({"paths": ["/a"], "methods": ["PUT"]}, {"paths": ["/a"], "methods": ["PUT"]})

    (weighed,) = routing.compare(
        config, config, [Request(method="PUT", path="/a")], access_log={"/a/7": 3, "/b": 5}
    )

    assert weighed.traffic == 3


def test_two_winners_that_are_not_known_may_be_different_ones() -> None:
    routes = [{"name": name, "paths": ["/a"]} for name in "ab"]
    config = {"_format_version": "2.1", "routes": routes}
    current, new = (
        routing.router(config, release=release, ids_of_names=False) for release in ("2.8", "3.4")
    )

    (difference,) = routing.compare(current, new, [Request(path="/a")])

    assert difference.cause == Cause.EQUAL_CREATED_AT
    traditional = routing.router(config, release="3.4", router_flavor="traditional")
    assert routing.compare(current, traditional, [Request(path="/a")]) == ()


def test_a_regex_that_cannot_be_decided_is_called_so() -> None:
    config = document({"paths": [r"/\p{L}+"]}, {"paths": ["/x"]})
    current, new = (
        routing.router(config, release=release, router_flavor=flavor, engines=Engines())
        for release, flavor in (("2.8", None), ("3.4", "traditional_compatible"))
    )
    sure = routing.router(document({"paths": ["/b"]}), release="3.4")

    assert routing.compare(current, new, [Request(path="/a")]) == ()
    (difference,) = routing.compare(current, sure, [Request(path="/a")])
    assert difference.cause == Cause.NOT_DECIDED


def test_a_difference_turns_into_json_and_back() -> None:
    form = Form(routing.Difference, "difference")
    request = Request(path="/", headers={"x-a": ["1", "2"]}, scheme="https", sni="a.test")
    routes = [{"paths": ["/"], "created_at": 7}, {"paths": ["/"], "created_at": 7}]
    difference = only(routes, request)

    assert form.from_json(form.to_json(difference)) == difference


def test_every_cause_has_words_for_both_releases_and_a_way_out() -> None:
    for cause in Cause:
        assert cause.explanation.reason.endswith(".")
        assert cause.explanation.way_out.endswith(".")


def test_a_route_that_nothing_can_reach_is_shadowed() -> None:
    config = document({"paths": ["/a"]}, {"paths": ["/a"], "methods": ["GET"]}, {"paths": ["/a"]})

    assert routing.shadowed(config, release="2.8") == ("r3",)
    assert routing.shadowed(config, release="3.4") == ("r1",)


def test_generated_requests_go_where_two_routes_meet() -> None:
    config = document(
        {"hosts": ["*.a.test"], "headers": {"x-a": ["1"]}},
        {"paths": [r"/users/\d+"], "methods": ["POST"]},
        {"snis": ["b.test"], "protocols": ["https"]},
    )

    requests = routing.requests_for(config)

    def meets(request: Request) -> bool:
        named = ("x-a", "1") in request.headers and request.host.endswith(".a.test")
        return named and request.method == "POST" and request.path.startswith("/users/")

    assert any(map(meets, requests))
    assert any(request.sni == "b.test" and request.method == "POST" for request in requests)
