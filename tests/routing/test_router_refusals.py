"""What a release refuses to load is refused with its words, and what it loads is not."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts import routing
from kong_lts.errors import RouterError
from tests.conftest import counted

TRADITIONAL = ("3.4", "traditional")
COMPATIBLE = ("3.4", "traditional_compatible")
OLD = ("2.8", None)
ALL = (OLD, TRADITIONAL, COMPATIBLE)


def load(route: Mapping[str, Any], release: tuple[str, str | None], version: str = "") -> None:
    """Make the router of one route, called r."""
    version = version or ("2.1" if release is OLD else "3.0")
    document = {"_format_version": version, "services": [{"name": "s", "host": "up.test"}]}
    document["services"][0]["routes"] = [{"name": "r", **route}]  # type: ignore[index] # a list
    routing.router(document, release=release[0], router_flavor=release[1])


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ({"hosts": ["*.a.*"]}, "invalid wildcard: must have at most one wildcard"),
        ({"hosts": ["a.*.test"]}, "invalid wildcard: must be placed at leftmost or rightmost"),
        ({"hosts": ["a.*:80"]}, "invalid wildcard: must be placed at leftmost or rightmost"),
        ({"hosts": ["a_b-.test"]}, "invalid hostname: a_b-.test"),
        ({"hosts": ["a..test"]}, "invalid hostname: a..test"),
        ({"hosts": ["a test"]}, "invalid hostname: a test"),
        ({"hosts": ["a.test:65536"]}, "invalid port number"),
        ({"hosts": ["1.2.3"]}, "invalid ipv4 address: 1.2.3"),
        ({"hosts": ["::g"]}, "invalid ipv6 address: ::g"),
        ({"hosts": "a.test"}, "hosts: expected an array"),
        ({"hosts": [7]}, "hosts: expected a string"),
        ({"methods": ["get"]}, "invalid value: get"),
        ({"headers": {"Host": ["a"]}}, "cannot contain 'host' header"),
        ({"headers": {"x a": ["a"]}}, "bad header name 'x a'"),
        ({"headers": ["x-a"]}, "headers: expected a map"),
        ({"headers": {"x-a": "1"}}, "headers.x-a: expected an array"),
        ({"paths": ["a"]}, "should start with: /"),
        ({"paths": ["/a//b"]}, "must not have empty segments"),
        ({"paths": ["/a%2"]}, "invalid url-encoded value: '%2'"),
        ({"paths": ["/a"], "protocols": ["http", "tcp"]}, "mutually exclusive"),
        ({"paths": ["/a"], "protocols": ["htp"]}, "expected one of: grpc, grpcs, http"),
        ({"paths": ["/a"], "protocols": []}, "length must be at least 1"),
        ({"paths": ["/a"], "protocols": ["grpc"], "methods": ["GET"]}, "cannot set 'methods'"),
        ({"paths": ["/a"], "protocols": ["grpc"], "strip_path": True}, "cannot set 'strip_path'"),
        ({"paths": ["/a"], "protocols": ["http"], "snis": ["a.test"]}, "'snis' can only be set"),
        ({"snis": ["a.test:1"], "protocols": ["https"]}, "must not have a port"),
        ({"snis": ["1.2.3.4"], "protocols": ["https"]}, "must not be an IP"),
        ({}, "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when"),
        ({"protocols": ["http"], "paths": []}, "'headers', 'paths' when 'protocols' is 'http'"),
        ({"paths": ["/a"], "path_handling": "v2"}, "expected one of: v0, v1"),
        ({"paths": ["/a"], "regex_priority": "1"}, "regex_priority: expected an integer"),
        ({"paths": ["/a"], "regex_priority": 1.5}, "regex_priority: expected an integer"),
        ({"paths": ["/a"], "strip_path": "yes"}, "strip_path: expected a boolean"),
        ({"paths": ["/a"], "https_redirect_status_code": 303}, "expected one of: 426, 301"),
        ({"paths": ["/a"], "id": "r"}, "id: expected a valid UUID"),
        ({"paths": ["/a"], "name": "a b"}, "name: invalid value 'a b': the only accepted ascii"),
        ({"paths": ["/a"], "protocols": ["grpc"], "methods": []}, "cannot set 'methods'"),
        ({"paths": ["/a"], "sources": [{"port": 1}]}, "sources: cannot set 'sources' when"),
        ({"snis": ["a.test"], "protocols": ["tls"], "paths": ["/a"]}, "cannot set 'paths' when"),
    ],
    ids=str,
)
@pytest.mark.parametrize("release", ALL, ids=str)
def test_a_route_that_no_release_loads_is_refused(
    release: tuple[str, str | None], route: Mapping[str, Any], reason: str
) -> None:
    with pytest.raises(RouterError, match=re.escape(reason)) as caught:
        load(route, release)

    assert caught.value.route in (route.get("id"), route.get("name", "r"))


@pytest.mark.parametrize(
    "route",
    [
        {"hosts": ["*.a.test:8080", "a.*", "a.test:65535", "1.2.3.4", "[::1]:80", "a.test."]},
        {"headers": {"x_a": ["~*^1$", ""]}},
        {"snis": ["a.test."], "protocols": ["https"]},
        {"paths": ["/a%2F", "/~b"], "methods": ["FOO"], "name": "é_~.-"},
        {"paths": ["/a"], "protocols": ["grpc"]},
        {"paths": ["/a"], "hosts": None, "methods": None, "headers": None, "regex_priority": None},
        {"snis": ["a.test"], "protocols": ["tls"]},
        {"sources": [{"ip": "1.2.3.4"}], "protocols": ["tcp"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("release", ALL, ids=str)
def test_a_route_that_each_release_loads_is_left_alone(
    release: tuple[str, str | None], route: Mapping[str, Any]
) -> None:
    load(route, release)


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/(a", (True, None, None)),
        ("/a++b", (False, None, None)),
        ("~/(a", (True, True, True)),
        ("~/a++b", (True, False, False)),
        ("~/(?!a)b", (True, False, True)),
        (r"~/(a)\1", (True, False, True)),
        ("~/a{,3}", (True, False, True)),
        (r"~/\w{1000}", (True, False, True)),
        ("~~/a", (True, True, True)),
        ("/a%2Eb", (False, True, True)),
        ("/a/../b", (False, True, True)),
        ("/a b", (False, False, False)),
        ("/a%2fb", (False, True, True)),
    ],
)
def test_each_release_takes_its_own_paths(
    path: str, refused: tuple[bool | None, bool | None, bool | None]
) -> None:
    for release, is_refused in zip(ALL, refused, strict=True):
        if is_refused:
            with pytest.raises(RouterError, match="route r: paths: "):
                load({"paths": [path]}, release)
        elif is_refused is not None:
            load({"paths": [path]}, release)


@pytest.mark.parametrize("version", ["1.1", "2.1"])
def test_3_4_migrates_the_paths_of_an_old_document_before_it_looks_at_them(version: str) -> None:
    load({"paths": ["/a%2Eb", r"/x/\d+"]}, COMPATIBLE, version)
    with pytest.raises(RouterError, match="regex parse error"):
        load({"paths": ["/(?=a)b"]}, COMPATIBLE, version)


def test_3_4_loads_a_bad_regex_in_a_header_and_drops_the_route() -> None:
    document = {
        "_format_version": "3.0",
        "routes": [{"name": "r", "paths": ["/"], "headers": {"x-a": ["~*(?!b)a"]}}],
    }
    request = routing.Request(headers={"x-a": "a"})

    assert routing.router(document, release="3.4").match(request) is None
    traditional = routing.router(document, release="3.4", router_flavor="traditional")
    assert traditional.match(request) is not None


def test_every_route_that_is_refused_is_named_up_to_a_few() -> None:
    routes = [{"name": f"r{n}", "paths": ["a"]} for n in range(8)]

    with pytest.raises(RouterError) as caught:
        routing.router({"routes": routes}, release="2.8")

    assert caught.value.route == "r0"
    assert str(caught.value).count("should start with: /") == 5
    assert str(caught.value).endswith("; and 3 more")


@pytest.mark.parametrize(
    ("field", "value", "called"),
    [("name", "r", "name"), ("id", "00000000-0000-4000-8000-000000000000", "primary key")],
)
def test_two_routes_of_one_name_or_id_are_refused(field: str, value: str, called: str) -> None:
    routes = [{field: value, "paths": ["/a"]}, {field: value, "paths": ["/b"]}]

    with pytest.raises(RouterError, match=f"uniqueness violation: 'routes' entity with {called} s"):
        routing.router({"routes": routes}, release="3.4")


@pytest.mark.parametrize(
    ("document", "release", "reason"),
    [
        ({"_format_version": "3.0"}, "2.8", "_format_version: expected one of: 1.1, 2.1"),
        ({"_format_version": 3.0}, "3.4", "_format_version: expected one of: 1.1, 2.1, 3.0"),
        ({"services": {}}, "2.8", "services: expected an array"),
        ({"services": ["s"]}, "2.8", r"services[0]: expected a record"),
        ({"services": [{"routes": {}}]}, "2.8", r"services[0].routes: expected an array"),
        ({"services": [{"port": "x"}]}, "2.8", r"services[0].port: expected an integer"),
        ({"services": [{"url": "http://a:b"}]}, "2.8", "invalid url"),
        ({"routes": [{"service": "s", "paths": ["/"]}]}, "3.4", "invalid reference 'service: s'"),
        ([], "2.8", "no mapping"),
        ({}, "3.5", "release 3.5"),
    ],
    ids=str,
)
def test_a_document_that_cannot_be_read_is_refused(
    document: Any, release: str, reason: str
) -> None:
    with pytest.raises(RouterError, match=re.escape(reason)):
        routing.router(document, release=release)


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ({"path": "a"}, "path: should start with: /"),
        ({"path": "/a//b"}, "path: must not have empty segments"),
        ({"path": "/a b"}, "path: invalid path: '/a b'"),
        ({"path": "/a%2"}, "path: invalid url-encoded value: '%2'"),
        ({"path": 7}, "path: expected a string"),
        ({"protocol": "ftp"}, "protocol: expected one of: grpc, grpcs"),
        ({"name": "a/b"}, "name: invalid value 'a/b'"),
        ({"url": "http://up.test/a<b"}, "path: invalid path: '/a<b'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("release", ["2.8", "3.4"])
def test_a_service_that_no_release_loads_is_refused(
    release: str, service: Mapping[str, Any], reason: str
) -> None:
    with pytest.raises(RouterError, match=re.escape(reason)):
        routing.router({"services": [{"name": "s", **service}]}, release=release)


def test_a_service_may_have_any_path_of_rfc_3986() -> None:
    services = [{"name": "s.-_~é", "path": "/a%20b;c=d,e@f:$!*'()+&", "protocol": "grpcs"}]

    assert routing.router({"services": services}, release="3.4").routes == ()


def test_a_flavor_that_is_not_known_is_refused() -> None:
    with pytest.raises(RouterError, match="router_flavor expressions: this knows traditional and"):
        routing.router({}, release="3.4", router_flavor="expressions")


def test_routes_of_a_disabled_service_and_of_streams_are_left_out() -> None:
    document = {
        "services": [
            {"name": "off", "enabled": False, "routes": [{"name": "a", "paths": ["/"]}]},
            {"name": "tcp", "routes": [{"name": "b", "protocols": ["tls"], "snis": ["a.test"]}]},
            {"name": "on", "routes": [{"name": "c", "paths": ["/"]}]},
        ]
    }

    assert [route.label for route in routing.router(document, release="2.8").routes] == ["c"]


@pytest.mark.parametrize("service", ["s", {"name": "s"}, {"id": "s"}], ids=str)
def test_a_route_may_name_its_service_outside_of_it(service: object) -> None:
    document = {
        "services": [{"name": "s", "id": "s", "host": "up.test"}],
        "routes": [{"name": "r", "paths": ["/"], "service": service}],
    }
    match = routing.router(document, release="3.4").match(routing.Request())

    assert match is not None
    assert (match.route, match.service) == ("r", "s")


@pytest.mark.parametrize(
    ("route", "label"),
    [
        ({"paths": ["/"]}, "services[0].routes[0]"),
        (
            {"paths": ["/"], "id": "00000000-0000-4000-8000-000000000001"},
            "00000000-0000-4000-8000-000000000001",
        ),
    ],
    ids=str,
)
def test_a_route_without_a_name_goes_by_its_id_or_place(
    route: Mapping[str, Any], label: str
) -> None:
    document = {"services": [{"name": "s", "host": "up.test", "routes": [route]}]}
    match = routing.router(document, release="2.8").match(routing.Request())

    assert match is not None
    assert match.route == label


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.sampled_from("/~")
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)
PATHS = st.lists(
    st.text("/~%2aF.(?<|)[]{}\\\\*+-^$é \n", max_size=12).map("/{}".format), max_size=2
)
KEYS = st.sampled_from(
    [
        *("id", "name", "created_at", "protocols", "methods", "hosts", "paths", "headers", "snis"),
        *("regex_priority", "strip_path", "path_handling", "preserve_host", "service"),
        "https_redirect_status_code",
    ]
)
ROUTES = st.lists(
    st.one_of(st.dictionaries(KEYS, ANYTHING), st.fixed_dictionaries({"paths": PATHS})), max_size=3
)
DOCUMENTS = st.one_of(
    ANYTHING,
    st.fixed_dictionaries({"routes": ROUTES}),
    st.fixed_dictionaries({"services": st.lists(st.fixed_dictionaries({"routes": ROUTES}))}),
    st.dictionaries(
        st.sampled_from(["_format_version", "services", "routes", "upstreams"]), ANYTHING
    ),
)


@settings(max_examples=counted(1000))
@given(
    document=DOCUMENTS,
    release=st.sampled_from(ALL),
    path=st.text("/~%2aF.?#\\é \n\udc80", max_size=8).map("/{}".format),
    host=st.text("a.:[]*8", max_size=6),
)
def test_whatever_the_document_it_is_routed_or_refused(
    document: Any, release: tuple[str, str | None], path: str, host: str
) -> None:
    try:
        router = routing.router(document, release=release[0], router_flavor=release[1])
        routing.requests_for(document, most=50)
    except RouterError:
        pass
    else:
        router.match(routing.Request(path=path, host=host))
