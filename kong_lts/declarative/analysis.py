"""Puts every rule to one document and collects what is to be done."""

import re
from collections import Counter
from itertools import islice

import attrs

from kong_lts.catalog.rows import DeclarativeRule, Test
from kong_lts.declarative.document import Piece, Root
from kong_lts.declarative.duplicates import Register
from kong_lts.declarative.entities import Entity, Walker
from kong_lts.declarative.fields import Subject
from kong_lts.declarative.neighbours import Neighbours
from kong_lts.declarative.nodes import Dull, Mapping, Node, Scalar, is_null, is_text, kind_of
from kong_lts.declarative.paths import Path, convert_paths, path_of, paths_of
from kong_lts.declarative.pen import Pen
from kong_lts.declarative.plan import Hit, Moved, Plan
from kong_lts.declarative.rules import Rules, ask, row
from kong_lts.declarative.settings import Surroundings
from kong_lts.declarative.settle import Users, mappings_in, settle
from kong_lts.declarative.source import PLACEHOLDER
from kong_lts.errors import DeclarativeError
from kong_lts.findings import Severity

__all__ = ["Analysis"]

_VERSION = "_format_version"
_FORMAT = "declarative-format-version-3"
_UNKNOWN = "declarative-unknown-field"
_SYNC = "declarative-sync-undoes-migration"
_VAULTS = "vaults-beta-entity"
_ANONYMOUS = "plugin-anonymous-unknown"
_SHOWN = 3


