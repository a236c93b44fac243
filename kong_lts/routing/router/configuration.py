"""Reads the routes of a declarative document as a release loads them, or says why it does not."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import attrs

from kong_lts.errors import RouterError
from kong_lts.routing.paths import migrate_path
from kong_lts.routing.router.refusals import problems, service_problems
from kong_lts.versions import Release

__all__ = ["OF_WORKSPACE", "Route", "Service", "read_routes"]

OF_WORKSPACE = "»"
"""Between a workspace and a name that another workspace has too; Kong takes it in a name."""

_FORMATS = {Release.V2_8: ("1.1", "2.1"), Release.V3_4: ("1.1", "2.1", "3.0")}
_MIGRATED_ON_LOAD = ("1.1", "2.1")
"""The formats whose paths 3.4 migrates while it loads them."""
_NAMES_OF_ENTITIES = uuid.UUID("fd02801f-0957-4a15-a55a-c8d9606f30b5")
_NAMES_OF_ROUTES = uuid.uuid5(_NAMES_OF_ENTITIES, "routes")
"""Namespace of the ids that Kong makes of names.

Source:
    Kong/kong 2.8.5 kong/db/schema/others/declarative_config.lua, the same in 3.4.2.
"""
_HTTP = frozenset({"http", "https", "grpc", "grpcs"})
_PORTS = {"https": 443, "grpcs": 443, "http": 80, "grpc": 80}
_UNIQUE = (("name", "name"), ("id", "primary key"))
_MOST_SHOWN = 5


@attrs.frozen(kw_only=True)
class Service:
    """Where a route leads."""

    label: str
    protocol: str = "http"
    host: str | None = None
    port: int = 80
    path: str | None = None
    enabled: bool = True
    balanced: bool = False
    """Whether the host names an upstream, so that the host of a target is what counts."""
    host_header: str | None = None
    """What that upstream sends instead."""


@attrs.frozen(kw_only=True)
class Route:
    """One route, with the defaults filled in."""

    label: str
    id: str | None = None
    """None where Kong makes up another one on each load."""
    created_at: float | None = None
    """None where Kong takes the time of loading."""
    service: Service | None = None
    protocols: tuple[str, ...] = ("http", "https")
    methods: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = None
    paths: tuple[str, ...] = ()
    headers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    snis: tuple[str, ...] = ()
    regex_priority: int = 0
    strip_path: bool = True
    path_handling: str = "v0"
    preserve_host: bool = False
    https_redirect_status_code: int = 426


@attrs.frozen
class _Found:
    """A route as it stands in the document."""

    raw: Mapping[str, object]
    place: str
    service: Service | None


def read_routes(
    config: Mapping[str, object],
    release: Release,
    *,
    router_flavor: str | None,
    ids_of_names: bool = True,
) -> tuple[Route, ...]:
    """The routes that the HTTP router of a release is made of, in the order of the document.

    Args:
        config: A declarative document as parsed; without `_format_version` it is taken for what a
            database of this release holds.
        release: Which one loads it.
        router_flavor: Of 3.4.
        ids_of_names: Whether a route without an id gets the one that Kong makes of its name.

    Raises:
        RouterError: The release refuses the document, or it is none.
    """
    version = config.get("_format_version")
    if version is not None and version not in _FORMATS[release]:
        expected = ", ".join(_FORMATS[release])
        raise RouterError(f"_format_version: expected one of: {expected}")
    found = list(_found(config))
    if release is Release.V3_4 and version in _MIGRATED_ON_LOAD:
        found = [attrs.evolve(one, raw=_migrated(one.raw)) for one in found]
    stored = release is Release.V2_8 and version is None
    _refuse([_as_stored(one) if stored else one for one in found], release, router_flavor)
    routes = (_route(one, ids_of_names=ids_of_names) for one in found)
    return tuple(
        route
        for route in routes
        if _HTTP & {*route.protocols} and (route.service is None or route.service.enabled)
    )


def _found(config: Mapping[str, object]) -> Iterator[_Found]:
    """Every route of the document, those within services first."""
    upstreams = {str(u["name"]): u for u in _mappings(config, "upstreams", "") if "name" in u}
    services: dict[str, Service] = {}
    for n, raw in enumerate(_mappings(config, "services", "")):
        service = _service(raw, f"services[{n}]", upstreams)
        for key in ("id", "name"):
            if isinstance(raw.get(key), str):
                services[str(raw[key])] = service
        for m, route in enumerate(_mappings(raw, "routes", f"services[{n}].")):
            yield _Found(route, f"services[{n}].routes[{m}]", service)
    for n, route in enumerate(_mappings(config, "routes", "")):
        yield _Found(route, f"routes[{n}]", _named_service(route, f"routes[{n}]", services))


def _mappings(holder: Mapping[str, object], key: str, place: str) -> Sequence[Mapping[str, object]]:
    entities = holder.get(key)
    if entities is None:
        return ()
    if not isinstance(entities, list | tuple):
        raise RouterError(f"{place}{key}: expected an array")
    for n, entity in enumerate(entities):
        if not isinstance(entity, Mapping):
            raise RouterError(f"{place}{key}[{n}]: expected a record")
    return entities


def _named_service(
    route: Mapping[str, object], place: str, services: Mapping[str, Service]
) -> Service | None:
    """The service that a route outside of the services names."""
    name = route.get("service")
    if isinstance(name, Mapping):
        name = name.get("name") or name.get("id")
    if name is None:
        return None
    if not isinstance(name, str) or name not in services:
        reason = f"invalid reference 'service: {name}' (no such entry in 'services')"
        raise RouterError(reason, route=_label(route, place))
    return services[name]


def _label(raw: Mapping[str, object], place: str) -> str:
    return str(raw.get("name") or raw.get("id") or place)


def _service(
    raw: Mapping[str, object], place: str, upstreams: Mapping[str, Mapping[str, object]]
) -> Service:
    given = {key: value for key, value in raw.items() if value is not None}
    if isinstance(url := given.get("url"), str):
        given.update(_of_url(url))
    if problem := next(service_problems(given), None):
        raise RouterError(f"service {_label(raw, place)}: {problem}")
    host = str(given["host"]) if "host" in given else None
    upstream = upstreams.get(host) if host else None
    header = upstream.get("host_header") if upstream else None
    try:
        port = int(str(given.get("port", 80)))
    except ValueError:
        raise RouterError(f"{place}.port: expected an integer") from None
    return Service(
        label=_label(raw, place),
        protocol=str(given.get("protocol", "http")),
        host=host,
        port=port,
        path=str(given["path"]) if "path" in given else None,
        enabled=given.get("enabled", True) is not False,
        balanced=upstream is not None,
        host_header=str(header) if header else None,
    )


def _of_url(url: str) -> Iterator[tuple[str, object]]:
    """What the `url` of a service stands for."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RouterError(f"services: invalid url: {url!r}") from None
    yield "protocol", parts.scheme or "http"
    yield "host", parts.hostname or ""
    yield "port", port or _PORTS.get(parts.scheme, 80)
    if parts.path:
        yield "path", parts.path


