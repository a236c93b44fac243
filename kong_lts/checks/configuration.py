"""What each node's kong.conf means to 3.4."""

from collections.abc import Iterator

import attrs

from kong_lts import catalog, kong_conf
from kong_lts.catalog.rows import Rule
from kong_lts.checks.check import Check
from kong_lts.deployment import Deployment, NodeRole
from kong_lts.errors import ConfError
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding, Location

__all__ = ["CHECK"]


def _look(deployment: Deployment, evidence: Evidence) -> Iterator[Finding]:
    roles = {node.name: node.role for node in deployment.current.nodes}
    for node, conf in evidence.kong_conf.items():
        path = f"kong.conf.d/{node}.conf" if node else "kong.conf"
        try:
            found = kong_conf.diff(
                conf,
                edition=deployment.current.version.edition,
                current=deployment.current.version,
                role=_role(roles, node),
            )
        except ConfError as exc:
            rule = {row.id: row for row in catalog.inputs()}["kong-conf-not-loaded"]
            yield rule.finding(exc.key or path, location=Location(path=path), reason=exc)
            continue
        yield from (_placed(finding, path) for finding in found)


def _role(roles: dict[str, NodeRole | None], node: str) -> NodeRole | None:
    """The node's own role, or the one that all nodes have where one file is for all."""
    if node:
        return roles.get(node)
    return next(iter(roles.values())) if len(set(roles.values())) == 1 else None


def _placed(finding: Finding, path: str) -> Finding:
    """The finding with the file it is about."""
    where = finding.location
    if where is None or where.path is not None or where.line is None:
        return finding
    return attrs.evolve(finding, location=attrs.evolve(where, path=path))


def _rows() -> tuple[Rule, ...]:
    return (*catalog.inputs()[:1], *catalog.kong_conf())


CHECK = Check(
    name="kong.conf",
    look=_look,
    rows=_rows,
    needs="kong_conf",
    needs_called="a kong.conf or an environment",
)
