"""What of a request a router gets to see, and what the upstream gets of it."""

from typing import Any

import attrs
import pytest

from kong_lts import routing
from kong_lts.routing import Match, Request


def config(*routes: dict[str, Any], **service: Any) -> dict[str, Any]:
    """A document with these routes, named r0, r1 and so on, the first one the oldest."""
    named = [{"name": f"r{n}", "created_at": n, **route} for n, route in enumerate(routes)]
    own = {"name": "s", "host": "up.test", "port": 8000, **service}
    return {"_format_version": "2.1", "services": [{**own, "routes": named}]}


def route_of(
    document: dict[str, Any], request: Request, release: str, router_flavor: str | None = None
) -> str | None:
    """The route that wins."""
    match = routing.router(document, release=release, router_flavor=router_flavor).match(request)
    return None if match is None else match.route


def sent(document: dict[str, Any], request: Request, release: str = "2.8") -> Match:
    """What becomes of a request that a route takes."""
    match = routing.router(document, release=release).match(request)
    assert match is not None
    return match


@pytest.mark.parametrize(
    ("path", "upstream_uri"),
    [
        ("/a/x", "/a/x"),
        ("/a/%62", "/a/b"),
        ("/a/b%2fc", "/a/b%2Fc"),
        ("//a//x", "/a/x"),
        ("/a/./b/../x", "/a/x"),
        ("/a/x?y=/z", "/a/x?y=/z"),
        ("/a?", "/a?"),
        ("/a/é", "/a/%C3%A9"),
        ("/a/x|y", "/a/x%7Cy"),
        ("http://other.test/a/x", "/a/x"),
        ("/a/x?b#c", "/a/x?b"),
    ],
)
@pytest.mark.parametrize("release", ["2.8", "3.4"])
def test_the_path_is_normalised_before_it_is_compared_and_sent_on(
    release: str, path: str, upstream_uri: str
) -> None:
    document = config({"paths": ["/a"], "strip_path": False})

    assert sent(document, Request(path=path), release).upstream_uri == upstream_uri


@pytest.mark.parametrize("path", ["/..", "/a/../../b", "/a%", "/a%2", "/a%00", "a", "*", "?", ""])
@pytest.mark.parametrize("release", ["2.8", "3.4"])
def test_a_target_that_nginx_refuses_reaches_no_route(release: str, path: str) -> None:
    assert route_of(config({"paths": ["/"]}), Request(path=path), release) is None


@pytest.mark.parametrize(("release", "route"), [("2.8", "r0"), ("3.4", None)])
@pytest.mark.parametrize("path", ["/a b", "/a\tb"])
def test_a_blank_in_the_target_is_refused_since_3_4(
    release: str, route: str | None, path: str
) -> None:
    assert route_of(config({"paths": ["/"]}), Request(path=path), release) == route


@pytest.mark.parametrize(
    ("host", "in_28", "in_34"),
    [
        ("a..test", None, None),
        ("a/b", None, None),
        (":80", None, None),
        (".:80", None, None),
        (".", None, None),
        ("a b", "r0", None),
        ("a\tb", "r0", None),
        ("a.", "r0", "r0"),
        (".a", "r0", "r0"),
        ("a.:80", "r0", "r0"),
        ("", "r0", "r0"),
    ],
)
def test_a_host_that_nginx_refuses_reaches_no_route(
    host: str, in_28: str | None, in_34: str | None
) -> None:
    document = config({"paths": ["/"]})

    assert route_of(document, Request(host=host), "2.8") == in_28
    assert route_of(document, Request(host=host), "3.4") == in_34


@pytest.mark.parametrize("port", ["9" * 5_000, "9" * 400 + ".", "0x" + "f" * 400, "\u00b2", "1e99"])
@pytest.mark.parametrize("release", ["2.8", "3.4"])
def test_no_port_is_too_long(release: str, port: str) -> None:
    document = config({"hosts": ["a.test"]}, {"paths": ["/"]})

    assert route_of(document, Request(host=f"a.test:{port}", path="/"), release) in (
        "r1",
        "r0",
        None,
    )


@pytest.mark.parametrize("method", ["get", "G T", "", "TRACE", "CONNECT"])
def test_trace_and_connect_are_never_routed(method: str) -> None:
    assert route_of(config({"paths": ["/"]}), Request(method=method), "2.8") is None


