"""Kubernetes manifests and Helm values: paths of Ingresses, charts, migrations, volumes, images."""

import functools
import re
from collections.abc import Container, Iterator, Mapping

import attrs

from kong_lts import routing
from kong_lts.catalog.rows import Rule
from kong_lts.checks.automation import lines_of
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.compose import Service, services_of
from kong_lts.checks.ingresses import routed_paths
from kong_lts.checks.manifests import Manifest, line_of, mapping, text_of
from kong_lts.checks.platforms import version_of
from kong_lts.evidence import TextFile
from kong_lts.findings import Finding, Location

__all__ = ["CHECK"]

_CHART = re.compile(r"^kong-(\d+\.\d+(?:\.\d+)?)")
_FIRST_CHART_OF_3 = (2, 13)
_HELM = re.compile(r"\bhelm\b.*\skong/kong\b.*\s--version[\s=]+v?(\d+\.\d+(?:\.\d+)?)")
_IS_KONG = re.compile(r"(?:^|/)kong(?:-gateway)?(?::|$)")
_HANDLING = ("konghq.com/path-handling", "configuration.konghq.com/path-handling")
_REWRITES = "enableLegacyRegexDetection"
_PREFIXES = ("/kong_prefix", "/usr/local/kong", "/kong")
_IS_KONG = re.compile(r"(?:^|/)kong(?:-gateway)?(?:[:@]|$)")
_SERVING = ("Deployment", "DaemonSet", "StatefulSet")
_CLEARS = re.compile(
    r"""(?i)\brm\s+-\w+\s[^\n]*?(?:\.sock|/\*|(?:kong|prefix)\}?/?(?:["'\s]|$))""", re.MULTILINE
)


def _look(case: Case) -> Iterator[Seen]:
    legacy = any(inner.get(_REWRITES) is True for m in case.manifests for inner in m.mappings)
    for manifest in case.manifests:
        yield part(
            ("ingress-regex-path", "ingress-path-normalized"), _paths, case, manifest, legacy
        )
        yield part("kic-path-handling-v1", _handling, case, manifest)
        yield part("helm-chart-too-old", _chart, manifest)
        yield part("prefix-on-a-volume", _volumes, manifest)
        yield part("migrations-by-every-pod", _every_pod, manifest)
        if manifest.is_values:
            yield part(("helm-migrations-off", "helm-finish-off"), _migrations, case, manifest)
    for file in case.evidence.scripts:
        yield part(f"scripts: {file.path}", _chart_of_script, file)
    for service in services_of(case.evidence.scripts):
        yield part(f"scripts: {service.path}", _compose_volumes, service)
    yield part("helm-router-flavor-unset", _flavor, case)
    yield part("helm-split-releases", _releases, case)


def _place(manifest: Manifest, text: str = "") -> Location:
    line = line_of(manifest, text) if text else None
    return Location(path=manifest.path, line=line or manifest.line)


def _paths(case: Case, manifest: Manifest, legacy: bool) -> Iterator[Finding]:
    for routed in routed_paths(manifest):
        path = routed.written
        if path.startswith("/~") or routed.made is not None:
            yield from _refused(case, manifest, path, routed.made or path.removeprefix("/"))
            continue
        migrated = routing.migrate_path(path)
        if migrated.startswith("~"):
            if not legacy:
                yield _about(manifest, "ingress-regex-path", path, migrated)
            yield from _refused(case, manifest, path, migrated)
        elif migrated != path:
            yield _about(manifest, "ingress-path-normalized", path, migrated)


def _about(manifest: Manifest, rule: str, path: str, migrated: str) -> Finding:
    return cross_rule(rule).finding(
        f"{manifest.kind} {manifest.name}",
        location=_place(manifest, path),
        evidence=manifest.path,
        kind=manifest.kind,
        name=manifest.name,
        path=path,
        normal=migrated,
    )


