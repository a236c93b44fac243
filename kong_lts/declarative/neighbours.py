"""Which plugins run on the same requests, for rules on their order."""

import attrs

from kong_lts.declarative.fields import Subject
from kong_lts.declarative.plan import Hit
from kong_lts.declarative.rules import Rules

__all__ = ["Neighbours"]

_Scope = tuple[str | None, str | None]
"""Service and route; None for all of them."""


@attrs.define(eq=False)
class Neighbours:
    """The plugins of a document that a rule with `beside` names, and where they are active."""

    rules: Rules
    scopes: dict[str, set[_Scope]] = attrs.field(factory=dict)
    places: dict[str, list[tuple[_Scope, int, str]]] = attrs.field(factory=dict)
    movers: frozenset[str] = attrs.field(init=False)
    names: frozenset[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        rules = self.rules.beside
        self.movers = frozenset(name for rule in rules for name in rule.on)
        self.names = self.movers.union(*(rule.values for rule in rules))

    def enter(self, subject: Subject) -> None:
        """Note where a plugin is active."""
        entity, name = subject.entity, subject.name
        if name not in self.names or subject.disabled:
            return
        scope = (entity.reference("service"), entity.reference("route"))
        self.scopes.setdefault(name, set()).add(scope)
        if name in self.movers:
            places = self.places.setdefault(name, [])
            places.append((scope, entity.node.start, entity.subject))

    def hits(self) -> list[Hit]:
        """What the rules have to say about plugins that meet."""
        found = []
        for rule in self.rules.beside:
            for name in rule.on:
                for scope, at, subject in self.places.get(name, ()):
                    others = [other for other in rule.values if self._meets(scope, other)]
                    if others:
                        words = {"name": name, "value": ", ".join(others)}
                        found.append(Hit(rule, subject, at, words))
        return found

    def _meets(self, scope: _Scope, other: str) -> bool:
        """Whether a plugin is active on some request that the scope takes in."""
        return any(
            all(None in pair or pair[0] == pair[1] for pair in zip(scope, theirs, strict=True))
            for theirs in self.scopes.get(other, ())
        )