@pytest.mark.parametrize(
    ("base", "strip_path", "path", "v0", "v1"),
    [
        ("/svc", True, "/a", "/svc", "/svc"),
        ("/svc", True, "/a/", "/svc/", "/svc/"),
        ("/svc", True, "/a/b", "/svc/b", "/svc/b"),
        ("/svc", True, "/ab", "/svc/b", "/svcb"),
        ("/svc", False, "/a/b", "/svc/a/b", "/svca/b"),
        ("/svc/", True, "/a", "/svc", "/svc/"),
        ("/svc/", True, "/a/", "/svc/", "/svc/"),
        ("/svc/", True, "/ab", "/svc/b", "/svc/b"),
        ("/svc/", False, "/a/b", "/svc/a/b", "/svc/a/b"),
        (None, True, "/a", "/", "/"),
        (None, True, "/a/b", "/b", "/b"),
        (None, False, "/a/b", "/a/b", "/a/b"),
        (None, True, "/a../b", "/b", "/b"),
    ],
)
def test_the_paths_of_service_and_request_are_joined(
    base: str | None, strip_path: bool, path: str, v0: str, v1: str
) -> None:
    """`v1` counts in 2.8 and is `v0` for the default router of 3.4."""
    for handling, in_28 in (("v0", v0), ("v1", v1)):
        route = {"paths": ["/a"], "strip_path": strip_path, "path_handling": handling}
        document = config(route, path=base)

        assert sent(document, Request(path=path), "2.8").upstream_uri == in_28
        assert sent(document, Request(path=path), "3.4").upstream_uri == v0


@pytest.mark.parametrize(
    ("service", "upstream_host"),
    [
        ({"port": 8000}, "up.test:8000"),
        ({"port": 80}, "up.test"),
        ({"port": 443}, "up.test:443"),
        ({"port": 443, "protocol": "https"}, "up.test"),
        ({"url": "https://other.test/x"}, "other.test"),
        ({"url": "http://other.test:81"}, "other.test:81"),
    ],
)
def test_the_upstream_gets_the_host_of_the_service(
    service: dict[str, Any], upstream_host: str
) -> None:
    assert sent(config({"paths": ["/"]}, **service), Request()).upstream_host == upstream_host


def test_the_upstream_gets_the_host_of_the_client_where_it_is_preserved() -> None:
    document = config({"paths": ["/"], "preserve_host": True})

    assert sent(document, Request(host="A.test:81")).upstream_host == "A.test:81"


@pytest.mark.parametrize("header", [None, "name.test"])
def test_the_host_of_a_target_is_not_known(header: str | None) -> None:
    document = config({"paths": ["/"]}, host="pool")
    document["upstreams"] = [{"name": "pool", "host_header": header}]

    assert sent(document, Request()).upstream_host == header


@pytest.mark.parametrize(
    ("route", "request_", "status"),
    [
        ({"protocols": ["https"]}, Request(), 426),
        ({"protocols": ["https"], "https_redirect_status_code": 301}, Request(), 301),
        ({"protocols": ["https"]}, Request(scheme="https"), None),
        ({"protocols": ["http"]}, Request(scheme="https"), None),
        ({"protocols": ["http", "https"]}, Request(), None),
        ({"protocols": ["grpc"]}, Request(), 415),
        ({"protocols": ["grpc"]}, Request(headers={"Content-Type": "application/grpc"}), None),
        ({"protocols": ["grpcs"]}, Request(headers={"Content-Type": "application/grpc"}), 200),
    ],
)
@pytest.mark.parametrize("release", ["2.8", "3.4"])
def test_kong_answers_itself_where_the_protocol_does_not_fit(
    release: str, route: dict[str, Any], request_: Request, status: int | None
) -> None:
    match = sent(config({"paths": ["/"], **route}), request_, release)

    assert (match.route, match.status) == ("r0", status)
    assert (match.upstream_uri is None) == (status is not None)


def test_a_route_without_a_service_answers_by_a_plugin_or_503() -> None:
    document = {"_format_version": "2.1", "routes": [{"name": "r", "paths": ["/"]}]}

    assert (match := sent(document, Request())).route == "r"
    assert (match.service, match.upstream_uri, match.status) == (None, None, 503)


