"""What a Kubernetes cluster tells of Kong, each kind of object as a source of evidence."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from kong_lts.errors import KongLtsError
from kong_lts.evidence.kubernetes_objects import (
    CLASSES,
    CONFIG_MAPS,
    KINDS,
    Key,
    as_file,
    config_maps_in,
    is_of_kong,
    key_of,
    keys_in,
)
from kong_lts.evidence.node_sources import Look, Source, with_gaps
from kong_lts.evidence.values import Evidence, Gap, TextFile
from kong_lts.protocols import Manifests

__all__ = ["of_cluster", "of_workloads", "together"]

Object = Mapping[str, object]
_CLUSTER = "Kubernetes "
_MANY = 4


def of_cluster(manifests: Manifests, known: Sequence[TextFile]) -> Iterator[tuple[str, Look]]:
    """Every kind for itself; what a known file holds already stays as it is there."""
    there = keys_in(known)
    for kind in KINDS:
        yield _called(kind), lambda kind=kind: _objects(manifests, kind, there)  # type: ignore[misc] # bound


def of_workloads(manifests: Manifests, found: Sequence[TextFile]) -> Iterator[tuple[str, Look]]:
    """The config maps that are used, and that no file holds yet."""
    if wanted := config_maps_in(found):
        yield _called(CONFIG_MAPS), lambda: _config_maps(manifests, wanted)


def together(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """The gaps, with one for all kinds that say the same, as where nobody answers."""
    alike: dict[str, list[Gap]] = {}
    for gap in gaps:
        kind = gap.source.removeprefix(_CLUSTER)
        of_cluster = kind != gap.source
        alike.setdefault(_said(gap, kind) if of_cluster else gap.source, []).append(gap)
    return tuple(one for some in alike.values() for one in _as_one(some))


def _said(gap: Gap, kind: str) -> str:
    """What a gap says of its kind, whichever it is."""
    return re.sub(rf"\b{kind}\b", "any kind", gap.reason)


def _as_one(gaps: Sequence[Gap]) -> Sequence[Gap]:
    kinds = [gap.source.removeprefix(_CLUSTER) for gap in gaps]
    if len(gaps) < _MANY or not gaps[0].source.startswith(_CLUSTER):
        return gaps
    reason = f"{_said(gaps[0], kinds[0])} ({', '.join(kinds)})"
    return [Gap(source=_CLUSTER.strip(), reason=reason)]


def _called(kind: str) -> str:
    return f"{_CLUSTER}{kind}"


def _objects(manifests: Manifests, kind: str, there: frozenset[Key]) -> Source:
    listed = manifests.objects(kind)
    classes = _classes(manifests) if kind == "Ingress" else ()
    wanted = [
        one for one in listed.objects if key_of(one) not in there and is_of_kong(one, classes)
    ]
    return _files(kind, wanted, listed.unread)


def _classes(manifests: Manifests) -> tuple[Object, ...]:
    """Without them, every Ingress counts; that they cannot be read is said in their own place."""
    try:
        return manifests.objects(CLASSES).objects
    except KongLtsError:
        return ()


def _config_maps(manifests: Manifests, wanted: Sequence[Key]) -> Source:
    found, unread = [], []
    for kind, namespace, name in wanted:
        try:
            document = manifests.named(kind, namespace, name)
        except KongLtsError as exc:
            unread.append(str(exc))
        else:
            found += [] if document is None else [document]
    return _files(CONFIG_MAPS, found, unread)


def _files(kind: str, objects: Iterable[Object], unread: Iterable[str]) -> Source:
    files: list[TextFile] = []
    gaps = [*unread]
    for one in objects:
        try:
            files.append(as_file(one))
        except KongLtsError as exc:
            gaps.append(str(exc))

    def put(evidence: Evidence) -> Evidence:
        return attrs.evolve(evidence, kubernetes=(*evidence.kubernetes, *files))

    return with_gaps(_called(kind), gaps, put)
