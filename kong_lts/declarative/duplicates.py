"""Entities that 2.8 let pass twice and 3.4 refuses, and plugins that run on the same requests."""

from collections.abc import Iterator

import attrs

from kong_lts.declarative.entities import Entity
from kong_lts.declarative.nodes import Dull, Scalar, is_empty
from kong_lts.declarative.plan import Hit
from kong_lts.declarative.rules import row

__all__ = ["Register", "Scope"]

_RULE = "declarative-uniqueness-enforced"
_TARGETS = "targets-duplicates-deleted"
_SCOPES = ("service", "route", "consumer", "consumer_group", "instance_name")

_ROUTE_NAME = ("routes", "name")
_ROUTE_ID = ("routes", "id")

Scope = tuple[str | None, ...]
"""What a plugin is bound to, in the order of `_SCOPES`."""


@attrs.define(eq=False)
class Register:
    """Every name and id of a document, by what has to be unique."""

    fields: dict[str, tuple[str, ...]] = attrs.field(init=False)
    seen: dict[tuple[str, str], dict[object, int]] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        named: dict[str, tuple[str, ...]] = {}
        for value in row(_RULE).values:
            kind, _, field = value.partition(".")
            named[kind] = (*named.get(kind, ()), field)
        self.fields = named

    def enter_dull(self, route: Dull) -> Hit | None:
        """The same of a route of which only its name and its id are known."""
        name, identity = route.name, route.identity
        if name is not None and self._first(_ROUTE_NAME, name, route.name_at) != route.name_at:
            return self._hit_on_dull(route, _ROUTE_NAME, name, route.name_at)
        if identity is not None:
            at = route.identity_at
            if self._first(_ROUTE_ID, identity, at) != at:
                return self._hit_on_dull(route, _ROUTE_ID, identity, at)
        return None

    def _hit_on_dull(self, route: Dull, of: tuple[str, str], value: str, at: int) -> Hit:
        words = {"field": of[1], "kind": of[0], "first": str(self.seen[of][value])}
        return Hit(row(_RULE), f"route {route.name or route.identity}", at, words)

    def _first(self, of: tuple[str, str], value: object, at: int) -> int:
        """Where a value was given first."""
        known = self.seen.get(of)
        if known is None:
            known = self.seen[of] = {}
        return known.setdefault(value, at)

    def enter(self, entity: Entity) -> Iterator[Hit]:
        """Note an entity, and say what of it has been there before."""
        if entity.kind == "plugins":
            yield from self._plugin(entity)
            return
        if entity.kind == "targets":
            yield from self._target(entity)
        for field in (*self.fields.get(entity.kind, ()), "id"):
            value = entity.node.get(field)
            if isinstance(value, Scalar) and not is_empty(value):
                yield from self._twice(entity, field, value.value, value.start, _RULE)

    def knows(self, kind: str, value: str) -> bool:
        """Whether an entity of a kind has this id or one of its names."""
        fields = (*self.fields.get(kind, ()), "id")
        return any(value in self.seen.get((kind, field), ()) for field in fields)

    def has_any(self, kind: str) -> bool:
        return any(of == kind for of, _ in self.seen)

    def _plugin(self, entity: Entity) -> Iterator[Hit]:
        node = entity.node
        name = node.get("name")
        if not isinstance(name, Scalar):
            return
        identity = node.get("id")
        own = identity.value if isinstance(identity, Scalar) and not is_empty(identity) else None
        if own is not None:
            yield from self._twice(entity, "id", own, node.start, _RULE)
            return
        scope: Scope = tuple(entity.reference(field) for field in _SCOPES)
        yield from self._twice(entity, "name", (name.value, scope), node.start, _RULE)

    def _target(self, entity: Entity) -> Iterator[Hit]:
        target = entity.node.get("target")
        if isinstance(target, Scalar):
            value = (entity.reference("upstream"), target.value)
            yield from self._twice(entity, "target", value, entity.node.start, _TARGETS)

    def _twice(
        self, entity: Entity, field: str, value: object, at: int, rule: str
    ) -> Iterator[Hit]:
        first = self._first((entity.kind, field), value, at)
        if first != at:
            words = {"field": field, "kind": entity.kind, "first": str(first)}
            yield Hit(row(rule), entity.subject, at, words)
