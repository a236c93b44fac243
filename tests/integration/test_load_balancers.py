"""Load balancers divide real requests through the real servers, and none of them fails."""

import contextlib
import http.client
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from kong_lts.adapters import (
    HaproxyLoadBalancer,
    LocalProcessRunner,
    NginxLoadBalancer,
)
from kong_lts.adapters.load_balancers.haproxy_socket import HaproxySocket
from kong_lts.deployment import Side
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import Finished, LoadBalancer, ProcessRunner
from tests.conftest import counted
from tests.contracts.load_balancer import LoadBalancerContract
from tests.integration.balancers.load import REQUESTS, Load, check, ramp
from tests.integration.balancers.servers import (
    Haproxy,
    Nginx,
    haproxy_server,
    nginx_server,
)
from tests.integration.balancers.upstreams import HOST, free_port, upstreams


@pytest.fixture(scope="module")
def sides() -> Iterator[dict[Side, int]]:
    """A stand-in of each cluster, by port."""
    ports = {side: free_port() for side in Side}
    with upstreams({side: [(HOST, port)] for side, port in ports.items()}):
        yield ports


def answers(port: int, client: str = "", host: str = "api.example.com") -> str:
    """Who answers one request."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    with contextlib.closing(connection):
        connection.request(
            "GET", "/", headers={"X-Client": client, "Connection": "close", "Host": host}
        )
        return connection.getresponse().read().decode()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# --- nginx ----------------------------------------------------------------------------------------


@pytest.fixture
def nginx_(nginx: Path, sides: dict[Side, int], tmp_path: Path) -> Iterator[Nginx]:
    with nginx_server(nginx, tmp_path, sides) as server:
        yield server


def nginx_balancer(server: Nginx, **changes: Any) -> NginxLoadBalancer:
    balancer = NginxLoadBalancer(
        file=server.split,
        current="kong_current",
        new="kong_new",
        command=server.command,
        pid_file=server.pid_file,
    )
    return attrs.evolve(balancer, **changes)


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


def test_nginx_keeps_a_client_with_the_new_cluster_while_the_share_rises(nginx_: Nginx) -> None:
    balancer = nginx_balancer(nginx_, key="$http_x_client")
    moved = []
    for percent in (0, 25, 50, 100):
        balancer.set_weight(percent)
        moved.append({n for n in range(200) if answers(nginx_.port, str(n)) == Side.NEW})

    assert not moved[0]
    assert moved[0] < moved[1] < moved[2] < moved[3]


SESSIONS = ("login.example.com", "*.id.example.com")


def of_clients(port: int, host: str, clients: int = 100) -> list[set[str]]:
    """Who answers three requests of each client."""
    return [{answers(port, str(n), host) for _ in range(3)} for n in range(clients)]


def test_nginx_keeps_the_clients_of_hosts_with_sessions_and_divides_others(nginx_: Nginx) -> None:
    balancer = nginx_balancer(nginx_, sticky_hosts=SESSIONS, sticky_key="$http_x_client")
    moved = []
    for percent in (0, 25, 50, 100):
        balancer.set_weight(percent)
        seen = of_clients(nginx_.port, "login.example.com")
        assert max(map(len, seen)) == 1, "no client has both clusters"
        assert seen == of_clients(nginx_.port, "eu.id.example.com"), "whatever the host"
        moved.append({n for n, who in enumerate(seen) if who == {Side.NEW}})
        divided = of_clients(nginx_.port, "api.example.com")
        assert any(len(who) > 1 for who in divided) is (0 < percent < 100)

    assert not moved[0]
    assert moved[0] < moved[1] < moved[2] < moved[3]


def test_nginx_divides_a_ramp_with_sticky_hosts_and_no_request_fails(nginx_: Nginx) -> None:
    balancer = nginx_balancer(nginx_, sticky_hosts=SESSIONS)
    balancer.set_weight(0)
    with Load(lambda: (HOST, nginx_.port)) as load:
        stages = ramp(
            balancer, load, requests=counted(REQUESTS), precision_percent=balancer.precision_percent
        )

    check(stages, load)


def test_nginx_has_the_old_file_back_when_it_refuses(nginx_: Nginx) -> None:
    balancer = nginx_balancer(nginx_)
    balancer.set_weight(0)
    before = text_of(nginx_.split)
    conf = nginx_.folder / "nginx.conf"
    conf.write_text(text_of(conf) + "surprise on;\n")

    with pytest.raises(LoadBalancerError, match=r'refuses .* unknown directive "surprise"'):
        balancer.set_weight(5)

    assert text_of(nginx_.split) == before
    assert [path.name for path in nginx_.folder.glob(".*")] == []


def test_nginx_has_the_old_file_back_when_it_does_not_reload(nginx_: Nginx) -> None:
    nginx_balancer(nginx_).set_weight(1)
    before = text_of(nginx_.split)

    with pytest.raises(LoadBalancerError, match=r"the workers of before still serve.* failed too"):
        nginx_balancer(nginx_, reload_command=("true",), timeout_s=0.5).set_weight(50)

    assert text_of(nginx_.split) == before


def test_nginx_must_include_the_file(nginx_: Nginx) -> None:
    elsewhere = nginx_.folder / "elsewhere.conf"
    nginx_balancer(nginx_).set_weight(0)

    with pytest.raises(LoadBalancerError, match=r"does not include .*elsewhere\.conf"):
        nginx_balancer(nginx_, file=elsewhere).set_weight(0)

    assert not elsewhere.exists()


@attrs.frozen
class Interrupted:
    """Runs commands, until one of them is the reload."""

    runner: ProcessRunner = attrs.field(factory=LocalProcessRunner)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        if "reload" in argv:
            raise KeyboardInterrupt
        return self.runner.run(argv, timeout_s=timeout_s, statuses=statuses)


def test_nginx_is_not_believed_to_have_what_it_was_not_told(nginx_: Nginx) -> None:
    balancer = nginx_balancer(nginx_)
    balancer.set_weight(5)
    with pytest.raises(KeyboardInterrupt):
        attrs.evolve(balancer, runner=Interrupted()).set_weight(100)
    found = balancer.weight()
    balancer.set_weight(100)

    assert found == 5
    assert answers(nginx_.port) == Side.NEW


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


def test_haproxy_keeps_the_clients_of_hosts_with_sessions_and_divides_others(
    haproxy_: Haproxy,
) -> None:
    balancer = attrs.evolve(
        haproxy_balancer(haproxy_), sticky_backend="sessions", sticky_hosts=SESSIONS
    )
    moved = []
    for percent in (0, 25, 50, 100):
        balancer.set_weight(percent)
        seen = of_clients(haproxy_.port, "login.example.com")
        assert max(map(len, seen)) == 1, "no client has both clusters"
        moved.append({n for n, who in enumerate(seen) if who == {Side.NEW}})
        divided = of_clients(haproxy_.port, "api.example.com")
        assert any(len(who) > 1 for who in divided) is (0 < percent < 100)

    assert not moved[0]
    assert moved[0] < moved[1] < moved[2] < moved[3]
    assert balancer.keeps_hosts == SESSIONS


def test_haproxy_gives_a_drained_server_nothing_and_waits_for_its_requests(
    haproxy_: Haproxy,
) -> None:
    balancer = haproxy_balancer(haproxy_)
    balancer.set_weight(50)
    with Load(lambda: (HOST, haproxy_.port), keep_alive=True) as load:
        balancer.drain("new", timeout_s=10)
        drained = set(load.since(time.monotonic(), 50))
        share = balancer.weight()
        balancer.ready("new")
        back = set(load.since(time.monotonic(), 50))

    assert drained == {Side.CURRENT}
    assert share == 0
    assert back == set(Side)
    assert load.failures == []


def test_haproxy_has_the_old_weights_back_when_it_refuses_one(haproxy_: Haproxy) -> None:
    balancer = haproxy_balancer(haproxy_, backend="others")
    before = balancer.weight()

    with pytest.raises(LoadBalancerError, match="static LB algorithm"):
        balancer.set_weight(10)

    assert balancer.weight() == before


def test_haproxy_gives_nothing_to_a_cluster_in_maintenance(haproxy_: Haproxy) -> None:
    balancer = haproxy_balancer(haproxy_)
    runtime(haproxy_, "set server kong/new state maint")

    with pytest.raises(LoadBalancerError, match="new: in maintenance or drain"):
        balancer.set_weight(10)

    assert balancer.weight() == 0


def test_haproxy_must_have_no_other_server_with_a_share(haproxy_: Haproxy) -> None:
    runtime(haproxy_, "set server kong/spare weight 7")

    for act in (
        haproxy_balancer(haproxy_).weight,
        lambda: haproxy_balancer(haproxy_).set_weight(1),
    ):
        with pytest.raises(LoadBalancerError, match="other servers have a share too: spare"):
            act()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"backend": "absent"}, "Can't find backend"),
        ({"new": ("absent",)}, "no server absent"),
        ({"socket": "/nonexistent/socket"}, "No such file"),
        ({"socket": "127.0.0.1:1"}, "refused"),
    ],
)
def test_what_haproxy_has_not_is_an_error(
    haproxy_: Haproxy, changes: dict[str, Any], match: str
) -> None:
    with pytest.raises(LoadBalancerError, match=match):
        attrs.evolve(haproxy_balancer(haproxy_), **changes).set_weight(1)


def runtime(server: Haproxy, command: str) -> None:
    HaproxySocket(address=server.socket, timeout_s=5).ask(command, "changing it by hand")
