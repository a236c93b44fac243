"""From dev to prod: what a finished run on a pre-production deployment says about this one."""

from collections.abc import Iterator, Mapping

import attrs

from kong_lts.deployment import Deployment
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding, Severity
from kong_lts.planning.ends import Run

__all__ = ["Preproduction", "preproduction_findings"]

_SOURCE = "guide, Perform upgrade, step 2: from dev to prod"
_MOST_SHOWN = 8


@attrs.frozen(kw_only=True)
class Preproduction:
    """The same upgrade, done before on another deployment."""

    run: Run
    """How it ended there."""
    evidence: Evidence = attrs.field(factory=Evidence)
    """What was known of that deployment, for the differences to this one."""


def preproduction_findings(
    deployment: Deployment, evidence: Evidence | None, before: Preproduction | None
) -> Iterator[Finding]:
    """What speaks against relying on the run before; a BLOCKER where there is none to rely on."""
    if before is None:
        yield _finding(
            "preproduction-missing",
            Severity.BLOCKER,
            "The plan requires a finished run on a pre-production deployment, and none is given.",
            "Upgrade a pre-production deployment first, and give its run.",
        )
        return
    if not before.run.ok:
        yield _finding(
            "preproduction-unfinished",
            Severity.BLOCKER,
            f"The run on the pre-production deployment {before.run.verdict}"
            f"{': ' + before.run.reason if before.run.reason else ''}.",
            "Bring it to its end, or find out why it ended so.",
        )
    yield from _versions(deployment, before.run.plan.deployment)
    if evidence is not None:
        yield from _settings(evidence, before.evidence)
        yield from _plugins(evidence, before.evidence)


def _versions(deployment: Deployment, other: Deployment) -> Iterator[Finding]:
    here, there = (
        {
            "mode": str(made.mode),
            "current version": str(made.current.version),
            "new version": str(made.new.version if made.new else "none"),
            "PostgreSQL": _server(made),
        }
        for made in (deployment, other)
    )
    for name, found in here.items():
        if found != there[name]:
            yield _finding(
                "preproduction-differs-in-version",
                Severity.WARNING,
                f"{name}: {found} here, {there[name]} on the pre-production deployment.",
                "Try the very versions beforehand that will run in production.",
            )


def _server(deployment: Deployment) -> str:
    database = deployment.current.database
    return (database.server_version if database else None) or "unknown"


def _settings(here: Evidence, there: Evidence) -> Iterator[Finding]:
    """Keys of kong.conf; a value is never shown, since it may be a secret."""
    ours, theirs = _by_key(here), _by_key(there)
    if not ours or not theirs:
        return
    keys = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    if keys:
        yield _finding(
            "preproduction-differs-in-kong-conf",
            Severity.WARNING,
            f"{len(keys)} key(s) of kong.conf differ from the pre-production deployment:"
            f" {_listed(keys)}.",
            "Addresses and credentials may; see that nothing else does.",
        )


def _by_key(evidence: Evidence) -> Mapping[str, frozenset[str]]:
    """Every value that some node has for a key, in its file or its environment."""
    found: dict[str, set[str]] = {}
    for conf in evidence.configurations.values():
        values = {
            key: setting.raw.partition("#")[0].strip() for key, setting in conf.by_key.items()
        }
        values |= {
            name.removeprefix("KONG_").lower(): value
            for name, value in conf.environ.items()
            if name.startswith("KONG_")
        }
        for key, value in values.items():
            found.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in found.items()}


def _plugins(here: Evidence, there: Evidence) -> Iterator[Finding]:
    ours, theirs = _plugin_names(here), _plugin_names(there)
    if ours is None or theirs is None:
        return
    if untried := sorted(ours - theirs):
        yield _finding(
            "preproduction-lacks-plugins",
            Severity.WARNING,
            f"{len(untried)} plugin(s) are used here and not on the pre-production deployment:"
            f" {_listed(untried)}.",
            "Use them there too, and run the staging test again.",
        )


def _plugin_names(evidence: Evidence) -> frozenset[str] | None:
    """Plugins in use, and custom ones; None where neither is known."""
    custom = frozenset(file.path.split("/")[1] for file in evidence.custom_plugins)
    if evidence.database is None:
        return custom or None
    return custom | evidence.database.plugins.keys()


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more


def _finding(rule: str, severity: Severity, message: str, action: str) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        subject="pre-production",
        message=message,
        action=action,
        source=_SOURCE,
    )
