"""Prometheus is asked in the names of the cluster's release, and says when there is nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from kong_lts.adapters import KongMetrics, PrometheusMetrics
from kong_lts.adapters.prometheus_text import samples
from kong_lts.errors import MetricsError
from kong_lts.protocols import Metrics
from tests.adapters.servers import NOBODY, Answer, Received, Reply, Serve
from tests.contracts.metrics import MetricsContract, Traffic

Rows = dict[str, list[tuple[dict[str, str], str]]]

SELECTOR = 'job="kong"'
SOME: Rows = {
    'sum by (code) (kong_http_requests_total{job="kong"})': [
        ({"code": "200"}, "60"),
        ({"code": "502"}, "1e1"),
    ],
    'sum by (le) (kong_request_latency_ms_bucket{job="kong"})': [
        ({"le": "25.0"}, "65"),
        ({"le": "50.0"}, "69"),
        ({"le": "+Inf"}, "70"),
    ],
    'sum (kong_request_latency_ms_sum{job="kong"})': [({}, "700")],
    'sum (kong_request_latency_ms_count{job="kong"})': [({}, "70")],
    'sum (kong_node_info{job="kong"})': [({}, "2")],
}
OFF: Rows = {'sum (kong_node_info{job="kong"})': [({}, "2")]}
IDLE_2_8: Rows = {
    'sum (kong_nginx_http_current_connections{job="kong"})': [({}, "7")],
    'sum (kong_latency_sum{type="request",job="kong"})': [({}, "NaN")],
}


def asked(request: Received) -> str:
    return parse_qs(urlsplit(request.target).query)["query"][0]


def vector(rows: list[tuple[dict[str, str], str]]) -> Reply:
    result = [{"metric": labels, "value": [1700000000.0, value]} for labels, value in rows]
    data = {"resultType": "vector", "result": result}
    return Reply(200, json.dumps({"status": "success", "data": data}).encode())


def holding(rows: Rows) -> Answer:
    return lambda request: vector(rows.get(asked(request), []))


def prometheus(url: str, release: str = "3.4") -> PrometheusMetrics:
    return PrometheusMetrics(url, release=release, selector=SELECTOR)


class TestPrometheusMetrics(MetricsContract):
    @pytest.fixture
    def make(self, serve: Serve) -> Callable[[Traffic], Metrics]:
        texts: dict[Traffic, Rows] = {Traffic.SOME: SOME, Traffic.OFF: OFF}

        def make(traffic: Traffic) -> Metrics:
            down = traffic is Traffic.DOWN
            return prometheus(NOBODY if down else serve(holding(texts[traffic])).url)

        return make


def test_all_figures_come_back(serve: Serve) -> None:
    found = prometheus(serve(holding(SOME)).url).count()

    assert (found.requests, found.errors, found.latency_ms, found.timed) == (70, 10, 10.0, 70)
    assert found.statuses == {"200": 60, "502": 10}
    assert [(b.up_to_ms, b.requests) for b in found.latencies] == [(25.0, 65), (50.0, 69)]


def test_what_is_off_is_told_with_the_field_that_turns_it_on(serve: Serve) -> None:
    with pytest.raises(MetricsError, match=r"config\.status_code_metrics = true .*latency_metrics"):
        prometheus(serve(holding(OFF)).url).count()


def test_a_2_8_that_has_proxied_nothing_is_no_error(serve: Serve) -> None:
    found = prometheus(serve(holding(IDLE_2_8)).url, "2.8").count()

    assert (found.requests, found.errors, found.latency_ms) == (0, 0, None)


def test_a_selector_that_fits_no_node_is_an_error(serve: Serve) -> None:
    with pytest.raises(MetricsError, match=r"or they do not run 2\.8"):
        prometheus(serve(holding(OFF)).url, "2.8").count()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(400, b'{"status":"error","error":"parse error: bad"}'), "parse error: bad"),
        (Reply(200, b"<html>"), "the answer has status 200 and no samples"),
        (Reply(200, b"[]"), "no samples"),
        (Reply(200, b'{"status":"success","data":{"resultType":"scalar"}}'), "no samples"),
        (
            Reply(200, b'{"status":"success","data":{"resultType":"vector","result":[1]}}'),
            "no samples",
        ),
        (Reply(503, b""), "status 503"),
    ],
)
def test_an_answer_that_is_none_is_an_error(serve: Serve, reply: Reply, why: str) -> None:
    with pytest.raises(MetricsError, match=why):
        prometheus(serve(lambda _: reply).url).count()


def test_a_token_is_sent_and_never_shown(serve: Serve) -> None:
    def answer(request: Received) -> Reply:
        right = request.headers.get("authorization") == "Bearer S3CR3T"
        return holding(SOME)(request) if right else Reply(401, b"{}")

    url = serve(answer).url

    def metrics(token: str) -> PrometheusMetrics:
        return PrometheusMetrics(
            url, release="3.4", selector=SELECTOR, token="env:TOKEN", environ={"TOKEN": token}
        )

    assert metrics("S3CR3T").count().requests == 70
    with pytest.raises(MetricsError) as caught:
        metrics("S3CR3T-wrong").count()
    assert "S3CR3T" not in f"{caught.value}{metrics('S3CR3T')}"


def of_page(text: str) -> Answer:
    """A Prometheus that has read this page, for the few queries that the adapter asks."""

    def answer(request: Received) -> Reply:
        query = asked(request)
        family, _, rest = query.partition("(kong")[2].partition("{")
        labels = dict(
            part.split("=") for part in rest.rstrip("})").replace('"', "").split(",") if part
        )
        by = query.partition("by (")[2].partition(")")[0]
        sums: dict[str, float] = {}
        for sample in samples(text, (f"kong{family}",)):
            if all(sample.labels.get(k) == v for k, v in labels.items() if k != "job"):
                key = sample.labels.get(by, "")
                sums[key] = sums.get(key, 0.0) + sample.value
        return vector([({by: key} if by else {}, str(value)) for key, value in sums.items()])

    return answer


@pytest.mark.parametrize(("release", "name"), [("2.8", "28"), ("3.4", "34-all")])
def test_prometheus_and_the_page_itself_tell_the_same(
    serve: Serve, reference: Path, release: str, name: str
) -> None:
    text = (reference / f"reference/kong/metrics/{name}.txt").read_text("utf-8")

    asked_prometheus = prometheus(serve(of_page(text)).url, release).count()
    read_page = KongMetrics({"node": serve(lambda _: Reply(200, text.encode())).url}).count()

    assert asked_prometheus == read_page
    assert asked_prometheus.requests == 480
    assert asked_prometheus.timed > 0
    assert asked_prometheus.latencies[0].requests <= asked_prometheus.timed


def test_both_releases_tell_the_same_of_the_same_requests(serve: Serve, reference: Path) -> None:
    found = [
        KongMetrics({"n": serve(lambda _, text=text: Reply(200, text)).url}).count()  # type: ignore[misc] # a default binds it
        for text in (
            (reference / f"reference/kong/metrics/{name}.txt").read_bytes()
            for name in ("28", "34-all")
        )
    ]

    assert found[0].statuses == found[1].statuses
    assert found[0].timed == found[1].timed
    common = [{b.up_to_ms for b in one.latencies} for one in found]
    assert common[0] & common[1] == {25, 50, 80, 100, 400, 1000, 2000, 5000, 10000, 30000, 60000}
