"""Operating systems, base images, and the versions of what stands beside the gateway."""

import re
from collections.abc import Iterator, Sequence

from kong_lts import catalog
from kong_lts.catalog.rows import Rule
from kong_lts.checks.automation import Line, lines_of
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.digits import whole
from kong_lts.evidence import TextFile
from kong_lts.findings import Finding, Location
from kong_lts.versions import KongVersion, Release

__all__ = ["CHECK", "SUPPORTED_POSTGRES", "version_of"]

SUPPORTED_POSTGRES = range(12, 17)
"""Major versions of PostgreSQL that 3.4 is supported on."""

_FROM = re.compile(r"(?i)^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?")
_IMAGE = re.compile(r"""(?x)(?<![\w.-])["']?image["']?\s*[:=]\s*["']?([\w./-]+:[\w.-]+)""")
_KONG_IMAGE = re.compile(r"(?:^|/)kong(?:-gateway|-gateway-dev|-ee)?(?::|@|$)")
_OS_RELEASE = re.compile(r'(?m)^PRETTY_NAME="?([^"\n]+)"?$')
_OF_KONG = re.compile(r"(?:^|/)kong(?:-gateway|-ee)?:(\d+(?:\.\d+){2,3})(?![\d.])")
_PACKAGE = re.compile(
    r"""(?i)[^\s"']*(?:konghq\.com|bintray\.com/kong|kong/kong-gateway)/[^\s"']+"""
    r"""|[^\s"'/]*\bkong[\w.-]*\.(?:rpm|deb|apk)\b|\bvm\.box\s*=\s*["'][^"']+?(?=(?:64)?["'])"""
    r"""|\bubuntu/images/[^\s"']+"""
)
_ARGUMENT = re.compile(r"(?i)^\s*ARG\s+(\w+)=[\"']?([^\s\"']+)")
_REFERENCE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")
_POSTGRES = re.compile(r"(?:^|/)postgres(?:ql)?:v?(\d+)")
_FLOATING = re.compile(r"(?:^|/)kong(?:-gateway|-ee)?(?::latest)?$")
_KNOWS_TILDE = KongVersion((2, 8, 2))
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_OLD_DECK = (1, 47)
_MENDED_IN_DECK = (
    ((1, 46, 3), "RBAC roles are dumped with their first 100 permissions only"),
    ((1, 47), "there is no conversion from 2.8 to 3.4"),
    ((1, 49), "a dump misses who belongs to a consumer group"),
    ((1, 57, 2), "`deck file convert` writes the values of DECK_ variables into files"),
)
"""What decK does before a version."""
_OLD_KIC, _BRIDGE, _NEXT_KIC = (2, 7), (2, 12), (3, 0)


def version_of(text: str | None) -> tuple[int, ...] | None:
    """The numbers of a version, as (1, 47, 1) of "v1.47.1"; None where there are none."""
    found = _VERSION.search(text or "")
    return tuple(whole(part) for part in found[0].split(".")) if found else None


def _look(case: Case) -> Iterator[Seen]:
    yield part("operating systems", _systems, case)
    yield part("images", _images, case)
    yield part("current-patch-too-old", _versions, case)
    yield part("image-tag-floating", _floating, case)
    yield part("postgres-server-unsupported", _postgres, case)
    yield part(("deck-too-old", "deck-patch-advice"), _deck, case)
    yield part(("kic-version", "kic-bridge"), _kic, case)


def _systems(case: Case) -> Iterator[Finding]:
    nodes: dict[str, list[str]] = {}
    for node in case.deployment.current.nodes:
        if node.operating_system:
            nodes.setdefault(node.operating_system, []).append(node.name)
    for node_name, text in case.evidence.platform.items():
        said = _OS_RELEASE.search(text)
        nodes.setdefault(said[1] if said else text.strip(), []).append(node_name)
    for side in (case.deployment.new,):
        for node in side.nodes if side else ():
            if node.operating_system:
                nodes.setdefault(node.operating_system, []).append(node.name)
    for system, names in nodes.items():
        yield from _about(system, ", ".join(dict.fromkeys(names)), Location(), "deployment")


def _about(system: str, where: str, location: Location, evidence: str) -> Iterator[Finding]:
    for row in catalog.platforms():
        if re.search(row.systems, system):
            yield row.finding(
                where,
                location=location if location.path else None,
                evidence=evidence,
                system=system,
                where=where,
            )
            return


def _versions(case: Case) -> Iterator[Finding]:
    """Images of a 2.8 that is older than the inventory says, and too old at that."""
    rule = next(row for row in catalog.prerequisites() if row.id == "current-patch-too-old")
    for path, line, image, _ in _all_images(case):
        found = _OF_KONG.search(image)
        version = KongVersion.parse(found[1]) if found else None
        if version and version.release is Release.V2_8 and version < _KNOWS_TILDE:
            where = Location(path=path, line=line)
            yield rule.finding(path, location=where, evidence=path, current=image)


def _floating(case: Case) -> Iterator[Finding]:
    """Images of Kong that are another release with the next pull."""
    seen: set[str] = set()
    for path, line, image, _ in _all_images(case):
        if _FLOATING.search(image) and path not in seen:
            seen.add(path)
            where = Location(path=path, line=line)
            yield cross_rule("image-tag-floating").finding(
                path, location=where, evidence=path, file=path, image=image
            )


