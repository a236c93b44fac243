"""What a rule of the catalog may ask about a value, by the name that its `call` gives."""

import re
from collections.abc import Callable, Mapping

from kong_lts.catalog.rows import KongConfRule
from kong_lts.kong_conf.addresses import Url
from kong_lts.kong_conf.loading import Loaded
from kong_lts.kong_conf.values import split_list
from kong_lts.kong_conf.vaults import asks_environment

__all__ = ["TESTS"]

_OLD_TLS = re.compile(r"\b(?:SSLv3|TLSv1|TLSv1\.1)(?![.0-9])")
_OLD_CIPHERS = re.compile(r"RC4|DES|MD5|NULL|EXP|(?<![0-9])SHA(?![0-9])|ALL|SECLEVEL=[01]")
_OLD_SUITE = "old"


def _has_path(rule: KongConfRule, value: str, loaded: Loaded) -> bool:
    url = Url.parse(value)
    return url.scheme is not None and url.path.strip("/") != ""


def _has_no_scheme(rule: KongConfRule, value: str, loaded: Loaded) -> bool:
    url = Url.parse(value)
    return bool(value) and (url.scheme is None or url.authority is None)


def _has_item(rule: KongConfRule, value: str, loaded: Loaded) -> bool:
    return bool(set(split_list(value)) & set(rule.values))


def _is_weak_suite(rule: KongConfRule, value: str, loaded: Loaded) -> bool:
    if value == _OLD_SUITE:
        return True
    protocols = str(loaded.values.get("ssl_protocols") or "")
    ciphers = str(loaded.values.get("ssl_ciphers") or "")
    return bool(_OLD_TLS.search(protocols) or _OLD_CIPHERS.search(ciphers))


def _beside_references(rule: KongConfRule, value: str, loaded: Loaded) -> bool:
    """Whether some key of the file or environment is to come from the environment vault."""
    return any(asks_environment(given) for given in loaded.user.values())


def _names_opentracing(rule: KongConfRule, value: str, loaded: Loaded) -> bool:
    return "opentracing" in value.lower()


TESTS: Mapping[str, Callable[[KongConfRule, str, Loaded], bool]] = {
    "beside_references": _beside_references,
    "has_item": _has_item,
    "has_no_scheme": _has_no_scheme,
    "has_path": _has_path,
    "is_weak_suite": _is_weak_suite,
    "names_opentracing": _names_opentracing,
}
