"""What Kong derives from the keys of a kong.conf once it has accepted them."""

import posixpath
import re

from kong_lts.kong_conf.addresses import Url
from kong_lts.kong_conf.certificates import pem_of
from kong_lts.kong_conf.loading import Loaded
from kong_lts.kong_conf.values import ConfValue
from kong_lts.versions import Release

__all__ = ["derive"]

_TWO_SLASHES = re.compile(r"//[^/]")
_NOBODY = ("nobody", "nobody nobody")
_KONG = ("kong", "kong kong")
_USERS = ("nginx_main_user", "nginx_user")
_WASM_CHECKS = tuple(
    f"nginx_wasm_tls_{n}" for n in ("verify_cert", "verify_host", "no_verify_warn")
)
_WASM_SOCKETS = ("connect_timeout", "read_timeout", "send_timeout", "buffer_size")
_CERTIFICATES = re.compile(r"(?:[a-z_]*_)?(?:ssl|cluster|cluster_ca)_cert(?:_key)?")


def derive(loaded: Loaded) -> None:
    """Fill in what follows from other keys."""
    values = loaded.values
    _cipher_suite(loaded)
    values["lua_package_cpath"] = values.get("lua_package_cpath") or ""
    if isinstance(prefix := values.get("prefix"), str) and prefix.startswith("/"):
        values["prefix"] = root = _absolute(prefix)
        paths = loaded.keys.prefix_paths.items()
        values.update({key: posixpath.join(root, below) for key, below in paths})
    _users(values)
    if values.get("role") == "data_plane":
        _trust_control_plane(values)
    if loaded.release is not Release.V2_8:
        _certificates(values)
        _origin_of_the_gui(values)
        _wasm(values)


def _absolute(path: str) -> str:
    """A path as Kong shortens it: `..` out of the root stay, and so do two slashes at the start."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    root = "//" if _TWO_SLASHES.match(path) else "/"
    return root + "/".join(parts)


def _cipher_suite(loaded: Loaded) -> None:
    """A suite other than `custom` beats every other key on ciphers and protocols."""
    values = loaded.values
    suite = loaded.keys.cipher_suites.get(str(values.get("ssl_cipher_suite")))
    if suite is None:
        return
    values["ssl_ciphers"] = suite["ciphers"]
    for block in ("nginx_http_ssl_", "nginx_stream_ssl_"):
        values[f"{block}protocols"] = suite["protocols"]
        values[f"{block}prefer_server_ciphers"] = suite["prefer_server_ciphers"]
    if values["ssl_cipher_suite"] != "old":
        for key in ("ssl_dhparam", "nginx_http_ssl_dhparam", "nginx_stream_ssl_dhparam"):
            values[key] = suite["dhparams"]


def _users(values: dict[str, ConfValue]) -> None:
    """`nobody` is nginx's own default; both `kong` is only set where that user exists."""
    plain = {key: " ".join(str(values.get(key) or "").split()) for key in _USERS}
    for key, user in plain.items():
        if user in _NOBODY:
            values[key] = None
    if all(user in _KONG for user in plain.values()):
        values.update(dict.fromkeys(_USERS))


def _trust_control_plane(values: dict[str, ConfValue]) -> None:
    shared = values.get("cluster_mtls") == "shared"
    certificate = values.get("cluster_cert" if shared else "cluster_ca_cert")
    trusted = values.get("lua_ssl_trusted_certificate")
    if isinstance(certificate, str) and isinstance(trusted, tuple):
        values["lua_ssl_trusted_certificate"] = (*trusted, certificate)


def _certificates(values: dict[str, ConfValue]) -> None:
    """3.4 takes certificates and keys in base64 too."""
    for key, value in values.items():
        if value and _CERTIFICATES.fullmatch(key):
            if isinstance(value, str):
                values[key] = pem_of(value) or value
            elif isinstance(value, tuple):
                values[key] = tuple(pem_of(item) or item for item in value)


def _origin_of_the_gui(values: dict[str, ConfValue]) -> None:
    if isinstance(gui := values.get("admin_gui_url"), str):
        url = Url.parse(gui)
        values["admin_gui_origin"] = f"{url.scheme}://{url.authority}"


def _wasm(values: dict[str, ConfValue]) -> None:
    """With WebAssembly on, directives that nobody set follow from others."""
    if values.get("wasm") is not True:
        return
    wanted: dict[str, ConfValue] = {"nginx_http_proxy_wasm_lua_resolver": "on"}
    trusted = values.get("lua_ssl_trusted_certificate")
    if isinstance(trusted, tuple) and trusted:
        wanted["nginx_wasm_tls_trusted_certificate"] = trusted[0]
    depth = values.get("lua_ssl_verify_depth")
    if isinstance(depth, int | float) and depth > 0:
        wanted.update(dict.fromkeys(_WASM_CHECKS, "on"))
    for block in ("nginx_http_", "nginx_proxy_"):
        for name in _WASM_SOCKETS:
            wanted[f"{block}wasm_socket_{name}"] = values.get(f"{block}lua_socket_{name}")
    for key, value in wanted.items():
        if value is not None and values.get(key) is None:
            values[key] = value
