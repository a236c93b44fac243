"""A ramp through a real HAProxy is watched by real pages of metrics: a sick cluster is left."""

import contextlib
import http.client
import itertools
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest

from kong_lts.adapters import (
    CallableApprover,
    HaproxyLoadBalancer,
    KongMetrics,
    LoggingObserver,
    PrometheusMetrics,
    SystemClock,
)
from kong_lts.deployment import Side
from kong_lts.errors import MetricsError
from kong_lts.events import GateVerdict, TrafficCount
from kong_lts.monitoring import Gate, WatchMetrics
from kong_lts.protocols import Adapters, ClusterAdapters
from tests.integration.balancers.load import Load
from tests.integration.balancers.servers import Haproxy, haproxy_server
from tests.integration.balancers.upstreams import HOST, free_port

INTERVAL_S = 0.5


@attrs.define
class Cluster:
    """Answers requests and counts them, in the names of one release."""

    side: Side
    fails_every: int = 100
    counts: Counter[int] = attrs.field(factory=Counter)
    _turn: "itertools.count[int]" = attrs.field(factory=lambda: itertools.count(1))
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def answer(self, path: str) -> tuple[int, bytes]:
        with self._lock:
            if path == "/metrics":
                return 200, "".join(f"{line}\n" for line in self._page()).encode()
            status = 500 if next(self._turn) % self.fails_every == 0 else 200
            self.counts[status] += 1
            return status, self.side.encode()

    def _page(self) -> Iterator[str]:
        total = sum(self.counts.values())
        if self.side is Side.CURRENT:
            yield 'kong_nginx_http_current_connections{state="total"} 1'
            family, latency, kind = "kong_http_status", "kong_latency", 'type="request",'
        else:
            yield 'kong_node_info{version="3.4.2"} 1'
            family, latency, kind = "kong_http_requests_total", "kong_request_latency_ms", ""
        for code, count in self.counts.items():
            yield f'{family}{{route="r",code="{code}"}} {count}'
        for bound in ("25", "50", "+Inf"):
            yield f'{latency}_bucket{{{kind}le="{bound}"}} {total}'
        yield f"{latency}_sum{{{kind}}} {total * 3}"
        yield f"{latency}_count{{{kind}}} {total}"


class Server(ThreadingHTTPServer):
    """One that says nothing of clients that go."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """HAProxy closes connections whose client has gone."""


@contextlib.contextmanager
def serving(cluster: Cluster, port: int) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = cluster.answer(self.path)
            self.send_response_only(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with Server((HOST, port), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@pytest.fixture
def clusters() -> Iterator[dict[Side, tuple[Cluster, int]]]:
    """Both clusters, each with 1% of errors, and their ports."""
    found = {side: (Cluster(side), free_port()) for side in Side}
    with contextlib.ExitStack() as stack:
        for cluster, port in found.values():
            stack.enter_context(serving(cluster, port))
        yield found


def metrics(clusters: dict[Side, tuple[Cluster, int]], side: Side) -> KongMetrics:
    return KongMetrics({side.value: f"http://{HOST}:{clusters[side][1]}"})


@pytest.fixture
def haproxy_(
    haproxy: Path, clusters: dict[Side, tuple[Cluster, int]], tmp_path: Path
) -> Iterator[Haproxy]:
    ports = {side: port for side, (_, port) in clusters.items()}
    with haproxy_server(haproxy, tmp_path, ports) as server:
        yield server


def adapters(server: Haproxy, clusters: dict[Side, tuple[Cluster, int]]) -> Adapters:
    return Adapters(
        current=ClusterAdapters(metrics=metrics(clusters, Side.CURRENT)),
        new=ClusterAdapters(metrics=metrics(clusters, Side.NEW)),
        load_balancer=HaproxyLoadBalancer(
            socket=server.socket, backend="kong", current=("current",), new=("new",)
        ),
        clock=SystemClock(),
        approver=CallableApprover(lambda _: True, by="a test"),
        observer=LoggingObserver(),
    )


WATCH = WatchMetrics(
    id="watch-5",
    guide="a guide",
    side=Side.NEW,
    watch_s=60,
    interval_s=INTERVAL_S,
    gates=(Gate(),),
    share_percent=5,
    back_to_percent=0,
)


def test_a_fault_at_5_percent_is_led_back_within_one_interval_of_enough_data(
    haproxy_: Haproxy, clusters: dict[Side, tuple[Cluster, int]]
) -> None:
    made = adapters(haproxy_, clusters)
    new, _ = clusters[Side.NEW]
    new.fails_every = 4
    with Load(lambda: (HOST, haproxy_.port)) as load:
        load.since(time.monotonic(), 500)
        outcome = WATCH.run(made, {})
        counted_then = sum(new.counts.values())
        load.since(time.monotonic(), 500)
        counted_later = sum(new.counts.values())

    (judged,) = outcome.judged
    print(judged.text, outcome.watched_s, counted_later - counted_then)  # noqa: T201 - figures
    assert (judged.verdict, outcome.led_back_to_percent) == (GateVerdict.FAILED, 0)
    assert counted_later - counted_then <= 4, "no more than what was under way"
    # About 10 failures are enough, whatever the rate; then no second interval passes.
    assert outcome.new.errors <= 12 + outcome.new.errors * 2 * INTERVAL_S / outcome.watched_s


def test_a_healthy_new_cluster_passes(
    haproxy_: Haproxy, clusters: dict[Side, tuple[Cluster, int]]
) -> None:
    step = attrs.evolve(
        WATCH, share_percent=50, watch_s=3, interval_s=INTERVAL_S, gates=(Gate(max_more=0.02),)
    )
    clusters[Side.NEW][0].answer("/")  # the staging test; without any request 3.4 has no family
    with Load(lambda: (HOST, haproxy_.port)):
        outcome = step.run(adapters(haproxy_, clusters), {})

    assert [judged.verdict for judged in outcome.judged] == [GateVerdict.PASSED]
    assert outcome.led_back_to_percent is None


def test_a_real_prometheus_tells_what_the_pages_tell(
    clusters: dict[Side, tuple[Cluster, int]], tmp_path: Path
) -> None:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus: not on this machine, and no other test needs it")
    port = free_port()
    jobs = "".join(
        f"- job_name: {side.value}\n  static_configs: [{{targets: ['{HOST}:{target}']}}]\n"
        for side, (_, target) in clusters.items()
    )
    conf = tmp_path / "prometheus.yml"
    conf.write_text(f"global: {{scrape_interval: 1s}}\nscrape_configs:\n{jobs}", encoding="utf-8")
    for cluster, target in clusters.values():
        for _ in range(250):
            ask(target)
        assert sum(cluster.counts.values()) == 250
    url = f"http://{HOST}:{port}"
    process = subprocess.Popen(
        [
            *(program, f"--config.file={conf}", f"--storage.tsdb.path={tmp_path / 'data'}"),
            f"--web.listen-address={HOST}:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for side, release in ((Side.CURRENT, "2.8"), (Side.NEW, "3.4")):
            asked = PrometheusMetrics(url, release=release, selector=f'job="{side.value}"')
            assert when_there(asked).statuses == {"200": 248, "500": 2}
            assert asked.count() == metrics(clusters, side).count()
    finally:
        process.terminate()
        process.wait(30)


def ask(port: int) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        connection.getresponse().read()


def when_there(asked: PrometheusMetrics) -> TrafficCount:
    """The first count that Prometheus has, once it has read a page."""
    end = time.monotonic() + 30
    while True:
        try:
            return asked.count()
        except MetricsError:
            assert time.monotonic() < end
            time.sleep(0.2)
