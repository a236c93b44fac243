"""The paths that Ingresses, HTTPRoutes and Helm values give to Kong; which Ingresses are its."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from kong_lts import catalog
from kong_lts.checks.manifests import TEMPLATED, Manifest, mapping, mappings_in, text_of

__all__ = ["RoutedPath", "of_kong", "routed_paths"]

_OWN_CONTROLLER = "ingress-controllers.konghq.com/"
_OWN_ANNOTATIONS = "konghq.com"
_FILLED_IN = re.compile(rf"{re.escape(TEMPLATED)}|\{{\{{")
_CLASS = "kubernetes.io/ingress.class"


@attrs.frozen
class RoutedPath:
    """One path, and what the ingress controller makes of it for 3.4."""

    written: str
    made: str | None = None
    """The regex that the controller itself writes, with its `~`; None where the path stays."""


def routed_paths(manifest: Manifest) -> Iterator[RoutedPath]:
    """The paths that a manifest gives to Kong; one that a template fills in is not known."""
    return (path for path in _paths(manifest) if not _FILLED_IN.search(path.written))


def _paths(manifest: Manifest) -> Iterator[RoutedPath]:
    if manifest.is_values:
        yield from map(RoutedPath, _paths_of_values(manifest))
    elif manifest.kind == "Ingress":
        yield from _paths_of_ingress(manifest)
    elif manifest.kind == "HTTPRoute":
        yield from _paths_of_route(manifest)


def _paths_of_ingress(manifest: Manifest) -> Iterator[RoutedPath]:
    """An exact path is a regex that the controller makes; others it takes as they stand."""
    for inner in manifest.mappings:
        path = inner.get("path")
        if "backend" not in inner or not isinstance(path, str):
            continue
        exact = inner.get("pathType") == "Exact" and not path.startswith("/~")
        yield RoutedPath(path, f"~{path}$" if exact else None)


def _paths_of_route(manifest: Manifest) -> Iterator[RoutedPath]:
    """A regex of an HTTPRoute has its `~` from the controller; prefixes have nothing to convert."""
    for inner in manifest.mappings:
        path = mapping(inner.get("path"))
        value = path.get("value")
        if path.get("type") == "RegularExpression" and isinstance(value, str):
            yield RoutedPath(value, f"~{value}")


def _paths_of_values(manifest: Manifest) -> Iterator[str]:
    """Of the Ingress that a chart makes: `path`, or `hosts` with `paths`."""
    for inner in manifest.mappings:
        ingress = mapping(inner.get("ingress"))
        if ingress.get("enabled") is False or _is_foreign(ingress, ingress, ()):
            continue
        listed = [ingress, *mappings_in(ingress.get("hosts"))]
        yield from (path for one in listed if isinstance(path := one.get("path"), str))


def of_kong(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """All of them but the Ingresses that another controller serves."""
    known = tuple(manifests)
    classes = [one for one in known if one.kind == "IngressClass"]
    return tuple(
        one
        for one in known
        if one.kind != "Ingress"
        or not _is_foreign(one.metadata, mapping(one.document.get("spec")), classes)
    )


def _is_foreign(
    metadata: Mapping[str, object], spec: Mapping[str, object], classes: Iterable[Manifest]
) -> bool:
    """Whether its class is another controller's, or its annotations are and none is Kong's."""
    annotations = mapping(metadata.get("annotations"))
    name = text_of(spec.get("ingressClassName")) or text_of(annotations.get(_CLASS))
    controller = next((_controller(one) for one in classes if name and one.name == name), "")
    if controller:
        return not controller.startswith(_OWN_CONTROLLER)
    groups = {str(key).partition("/")[0] for key in annotations}
    if any(group.endswith(_OWN_ANNOTATIONS) for group in groups):
        return False
    if name:
        return any(name == one or name.startswith(f"{one}-") for one in _foreign_classes())
    return bool(groups & _foreign_annotations())


def _controller(manifest: Manifest) -> str:
    return text_of(mapping(manifest.document.get("spec")).get("controller"))


@functools.cache
def _foreign_classes() -> frozenset[str]:
    return frozenset(name for row in catalog.ingress_controllers() for name in row.classes)


@functools.cache
def _foreign_annotations() -> frozenset[str]:
    return frozenset(name for row in catalog.ingress_controllers() for name in row.annotations)
