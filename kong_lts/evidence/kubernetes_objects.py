"""Which objects of a Kubernetes cluster are evidence, and how they are written down."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kong_lts.errors import FormatError
from kong_lts.evidence.values import TextFile
from kong_lts.serialization import loose_documents

__all__ = [
    "CLASSES",
    "CONFIG_MAPS",
    "KINDS",
    "Key",
    "as_file",
    "as_yaml",
    "config_maps_in",
    "is_of_kong",
    "key_of",
    "keys_in",
]

CONFIG_MAPS = "ConfigMap"
CLASSES = "IngressClass"
_WORKLOADS = frozenset({"Deployment", "DaemonSet", "StatefulSet", "Rollout", "Job", "CronJob"})
_ABOUT_OTHERS = frozenset(
    {
        *("HorizontalPodAutoscaler", "ScaledObject", "PrometheusRule"),
        *("HelmRelease", "HelmChart", "HelmChartConfig", "Application", "ApplicationSet"),
    }
)
"""Of Kong where they name it, as workloads are: what scales them, watches them, or makes them."""
_NAMESPACE = "Namespace"
KINDS = (
    _NAMESPACE, *sorted(_WORKLOADS | _ABOUT_OTHERS), "Ingress", CLASSES, "Service", "HTTPRoute",
    "KongPlugin", "KongClusterPlugin", "KongIngress", "KongConsumer", "KongConsumerGroup",
    "KongUpstreamPolicy", "TCPIngress", "UDPIngress", "IngressClassParameters", "KongCustomEntity",
    "KongVault",
)  # fmt: skip
"""All that is read of a cluster but config maps, which are read by name.