def _refused(case: Case, manifest: Manifest, path: str, pattern: str) -> Iterator[Finding]:
    for finding in routing.check_regex(pattern, router_flavor=case.router_flavor):
        yield _moved(finding, manifest, path)


def _moved(finding: Finding, manifest: Manifest, path: str) -> Finding:
    """A finding on a regex, placed where the manifest has it."""
    return attrs.evolve(
        finding,
        subject=f"{manifest.kind} {manifest.name}",
        location=_place(manifest, path),
        edit=None,
        evidence=manifest.path,
    )


def _handling(case: Case, manifest: Manifest) -> Iterator[Finding]:
    asked = next((str(manifest.annotations[a]) for a in _HANDLING if a in manifest.annotations), "")
    if manifest.kind == "KongIngress":
        asked = asked or text_of(mapping(manifest.document.get("route")).get("path_handling"))
    if asked == "v1" and case.router_flavor != "traditional":
        yield cross_rule("kic-path-handling-v1").finding(
            f"{manifest.kind} {manifest.name}",
            location=_place(manifest), evidence=manifest.path,
            kind=manifest.kind, name=manifest.name,
        )  # fmt: skip


def _chart(manifest: Manifest) -> Iterator[Finding]:
    """The chart's version, in a label or as a dependency."""
    said = [text_of(manifest.labels.get("helm.sh/chart"))]
    for inner in manifest.mappings:
        if inner.get("name") == "kong" and "repository" in inner:
            said.append(f"kong-{text_of(inner.get('version'))}")
        if inner.get("chart") in ("kong", "kong/kong"):  # of helmfile, Argo CD, Flux
            version = inner.get("version") or inner.get("targetRevision")
            said.append(f"kong-{text_of(version)}")
    chart = manifest.document.get("version")
    if manifest.document.get("name") == "kong" and "apiVersion" in manifest.document:
        said.append(f"kong-{text_of(chart)}")
    for text in said:
        found = _CHART.match(text)
        if found and (version_of(found[1]) or _FIRST_CHART_OF_3) < _FIRST_CHART_OF_3:
            yield _old_chart(manifest.path, manifest.line, found[1])
            return


def _chart_of_script(file: TextFile) -> Iterator[Finding]:
    """The chart's version, as `helm` is told it."""
    for line in lines_of(file):
        found = _HELM.search(line.text)
        if found and (version_of(found[1]) or _FIRST_CHART_OF_3) < _FIRST_CHART_OF_3:
            yield _old_chart(file.path, line.number, found[1])
            return


def _old_chart(path: str, line: int, version: str) -> Finding:
    return cross_rule("helm-chart-too-old").finding(
        path, location=Location(path=path, line=line), evidence=path, file=path, version=version
    )


def _compose_volumes(service: Service) -> Iterator[Finding]:
    """The same of a compose file, whose volumes outlive every container."""
    prefix = service.environ.get("KONG_PREFIX", "").rstrip("/")
    wanted = (prefix,) if prefix else _PREFIXES if _IS_KONG.search(service.image) else ()
    for source, path in service.volumes:
        if path in wanted and not _clears(service.manifest.text):
            yield cross_rule("prefix-on-a-volume").finding(
                service.path,
                location=_place(service.manifest, path), evidence=service.path,
                file=service.path, path=path, volume=source,
            )  # fmt: skip


@functools.lru_cache(maxsize=16)
def _clears(text: str) -> bool:
    """Whether a command empties the prefix; most manifests of one file follow each other."""
    return _CLEARS.search(text) is not None


