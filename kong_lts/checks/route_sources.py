"""The configurations whose routes are compared: of declarative files, or of a database."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

from kong_lts import declarative, routing
from kong_lts.checks.apart import Apart
from kong_lts.database import DatabaseFacts, RouteRow, ServiceRow, columns
from kong_lts.deployment import Deployment, DeploymentMode
from kong_lts.errors import DeclarativeError, FormatError
from kong_lts.evidence import Evidence, StateFile
from kong_lts.findings import Location
from kong_lts.routing import OF_WORKSPACE, Difference
from kong_lts.serialization import Form

__all__ = ["MOST_ROUTES", "NEEDED", "Configuration", "configurations"]

MOST_ROUTES = 40_000
"""So many of one configuration are compared."""
NEEDED = "a declarative file (kong.yml or decK state), or the routes of the database"
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z.\-_~]")
_OF_2_8 = ("1.1", "2.1")
_SOMEWHERE = "service.invalid"
_Document = Mapping[str, object]


@attrs.frozen(kw_only=True)
class Configuration:
    """One configuration as 2.8 has it and as 3.4 will."""

    where: str
    evidence: str
    current: _Document
    new: _Document
    file: str | None = None
    rows: Mapping[str, str] = attrs.Factory(dict)
    """Ids of routes by what they are called, in a database."""

    @property
    def routes(self) -> int:
        """How many it has."""
        return sum(1 for _ in _routes_of(self.current))

    def place(self, label: str | None) -> Location:
        """Where a route stands."""
        if self.file is not None or label is None:
            return Location(path=self.file)
        return Location(table="routes", row=self.rows.get(label))

    def location(self, difference: Difference) -> Location:
        """Where the route stands that had the requests, else the one that gets them."""
        names = [m.route for m in (difference.match_28, difference.match_34) if m is not None]
        return self.place(next(filter(None, names), None))


def configurations(
    deployment: Deployment, evidence: Evidence, apart: Apart
) -> Iterator[Configuration | str]:
    """Each configuration that is known, or why one of them cannot be compared."""
    facts = evidence.database
    if facts is not None and deployment.mode.has_database and facts.routes:
        if all(route.protocols for route in facts.routes):
            yield _of_database(facts)
            return
        if not evidence.declarative:
            yield f"all columns of the {len(facts.routes)} routes of database {facts.name}"
            return
    if not evidence.declarative:
        yield from apart.look("the running gateway", _of_admin, evidence)
    documents: list[tuple[str, _Document]] = []
    for file in evidence.declarative:
        for document in apart.look(f"declarative files: {file.path}", _document, file):
            if isinstance(document, str):
                yield document
            else:
                documents.append((file.path, document))
    if deployment.mode is not DeploymentMode.DB_LESS and len(documents) > 1:
        # One gateway routes by all of them: each is a workspace, or a part of one.
        documents = [(", ".join(path for path, _ in documents), _joined(documents))]
    for path, document in documents:
        yield from apart.look(f"declarative files: {path}", _of_document, path, document)


def _of_admin(evidence: Evidence) -> Iterator[Configuration | str]:
    """The routes that the Admin API gave, where they are whole."""
    rows = {kind: _entities(evidence, kind) for kind in ("routes", "services")}
    if not rows["routes"] or not all(row.get("protocols") for row in rows["routes"]):
        return
    try:
        routes = [_ROUTE.from_document(columns(row, RouteRow)) for row in rows["routes"]]
        services = [_SERVICE.from_document(columns(row, ServiceRow)) for row in rows["services"]]
    except FormatError as exc:
        yield f"routes of the Admin API in their usual shape ({'; '.join(exc.problems[:2])})"
        return
    facts = DatabaseFacts(name="", routes=tuple(routes), services=tuple(services))
    found = _of_database(facts)
    yield attrs.evolve(found, where="the Admin API", evidence="Admin API", rows={}, file=_ADMIN)


def _entities(evidence: Evidence, kind: str) -> list[Mapping[str, object]]:
    """Of every workspace."""
    answers = (a for path, a in evidence.admin.items() if path.rpartition("/")[2] == kind)
    return [row for a in answers if isinstance(a, Mapping) for row in _mappings(a.get("data"))]


_ADMIN = "admin/routes.json"
_ROUTE, _SERVICE = Form(RouteRow, "a route"), Form(ServiceRow, "a service")


def _routes_of(document: _Document) -> Iterator[Mapping[str, object]]:
    for holder in (document, *_mappings(document.get("services"))):
        yield from _mappings(holder.get("routes"))


def _mappings(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


def _document(file: StateFile) -> Iterator[_Document | str]:
    """The routes of a file, if any; a file that cannot be read has a finding of its own."""
    try:
        document = declarative.routing_document(file.data)
    except DeclarativeError as exc:
        yield f"{file.path}: a file that can be read ({exc.reason})"
        return
    if any(_routes_of(document)):
        yield document


def _of_document(path: str, document: _Document) -> Iterator[Configuration | str]:
    version = document.get("_format_version")
    if version in _OF_2_8 or version is None:
        document = {**document, "_format_version": version or _OF_2_8[0]}
        yield Configuration(where=path, evidence=path, current=document, new=document, file=path)
        return
    before = _as_before(document)
    if before is None:
        yield f"{path}: what 2.8 runs; format {version} has paths that 2.8 never had"
        return
    yield Configuration(where=path, evidence=path, current=before, new=document, file=path)


def _as_before(document: _Document) -> _Document | None:
    """A document of 3.x as 2.8 must have had it; None where its paths do not tell."""

    def path(written: object) -> object:
        before = written.removeprefix("~") if isinstance(written, str) else written
        if isinstance(before, str) and routing.migrate_path(before) != written:
            raise LookupError
        return before

    def routes(holder: _Document) -> _Document:
        found = [
            {**route, "paths": [path(one) for one in paths]}
            if isinstance(paths := route.get("paths"), list)
            else route
            for route in _mappings(holder.get("routes"))
        ]
        return {**holder, "routes": found}

    try:
        services = [routes(service) for service in _mappings(document.get("services"))]
        return {**routes(document), "services": services, "_format_version": _OF_2_8[0]}
    except LookupError:
        return None


def _joined(documents: Sequence[tuple[str, _Document]]) -> _Document:
    """One document of several workspaces; a name that occurs again gets that of its workspace."""
    seen: set[str] = set()
    joined: dict[str, list[object]] = {"services": [], "routes": [], "upstreams": []}
    versions = {str(document.get("_format_version")) for _, document in documents}
    for path, document in documents:
        space = str(document.get("_workspace") or _NOT_IN_NAMES.sub("-", path))
        for service in _mappings(document.get("services")):
            own = [_renamed(r, space, seen) for r in _mappings(service.get("routes"))]
            joined["services"].append({**service, "routes": own})
        joined["routes"] += [_renamed(r, space, seen) for r in _mappings(document.get("routes"))]
        joined["upstreams"] += _mappings(document.get("upstreams"))
    return {**joined, "_format_version": versions.pop() if len(versions) == 1 else _OF_2_8[0]}


def _renamed(route: Mapping[str, object], space: str, seen: set[str]) -> Mapping[str, object]:
    name = route.get("name")
    if not isinstance(name, str):
        return route
    unique = name if name not in seen else f"{space}{OF_WORKSPACE}{name}"
    seen.add(unique)
    return {**route, "name": unique}


def _of_database(facts: DatabaseFacts) -> Configuration:
    seen: set[str] = set()
    services = {service.id: attrs.asdict(service) for service in facts.services}
    services = services or _supposed(facts)
    routes = [_of_row(row, seen, services) for row in facts.routes]
    document = {
        "_format_version": _OF_2_8[1],
        "services": list(services.values()),
        "routes": routes,
    }
    return Configuration(
        where=f"database {facts.name}".rstrip(),
        evidence="database",
        current=document,
        new=document,
        rows={str(route.get("name") or route["id"]): str(route["id"]) for route in routes},
    )


def _supposed(facts: DatabaseFacts) -> dict[str, dict[str, object]]:
    """The services of the routes where nobody gave any: they are there, whatever they are."""
    ids = dict.fromkeys(route.service for route in facts.routes if route.service)
    return {one: {"id": one, "host": _SOMEWHERE} for one in ids}


def _of_row(row: RouteRow, seen: set[str], services: Collection[str]) -> dict[str, object]:
    """A row as a document has it; a name that another workspace has too gives way to the id."""
    fields = attrs.asdict(row, filter=lambda _, value: value not in (None, (), {}))
    if row.service not in services:
        fields.pop("service", None)
    if row.name in seen:
        del fields["name"]
    seen.add(row.name or row.id)
    return fields
