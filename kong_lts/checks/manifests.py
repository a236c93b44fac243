"""Kubernetes manifests and Helm values as documents: what they say of Kong."""

import base64
import bisect
import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import attrs

from kong_lts import kong_conf
from kong_lts.evidence import StateFile, TextFile
from kong_lts.kong_conf import KongConf
from kong_lts.serialization import loose_documents

__all__ = [
    "TEMPLATED",
    "Manifest",
    "as_setting",
    "conf_of_manifests",
    "line_of",
    "manifests_of",
    "mapping",
    "mappings_in",
    "names_in",
    "state_of_manifests",
    "text_of",
]

_SUFFIXES = (".yaml", ".yml", ".json")
_KONG_VARIABLE = re.compile(r"KONG_[A-Z0-9_]+")
_OF_KONG = "configuration.konghq.com/"
TEMPLATED = "$TEMPLATED"
"""In place of an expression of a template, of which nothing is known."""
_LINE_OF_TEMPLATE = re.compile(r"(?m)^[ \t]*\{\{(?:(?!\}\}).)*\}\}[ \t]*$")
_EXPRESSION = re.compile(r"(?<![\"'])\{\{(?:(?!\}\}).)*\}\}")
_HOLDS_VALUES = ("Application", "ApplicationSet", "HelmRelease", "HelmChart", "HelmChartConfig")
_VALUES = frozenset({"values", "valuesObject", "valuesContent"})
_TELLS_KONG = frozenset(
    {
        "database", "role", "pg_host", "pg_database", "router_flavor", "plugins", "log_level",
        "prefix", "proxy_listen", "admin_listen", "worker_consistency", "nginx_worker_processes",
        "cluster_control_plane", "cluster_cert", "declarative_config", "anonymous_reports",
        "pg_user", "pg_password", "pg_port", "cassandra_contact_points", "vitals", "portal",
        "admin_gui_url", "go_plugins_dir", "go_pluginserver_exe", "lua_package_path", "trusted_ips",
        "proxy_access_log", "client_max_body_size", "nginx_proxy_client_max_body_size",
    }
)  # fmt: skip
"""Keys by which an `env` of Helm values is known to be Kong's."""
_OTHER_PARTS = {
    "ingressController": "kong/kubernetes-ingress-controller",
    "postgresql": "postgres",
    "cassandra": "cassandra",
    "redis": "redis",
    "konga": "pantsel/konga",
}
"""Parts of a chart that have an image of their own, and which."""


