"""The entities of a declarative file, wherever they are nested."""

from collections.abc import Iterator

import attrs

from kong_lts.declarative.nodes import Dull, Mapping, Node, Scalar, Sequence

__all__ = ["Entity", "Walker"]

_NAMES = ("name", "username", "target", "custom_id", "id")
"""What an entity is called by, the best first; a credential's key is none of them."""

_REFERENCES = frozenset({("consumer_groups", "consumers"), ("consumers", "groups")})
"""Lists of names of entities that are written elsewhere: decK's members of a group."""


@attrs.define(eq=False)
class Entity:
    """One service, route, plugin, ... as the file has it."""

    kind: str
    """The key of its list, as `routes`."""
    node: Mapping
    parent: "Entity | None"
    number: int
    label: str | None = None
    """What to call it instead, as for the defaults of decK."""

    @property
    def name(self) -> str | None:
        """By what it is called; None if it has no name at all."""
        for field in _NAMES:
            value = self.node.get(field)
            if isinstance(value, Scalar) and value.value:
                return value.value
        return None

    @property
    def subject(self) -> str:
        """What a finding about it is about."""
        if self.label is not None:
            return self.label
        one = self.kind.removesuffix("s")
        if (name := self.name) is not None:
            return f"{one} {name}"
        within = f" of {self.parent.subject}" if self.parent else ""
        return f"{one} {self.number}{within}"

    def above(self, kind: str) -> "Entity | None":
        """The nearest entity of a kind that it is nested in."""
        found = self.parent
        while found is not None and found.kind != kind:
            found = found.parent
        return found

    def reference(self, field: str) -> str | None:
        """The name or id of another entity that a field gives, or that it is nested in."""
        value = self.node.get(field)
        if isinstance(value, Mapping):
            value = value.get("name") or value.get("id") or value.get("username")
        if isinstance(value, Scalar):
            return value.value
        above = self.above(f"{field}s")
        return above.name if above is not None else None


@attrs.define(eq=False)
class Walker:
    """Finds the entities of one document; where aliases lead to a part again, not for ever."""

    kinds: frozenset[str]
    """Keys under which lists of entities stand."""
    seen: set[tuple[int, str]] = attrs.field(factory=set)
    again: int = 100_000
    """How many entities may still be visited again."""

    def entities(
        self, kind: str, node: Node, number: int, parent: Entity | None = None
    ) -> Iterator[Entity | Dull]:
        """An entity and all that are nested in it; of a dull one, what there is.

        Args:
            kind: The key of the list that it stands in.
            node: The item of that list; anything but a mapping is none.
            number: Its number in the list.
            parent: What it is nested in.
        """
        if type(node) is Dull:
            yield node
            return
        if not isinstance(node, Mapping) or not self._may_visit(node, kind):
            return
        entity = Entity(kind, node, parent, number)
        yield entity
        if kind == "plugins":
            return
        for mapping in node.layers():
            for key, value, _ in mapping.pairs:
                if (
                    type(value) is Sequence
                    and type(key) is Scalar
                    and key.value in self.kinds
                    and node.get(key.value) is value  # and not shadowed by another
                    and (kind, key.value) not in _REFERENCES
                    and self._may_visit(value, key.value)
                ):
                    n = 1
                    for item in value.items:
                        if type(item) is Dull:
                            yield item
                            n += item.count
                        else:
                            yield from self.entities(key.value, item, n, entity)
                            n += 1

    def _may_visit(self, node: Node, kind: str) -> bool:
        if node.label is None:
            return True
        if (id(node), kind) not in self.seen:  # what has an anchor lives as long as its document
            self.seen.add((id(node), kind))
            return True
        self.again -= 1
        return self.again >= 0
