"""Why a release does not load a route: the checks of its schema that concern the router."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping

from kong_lts.routing.dialect import pcre, rust, size
from kong_lts.routing.paths import is_regex_28, normalise
from kong_lts.routing.router.hosts import host_problem, sni_problem
from kong_lts.versions import Release

__all__ = ["compatible_problem", "compatible_regex", "problems", "service_problems"]

_SETS = (
    frozenset({"http", "https"}),
    frozenset({"tcp", "tls", "udp"}),
    frozenset({"tls_passthrough"}),
    frozenset({"grpc", "grpcs"}),
)
_PROTOCOLS = frozenset[str]().union(*_SETS)
_WITH_SNI = frozenset({"grpcs", "https", "tls", "tls_passthrough"})
_NOT_FOR: tuple[tuple[frozenset[str], tuple[str, ...], str], ...] = (
    (_SETS[0], ("sources", "destinations"), "'http' or 'https'"),
    (_SETS[3], ("methods", "sources", "destinations"), "'grpc' or 'grpcs'"),
    (
        _SETS[1] | _SETS[2],
        ("methods", "hosts", "paths", "headers"),
        "'tcp', 'tls', 'tls_passthrough' or 'udp'",
    ),
)
"""Of some protocols, what a route may not have, not even empty."""
_ENCRYPTED = {"https": "http", "grpcs": "grpc"}
_REDIRECTS = (426, 301, 302, 307, 308)
_METHOD = re.compile(r"[A-Z]+")
_HEADER_NAME = re.compile(r"[a-zA-Z0-9-_]+")
_RFC_3986 = re.compile(r"/[\w.\-~/%:@!$&'()*+,;=]*", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z.\-_~\x80-\U0010ffff]+")
_BAD_TRIPLET = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)

_Check = Callable[[object], str | None]


def problems(
    route: Mapping[str, object], release: Release, router_flavor: str | None
) -> Iterator[str]:
    """What the schema of the release says about a route; nothing if it loads it.

    Args:
        route: As it stands in the document, the paths in the form of the release.
        release: Which one.
        router_flavor: Of 3.4: `traditional_compatible` compiles every path with Rust's regex.

    Source:
        Kong/kong 2.8.5 and 3.4.2, kong/db/schema/entities/routes.lua, routes_subschemas.lua and
        kong/db/schema/typedefs.lua.
    """

    def path(text: str) -> str | None:
        if release is Release.V2_8:
            return _path_problem_28(text)
        return _path_problem_34(text, router_flavor)

    yield from _of_scalars(route)
    before = len(found := list(_of_lists(route, path)))
    yield from found
    if not before:
        yield from _of_protocols(route)


def service_problems(service: Mapping[str, object]) -> Iterator[str]:
    """The same about what a router needs of a service; no release differs from the other.

    Source:
        Kong/kong 2.8.5 and 3.4.2, kong/db/schema/entities/services.lua.
    """
    checks = {"name": _name, "path": _service_path, "protocol": _any_protocol}
    for key, check in checks.items():
        value = service.get(key)
        if value is not None and (problem := check(value)):
            yield f"{key}: {problem}"


def _service_path(value: object) -> str | None:
    if not isinstance(value, str):
        return "expected a string"
    if not value.startswith("/"):
        return "should start with: /"
    if "//" in value:
        return "must not have empty segments"
    if not _RFC_3986.fullmatch(value):
        reserved = "characters outside of the reserved list of RFC 3986 found"
        return f"invalid path: '{value}' ({reserved})"
    return _bad_triplet(value)


def _any_protocol(value: object) -> str | None:
    return _protocol(value) if isinstance(value, str) else "expected a string"


def _of_scalars(route: Mapping[str, object]) -> Iterator[str]:
    checks: dict[str, _Check] = {
        "id": _uuid,
        "name": _name,
        "created_at": _whole,
        "regex_priority": _whole,
        "strip_path": _truth,
        "preserve_host": _truth,
        "path_handling": lambda v: None if v in ("v0", "v1") else "expected one of: v0, v1",
        "https_redirect_status_code": _redirect,
    }
    for key, check in checks.items():
        value = route.get(key)
        if value is not None and (problem := check(value)):
            yield f"{key}: {problem}"


def _redirect(value: object) -> str | None:
    if isinstance(value, int) and value in _REDIRECTS:
        return None
    return f"expected one of: {', '.join(map(str, _REDIRECTS))}"


def _name(value: object) -> str | None:
    if not isinstance(value, str):
        return "expected a string"
    if _NAME.fullmatch(value):
        return None
    allowed = "the only accepted ascii characters are alphanumerics or ., -, _, and ~"
    return f"invalid value '{value}': {allowed}"


def _whole(value: object) -> str | None:
    whole = value.is_integer() if isinstance(value, float) else isinstance(value, int)
    return None if whole and not isinstance(value, bool) else "expected an integer"


def _truth(value: object) -> str | None:
    return None if isinstance(value, bool) else "expected a boolean"


def _uuid(value: object) -> str | None:
    try:
        fits = isinstance(value, str) and len(value) == 36 and bool(uuid.UUID(value))
    except ValueError:
        fits = False
    return None if fits else "expected a valid UUID"


def _of_lists(route: Mapping[str, object], path: Callable[[str], str | None]) -> Iterator[str]:
    yield from _of_list(route, "protocols", "a set", _protocol)
    yield from _of_list(route, "methods", "a set", _method)
    yield from _of_list(route, "hosts", "an array", host_problem)
    yield from _of_list(route, "paths", "an array", path)
    yield from _of_list(route, "snis", "a set", sni_problem)
    headers = route.get("headers")
    if isinstance(headers, Mapping):
        for name in headers:
            yield from _of_header(name, headers)
    elif headers is not None:
        yield "headers: expected a map"


def _of_list(
    route: Mapping[str, object], key: str, kind: str, check: Callable[[str], str | None]
) -> Iterator[str]:
    values = route.get(key)
    if values is None:
        return
    if not isinstance(values, list | tuple):
        yield f"{key}: expected {kind}"
        return
    for value in values:
        if problem := check(value) if isinstance(value, str) else "expected a string":
            yield f"{key}: {problem}"


def _protocol(name: str) -> str | None:
    known = "grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"
    return None if name in _PROTOCOLS else f"expected one of: {known}"


def _method(name: str) -> str | None:
    return None if _METHOD.fullmatch(name) else f"invalid value: {name}"


def _of_header(name: object, headers: Mapping[object, object]) -> Iterator[str]:
    if not isinstance(name, str):
        yield "headers: expected a string"
    elif not _HEADER_NAME.fullmatch(name):
        allowed = "allowed characters are A-Z, a-z, 0-9, '_', and '-'"
        yield f"headers: bad header name '{name}', {allowed}"
    elif name.lower() == "host":
        where = "which must be specified in the 'hosts' attribute"
        yield f"headers: cannot contain 'host' header, {where}"
    else:
        yield from _of_list(
            {f"headers.{name}": headers[name] or ()}, f"headers.{name}", "an array", _any
        )


def _any(_: str) -> None:
    """A header may have any value."""


def _of_protocols(route: Mapping[str, object]) -> Iterator[str]:
    """What depends on the protocols of the route."""
    named = route.get("protocols")
    protocols = frozenset(named) if isinstance(named, list | tuple) else _SETS[0]
    if not protocols:
        yield "protocols: length must be at least 1"
    if sum(bool(protocols & one) for one in _SETS) > 1:
        yield "protocols: these sets are mutually exclusive"
        return
    if route.get("snis") and not protocols & _WITH_SNI:
        text = "can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"
        yield f"snis: '{'snis'}' {text}"
    for own, keys, listed in _NOT_FOR:
        for key in keys if own & protocols else ():
            if route.get(key) is not None:
                yield f"{key}: cannot set '{key}' when 'protocols' is {listed}"
    if protocols & _SETS[3] and route.get("strip_path"):
        yield "strip_path: cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'"
    yield from _nothing_to_match(route, protocols)


def _nothing_to_match(route: Mapping[str, object], protocols: frozenset[object]) -> Iterator[str]:
    criteria = ["hosts", "headers", "paths"]
    if protocols & _SETS[0]:
        criteria.insert(0, "methods")
    elif not protocols & _SETS[3]:
        return
    encrypted = next((name for name in _ENCRYPTED if name in protocols), None)
    if encrypted:
        criteria.append("snis")
    if not any(route.get(key) for key in criteria):
        listed = ", ".join(f"'{key}'" for key in criteria)
        named = encrypted or next(iter(protocols))
        yield f"must set one of {listed} when 'protocols' is '{named}'"


def _path_problem_28(path: str) -> str | None:
    if not path.startswith("/"):
        return "should start with: /"
    if "//" in path:
        return "must not have empty segments"
    if problem := _bad_triplet(path):
        return problem
    return _pcre_problem(path, path) if is_regex_28(path) else None


def _path_problem_34(path: str, router_flavor: str | None) -> str | None:
    if not path.startswith(("/", "~/")):
        return "should start with: / (fixed path) or ~/ (regex path)"
    if "//" in path:
        return "must not have empty segments"
    if path.startswith("~"):
        problem = _pcre_problem(path[1:], path[1:])
        if problem or router_flavor != "traditional_compatible":
            return problem
        return compatible_problem(path)
    if problem := _bad_triplet(path):
        return problem
    normal = normalise(path)
    return None if path == normal else f"non-normalized path, consider use '{normal}' instead"


def _bad_triplet(path: str) -> str | None:
    """What is wrong with the percent signs, which is looked at in ordinary paths only."""
    if "%" not in path or not _RFC_3986.fullmatch(path):
        return None
    found = _BAD_TRIPLET.search(path)
    return f"invalid url-encoded value: '{found[0]}'" if found else None


def _pcre_problem(pattern: str, shown: str) -> str | None:
    try:
        pcre.read(pattern)
    except pcre.BadPatternError as exc:
        return f"invalid regex: '{shown}' (PCRE returned: {exc.reason})"
    return None


def compatible_regex(path: str) -> str:
    """The pattern that 3.4's `traditional_compatible` router makes of a regex path.

    Source:
        Kong/kong 3.4.2 kong/router/compat.lua.
    """
    return "^" + path[1:].replace("?<", "?P<")


def compatible_problem(path: str) -> str | None:
    """Why that router cannot compile a regex path; None if it can."""
    pattern = compatible_regex(path)
    reason = ""
    try:
        tree = rust.read(pattern)
    except rust.RefusedError as exc:
        reason = exc.reason
    else:
        if size.program_bytes(tree) > size.LARGEST_BYTES:
            reason = f"Compiled regex exceeds size limit of {size.LARGEST_BYTES} bytes."
    if not reason:
        return None
    return f"Router Expression failed validation: regex parse error: {pattern}: {reason}"
