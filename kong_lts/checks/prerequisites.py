"""The guide's prerequisites, as far as the deployment itself tells."""

from collections.abc import Iterator

from kong_lts import catalog
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.deployment import Cluster, DatabaseKind, Deployment, DeploymentMode, NodeRole, Side
from kong_lts.findings import Finding, Severity
from kong_lts.versions import KongVersion, Release

__all__ = ["CHECK"]

_KNOWS_TILDE = KongVersion((2, 8, 2))


def _look(case: Case) -> Iterator[Seen]:
    deployment = case.deployment
    rules = {row.id: row for row in catalog.prerequisites()}
    yield part(
        (
            "version-pair-unsupported",
            "current-patch-too-old",
            "new-version-missing",
            "edition-changes",
        ),
        _versions,
        deployment,
        rules,
    )
    yield part(
        ("cassandra-unsupported", "one-database-for-both-clusters"), _databases, deployment, rules
    )
    for side in Side:
        cluster = deployment.cluster(side)
        if cluster is not None and _lacks_control_plane(deployment, cluster):
            yield rules["hybrid-without-control-plane"].finding(f"{side} cluster", side=side)
    if deployment.current.keyring:
        # Whoever exports it already needs no warning, nor who keeps the keys elsewhere; the plan
        # asks for an export all the same.
        is_safe = case.exports_keyring or case.keeps_keys_outside
        done = Severity.INFO if is_safe else None
        yield rules["keyring-needs-export"].finding("keyring", severity=done)
    yield part("new-patch-known-bug", _patches, deployment)
    yield part("no-strategy", _resources, deployment)


def _versions(deployment: Deployment, rules: dict[str, Rule]) -> Iterator[Finding]:
    current = deployment.current.version
    new = deployment.new.version if deployment.new else None
    if current.release is not Release.V2_8 or (new and new.release is not Release.V3_4):
        yield rules["version-pair-unsupported"].finding(
            "versions", current=current, new=new or "nothing"
        )
        return
    if current < _KNOWS_TILDE:
        yield rules["current-patch-too-old"].finding("current.version", current=current)
    for node in deployment.current.nodes:
        if node.version is not None and node.version < _KNOWS_TILDE <= current:
            rule = rules["current-patch-too-old"]
            yield rule.finding(f"node {node.name}", current=f"{node.name} ({node.version})")
    if new is None:
        yield rules["new-version-missing"].finding("new.version")
    elif new.edition is not current.edition:
        yield rules["edition-changes"].finding(
            "versions",
            current=current,
            new=new,
            current_edition=current.edition,
            new_edition=new.edition,
        )


def _patches(deployment: Deployment) -> Iterator[Finding]:
    """A newer patch of either release mends something: worth knowing, never in the way."""
    new = deployment.new.version if deployment.new else None
    for side, version in (("current", deployment.current.version), ("new", new)):
        if version is None or version.release is None:
            continue
        newer = [
            row
            for row in catalog.patches()
            if (known := KongVersion.parse(row.version)).edition is version.edition
            and known.release is version.release
            and known > version
        ]
        if newer:
            mends = "; ".join(f"{row.version} {row.mends}" for row in newer[-4:])
            yield cross_rule(f"{side}-patch-not-newest").finding(
                f"{side}.version",
                current=version,
                new=version,
                newest=newer[-1].version,
                mends=mends,
            )
    if new is not None and new.release is Release.V3_4 and new.parts[2] == 0:
        yield cross_rule("new-patch-known-bug").finding("new.version")


def _resources(deployment: Deployment) -> Iterator[Finding]:
    """Whether any strategy of the guide can be afforded; what nobody said is no refusal."""
    resources = deployment.resources
    needs_one = deployment.mode is DeploymentMode.TRADITIONAL
    if needs_one and resources.second_cluster is False and resources.downtime_acceptable is False:
        reasons = "dual-cluster wants a second cluster, in-place wants downtime, and neither is had"
        yield cross_rule("no-strategy").finding("resources", reasons=reasons)


def _databases(deployment: Deployment, rules: dict[str, Rule]) -> Iterator[Finding]:
    current = deployment.current.database
    new = deployment.new.database if deployment.new else None
    if current is not None and current.kind is DatabaseKind.CASSANDRA:
        yield rules["cassandra-unsupported"].finding("current.database")
    if current and new and current.url and current.url == new.url:
        yield rules["one-database-for-both-clusters"].finding(
            "new.database.url", severity=Severity.BLOCKER, reference=new.url
        )


def _lacks_control_plane(deployment: Deployment, cluster: Cluster) -> bool:
    roles = {node.role for node in cluster.nodes}
    return (
        deployment.mode is DeploymentMode.HYBRID
        and bool(roles)
        and NodeRole.CONTROL_PLANE not in roles
    )


_RULES = ("current-patch-not-newest", "new-patch-not-newest", "new-patch-known-bug", "no-strategy")


def _rows() -> tuple[Rule, ...]:
    return (*catalog.prerequisites(), *map(cross_rule, _RULES))


CHECK = Check(name="prerequisites", look=_look, rows=_rows)
