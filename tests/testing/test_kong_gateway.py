"""What the stand-in's gateway answers and counts, without a process or a database."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import attrs
import pytest

from kong_lts.testing.kong_gateway import Gateway, KeyAuth, Route

RELEASES = ("2.8.5", "3.4.2")


ROUTE = Route(
    id="id",
    name=None,
    service="shop",
    service_id="s1",
    hosts=(),
    methods=(),
    paths=(),
    regex_priority=0,
)


def route(name: str | None, *paths: str, **more: Any) -> Route:
    return attrs.evolve(ROUTE, id=id_of(name), name=name, paths=paths, **more)


def id_of(name: str | None) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name or "nobody"))


def gateway(*routes: Route, release: str = "3.4.2", **more: Any) -> Gateway:
    return Gateway(release=release, routes=routes, **more)


def found(of: Gateway, path: str, method: str = "GET", **headers: str) -> str | None:
    """The name of the route that answers."""
    reply = of.proxy(method, path, headers)
    return json.loads(reply.body)["route"] if reply.status == 200 else None


# -- which route ------------------------------------------------------------------


@pytest.mark.parametrize("release", RELEASES)
def test_a_longer_prefix_wins_over_a_shorter_one(release: str) -> None:
    of = gateway(route("short", "/a"), route("long", "/a/b"), release=release)

    assert [found(of, path) for path in ("/a/b/c", "/a/c", "/b")] == ["long", "short", None]


@pytest.mark.parametrize(("release", "mark"), [("2.8.5", ""), ("3.4.2", "~")])
def test_a_regex_wins_over_a_prefix_and_priority_among_regexes(release: str, mark: str) -> None:
    of = gateway(
        route("prefix", "/orders/1"),
        route("low", f"{mark}/orders/\\d+", regex_priority=1),
        route("high", f"{mark}/orders/(?<id>\\d+)$", regex_priority=2),
        release=release,
    )

    assert [found(of, path) for path in ("/orders/1", "/orders/1/x", "/orders/x")] == [
        *("high", "low"),
        None,
    ]


@pytest.mark.parametrize(
    ("release", "allowed", "told"),
    [("2.8.5", False, True), ("3.4.2", False, False), ("3.4.2", True, True)],
)
def test_the_route_is_named_to_who_asks_where_the_release_allows_it(
    release: str, allowed: bool, told: bool
) -> None:
    of = gateway(route("r", "/a"), release=release, allow_debug_header=allowed)

    asked = of.proxy("GET", "/a", {"Kong-Debug": "1"})

    named = {"Kong-Route-Id": id_of("r"), "Kong-Route-Name": "r"}
    assert asked.headers == (named if told else {})
    assert of.proxy("GET", "/a", {}).headers == {}


def test_a_regex_beats_a_route_that_asks_for_more_in_3_4_alone() -> None:
    """As the models have it, which real gateways were held against."""
    routes = route("more", "/users", methods=("GET",)), route("regex", "~/users/\\d+")

    assert found(gateway(*routes, release="2.8.5"), "/users/1") == "more"
    assert found(gateway(*routes, release="3.4.2"), "/users/1") == "regex"


def test_a_route_for_https_alone_sends_plain_clients_there() -> None:
    of = gateway(route("r", "/a", protocols=("https",)))

    assert of.proxy("GET", "/a", {}).status == 426


@pytest.mark.parametrize("release", RELEASES)
def test_a_path_with_a_tilde_is_a_regex_to_both(release: str) -> None:
    """2.8.5 serves a database that 3.4 has migrated."""
    assert found(gateway(route("r", "~/re/\\d+"), release=release), "/re/5") == "r"


def test_a_regex_without_a_tilde_is_a_plain_path_to_3_4() -> None:
    of = gateway(route("r", "/re/\\d+"))

    assert found(of, "/re/5") is None
    assert found(gateway(route("r", "/re/\\d+"), release="2.8.5"), "/re/5") == "r"


@pytest.mark.parametrize(
    ("release", "stored"), [("2.8.5", "/shared%20files"), ("3.4.2", "/shared files")]
)
def test_request_and_route_meet_in_the_normal_form(release: str, stored: str) -> None:
    of = gateway(route("files", stored), release=release)

    assert found(of, "/x/../shared%20files/a?q=1") == "files"


@pytest.mark.parametrize("release", RELEASES)
def test_hosts_and_methods_have_to_fit_and_who_asks_for_more_wins(release: str) -> None:
    of = gateway(
        route("any", "/a/longer"),
        route("host", "/a", hosts=("x.example",)),
        route("both", "/a", hosts=("x.example",), methods=("POST",)),
        release=release,
    )

    assert found(of, "/a/longer", Host="x.example:8000") == "host"
    assert found(of, "/a/longer", "POST", Host="x.example") == "both"
    assert found(of, "/a/longer", "POST", Host="y.example") == "any"
    assert found(of, "/a", "POST", Host="y.example") is None


def test_a_route_without_a_path_takes_every_path() -> None:
    assert found(gateway(route("r", hosts=("x",))), "/whatever", Host="x") == "r"


def test_of_two_equal_routes_the_older_one_answers() -> None:
    assert found(gateway(route("older", "/a"), route("younger", "/a")), "/a") == "older"


def test_a_pattern_that_python_does_not_take_matches_nothing() -> None:
    assert found(gateway(route("r", "/a(?>b)\\Qc"), release="2.8.5"), "/ab") is None


def test_a_route_without_a_name_is_called_by_its_id() -> None:
    assert found(gateway(route(None, "/a")), "/a") == id_of(None)


# -- key-auth ------------------------------------------------------------------


KEY_AUTH = KeyAuth(route_id=None, service_id=None, names=("apikey", "x-key"))


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/a", {}, 401),
        ("/a", {"apikey": "wrong"}, 401),
        ("/a?apikey=wrong", {}, 401),
        ("/a", {"apikey": "right"}, 200),
        ("/a", {"x-key": "right"}, 200),
        ("/a?x-key=right", {}, 200),
        ("/nowhere", {"apikey": "right"}, 404),
    ],
)
@pytest.mark.parametrize("release", RELEASES)
def test_key_auth(release: str, target: str, headers: dict[str, str], status: int) -> None:
    keys = frozenset({"right"})
    of = gateway(route("r", "/a"), release=release, key_auths=(KEY_AUTH,), keys=keys)

    reply = of.proxy("GET", target, headers)

    assert reply.status == status
    assert ("WWW-Authenticate" in reply.headers) == (status == 401)


@pytest.mark.parametrize(
    ("plugin", "guarded"),
    [
        ({"route_id": id_of("r"), "service_id": None}, {"r"}),
        ({"route_id": None, "service_id": "s1"}, {"r", "sibling"}),
        ({"route_id": None, "service_id": None}, {"r", "sibling", "other"}),
    ],
)
def test_key_auth_guards_a_route_a_service_or_everything(
    plugin: dict[str, str | None], guarded: set[str]
) -> None:
    of = gateway(
        route("r", "/r"),
        route("sibling", "/sibling"),
        route("other", "/other", service_id="s2"),
        key_auths=(KeyAuth(names=("apikey",), **plugin),),
    )

    names = ("r", "sibling", "other")
    assert {n for n in names if of.proxy("GET", f"/{n}", {}).status == 401} == guarded


def test_no_key_is_in_a_repr() -> None:
    assert "secret" not in repr(gateway(keys=frozenset({"secret"})))


# -- status and metrics ------------------------------------------------------------------


def test_2_8_has_no_readiness() -> None:
    assert gateway(release="2.8.5").status("/status/ready").status == 404
    assert gateway().status("/status/ready").body == b'{"message":"ready"}'


def families(page: str) -> dict[str, set[tuple[str, ...]]]:
    """Names of a page of metrics, each with the names of its labels."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for name, labels in re.findall(r"(?m)^(\w+)(\{.*\})? ", page):
        found.setdefault(name, set()).add(tuple(re.findall(r'(\w+)="', labels)))
    return found


