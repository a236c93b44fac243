"""Addresses of a name, at a small server that knows one zone, signatures and prerequisites."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import attrs
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update
import pytest

from kong_lts.adapters import DnsLoadBalancer
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import LoadBalancer
from kong_lts.testing.fakes import FakeClock
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.contracts.load_balancer import LoadBalancerContract

SECRET = "c2VjcmV0LW1hcmtlcg=="
NAME = "api.shop.test"
CURRENT = tuple(f"192.0.2.{n}" for n in range(1, 5))
NEW = tuple(f"198.51.100.{n}" for n in range(1, 5))
Key = tuple[dns.name.Name, dns.rdatatype.RdataType]


@attrs.define
class Zone:
    """The zone, and how its server behaves."""

    port: int = 0
    authoritative: bool = True
    refuses: bool = False
    answers_changes: bool = True
    takes_changes: bool = True
    sets: dict[Key, dns.rrset.RRset] = attrs.Factory(dict)

    def put(self, name: str, ttl_s: int, kind: str, *texts: str) -> None:
        found = dns.rrset.from_text(f"{name}.", ttl_s, "IN", kind, *texts)
        self.sets[found.name, found.rdtype] = found

    def texts(self, name: str, kind: str) -> set[str]:
        found = self.sets.get((dns.name.from_text(name), dns.rdatatype.from_text(kind)))
        return set() if found is None else {record.to_text() for record in found}

    def answer(self, wire: bytes) -> bytes | None:
        key = dns.tsig.Key("kong", SECRET, "hmac-sha256")
        message = dns.message.from_wire(wire, keyring={key.name: key})
        response = dns.message.make_response(message)
        if self.authoritative:
            response.flags |= dns.flags.AA
        if self.refuses:
            response.set_rcode(dns.rcode.REFUSED)
        elif isinstance(message, dns.update.UpdateMessage):
            response.set_rcode(self.change(message))
            return response.to_wire() if self.answers_changes else None
        else:
            asked = message.question[0]
            alias = self.sets.get((asked.name, dns.rdatatype.CNAME))
            found = self.sets.get((asked.name, asked.rdtype), alias)
            response.answer += [found] if found is not None else []
        return response.to_wire()

    def change(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        present: dict[Key, set[dns.rdata.Rdata]] = {}
        for wanted in message.prerequisite:  # one record each
            key = wanted.name, wanted.rdtype
            if wanted.deleting == dns.rdataclass.NONE and key in self.sets:
                return dns.rcode.YXRRSET
            if wanted.deleting is None:
                present.setdefault(key, set()).update(wanted)
        if any(set(self.sets.get(key, ())) != records for key, records in present.items()):
            return dns.rcode.NXRRSET
        for wanted in message.update if self.takes_changes else ():
            if wanted.deleting == dns.rdataclass.ANY:
                self.sets.pop((wanted.name, wanted.rdtype), None)
                continue
            found = self.sets.setdefault((wanted.name, wanted.rdtype), wanted)
            for record in wanted:
                found.add(record)
        return dns.rcode.NOERROR


@pytest.fixture
def zone() -> Iterator[Zone]:
    zone = Zone()
    zone.put(NAME, 300, "A", *CURRENT)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            if (wire := zone.answer(self.rfile.read(length))) is not None:
                self.wfile.write(struct.pack("!H", len(wire)) + wire)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        zone.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield zone
        server.shutdown()
        thread.join()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(World.of(next(iter(ALL.values()))))


def balancer_of(zone: Zone, ticking: FakeClock, **changes: Any) -> DnsLoadBalancer:
    settings: dict[str, Any] = {
        "zone": "shop.test",
        "name": NAME,
        "server": f"127.0.0.1:{zone.port}",
        "current": CURRENT,
        "new": NEW,
        "key": "kong",
        "secret": "env:TSIG",
        "environ": {"TSIG": SECRET},
        "ttl_s": 30,
        "clock": ticking,
    }
    return DnsLoadBalancer(**{**settings, **changes})


class TestDns(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, zone: Zone, clock: FakeClock) -> LoadBalancer:
        return balancer_of(zone, clock)


@pytest.mark.parametrize(
    ("percent", "counts"),
    [(0, (4, 0)), (1, (4, 0)), (20, (4, 1)), (25, (3, 1)), (50, (4, 4)), (99, (0, 4))],
)
def test_the_nearest_mix_with_the_most_addresses_is_taken(
    zone: Zone, clock: FakeClock, percent: int, counts: tuple[int, int]
) -> None:
    balancer_of(zone, clock).set_weight(percent)

    found = zone.texts(NAME, "A")
    assert (len(found & set(CURRENT)), len(found & set(NEW))) == counts


def test_an_address_of_the_other_family_is_divided_too(zone: Zone, clock: FakeClock) -> None:
    zone.sets.clear()
    balancer = balancer_of(zone, clock, current=["2001:DB8:0::1"], new=["2001:db8::2"])
    balancer.set_weight(50)

    assert zone.texts(NAME, "AAAA") == {"2001:db8::1", "2001:db8::2"}
    assert balancer.precision_percent == 25


def test_each_change_waits_for_the_longest_ttl(zone: Zone, clock: FakeClock) -> None:
    waited = []
    for percent in (25, 25, 100):
        start = clock.now()
        balancer_of(zone, clock).set_weight(percent)
        waited.append(clock.now() - start)

    assert waited == [timedelta(seconds=s) for s in (300, 0, 30)]


def test_a_change_whose_wait_was_cut_short_is_waited_for_again(
    zone: Zone, clock: FakeClock
) -> None:
    @attrs.frozen
    class Impatient(FakeClock):
        def sleep(self, duration_s: float) -> None:
            super().sleep(duration_s / 3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        balancer_of(zone, clock, clock=Impatient(clock.world)).set_weight(25)
    start = clock.now()
    balancer_of(zone, clock).set_weight(25)

    assert clock.now() - start == timedelta(seconds=200)


def test_a_change_whose_answer_is_lost_is_found_by_looking(zone: Zone, clock: FakeClock) -> None:
    zone.answers_changes = False
    balancer = balancer_of(zone, clock)
    balancer.set_weight(25)

    assert balancer.weight() == 25


def test_a_change_that_is_lost_is_an_error(zone: Zone, clock: FakeClock) -> None:
    zone.answers_changes = zone.takes_changes = False
    balancer = balancer_of(zone, clock)

    with pytest.raises(LoadBalancerError, match="no answer came"):
        balancer.set_weight(25)

    assert balancer.weight() == 0


def test_a_secondary_that_does_not_follow_takes_it_back(zone: Zone, clock: FakeClock) -> None:
    before = zone.texts(NAME, "A")

    with pytest.raises(LoadBalancerError, match=r"127\.0\.0\.1:1 still answers as before"):
        balancer_of(zone, clock, secondaries="127.0.0.1:1").set_weight(25)

    assert zone.texts(NAME, "A") == before
    assert zone.texts(f"_kong-lts.{NAME}", "TXT") == set()


def test_addresses_that_somebody_changed_are_what_counts(zone: Zone, clock: FakeClock) -> None:
    balancer = balancer_of(zone, clock)
    balancer.set_weight(25)
    zone.put(NAME, 300, "A", CURRENT[0], *NEW[:3])

    assert balancer.weight() == 75


@pytest.mark.parametrize(
    ("name", "kind", "text", "match"),
    [
        (NAME, "A", "203.0.113.9", r"of neither cluster: 203\.0\.113\.9"),
        (NAME, "AAAA", "2001:db8::1", "has AAAA records too"),
        (NAME, "CNAME", "elsewhere.test.", "is an alias"),
        (f"_kong-lts.{NAME}", "TXT", '"v=spf1"', "holds something else"),
    ],
)
def test_what_somebody_else_wrote_is_refused(
    zone: Zone, clock: FakeClock, name: str, kind: str, text: str, match: str
) -> None:
    if kind == "CNAME":
        zone.sets.clear()
    zone.put(name, 300, kind, text)
    before = {key: set(found) for key, found in zone.sets.items()}
    balancer = balancer_of(zone, clock)

    for act in (balancer.weight, lambda: balancer.set_weight(25)):
        with pytest.raises(LoadBalancerError, match=match):
            act()

    assert {key: set(found) for key, found in zone.sets.items()} == before


def test_a_name_without_addresses_gets_its_first_ones(zone: Zone, clock: FakeClock) -> None:
    zone.sets.clear()
    balancer = balancer_of(zone, clock)

    with pytest.raises(LoadBalancerError, match="has no addresses"):
        balancer.weight()
    balancer.set_weight(0)

    assert zone.texts(NAME, "A") == set(CURRENT)


@pytest.mark.parametrize(
    ("behaviour", "match"),
    [({"authoritative": False}, "is no server of zone"), ({"refuses": True}, "answers REFUSED")],
)
def test_a_server_that_is_not_ours_is_an_error(
    zone: Zone, clock: FakeClock, behaviour: dict[str, bool], match: str
) -> None:
    for name, value in behaviour.items():
        setattr(zone, name, value)

    with pytest.raises(LoadBalancerError, match=match):
        balancer_of(zone, clock).set_weight(25)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"environ": {"TSIG": "marker!"}}, "no base64 text"),
        ({"environ": {}}, "no such variable"),
        ({"secret": "marker"}, "no reference was given"),
        ({"secret": None}, "both its name and its secret"),
        ({"server": "127.0.0.1:1"}, "nothing listens"),
        ({"name": "api.elsewhere.test"}, "not within zone"),
        ({"new": "198.51.100.1.1"}, "does not appear to be an IPv4"),
        ({"new": CURRENT[0]}, "each address once"),
        ({"new": "::1"}, "all IPv4 or all IPv6"),
    ],
)
def test_what_cannot_be_right_is_an_error_without_a_secret(
    zone: Zone, clock: FakeClock, changes: dict[str, Any], match: str
) -> None:
    balancer = balancer_of(zone, clock, **changes)

    with pytest.raises(LoadBalancerError, match=match) as caught:
        balancer.set_weight(25)

    assert "marker" not in str(caught.value) + repr(balancer)


def test_a_share_beyond_a_hundred_is_refused(zone: Zone, clock: FakeClock) -> None:
    with pytest.raises(LoadBalancerError, match="0 to 100"):
        balancer_of(zone, clock).set_weight(101)
