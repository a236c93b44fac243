"""Keys that become directives of nginx: namespaces, fan-out, aliases and deprecated names."""

import math
import re
from collections.abc import Callable

from kong_lts.catalog.rows import ConfKeys
from kong_lts.kong_conf.lua import to_number, to_text
from kong_lts.kong_conf.values import Raw
from kong_lts.versions import Edition, Release

__all__ = [
    "NotADurationError",
    "fan_out",
    "fill_in",
    "is_injected",
    "nginx_seconds",
    "seconds_of",
]

_TIME = re.compile(r"([0-9]*)(m(?!s)|[yMwdhs ]) *")
_SECONDS = {
    "y": 31536000, "M": 2592000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, " ": 1,
}  # fmt: skip
_LONGEST_TIME = 64
"""Characters of a duration."""
_LONGEST_TIME_S = 2**63 - 1


class NotADurationError(Exception):
    """A key whose value nginx would not read as a time; 2.8 crashes over it."""


def is_injected(key: str, keys: ConfKeys, edition: Edition) -> bool:
    """Whether a key needs no row because of its beginning."""
    prefixes = keys.namespaces[edition]
    return key.startswith(prefixes) and key not in prefixes


def fan_out(values: dict[str, Raw], keys: ConfKeys) -> None:
    """Write keys that stand for directives in several blocks over these, as Kong does."""
    for key, directives in keys.fan_out.items():
        if key in values:
            values.update(dict.fromkeys(directives, values[key]))


def fill_in(user: dict[str, Raw], keys: ConfKeys, release: Release) -> None:
    """Let aliases and deprecated names fill the keys that they stand for, where those are unset."""
    for old, new in keys.aliases.items():
        if old in user:
            user.setdefault(new, _text(user[old]))
    for key, directives in keys.fan_out.items():
        if key in user:
            for directive in directives:
                user.setdefault(directive, user[key])
    for old, news in keys.old_names.items():
        if old in user:
            for new in news:
                user.setdefault(new, user[old])
    if release is Release.V2_8:
        _keepalive(user)


def _keepalive(user: dict[str, Raw]) -> None:
    """2.8's deprecated names for the pool of connections to upstreams, three of each."""
    pool = "nginx_upstream_keepalive"
    _copy(user, "nginx_http_upstream_keepalive", pool)
    if pool not in user and "upstream_keepalive" in user:
        value = user["upstream_keepalive"]
        text = "NONE" if value == 0 else _text(value)
        user[pool] = user["nginx_http_upstream_keepalive"] = text
    _convert(user, pool, "upstream_keepalive_pool_size", _connections)
    requests = "nginx_upstream_keepalive_requests"
    _copy(user, "nginx_http_upstream_keepalive_requests", requests)
    _convert(user, requests, "upstream_keepalive_max_requests", _number)
    timeout = "nginx_upstream_keepalive_timeout"
    _copy(user, "nginx_http_upstream_keepalive_timeout", timeout)
    _convert(user, timeout, "upstream_keepalive_idle_timeout", seconds_of)


def _copy(user: dict[str, Raw], old: str, new: str) -> None:
    if old in user:
        user.setdefault(new, user[old])


def _convert(
    user: dict[str, Raw], old: str, new: str, convert: Callable[[Raw], Raw | None]
) -> None:
    if new in user or old not in user:
        return
    value = convert(user[old])
    if value is not None:
        user[new] = value
    elif convert is seconds_of:
        raise NotADurationError(old)


def _connections(value: Raw) -> Raw | None:
    return 0 if value == "NONE" else _number(value)


def _number(value: Raw) -> Raw | None:
    return to_number(value) if isinstance(value, str) else value


def seconds_of(value: Raw) -> Raw | None:
    """As `nginx_seconds`, of a value on its way."""
    return nginx_seconds(_text(value))


def nginx_seconds(text: str) -> int | None:
    """A duration of nginx, as `2m` or `1h 30m`, in whole seconds; None if it is none."""
    at, total, smallest = 0, 0, math.inf
    if len(text) > _LONGEST_TIME or not any(character in "0123456789" for character in text):
        return None
    while found := _TIME.match(text, at):
        seconds = _SECONDS[found[2]]
        if seconds >= smallest:
            return None
        total, smallest = total + int(found[1] or 0) * seconds, seconds
        at = found.end()
    rest = text[at:]
    if rest and not (rest.isascii() and rest.isdigit()):
        return None
    total += int(rest or 0)
    return int(float(total)) if total <= _LONGEST_TIME_S else None  # Lua has no other numbers


def _text(value: Raw) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else to_text(value)