@pytest.mark.parametrize(("release", "recorded"), [("2.8.5", "28"), ("3.4.2", "34-all")])
def test_metrics_have_the_names_and_labels_that_were_recorded(
    reference: Path, release: str, recorded: str
) -> None:
    real = families((reference / f"reference/kong/metrics/{recorded}.txt").read_text("utf-8"))
    of = gateway(route("r", "/a"), release=release, counts_requests=True, counts_latency=True)
    of.proxy("GET", "/a", {})

    own = families(of.status("/metrics").body.decode())

    assert own
    assert {
        name: labels for name, labels in own.items() if not labels <= real.get(name, set())
    } == {}


def test_what_3_4_has_by_default_has_no_families_of_requests(reference: Path) -> None:
    real = families((reference / "reference/kong/metrics/34-default.txt").read_text("utf-8"))
    of = gateway(route("r", "/a"))
    of.proxy("GET", "/a", {})

    assert families(of.status("/metrics").body.decode()).keys() <= real.keys()


@pytest.mark.parametrize(
    ("release", "lines"),
    [
        (
            "2.8.5",
            [
                'kong_http_status{service="shop",route="r",code="200"} 2',
                'kong_http_status{service="shop",route="r",code="401"} 1',
                'kong_latency_count{service="shop",route="r",type="request"} 3',
            ],
        ),
        (
            "3.4.2",
            [
                "kong_http_requests_total"
                '{service="shop",route="r",code="200",source="service",consumer=""} 2',
                "kong_http_requests_total"
                '{service="shop",route="r",code="401",source="kong",consumer=""} 1',
                'kong_request_latency_ms_count{service="shop",route="r"} 3',
            ],
        ),
    ],
)
def test_answers_are_counted_but_not_those_without_a_route(release: str, lines: list[str]) -> None:
    of = gateway(
        route("r", "/a"),
        release=release,
        key_auths=(KEY_AUTH,),
        keys=frozenset({"k"}),
        counts_requests=True,
        counts_latency=True,
    )
    for target in ("/a?apikey=k", "/a?apikey=k", "/a", "/nowhere"):
        of.proxy("GET", target, {})

    page = of.status("/metrics").body.decode().splitlines()

    assert [line for line in lines if line not in page] == []
    assert sum("code=" in line for line in page) == 2
