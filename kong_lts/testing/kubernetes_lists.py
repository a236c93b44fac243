"""Lists of the stand-in for Kubernetes: paths, pages, and what an account may not read."""

import base64
import copy
import re
from collections.abc import Collection, Mapping
from urllib.parse import parse_qs

import attrs

from kong_lts.testing.kubernetes_objects import Answer, Document, Refusal, failure

__all__ = ["Place", "forbidden", "listed", "place_of"]

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v[0-9a-z]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?"
)
_BUILT_IN = {
    *(f"apps/v1/{plural}" for plural in ("deployments", "daemonsets", "statefulsets")),
    *(f"networking.k8s.io/v1/{plural}" for plural in ("ingresses", "ingressclasses")),
    *(f"v1/{plural}" for plural in ("services", "configmaps", "secrets")),
}
_KINDS = {
    "deployments": "Deployment", "daemonsets": "DaemonSet", "statefulsets": "StatefulSet",
    "ingresses": "Ingress", "ingressclasses": "IngressClass", "services": "Service",
    "configmaps": "ConfigMap", "secrets": "Secret",
}  # fmt: skip


@attrs.frozen(kw_only=True)
class Place:
    """What a path of the API server says."""

    group: str
    """Empty for the core."""
    version: str
    namespace: str
    """Empty for all, and for kinds without one."""
    plural: str
    name: str
    """Empty for a list."""

    @property
    def kind(self) -> str:
        """As in "apps/v1/deployments"."""
        return "/".join(filter(None, (self.group, self.version, self.plural)))

    @property
    def resource(self) -> str:
        """As in "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def place_of(path: str) -> Place | None:
    """None for what is no path of objects."""
    found = _PATH.fullmatch(path.rstrip("/"))
    if found is None:
        return None
    return Place(**{name: text or "" for name, text in found.groupdict().items()})


def forbidden(place: Place) -> Answer:
    """What an account is told that may not do this."""
    verb = "get" if place.name else "list"
    what = f'{place.resource} "{place.name}"' if place.name else place.resource
    where = f'in the namespace "{place.namespace}"' if place.namespace else "at the cluster scope"
    return failure(
        403,
        "Forbidden",
        f'{what} is forbidden: User "system:serviceaccount:kong:kong-lts" cannot {verb}'
        f' resource "{place.plural}" in API group "{place.group}" {where}',
    )


def listed(
    objects: Mapping[str, Document],
    place: Place,
    query: str,
    *,
    kinds: Collection[str],
    most: int,
) -> Document:
    """One page of those of a kind, in the order of their paths.

    Raises:
        Refusal: There is no such kind, or the page that is asked for is none.
    """
    there = {path: found for path in objects if (found := place_of(path)) is not None}
    if place.kind not in {*_BUILT_IN, *kinds, *(one.kind for one in there.values())}:
        raise Refusal(failure(404, "NotFound", "the server could not find the requested resource"))
    paths = sorted(
        path
        for path, one in there.items()
        if one.kind == place.kind and place.namespace in ("", one.namespace)
    )
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    start = _start(asked.get("continue", ""))
    end = start + min(most, int(asked.get("limit", most)) or most)
    items = [_item(objects[path], place) for path in paths[start:end]]
    metadata: Document = {"resourceVersion": "1"}
    if end < len(paths):
        following = base64.b64encode(str(end).encode()).decode()
        metadata |= {"continue": following, "remainingItemCount": len(paths) - end}
    kind = _KINDS.get(place.plural) or next(
        (str(objects[path].get("kind")) for path in paths), place.plural
    )
    group = "/".join(filter(None, (place.group, place.version)))
    return {"kind": f"{kind}List", "apiVersion": group, "metadata": metadata, "items": items}


def _start(text: str) -> int:
    try:
        return int(base64.b64decode(text, validate=True) or b"0")
    except ValueError:
        said = "continue key is not valid: the token cannot be read"
        raise Refusal(failure(400, "BadRequest", said)) from None


def _item(document: Document, place: Place) -> Document:
    """Items of built-in kinds say neither `kind` nor `apiVersion`; those of others do."""
    item = copy.deepcopy(document)
    if place.kind in _BUILT_IN:
        item.pop("kind", None)
        item.pop("apiVersion", None)
    return item
