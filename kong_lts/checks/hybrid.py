"""Control planes, data planes, and what the Admin API says of the nodes themselves."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from kong_lts import kong_conf, routing
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, called, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.in_use import admin_file, answered, rows_in
from kong_lts.checks.manifests import text_of
from kong_lts.deployment import DeploymentMode, NodeRole
from kong_lts.digits import whole
from kong_lts.errors import ConfError, VersionError
from kong_lts.findings import Finding, Location, Severity
from kong_lts.kong_conf import KongConf
from kong_lts.versions import KongVersion, Release

__all__ = ["CHECK"]

_FINE = ("normal", "", "unknown")
_SIZE = re.compile(r"(\d+)\s*([kKmMgG]?)[bB]?")
_UNIT = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_DEFAULT_MAP = 2048 << 20
_FAR_BELOW = 32
_DAY_S = 86400
_IN_LMDB = 4
"""So many times its own size a configuration may take there."""


def _look(case: Case) -> Iterator[Seen]:
    yield part("admin-version-differs", _node_version, case)
    yield part("data-plane-state", _data_planes, case)
    yield part(("data-plane-configuration-differs", "data-plane-not-seen"), _alike, case)
    yield part("lmdb-map-size", _map_size, case)
    yield part("lmdb-map-size-small", _small_map, case)
    yield part("regex-on-data-planes", _regexes, case)
    if case.deployment.mode is DeploymentMode.HYBRID:
        data_planes = [
            node.name for node in case.deployment.current.nodes if node.role is NodeRole.DATA_PLANE
        ]
        if data_planes:
            shown = ", ".join(data_planes[:5]) + (" and more" if len(data_planes) > 5 else "")
            yield cross_rule("hybrid-version-check").finding("data planes", nodes=shown)


def _node_version(case: Case) -> Iterator[Finding]:
    said = text_of(case.root.get("version"))
    expected = case.deployment.current.version
    if not said:
        return
    try:
        found = KongVersion.parse(said)
    except VersionError:
        return
    if found != expected:
        yield cross_rule("admin-version-differs").finding(
            "current.version",
            location=case.in_root("/version"),
            evidence="Admin API",
            found=found,
            expected=expected,
        )


def _rows_of_planes(case: Case) -> Iterator[tuple[Location, Mapping[str, object]]]:
    for path in ("/clustering/data-planes", "/clustering/data_planes"):
        yield from rows_in(path, case.evidence.admin.get(path))
    pointer, status = answered(case.evidence.admin.get("/clustering/status"))
    for name, row in status.items():
        if isinstance(row, Mapping) and "config_hash" in row:
            place = Location(path=admin_file("/clustering/status"), pointer=f"{pointer}/{name}")
            yield place, {"id": name, **row}


def _name(row: Mapping[str, object]) -> str:
    return text_of(row.get("hostname")) or text_of(row.get("id"))


def _alike(case: Case) -> Iterator[Finding]:
    """Data planes that do not have what the others have, or that nobody has seen for days.

    Kong lists a data plane for two weeks after it was last seen, so that only one of the inventory
    is missed.
    """
    rows = list(_rows_of_planes(case))
    newest = max((_seen(row) for _, row in rows), default=0.0)
    days = {id(row): int((newest - _seen(row)) / _DAY_S) for _, row in rows}
    hashes = Counter(text_of(row.get("config_hash")) for _, row in rows if not days[id(row)])
    del hashes[""], hashes[_EMPTY_HASH]
    usual, most = next(iter(hashes.most_common(1)), ("", 0))
    for location, row in rows:
        own, rule = text_of(row.get("config_hash")), ""
        if days[id(row)]:
            rule = "data-plane-not-seen" if _name(row) in case.roles else ""
        elif own in hashes and own != usual:
            rule = "data-plane-configuration-differs"
        if rule:
            yield cross_rule(rule).finding(
                f"data plane {_name(row)}",
                location=location,
                evidence="Admin API",
                node=_name(row),
                hash=own,
                days=days[id(row)],
                others=most,
            )


def _seen(row: Mapping[str, object]) -> float:
    """When it was last seen, in seconds since 1970; 0 where nobody says."""
    value = row.get("last_seen")
    return float(value) if isinstance(value, int | float) else 0.0


def _data_planes(case: Case) -> Iterator[Finding]:
    for location, row in _rows_of_planes(case):
        state = text_of(row.get("sync_status"))
        version = text_of(row.get("version"))
        older = _is_older(version, case.deployment.current.version)
        empty = text_of(row.get("config_hash")) == _EMPTY_HASH
        if state.lower() in _FINE and not older and not empty:
            continue
        yield cross_rule("data-plane-state").finding(
            f"data plane {_name(row)}",
            location=location,
            evidence="Admin API",
            node=_name(row),
            state=_said(state, empty=empty),
            version=version or "unknown",
        )


def _regexes(case: Case) -> Iterator[Finding]:
    """Regexes that a control plane with the old router takes, and its data planes do not."""
    flavors: dict[str, list[str]] = {"control_plane": [], "data_plane": []}
    new_router: list[str] = []
    written = dict(case.written("role"))
    for node, conf in case.confs.items():
        role = case.roles.get(node) or written.get(node or "kong.conf", "")
        look = case.apart.look(called(node), _flavor, conf, case)
        flavor = next(look, "")
        if str(role) in flavors and flavor:
            flavors[str(role)].append(flavor)
            new_router += [node] if str(role) == "data_plane" and flavor != _OLD_ROUTER else []
    if not new_router or set(flavors["control_plane"]) != {_OLD_ROUTER}:
        return
    refused = [
        (route, path)
        for route in case.routes
        for path in route.paths
        if any(
            finding.severity is Severity.BLOCKER
            for finding in routing.check_regex(
                routing.migrate_path(path), router_flavor="traditional_compatible"
            )
        )
    ]
    if refused:
        yield cross_rule("regex-on-data-planes").finding(
            f"route {refused[0][0].name}",
            location=refused[0][0].location,
            count=len(refused),
            path=refused[0][1],
            nodes=", ".join(new_router[:5]),
        )


def _flavor(conf: KongConf, case: Case) -> Iterator[str]:
    """As 3.4 will have it; as it is written, where the file lacks something else."""
    try:
        found = kong_conf.resolve(conf, release=Release.V3_4, edition=case.edition)
    except ConfError:
        setting = conf.by_key.get(_FLAVOR)
        yield conf.environ.get("KONG_ROUTER_FLAVOR", setting.raw.strip() if setting else "")
    else:
        yield str(found[_FLAVOR])


def _said(state: str, *, empty: bool) -> str:
    if state.lower() not in _FINE:
        return state
    return "without a configuration (its hash is zero)" if empty else "of an older release"


def _is_older(version: str, expected: KongVersion) -> bool:
    try:
        found = KongVersion.parse(version)
    except VersionError:
        return False
    return found.parts[:2] != expected.parts[:2]


def _map_size(case: Case) -> Iterator[Finding]:
    """Whether the configuration may be too large for LMDB, in which DB-less nodes keep it."""
    size = sum(len(file.data) for file in case.evidence.declarative)
    if not size or case.deployment.mode is DeploymentMode.TRADITIONAL:
        return
    written = list(case.written("lmdb_map_size"))
    for node, text in written or [("the default", "2048m")]:
        found = _SIZE.fullmatch(text.strip("\"' "))
        limit = whole(found[1]) * _UNIT[found[2].lower()] if found else _DEFAULT_MAP
        if size * _IN_LMDB > limit:
            yield cross_rule("lmdb-map-size").finding(
                "lmdb_map_size",
                evidence=node,
                size=max(1, size >> 20),
                limit=text,
                node=node,
            )


def _small_map(case: Case) -> Iterator[Finding]:
    """An LMDB that nobody knows to be too small, and that few configurations would fit in."""
    if case.deployment.mode is DeploymentMode.TRADITIONAL:
        return
    for node, text in case.written("lmdb_map_size"):
        found = _SIZE.fullmatch(text.strip("\"' "))
        if found and whole(found[1]) * _UNIT[found[2].lower()] * _FAR_BELOW < _DEFAULT_MAP:
            yield cross_rule("lmdb-map-size-small").finding(
                "lmdb_map_size", evidence=node, limit=text, node=node
            )
            return


_FLAVOR, _OLD_ROUTER = "router_flavor", "traditional"
_EMPTY_HASH = "0" * 32
"""Of a data plane that has got no configuration yet."""
_RULES = (
    "admin-version-differs",
    "data-plane-configuration-differs",
    "data-plane-not-seen",
    "lmdb-map-size-small",
    "data-plane-state",
    "hybrid-version-check",
    "lmdb-map-size",
    "regex-on-data-planes",
)


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(name="hybrid mode", look=_look, rows=_rows)
