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

__all__ = ["Book", "ask", "beside_rules", "entity_book", "plugin_book", "row"]

_BY_CODE = frozenset({Test.BESIDE})
"""Answered when the whole document is known."""
_WITHOUT_FIELD = frozenset({Test.EXISTS, Test.MISSING, Test.UNSET, Test.CALL})
_CONFLICT = "declarative-conflict"
_LOWER = {Severity.BLOCKER: Severity.WARNING, Severity.WARNING: Severity.INFO}


@attrs.frozen
class Book:
    """The rules on one kind of entity, or on one plugin."""

    always: tuple[DeclarativeRule, ...]
    """Those that may speak whatever fields the entity has."""
    by_field: Table[str, tuple[DeclarativeRule, ...]]
    """The others, by the first key on the way to their field."""

    def that_may_speak(self, keys: Iterable[str]) -> Iterator[DeclarativeRule]:
        """Those worth asking about an entity with these keys."""
        yield from self.always
        for key in keys:
            yield from self.by_field.get(key, ())


@functools.cache
def plugin_book() -> Table[str, Book]:
    """The rules on plugins, by the plugin's name."""
    return _books(catalog.plugins())


@functools.cache
def entity_book() -> Table[str, Book]:
    """The rules on everything else, by kind."""
    return _books(catalog.entities())


@functools.cache
def beside_rules() -> tuple[DeclarativeRule, ...]:
    """The rules on plugins that run on the same requests."""
    return tuple(rule for rule in catalog.plugins() if rule.test in _BY_CODE)


@functools.cache
def row(rule: str) -> DeclarativeRule:
    """A rule by its id."""
    return next(r for r in (*catalog.entities(), *catalog.plugins()) if r.id == rule)


def _books(rules: Iterable[DeclarativeRule]) -> Table[str, Book]:
    named: dict[str, list[DeclarativeRule]] = {}
    for rule in rules:
        for name in rule.on:
            if rule.test not in _BY_CODE:
                named.setdefault(name, []).append(rule)
    return {name: _book(own) for name, own in named.items()}


def _book(rules: list[DeclarativeRule]) -> Book:
    by_field: dict[str, list[DeclarativeRule]] = {}
    for rule in rules:
        if rule.test not in _WITHOUT_FIELD:
            by_field.setdefault(rule.field.partition(".")[0], []).append(rule)
    always = tuple(rule for rule in rules if rule.test in _WITHOUT_FIELD)
    return Book(always, {key: tuple(own) for key, own in by_field.items()})


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
    only_behaviour = rule.change is None and rule.severity is not Severity.BLOCKER
    if not settings.concern(rule) or (only_behaviour and subject.disabled):
        return
    if not all(holds(other, find(subject, other.field)) for other in rule.also):
        return
    field = find(subject, rule.field) if rule.field else Field("", (subject.entity.node,), ())
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
    hit.edits, hit.deletes = done.edits, done.deletes
    hit.touched = tuple(mapping for mapping, _ in asked.field.places) or asked.field.homes[:1]
    if asked.settings.wants(change):
        hit.applied, hit.most = True, _LOWER.get(rule.severity)
    return hit


def _conflict(asked: Asked, told: Told, done: Done, words: dict[str, str]) -> Hit:
    """Old and new field are both set and differ: nobody but the owner can tell which one holds."""
    assert done.conflict is not None  # the caller has looked
    change, source = asked.rule.change, asked.pen.source
    new = change.to.rpartition(".")[2] if change is not None and change.to else "queue"
    old_value, new_value = (shown(value, asked.field.name, source) for value in done.conflict)
    words |= {"old": asked.field.name, "new": new, "old_value": old_value, "new_value": new_value}
    return Hit(row(_CONFLICT), asked.subject.entity.subject, told.at.start, words)


def _words(asked: Asked) -> dict[str, str]:
    """What the texts of a row may use."""
    field, rule = asked.field, asked.rule
    return {
        "name": asked.subject.name,
        "field": rule.field.removeprefix("config."),
        "value": shown(field.value, field.name, asked.pen.source),
    }
