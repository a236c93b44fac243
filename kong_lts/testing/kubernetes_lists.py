"""Lists of the stand-in for Kubernetes: paths, pages, kinds, and what an account may not read."""

import base64
import copy
import json
import re
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import parse_qs

import attrs

from kong_lts.testing.kubernetes_objects import Answer, Document, Refusal, failure

__all__ = ["Place", "Version", "forbidden", "kinds_of", "listed", "no_page", "no_such", "place_of"]

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v[0-9a-z]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?"
)
_VERSION = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v[0-9a-z]+)")
_BUILT_IN = {
    "apps/v1/deployments": "Deployment",
    "apps/v1/daemonsets": "DaemonSet",
    "apps/v1/statefulsets": "StatefulSet",
    "autoscaling/v2/horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "batch/v1/cronjobs": "CronJob",
    "batch/v1/jobs": "Job",
    "networking.k8s.io/v1/ingresses": "Ingress",
    "networking.k8s.io/v1/ingressclasses": "IngressClass",
    "v1/services": "Service",
    "v1/configmaps": "ConfigMap",
    "v1/secrets": "Secret",
    "v1/namespaces": "Namespace",
}
_GROUPS = {kind.rpartition("/")[0].rpartition("/")[0] for kind in _BUILT_IN}
_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list - objects that were created, modified, or deleted between the time the"
    " first chunk was returned and now may show up in the list."
)


@attrs.frozen(kw_only=True)
class Version:
    """A version of a group of kinds."""

    group: str
    """Empty for the core."""
    version: str

    @property
    def called(self) -> str:
        """As in "apps/v1"."""
        return "/".join(filter(None, (self.group, self.version)))


