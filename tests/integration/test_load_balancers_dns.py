"""bind9 divides real requests by the addresses that it answers with, and none of them fails."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import dns.message
import dns.query
import dns.rdataclass
import dns.rdatatype
import pytest

from kong_lts.adapters import DnsLoadBalancer, OneShotHosts
from kong_lts.deployment import Side
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import LoadBalancer
from kong_lts.testing.fakes import FakeClock
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.conftest import counted
from tests.contracts.load_balancer import LoadBalancerContract
from tests.integration.balancers.load import REQUESTS, Load, check, ramp
from tests.integration.balancers.servers import ZONE, Bind9, bind9_server
from tests.integration.balancers.upstreams import HOST, free_port, upstreams

CURRENT = tuple(f"127.0.1.{n}" for n in range(1, 21))
NEW = tuple(f"127.0.2.{n}" for n in range(1, 21))


@pytest.fixture
def bind9_(bind9: Path, tmp_path: Path) -> Iterator[Bind9]:
    with bind9_server(bind9, tmp_path, CURRENT[0]) as server:
        yield server


def dns_balancer(bind9: Bind9, **changes: Any) -> DnsLoadBalancer:
    balancer = DnsLoadBalancer(
        zone=ZONE,
        name=f"api.{ZONE}",
        server=bind9.address,
        current=CURRENT,
        new=NEW,
        key="kong",
        secret=f"file:{bind9.secret}",
        ttl_s=1,
    )
    return attrs.evolve(balancer, **changes)


class TestDns(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, bind9_: Bind9) -> LoadBalancer:
        return dns_balancer(bind9_)


def addresses(server: Bind9, name: str = f"api.{ZONE}") -> tuple[list[str], int]:
    query = dns.message.make_query(name, "A")
    # As a resolver asks: by TCP again where the answer is too long for one packet.
    answer, _ = dns.query.udp_with_fallback(query, HOST, port=server.port, timeout=5)
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
    port = free_port()
    places = {
        Side.CURRENT: [(host, port) for host in CURRENT],
        Side.NEW: [(host, port) for host in NEW],
    }
    with upstreams(places), Load(Resolver(bind9_, port).where) as load:
        stages = ramp(
            balancer, load, requests=counted(REQUESTS), precision_percent=balancer.precision_percent
        )

    check(stages, load)


def test_bind9_has_the_note_and_the_records_of_a_share_at_once(bind9_: Bind9) -> None:
    balancer = dns_balancer(bind9_, ttl_s=0)
    balancer.set_weight(30)

    found, ttl_s = addresses(bind9_)
    assert (len(set(found) & set(CURRENT)), len(set(found) & set(NEW))) == (14, 6)
    assert ttl_s == 0
    assert attrs.evolve(balancer, note=f"elsewhere.{ZONE}").weight() == 30


def test_bind9_is_waited_for_as_long_as_the_longest_ttl(bind9_: Bind9) -> None:
    clock = FakeClock(World.of(next(iter(ALL.values()))))
    waited = []
    for percent, ttl_s in ((1, 300), (50, 20), (50, 20), (100, 20)):
        start = clock.now()
        dns_balancer(bind9_, ttl_s=ttl_s, clock=clock).set_weight(percent)
        waited.append((clock.now() - start).total_seconds())

    assert waited == [300, 300, 0, 20]


@attrs.define
class Meddling:
    """A clock that changes the zone when it is first asked: after the look, before the change."""

    meddle: Callable[[], None]
    asked: bool = False

    def now(self) -> datetime:
        if not self.asked:
            self.asked = True
            self.meddle()
        return datetime.now(UTC)

    def sleep(self, duration_s: float) -> None:
        """Not at all."""


def test_bind9_takes_no_change_of_what_somebody_else_changed_meanwhile(bind9_: Bind9) -> None:
    balancer = dns_balancer(bind9_, ttl_s=0)
    balancer.set_weight(1)
    meddling = Meddling(lambda: balancer.set_weight(70))

    with pytest.raises(LoadBalancerError, match="somebody else changed the records meanwhile"):
        attrs.evolve(balancer, clock=meddling).set_weight(5)

    assert balancer.weight() == 70


def test_bind9_is_put_back_when_a_secondary_does_not_follow(bind9_: Bind9) -> None:
    balancer = dns_balancer(bind9_, ttl_s=0)
    balancer.set_weight(5)
    slow = attrs.evolve(
        balancer, secondaries=(bind9_.address, f"{HOST}:{free_port()}"), timeout_s=0.3
    )

    with pytest.raises(LoadBalancerError, match="still answers as before"):
        slow.set_weight(50)

    assert balancer.weight() == 5
    assert slow.weight() == 5


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"key": "reader"}, "REFUSED; may the key"),
        ({"key": "unknown"}, "the signature is not taken|NOTAUTH"),
        ({"environ": {"X": "bm90IGl0"}, "secret": "env:X"}, "the signature is not taken|NOTAUTH"),
        ({"environ": {"X": "marker"}, "secret": "env:X"}, "kong is no base64 text"),
        ({"environ": {}, "secret": "env:X"}, "no such variable"),
        ({"secret": None}, "both its name and its secret"),
        ({"key": None, "secret": None}, "REFUSED"),
        ({"name": f"alias.{ZONE}"}, "is an alias"),
        ({"name": f"legacy.{ZONE}"}, r"of neither cluster: 192\.0\.2\.1"),
        ({"name": f"both.{ZONE}"}, "has AAAA records too"),
        ({"name": "api.other.test"}, "is not within zone"),
        ({"zone": "other.test", "name": "api.other.test"}, "REFUSED|NOTAUTH|no server of zone"),
        ({"note": f"ns.{ZONE}", "name": f"ns.{ZONE}"}, "of neither cluster: 127"),
        ({"new": ("127.0.2.1", "::1")}, "all IPv4 or all IPv6"),
        ({"new": ("kong",)}, "'kong' does not appear to be"),
        ({"server": "127.0.0.1:1"}, "nothing listens"),
    ],
)
def test_what_bind9_refuses_is_an_error_without_the_secret(
    bind9_: Bind9, changes: dict[str, Any], match: str
) -> None:
    balancer = dns_balancer(bind9_, **{"ttl_s": 0, **changes})

    with pytest.raises(LoadBalancerError, match=match) as caught:
        balancer.set_weight(50)

    secret = bind9_.secret.read_text().strip()
    assert not {"marker", secret} & set(str(caught.value).split())
    assert addresses(bind9_)[0] == [CURRENT[0]]


def test_bind9_moves_the_records_of_hosts_with_sessions_in_one_step(bind9_: Bind9) -> None:
    login = f"login.{ZONE}"
    balancer = OneShotHosts(
        others=dns_balancer(bind9_), hosts={login: dns_balancer(bind9_, name=login)}
    )
    seen = {}
    for percent in (0, 25, 50, 100, 0):
        balancer.set_weight(percent)
        sides = {address.rpartition(".")[0] for address in addresses(bind9_, login)[0]}
        seen[percent] = sides
        assert balancer.weight() == percent
        assert len(sides) == 1, "a resolver never has both"

    assert seen[25] == seen[50] == seen[0] != seen[100]
