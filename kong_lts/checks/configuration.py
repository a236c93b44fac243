"""What each node's kong.conf means to 3.4."""

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence

import attrs

from kong_lts import catalog, kong_conf
from kong_lts.catalog.rows import ConfTrigger, Rule
from kong_lts.checks.case import Case, called
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.places import ENVIRON, ENVIRONMENT
from kong_lts.deployment import NodeRole
from kong_lts.errors import ConfError
from kong_lts.findings import Finding, Location, Severity
from kong_lts.kong_conf import KongConf
from kong_lts.versions import Edition

__all__ = ["CHECK"]

_SHOWN = 5
_OPENS_PORTS = "conf-admin-gui-listen-default"
_PLANES = ("control_plane", "data_plane")


def _look(case: Case) -> Iterator[Seen]:
    yield part("kong.conf", _of_nodes, case)
    confs = {} if case.evidence.configurations else case.confs_of_admin
    told: set[Finding] = set()
    for name, conf in (*case.confs_of_manifests.items(), *confs.items()):
        yield part(f"kong.conf: {name}", _of_others, case, name, conf, told)
    yield part("declarative-lua-format", _lua_files, case)
    yield part("conf-nodes-differ-on-plugins", _together, case)
    yield part("conf-nodes-differ-on-plugins", _planes_of_manifests, case)
    yield part("conf-nodes-differ", _flavors_of_manifests, case)


def _of_nodes(case: Case) -> Iterator[Seen]:
    by_node: dict[str, list[Finding]] = {}
    for node, conf in case.evidence.configurations.items():
        by_node[node] = []
        yield part(called(node), _of_node, case, node, conf, by_node[node])
    yield from _each_once(by_node)


def _of_node(case: Case, node: str, conf: KongConf, found: list[Finding]) -> Iterator[Finding]:
    """What one node's configuration means goes to *found*, to be held against the others'."""
    of_file = f"kong.conf.d/{node}.conf" if node else "kong.conf"
    path = conf.path or (of_file if conf.text or not conf.environ else ENVIRON)
    said = kong_conf.diff(
        conf,
        edition=case.edition,
        current=case.deployment.current.version,
        role=_role(case.roles, node),
    )
    found.extend(_placed(_in_container(finding, conf), path) for finding in said)
    yield from ()


def _in_container(finding: Finding, conf: KongConf) -> Finding:
    """With variables alone it is a container, whose ports are reached where they are published."""
    if finding.rule != _OPENS_PORTS or conf.text or not conf.environ:
        return finding
    return attrs.evolve(finding, severity=Severity.INFO)


def _of_others(case: Case, name: str, conf: KongConf, told: set[Finding]) -> Iterator[Finding]:
    """What a manifest, a script or the Admin API shows of a configuration.

    What several containers of one file have in common is told once.
    """
    current, of_admin = case.deployment.current.version, name in case.confs_of_admin
    for finding in kong_conf.diff(conf, edition=case.edition, current=current):
        if not of_admin:
            said = _of_manifest(finding, name)
            alike = attrs.evolve(said, evidence=name.partition(":")[0])
            if alike not in told:
                told.add(alike)
                yield said
        elif finding.rule not in _on_defaults():
            where = case.in_root(f"/configuration/{finding.subject}")
            yield attrs.evolve(_of_manifest(finding, name), location=where)


def _lua_files(case: Case) -> Iterator[Finding]:
    """A declarative file in Lua, which 3.4 does not read."""
    rule = next(row for row in catalog.automation() if row.id == "declarative-lua-format")
    for node, value in case.written("declarative_config"):
        if value.strip("\"'").endswith(".lua"):
            found = f"declarative_config = {value}"
            yield rule.finding("declarative_config", evidence=node, file=node, found=found)