@attrs.define(eq=False)
class Manifest:
    """One document of a Kubernetes file."""

    path: str
    line: int
    text: str = attrs.field(repr=False)
    """All of the file."""
    document: Mapping[str, object] = attrs.field(repr=False)

    @property
    def kind(self) -> str:
        """As in `Ingress`; empty for Helm values."""
        return text_of(self.document.get("kind"))

    @property
    def is_values(self) -> bool:
        """Whether it is no manifest, and so Helm values."""
        return not ("apiVersion" in self.document and "kind" in self.document)

    @property
    def metadata(self) -> Mapping[str, object]:
        return mapping(self.document.get("metadata"))

    @property
    def name(self) -> str:
        return text_of(self.metadata.get("name"))

    @property
    def annotations(self) -> Mapping[str, object]:
        return mapping(self.metadata.get("annotations"))

    @property
    def labels(self) -> Mapping[str, object]:
        return mapping(self.metadata.get("labels"))

    @functools.cached_property
    def mappings(self) -> tuple[Mapping[str, object], ...]:
        """Every mapping in it, itself first."""
        return tuple(mappings_in(self.document))

    @functools.cached_property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Name and text of what a ConfigMap or Secret holds; of a Secret as it will be read."""
        if self.kind not in ("ConfigMap", "Secret"):
            return ()
        plain = "stringData" if self.kind == "Secret" else "data"
        found = [(k, v) for k, v in mapping(self.document.get(plain)).items() if isinstance(v, str)]
        if self.kind == "Secret":
            data = mapping(self.document.get("data"))
            found += [(k, _decoded(v)) for k, v in data.items() if isinstance(v, str)]
        return tuple((str(key), text) for key, text in found)

    def commands(self) -> Iterator[str]:
        """What its containers run, each as one line; and their images, as `image: NAME`."""
        for inner in self.mappings:
            words = [*names_in(inner.get("command")), *names_in(inner.get("args"))]
            if words:
                yield " ".join(words)
        yield from (f"image: {image}" for image in self.images)

    @functools.cached_property
    def images(self) -> tuple[str, ...]:
        """Every image that it names, as `kong:2.8-alpine`."""
        return tuple(self._images())

    def _images(self) -> Iterator[str]:
        of_parts = dict(self._images_of_parts())
        for inner in self.mappings:
            image = inner.get("image")
            if isinstance(image, str):
                yield image
            repository, tag = inner.get("repository"), inner.get("tag")
            if isinstance(repository, str) and isinstance(tag, str | int | float):
                yield f"{repository}:{tag}"
            elif isinstance(tag, str) and "repository" not in inner and inner is not self.document:
                yield f"{of_parts.get(id(inner), 'kong')}:{tag}"

    def _images_of_parts(self) -> Iterator[tuple[int, str]]:
        """Mappings that give only the tag of what a chart brings beside Kong, and its name."""
        for inner in self.mappings:
            for part, name in _OTHER_PARTS.items():
                for below in mappings_in(inner.get(part)):
                    yield id(below), name


def manifests_of(
    files: Iterable[TextFile], refused: Callable[[int], object] = lambda line: None
) -> Iterator[Manifest]:
    """Every mapping of the files; of a chart's template, what it says without its expressions.

    Args:
        files: Manifests, Helm values, templates.
        refused: Told the first line of what is no YAML all the same.
    """
    for file in files:
        if not file.path.endswith(_SUFFIXES):
            continue
        for line, document in loose_documents(_without_template(file.text), refused=refused):
            for one in _items(document):
                for said in _with_values(one):
                    yield Manifest(path=file.path, line=line, text=file.text, document=said)


def _without_template(text: str) -> str:
    """A text whose expressions of a template are no obstacle to YAML; each line stays its line."""
    if "{{" not in text:
        return text
    return _EXPRESSION.sub(TEMPLATED, _LINE_OF_TEMPLATE.sub("", text))


def _items(document: object) -> Iterator[Mapping[str, object]]:
    """A document, or what a `List` holds."""
    if isinstance(document, list):
        for item in document:
            yield from _items(item)
    elif isinstance(document, Mapping):
        items = document.get("items")
        if text_of(document.get("kind")).endswith("List") and isinstance(items, list):
            yield from _items(items)
        else:
            yield document


def _with_values(document: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """A document, and apart from it the Helm values that it holds for a release."""
    if text_of(document.get("kind")) not in _HOLDS_VALUES:
        yield document
        if "kind" not in document:
            yield from filter(_is_object_of_kong, mappings_in(document))
        return
    yield mapping(_without_values(document))
    for inner in mappings_in(document):
        for key in _VALUES & inner.keys():
            value = inner[key]
            if isinstance(value, str):
                yield from (one for _, one in loose_documents(value) if isinstance(one, Mapping))
            elif isinstance(value, Mapping):
                yield value


def _is_object_of_kong(value: Mapping[str, object]) -> bool:
    """Whether a part of Helm values is an object of Kong's, as in `extraObjects`."""
    return "kind" in value and text_of(value.get("apiVersion")).startswith(_OF_KONG)


def _without_values(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _without_values(v) for k, v in value.items() if k not in _VALUES}
    return [_without_values(one) for one in value] if isinstance(value, list) else value


def conf_of_manifests(manifests: Iterable[Manifest]) -> Iterator[tuple[str, KongConf]]:
    """Settings of Kong by the place that gives them."""
    for manifest in manifests:
        yield from _generated_environments(manifest)
        if manifest.is_values:
            for name, environ in _value_environments(manifest.document, manifest.path):
                yield name, kong_conf.parse("", environ=environ, path=manifest.path)
        elif manifest.texts:
            for key, text in manifest.texts:
                if key.endswith("kong.conf"):
                    name = f"{manifest.path}: {manifest.name} {key}"
                    yield name, kong_conf.parse(text, path=manifest.path)
            own = {key: text for key, text in manifest.texts if _KONG_VARIABLE.fullmatch(key)}
            if own:  # of a container, by `envFrom`
                name = f"{manifest.path}: {manifest.name}"
                yield name, kong_conf.parse("", environ=own, path=manifest.path)
        else:
            yield from _container_environments(manifest)


def _generated_environments(manifest: Manifest) -> Iterator[tuple[str, KongConf]]:
    """The variables of the config maps that kustomize makes."""
    for kind in ("configMapGenerator", "secretGenerator"):
        given = manifest.document.get(kind)
        for one in given if isinstance(given, list) else ():
            literals = (text.partition("=") for text in names_in(mapping(one).get("literals")))
            own = {key: value for key, _, value in literals if _KONG_VARIABLE.fullmatch(key)}
            if own:
                name = f"{manifest.path}: {text_of(mapping(one).get('name'))}"
                yield name, kong_conf.parse("", environ=own, path=manifest.path)


