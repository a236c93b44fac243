"""DNS: the addresses of one name, changed by RFC 2136."""

import functools
import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs
from attrs.validators import ge, in_, min_len

from kong_lts.adapters.load_balancers.dns_server import (
    ALGORITHMS,
    DnsServer,
    Records,
    TsigKey,
    UnansweredError,
)
from kong_lts.adapters.load_balancers.shares import (
    check_percent,
    names,
    precision_of,
    share,
)
from kong_lts.adapters.system import SystemClock
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import Clock
from kong_lts.unshared import SessionWay

__all__ = ["DnsLoadBalancer"]

_NOTE = re.compile(r'"kong_lts new_percent=(\d{1,3}) until=([\dT:.+Z-]+)"')
_LOOK_EVERY_S = 0.2


@attrs.frozen
class _State:
    """What the zone says now."""

    addresses: Records
    note: Records
    percent: int | None = None
    """The share that the note tells of, where the addresses are those of that share."""
    until: datetime | None = None
    """When the last resolver has forgotten what was before."""


@attrs.frozen(kw_only=True)
class DnsLoadBalancer:
    """Divides clients by the addresses that a name has: as many of each cluster as come nearest.

    A name has each address once, so what shares there are depends on how many addresses each
    cluster has: with ten each, 1% is none of ten and 10% is one of ten. A note beside the addresses
    (a TXT record, changed in the same message) says which share was asked for. Clients that keep
    an answer longer than its TTL follow later; a client may be answered otherwise each time.

    Args:
        zone: The zone.
        name: The name, within the zone.
        server: Primary server, `HOST` or `HOST:PORT`.
        current: Addresses of the current cluster, all of one family.
        new: Addresses of the new cluster.
        key: Name of the TSIG key; None where the server asks for no key.
        secret: Reference of the key's base64 text, `env:NAME` or `file:PATH`.
        algorithm: Of the key.
        ttl_s: TTL of the records; `set_weight` waits that long after each change.
        secondaries: Servers that must answer alike before the TTL begins to count.
        note: Name of the TXT record, within the zone; None is `_kong-lts.NAME`.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one question, and for each secondary to follow.
        clock: Whose time passes while the TTL runs out.

    Source:
        RFC 2136 (prerequisites 2.4), RFC 8945, RFC 2181 5.2.
    """

    zone: str
    name: str
    server: str
    current: tuple[str, ...] = attrs.field(converter=names, validator=min_len(1))
    new: tuple[str, ...] = attrs.field(converter=names, validator=min_len(1))
    key: str | None = None
    secret: str | None = attrs.field(default=None, repr=False)
    algorithm: str = attrs.field(default="hmac-sha256", validator=in_(ALGORITHMS))
    ttl_s: int = attrs.field(default=30, validator=ge(0))
    secondaries: tuple[str, ...] = attrs.field(default=(), converter=names)
    note: str | None = None
    environ: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    timeout_s: float = 10.0
    clock: Clock = attrs.field(factory=SystemClock)

    session_way = SessionWay.ONE_SHOT
    keeps_clients = False
    """A resolver asks anew after each TTL, and a client may be on the other side then."""

    @property
    def precision_percent(self) -> float:
        """What the number of addresses allows."""
        return precision_of(functools.partial(_counts, len(self.current), len(self.new)))

    @property
    def delay_s(self) -> float:
        """The TTL."""
        return float(self.ttl_s)

    def set_weight(self, new_percent: int) -> None:
        doing = f"giving the new cluster {new_percent}% of {self.name}"
        check_percent(new_percent, doing)
        before = self._look(doing)
        if before.percent == new_percent:
            self._wait(before.until)
            return
        ttl_s = max(before.addresses.ttl_s, self.ttl_s)
        until = self.clock.now() + timedelta(seconds=ttl_s)
        after = _State(self._addresses(new_percent), _note(new_percent, until, self.ttl_s))
        self._change(before, after, doing)
        if slow := [s for s in self.secondaries if not self._follows(s, after, doing)]:
            failure = LoadBalancerError(
                doing, f"after {self.timeout_s:g} s {', '.join(slow)} still answers as before"
            )
            self._put_back(after, before, failure)
            raise failure
        self._wait(self.clock.now() + timedelta(seconds=ttl_s))

    def weight(self) -> int:
        doing = f"reading the share of the new cluster of {self.name}"
        state = self._look(doing)
        if state.percent is not None:
            return state.percent
        if not state.addresses.texts:
            raise LoadBalancerError(doing, "the name has no addresses; set_weight(0) makes them")
        new = len(state.addresses.texts & _canonical(self.new))
        return round(share(len(state.addresses.texts) - new, new))

    # --- the zone -------------------------------------------------------------------------------

    def _look(self, doing: str) -> _State:
        self._check_names(doing)
        primary = self._at(self.server)
        if primary.records(self.name, self._other_kind, doing).texts:
            raise LoadBalancerError(
                doing, f"the name has {self._other_kind} records too, which would not be divided"
            )
        addresses = primary.records(self.name, self._kind, doing)
        ours = _canonical(self.current) | _canonical(self.new)
        if foreign := sorted(addresses.texts - ours):
            raise LoadBalancerError(
                doing, f"the name has addresses of neither cluster: {', '.join(foreign)}"
            )
        note = primary.records(self._note_name, "TXT", doing)
        said = [match for text in note.texts if (match := _NOTE.fullmatch(text))]
        if len(said) != len(note.texts) or len(said) > 1:
            raise LoadBalancerError(doing, f"{self._note_name} holds something else")
        if not said or addresses.texts != self._addresses(int(said[0][1])).texts:
            return _State(addresses, note)
        return _State(addresses, note, int(said[0][1]), datetime.fromisoformat(said[0][2]))

    def _change(self, before: _State, after: _State, doing: str) -> None:
        """All in one message, which the server takes only if nothing changed since we looked."""
        primary = self._at(self.server)
        update = primary.update()
        update.absent(f"{self.name.rstrip('.')}.", self._other_kind)
        for name, kind, old, new in (
            (self.name, self._kind, before.addresses, after.addresses),
            (self._note_name, "TXT", before.note, after.note),
        ):
            owner = f"{name.rstrip('.')}."
            if old.texts:
                update.present(owner, kind, *sorted(old.texts))
            else:
                update.absent(owner, kind)
            update.delete(owner, kind)
            if new.texts:
                update.add(owner, new.ttl_s, kind, *sorted(new.texts))
        try:
            primary.change(update, doing)
        except UnansweredError as exc:
            if not self._is_done(after, doing):
                exc.reason += "; if it is done after all, a second try finds it"
                raise

    def _is_done(self, after: _State, doing: str) -> bool:
        try:
            found = self._at(self.server).records(self.name, self._kind, doing)
        except LoadBalancerError:
            return False
        return found.texts == after.addresses.texts

    def _follows(self, server: str, after: _State, doing: str) -> bool:
        start = self.clock.now()
        while True:
            try:
                found = self._at(server).records(self.name, self._kind, doing)
            except LoadBalancerError:  # it may only be late
                found = Records()
            if found.texts == after.addresses.texts:
                return True
            if (self.clock.now() - start).total_seconds() >= self.timeout_s:
                return False
            self.clock.sleep(_LOOK_EVERY_S)

    def _put_back(self, now: _State, before: _State, failure: LoadBalancerError) -> None:
        doing = f"putting the addresses of {self.name} back"
        try:
            self._change(now, before, doing)
        except LoadBalancerError as exc:
            failure.reason += f"; {doing} failed too: {exc.reason}; look at the zone now"

    def _wait(self, until: datetime | None) -> None:
        left_s = 0.0 if until is None else (until - self.clock.now()).total_seconds()
        if left_s > 0:
            self.clock.sleep(left_s)

    # --- the parts ------------------------------------------------------------------------------

    @property
    def _kind(self) -> str:
        return "A" if ipaddress.ip_address(self.current[0]).version == 4 else "AAAA"

    @property
    def _other_kind(self) -> str:
        return "AAAA" if self._kind == "A" else "A"

    @property
    def _note_name(self) -> str:
        return self.note or f"_kong-lts.{self.name}"

    def _at(self, address: str) -> DnsServer:
        key = None
        if self.key is not None and self.secret is not None:
            key = TsigKey(name=self.key, secret=self.secret, algorithm=self.algorithm)
        return DnsServer(
            zone=self.zone, address=address, key=key, environ=self.environ, timeout_s=self.timeout_s
        )

    def _addresses(self, percent: int) -> Records:
        current, new = _counts(len(self.current), len(self.new), percent)
        texts = _canonical(self.current[:current]) | _canonical(self.new[:new])
        return Records(texts=texts, ttl_s=self.ttl_s)

    def _check_names(self, doing: str) -> None:
        """What cannot be right, before anything is sent."""
        inside = f".{self.zone.rstrip('.')}"
        for name in (self.name, self._note_name):
            if not f".{name.rstrip('.')}".endswith(inside):
                raise LoadBalancerError(doing, f"{name} is not within zone {self.zone}")
        both = (*self.current, *self.new)
        try:
            versions = {ipaddress.ip_address(text).version for text in both}
        except ValueError as exc:
            raise LoadBalancerError(doing, str(exc)) from exc
        if len(versions) > 1 or len(_canonical(both)) < len(both):
            raise LoadBalancerError(doing, "write each address once, all IPv4 or all IPv6")
        if (self.key is None) != (self.secret is None):
            raise LoadBalancerError(doing, "a TSIG key needs both its name and its secret")


def _canonical(addresses: tuple[str, ...]) -> frozenset[str]:
    return frozenset(str(ipaddress.ip_address(text)) for text in addresses)


def _note(percent: int, until: datetime, ttl_s: int) -> Records:
    text = f'"kong_lts new_percent={percent} until={until.isoformat(timespec="milliseconds")}"'
    return Records(texts=frozenset({text}), ttl_s=ttl_s)


@functools.cache
def _counts(current: int, new: int, percent: int) -> tuple[int, int]:
    """How many addresses of each side come nearest; among equals the most, and fewer new ones."""
    mixes = ((c, n) for c in range(current + 1) for n in range(new + 1) if c + n)
    return min(mixes, key=lambda mix: (abs(share(*mix) - percent), -sum(mix), mix[1]))
