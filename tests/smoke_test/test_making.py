"""Probes are made of a configuration, of an access log, and of a HAR file."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.errors import FormatError
from kong_lts.routing import Request, router
from kong_lts.smoke_test import probes_of_access_log, probes_of_configuration, probes_of_har
from kong_lts.versions import Release
from tests.conftest import counted

CONFIG: dict[str, object] = {
    "_format_version": "3.0",
    "services": [
        {
            "name": "shop",
            "url": "http://shop",
            "routes": [
                {"name": "plain", "paths": ["/plain"]},
                {"name": "regex", "paths": [r"~/items/\d+$"], "regex_priority": 5},
                {"name": "behind", "paths": [r"~/items/\d+$"]},
                {"name": "header", "paths": ["/plain"], "headers": {"X-Kind": ["b"]}},
                {"name": "writes", "paths": ["/writes"], "methods": ["POST"]},
                {"name": "reads", "paths": ["/writes"], "methods": ["GET", "POST"]},
                {"name": "anyhost", "hosts": ["*.any.example.com"]},
            ],
        }
    ],
}


def test_each_route_has_a_request_that_reaches_it() -> None:
    made = probes_of_configuration(CONFIG, release="3.4")

    names = [probe.expect_routes[0] for probe in made.probes]
    assert names == ["plain", "regex", "header", "reads", "anyhost"]
    judge = router(CONFIG, release=Release.V3_4)
    for probe in made.probes:
        headers = tuple((k, v) for k, v in probe.headers.items() if k != "Kong-Debug")
        match = judge.match(
            Request(method=probe.method, path=probe.path, host=probe.host or "", headers=headers)
        )
        assert match is not None
        assert match.route == probe.expect_routes[0]
    assert all(probe.headers["Kong-Debug"] == "1" for probe in made.probes)


def test_a_route_that_no_answer_can_tell_is_told() -> None:
    nameless: dict[str, object] = {
        "_format_version": "3.0",
        "services": [{"name": "s", "url": "http://s", "routes": [{"paths": ["/a"]}]}],
        "routes": [{"paths": ["/b"], "service": {"name": "s"}}],
    }

    made = probes_of_configuration(nameless, release="3.4")

    assert made.probes == ()
    assert made.left_out == (
        "route services[0].routes[0]: it has neither name nor id, so that no answer tells it",
        "route routes[0]: it has neither name nor id, so that no answer tells it",
    )


def test_a_route_without_a_probe_is_told_with_the_reason() -> None:
    made = probes_of_configuration(CONFIG, release="3.4")

    assert made.left_out == (
        "route behind: no request reaches it; is it behind another one?",
        "route writes: POST may change something",
    )


def test_a_method_that_was_told_to_be_safe_is_used() -> None:
    made = probes_of_configuration(CONFIG, release="3.4", safe_methods=("GET", "POST"))

    assert "writes" in [probe.expect_routes[0] for probe in made.probes]


def test_the_current_cluster_is_asked_in_the_terms_of_its_own_router() -> None:
    config: dict[str, object] = {
        "_format_version": "1.1",
        "services": [
            {"name": "s", "url": "http://s", "routes": [{"name": "r", "paths": [r"/items/\d+"]}]}
        ],
    }

    (probe,) = probes_of_configuration(config, release="2.8").probes

    assert probe.path.startswith("/items/")
    assert probe.path[7:8].isdigit()


LOG = """\
10.0.0.1 - - [23/Nov/2026:02:02:06 +0000] "GET /orders?page=2 HTTP/1.1" 200 17 "-" "curl/7"
10.0.0.1 - - [23/Nov/2026:02:02:06 +0000] "GET /orders?page=2 HTTP/1.1" 200 17 "-" "curl/7"
10.0.0.1 - - [23/Nov/2026:02:02:06 +0000] "GET /orders?page=2 HTTP/1.1" 502 17 "-" "curl/7"
10.0.0.1 - - [23/Nov/2026:02:02:07 +0000] "GET /users HTTP/2.0" 401 17 "-" "curl/7"
10.0.0.1 - - [23/Nov/2026:02:02:07 +0000] "POST /orders HTTP/1.1" 201 17 "-" "curl/7"
10.0.0.1 - - [23/Nov/2026:02:02:07 +0000] "GET /x?apikey=S3CR3T HTTP/1.1" 200 17 "-" "curl/7"
\x16\x03\x01 "-" 400 nothing to see
"""


def test_an_access_log_gives_its_most_frequent_requests() -> None:
    made = probes_of_access_log(LOG, host="api.example.com")

    assert [(p.method, p.path, p.expect_status, p.host) for p in made.probes] == [
        ("GET", "/orders?page=2", 200, "api.example.com"),
        ("GET", "/users", 401, "api.example.com"),
    ]
    assert made.left_out == (
        "POST /orders: POST may change something",
        "GET /x: an argument of it may be a credential",
    )
    assert "S3CR3T" not in repr(made)
    assert len(probes_of_access_log(LOG, most=1).probes) == 1


def har(*requests: dict[str, object]) -> str:
    entries = [{"request": request, "response": {"status": 200}} for request in requests]
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


def test_a_har_file_gives_its_requests_without_their_credentials() -> None:
    headers = [
        {"name": "Accept", "value": "application/json"},
        {"name": "Authorization", "value": "Bearer S3CR3T"},
        {"name": "Cookie", "value": "session=S3CR3T"},
    ]
    get: dict[str, object] = {
        "method": "GET", "url": "https://u:S3CR3T@api.example.com/a?b=1#c", "headers": headers
    }  # fmt: skip
    post: dict[str, object] = {"method": "POST", "url": "https://api.example.com/a"}

    made = probes_of_har(har(get, get, post))

    (probe,) = made.probes
    assert (probe.path, probe.host) == ("/a?b=1", "api.example.com")
    assert probe.headers == {"accept": "application/json"}
    assert made.left_out == ("POST /a: POST may change something",)
    assert "S3CR3T" not in repr(made)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"log": 1}', '{"log": {"entries": [1]}}',
        '{"log": {"entries": [{"request": {"method": "GET", "url": 1}, "response": {}}]}}',
        '{"log": {"entries": [{"request": {"method": "GET", "url": "http://[", "headers": []},'
        ' "response": {"status": 200}}]}}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_har_file_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="not a HAR file"):
        probes_of_har(text)


@settings(max_examples=counted(1000))
@given(text=st.text())
def test_no_text_breaks_the_reader_of_logs(text: str) -> None:
    made = probes_of_access_log(text + '\n"GET /a HTTP/1.1" 200')

    assert any(probe.path == "/a" for probe in made.probes)