def _volumes(manifest: Manifest) -> Iterator[Finding]:
    """Kong's prefix on a volume that outlives a container, which nothing clears."""
    if _clears(manifest.text) or any(map(_clears, manifest.commands())):
        return
    claims = mapping(manifest.document.get("spec")).get("volumeClaimTemplates")
    claimed: dict[str, Mapping[str, object]] = {
        text_of(mapping(claim.get("metadata")).get("name")): {"persistentVolumeClaim": claim}
        for claim in _list(claims)
    }
    for pod in manifest.mappings:
        containers, volumes = pod.get("containers"), pod.get("volumes")
        if not isinstance(containers, list):
            continue
        named = claimed | {text_of(v.get("name")): v for v in _list(volumes)}
        for container in containers:
            for mount in _list(mapping(container).get("volumeMounts")):
                path = text_of(mount.get("mountPath")).rstrip("/")
                volume = named.get(text_of(mount.get("name")), {})
                lasting = next(
                    (k for k in ("persistentVolumeClaim", "hostPath", "emptyDir") if k in volume),
                    "",
                )
                if path in _prefixes(mapping(container)) and lasting:
                    yield cross_rule("prefix-on-a-volume").finding(
                        manifest.path,
                        location=_place(manifest, path), evidence=manifest.path,
                        file=manifest.path, path=path, volume=lasting,
                    )  # fmt: skip
                    return


def _list(value: object) -> Iterator[Mapping[str, object]]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            yield item


def _prefixes(container: Mapping[str, object]) -> tuple[str, ...]:
    own = tuple(
        text_of(pair.get("value")).rstrip("/")
        for pair in _list(container.get("env"))
        if pair.get("name") == "KONG_PREFIX"
    )
    is_kong = _IS_KONG.search(text_of(container.get("image")))
    return own or (_PREFIXES if is_kong else ())


def _migrations(case: Case, manifest: Manifest) -> Iterator[Finding]:
    """Jobs that the chart would run and that somebody switched off."""
    off = _switched_off(manifest)
    found = ", ".join(f"migrations.{name}: false" for name in off)
    place = _place(manifest, "migrations")
    if set(_JOBS) <= set(off):
        yield cross_rule("helm-migrations-off").finding(
            manifest.path,
            location=place, evidence=manifest.path, file=manifest.path, found=found,
        )  # fmt: skip
    elif off and not any(
        set(off) != set(others)
        for other in case.manifests
        if other is not manifest and (others := _switched_off(other))
    ):
        yield cross_rule("helm-finish-off").finding(
            manifest.path,
            location=place, evidence=manifest.path, file=manifest.path, found=found,
            meaning=_JOBS[off[0]],
        )  # fmt: skip


_JOBS = {
    "preUpgrade": "nobody runs `kong migrations up`, and pods wait for it",
    "postUpgrade": "nobody runs `kong migrations finish`, and migrations stay pending",
}
"""Jobs of the chart, and what it means that one does not run."""


def _switched_off(manifest: Manifest) -> tuple[str, ...]:
    """The jobs that Helm values of a gateway with a database switch off."""
    uses_database = any(
        mapping(inner.get("env")).get("database") == "postgres" for inner in manifest.mappings
    )
    found: dict[str, None] = {}
    for inner in manifest.mappings if manifest.is_values and uses_database else ():
        jobs = mapping(inner.get("migrations"))
        found |= {name: None for name in _JOBS if jobs.get(name) is False}
    return tuple(found)


_ONE_POD = ("Job", "CronJob", "Pod")
_MIGRATES = re.compile(r"\bkong\b[^\n]*\bmigrations\s+(?:up|finish)\b")


def _every_pod(manifest: Manifest) -> Iterator[Finding]:
    """Pods of which there are several, and each of which migrates the database at its start."""
    spec = mapping(manifest.document.get("spec"))
    if manifest.is_values or manifest.kind in _ONE_POD or spec.get("replicas") == 1:
        return
    if manifest.kind not in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout"):
        return
    for command in manifest.commands():
        if found := _MIGRATES.search(command):
            yield cross_rule("migrations-by-every-pod").finding(
                manifest.path,
                location=_place(manifest, "migrations"), evidence=manifest.path,
                file=manifest.path, kind=manifest.kind, name=manifest.name, found=found[0],
            )  # fmt: skip
            return


