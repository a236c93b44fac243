"""Hosts: with and without a port, plain and with a wildcard; what a route may name."""

import ipaddress
import re
from collections.abc import Iterator, Sequence

import attrs

from kong_lts.digits import whole

__all__ = [
    "HostPort",
    "WildcardHosts",
    "host_problem",
    "routed_sni",
    "sni_problem",
    "split_port",
]

_LARGEST_PORT = 65535
_NAME = re.compile(r"[0-9A-Za-z._-]+")
_IPV4 = re.compile(r"[0-9.]+(?::\d+)?", re.ASCII)
_PORT = re.compile(r":(\d+)\Z", re.ASCII)


@attrs.frozen
class HostPort:
    """A `Host` header taken apart as the traditional router does it."""

    name: str
    with_port: str
    """With the port of the scheme where it has none."""
    has_port: bool


def split_port(host: str, default: str) -> HostPort:
    """Take a host apart.

    Args:
        host: As in the header, or as a route has it.
        default: The port of the scheme, "" for none.

    Source:
        Kong/kong 2.8.5 kong/router.lua, the same in 3.4.2 kong/router/traditional.lua.
    """
    end = f":{default}" if default else ""
    if host.startswith("["):
        return _split_brackets(host, default)
    name, colon, port = host.partition(":")
    if not colon:
        return HostPort(host, host + end, has_port=False)
    if not port:
        return HostPort(name, name + end, has_port=False)
    if not _digits(port):
        return HostPort(host, f"[{host}]{end}" if default else host, has_port=False)
    return HostPort(name, host, has_port=True)


def _split_brackets(host: str, default: str) -> HostPort:
    end = f":{default}" if default else ""
    if host.endswith("]"):
        return HostPort(host[1:-1], host + end, has_port=False)
    name, closing, port = host[1:].partition("]:")
    if closing and not port:
        return HostPort(name, host + default, has_port=False)
    if closing and _digits(port):
        return HostPort(name, host, has_port=True)
    return HostPort(host, host + end, has_port=False)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def routed_sni(sni: str) -> str:
    """The server name that a router compares: without the dot that may end a full name."""
    return sni[:-1] if len(sni) > 1 and sni.endswith(".") else sni


class WildcardHosts:
    """Finds which of many wildcard hosts take a host, in the order in which they were given."""

    def __init__(self, wildcards: Sequence[str]) -> None:
        self._places: dict[str, int] = {}
        for wildcard in wildcards:
            self._places.setdefault(wildcard, len(self._places))

    def taking(self, host: HostPort) -> list[str]:
        """Those that take the host, first one first."""
        if not self._places:
            return []
        found = {w for w in _wildcards_of(host.with_port) if w in self._places}
        return sorted(found, key=self._places.__getitem__)


def _wildcards_of(host: str) -> Iterator[str]:
    """Every wildcard host that takes a host with a port; the port need not be named."""
    without = _PORT.sub("", host)
    for text in (host, without):
        for at in range(1, len(text)):
            if text[at] == ".":
                yield f"*{text[at:]}"
    for at in range(1, len(host)):
        if host[at - 1] == ".":
            yield f"{host[:at]}*"


def host_problem(host: str) -> str | None:
    """Why a route may not have this host; None if it may.

    Source:
        Kong/kong 2.8.5 kong/db/schema/typedefs.lua, the same in 3.4.2.
    """
    if host.count("*") > 1:
        return "invalid wildcard: must have at most one wildcard"
    if "*" in host and not (host.startswith("*.") or host.endswith(".*")):
        return "invalid wildcard: must be placed at leftmost or rightmost label"
    return _address_problem(host.replace("*", "abc"))


def sni_problem(name: str) -> str | None:
    """Why a route may not have this SNI; None if it may."""
    problem = _address_problem(name)
    if problem not in (None, _BAD_PORT):
        return f"invalid value: {name}"
    if name.count(":") > 1 or _IPV4.fullmatch(name):
        return "must not be an IP"
    return "must not have a port" if problem or _PORT.search(name) else None


_BAD_PORT = "invalid port number"


def _address_problem(address: str) -> str | None:
    """Why it is neither a name nor an IP address, each with an optional port."""
    if address.count(":") > 1:
        return _ipv6_problem(address)
    port = _PORT.search(address)
    name = _PORT.sub("", address)
    if re.fullmatch(r"[0-9.]+", address.replace(":", "")):
        parts = name.split(".")
        if len(parts) != 4 or not all(0 < len(p) <= 3 and int(p) <= 255 for p in parts):
            return f"invalid ipv4 address: {address}"
    elif not _NAME.fullmatch(name) or not _labels_fit(name):
        return f"invalid hostname: {address}"
    return _BAD_PORT if port and whole(port[1]) > _LARGEST_PORT else None


def _ipv6_problem(address: str) -> str | None:
    inner, port = address, ""
    if address.startswith("["):
        inner, _, port = address[1:].partition("]")
    try:
        ipaddress.IPv6Address(inner)
    except ValueError:
        return f"invalid ipv6 address: {address}"
    if port and not re.fullmatch(r":\d+", port, re.ASCII):
        return "invalid ipv6 address"
    return _BAD_PORT if port and whole(port[1:]) > _LARGEST_PORT else None


def _labels_fit(name: str) -> bool:
    """Whether no label ends in a dash and only the last one is empty."""
    labels = name.split(".")
    return not any(label.endswith("-") for label in labels) and all(labels[:-1])
