"""Load balancers divide real requests through the real servers, and none of them fails."""

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import dns.message
import dns.query
import dns.rdataclass
import dns.rdatatype
import pytest

from kong_lts.adapters import DnsLoadBalancer, HaproxyLoadBalancer, NginxLoadBalancer
from kong_lts.deployment import Side
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import LoadBalancer
from tests.conftest import counted
from tests.contracts.load_balancer import LoadBalancerContract
from tests.integration.balancers.load import Load, check, ramp
from tests.integration.balancers.servers import (
    ZONE,
    Bind9,
    Haproxy,
    Nginx,
    bind9_server,
    haproxy_server,
    nginx_server,
)
from tests.integration.balancers.upstreams import HOST, free_port, upstreams

REQUESTS = 20_000


@pytest.fixture(scope="module")
def sides() -> Iterator[dict[Side, int]]:
    """A stand-in of each cluster, by port."""
    ports = {side: free_port() for side in Side}
    with upstreams({side: [(HOST, port)] for side, port in ports.items()}):
        yield ports


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# --- nginx ----------------------------------------------------------------------------------------


@pytest.fixture
def nginx_(nginx: Path, sides: dict[Side, int], tmp_path: Path) -> Iterator[Nginx]:
    with nginx_server(nginx, tmp_path, sides) as server:
        yield server


def nginx_balancer(server: Nginx, **changes: object) -> NginxLoadBalancer:
    balancer = NginxLoadBalancer(
        file=server.split,
        current="kong_current",
        new="kong_new",
        command=server.command,
        pid_file=server.pid_file,
    )
    return attrs.evolve(balancer, **changes)  # type: ignore[arg-type] # fields of it


class TestNginx(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, nginx_: Nginx) -> LoadBalancer:
        return nginx_balancer(nginx_)


def test_nginx_divides_a_ramp_and_no_request_fails(nginx_: Nginx) -> None:
    balancer = nginx_balancer(nginx_)
    balancer.set_weight(0)
    with Load(lambda: (HOST, nginx_.port)) as load:
        stages = ramp(
            balancer, load, requests=counted(REQUESTS), precision_percent=balancer.precision_percent
        )

    check(stages, load)


def test_nginx_keeps_a_client_where_it_was_while_the_share_rises(nginx_: Nginx) -> None:
    balancer = nginx_balancer(nginx_, key="$http_x_client")
    balancer.set_weight(0)


# --- HAProxy --------------------------------------------------------------------------------------


@pytest.fixture
def haproxy_(haproxy: Path, sides: dict[Side, int], tmp_path: Path) -> Iterator[Haproxy]:
    with haproxy_server(haproxy, tmp_path, sides) as server:
        yield server


def haproxy_balancer(server: Haproxy, backend: str = "kong") -> HaproxyLoadBalancer:
    return HaproxyLoadBalancer(
        socket=server.socket, backend=backend, current=("current",), new=("new",)
    )


class TestHaproxy(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, haproxy_: Haproxy) -> LoadBalancer:
        return haproxy_balancer(haproxy_)


@pytest.mark.parametrize("keep_alive", [False, True], ids=["new-connections", "keep-alive"])
def test_haproxy_divides_a_ramp_and_no_request_fails(haproxy_: Haproxy, keep_alive: bool) -> None:
    balancer = haproxy_balancer(haproxy_)
    with Load(lambda: (HOST, haproxy_.port), keep_alive=keep_alive) as load:
        stages = ramp(
            balancer, load, requests=counted(REQUESTS), precision_percent=balancer.precision_percent
        )

    check(stages, load)


# --- bind9 ----------------------------------------------------------------------------------------

CURRENT = tuple(f"127.0.1.{n}" for n in range(1, 21))
NEW = tuple(f"127.0.2.{n}" for n in range(1, 21))


@pytest.fixture
def bind9_(bind9: Path, tmp_path: Path) -> Iterator[Bind9]:
    with bind9_server(bind9, tmp_path, CURRENT[0]) as server:
        yield server


def dns_balancer(server: Bind9, **changes: object) -> DnsLoadBalancer:
    balancer = DnsLoadBalancer(
        zone=ZONE,
        name=f"api.{ZONE}",
        server=server.address,
        current=CURRENT,
        new=NEW,
        key="kong",
        secret=f"file:{server.secret}",
        ttl_s=1,
    )
    return attrs.evolve(balancer, **changes)  # type: ignore[arg-type] # fields of it


class TestDns(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, bind9_: Bind9) -> LoadBalancer:
        return dns_balancer(bind9_)


def addresses(server: Bind9, name: str = f"api.{ZONE}") -> tuple[list[str], int]:
    query = dns.message.make_query(name, "A")
    answer = dns.query.udp(query, HOST, port=server.port, timeout=5)
    found = answer.get_rrset("ANSWER", query.question[0].name, dns.rdataclass.IN, dns.rdatatype.A)
    assert found is not None
    return [record.to_text() for record in found], found.ttl


@attrs.define
class Resolver:
    """Keeps an answer for its whole TTL, and picks an address of it for each request."""

    server: Bind9
    port: int
    _kept: threading.local = attrs.field(factory=threading.local, init=False)

    def where(self) -> tuple[str, int]:
        if getattr(self._kept, "until", 0.0) <= time.monotonic():
            asked = time.monotonic()
            self._kept.found, ttl_s = addresses(self.server)
            self._kept.until = asked + ttl_s
        return random.choice(self._kept.found), self.port


def test_bind9_divides_a_ramp_and_no_request_fails(bind9_: Bind9) -> None:
    balancer = dns_balancer(bind9_)
    port = free_port([*CURRENT, *NEW])
    places = {
        Side.CURRENT: [(host, port) for host in CURRENT],
        Side.NEW: [(host, port) for host in NEW],
    }
    with upstreams(places), Load(Resolver(bind9_, port).where) as load:
        stages = ramp(
            balancer, load, requests=counted(REQUESTS), precision_percent=balancer.precision_percent
        )

    check(stages, load)
