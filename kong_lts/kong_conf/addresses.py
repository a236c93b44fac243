"""Addresses in kong.conf as Kong reads them: IP, host and port, listeners, URLs."""

import ipaddress
import re

import attrs

from kong_lts.kong_conf.statements import BLANKS

__all__ = ["Url", "has_ip", "is_bare_host", "is_ip_or_range", "is_listener", "is_off", "speaks_tls"]

_IPV4 = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})(?::([0-9]+))?")
_IPV6 = re.compile(r"\[([^\[\]]*)\](?::([0-9]+))?|([^\[\]]*)")
_NAME = re.compile(r".+:[0-9]+", re.DOTALL)
_HOST = re.compile(r"[0-9A-Za-z_.-]+")
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+")
_TLS = re.compile(r"[ \t\n\v\f\r]ssl[ \t\n\v\f\r,]")
_GROUPS = 8
_GROUP = re.compile(r"[0-9A-Fa-f]{1,4}")
_IPV6_VERSION = 6
_PORTS = 65535
_BYTE = 255
_UNIX = "unix:"
_OFF = "off"
_STANDS_FOR = {
    "N": "[0-9]*",
    "A": "[0-9A-Za-z]*",
    "B": "[0-9A-Za-z]*",
    "backlog=N": "backlog=[0-9]+",
}

_FRAGMENT = re.compile(r"#(.*)\Z", re.DOTALL)
_SCHEME = re.compile(r"([0-9A-Za-z][0-9A-Za-z+.-]*):")
_AUTHORITY = re.compile(r"//([^/]*)")
_ONLY_PORT = re.compile(r":[^:\]]*\Z")


def is_ip_or_range(text: str) -> bool:
    """Whether a text is an IP address, a CIDR range or `unix:`."""
    if text == _UNIX:
        return True
    address, slash, bits = text.partition("/")
    in_brackets = address.startswith("[") and address.endswith("]")
    if in_brackets:
        address = address[1:-1]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if "%" in address or (in_brackets and found.version != _IPV6_VERSION):
        return False
    return not slash or bits in map(str, range(found.max_prefixlen + 1))


def has_ip(text: str) -> bool:
    """Whether a text is an IP address, with or without a port; a name is none."""
    return _kind(text) != "name" and _with_port(text)[0]


def is_bare_host(text: str) -> bool:
    """Whether a text is an IP address or the name of a host, without a port."""
    if _kind(text) != "name":
        return _with_port(text) == (True, False)
    *labels, last = text.split(".")
    right = all(label and not label.endswith("-") for label in labels) and not last.endswith("-")
    return bool(_HOST.fullmatch(text)) and right


def _kind(text: str) -> str:
    if text.count(":") > 1:
        return "ipv6"
    return "ipv4" if _DIGITS_AND_DOTS.fullmatch(text.replace(":", "")) else "name"


def _with_port(text: str) -> tuple[bool, bool]:
    """Whether an address is right, and whether it has a port."""
    if _kind(text) == "name":
        return True, bool(_NAME.fullmatch(text))
    if _kind(text) == "ipv4":
        found = _IPV4.fullmatch(text)
        right = found is not None and all(int(part) <= _BYTE for part in found.groups()[:4])
        port = found[5] if found else None
    else:
        found = _IPV6.fullmatch(text)
        right = found is not None and _is_ipv6(found[1] if found[1] is not None else found[3])
        port = found[2] if found else None
    return right and (port is None or int(port[:9]) <= _PORTS), port is not None


def _is_ipv6(text: str) -> bool:
    """Kong fills up the colons itself, and so takes a few addresses that nothing else does."""
    if text.startswith(":"):
        text = "0" + text
    if text.endswith(":"):
        text += "0"
    if "::" in text:
        text = text.replace("::", ":" + "0:" * (_GROUPS - text.count(":")), 1)
    groups = text.split(":")
    return len(groups) == _GROUPS and all(_GROUP.fullmatch(group) for group in groups)


def is_off(listen: tuple[str, ...]) -> bool:
    """Whether a `*_listen` key turns its listener off; only its first entry counts."""
    return listen[:1] == (_OFF,)


def is_listener(entry: str, flags: tuple[str, ...]) -> bool:
    """Whether an entry of a `*_listen` key is an address with a port, then any of the flags."""
    rest = f" {entry} "
    for flag in flags:
        pattern = _STANDS_FOR.get(flag) or _pattern(flag)
        rest = re.sub(rf"[ \t\n\v\f\r]{pattern}[ \t\n\v\f\r]", " ", rest)
    right, with_port = _with_port(rest.strip(BLANKS))
    return right and with_port


def _pattern(flag: str) -> str:
    name, sign, value = flag.partition("=")
    parts = (_STANDS_FOR.get(part, re.escape(part)) for part in value.split(":"))
    return name + sign + ":".join(parts)


def speaks_tls(listen: tuple[str, ...]) -> bool:
    """Whether any listener has the flag `ssl`."""
    return bool(_TLS.search(",".join(listen) + " "))


@attrs.frozen
class Url:
    """A URL in its parts, None for those that it does not have."""

    scheme: str | None
    authority: str | None
    host: str | None
    has_extras: bool
    """Parameters, a query or a fragment."""
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Url":
        """Read a URL as the Lua library does that Kong uses."""
        rest = _FRAGMENT.sub("", text, count=1)
        extras = rest != text
        scheme = authority = None
        if found := _SCHEME.match(rest):
            scheme, rest = found[1], rest[found.end() :]
        if found := _AUTHORITY.match(rest):
            authority, rest = found[1], rest[found.end() :]
        path = rest.partition("?")[0].partition(";")[0]
        host = _ONLY_PORT.sub("", authority.rpartition("@")[2]) if authority is not None else None
        return cls(scheme, authority, host or None, extras or path != rest, path)
