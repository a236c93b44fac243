"""Why a release would not start: limits, listeners, and keys that do not go together."""

import math
import re
from collections.abc import Iterator

from kong_lts.catalog.rows import KeyType, Limit
from kong_lts.kong_conf.addresses import (
    Url,
    has_ip,
    is_bare_host,
    is_ip_or_range,
    is_listener,
    is_off,
    speaks_tls,
)
from kong_lts.kong_conf.certificates import is_pem
from kong_lts.kong_conf.cluster import cluster_refusals
from kong_lts.kong_conf.loading import Loaded
from kong_lts.kong_conf.lua import to_number
from kong_lts.versions import Release

__all__ = ["check", "tls_pairs"]

Refusal = tuple[str, str]
"""A key and why the release would not start with it."""

_PORTS = range(1, 65536)
_DNS_ORDER = ("LAST", "A", "AAAA", "CNAME", "SRV")
_GUI_PATH = re.compile(r"[A-Za-z0-9_/-]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CASSANDRA = "cassandra"


def check(loaded: Loaded) -> None:
    """Note every refusal; nothing is asked of the host's files."""
    for refusals in (
        _limits,
        _listeners,
        _certificates,
        _lists,
        _port_maps,
        _texts,
        _urls,
        _tracing,
        _cassandra,
        cluster_refusals,
    ):
        for key, reason in refusals(loaded):
            loaded.refuse(key, reason)


def texts(loaded: Loaded, key: str) -> tuple[str, ...]:
    """The items of a list, none where it is unset, unknown or no list."""
    value = loaded.values.get(key)
    return value if isinstance(value, tuple) else ()


def text(loaded: Loaded, key: str) -> str | None:
    """A text, None where it is unset or something else."""
    value = loaded.values.get(key)
    return value if isinstance(value, str) else None


def _limits(loaded: Loaded) -> Iterator[Refusal]:
    for key, row in loaded.keys.keys.items():
        if row.limit is None or loaded.edition not in row.defaults:
            continue
        value = loaded.values.get(key)
        if isinstance(value, int | float):
            if outside := _outside(value, row.limit):
                yield key, f"{value} is {outside}"
        elif row.limit.required and value is None:
            what = "no number" if row.type is KeyType.NUMBER else "unset"
            yield key, f"it is {what}, and Kong crashes over that"


def _outside(value: float, limit: Limit) -> str | None:
    """What is wrong with a number."""
    if limit.least is not None and value < limit.least:
        return f"less than {limit.least:.0f}"
    if limit.above is not None and value <= limit.above:
        return f"not above {limit.above:.0f}"
    if limit.most is not None and value > limit.most:
        return f"more than {limit.most:.0f}"
    whole = math.isinf(value) or (math.isfinite(value) and value == int(value))
    return "no whole number" if limit.whole and not whole else None


def _listeners(loaded: Loaded) -> Iterator[Refusal]:
    for key, row in loaded.keys.keys.items():
        if not row.flags or loaded.edition not in row.defaults:
            continue
        listen = texts(loaded, key)
        form = f"an address with a port, then any of {', '.join(row.flags)}"
        if not listen:
            yield key, f"it is empty; give off, or {form}"
        elif not is_off(listen):
            for entry in listen:
                if not is_listener(entry, row.flags):
                    yield key, f"{entry!r} is not {form}"


def _certificates(loaded: Loaded) -> Iterator[Refusal]:
    """A listener with TLS needs as many certificates as keys."""
    for certificate, key in tls_pairs(loaded):
        if {certificate, key} & loaded.unknown:
            continue
        yield from _no_paths(loaded, certificate, key)
        certificates, keys = len(texts(loaded, certificate)), len(texts(loaded, key))
        if certificates != keys:
            missing = certificate if certificates < keys else key
            yield missing, f"{certificates} in {certificate}, {keys} in {key}; each needs the other"
    if loaded.values.get("role") in ("control_plane", "data_plane"):
        yield from _no_paths(loaded, "cluster_cert", "cluster_cert_key")
    if loaded.values.get("client_ssl") is True:
        pair = ("client_ssl_cert", "client_ssl_cert_key")
        yield from _no_paths(loaded, *pair)
        unset = [key for key in pair if loaded.values.get(key) is None]
        if len(unset) == 1 and not set(pair) & loaded.unknown:
            yield unset[0], "it is unset, and client_ssl needs both certificate and key or neither"


def tls_pairs(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """The keys of certificate and key of each listener that speaks TLS."""
    for prefix in ("proxy_", "admin_", "admin_gui_", "status_"):
        listen = texts(loaded, f"{prefix}listen")
        if prefix == "proxy_":
            listen += texts(loaded, "stream_listen")
        if speaks_tls(listen):
            name = "" if prefix == "proxy_" else prefix
            yield f"{name}ssl_cert", f"{name}ssl_cert_key"


def _no_paths(loaded: Loaded, *keys: str) -> Iterator[Refusal]:
    """2.8 takes paths of certificates and keys, not the things themselves."""
    for key in keys if loaded.release is Release.V2_8 else ():
        value = loaded.values.get(key)
        items = value if isinstance(value, tuple) else (str(value or ""),)
        if any(is_pem(item) for item in items):
            yield key, "it is no path, and 2.8 takes nothing else"


def _lists(loaded: Loaded) -> Iterator[Refusal]:
    tokens = {token.lower() for token in loaded.keys.header_tokens[loaded.edition]}
    for token in texts(loaded, "headers"):
        if token != "off" and token.lower() not in tokens:
            yield "headers", f"{token!r} is no header that Kong sends"
    for server in texts(loaded, "dns_resolver"):
        if not has_ip(server):
            yield "dns_resolver", f"{server!r} is no IP address, with or without a port"
    for name in texts(loaded, "dns_order"):
        if name.upper() not in _DNS_ORDER:
            yield "dns_order", f"{name!r} is none of {', '.join(_DNS_ORDER)}"
    for address in texts(loaded, "trusted_ips"):
        if not is_ip_or_range(address):
            yield "trusted_ips", f"{address!r} is no IP address, CIDR range or unix:"


def _port_maps(loaded: Loaded) -> Iterator[Refusal]:
    for pair in texts(loaded, "port_maps"):
        host, colon, kong = pair.partition(":")
        ports = [to_number(port) for port in (host, kong)]
        if not colon or not all(_is_port(port) for port in ports):
            yield "port_maps", f"{pair!r} is no pair of ports as in 80:8000"


def _is_port(number: float | None) -> bool:
    return number is not None and _PORTS[0] <= number <= _PORTS[-1]


def _texts(loaded: Loaded) -> Iterator[Refusal]:
    suite = loaded.values.get("ssl_cipher_suite")
    if suite != "custom" and suite not in loaded.keys.cipher_suites:
        yield "ssl_cipher_suite", f"{suite!r} is no cipher suite"
    node = text(loaded, "node_id")
    if node is not None and not _UUID.fullmatch(node):
        yield "node_id", "it is no UUID"
    path = text(loaded, "admin_gui_path") if loaded.release is Release.V3_4 else None
    if path is not None and (
        not path.startswith("/")
        or (path.endswith("/") and path != "/")
        or "//" in path
        or not _GUI_PATH.fullmatch(path)
    ):
        wanted = "it starts with a slash, ends without one, and has letters, digits, - _ / only"
        yield "admin_gui_path", f"{path!r} is no path: {wanted}"


def _urls(loaded: Loaded) -> Iterator[Refusal]:
    gui = text(loaded, "admin_gui_url") if loaded.release is Release.V3_4 else None
    if gui is not None:
        url = Url.parse(gui)
        if url.scheme is None or url.authority is None:
            yield "admin_gui_url", f"{gui!r} has no scheme or no host, and Kong crashes over that"
    server = text(loaded, "proxy_server")
    if server is None:
        return
    url = Url.parse(server)
    if url.scheme not in ("http", "https"):
        yield "proxy_server", "it has to start with http:// or https://"
    elif url.host is None:
        yield "proxy_server", "it names no host"
    elif url.has_extras:
        yield "proxy_server", "a query, fragment or parameter makes no sense in it"


def _tracing(loaded: Loaded) -> Iterator[Refusal]:
    types = texts(loaded, "tracing_instrumentations")
    if not types or not loaded.keys.trace_types:
        return
    for name in types:
        if name not in loaded.keys.trace_types:
            yield "tracing_instrumentations", f"{name!r} is nothing that Kong traces"
    if len(types) > 1 and "off" in types:
        yield "tracing_instrumentations", "off goes with no other"
    rate = loaded.values.get("tracing_sampling_rate")
    if not isinstance(rate, int | float) or rate < 0 or rate > 1:
        yield "tracing_sampling_rate", f"{rate} is not between 0 and 1"


def _cassandra(loaded: Loaded) -> Iterator[Refusal]:
    if loaded.values.get("database") != _CASSANDRA:
        return
    if loaded.release is Release.V3_4:
        yield "database", "3.4 has no Cassandra; move the data to PostgreSQL first"
        return
    policy = text(loaded, "cassandra_lb_policy") or ""
    if "DCAware" in policy and text(loaded, "cassandra_local_datacenter") is None:
        yield "cassandra_local_datacenter", f"cassandra_lb_policy = {policy} needs it"
    frequency = loaded.values.get("cassandra_refresh_frequency")
    if not isinstance(frequency, int | float) or frequency < 0:
        yield "cassandra_refresh_frequency", f"{frequency} is less than 0, or no number"
    for point in texts(loaded, "cassandra_contact_points"):
        if not is_bare_host(point):
            yield "cassandra_contact_points", f"{point!r} is no host; a port is cassandra_port"
