"""The adapters over HTTP, against a real server: contracts, bounds, secrets."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kong_lts.adapters import HttpAdminApi, HttpKeyring, HttpProxy, KongMetrics
from kong_lts.errors import AdminApiError, KeyringError, MetricsError, ProxyError
from kong_lts.protocols import AdminApi, Metrics, Probe, Proxy
from kong_lts.testing.admin_api import KongAdminApi
from kong_lts.testing.admin_enterprise import Enterprise
from kong_lts.versions import Release
from tests.adapters.servers import NOBODY, Answer, Received, Reply, Serve
from tests.contracts.admin_api import AdminApiContract, AdminEntitiesContract, NodeState
from tests.contracts.keyring import KeyringContract, Keyrings
from tests.contracts.metrics import MetricsContract, Traffic
from tests.contracts.proxy import ProxyContract

MARKER = "s3cr3t-marker"


def as_json(document: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(document).encode(), headers)


NOT_FOUND = {"message": "Not found"}
STATUS = {
    "database": {"reachable": True},
    "server": {"total_requests": 521},
    "memory": {"workers_lua_vms": [{"http_allocated_gc": "42.31 MiB", "pid": 15564}]},
}


def listener(
    version: str, *, admin: bool = False, ready: int | None = None, reachable: bool = True
) -> Answer:
    """A status listener, or an Admin API, as both releases answer."""
    status = {**STATUS, "database": {"reachable": reachable}}
    pages = {"/status": as_json(status)}
    if admin:
        pages["/"] = as_json({"version": version})
    if ready is not None:
        pages["/status/ready"] = as_json({"message": "x"}, ready)

    def answer(request: Received) -> Reply:
        reply = pages.get(request.target, as_json(NOT_FOUND, 404))
        return Reply(reply.status, reply.body, {"Server": f"kong/{version}"})

    return answer


@pytest.mark.parametrize("admin", [True, False], ids=["admin", "status"])
class TestHttpAdminApi(AdminApiContract):
    @pytest.fixture
    def make(self, serve: Serve, admin: bool) -> Callable[[NodeState], AdminApi]:
        answers = {
            NodeState.READY_2_8: listener("2.8.5", admin=admin),
            NodeState.READY_3_4: listener("3.4.2", admin=admin, ready=None if admin else 200),
            NodeState.WITHOUT_DATABASE: listener(
                "3.4.2", admin=admin, ready=None if admin else 503, reachable=False
            ),
        }

        def make(state: NodeState) -> AdminApi:
            url = NOBODY if state is NodeState.DOWN else serve(answers[state]).url
            return HttpAdminApi({"node": url})

        return make


class TestHttpAdminApiEntities(AdminEntitiesContract):
    @pytest.fixture
    def make(self) -> Iterator[Callable[[NodeState], AdminApi]]:
        with ExitStack() as stack:

            def make(state: NodeState) -> AdminApi:
                if state is NodeState.DOWN:
                    return HttpAdminApi({"node": NOBODY})
                release = "2.8" if state is NodeState.READY_2_8 else "3.4"
                api = stack.enter_context(KongAdminApi(release=Release(release)))
                # One that has a status listener only is passed over.
                return HttpAdminApi({"down": NOBODY, "node": api.url})

            yield make


@pytest.mark.parametrize(
    "odd", [{}, {"server": 1, "memory": []}, {"memory": {"workers_lua_vms": [1]}}]
)
def test_a_status_that_does_not_tell_its_processes_is_no_error(
    odd: dict[str, object], serve: Serve
) -> None:
    def answer(request: Received) -> Reply:
        return as_json({"version": "3.4.2", **odd})

    status = HttpAdminApi({"node": serve(answer).url}).status("node")

    assert (status.requests, status.workers) == (None, ())


def test_a_status_tells_the_processes_and_their_requests(serve: Serve) -> None:
    status = HttpAdminApi({"node": serve(listener("2.8.5")).url}).status("node")

    assert (status.requests, status.workers) == (521, (15564,))


def test_every_page_of_a_collection_is_read() -> None:
    with KongAdminApi() as api:
        rows = [
            {"id": f"{n:08}-0000-4000-8000-000000000000", "username": str(n)} for n in range(2500)
        ]
        api.load("consumers", rows)

        found = HttpAdminApi({"node": api.url}).entities("consumers")

        assert len(found) == 2500
        assert sum("/consumers" in request for request in api.requests) == 3


def test_a_refused_entity_is_an_error_without_its_values() -> None:
    with KongAdminApi() as api:
        admin = HttpAdminApi({"node": api.url})
        admin.put("consumers/zoe", {})
        key = "zoe/key-auth/00000000-0000-4000-8000-00000000000"
        admin.put(f"consumers/{key}1", {"key": MARKER})

        with pytest.raises(AdminApiError, match="UNIQUE violation") as failed:
            admin.put(f"consumers/{key}2", {"key": MARKER})

        assert MARKER not in str(failed.value)


def test_what_is_no_collection_is_an_error() -> None:
    with KongAdminApi() as api:
        admin = HttpAdminApi({"node": api.url})

        with pytest.raises(AdminApiError, match="404"):
            admin.entities("nothing")
        with pytest.raises(AdminApiError, match="no collection"):
            admin.entities("status")


def test_workspaces_of_enterprise_and_what_is_in_one() -> None:
    enterprise = Enterprise()
    enterprise.add_workspace("sales")
    with KongAdminApi(enterprise=enterprise) as api:
        admin = HttpAdminApi({"node": api.url})
        admin.put("licenses/one", {"payload": "a licence"})
        admin.put("consumers/zoe", {}, workspace="sales")

        assert admin.workspaces() == ("default", "sales")
        assert [row["payload"] for row in admin.entities("licenses")] == ["a licence"]
        assert admin.entities("consumers") == ()
        assert len(admin.entities("consumers", workspace="sales")) == 1


class TestHttpKeyring(KeyringContract):
    """Against a double that is written from documents, as the keyring itself is."""

    @pytest.fixture
    def keyrings(self, tmp_path: Path) -> Iterator[Keyrings]:
        keys = {"RfsDJ2Ol": MARKER, "xSD219lH": "another"}
        new = Enterprise(recoverable=dict(keys))
        key = tmp_path / "recovery.pem"
        key.write_text("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n")
        with (
            KongAdminApi(enterprise=Enterprise(keys=keys, active="xSD219lH")) as current_api,
            KongAdminApi(release=Release.V3_4, enterprise=new) as new_api,
        ):
            yield Keyrings(
                HttpKeyring(current_api.url),
                HttpKeyring(new_api.url),
                recovery_key=f"file:{key}",
                spoil=new.unrecoverable.add,
                stop=current_api.stop,
            )

    def test_an_export_is_its_owners_alone(self, keyrings: Keyrings, tmp_path: Path) -> None:
        keyrings.current.export(f"{tmp_path}/keyring.export")

        assert (tmp_path / "keyring.export").stat().st_mode & 0o777 == 0o600

    def test_no_key_is_shown_when_an_import_fails(self, keyrings: Keyrings, tmp_path: Path) -> None:
        (tmp_path / "broken").write_text(MARKER)
        (tmp_path / "binary").write_bytes(b"\xff")

        for name in ("broken", "binary"):
            with pytest.raises(KeyringError) as failed:
                keyrings.new.load(f"{tmp_path}/{name}")
            assert MARKER not in f"{failed.value!r} {failed.value.__cause__!r}"

    def test_a_key_that_is_none_opens_nothing(self, keyrings: Keyrings, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(MARKER)

        with pytest.raises(KeyringError) as failed:
            keyrings.new.recover(f"file:{tmp_path}/key")
        with pytest.raises(KeyringError, match="no reference"):
            keyrings.new.recover(MARKER)

        assert MARKER not in str(failed.value)


def test_open_source_has_no_keyring() -> None:
    with KongAdminApi() as api, pytest.raises(KeyringError, match="404"):
        HttpKeyring(api.url).keys()


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("2.8.4.14-enterprise-edition", "2.8.4.14"),
        ("3.4.3.5", "3.4.3.5"),
        ("2.8.5", "2.8.5"),
        ("unknown", ""),
    ],
)
def test_the_version_is_numbers_only(serve: Serve, said: str, version: str) -> None:
    for admin in (True, False):
        server = serve(listener(said, admin=admin))
        assert HttpAdminApi({"node": server.url}).status("node").version == version


def test_a_listener_that_hides_its_name_tells_the_version_by_its_metrics(serve: Serve) -> None:
    def answer(request: Received) -> Reply:
        if request.target == "/metrics":
            return Reply(body=b'kong_node_info{node_id="7",version="3.4.2"} 1\n')
        reply = listener("x", ready=200)(request)
        return Reply(reply.status, reply.body)

    assert HttpAdminApi({"node": serve(answer).url}).status("node").version == "3.4.2"


def test_the_token_goes_in_its_header_and_nowhere_else(serve: Serve) -> None:
    def refuse(request: Received) -> Reply:
        return as_json({"message": f"Invalid RBAC token {MARKER}"}, 401)

    server = serve(refuse)
    api = HttpAdminApi({"node": server.url}, token="env:TOKEN", environ={"TOKEN": MARKER})

    with pytest.raises(AdminApiError, match="status 401") as failed:
        api.status("node")

    assert server.received[0].headers["kong-admin-token"] == MARKER
    assert MARKER not in f"{failed.value} {failed.value!r} {api!r}"
    missing = HttpAdminApi({"node": server.url}, token="env:TOKEN", environ={})
    with pytest.raises(AdminApiError, match="env:TOKEN"):
        missing.status("node")


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b'"x"', b"\xff\xfe", b""])
def test_what_is_no_kong_is_an_error(serve: Serve, body: bytes) -> None:
    api = HttpAdminApi({"node": serve(lambda _: Reply(200, body)).url})

    with pytest.raises(AdminApiError, match="no Kong listener"):
        api.status("node")


@pytest.mark.parametrize(
    "url",
    [
        f"http://kong:{MARKER}@127.0.0.1:1",
        f"http://kong:{MARKER}/x@127.0.0.1:1",
        f"http://kong:x@{MARKER}@127.0.0.1:1",
        f"ftp://kong:{MARKER}@127.0.0.1",
        f"http://127.0.0.1:{MARKER}",
        MARKER,
        "",
    ],
)
def test_no_error_shows_what_an_address_holds(url: str) -> None:
    admin, metrics, proxy = HttpAdminApi({"node": url}), KongMetrics({"node": url}), HttpProxy(url)
    with pytest.raises(AdminApiError) as one:
        admin.status("node")
    with pytest.raises(MetricsError) as two:
        metrics.count()
    with pytest.raises(ProxyError) as three:
        proxy.send(Probe(name="x"))

    shown = [f"{e.value} {e.value!r}" for e in (one, two, three)]
    shown += [repr(adapter) for adapter in (admin, metrics, proxy)]
    assert not [text for text in shown if MARKER in text]


# --- proxy ----------------------------------------------------------------------------------------


def echo(request: Received) -> Reply:
    if request.target in ("/orders", "/a%20b/../c?x=%2F&y=//"):
        return as_json({"method": request.method, "headers": dict(request.headers)}, X="1")
    return as_json({"message": "no Route matched with those values"}, 404)


class TestHttpProxy(ProxyContract):
    @pytest.fixture
    def make(self, serve: Serve) -> Callable[[bool], Proxy]:
        return lambda there: HttpProxy(serve(echo).url if there else NOBODY, timeout_s=5)


def test_a_probe_goes_over_the_wire_as_it_is(serve: Serve) -> None:
    server = serve(echo)
    probe = Probe(
        name="raw",
        method="PATCH",
        path="/a%20b/../c?x=%2F&y=//",
        host="api.example.com",
        headers={"X-Probe": "1", "apikey": "env:KEY"},
    )

    answer = HttpProxy(server.url, environ={"KEY": MARKER}).send(probe)

    assert answer.status == 200
    assert answer.headers["x"] == "1"
    received = server.received[0]
    assert (received.method, received.target) == ("PATCH", probe.path)
    wanted = {"host": "api.example.com", "x-probe": "1", "apikey": MARKER}
    assert wanted.items() <= received.headers.items()


def test_a_path_that_is_no_ascii_is_encoded_and_no_line_is_smuggled_in(serve: Serve) -> None:
    server = serve(echo)
    proxy = HttpProxy(server.url)

    proxy.send(Probe(name="utf", path="/café"))
    proxy.send(Probe(name="lines", path="/ HTTP/1.1\r\nX-Smuggled: 1"))

    assert server.received[0].target == "/caf%C3%A9"
    assert server.received[1].target == "/%20HTTP/1.1%0D%0AX-Smuggled:%201"
    assert "x-smuggled" not in server.received[1].headers
    with pytest.raises(ProxyError):
        proxy.send(Probe(name="no path", path="orders"))


def test_no_redirect_is_followed(serve: Serve) -> None:
    server = serve(lambda _: Reply(302, b"", {"Location": "/elsewhere"}))

    assert HttpProxy(server.url).send(Probe(name="x")).status == 302
    assert len(server.received) == 1


def test_of_a_long_body_the_beginning_is_kept(serve: Serve) -> None:
    server = serve(lambda _: Reply(200, b"x" * (3 << 20)))

    assert len(HttpProxy(server.url).send(Probe(name="x")).body) == 1 << 20


def test_an_answer_that_drips_in_is_no_answer(serve: Serve) -> None:
    server = serve(lambda _: Reply(200, b"x" * 1000, pauses_s=0.05))
    start = time.monotonic()

    with pytest.raises(ProxyError, match=r"within 0\.5 s"):
        HttpProxy(server.url, timeout_s=0.5).send(Probe(name="x"))

    assert time.monotonic() - start < 5


def test_a_header_whose_secret_is_missing_is_an_error(serve: Serve, tmp_path: Path) -> None:
    server = serve(echo)
    probe = Probe(name="x", headers={"apikey": f"file:{tmp_path}/none"})

    with pytest.raises(ProxyError, match="No such file"):
        HttpProxy(server.url).send(probe)

    assert server.received == []


@pytest.mark.parametrize("value", [f"{MARKER}\r\nX: 1", f"{MARKER}\x00"])
def test_a_header_that_is_none_is_an_error_without_its_value(serve: Serve, value: str) -> None:
    proxy = HttpProxy(serve(echo).url, environ={"KEY": value})

    with pytest.raises(ProxyError) as failed:
        proxy.send(Probe(name="x", headers={"apikey": "env:KEY"}))

    assert MARKER not in f"{failed.value} {failed.value!r}"


# --- metrics --------------------------------------------------------------------------------------

PAGE_2_8 = """\
# HELP kong_http_status HTTP status codes per service/route in Kong
# TYPE kong_http_status counter
kong_http_consumer_status{service="a",route="r",code="200",consumer="jane"} 75
kong_http_status{service="a",route="r",code="200"} 100
kong_http_status{service="a } b",route="q\\"u\\\\o,code=\\"999",code="503"} 20
kong_latency_count{service="a",route="r",type="kong"} 120
kong_latency_count{service="a",route="r",type="request"} 120
kong_latency_sum{service="a",route="r",type="kong"} 9
kong_latency_sum{service="a",route="r",type="request"} 2400
kong_latency_bucket{service="a",route="r",type="request",le="+Inf"} 120
kong_nginx_http_current_connections{state="total"} 130
"""
PAGE_3_4 = """\
kong_http_requests_total{service="a",route="r",code="200",source="service",consumer=""} 30
kong_http_requests_total{service="a",route="r",code="200",source="service",consumer="jane"} 20
kong_http_requests_total{service="a",route="r",code="502",source="kong",consumer=""} 1e1
kong_request_latency_ms_count{service="a",route="r"} 60
kong_request_latency_ms_sum{service="a",route="r"} 600
kong_kong_latency_ms_sum{service="a",route="r"} 6
kong_node_info{node_id="7",version="3.4.2"} 1
"""
PAGE_OFF = 'kong_node_info{node_id="7",version="3.4.2"} 1\nkong_nginx_requests_total{} 9\n'
PAGE_IDLE_2_8 = 'kong_nginx_http_current_connections{state="total"} 0\n'


def page(text: str) -> Answer:
    def answer(request: Received) -> Reply:
        return Reply(200, text.encode()) if request.target == "/metrics" else Reply(404)

    return answer


@pytest.mark.parametrize("text", [PAGE_2_8, PAGE_3_4], ids=["2.8", "3.4"])
class TestKongMetrics(MetricsContract):
    @pytest.fixture
    def make(self, serve: Serve, text: str) -> Callable[[Traffic], Metrics]:
        texts = {Traffic.SOME: text, Traffic.OFF: PAGE_OFF}

        def make(traffic: Traffic) -> Metrics:
            down = traffic is Traffic.DOWN
            return KongMetrics({"node": NOBODY if down else serve(page(texts[traffic])).url})

        return make


def count(serve: Serve, *texts: str) -> tuple[int, int, float | None]:
    urls = {f"node-{n}": serve(page(text)).url for n, text in enumerate(texts)}
    found = KongMetrics(urls).count()
    return found.requests, found.errors, found.latency_ms


def test_each_release_is_read_in_its_own_names(serve: Serve) -> None:
    assert count(serve, PAGE_2_8) == (120, 20, 20.0)
    assert count(serve, PAGE_3_4) == (60, 10, 10.0)


def test_nodes_are_added_up(serve: Serve) -> None:
    assert count(serve, PAGE_3_4, PAGE_3_4, PAGE_OFF) == (120, 20, 10.0)
    assert count(serve, PAGE_2_8, PAGE_3_4) == (180, 30, 3000 / 180)


def test_a_2_8_that_has_proxied_nothing_is_no_error(serve: Serve) -> None:
    assert count(serve, PAGE_IDLE_2_8) == (0, 0, None)


def test_the_error_says_what_to_switch_on(serve: Serve) -> None:
    with pytest.raises(MetricsError, match=r"config\.status_code_metrics = true"):
        count(serve, PAGE_OFF)
    with pytest.raises(MetricsError, match="enable the prometheus plugin"):
        KongMetrics({"node": serve(lambda _: Reply(404)).url}).count()
    with pytest.raises(MetricsError):
        KongMetrics({}).count()


def test_one_node_that_is_down_is_an_error(serve: Serve) -> None:
    with pytest.raises(MetricsError, match="node down"):
        KongMetrics({"up": serve(page(PAGE_2_8)).url, "down": NOBODY}).count()


def test_nodes_that_are_replaced_may_be_down(serve: Serve) -> None:
    urls = {"gone": NOBODY, "up": serve(page(PAGE_2_8)).url, "to come": NOBODY}

    assert KongMetrics(urls, some_may_be_down=True).count().requests == 120
    with pytest.raises(MetricsError, match="node gone"):
        KongMetrics({"gone": NOBODY, "to come": NOBODY}, some_may_be_down=True).count()


@pytest.mark.parametrize("line", ["kong_http_status{", 'kong_http_status{code="200} x', "{} 1"])
def test_lines_that_are_no_sample_are_passed_over(serve: Serve, line: str) -> None:
    assert count(serve, f"{line}\n{PAGE_2_8}\n{line}") == (120, 20, 20.0)


@pytest.mark.parametrize(
    ("name", "requests", "errors"), [("28", 500 - 20, 60), ("34-all", 500 - 20, 60)]
)
def test_the_pages_of_real_gateways_agree(
    serve: Serve, reference: Path, name: str, requests: int, errors: int
) -> None:
    text = (reference / f"reference/kong/metrics/{name}.txt").read_text("utf-8")

    found = count(serve, text)

    assert found[:2] == (requests, errors)
    assert found[2] is not None


def test_a_real_3_4_with_its_defaults_has_none(serve: Serve, reference: Path) -> None:
    text = (reference / "reference/kong/metrics/34-default.txt").read_text("utf-8")

    with pytest.raises(MetricsError, match="status_code_metrics"):
        count(serve, text)