def _value_environments(
    values: Mapping[str, object], name: str, depth: int = 0
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each `env` of Helm values that sets keys of Kong, at any depth."""
    environ = values.get("env")
    if isinstance(environ, Mapping):
        flat = {
            str(key): as_setting(value)
            for key, value in environ.items()
            if isinstance(value, str | int | float | bool) or _is_secret_document(str(key), value)
            if TEMPLATED not in str(value)
        }
        if flat.keys() & _TELLS_KONG or any(key.startswith(("nginx_", "pg_")) for key in flat):
            yield name, {f"KONG_{key.upper()}": value for key, value in flat.items()}
    for key, inner in values.items():
        if isinstance(inner, Mapping) and key != "env" and depth < 4:
            yield from _value_environments(inner, f"{name}: {key}", depth + 1)


def _is_secret_document(key: str, value: object) -> bool:
    """A setting that a Secret gives, of which it matters that it is there and not what it is."""
    return isinstance(value, Mapping) and key.endswith("session_conf")


def _container_environments(manifest: Manifest) -> Iterator[tuple[str, KongConf]]:
    for inner in manifest.mappings:
        listed = inner.get("env")
        if not isinstance(listed, list):
            continue
        environ = {
            text_of(pair.get("name")): as_setting(pair["value"])
            for pair in listed
            if isinstance(pair, Mapping) and isinstance(pair.get("value"), str | int | float | bool)
            if TEMPLATED not in str(pair["value"])
        }
        own = {key: value for key, value in environ.items() if _KONG_VARIABLE.fullmatch(key)}
        if own and not inner.get("image", "").__str__().count("ingress-controller"):
            name = f"{manifest.path}: {manifest.name} {text_of(inner.get('name'))}".rstrip()
            yield name, kong_conf.parse("", environ=own, path=manifest.path)


def state_of_manifests(manifests: Iterable[Manifest]) -> Iterator[StateFile]:
    """Declarative files that config maps, secrets and Helm values hold."""
    for manifest in manifests:
        if manifest.is_values:
            yield from _state_of_values(manifest)
        for key, text in manifest.texts:
            if key.endswith((".yml", ".yaml", ".json")) and "_format_version" in text:
                path = f"{manifest.path}: {key}"
                yield StateFile(path=path, data=text.encode("utf-8", "surrogateescape"))


def _state_of_values(manifest: Manifest) -> Iterator[StateFile]:
    """What `dblessConfig.config` of the chart says, as a text or as a mapping."""
    for inner in manifest.mappings:
        config = mapping(inner.get("dblessConfig")).get("config")
        text = json.dumps(config, default=str) if isinstance(config, Mapping) else config
        if isinstance(text, str) and "_format_version" in text:
            path = f"{manifest.path}: dblessConfig"
            yield StateFile(path=path, data=text.encode("utf-8", "surrogateescape"))


def _decoded(text: str) -> str:
    """What a Secret's base64 says; the text itself where it is none, as in a template."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return text


def as_setting(value: object) -> str:
    """A value of YAML as a variable of the environment has it."""
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def line_of(manifest: Manifest, text: str) -> int | None:
    """About where a text stands in the manifest's own part of the file."""
    starts = _line_starts(manifest.text)
    at = manifest.text.find(text, starts[min(manifest.line, len(starts)) - 1])
    return bisect.bisect_right(starts, at) if at >= 0 else None


@functools.lru_cache(maxsize=4)
def _line_starts(text: str) -> tuple[int, ...]:
    """Where each line of a file begins; most manifests of one file follow each other."""
    return (0, *(found.end() for found in re.finditer("\n", text)))


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text_of(value: object) -> str:
    """The value if it is a text or a number, else nothing."""
    return str(value) if isinstance(value, str | int | float) else ""


def names_in(value: object) -> tuple[str, ...]:
    """The texts of a list; one text counts as a list of one."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        return ()
    return tuple(item for item in value if isinstance(item, str))


def mappings_in(value: object) -> Iterator[Mapping[str, object]]:
    """A value's mappings at any depth, outer ones first, each once."""
    waiting, seen = [value], set[int]()
    while waiting:
        current = waiting.pop()
        if not isinstance(current, Mapping | list) or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, Mapping):
            yield current
            waiting.extend(reversed(list(current.values())))
        else:
            waiting.extend(reversed(current))
