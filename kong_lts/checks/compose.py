"""Services of compose files, and the variables of Kong that scripts and build files set."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs

from kong_lts import kong_conf
from kong_lts.checks.manifests import Manifest, as_setting, manifests_of, mapping, names_in, text_of
from kong_lts.evidence import TextFile
from kong_lts.kong_conf import KongConf

__all__ = ["Service", "conf_of_scripts", "services_of"]

_ASSIGNED = re.compile(
    r"""(?:^|[\s"'{,=])(?:-\s+)?["']?(KONG_[A-Z0-9_]+)["']?(?:=|:[ \t]+)"""
    r"""("[^"\n]*"|'[^'\n]*'|[^\s"'\\]+)"""
)
_OF_CONTAINERS = re.compile(
    r"(?i)\bdocker\b|\bpodman\b|^\s*environment:|^\s*ENV\s|^\s*Environment=|\bexport\s+KONG_", re.M
)
_ON_ITS_OWN = re.compile(
    r"""(?m)^\s*["']?(KONG_[A-Z0-9_]+)["']?\s*=\s*("[^"\n]*"|'[^'\n]*'|[^\s"']*)\s*,?\s*$"""
)
"""A line that is nothing but an assignment: of a file of variables, or of HCL."""
_NAMED = re.compile(
    r"""\bname["']?\s*[=:]\s*["'](KONG_[A-Z0-9_]+)["']\s*[,;]?\s*"""
    r"""["']?value["']?\s*[=:]\s*["']([^"'\n]*)["']"""
)
"""As a definition of a task has it: `name = "KONG_X", value = "y"`."""
_ENV = re.compile(r"""(?im)^\s*ENV\s+(KONG_[A-Z0-9_]+)[ \t]+(?!=)["']?([^"'\n]+?)["']?\s*$""")
_VARIABLES = ("environment", "env", "environment_variables", "variables")
_CONF = re.compile(r"(?:^|/)[^/]*kong[^/]*\.conf(?:\.\w+)?$")
_OF_NGINX = re.compile(r"(?m)^\s*(?:server|http|location|upstream|map)\b[^\n]*\{\s*$")
_DEEPEST = 12


@attrs.define(eq=False)
class Service:
    """One service of a compose file."""

    name: str
    manifest: Manifest = attrs.field(repr=False)
    """The file."""
    fields: Mapping[str, object] = attrs.field(repr=False)

    @property
    def path(self) -> str:
        """Of the file."""
        return self.manifest.path

    @property
    def image(self) -> str:
        return text_of(self.fields.get("image"))

    @property
    def command(self) -> str:
        """What it runs, as one line."""
        return " ".join((*names_in(self.fields.get("entrypoint")), *self._words))

    @property
    def _words(self) -> tuple[str, ...]:
        return names_in(self.fields.get("command"))

    @property
    def environ(self) -> Mapping[str, str]:
        """Its variables, given as a mapping or as `KEY=VALUE`."""
        return _variables(self.fields.get("environment"))

    @property
    def volumes(self) -> Iterator[tuple[str, str]]:
        """Source and folder of each volume that it mounts."""
        given = self.fields.get("volumes")
        for one in given if isinstance(given, list) else ():
            if isinstance(one, Mapping):
                if one.get("type") != "tmpfs":
                    yield text_of(one.get("source")), text_of(one.get("target")).rstrip("/")
            else:
                source, _, rest = text_of(one).partition(":")
                yield source, rest.partition(":")[0].rstrip("/")


def services_of(files: Iterable[TextFile]) -> Iterator[Service]:
    """The services of those files that are compose files."""
    for manifest in manifests_of(file for file in files if "services:" in file.text):
        for name, fields in mapping(manifest.document.get("services")).items():
            if isinstance(fields, Mapping):
                yield Service(name=str(name), manifest=manifest, fields=fields)


def conf_of_scripts(
    files: Iterable[TextFile], known: Collection[str]
) -> Iterator[tuple[str, KongConf]]:
    """Settings of Kong that compose files, Dockerfiles, playbooks and scripts give, by their file.

    Those of several containers of one file are told apart.

    Args:
        files: Any text.
        known: Keys of kong.conf; another variable of such a name is none of Kong's.
    """
    for file in files:
        if _CONF.search(file.path) and not _OF_NGINX.search(file.text):
            conf = kong_conf.parse(file.text, path=file.path)
            if conf.by_key.keys() & set(known):
                yield file.path, conf
        if "KONG_" not in file.text:
            continue
        found = {
            f"{file.path}: {name}": own
            for name, environ in _of_documents(file)
            if (own := _of_kong(environ.items(), known))
        }
        by_text = {file.path: _of_kong(_assigned(file.text), known)}
        for name, environ in (found or by_text).items():
            if environ:
                yield name, kong_conf.parse("", environ=environ, path=file.path)


def _of_documents(file: TextFile) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The variables of each container that the documents of a file tell of."""
    for manifest in manifests_of((file,)):
        waiting: list[tuple[str, object, int]] = [("", manifest.document, 0)]
        while waiting:
            label, value, depth = waiting.pop()
            if isinstance(value, list):
                waiting += [(label, item, depth + 1) for item in reversed(value)]
            elif isinstance(value, Mapping) and depth < _DEEPEST:
                label = text_of(value.get("name")) or label
                for key in _VARIABLES:
                    if environ := _variables(value.get(key)):
                        yield label or key, environ
                waiting += [(str(k), v, depth + 1) for k, v in reversed(list(value.items()))]


def _variables(given: object) -> dict[str, str]:
    """Variables as a mapping, as `KEY=VALUE`, or as pairs of name and value."""
    if isinstance(given, Mapping):
        return {str(key): as_setting(v) for key, v in given.items() if v is not None}
    pairs = (text.partition("=") for text in names_in(given))
    listed = {key: value for key, sign, value in pairs if sign}
    for pair in given if isinstance(given, list) else ():
        one = mapping(pair)
        if "name" in one and isinstance(one.get("value"), str | int | float | bool):
            listed[text_of(one["name"])] = as_setting(one["value"])
    return listed


def _assigned(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "//"))]
    for line in lines if _OF_CONTAINERS.search(text) else ():
        for found in _ASSIGNED.finditer(line):
            yield found[1], found[2].rstrip(",}").strip("\"'")
    for pattern in (_ON_ITS_OWN, _NAMED, _ENV):
        for found in pattern.finditer("\n".join(lines)):
            yield found[1], found[2].strip("\"'")


def _of_kong(pairs: Iterable[tuple[str, str]], known: Collection[str]) -> dict[str, str]:
    return {
        name: value
        for name, value in pairs
        if name.startswith("KONG_")
        and name.removeprefix("KONG_").lower() in known
        and "$" not in value
    }