A namespace says nothing of Kong; it is read so that one that is not there is told.
"""

_HEAD = ("apiVersion", "kind")
_OF_SERVER = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp")
_COPY = re.compile(r".*last-(?:applied|handled).*|.*\.cattle\.io/applied|kapp\.k14s\.io/original.*")
"""Annotations in which a tool keeps the object as it wrote it, with all secrets of that time."""
_CONTROLLER = "ingress-controllers.konghq.com/"
_CLASS = "kubernetes.io/ingress.class"
_OF_EVERY_POD = "kube-root-ca.crt"
_DEEPEST = 100

Key = tuple[str, str, str]
"""Kind, namespace and name; without a namespace it is the default one."""


def _inner(document: object, *keys: str) -> Mapping[str, object]:
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document if isinstance(document, Mapping) else {}


def key_of(document: Mapping[str, object]) -> Key:
    """What tells an object from all others."""
    metadata = _inner(document, "metadata")
    namespace = metadata.get("namespace") or "default"
    return str(document.get("kind")), str(namespace), str(metadata.get("name"))


def keys_in(files: Iterable[TextFile]) -> frozenset[Key]:
    """The objects that files hold."""
    return frozenset(map(key_of, _objects_in(files)))


def _objects_in(files: Iterable[TextFile]) -> Iterator[Mapping[str, object]]:
    for file in files:
        for _, document in loose_documents(file.text):
            items = document.get("items") if isinstance(document, Mapping) else None
            for one in items if isinstance(items, list) else [document]:
                if isinstance(one, Mapping) and "kind" in one:
                    yield one


def is_of_kong(
    document: Mapping[str, object], classes: Sequence[Mapping[str, object]] = ()
) -> bool:
    """Whether an object says anything of Kong; what cannot be told apart does.

    Workloads and what is about them do that name it anywhere, but for the Jobs of a CronJob, which
    says the same; Services that have an annotation of its, and Ingresses but
    for those whose class another controller has.
    """
    kind = document.get("kind")
    annotations = _inner(document, "metadata", "annotations")
    if kind in _WORKLOADS | _ABOUT_OTHERS:
        return _names_kong(document) and not (kind == "Job" and _is_of_a_cron_job(document))
    if kind == "Service":
        return any(str(name).partition("/")[0].endswith("konghq.com") for name in annotations)
    if kind == "Ingress":
        wanted = _inner(document, "spec").get("ingressClassName") or annotations.get(_CLASS)
        return not any(
            _inner(one, "metadata").get("name") == wanted
            and not str(_inner(one, "spec").get("controller")).startswith(_CONTROLLER)
            for one in classes
        )
    return kind != _NAMESPACE


def _is_of_a_cron_job(document: Mapping[str, object]) -> bool:
    owners = _inner(document, "metadata").get("ownerReferences")
    return isinstance(owners, list) and any(
        isinstance(owner, Mapping) and owner.get("kind") == "CronJob" for owner in owners
    )


def _names_kong(document: Mapping[str, object]) -> bool:
    try:
        return "kong" in json.dumps(document, default=str).lower()
    except RecursionError:  # to be told when it is written down
        return True


def config_maps_in(files: Iterable[TextFile]) -> tuple[Key, ...]:
    """The config maps that the pods of workloads use, and that no file holds."""
    about = (*_WORKLOADS, CONFIG_MAPS)
    # Taking thousands of others apart would take most of the time.
    some = [file for file in files if any(kind in file.text for kind in about)]
    there: set[Key] = set()
    found: dict[Key, None] = {}
    for document in _objects_in(some):
        there.add(key := key_of(document))
        for name in _config_maps(document) if key[0] in _WORKLOADS else ():
            found[CONFIG_MAPS, key[1], name] = None
    return tuple(key for key in found if key not in there)


def _config_maps(document: Mapping[str, object]) -> Iterator[str]:
    waiting: list[object] = [document]
    while waiting:
        current = waiting.pop()
        if isinstance(current, list):
            waiting.extend(current)
        elif isinstance(current, Mapping):
            waiting.extend(current.values())
            for key in ("configMap", "configMapRef", "configMapKeyRef"):
                name = _inner(current, key).get("name")
                if isinstance(name, str) and name != _OF_EVERY_POD:
                    yield name


def as_file(document: Mapping[str, object]) -> TextFile:
    """An object as a manifest, without its status and what the API server keeps in it.

    Raises:
        FormatError: It is nested too deep to be written down.
    """
    kind, namespace, name = key_of(document)
    metadata = {k: v for k, v in _inner(document, "metadata").items() if k not in _OF_SERVER}
    if "annotations" in metadata:
        kept = _inner(metadata, "annotations")
        metadata["annotations"] = {k: v for k, v in kept.items() if not _COPY.fullmatch(k)}
    rest = {k: v for k, v in document.items() if k not in (*_HEAD, "metadata", "status")}
    head = {k: document[k] for k in _HEAD if k in document}
    folder = namespace if "namespace" in metadata else "cluster"
    path = f"kubernetes/{folder}/{kind}/{name}.yaml"
    try:
        return TextFile(path=path, text=as_yaml({**head, "metadata": metadata, **rest}))
    except RecursionError:
        raise FormatError("manifest", ("nested too deep",), path) from None


# --- YAML -----------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*")
_NO_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_ODD = re.compile(r"[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
"""What stands in YAML as an escape only; what is above is so too, and rare."""


def as_yaml(document: Mapping[str, object]) -> str:
    """A document as parsed, in YAML; texts of several lines stay so, for those who read by lines.

    Raises:
        RecursionError: It is nested too deep.
    """
    return "".join(f"{line}\n" for line in _block(document, 0))


def _block(value: object, depth: int) -> Iterator[str]:
    """The lines of a mapping or a list that is not empty."""
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entry(f"{_one_line(str(key))}:", inner, depth)
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, Mapping | list | tuple) and inner:
                first, *rest = _block(inner, depth + 1)
                yield f"- {first}"
                yield from (f"  {line}" if line else line for line in rest)
            else:
                yield from _entry("-", inner, depth)


def _entry(head: str, value: object, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple) and value:
        yield head
        yield from (f"  {line}" if line else line for line in _block(value, depth + 1))
    elif isinstance(value, str) and "\n" in value and value.strip() and not _ODD.search(value):
        yield f"{head} |{_indicator(value)}"
        lines = value.removesuffix("\n").split("\n")
        yield from (f"  {line}" if line else line for line in lines)
    else:
        yield f"{head} {_one_line(value)}"


def _indicator(text: str) -> str:
    """How deep a block is where its own spaces would say otherwise, and what its end is."""
    depth = "2" if text[0] in " \n\t" else ""
    if not text.endswith("\n"):
        return f"{depth}-"
    return f"{depth}+" if text.endswith("\n\n") else depth


def _one_line(value: object) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _NO_TEXT:
            return value
        quoted = json.dumps(value, ensure_ascii=False)
        return _ODD.sub(lambda found: _escaped(found[0]), quoted)
    return json.dumps(value, default=str)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:  # half a character, which no YAML can hold
        return "\\ufffd"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
