"""The rows of the catalog, sorted by what they are asked about, and how one is put to an entity."""

import functools
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Table

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import ChangeKind, DeclarativeRule, Test
from kong_lts.declarative.changes import Done, apply_change
from kong_lts.declarative.conversions import CALLS, Asked, Told
from kong_lts.declarative.fields import Field, Subject, find, holds, shown
from kong_lts.declarative.pen import Pen
from kong_lts.declarative.plan import Hit
from kong_lts.declarative.settings import Settings
from kong_lts.findings import Severity

__all__ = ["Book", "Rules", "ask", "row"]

_WITHOUT_VALUE = frozenset({Test.EXISTS, Test.MISSING, Test.UNSET, Test.CALL})
"""Tests that may hold for an entity that does not have the field."""
_CONFLICT = "declarative-conflict"
_UNKNOWN = "declarative-unknown-field"
_UNIQUE = "declarative-uniqueness-enforced"
_SCOPES = frozenset({"username", "custom_id", "target", "service", "route", "consumer", "upstream"})
"""What gives an entity its name or its place."""
_READ_ANYWAY = frozenset({"name", "id", "paths"})
"""What is known even of an entity of which nothing else is read."""
_LOWER = {Severity.BLOCKER: Severity.WARNING, Severity.WARNING: Severity.INFO}


@attrs.frozen
class Book:
    """The rules on one kind of entity, or on one plugin."""

    always: tuple[DeclarativeRule, ...]
    """Those that may speak whatever fields the entity has."""
    by_field: Table[str, tuple[DeclarativeRule, ...]]
    """The others, by the path of their field, or of what holds it."""

    def that_may_speak(self, fields: Iterable[str]) -> Iterator[DeclarativeRule]:
        """Those worth asking about an entity with these fields."""
        yield from self.always
        if self.by_field:
            for field in fields:
                yield from self.by_field.get(field, ())


_NO_RULES = Book((), {})


@attrs.define(eq=False)
class Rules:
    """The catalog's rows that concern a deployment, sorted by what they are asked about."""

    settings: Settings
    _kinds: dict[str, Book] = attrs.field(factory=dict)
    _plugins: dict[str, Book] = attrs.field(factory=dict)

    def on_kind(self, kind: str) -> Book:
        """The rules on a kind of entity but plugins."""
        if kind not in self._kinds:
            own = (rule for rule in catalog.entities() if kind in rule.on)
            self._kinds[kind] = _book(rule for rule in own if self.settings.concern(rule))
        return self._kinds[kind]

    def telling_keys(self) -> dict[str, frozenset[str]]:
        """The keys that make any difference to the rules, for the kinds of which not all may."""
        found = {}
        for kind in self.kinds - {"plugins"}:
            book = self.on_kind(kind)
            fields = frozenset(field.partition(".")[0] for field in book.by_field)
            unique = frozenset(field for of, field in self.unique if of == kind)
            if not book.always and not (kind == "routes" and fields & _READ_ANYWAY):
                found[kind] = fields | unique | _SCOPES | self.kinds
        return found

    @functools.cached_property
    def unique(self) -> frozenset[tuple[str, str]]:
        """Kinds and their fields that no two entities may share."""
        named = (value.partition(".") for value in row(_UNIQUE).values)
        return frozenset(
            (kind, field.rstrip("?")) for kind, _, fields in named for field in fields.split("+")
        )

    @functools.cached_property
    def kinds(self) -> frozenset[str]:
        """The keys under which entities stand."""
        return frozenset(row(_UNKNOWN).values)

    def on_plugin(self, name: str) -> Book:
        """The rules on a plugin, those on plugins that nobody knows included."""
        if name not in self._plugins:
            own = [rule for rule in catalog.plugins() if name in rule.on]
            own += [
                rule for rule in catalog.plugins() if "*" in rule.on and name not in rule.values
            ]
            self._plugins[name] = _book(
                rule for rule in own if self.settings.concern(rule) and rule.test is not Test.BESIDE
            )
        return self._plugins[name]

    @functools.cached_property
    def beside(self) -> tuple[DeclarativeRule, ...]:
        """The rules on plugins that run on the same requests."""
        return tuple(
            rule
            for rule in catalog.plugins()
            if rule.test is Test.BESIDE and self.settings.concern(rule)
        )