@attrs.frozen(kw_only=True)
class Place(Version):
    """What a path of the API server says."""

    namespace: str
    """Empty for all, and for kinds without one."""
    plural: str
    name: str
    """Empty for a list."""

    @property
    def kind(self) -> str:
        """As in "apps/v1/deployments"."""
        return f"{self.called}/{self.plural}"

    @property
    def resource(self) -> str:
        """As in "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def within(self) -> str:
        """The namespace that counts for rights; a namespace is within itself."""
        return self.name if self.plural == "namespaces" else self.namespace


def place_of(path: str) -> Place | None:
    """None for what is no path of objects."""
    found = _PATH.fullmatch(path.rstrip("/"))
    if found is None:
        return None
    return Place(**{name: text or "" for name, text in found.groupdict().items()})


def no_page() -> Answer:
    """What is said of a path that means nothing, or a kind that nobody has defined."""
    return Answer(404, {}, text="404 page not found\n")


def no_such(version: Version) -> Answer:
    """What is said of a kind that there is none of, by a group that is built in or by none."""
    if version.group not in _GROUPS:
        return no_page()
    answer = failure(404, "NotFound", "the server could not find the requested resource")
    return attrs.evolve(answer, document={**answer.document, "details": {}})


def forbidden(path: str, method: str, user: str) -> Answer:
    """What an account is told that may not do this."""
    place = place_of(path)
    if place is None:
        answer = failure(403, "Forbidden", f'forbidden: User "{user}" cannot get path "{path}"')
        return attrs.evolve(answer, document={**answer.document, "details": {}})
    verb = _VERBS.get(method) or ("get" if place.name else "list")
    what = f'{place.resource} "{place.name}"' if place.name else place.resource
    where = f'in the namespace "{place.within}"' if place.within else "at the cluster scope"
    details = {"name": place.name, "group": place.group, "kind": place.plural}
    return failure(
        403,
        "Forbidden",
        f'{what} is forbidden: User "{user}" cannot {verb}'
        f' resource "{place.plural}" in API group "{place.group}" {where}',
        {key: text for key, text in details.items() if text},
    )


def kinds_of(path: str, objects: Iterable[str], kinds: Collection[str]) -> Document | None:
    """What a version of a group has; None for what is no path of one.

    Raises:
        Refusal: There is no such version.
    """
    found = _VERSION.fullmatch(path.rstrip("/"))
    if found is None:
        return None
    version = Version(**{name: text or "" for name, text in found.groupdict().items()})
    names = sorted(
        kind.rpartition("/")[2]
        for kind in _there(objects, kinds)
        if kind.rpartition("/")[0] == version.called
    )
    if not names:
        raise Refusal(no_such(version))
    resources = [{"name": name, "verbs": ["get", "list"]} for name in names]
    head = {"kind": "APIResourceList", "apiVersion": "v1"}
    return {**head, "groupVersion": version.called, "resources": resources}


def listed(
    objects: Mapping[str, Document],
    place: Place,
    query: str,
    *,
    kinds: Collection[str],
    most: int,
    now: int,
    oldest: int,
) -> Document:
    """One page of those of a kind, in the order of their paths.

    Args:
        objects: By path.
        place: Of the list.
        query: What is asked of it.
        kinds: Those of which there may be none.
        most: The most objects of a page.
        now: The version of all that is there.
        oldest: A list that was begun before that version is forgotten.

    Raises:
        Refusal: There is no such kind, or the page that is asked for is none.
    """
    if place.kind not in _there(objects, kinds):
        raise Refusal(no_such(place))
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    begun, after = _start(asked.get("continue", ""), now, oldest)
    limit = min(most, _number(asked.get("limit", "0")) or most)
    left = sorted(path for path in objects if path > after and _is_in(path, place))
    metadata: Document = {"resourceVersion": str(begun)}
    if place.kind not in _BUILT_IN:
        metadata["continue"] = ""
    if limit < len(left):
        metadata |= {
            "continue": _token(begun, left[limit - 1]),
            "remainingItemCount": len(left) - limit,
        }
    kind = _BUILT_IN.get(place.kind) or next(
        (str(objects[path].get("kind")) for path in objects if _is_in(path, place)), place.plural
    )
    head = {"kind": f"{kind}List", "apiVersion": place.called, "metadata": metadata}
    return {**head, "items": [_item(objects[path], place) for path in left[:limit]]}


def _there(objects: Iterable[str], kinds: Collection[str]) -> set[str]:
    places = (place_of(path) for path in objects)
    return {*_BUILT_IN, *kinds, *(place.kind for place in places if place is not None)}


def _is_in(path: str, place: Place) -> bool:
    one = place_of(path)
    return one is not None and one.kind == place.kind and place.namespace in ("", one.namespace)


def _start(text: str, now: int, oldest: int) -> tuple[int, str]:
    """When a list was begun, and after which path it goes on."""
    if not text:
        return now, ""
    try:
        token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        begun, after = int(token["rv"]), str(token["start"])
    except (ValueError, KeyError, TypeError):
        said = "invalid continue token: continue key is not valid: it cannot be taken apart"
        raise Refusal(failure(400, "BadRequest", said)) from None
    if begun < 0:  # whoever was told that it is too old, and goes on all the same
        return now, after
    if begun < oldest:
        answer = failure(410, "Expired", _TOO_OLD)
        metadata = {"continue": _token(-1, after)}
        raise Refusal(attrs.evolve(answer, document={**answer.document, "metadata": metadata}))
    return begun, after


def _token(begun: int, after: str) -> str:
    text = json.dumps({"rv": begun, "start": after})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _number(text: str) -> int:
    try:
        return max(0, int(text))
    except ValueError:
        said = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise Refusal(failure(400, "BadRequest", said)) from None


def _item(document: Document, place: Place) -> Document:
    """Items of built-in kinds say neither `kind` nor `apiVersion`; those of others do."""
    item = copy.deepcopy(document)
    if place.kind in _BUILT_IN:
        item.pop("kind", None)
        item.pop("apiVersion", None)
    return item
