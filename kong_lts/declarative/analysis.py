"""Puts every rule to one document and collects what is to be done."""

from collections.abc import Iterator

import attrs

from kong_lts.catalog.rows import Test
from kong_lts.declarative.duplicates import Register
from kong_lts.declarative.document import Piece, Root, Tree
from kong_lts.declarative.entities import Entity, Walker
from kong_lts.declarative.fields import Subject, find, holds
from kong_lts.declarative.nodes import Mapping, Node, Scalar, Sequence, is_null, kind_of
from kong_lts.declarative.paths import Path, Regex, convert_paths, paths_of
from kong_lts.declarative.pen import Pen
from kong_lts.declarative.plan import Hit, Plan
from kong_lts.declarative.rules import ask, entity_book, plugin_book, row
from kong_lts.declarative.settings import Settings

__all__ = ["Analysis"]

_VERSION = "_format_version"
_UNKNOWN = "declarative-unknown-field"


@attrs.define(eq=False)
class Analysis:
    """One document of a file while it is read."""

    pen: Pen
    settings: Settings
    plan: Plan
    regexes: list[Regex]
    register: Register = attrs.field(factory=Register)
    walker: Walker = attrs.field(init=False)
    paths: list[Path] = attrs.field(factory=list)
    waiting: list[Entity] = attrs.field(factory=list)
    """Plugins whose config may stand further down, in `_plugin_configs`."""
    once: set[str] = attrs.field(factory=set)
    counts: Counter[str] = attrs.field(factory=Counter)
    workspace: str | None = None
    configs: Mapping | None = None
    version: Scalar | None = None

    def __attrs_post_init__(self) -> None:
        self.walker = Walker(frozenset(row(_UNKNOWN).values))

    def take(self, piece: Piece) -> None:
        """Look at a value at the top of the document, or at an item of a list there."""
        name, node = piece.key.value, piece.node
        if name in self.walker.kinds:
            self._entities(name, piece)
        elif name == _VERSION and isinstance(node, Scalar):
            self.version = node
        elif name == "_workspace" and isinstance(node, Scalar):
            self.workspace = node.value
        elif name == "_plugin_configs" and isinstance(node, Mapping):
            self.configs = node
        elif name == "_info" and isinstance(node, Mapping):
            self._defaults(node)
        elif not name.startswith("_") and name != "<<" and piece.number in (None, 1):
            may_be_custom = re.fullmatch("[a-z][a-z0-9_]*", name)
            most = Severity.WARNING if may_be_custom else None
            self.plan.hit(Hit(row(_UNKNOWN), f"field {name}", piece.key.start, {"field": name}, most))

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
            self._plugin(entity)
        migrated = self._version(root.node)
        if migrated is not None:
            for found in convert_paths(
                self.paths, migrated=migrated, pen=self.pen, settings=self.settings
            ):
                self._note(found)
        self._rename_vaults(root.node)
        self.plan.hits = [hit for hit in self.plan.hits if self._matters(hit)]
        self._beside()
        settle(self.plan, root.tree, self.users, self.pen.source)
        if migrated is None:
            for hit in self.plan.hits:
                self.plan.withdraw(hit)

    def _note(self, found: Hit | Regex | Path) -> None:
        if isinstance(found, Hit):
            self.plan.hit(found)
        elif isinstance(found, Regex):
            self.regexes.append(found)
        else:
            self.paths.append(found)

    def _entities(self, kind: str, piece: Piece) -> None:
        if piece.number is None:
            if not is_null(piece.node) and not isinstance(piece.node, Sequence):
                self._wrong_type(kind, piece.node, "list")
            return
        if not isinstance(piece.node, Mapping):
            self._wrong_type(kind, piece.node, "mapping")
            return
        for entity in self.walker.entities(kind, piece.node, piece.number):
            for hit in self.register.enter(entity):
                self._note(hit)
            if entity.kind == "plugins":
                self._plugin(entity)
            else:
                self._entity(entity)

    def _entity(self, entity: Entity) -> None:
        book = entity_book().get(entity.kind)
        if book is not None:
            subject = Subject(entity)
            keys = _keys(entity.node)
            for rule in book.that_may_speak(keys):
                self._ask(rule, subject)
        if entity.kind == "routes":
            for found in paths_of(entity):
                self._note(found)

    def _plugin(self, entity: Entity) -> None:
        shared, reference = None, entity.node.get("_config")
        if isinstance(reference, Scalar) and not is_null(reference):
            value = self.configs.get(reference.value) if self.configs is not None else None
            if value is None and entity not in self.waiting:
                self.waiting.append(entity)
                return
            shared = value if isinstance(value, Mapping) else None
        subject = Subject(entity, shared)
        config = entity.node.get("config")
        if config is not None and not isinstance(config, Mapping) and not is_null(config):
            self._wrong_type("config", config, "mapping")
        self._remember(subject, config)
        keys = _keys(entity.node)
        for name in (subject.name, "*"):
            book = plugin_book().get(name)
            if book is not None:
                for rule in book.that_may_speak([*keys, "config"] if shared else keys):
                    self._ask(rule, subject)

    def _remember(self, subject: Subject, config: Node | None) -> None:
        """Who uses a config that may have other users, and on which requests the plugin runs."""
        entity, name = subject.entity, subject.name
        for mapping in mappings_in(config, subject.shared) if self.shares else ():
            self.users.setdefault(id(mapping), set()).add(name)
        if name in self.neighbours and not subject.disabled:
            scope = (entity.reference("service"), entity.reference("route"))
            self.active.setdefault(name, []).append((scope, entity.node.start, entity.subject))
