"""Operating systems, base images, and the versions of what stands beside the gateway."""

import re
from collections.abc import Iterator

from kong_lts import catalog
from kong_lts.catalog.rows import Rule
from kong_lts.checks.automation import lines_of
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.evidence import TextFile
from kong_lts.findings import Finding, Location
from kong_lts.versions import KongVersion, Release

__all__ = ["CHECK", "version_of"]

_FROM = re.compile(r"(?i)^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)")
_IMAGE = re.compile(r"""(?x)(?<![\w.-])["']?image["']?\s*[:=]\s*["']?([\w./-]+:[\w.-]+)""")
_KONG_IMAGE = re.compile(r"(?:^|/)kong(?:-gateway|-gateway-dev|-ee)?(?::|@|$)")
_OS_RELEASE = re.compile(r'(?m)^PRETTY_NAME="?([^"\n]+)"?$')
_OF_KONG = re.compile(r"(?:^|/)kong(?:-gateway|-ee)?:(\d+(?:\.\d+){2,3})(?![\d.])")
_KNOWS_TILDE = KongVersion((2, 8, 2))
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_OLD_DECK, _CONSUMER_GROUPS, _SECRETS = (1, 47), (1, 49), (1, 57, 2)
_OLD_KIC, _BRIDGE, _NEXT_KIC = (2, 7), (2, 12), (3, 0)


def version_of(text: str | None) -> tuple[int, ...] | None:
    """The numbers of a version, as (1, 47, 1) of "v1.47.1"; None where there are none."""
    found = _VERSION.search(text or "")
    return tuple(int(part) for part in found[0].split(".")) if found else None


def _look(case: Case) -> Iterator[Seen]:
    yield part("operating systems", _systems, case)
    yield part("images", _images, case)
    yield part("current-patch-too-old", _versions, case)
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


def _images(case: Case) -> Iterator[Finding]:
    """Images of Kong, or what a build file starts from."""
    seen: set[tuple[str, str]] = set()
    for path, line, image, is_base in _all_images(case):
        if (path, image) in seen or not (is_base or _KONG_IMAGE.search(image.split("@")[0])):
            continue
        seen.add((path, image))
        yield from _about(image, f"{path} ({image})", Location(path=path, line=line), path)


def _all_images(case: Case) -> Iterator[tuple[str, int, str, bool]]:
    for manifest in case.manifests:
        for image in manifest.images:
            yield manifest.path, manifest.line, image, False
    for file in (*case.evidence.scripts, *case.evidence.templates, *case.evidence.kubernetes):
        yield from case.apart.look(f"images: {file.path}", _images_in, file)


def _images_in(file: TextFile) -> Iterator[tuple[str, int, str, bool]]:
    is_build = "dockerfile" in file.path.lower() or file.path.endswith(".dockerfile")
    for line in lines_of(file):
        if is_build and (base := _FROM.match(line.text)):
            yield file.path, line.number, base[1], True
        for found in _IMAGE.finditer(line.text):
            yield file.path, line.number, found[1], False


def _deck(case: Case) -> Iterator[Finding]:
    text = case.deployment.tools.deck or case.evidence.deck
    version = version_of(text)
    if version is None:
        return
    if version < _OLD_DECK:
        why = "the conversion from 2.8 to 3.4 came with decK 1.47"
        yield cross_rule("deck-too-old").finding("tools.deck", version=text, wanted="1.47", why=why)
    elif version < _CONSUMER_GROUPS:
        why = "before 1.49 a dump misses who belongs to a consumer group, before 1.46.3 RBAC"
        why += " roles had the first 100 permissions only"
        yield cross_rule("deck-patch-advice").finding("tools.deck", version=text, why=why)
    elif version < _SECRETS:
        why = "before 1.57.2 `deck file convert` writes the values of DECK_ variables into files"
        yield cross_rule("deck-patch-advice").finding("tools.deck", version=text, why=why)


def _kic(case: Case) -> Iterator[Finding]:
    found: dict[str, tuple[str, Location | None]] = {}
    if case.deployment.tools.kic:
        found[case.deployment.tools.kic] = ("tools.kic", None)
    for manifest in case.manifests:
        for image in manifest.images:
            name, _, tag = image.rpartition(":")
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


_RULES = ("deck-too-old", "deck-patch-advice", "kic-version", "kic-bridge")


def _rows() -> tuple[Rule, ...]:
    return (*catalog.platforms(), *map(cross_rule, _RULES))


CHECK = Check(name="platforms", look=_look, rows=_rows)
