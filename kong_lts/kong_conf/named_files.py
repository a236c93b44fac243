"""The files that a kong.conf names and that a release looks for before it starts."""

from collections.abc import Iterator

from kong_lts.kong_conf.certificates import is_pem
from kong_lts.kong_conf.cross_key import tls_pairs
from kong_lts.kong_conf.loading import Loaded
from kong_lts.versions import Release

__all__ = ["named_files"]

_SYSTEM = "system"
"""Stands for the bundle of certificates of the host, wherever that is."""
_WITHOUT_PARAMETERS = "old"


def named_files(loaded: Loaded) -> tuple[tuple[str, str], ...]:
    """Each key with each path that it makes the release look for."""
    return tuple((key, path) for key in _keys(loaded) for path in _paths(loaded, key))


def _keys(loaded: Loaded) -> Iterator[str]:
    values, is_new = loaded.values, loaded.release is Release.V3_4
    for pair in tls_pairs(loaded):
        yield from pair
    if values.get("client_ssl") is True:
        yield from ("client_ssl_cert", "client_ssl_cert_key")
    if values.get("role") in ("control_plane", "data_plane"):
        yield from ("cluster_cert", "cluster_cert_key")
        yield from ("cluster_ca_cert",) if is_new else ()
    yield from ("lua_ssl_trusted_certificate", "dns_hostsfile", *_dh_keys(loaded))
    if is_new and values.get("wasm") is True:
        yield "wasm_filters_path"


def _dh_keys(loaded: Loaded) -> tuple[str, ...]:
    """The keys that count; most cipher suites bring parameters of their own, or none."""
    suite = loaded.values.get("ssl_cipher_suite")
    if suite in loaded.keys.cipher_suites and suite != _WITHOUT_PARAMETERS:
        return ()
    if loaded.values.get("ssl_dhparam") is not None:
        return ("ssl_dhparam",)
    return loaded.keys.fan_out["ssl_dhparam"]


def _paths(loaded: Loaded, key: str) -> Iterator[str]:
    value = loaded.values.get(key)
    for path in value if isinstance(value, tuple) else (value,):
        stands_for_itself = path == _SYSTEM or path in loaded.keys.dh_groups
        if isinstance(path, str) and path and not stands_for_itself and not is_pem(path):
            yield path
