"""Entities that 2.8 let pass twice and 3.4 refuses."""

import functools
from collections.abc import Iterator

import attrs

from kong_lts.declarative.entities import Entity
from kong_lts.declarative.nodes import Dull, Scalar, is_empty
from kong_lts.declarative.plan import Hit
from kong_lts.declarative.rules import row

__all__ = ["Register", "Unique"]

_RULE = "declarative-uniqueness-enforced"
_TARGETS = "targets-duplicates-deleted"
_SAME_TARGET = "targets-given-twice"

_ID = "id"


@attrs.frozen
class Unique:
    """What no two entities of a kind may share: one field, or several that make up their id."""

    kind: str
    fields: tuple[str, ...]
    optional: frozenset[str]
    told: str
    """The field that a person knows it by: the others say where the entity belongs to."""

    @classmethod
    def parse(cls, text: str) -> "Unique":
        """Read it as the catalog writes it: `kind.field`, or `kind.field+field?`."""
        kind, _, fields = text.partition(".")
        names = fields.split("+")
        optional = frozenset(name.rstrip("?") for name in names if name.endswith("?"))
        told = next(name for name in reversed(names) if not name.endswith("?"))
        return cls(kind, tuple(name.rstrip("?") for name in names), optional, told)


@functools.cache
def _uniques() -> dict[str, tuple[Unique, ...]]:
    """All of them, by kind."""
    found: dict[str, tuple[Unique, ...]] = {}
    for rule in (_RULE, _TARGETS):
        for unique in map(Unique.parse, row(rule).values):
            found[unique.kind] = (*found.get(unique.kind, ()), unique)
    return found


@attrs.define(eq=False)
class Register:
    """Every name and id of a document, by what has to be unique."""

    seen: dict[tuple[str, str], dict[str, int]] = attrs.field(factory=dict)
    """For a kind and a field of it, where each value was given first."""

    def enter_dull(self, routes: Dull) -> Iterator[Hit]:
        """Note routes of which only their names and ids are known."""
        yield from self._enter_all("name", routes.names)
        yield from self._enter_all(_ID, routes.identities)

    def _enter_all(self, field: str, values: list[tuple[str, int]]) -> Iterator[Hit]:
        """Note a field of many routes; almost always none of them has been there before."""
        known = self.seen.setdefault(("routes", field), {})
        new = dict(values)
        if len(new) == len(values) and known.keys().isdisjoint(new):
            known.update(new)
            return
        for value, at in values:
            first = known.setdefault(value, at)
            if first != at:
                words = {"field": field, "kind": "routes", "first": str(first)}
                yield Hit(row(_RULE), f"route {value}", at, words)

    def _first(self, of: tuple[str, str], value: str, at: int) -> int | None:
        """Where a value has been given before; notes it if it has not."""
        known = self.seen.get(of)
        if known is None:
            known = self.seen[of] = {}
        if value in known:
            return known[value]
        known[value] = at
        return None

    def enter(self, entity: Entity) -> Iterator[Hit]:
        """Note an entity, and say what of it has been there before."""
        found = list(self._again(entity))
        if entity.kind == "targets":
            found += self._same_target(entity, known=bool(found))
        yield from found

    def _again(self, entity: Entity) -> Iterator[Hit]:
        """What 3.4 refuses."""
        node = entity.node
        own = node.get(_ID)
        if isinstance(own, Scalar) and not is_empty(own):
            yield from self._twice(entity, _ID, _ID, own.value, own.start)
        for unique in _uniques().get(entity.kind, ()):
            value = node.get(unique.told)
            if len(unique.fields) > 1:
                identity = _identity(entity, unique) if own is None else None
                of = "+".join(unique.fields)
                yield from self._twice(entity, unique.told, of, identity, node.start)
            elif isinstance(value, Scalar) and not is_empty(value):
                yield from self._twice(entity, unique.told, unique.told, value.value, value.start)

    def _twice(
        self, entity: Entity, field: str, of: str, value: str | None, at: int
    ) -> Iterator[Hit]:
        first = None if value is None else self._first((entity.kind, of), value, at)
        if first is not None:
            words = {"field": field, "kind": entity.kind, "first": str(first)}
            rule = _TARGETS if entity.kind == "targets" and field != _ID else _RULE
            yield Hit(row(rule), entity.subject, at, words)

    def _same_target(self, entity: Entity, *, known: bool) -> Iterator[Hit]:
        """The same target of one upstream that 3.4 does not recognise as the same."""
        target = entity.node.get("target")
        if not isinstance(target, Scalar):
            return
        at, value = entity.node.start, f"{entity.reference('upstream')} {target.value}"
        first = self._first(("targets", _SAME_TARGET), value, at)
        if first is not None and not known:
            yield Hit(row(_SAME_TARGET), entity.subject, at, {"first": str(first)})

    def knows(self, kind: str, value: str) -> bool:
        """Whether an entity of a kind has this id or one of its names."""
        fields = (*(unique.told for unique in _uniques().get(kind, ())), _ID)
        return any(value in self.seen.get((kind, field), ()) for field in fields)

    def has_any(self, kind: str) -> bool:
        return any(of == kind for of, _ in self.seen)


def _identity(entity: Entity, unique: Unique) -> str | None:
    """What 3.4 makes the id of an entity of, if the file gives none; None for a random one.

    A name and an id that lead to the same entity are two different texts to it, and so are the
    name of a service and the service that a plugin is nested in.
    """
    parts: list[str] = []
    for field in unique.fields:
        value = entity.node.get(field)
        if value is None:
            inherited = _parent_id(entity, field)
            if inherited is None or (not inherited and field not in unique.optional):
                return None
            parts.append(inherited)
        elif isinstance(value, Scalar) and not is_empty(value):
            parts.append(value.value)
    return ":".join(parts)


def _parent_id(entity: Entity, field: str) -> str | None:
    """The id of what an entity is nested in; nothing for another parent, None for a random id."""
    parent = entity.parent
    if parent is None or parent.kind != f"{field}s":
        return ""
    for name in (_ID, "name", "username"):
        value = parent.node.get(name)
        if isinstance(value, Scalar) and not is_empty(value):
            return value.value if name == _ID else f"{parent.kind}/{value.value}"
    return None