def _migrated(raw: Mapping[str, object]) -> Mapping[str, object]:
    paths = raw.get("paths")
    if not isinstance(paths, list | tuple):
        return raw
    return {**raw, "paths": [migrate_path(p) if isinstance(p, str) else p for p in paths]}


def _as_stored(found: _Found) -> _Found:
    """What 2.8 reads in its database without a look at its schema: paths that 3.4 has migrated."""
    paths = found.raw.get("paths")
    if not isinstance(paths, list | tuple):
        return found
    plain = [p.removeprefix("~") if isinstance(p, str) else p for p in paths]
    return attrs.evolve(found, raw={**found.raw, "paths": plain})


def _refuse(found: Sequence[_Found], release: Release, router_flavor: str | None) -> None:
    """Raise what the release would say about these routes, if anything."""
    said: list[tuple[str, str]] = []
    seen: set[tuple[str, object]] = set()
    for one in found:
        label = _label(one.raw, one.place)
        said += [(label, text) for text in problems(one.raw, release, router_flavor)]
        for field, called in _UNIQUE:
            value = one.raw.get(field)
            if isinstance(value, str) and (field, value) in seen:
                text = f"uniqueness violation: 'routes' entity with {called} set to '{value}'"
                said.append((label, f"{text} already declared"))
            seen.add((field, value if isinstance(value, str) else None))
    if not said:
        return
    (route, reason), *rest = said
    more = "".join(f"; route {label}: {text}" for label, text in rest[: _MOST_SHOWN - 1])
    if len(rest) >= _MOST_SHOWN:
        more += f"; and {len(rest) - _MOST_SHOWN + 1} more"
    raise RouterError(reason + more, route=route)


def _route(found: _Found, *, ids_of_names: bool) -> Route:
    """The route, whose fields have the types that they should."""
    given = {key: value for key, value in found.raw.items() if value is not None}
    name, own_id = given.get("name"), given.get("id")
    if own_id is None and name is not None and ids_of_names:
        own_id = str(uuid.uuid5(_NAMES_OF_ROUTES, str(name)))
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in given.items()
        if key in _TAKEN_AS_GIVEN
    }
    headers = given.get("headers")
    if isinstance(headers, Mapping):
        fields["headers"] = tuple((key, tuple(values)) for key, values in headers.items())
    protocols = fields.get("protocols")
    if protocols is not None and not {"http", "https"} & set(protocols):
        fields.setdefault("strip_path", False)
    return Route(
        label=_label(found.raw, found.place),
        id=None if own_id is None else str(own_id),
        service=found.service,
        **fields,
    )


_TAKEN_AS_GIVEN = frozenset(
    {
        "created_at",
        "hosts",
        "https_redirect_status_code",
        "methods",
        "path_handling",
        "paths",
        "preserve_host",
        "protocols",
        "regex_priority",
        "snis",
        "strip_path",
    }
)