@functools.cache
def row(rule: str) -> DeclarativeRule:
    """A rule by its id."""
    return next(r for r in (*catalog.entities(), *catalog.plugins()) if r.id == rule)


def _book(rules: Iterable[DeclarativeRule]) -> Book:
    always: list[DeclarativeRule] = []
    by_field: dict[str, list[DeclarativeRule]] = {}
    for rule in rules:
        needed = rule.keys or _needed(rule)
        for field in needed:
            by_field.setdefault(field, []).append(rule)
        if not needed:
            always.append(rule)
    found = {field: tuple(own) for field, own in by_field.items()}
    return Book(tuple(always), found) if always or found else _NO_RULES


def _needed(rule: DeclarativeRule) -> tuple[str, ...]:
    """The field that must be there for the rule to speak, at most two levels deep."""
    if not rule.field or (rule.test in _WITHOUT_VALUE and rule.test is not Test.CALL):
        return ()
    return (".".join(rule.field.split(".")[:2]),)


def ask(
    rule: DeclarativeRule,
    subject: Subject,
    pen: Pen,
    settings: Settings,
    workspace: str | None = None,
) -> Iterator[Hit]:
    """What a rule has to say about an entity.

    Args:
        rule: One that may speak about its kind.
        subject: The entity.
        pen: Writes into the file.
        settings: What is known of the deployment.
        workspace: decK's `_workspace`.
    """
    converts = rule.change is not None and settings.wants(rule.change)
    if subject.disabled and not converts and rule.severity is not Severity.BLOCKER:
        return
    if not all(holds(other, find(subject, other.field)) for other in rule.also):
        return
    field = (
        find(subject, rule.field)
        if rule.field
        else Field("", (subject.entity.node,), (), subject.entity.node)
    )
    asked = Asked(rule, subject, field, pen, settings, workspace)
    for told in _told(asked):
        yield _hit(asked, told)


def _told(asked: Asked) -> Iterator[Told]:
    rule = asked.rule
    if rule.test is Test.CALL:
        yield from CALLS[rule.call](asked)
    elif (at := holds(rule, asked.field)) is not None:
        yield Told(at)


def _hit(asked: Asked, told: Told) -> Hit:
    rule, change = asked.rule, asked.rule.change
    words = _words(asked) | told.words
    hit = Hit(rule, asked.subject.entity.subject, told.at.start, words, told.most)
    if change is None:
        return hit
    done = told.done
    if done is None and change.kind is not ChangeKind.CALL:
        done = apply_change(change, asked.subject, asked.field, asked.pen)
    if done is None or not done.possible:
        return hit
    if done.conflict is not None:
        return _conflict(asked, told, done, words)
    hit.edits, hit.deletes, hit.adds = done.edits, done.deletes, done.adds
    hit.touched = tuple(mapping for mapping, _ in asked.field.places) or asked.field.homes[:1]
    if asked.settings.wants(change):
        hit.applied, hit.most = True, _LOWER.get(rule.severity)
    return hit


def _conflict(asked: Asked, told: Told, done: Done, words: dict[str, str]) -> Hit:
    """Old and new field are both set and differ: nobody but the owner can tell which one holds."""
    assert done.conflict is not None  # the caller has looked
    change, source = asked.rule.change, asked.pen.source
    new = change.to.rpartition(".")[2] if change is not None and change.to else ""
    old, new = done.names or (asked.field.name, new)
    old_value, new_value = (shown(value, old, source) for value in done.conflict)
    words |= {"old": old, "new": new, "old_value": old_value, "new_value": new_value}
    return Hit(row(_CONFLICT), asked.subject.entity.subject, told.at.start, words)


def _words(asked: Asked) -> dict[str, str]:
    """What the texts of a row may use."""
    field, rule = asked.field, asked.rule
    return {
        "name": asked.subject.name,
        "field": rule.field.removeprefix("config."),
        "value": shown(field.value, field.name, asked.pen.source),
    }
