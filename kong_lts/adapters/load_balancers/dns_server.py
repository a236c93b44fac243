"""One zone of an authoritative DNS server: asking, and changing by RFC 2136 with TSIG.

dnspython (extra `dns`) is imported on use, so that importing the adapters costs nothing.
"""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import attrs

from kong_lts.adapters.secrets import resolve_secret
from kong_lts.errors import LoadBalancerError, SecretError

if TYPE_CHECKING:
    from dns.message import Message
    from dns.tsig import Key
    from dns.update import UpdateMessage

__all__ = ["ALGORITHMS", "DnsServer", "Records", "TsigKey", "UnansweredError"]

ALGORITHMS = tuple(f"hmac-{name}" for name in ("sha256", "sha384", "sha512", "sha224", "sha1"))
"""Of a TSIG key."""
_PORT = 53


@attrs.define
class UnansweredError(LoadBalancerError):
    """A change was sent, and no answer came: it may have been done."""


@attrs.frozen(kw_only=True)
class TsigKey:
    """A shared key that signs what is sent.

    Args:
        name: As the server knows it.
        secret: Reference of its base64 text, `env:NAME` or `file:PATH`.
        algorithm: As `hmac-sha256`.
    """

    name: str
    secret: str = attrs.field(repr=False)
    algorithm: str = "hmac-sha256"

    def signer(self, environ: Mapping[str, str] | None, doing: str) -> "Key":
        """What dnspython signs with.

        Raises:
            LoadBalancerError: The secret cannot be had, or is no base64 text.
        """
        import dns.exception
        import dns.tsig

        try:
            text = resolve_secret(self.secret, os.environ if environ is None else environ)
        except SecretError as exc:
            raise LoadBalancerError(doing, str(exc)) from exc
        try:
            return dns.tsig.Key(self.name, text.strip(), self.algorithm)
        except (ValueError, dns.exception.DNSException):  # their text may hold the secret
            raise LoadBalancerError(doing, f"the TSIG key {self.name} is no base64 text") from None


@attrs.frozen(kw_only=True)
class Records:
    """All records of one name and type; none is none."""

    texts: frozenset[str] = frozenset()
    ttl_s: int = 0


@attrs.frozen(kw_only=True)
class DnsServer:
    """Asks and changes one zone at one server, always over TCP.

    Args:
        zone: The zone.
        address: `HOST` or `HOST:PORT`.
        key: Signs both ways; None where the server asks for no key.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one question.
    """

    zone: str
    address: str
    key: TsigKey | None
    environ: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    timeout_s: float = 10.0

    def records(self, name: str, kind: str, doing: str) -> Records:
        """What the server holds.

        Raises:
            LoadBalancerError: It gives no answer, or is not authoritative.
        """
        with _dnspython(doing):
            import dns.flags
            import dns.message
            import dns.name
            import dns.rcode
            import dns.rdatatype

            owner = dns.name.from_text(name)
            query = dns.message.make_query(owner, kind, flags=0)
            answer = self._send(query, doing)
            rcode = answer.rcode()
            if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                raise LoadBalancerError(doing, self._says(rcode))
            if not answer.flags & dns.flags.AA:
                raise LoadBalancerError(doing, f"{self.address} is no server of zone {self.zone}")
            if any(found.rdtype == dns.rdatatype.CNAME for found in answer.answer):
                raise LoadBalancerError(doing, f"{name} is an alias (CNAME); name what it leads to")
            found = answer.get_rrset("ANSWER", owner, query.question[0].rdclass,
                                     query.question[0].rdtype)  # fmt: skip
            if found is None:
                return Records()
            return Records(texts=frozenset(r.to_text() for r in found), ttl_s=found.ttl)

    def update(self) -> "UpdateMessage":
        """An empty change of the zone, to be filled and sent."""
        import dns.update

        return dns.update.UpdateMessage(self.zone)

    def change(self, update: "UpdateMessage", doing: str) -> None:
        """Send a change, which is done as a whole or not at all.

        Raises:
            UnansweredError: It may have been done.
            LoadBalancerError: It was refused.
        """
        with _dnspython(doing):
            import dns.rcode

            rcode = self._send(update, doing).rcode()
            if rcode in (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN):
                raise LoadBalancerError(
                    doing, "somebody else changed the records meanwhile; nothing was changed"
                )
            if rcode != dns.rcode.NOERROR:
                raise LoadBalancerError(doing, self._says(rcode))

    def _send(self, message: "Message", doing: str) -> "Message":
        import dns.exception
        import dns.query

        if self.key is not None:
            message.use_tsig(self.key.signer(self.environ, doing))
        host, port = self._host()
        where = f"{doing} at {self.address}"
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
        except OSError as exc:
            raise LoadBalancerError(where, exc.strerror or str(exc)) from exc
        try:
            return dns.query.tcp(message, str(found), timeout=self.timeout_s, port=port)
        except ConnectionRefusedError as exc:
            raise LoadBalancerError(where, "nothing listens there") from exc
        except (OSError, EOFError, dns.exception.Timeout) as exc:
            raise UnansweredError(where, f"no answer came ({type(exc).__name__})") from exc

    def _host(self) -> tuple[str, int]:
        host, colon, port = self.address.rpartition(":")
        if colon and port.isdecimal() and (":" not in host or host.endswith("]")):
            return host.strip("[]"), int(port)
        return self.address.strip("[]"), _PORT

    def _says(self, rcode: int) -> str:
        import dns.rcode

        text = dns.rcode.to_text(dns.rcode.Rcode(rcode))
        hint = {
            "REFUSED": "; may the key change this name?",
            "NOTAUTH": "; is it a server of the zone, and the key right?",
        }
        return f"{self.address} answers {text}{hint.get(text, '')}"


@contextlib.contextmanager
def _dnspython(doing: str) -> Iterator[None]:
    """Its absence and its exceptions, as our error."""
    try:
        import dns.exception
        import dns.tsig
    except ImportError as exc:
        raise LoadBalancerError(doing, "dnspython is absent: install kong-lts[dns]") from exc
    try:
        yield
    except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.tsig.BadTime) as exc:
        why = f"the signature is not taken ({type(exc).__name__}): key, algorithm or clock"
        raise LoadBalancerError(doing, why) from exc
    except dns.exception.DNSException as exc:
        raise LoadBalancerError(doing, f"{type(exc).__name__}: {exc}") from exc
