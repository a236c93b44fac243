"""Probes made from recorded traffic: an access log, or a HAR file of a browser."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

import attrs

from kong_lts.errors import FormatError
from kong_lts.protocols import Probe, is_credential
from kong_lts.smoke_test.making import MadeProbes
from kong_lts.smoke_test.steps import SAFE_METHODS

__all__ = ["probes_of_access_log", "probes_of_har"]

_LOGGED = re.compile(r'"([A-Z]+) (/\S*) HTTP/[\d.]+" (\d{3})\b')
_KEPT_HEADERS = ("accept", "accept-language", "content-type", "origin")
_MOST = 500


def probes_of_access_log(
    text: str,
    *,
    host: str | None = None,
    most: int = _MOST,
    safe_methods: Collection[str] = SAFE_METHODS,
) -> MadeProbes:
    """The most frequent requests of an access log, each with the status it mostly got.

    The log of nginx has no headers: where a request needs a credential, give its probe one with
    `attrs.evolve(probe, credential=...)`. Meant for `Settings.compared`.

    Args:
        text: Lines as Kong's `proxy_access_log` has them; others are passed over.
        host: What the requests ask for, which the log does not have.
        most: So many different requests at most.
        safe_methods: What may be sent.
    """
    statuses: dict[tuple[str, str], Counter[int]] = {}
    for method, target, status in _LOGGED.findall(text):
        statuses.setdefault((method, target), Counter())[int(status)] += 1
    ranked = sorted(statuses.items(), key=lambda item: -item[1].total())
    probes: list[Probe] = []
    left_out: list[str] = []
    for (method, target), seen in ranked:
        shown = f"{method} {target.partition('?')[0]}"
        if reason := next(_obstacles(method, target, safe_methods), None):
            left_out.append(f"{shown}: {reason}")
        elif len(probes) < most:
            status = seen.most_common(1)[0][0]
            probes.append(_probe(len(probes), method, target, host, {}, status))
    return MadeProbes(probes=tuple(probes), left_out=tuple(dict.fromkeys(left_out)))


def probes_of_har(
    text: str, *, tls: bool = False, safe_methods: Collection[str] = SAFE_METHODS
) -> MadeProbes:
    """The requests of a HAR file, without their credentials.

    Args:
        text: As a browser saves it.
        tls: Whether what went over https does so again, with the name of its URL; else to whichever
            listener the proxy has first.
        safe_methods: What may be sent.

    Raises:
        FormatError: It is no HAR file.

    Source:
        HAR 1.2, `log.entries`.
    """
    probes: dict[tuple[str, str, str | None], Probe] = {}
    left_out: list[str] = []
    for method, url, headers, status in _entries(text):
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2] or None
        if reason := next(_obstacles(method, target, safe_methods), None):
            left_out.append(f"{method} {parts.path or '/'}: {reason}")
        elif (method, target, host) not in probes:
            probe = _probe(len(probes), method, target, host, headers, status)
            over_tls = parts.scheme == "https" and parts.hostname is not None
            probes[method, target, host] = (
                attrs.evolve(probe, scheme="https", server_name=parts.hostname)
                if over_tls and tls
                else probe
            )
    return MadeProbes(probes=tuple(probes.values()), left_out=tuple(dict.fromkeys(left_out)))


def _obstacles(method: str, target: str, safe_methods: Collection[str]) -> Iterator[str]:
    """What speaks against sending a request again."""
    if method not in safe_methods:
        yield f"{method} may change something"
    query = urlsplit(target).query
    if any(is_credential(name) for name, _ in parse_qsl(query, keep_blank_values=True)):
        yield "an argument of it may be a credential"


def _probe(
    number: int, method: str, target: str, host: str | None, headers: Mapping[str, str], status: int
) -> Probe:
    return Probe(
        name=f"{number + 1}: {method} {target.partition('?')[0]}",
        method=method,
        path=target,
        host=host,
        headers=headers,
        expect_status=status,
    )


_Entry = tuple[str, str, dict[str, str], int]


def _entries(text: str) -> Iterable[_Entry]:
    """Method, URL, headers that are no credential, and status of each entry.

    Raises:
        FormatError: It is no HAR file.
    """
    try:
        return [_entry(entry) for entry in json.loads(text)["log"]["entries"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        problem = str(exc) if isinstance(exc, json.JSONDecodeError) else "no list log.entries in it"
        raise FormatError("HAR file", (problem,)) from None


def _entry(entry: Mapping[str, Mapping[str, object]]) -> _Entry:
    request = entry["request"]
    method, url, status = request["method"], request["url"], entry["response"]["status"]
    rows = request.get("headers")
    if not isinstance(method, str) or not isinstance(url, str) or not isinstance(status, int):
        raise TypeError
    urlsplit(url)
    headers = {
        str(row["name"]).lower(): str(row["value"])
        for row in (rows if isinstance(rows, list) else [])
        if str(row["name"]).lower() in _KEPT_HEADERS
    }
    return method, url, headers, status
