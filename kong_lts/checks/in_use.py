"""The plugins and routes of a deployment, from whichever input shows them."""

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from kong_lts import declarative
from kong_lts.checks.apart import Apart
from kong_lts.checks.ingresses import routed_paths
from kong_lts.checks.kong_plugins import PLUGINS, Secrets, config_of, secrets_of
from kong_lts.checks.manifests import Manifest, line_of, mapping, names_in, text_of
from kong_lts.declarative import Listed
from kong_lts.errors import DeclarativeError
from kong_lts.evidence import Evidence, StateFile
from kong_lts.findings import Location

__all__ = [
    "CLUSTER",
    "DATABASE",
    "FILE",
    "LIVE",
    "PluginInUse",
    "RouteInUse",
    "admin_file",
    "answered",
    "in_use",
    "listed_in",
    "live_rows",
    "may_meet",
    "rows_in",
]

DATABASE = "database.json"
"""Of a bundle; what `gather` saves is called so, too."""
LIVE = "live"
FILE = "file"
CLUSTER = "kubernetes"

_ASKED_SINGLY = ("routes", "services", "plugins", "upstreams")
_ALSO_CALLED = {"vaults-beta": "vaults_beta"}
_WEIRD = re.compile(r"[^a-z0-9_-]")


@attrs.frozen(kw_only=True)
class PluginInUse:
    """One plugin as some input shows it."""

    name: str
    config: Mapping[str, object] = attrs.field(factory=dict, repr=False)
    enabled: bool = True
    service: str | None = None
    route: str | None = None
    consumer: str | None = None
    location: Location = attrs.field(factory=Location)
    origin: str = FILE

    @property
    def where(self) -> str:
        """For people."""
        return str(self.location) or "the deployment"

    @property
    def scope(self) -> tuple[str | None, ...]:
        """Service, route and consumer; None for all of them."""
        return self.service, self.route, self.consumer


def may_meet(some: Iterable[PluginInUse], others: Iterable[PluginInUse]) -> bool:
    """Whether some request may run one of each; in time that grows with their number."""
    theirs = {other.scope for other in others}
    projected: dict[tuple[int, ...], set[tuple[str | None, ...]]] = {}
    for scope in {one.scope for one in some}:
        given = tuple(n for n, part in enumerate(scope) if part is not None)
        if given not in projected:
            projected[given] = {tuple(their[n] for n in given) for their in theirs}
        choices = itertools.product(*((scope[n], None) for n in given))
        if theirs and any(choice in projected[given] for choice in choices):
            return True
    return False


@attrs.frozen(kw_only=True)
class RouteInUse:
    """One route as some input shows it."""

    name: str
    paths: tuple[str, ...] = ()
    service: str | None = None
    fields: Mapping[str, object] = attrs.field(factory=dict, repr=False)
    location: Location = attrs.field(factory=Location)
    origin: str = FILE


def in_use(
    evidence: Evidence, files: Iterable[StateFile], manifests: Iterable[Manifest], apart: Apart
) -> tuple[tuple[PluginInUse, ...], tuple[RouteInUse, ...]]:
    """Plugins and routes of declarative files, the Admin API, rows, and manifests."""
    plugins: list[PluginInUse] = []
    routes: list[RouteInUse] = []
    for found in _all(evidence, files, manifests, apart):
        (plugins if isinstance(found, PluginInUse) else routes).append(found)  # type: ignore[arg-type] # one of the two lists
    return tuple(plugins), tuple(routes)


def _all(
    evidence: Evidence, files: Iterable[StateFile], manifests: Iterable[Manifest], apart: Apart
) -> Iterator[PluginInUse | RouteInUse]:
    for file in files:
        yield from apart.look(f"declarative files: {file.path}", _of_file, file)
    yield from apart.look("the running gateway", _live, evidence)
    known = tuple(manifests)
    secrets = secrets_of(known)
    for manifest in known:
        yield from apart.look(f"manifests: {manifest.path}", _of_manifest, manifest, secrets)


def _live(evidence: Evidence) -> Iterator[PluginInUse | RouteInUse]:
    for location, kind, row in live_rows(evidence):
        if kind == "plugins":
            yield _plugin(row, location, LIVE)
        elif kind == "routes":
            yield _route(row, location, LIVE)


_KEPT = (
    "hosts", "methods", "headers", "snis", "regex_priority", "request_buffering",
    "response_buffering", "updated_at", "instance_name", "use_srv_name", "hash_on_query_arg",
)  # fmt: skip
"""What a check asks of a route beside its name and paths."""


def listed_in(file: StateFile) -> Iterator[tuple[Location, Listed]]:
    """The entities of a file, and where; one that cannot be read has a finding of its own."""
    with contextlib.suppress(DeclarativeError):
        for listed in declarative.inventory(file.data):
            yield Location(path=file.path, line=listed.line), listed


