"""Weights through the runtime socket, of a stand-in that knows the few commands that are used."""

import re
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from kong_lts.adapters import HaproxyLoadBalancer
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import LoadBalancer
from kong_lts.testing.fakes import FakeClock
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.contracts.load_balancer import LoadBalancerContract

STATE = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n"
SET = re.compile(r"set server kong/(\S+) (weight|state) (\S+)")


@attrs.define
class Haproxy:
    socket: str
    weights: dict[str, int]
    out: set[str] = attrs.Factory(set)
    """Servers in drain."""
    refuses: set[str] = attrs.Factory(set)
    sessions: list[int] = attrs.Factory(list)
    said: list[str] = attrs.Factory(list)

    def answer(self, command: str) -> str:
        self.said.append(command)
        if command == "show servers state kong":
            rows = (
                f"3 kong {n} {name} 127.0.0.1 2 {8 if name in self.out else 0} {weight}\n"
                for n, (name, weight) in enumerate(self.weights.items(), 1)
            )
            return f"1\n{STATE}{''.join(rows)}"
        if command.startswith("show stat kong"):
            count = self.sessions.pop(0) if self.sessions else 0
            return f"# pxname,svname,qcur,scur,\nkong,{min(self.weights)},0,{count},\n"
        return self.change(command)

    def change(self, command: str) -> str:
        if (found := SET.fullmatch(command)) is None:
            return "Can't find backend.\n"
        name, what, value = found.groups()
        if name in self.refuses:
            return "Permission denied\n"
        if what == "weight":
            self.weights[name] = int(value)
        else:
            (self.out.add if value == "drain" else self.out.discard)(name)
        return ""


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Haproxy]:
    haproxy = Haproxy(str(tmp_path / "h"), {"current": 1, "new": 0})

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline().decode().rstrip("\n")
            for command in line.split(";"):
                self.wfile.write(haproxy.answer(command).encode() + b"\n")

    with socketserver.ThreadingUnixStreamServer(haproxy.socket, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield haproxy
        server.shutdown()
        thread.join()


def balancer_of(haproxy: Haproxy, **changes: Any) -> HaproxyLoadBalancer:
    settings: dict[str, Any] = {"backend": "kong", "current": "current", "new": "new"}
    clock = FakeClock(World.of(next(iter(ALL.values()))))
    return HaproxyLoadBalancer(**{"socket": haproxy.socket, "clock": clock, **settings, **changes})


class TestHaproxy(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, haproxy: Haproxy) -> LoadBalancer:
        return balancer_of(haproxy)


class TestHaproxyWithMoreServers(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, haproxy: Haproxy) -> LoadBalancer:
        current, new = [f"c{n}" for n in range(3)], [f"n{n}" for n in range(5)]
        haproxy.weights = dict.fromkeys(current, 1) | dict.fromkeys(new, 0)
        return balancer_of(haproxy, current=current, new=new)


def test_the_side_that_rises_is_first(haproxy: Haproxy) -> None:
    balancer = balancer_of(haproxy)
    balancer.set_weight(100)
    balancer.set_weight(0)

    assert [c.removeprefix("set server kong/") for c in haproxy.said if c.startswith("set")] == [
        "new weight 1",
        "current weight 0",
        "current weight 1",
        "new weight 0",
    ]


def test_a_refusal_of_one_takes_the_other_back(haproxy: Haproxy) -> None:
    haproxy.weights |= {"current": 99, "new": 1}
    haproxy.refuses = {"current"}

    with pytest.raises(LoadBalancerError, match=r"Permission denied; putting .* failed too"):
        balancer_of(haproxy).set_weight(5)

    assert haproxy.weights == {"current": 99, "new": 1}


def test_weights_of_somebody_else_are_what_counts(haproxy: Haproxy) -> None:
    haproxy.weights |= {"current": 2, "new": 1}

    assert balancer_of(haproxy).weight() == 33


def test_a_server_that_was_taken_out_has_no_share(haproxy: Haproxy) -> None:
    balancer = balancer_of(haproxy)
    balancer.set_weight(50)
    haproxy.out = {"new"}
    assert balancer.weight() == 0

    haproxy.out = {"new", "current"}
    with pytest.raises(LoadBalancerError, match="nobody is served"):
        balancer.weight()


def test_draining_waits_until_nothing_is_in_hand(haproxy: Haproxy) -> None:
    haproxy.sessions = [3, 1]
    balancer = balancer_of(haproxy)
    balancer.drain("current")
    out = set(haproxy.out)
    balancer.ready("current")

    assert haproxy.sessions == []
    assert (out, haproxy.out) == ({"current"}, set())


def test_draining_ends_with_its_time(haproxy: Haproxy) -> None:
    haproxy.sessions = [1] * 100

    with pytest.raises(LoadBalancerError, match="1 in hand after 1 s"):
        balancer_of(haproxy).drain("current", timeout_s=1)

    assert haproxy.out == {"current"}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"backend": "absent"}, "Can't find backend"),
        ({"new": "absent"}, "no server absent"),
        ({"socket": "/nonexistent"}, "No such file"),
        ({"socket": "no-port"}, "port"),
    ],
)
def test_what_is_not_there_is_an_error(
    haproxy: Haproxy, changes: dict[str, Any], match: str
) -> None:
    with pytest.raises(LoadBalancerError, match=match):
        balancer_of(haproxy, **changes).set_weight(5)


def test_a_server_beside_ours_is_refused(haproxy: Haproxy) -> None:
    haproxy.weights["spare"] = 1

    with pytest.raises(LoadBalancerError, match="other servers have a share too: spare"):
        balancer_of(haproxy).set_weight(5)


@pytest.mark.parametrize("names", [(), ("a;b",), ("a b",), ("",)])
def test_names_hold_no_command(haproxy: Haproxy, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="name at least one server"):
        balancer_of(haproxy, new=names)


@pytest.mark.parametrize(("counts", "most"), [((1, 1), 0.0), ((3, 3), 0.0), ((3, 5), 0.5)])
def test_precision_follows_from_the_servers(
    haproxy: Haproxy, counts: tuple[int, int], most: float
) -> None:
    sides = [[f"{side}{n}" for n in range(count)] for side, count in zip("cn", counts, strict=True)]
    balancer = balancer_of(haproxy, current=sides[0], new=sides[1])

    assert balancer.precision_percent <= most + 1e-9
