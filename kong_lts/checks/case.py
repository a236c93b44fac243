"""Case: one deployment with its evidence, and what several checks want to know of them."""

import contextlib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from kong_lts import catalog, kong_conf
from kong_lts.catalog.rows import Rule
from kong_lts.checks.apart import Apart
from kong_lts.checks.compose import conf_of_scripts
from kong_lts.checks.in_use import FILE, LIVE, PluginInUse, RouteInUse, answered, in_use
from kong_lts.checks.ingresses import of_kong
from kong_lts.checks.manifests import (
    Manifest,
    conf_of_manifests,
    manifests_of,
    mapping,
    names_in,
    state_of_manifests,
)
from kong_lts.checks.route_sources import Configuration, configurations
from kong_lts.deployment import Deployment, NodeRole
from kong_lts.errors import ConfError
from kong_lts.evidence import Evidence, StateFile, TextFile
from kong_lts.evidence.running import as_written
from kong_lts.findings import Location
from kong_lts.kong_conf import KongConf
from kong_lts.versions import Edition, KongVersion, Release

__all__ = ["Case", "called", "cross_rule"]

_AS_IN_2_8 = "traditional"
_DEFAULT_FLAVOR = "traditional_compatible"
_ROOT = "admin/root.json"
_EXPORT = "/keyring/export"
_DECK_DUMP = re.compile(r"(?m)^[^#\n]*\bdeck\s+(?:gateway\s+)?dump\b")
_DECK_CONVERT = re.compile(r"(?m)^[^#\n]*\bdeck\s+(?:file\s+)?convert\b")


@functools.cache
def _cross_rules() -> Mapping[str, Rule]:
    return {row.id: row for row in catalog.cross_input()}


def cross_rule(rule: str) -> Rule:
    """A rule that needs code, by its id."""
    return _cross_rules()[rule]


@functools.cache
def _named_keys() -> frozenset[str]:
    """Keys that rules name and the lists of the releases do not, as old names are."""
    return frozenset(key for row in catalog.kong_conf() for key in row.keys if "*" not in key)


