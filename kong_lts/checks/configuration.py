"""What each node's kong.conf means to 3.4."""

import contextlib
from collections.abc import Iterator

import attrs

from kong_lts import catalog, kong_conf
from kong_lts.catalog.rows import Rule
from kong_lts.checks.check import Check
from kong_lts.deployment import Deployment, NodeRole
from kong_lts.errors import ConfError
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding

__all__ = ["CHECK"]


def _look(deployment: Deployment, evidence: Evidence) -> Iterator[Finding]:
    roles = {node.name: node.role for node in deployment.current.nodes}
    for node, conf in evidence.kong_conf.items():
        path = f"kong.conf.d/{node}.conf" if node else "kong.conf"
        found = kong_conf.diff(
            conf,
            edition=deployment.current.version.edition,
            current=deployment.current.version,
            role=_role(roles, node),
        )
        yield from (_placed(finding, path) for finding in found)
    yield from _together(deployment, evidence, roles)


def _together(
    deployment: Deployment, evidence: Evidence, roles: dict[str, NodeRole | None]
) -> Iterator[Finding]:
    """What several nodes do not agree on; a file that does not load has its own finding."""
    edition = deployment.current.version.edition
    named = {name: str(role) for name, role in roles.items() if role is not None}
    with contextlib.suppress(ConfError):
        yield from kong_conf.agreement(evidence.kong_conf, edition=edition, roles=named)


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
    return catalog.kong_conf()


CHECK = Check(
    name="kong.conf",
    look=_look,
    rows=_rows,
    needs="kong_conf",
    needs_called="a kong.conf or an environment",
)