@pytest.mark.parametrize(
    ("headers", "route"),
    [
        ({"x-a": "1"}, "r0"),
        ({"X-A": "1"}, "r0"),
        ({"x-a": " 1 "}, "r0"),
        ({"x-a": ["3", "1"]}, "r0"),
        ({"x-a": "1, 3"}, "r1"),
        ({"x-a": "v12"}, "r2"),
        ({"x-a": "V12"}, "r2"),
        ({"x-a": "v"}, "r1"),
        ({}, "r1"),
    ],
)
@pytest.mark.parametrize("release", ["2.8", "3.4"])
def test_one_line_of_a_header_is_enough_and_case_does_not_matter(
    release: str, headers: dict[str, str | list[str]], route: str
) -> None:
    document = config(
        {"paths": ["/"], "headers": {"X-A": ["1", "2"]}},
        {"paths": ["/"]},
        {"paths": ["/"], "headers": {"x-a": ["~*^v[0-9]+$"]}},
    )

    assert route_of(document, Request(headers=headers), release) == route


@pytest.mark.parametrize(
    ("host", "in_28", "in_34"),
    [
        ("a.test", "r0", "r0"),
        ("a.test:8080", "r0", "r0"),
        ("A.TEST", None, None),
        ("b.a.test", "r1", "r1"),
        ("c.b.a.test:81", "r1", "r1"),
        ("org.w", None, None),
        ("a.org", "r2", "r2"),
        ("a.org:81", "r2", "r2"),
        ("p.test", None, None),
        ("p.test:80", "r3", "r3"),
        ("p.test:81", None, None),
        ("p.test:0x50", None, "r3"),
        ("p.test:80.0", None, "r3"),
        ("p.test:8e1", None, "r3"),
        ("p.test:0x5g", None, None),
        ("a.test:", "r0", None),
        (".a.test", None, "r1"),
        ("a.org:abc", None, "r2"),
        ("[::1]", None, None),
    ],
)
def test_hosts_are_plain_or_have_a_wildcard_and_maybe_a_port(
    host: str, in_28: str | None, in_34: str | None
) -> None:
    document = config(
        {"hosts": ["a.test"]}, {"hosts": ["*.a.test"]}, {"hosts": ["a.*"]}, {"hosts": ["p.test:80"]}
    )

    # `a.*` takes `a.test:` in 3.4 too, where the empty port stays with the name.
    assert route_of(document, Request(host=host), "2.8") == in_28
    assert route_of(document, Request(host=host), "3.4") == ("r2" if host == "a.test:" else in_34)


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "Cookie", "my-token"])
def test_a_header_that_may_hold_a_credential_is_redacted(name: str) -> None:
    request = Request(path="/", headers={name: "S3CR3T", "x-a": "1"})

    assert request.has_credentials
    assert request.redacted.headers == ((name, "***"), ("x-a", "1"))
    assert not Request(headers={"x-a": "1"}).has_credentials


def test_the_summary_of_a_request_has_no_value_of_a_header() -> None:
    request = Request(
        method="PUT", path="/a", host="a.test", headers={"x-a": "S3CR3T"}, scheme="https"
    )

    assert request.summary == "PUT a.test/a (header x-a, TLS)"
    assert attrs.evolve(request, sni="b.test").summary.endswith("(header x-a, TLS for b.test)")


def test_a_secret_in_a_header_is_not_shown() -> None:
    assert "s3cret" not in repr(Request(headers={"authorization": "Bearer s3cret"}))


def test_more_headers_than_kong_reads_leave_a_doubt() -> None:
    headers = {f"x-{n}": "1" for n in range(101)}

    assert sent(config({"paths": ["/"]}), Request(headers=headers)).uncertain


@pytest.mark.parametrize(
    ("route", "request_", "in_34"),
    [
        ({"paths": ["/"]}, Request(path="/%FF"), None),
        ({"methods": ["GET"]}, Request(path="/%FF"), "r0"),
        ({"headers": {"x-a": ["1"]}}, Request(headers={"x-a": ["1", "\udcff"]}), None),
        ({"methods": ["GET"]}, Request(headers={"x-a": "\udcff"}), "r0"),
    ],
    ids=str,
)
def test_3_4_routes_nothing_by_what_is_not_utf8(
    route: dict[str, Any], request_: Request, in_34: str | None
) -> None:
    assert route_of(config(route), request_, "2.8") == "r0"
    assert route_of(config(route), request_, "3.4", "traditional") == "r0"
    assert route_of(config(route), request_, "3.4") == in_34