def _of_file(file: StateFile) -> Iterator[PluginInUse | RouteInUse]:
    same: dict[str, Mapping[str, object]] = {}  # most routes have the same fields
    for location, listed in listed_in(file):
        if listed.kind == "plugins" and isinstance(listed.fields.get("name"), str):
            yield PluginInUse(
                name=str(listed.fields["name"]),
                config=mapping(listed.fields.get("config")),
                enabled=listed.fields.get("enabled") is not False,
                service=listed.service,
                route=listed.route,
                consumer=listed.consumer,
                location=location,
            )
        elif listed.kind == "routes":
            yield RouteInUse(
                name=text_of(listed.fields.get("name")) or text_of(listed.fields.get("id")),
                paths=names_in(listed.fields.get("paths")),
                service=listed.service,
                fields=_shared(listed.fields, same),
                location=location,
            )


def _shared(
    fields: Mapping[str, object], same: dict[str, Mapping[str, object]]
) -> Mapping[str, object]:
    kept = {name: fields[name] for name in _KEPT if name in fields}
    return same.setdefault(repr(kept), kept) if kept else {}


def _plugin(row: Mapping[str, object], location: Location, origin: str) -> PluginInUse:
    return PluginInUse(
        name=text_of(row.get("name")),
        config=mapping(row.get("config")),
        enabled=row.get("enabled") is not False,
        service=_reference(row, "service"),
        route=_reference(row, "route"),
        consumer=_reference(row, "consumer"),
        location=location,
        origin=origin,
    )


def _route(row: Mapping[str, object], location: Location, origin: str) -> RouteInUse:
    return RouteInUse(
        name=text_of(row.get("name")) or text_of(row.get("id")),
        paths=names_in(row.get("paths")),
        service=_reference(row, "service"),
        fields=row,
        location=location,
        origin=origin,
    )


def _reference(row: Mapping[str, object], kind: str) -> str | None:
    value = row.get(kind, row.get(f"{kind}_id"))
    if isinstance(value, Mapping):
        value = value.get("id") or value.get("name")
    return text_of(value) or None


def live_rows(evidence: Evidence) -> Iterator[tuple[Location, str, Mapping[str, object]]]:
    """Entities of the running gateway: where they were seen, their kind, and the entity."""
    for path, answer in evidence.admin.items():
        kind = _kind_of(path)
        for location, row in rows_in(path, answer):
            if kind == "targets":
                row = {"upstream": path.split("/")[2], **row}
            yield location, kind, row
        kind, one = _kind_of(path.rpartition("/")[0]), _one_of(answer)
        if kind in _ASKED_SINGLY and one is not None:
            yield Location(path=admin_file(path), pointer=one[0]), kind, one[1]
    for table, rows in evidence.rows.items():
        for number, row in enumerate(rows):
            if table != "plugins" or "config" in row:
                yield Location(path=DATABASE, pointer=f"/{table}/{number}"), table, row


def _kind_of(path: str) -> str:
    """What a list of the Admin API holds: its last word, but for the workspace's own parts."""
    last = path.rstrip("/").rpartition("/")[2]
    return _ALSO_CALLED.get(last.lower(), _WEIRD.sub("", last.lower()))


def _one_of(answer: object) -> tuple[str, Mapping[str, object]] | None:
    """The entity that an answer is, and its pointer; None for a list."""
    pointer, found = answered(answer)
    return (pointer, found) if "id" in found and "data" not in found else None


def answered(answer: object) -> tuple[str, Mapping[str, object]]:
    """A mapping that the Admin API answered, and its pointer, which a recorder's part lengthens."""
    pointer, found = _unwrapped(answer)
    return pointer, mapping(found)


def _unwrapped(answer: object) -> tuple[str, object]:
    body = mapping(answer).get("body")
    return ("/body", body) if body and isinstance(body, Mapping | list) else ("", answer)


def rows_in(path: str, answer: object) -> Iterator[tuple[Location, Mapping[str, object]]]:
    """The entities of an answer: a list, `data`, or the answer of a recorder around it."""
    pointer, answer = _unwrapped(answer)
    if isinstance(answer, Mapping):
        pointer, answer = f"{pointer}/data", answer.get("data")
    if isinstance(answer, list):
        for number, row in enumerate(answer):
            if isinstance(row, Mapping):
                yield Location(path=admin_file(path), pointer=f"{pointer}/{number}"), row


def admin_file(path: str) -> str:
    """The file of a bundle that has the Admin API's answer for a path."""
    return f"admin/{path.strip('/').replace('/', '_') or 'root'}.json"


def _of_manifest(manifest: Manifest, secrets: Secrets) -> Iterator[PluginInUse | RouteInUse]:
    document, location = manifest.document, Location(path=manifest.path, line=manifest.line)
    kind = manifest.kind
    if kind in PLUGINS:
        name = text_of(document.get("plugin"))
        if name:
            yield PluginInUse(
                name=name,
                config=config_of(manifest, secrets),
                enabled=document.get("disabled") is not True,
                location=location,
                origin=CLUSTER,
            )
    for path in routed_paths(manifest):
        line = line_of(manifest, path.written) or manifest.line
        where = Location(path=manifest.path, line=line)
        yield RouteInUse(
            name=f"{kind} {manifest.name}",
            paths=(path.made or path.written,),
            fields={"annotations": manifest.annotations},
            location=where,
            origin=CLUSTER,
        )