@attrs.define(eq=False)
class Analysis:
    """One document of a file while it is read."""

    pen: Pen
    rules: Rules
    around: Surroundings
    has_anchors: bool
    plan: Plan = attrs.field(factory=Plan)
    migrated: bool | None = None
    """Whether the format is 3.0, whose paths are those of 3.4; None if nobody knows."""
    paths: list[Path] = attrs.field(factory=list)
    register: Register = attrs.field(factory=Register)
    walker: Walker = attrs.field(init=False)
    neighbours: Neighbours = attrs.field(init=False)
    waiting: list[Entity] = attrs.field(factory=list)
    """Plugins whose config may stand further down, in `_plugin_configs`."""
    unresolved: list[tuple[str, Entity]] = attrs.field(factory=list)
    """What `_config` refers to that this file does not have."""
    users: Users = attrs.field(factory=dict)
    counts: Counter[str] = attrs.field(factory=Counter)
    anonymous: list[tuple[str, Hit]] = attrs.field(factory=list)
    workspace: str | None = None
    configs: Mapping | None = None
    version: Node | None = None

    def __attrs_post_init__(self) -> None:
        self.neighbours = Neighbours(self.rules)
        self.walker = Walker(self.rules.kinds)

    @property
    def given_version(self) -> str | None:
        """The format that the document gives."""
        return self.version.value if isinstance(self.version, Scalar) else None

    def take(self, piece: Piece) -> None:
        """Look at a value at the top of the document, or at an item of a list there."""
        name, node = piece.key.value, piece.node
        if name in self.walker.kinds:
            self._entities(name, piece)
        elif name == "_workspace" and isinstance(node, Scalar):
            self.workspace = node.value
        elif name == "_plugin_configs" and isinstance(node, Mapping):
            self.configs = node
        elif name == "_info" and isinstance(node, Mapping):
            self._defaults(node)
        elif not name.startswith("_") and name != "<<" and piece.number in (None, 1):
            may_be_custom = re.fullmatch("[a-z][a-z0-9_]*", name) is not None
            most = Severity.WARNING if may_be_custom else None
            at, words = piece.key.start, {"field": name}
            self.plan.hit(Hit(row(_UNKNOWN), f"field {name}", at, words, most))

    def finish(self, root: Root) -> None:
        """Look at what only the whole document shows.

        Raises:
            DeclarativeError: It is no mapping.
        """
        if root.node is None or is_null(root.node):
            return
        if not isinstance(root.node, Mapping):
            line, column = self.pen.source.place(root.node.start)
            reason = f"a declarative file is a mapping, and this is a {kind_of(root.node)}"
            raise DeclarativeError(reason, line=line, column=column)
        for entity in self.waiting:
            self._plugin(entity, last_chance=True)
        self._users_elsewhere()
        self.version = root.node.get(_VERSION)
        self.migrated = self._version(root.node)
        if self.migrated is not None:
            for found in convert_paths(
                self.paths, migrated=self.migrated, pen=self.pen, settings=self.rules.settings
            ):
                self._note(found)
        self._rename_vaults(root.node)
        self._warn_of_sync()
        for hit in (*self.neighbours.hits(), *self._strangers()):
            self.plan.hit(hit)
        self.plan.hits = [
            hit
            for hit in self.plan.hits
            if hit.rule.needs == 1 or self.counts[hit.rule.id] >= hit.rule.needs
        ]
        if self.migrated is None:
            for hit in self.plan.hits:
                hit.applied = False
        settle(self.plan, root.tree, self.users)

    def _note(self, found: Hit | Moved | Path) -> None:
        if isinstance(found, Moved):
            self.plan.moved[found.at] = found
        elif isinstance(found, Path):
            self.paths.append(found)
        else:
            self.plan.hit(found)

    def _entities(self, kind: str, piece: Piece) -> None:
        if piece.number is None:
            if not is_null(piece.node):
                self._wrong_type(kind, piece.node, "list")
            return
        if not isinstance(piece.node, Mapping | Dull):
            self._wrong_type(kind, piece.node, "mapping")
            return
        for entity in self.walker.entities(kind, piece.node, piece.number):
            if isinstance(entity, Dull):
                self._dull_routes(entity)
                continue
            for hit in self.register.enter(entity):
                self.plan.hit(hit)
            if entity.kind == "plugins":
                self._plugin(entity)
            else:
                self._entity(entity)

    def _dull_routes(self, routes: Dull) -> None:
        for hit in self.register.enter_dull(routes):
            self.plan.hit(hit)
        self.paths.extend(
            path_of(path, in_flow=False, subject=f"route {called}")
            for called, path in routes.telling
            if is_text(path) or PLACEHOLDER in path.value
        )

    def _entity(self, entity: Entity) -> None:
        subject = Subject(entity)
        for rule in self.rules.on_kind(entity.kind).that_may_speak(entity.node.values):
            self._ask(rule, subject)
        if entity.kind == "routes":
            for found in paths_of(entity):
                self._note(found)

    def _plugin(self, entity: Entity, *, last_chance: bool = False) -> None:
        shared, reference = None, entity.node.get("_config")
        if isinstance(reference, Scalar) and not is_null(reference):
            if self.configs is None and not last_chance:
                self.waiting.append(entity)
                return
            value = self.configs.get(reference.value) if self.configs is not None else None
            shared = value if isinstance(value, Mapping) else None
            if value is None:
                self.unresolved.append((reference.value, entity))
        self._plugin_with(entity, shared)

    def _plugin_with(self, entity: Entity, shared: Mapping | None) -> None:
        """A plugin, with the config that it shares with others."""
        subject = Subject(entity, shared)
        config = entity.node.get("config")
        if config is not None and not isinstance(config, Mapping) and not is_null(config):
            self._wrong_type("config", config, "mapping")
        if self.has_anchors or shared is not None:
            for mapping in mappings_in(config, shared):
                self.users.setdefault(mapping, set()).add(subject.name)
        self.neighbours.enter(subject)
        fields = [*entity.node.values]
        for holder in (config, shared):
            if isinstance(holder, Mapping):
                fields += [f"config.{name}" for name in holder.values]
        fields.append("config")
        for rule in self.rules.on_plugin(subject.name).that_may_speak(dict.fromkeys(fields)):
            self._ask(rule, subject)

    def _users_elsewhere(self) -> None:
        """`_plugin_configs` of this file that plugins of other files refer to."""
        for name, plugins in self.around.config_users.items():
            config = self.configs.get(name) if self.configs is not None else None
            for plugin in sorted(plugins) if isinstance(config, Mapping) else ():
                assert isinstance(config, Mapping)  # as the line above says
                start = config.start
                called = Scalar(plugin, start, start, None, plain=True)
                key = Scalar("name", start, start, None, plain=True)
                node = Mapping(start, flow=True, end=start, pairs=[(key, called, start)])
                self._plugin_with(Entity("plugins", node, None, 0), config)

    def _ask(self, rule: DeclarativeRule, subject: Subject) -> None:
        converts = rule.change is not None and self.rules.settings.wants(rule.change)
        if rule.once and not converts and self.counts[rule.id]:
            return
        parent = subject.entity.parent
        overrides = parent is not None and parent.kind == "consumer_groups"
        if (overrides or subject.entity.node.end == subject.entity.node.start) and rule.test in (
            Test.MISSING,
            Test.UNSET,
        ):
            return  # here is only a part of the plugin: what is missing is written elsewhere
        for hit in ask(rule, subject, self.pen, self.rules.settings, self.workspace):
            self.counts[rule.id] += 1
            if not self.has_anchors and subject.shared is None:
                hit.touched = ()  # nobody shares them; the memory of the whole entity is freed
            if rule.id == _ANONYMOUS:
                self.anonymous.append((hit.words["value"], hit))
            else:
                self.plan.hit(hit)

    def _strangers(self) -> list[Hit]:
        """`anonymous` consumers that the file does not have, if it has consumers at all."""
        if not self.register.has_any("consumers"):
            return []
        return [hit for value, hit in self.anonymous if not self.register.knows("consumers", value)]

    def _defaults(self, info: Mapping) -> None:
        """decK's `_info.defaults.route`, which stands for every route."""
        defaults = info.get("defaults")
        route = defaults.get("route") if isinstance(defaults, Mapping) else None
        if isinstance(route, Mapping):
            self._entity(Entity("routes", route, None, 0, label="the defaults of routes"))

    def _wrong_type(self, field: str, node: Node, wanted: str) -> None:
        words = {"field": field, "found": kind_of(node), "wanted": wanted}
        rule = row("declarative-wrong-type")
        self.plan.hit(Hit(rule, f"field {field}", node.start, words))

    def _version(self, root: Mapping) -> bool | None:
        """Bring the format to 3.0. Whether its paths are those of 3.4; None if nobody knows."""
        rule, version = row(_FORMAT), self.version
        assert rule.change is not None  # as the catalog has it
        new = rule.change.value
        if version is None or is_null(version):
            if self.around.version is not None:
                return self.around.version == new
            self._add_version(root, new)
            return False
        if not isinstance(version, Scalar) or not is_text(version):
            words = {"found": kind_of(version)}
            self.plan.hit(Hit(row("declarative-format-type"), _VERSION, version.start, words))
            return None
        words = {"value": version.value, "new": new}
        if version.value == new:
            return True
        if version.value not in rule.values:
            hit = Hit(row("declarative-format-unknown"), _VERSION, version.start, words)
            self.plan.hit(hit)
            return None
        edit = self.pen.rewrite(version, new, in_flow=root.flow)
        self.plan.hit(Hit(rule, _VERSION, version.start, words, edits=(edit,), applied=True))
        return False

    def _add_version(self, root: Mapping, new: str) -> None:
        known = [key for key, *_ in root.pairs if isinstance(key, Scalar)]
        if not any(key.value in self.walker.kinds or key.value[:1] == "_" for key in known):
            return
        hit = Hit(row("declarative-format-missing"), _VERSION, root.start, {"new": new})
        places = root.own(_VERSION)
        if places:
            edit = self.pen.set_value(root, places[-1], new, self.pen.value(new))
            hit.edits = () if edit is None else (edit,)
        else:
            hit.adds = ((root, _VERSION, new),)
        hit.applied = bool(hit.edits or hit.adds)
        self.plan.hit(hit)

    def _warn_of_sync(self) -> None:
        """A file with regexes as 2.8 has them, which decK may write back into a new database."""
        rule = row(_SYNC)
        changed = (
            moved
            for moved in self.plan.moved.values()
            if moved.new.startswith("~") and not moved.old.startswith("~")
        )
        first = list(islice(changed, _SHOWN))
        if first and self.rules.settings.concern(rule):
            most = Severity.INFO if self.rules.settings.mode is None else None
            shown = ", ".join(f"{one.old} ({one.subject})" for one in first)
            words = {"paths": shown, "count": str(len(first) + sum(1 for _ in changed))}
            self.plan.hit(Hit(rule, "file", first[0].at, words, most))

    def _rename_vaults(self, root: Mapping) -> None:
        """`vaults_beta` is called `vaults`; where both are written, only people can join them."""
        rule = row(_VAULTS)
        assert rule.change is not None  # as the catalog has it
        for n in root.own(rule.field):
            key = root.pairs[n][0]
            assert isinstance(key, Scalar)  # `own` finds no others
            hit = Hit(rule, f"field {rule.field}", key.start, {"field": rule.field})
            if root.get(rule.change.to) is None:
                hit.edits = (self.pen.rename(key, rule.change.to),)
                hit.applied, hit.most = True, Severity.WARNING
            self.plan.hit(hit)
