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
        given = self.fields.get("environment")
        pairs = (text.partition("=") for text in names_in(given))
        listed = {key: value for key, sign, value in pairs if sign}
        return listed | {str(k): as_setting(v) for k, v in mapping(given).items() if v is not None}

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
    """Variables of Kong that compose files, Dockerfiles and scripts set, by their file.

    Those of a compose file are told service by service where there are several with some.

    Args:
        files: Any text.
        known: Keys of kong.conf; another variable of such a name is none of Kong's.
    """
    for file in files:
        if "KONG_" not in file.text or not _OF_CONTAINERS.search(file.text):
            continue
        found = {
            f"{file.path}: {service.name}": environ
            for service in services_of((file,))
            if (environ := _of_kong(service.environ.items(), known))
        }
        if len(found) < 2:
            found = {file.path: _of_kong(_assigned(file.text), known)}
        for name, environ in found.items():
            if environ:
                yield name, kong_conf.parse("", environ=environ, path=file.path)


def _assigned(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            for found in _ASSIGNED.finditer(line):
                yield found[1], found[2].rstrip(",}").strip("\"'")


def _of_kong(pairs: Iterable[tuple[str, str]], known: Collection[str]) -> dict[str, str]:
    return {
        name: value
        for name, value in pairs
        if name.startswith("KONG_")
        and name.removeprefix("KONG_").lower() in known
        and "$" not in value
    }