@attrs.define(eq=False)
class Case:
    """One deployment with its evidence, and what several checks want to know of them."""

    deployment: Deployment
    """What is upgraded."""
    evidence: Evidence
    """What is known."""
    apart: Apart = attrs.field(factory=Apart)
    """Looks at one file or node after the other."""

    @property
    def edition(self) -> Edition:
        """Of the current cluster."""
        return self.deployment.current.version.edition

    @property
    def new_version(self) -> KongVersion | None:
        """Where it goes, if somebody said so."""
        return self.deployment.new.version if self.deployment.new else None

    @functools.cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """Every document of the Kubernetes files but the Ingresses of other controllers."""
        return of_kong(m for file in self.evidence.kubernetes for m in self._manifests_of(file))

    def _manifests_of(self, file: TextFile) -> Iterator[Manifest]:
        name = f"manifests: {file.path}"

        def refused(line: int) -> None:
            self.apart.note(name, f"YAML from line {line} on (render a template: helm template)")

        return self.apart.look(name, manifests_of, (file,), refused)

    @functools.cached_property
    def lua_of_scripts(self) -> tuple[TextFile, ...]:
        """Lua files of plugins that stand with what builds an image."""
        return tuple(file for file in self.evidence.scripts if file.path.endswith(".lua"))

    @functools.cached_property
    def confs(self) -> Mapping[str, KongConf]:
        """Settings by node, or by the manifest that gives them."""
        known = self.evidence.configurations
        said = {} if known else self.confs_of_admin
        return {**known, **said, **self.confs_of_manifests}

    @functools.cached_property
    def root(self) -> Mapping[str, object]:
        """What the Admin API says of the node itself, without what a recorder put around it."""
        return answered(self.evidence.admin.get("/"))[1]

    def in_root(self, pointer: str) -> Location:
        """Where something stands in it."""
        within, _ = answered(self.evidence.admin.get("/"))
        return Location(path=_ROOT, pointer=f"{within}{pointer}")

    @functools.cached_property
    def confs_of_admin(self) -> Mapping[str, KongConf]:
        """What `GET /` says of a node's configuration, where it is not the default of 2.8."""
        said = mapping(self.root.get("configuration"))
        defaults = kong_conf.resolve(
            kong_conf.parse(""), release=Release.V2_8, edition=self.edition
        )
        environ = {
            f"KONG_{key.upper()}": text
            for key, value in said.items()
            if key in defaults and (text := as_written(value)) and text != as_written(defaults[key])
        }
        return {_ROOT: kong_conf.parse("", environ=environ, path=_ROOT)} if environ else {}

    @functools.cached_property
    def confs_of_manifests(self) -> Mapping[str, KongConf]:
        """Settings that Helm values, containers, config maps and scripts give, by their file."""
        known = {key for release in Release for key in catalog.conf_keys(release).keys}
        found: dict[str, KongConf] = {}
        for one in self.manifests:
            found.update(self.apart.look(f"manifests: {one.path}", conf_of_manifests, (one,)))
        for file in (*self.evidence.scripts, *self.evidence.templates):
            keys = known | _named_keys()
            found.update(self.apart.look(f"scripts: {file.path}", conf_of_scripts, (file,), keys))
        return found

    @functools.cached_property
    def state_files(self) -> tuple[StateFile, ...]:
        """Every declarative file, those in config maps too."""
        held = (
            file
            for one in self.manifests
            for file in self.apart.look(f"manifests: {one.path}", state_of_manifests, (one,))
        )
        return (*self.evidence.declarative, *held)

    @functools.cached_property
    def settings(self) -> Mapping[str, Mapping[str, object]]:
        """What 2.8 reads of each of them; one that it refuses is left out."""
        return dict(self._resolved(Release.V2_8))

    def _resolved(self, release: Release) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Names with what that release reads of them."""
        for name, conf in self.confs.items():
            yield from self.apart.look(called(name), self._values, name, conf, release)

    def _values(
        self, name: str, conf: KongConf, release: Release
    ) -> Iterator[tuple[str, Mapping[str, object]]]:
        with contextlib.suppress(ConfError):  # a finding of its own elsewhere
            yield name, dict(kong_conf.resolve(conf, release=release, edition=self.edition))

    @functools.cached_property
    def plugins(self) -> tuple[PluginInUse, ...]:
        """Every plugin that any input shows."""
        return self._in_use[0]

    @functools.cached_property
    def routes(self) -> tuple[RouteInUse, ...]:
        """Every route that any input shows."""
        return self._in_use[1]

    @functools.cached_property
    def route_places(self) -> Mapping[str, Location]:
        """Where each route stands, by what it is called: in a file, else in an answer."""
        found: dict[str, Location] = {}
        for origin in (FILE, LIVE):
            for route in self.routes:
                if route.origin == origin:
                    found.setdefault(route.name, route.location)
        return found

    @functools.cached_property
    def configurations(self) -> tuple[Configuration | str, ...]:
        """The configurations whose routes are compared, or why one of them is not."""
        return tuple(configurations(self.deployment, self.evidence, self.apart))

    @functools.cached_property
    def plugin_places(self) -> Mapping[str, Location]:
        """Where each plugin that is in use stands first."""
        return {p.name: p.location for p in reversed(self.plugins) if p.enabled}

    @functools.cached_property
    def _in_use(self) -> tuple[tuple[PluginInUse, ...], tuple[RouteInUse, ...]]:
        return in_use(self.evidence, self.state_files, self.manifests, self.apart)

    @functools.cached_property
    def plugin_names(self) -> Mapping[str, str]:
        """Plugins that some input shows, and where it first does."""
        found: dict[str, str] = {}
        for plugin in self.plugins:
            if plugin.enabled:
                found.setdefault(plugin.name, plugin.where)
        if self.evidence.database is not None:
            for name in self.evidence.database.plugins:
                found.setdefault(name, "database")
        for name in names_in(mapping(self.root.get("plugins")).get("enabled_in_cluster")):
            found.setdefault(name, f"{_ROOT}, enabled_in_cluster")
        return found

    @functools.cached_property
    def router_flavor(self) -> str:
        """What the nodes will run with on 3.4: as kong.conf says, else the default.

        Where they do not agree, the one that changes more counts. A script or manifest that shows
        a part of the settings only, and not this one, has no say.
        """
        whole = self.evidence.configurations.keys() or self.confs_of_admin.keys()
        says = {name for name, _ in self.written("router_flavor")}
        flavors = [
            str(values["router_flavor"])
            for name, values in self._resolved(Release.V3_4)
            if name in whole or (name or "kong.conf") in says
        ]
        others = [flavor for flavor in flavors if flavor != _AS_IN_2_8]
        return next(iter([*others, *flavors]), _DEFAULT_FLAVOR)

    @functools.cached_property
    def converts_by_deck(self) -> bool:
        """Whether a script converts files by decK."""
        return any(
            converts
            for script in self.evidence.scripts
            for converts in self.apart.look(f"scripts: {script.path}", _converts_by_deck, script)
        )

    @functools.cached_property
    def exports_keyring(self) -> bool:
        """Whether a script or the Admin API's log shows an export of the keyring."""
        log = self.evidence.admin_access_log
        called = log is not None and any(_EXPORT in call.path for call in log.calls)
        return called or any(_EXPORT in file.text for file in self.evidence.scripts)

    @functools.cached_property
    def keeps_keys_outside(self) -> bool:
        """Whether every node that says so keeps the keys of its keyring in a vault or a service."""
        strategies = {text.strip().lower() for _, text in self.written("keyring_strategy")}
        return bool(strategies) and "cluster" not in strategies

    @functools.cached_property
    def backs_up_by_deck(self) -> bool:
        """Whether decK is among the tools, or a script dumps by it."""
        by_script = any(_DECK_DUMP.search(file.text) for file in self.evidence.scripts)
        return self.deployment.tools.deck is not None or by_script

    def setting(self, key: str) -> Iterator[tuple[str, object]]:
        """A key's value under 2.8 by node, where it has one."""
        for node, values in self.settings.items():
            if (value := values.get(key)) is not None:
                yield node or "kong.conf", value

    def written(self, key: str) -> Iterator[tuple[str, str]]:
        """A key as somebody wrote it, in a file or a variable, by node."""
        for node, conf in self.confs.items():
            for value in self.apart.look(called(node), _written, conf, key):
                yield node or "kong.conf", value

    @functools.cached_property
    def roles(self) -> Mapping[str, NodeRole | None]:
        """The role of each node of the inventory."""
        return {node.name: node.role for node in self.deployment.current.nodes}

    def concerns(self, editions: Iterable[str], modes: Iterable[str] = ()) -> bool:
        """Whether a rule for these editions and modes concerns the deployment."""
        editions, modes = tuple(editions), tuple(modes)
        return (not editions or self.edition in editions) and (
            not modes or self.deployment.mode in modes
        )


def _converts_by_deck(script: TextFile) -> Iterator[bool]:
    yield _DECK_CONVERT.search(script.text) is not None


def called(node: str) -> str:
    """What the kong.conf of a node is called, over which something crashes."""
    return f"kong.conf of {node}".rstrip()


def _written(conf: KongConf, key: str) -> Iterator[str]:
    """Its value, if it has one."""
    for name, value in conf.environ.items():
        if name.lower() == f"kong_{key}":
            yield value
            return
    setting = conf.by_key.get(key)
    if setting is not None:
        yield setting.raw.split("#")[0].strip()
