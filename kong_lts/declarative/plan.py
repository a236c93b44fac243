"""What a conversion is going to do: the edits, and what each rule has to say."""

from typing import NamedTuple

import attrs

from kong_lts.catalog.rows import DeclarativeRule
from kong_lts.declarative.intent import Intents
from kong_lts.declarative.nodes import Mapping
from kong_lts.declarative.pen import Addition, Pen
from kong_lts.edits import Edit, Span
from kong_lts.findings import Severity

__all__ = ["Hit", "Moved", "Plan"]


class Moved(NamedTuple):
    """A path that is written in another form, or a regex that stays as it is.

    There may be a million: tuples of texts and numbers cost the garbage collector nothing.
    """

    subject: str
    at: int
    old: str
    new: str
    """What the migration makes of it."""
    final: str
    """The same, or its exact rewrite where behaviour is to be kept."""
    start: int
    end: int
    replacement: str


@attrs.define(eq=False)
class Hit:
    """One rule met one place; a finding is made of it when somebody asks."""

    rule: DeclarativeRule
    subject: str
    at: int
    words: dict[str, str]
    most: Severity | None = None
    """Less than the severity of the rule, where the place makes it so."""
    edits: tuple[Edit, ...] = ()
    """What was done about it, or could be."""
    deletes: tuple[tuple[Mapping, int], ...] = ()
    """Pairs that are taken out."""
    adds: tuple[Addition, ...] = ()
    """Pairs that are written."""
    applied: bool = False
    touched: tuple[Mapping, ...] = ()
    """The mappings whose pairs the edits change."""


@attrs.define(eq=False)
class _Pairs:
    """What is done to the pairs of one mapping."""

    mapping: Mapping
    gone: set[int] = attrs.field(factory=set)
    new: dict[str, object] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Plan:
    """What all rules want to be done in a document, and what they have to say."""

    hits: list[Hit] = attrs.field(factory=list)
    """In the order in which they were found."""
    moved: dict[int, Moved] = attrs.field(factory=dict)
    """Paths that are written in another form, by where they begin."""
    said: set[tuple[str, int]] = attrs.field(factory=set)
    """Rule and place of hits that an alias may lead to again."""

    def hit(self, hit: Hit) -> None:
        """Note what a rule says; of one rule at one place only once."""
        if (hit.rule.id, hit.at) not in self.said:
            self.said.add((hit.rule.id, hit.at))
            self.hits.append(hit)

    def spans(self, pen: Pen) -> list[Span]:
        """All edits in the order of the text; to be asked for when all is known."""
        found = [moved[-3:] for moved in self.moved.values() if moved.replacement]
        edits = {edit: None for hit in self.hits if hit.applied for edit in hit.edits}
        found += [(edit.start, edit.end, edit.replacement) for edit in edits]
        for pairs in self._pairs():
            made = pen.change_pairs(pairs.mapping, pairs.gone, pairs.new)
            found += [(edit.start, edit.end, edit.replacement) for edit in made]
        found.sort(key=lambda span: span[:2])
        return found

    def intents(self) -> Intents:
        """What a second parse has to show."""
        found = Intents()
        found.texts.update((m.at, m.final) for m in self.moved.values() if m.replacement)
        for hit in self.hits:
            if hit.applied:
                found.take(hit.edits)
        for pairs in self._pairs():
            found.deleted.update(pairs.mapping.pairs[n][0].start for n in pairs.gone)
            if pairs.new:
                found.added[pairs.mapping.start] = pairs.new
        return found

    def _pairs(self) -> list[_Pairs]:
        """The pairs to take out and to write, mapping by mapping."""
        found: dict[int, _Pairs] = {}
        for hit in self.hits:
            for mapping, n in hit.deletes if hit.applied else ():
                found.setdefault(id(mapping), _Pairs(mapping)).gone.add(n)
            for mapping, name, value in hit.adds if hit.applied else ():
                new = found.setdefault(id(mapping), _Pairs(mapping)).new
                old = new.get(name)
                if isinstance(old, dict) and isinstance(value, dict):
                    value = {**old, **value}
                new[name] = value
        for pairs in found.values():
            _leave_to_merged(pairs, found)
        return list(found.values())


def _leave_to_merged(pairs: _Pairs, found: dict[int, _Pairs]) -> None:
    """Do not write again what a mapping gets that `<<` brings in."""
    for layer in pairs.mapping.layers():
        below = found.get(id(layer))
        if below is not None and below is not pairs:
            for name in [n for n, value in pairs.new.items() if below.new.get(n) == value]:
                del pairs.new[name]