def _flavor(case: Case) -> Iterator[Finding]:
    """Helm values and pods of a gateway that leave the router to the chart or to Kong."""
    told = dict.fromkeys((*_values_without_flavor(case), *_pods_without_flavor(case)))
    for path in told:
        yield cross_rule("helm-router-flavor-unset").finding(
            path, location=Location(path=path), evidence=path, file=path
        )


def _values_without_flavor(case: Case) -> Iterator[str]:
    values = _paths_of_values(case)
    for name, conf in case.confs_of_manifests.items():
        path = name.partition(":")[0]
        if path in values and not _says(conf.environ):
            yield path


def _paths_of_values(case: Case) -> frozenset[str]:
    return frozenset(manifest.path for manifest in case.manifests if manifest.is_values)


def _pods_without_flavor(case: Case) -> Iterator[str]:
    """Containers that run a gateway all the time, and have neither a file nor other variables."""
    if case.evidence.configurations or any(m.texts for m in case.manifests):
        return
    for manifest in case.manifests:
        if manifest.kind not in _SERVING:
            continue
        for pod in manifest.mappings:
            for container in _list(pod.get("containers")):
                names = [text_of(pair.get("name")) for pair in _list(container.get("env"))]
                if (
                    _IS_KONG.search(text_of(container.get("image")))
                    and "envFrom" not in container
                    and any(name.startswith("KONG_") for name in names)
                    and not _says(names)
                ):
                    yield manifest.path


def _says(variables: Container[str]) -> bool:
    return "KONG_ROUTER_FLAVOR" in variables


def _releases(case: Case) -> Iterator[Finding]:
    """Several releases whose charts would each migrate one database."""
    by_database: dict[tuple[str, str], list[str]] = {}
    values = _paths_of_values(case)
    for name, conf in case.confs_of_manifests.items():
        path = name.partition(":")[0]
        environ = conf.environ
        host = environ.get("KONG_PG_HOST", "")
        is_told = host or _runs_migrations(case, name)  # a host may come from elsewhere
        if path in values and is_told and environ.get("KONG_DATABASE") == "postgres":
            key = (host, environ.get("KONG_PG_DATABASE", "kong"))
            by_database.setdefault(key, []).append(name)
    for names in by_database.values():
        runners = [name for name in dict.fromkeys(names) if not _leaves_migrations(case, name)]
        if len(runners) > 1:
            path = runners[0].partition(":")[0]
            yield cross_rule("helm-split-releases").finding(
                ", ".join(runners),
                location=Location(path=path), evidence=path, files=", ".join(runners),
            )  # fmt: skip


def _leaves_migrations(case: Case, name: str) -> bool:
    """Whether a release says of at least one of its jobs that it does not run."""
    return any(
        False in (one.get("preUpgrade"), one.get("postUpgrade")) for one in _jobs(case, name)
    )


def _runs_migrations(case: Case, name: str) -> bool:
    """Whether a release says of both of its jobs that they run."""
    jobs = _jobs(case, name)
    return any(one.get("preUpgrade") is one.get("postUpgrade") is True for one in jobs)


def _jobs(case: Case, name: str) -> Iterator[Mapping[str, object]]:
    path, *keys = name.split(": ")
    for manifest in case.manifests:
        if manifest.path == path:
            own: Mapping[str, object] = manifest.document
            for key in keys:
                own = mapping(own.get(key))
            within = manifest.mappings if not keys else (own, manifest.document)
            yield from (mapping(inner.get("migrations")) for inner in within)


_RULES = (
    "ingress-regex-path",
    "ingress-path-normalized",
    "kic-path-handling-v1",
    "helm-chart-too-old",
    "prefix-on-a-volume",
    "helm-migrations-off",
    "helm-finish-off",
    "migrations-by-every-pod",
    "helm-router-flavor-unset",
    "helm-split-releases",
)


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(
    name="kubernetes",
    look=_look,
    rows=_rows,
    needs=("kubernetes", "scripts"),
    needs_called="Kubernetes manifests or Helm values",
)