def _each_once(by_node: Mapping[str, Sequence[Finding]]) -> Iterator[Finding]:
    """What is not set on several nodes is told once, with their names."""
    nodes: dict[Finding, list[str]] = {}
    places: dict[Finding, Location | None] = {}
    for node, findings in by_node.items():
        for finding in findings:
            where = finding.location
            key = attrs.evolve(finding, location=where if where and where.line else None)
            nodes.setdefault(key, []).append(node)
            places.setdefault(key, where)
    for finding, names in nodes.items():
        if len(names) < 2:
            yield attrs.evolve(finding, location=places[finding])
            continue
        shown = ", ".join(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield attrs.evolve(finding, message=f"{finding.message} (on {shown}{more})")


def _of_manifest(finding: Finding, name: str) -> Finding:
    """A chart sets more than its values show, so what is not set there is no warning."""
    lowered = finding.rule in _on_defaults() and finding.severity is Severity.WARNING
    path = name.partition(":")[0]
    return attrs.evolve(
        finding,
        severity=Severity.INFO if lowered else finding.severity,
        location=Location(path=path),
        edit=None,
        evidence=name,
    )


@functools.cache
def _on_defaults() -> frozenset[str]:
    return frozenset(row.id for row in catalog.kong_conf() if row.trigger is ConfTrigger.ABSENT)


def _together(case: Case) -> Iterator[Finding]:
    """What several nodes do not agree on; a file that does not load has its own finding."""
    named = {name: str(role) for name, role in case.roles.items() if role is not None}
    confs = {
        node: conf
        for node, conf in case.evidence.configurations.items()
        if any(case.apart.look(called(node), _loads, conf, case.edition))
    }
    yield from kong_conf.agreement(confs, edition=case.edition, roles=named)


def _loads(conf: KongConf, edition: Edition) -> Iterator[bool]:
    with contextlib.suppress(ConfError):
        kong_conf.agreement({"": conf}, edition=edition)
        yield True


def _planes_of_manifests(case: Case) -> Iterator[Finding]:
    """Data planes whose manifest enables fewer plugins than that of their control plane."""
    listed: dict[str, dict[str, frozenset[str]]] = {role: {} for role in _PLANES}
    for name, conf in case.confs_of_manifests.items():
        role, plugins = (_environ(conf, key) for key in ("role", "plugins"))
        if role in listed and plugins and "$" not in plugins:
            listed[role][name] = frozenset(part.strip() for part in plugins.split(","))
    wanted = frozenset[str]().union(*listed[_PLANES[0]].values())
    row = next(row for row in catalog.kong_conf() if row.id == "conf-nodes-differ-on-plugins")
    for name, there in listed[_PLANES[1]].items():
        if missing := wanted - there:
            yield row.finding(
                "plugins",
                location=Location(path=name.partition(":")[0]),
                nodes=name,
                missing=", ".join(sorted(missing)),
            )


def _flavors_of_manifests(case: Case) -> Iterator[Finding]:
    """Manifests, values and files that write another router flavor than each other."""
    said = {name: value for name, value in case.written("router_flavor") if "$" not in value}
    of_manifests = [name for name in said if name in case.confs_of_manifests]
    if of_manifests and len(set(said.values())) > 1:
        row = next(row for row in catalog.kong_conf() if row.id == "conf-nodes-differ")
        path = of_manifests[-1].partition(":")[0]
        nodes = ", ".join(f"{name}: {value}" for name, value in said.items())
        yield row.finding("router_flavor", location=Location(path=path), nodes=nodes)


def _environ(conf: KongConf, key: str) -> str:
    return conf.environ.get(f"KONG_{key.upper()}", "").strip("\"'")


def _role(roles: Mapping[str, NodeRole | None], node: str) -> NodeRole | None:
    """The node's own role, or the one that all nodes have where one file is for all."""
    if node:
        return roles.get(node)
    return next(iter(roles.values())) if len(set(roles.values())) == 1 else None


def _placed(finding: Finding, path: str) -> Finding:
    """The finding with the file it is about."""
    where = finding.location or Location()
    if where.path is not None or where.table is not None:
        return finding
    if finding.evidence == ENVIRONMENT:
        return attrs.evolve(finding, location=_of_variable(finding.subject))
    return attrs.evolve(finding, location=attrs.evolve(where, path=path))


def _of_variable(key: str) -> Location:
    """A variable beats the file, which has another line for the key, or none."""
    return Location(path=ENVIRON, pointer=f"/KONG_{key.upper()}")


def _rows() -> tuple[Rule, ...]:
    return catalog.kong_conf()


CHECK = Check(
    name="kong.conf",
    look=_look,
    rows=_rows,
    needs=("confs",),
    needs_called="a kong.conf or an environment",
)
