"""Data planes that come and go by themselves, while no new one would get a configuration."""

import functools
import re
from collections.abc import Iterator

from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.manifests import Manifest, mapping, text_of
from kong_lts.deployment import DeploymentMode
from kong_lts.findings import Finding, Location

__all__ = ["CHECK"]

_RULE = "data-planes-scale-by-themselves"
_DATA_PLANE = "data_plane"
_SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
_CONTROL_PLANE = re.compile(r"control-?plane|(?:^|[-_ ])cp(?:$|[-_ ])")
_OF_KONG = re.compile(r"(?i)kong|gateway|data-?plane|(?:^|[-_ ])(?:dp|gw|proxy|edge)(?:$|[-_ ])")
_KONG_IMAGE = re.compile(r"(?:^|/)kong(?:-gateway|-ee)?(?::|@|$)")


def _look(case: Case) -> Iterator[Seen]:
    if case.deployment.mode is not DeploymentMode.HYBRID:
        return
    own = {m.name for m in case.manifests if any(map(_KONG_IMAGE.search, m.images))}
    for manifest in case.manifests:
        yield part(_RULE, _scaling, manifest, own)


def _scaling(manifest: Manifest, own: set[str]) -> Iterator[Finding]:
    found = ""
    if manifest.kind in _SCALERS:
        target = mapping(mapping(manifest.document.get("spec")).get("scaleTargetRef"))
        workload = text_of(target.get("name"))
        name = f"{manifest.name} {workload}"
        is_kong = workload in own or _OF_KONG.search(name) is not None
        if is_kong and not _CONTROL_PLANE.search(name):
            found = f"{manifest.kind} {manifest.name}"
    elif manifest.is_values:
        for inner in manifest.mappings:
            scaling, environ = mapping(inner.get("autoscaling")), mapping(inner.get("env"))
            is_kong = "role" in environ or _names_kong(manifest.text)
            role = environ.get("role", _DATA_PLANE)
            if is_kong and scaling.get("enabled") is True and role == _DATA_PLANE:
                found = "autoscaling.enabled"
    if found:
        yield cross_rule(_RULE).finding(
            manifest.path,
            location=Location(path=manifest.path, line=manifest.line),
            evidence=manifest.path,
            file=manifest.path,
            found=found,
        )


@functools.lru_cache(maxsize=4)
def _names_kong(text: str) -> bool:
    return "kong" in text.lower()


def _rows() -> tuple[Rule, ...]:
    return (cross_rule(_RULE),)


CHECK = Check(
    name="scaling of data planes",
    look=_look,
    rows=_rows,
    needs=("kubernetes",),
    needs_called="Kubernetes manifests or Helm values",
)