def _postgres(case: Case) -> Iterator[Finding]:
    """Images of PostgreSQL in files about Kong, of a version that 3.4 is not supported on."""
    images = list(_all_images(case))
    files = (*case.evidence.scripts, *case.evidence.kubernetes)
    with_kong = {file.path for file in files if "kong" in file.text.lower()}
    rule = next(row for row in catalog.database() if row.id == "postgres-server-unsupported")
    seen: set[tuple[str, str]] = set()
    for path, line, image, _ in images:
        found = _POSTGRES.search(image)
        known = found is None or whole(found[1]) in SUPPORTED_POSTGRES
        if known or path not in with_kong or (path, image) in seen:
            continue
        seen.add((path, image))
        where = Location(path=path, line=line)
        yield rule.finding(path, location=where, evidence=path, version=image)


def _images(case: Case) -> Iterator[Finding]:
    """Images of Kong, or what a build file starts from; and packages, by their addresses."""
    seen: set[tuple[str, str]] = set()
    for path, line, image, is_base in _all_images(case):
        if (path, image) in seen or not (is_base or _KONG_IMAGE.search(image.split("@")[0])):
            continue
        seen.add((path, image))
        yield from _about(image, f"{path} ({image})", Location(path=path, line=line), path)
    told: set[str] = set()
    for path, line, package in _packages(case):
        if path not in told:
            for finding in _about(package, path, Location(path=path, line=line), path):
                told.add(path)
                yield finding


def _all_images(case: Case) -> Iterator[tuple[str, int, str, bool]]:
    for manifest in case.manifests:
        for image in manifest.images:
            yield manifest.path, manifest.line, image, False
    for file in (*case.evidence.scripts, *case.evidence.templates, *case.evidence.kubernetes):
        yield from case.apart.look(f"images: {file.path}", _images_in, file)


def _images_in(file: TextFile) -> Iterator[tuple[str, int, str, bool]]:
    given: dict[str, str] = {}
    lines = [Line(line.number, _filled(line.text, given)) for line in lines_of(file)]
    is_build = "dockerfile" in file.path.lower()
    stages = [(line, base) for line in lines if is_build and (base := _FROM.match(line.text))]
    final = _final_base([base for _, base in stages])
    for line, base in stages:
        yield file.path, line.number, base[1], base[1] == final
    for line in lines:
        for found in _IMAGE.finditer(line.text):
            yield file.path, line.number, found[1], False


def _filled(text: str, given: dict[str, str]) -> str:
    """A line with what its variables are unless told otherwise; *given* learns from `ARG`."""
    if "$" in text:
        text = _REFERENCE.sub(lambda m: m[2] or given.get(m[1] or m[3] or "", "_"), text)
    if (said := _ARGUMENT.match(text)) is not None:
        given[said[1]] = said[2]
    return text


def _final_base(stages: Sequence[re.Match[str]]) -> str:
    """What the image is that a Dockerfile ends with; the other stages only build."""
    named = {(stage[2] or "").lower(): stage[1] for stage in stages}
    base = stages[-1][1] if stages else ""
    for _ in stages:
        base = named.get(base.lower(), base)
    return base


def _packages(case: Case) -> Iterator[tuple[str, int, str]]:
    """Packages of Kong and images of machines, as build files and playbooks name them."""
    for file in case.evidence.scripts:
        for line in lines_of(file):
            for found in _PACKAGE.finditer(line.text):
                yield file.path, line.number, found[0]


def _deck(case: Case) -> Iterator[Finding]:
    text = case.deployment.tools.deck or case.evidence.deck
    version = version_of(text)
    if version is None:
        return
    why = "; ".join(
        f"before {'.'.join(map(str, since))} {what}"
        for since, what in _MENDED_IN_DECK
        if version < since
    )
    if version < _OLD_DECK:
        yield cross_rule("deck-too-old").finding("tools.deck", version=text, wanted="1.47", why=why)
    elif why:
        yield cross_rule("deck-patch-advice").finding("tools.deck", version=text, why=why)


def _kic(case: Case) -> Iterator[Finding]:
    found: dict[str, tuple[str, Location | None]] = {}
    if case.deployment.tools.kic:
        found[case.deployment.tools.kic] = ("tools.kic", None)
    for manifest in case.manifests:
        for image in manifest.images:
            name, _, tag = image.partition("@")[0].rpartition(":")
            if name.endswith(("kubernetes-ingress-controller", "kong-ingress-controller")):
                where = (manifest.path, Location(path=manifest.path, line=manifest.line))
                found.setdefault(tag, where)
    for text, (place, location) in found.items():
        version = version_of(text)
        if version is None:
            continue
        if version < _OLD_KIC:
            rule = "kic-version"
        elif version < _BRIDGE or version >= _NEXT_KIC:
            rule = "kic-bridge"
        else:
            continue
        yield cross_rule(rule).finding(
            "Kong Ingress Controller",
            location=location,
            evidence=place,
            version=text,
            where=place,
        )


_RULES = (
    "deck-too-old",
    "deck-patch-advice",
    "kic-version",
    "kic-bridge",
    "image-tag-floating",
)


def _rows() -> tuple[Rule, ...]:
    return (*catalog.platforms(), *map(cross_rule, _RULES))


CHECK = Check(name="platforms", look=_look, rows=_rows)
