"""What a conversion is going to do: the edits, and what each rule has to say."""

from collections.abc import Iterable
from typing import NamedTuple

import attrs

from kong_lts.catalog.rows import DeclarativeRule
from kong_lts.declarative.intent import Intents
from kong_lts.declarative.nodes import Mapping
from kong_lts.declarative.pen import Pen
from kong_lts.edits import Edit
from kong_lts.findings import Severity

__all__ = ["Hit", "Moved", "Plan", "Span"]

Span = tuple[int, int]


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
    applied: bool = False
    touched: tuple[Mapping, ...] = ()
    """The mappings whose pairs the edits change."""


@attrs.define(eq=False)
class Plan:
    """Edits by place and hits in the order in which they were found."""

    hits: list[Hit] = attrs.field(factory=list)
    replacements: dict[Span, str] = attrs.field(factory=dict)
    insertions: dict[int, dict[str, None]] = attrs.field(factory=dict)
    deletions: dict[int, tuple[Mapping, set[int]]] = attrs.field(factory=dict)
    """Pairs to take out, by the identity of their mapping."""
    moved: dict[int, Moved] = attrs.field(factory=dict)
    """Paths that are written in another form, by where they begin."""
    said: set[tuple[str, int]] = attrs.field(factory=set)
    """Rule and place of hits that an alias may lead to again."""

    def insert(self, at: int, text: str) -> None:
        """Put *text* before a character; the same text twice, through an alias, is one."""
        self.insertions.setdefault(at, {})[text] = None

    def edit(self, edits: Iterable[Edit]) -> None:
        for edit in edits:
            if edit.start == edit.end:
                self.insert(edit.start, edit.replacement)
            else:
                self.replacements[edit.start, edit.end] = edit.replacement

    def withdraw(self, hit: Hit) -> None:
        """Do not do after all what a hit wanted."""
        if not hit.applied:
            return
        hit.applied = False
        for mapping, n in hit.deletes:
            self.deletions[id(mapping)][1].discard(n)
        for edit in hit.edits:
            if edit.start == edit.end:
                texts = self.insertions.get(edit.start, {})
                texts.pop(edit.replacement, None)
                if not texts:
                    self.insertions.pop(edit.start, None)
            else:
                self.replacements.pop((edit.start, edit.end), None)

    def hit(self, hit: Hit) -> None:
        """Note what a rule says; of one rule at one place only once."""
        if (hit.rule.id, hit.at) in self.said:
            return
        self.said.add((hit.rule.id, hit.at))
        self.hits.append(hit)
        if hit.applied:
            self.edit(hit.edits)
            for mapping, n in hit.deletes:
                self.deletions.setdefault(id(mapping), (mapping, set()))[1].add(n)

    def spans(self, pen: Pen) -> list[tuple[int, int, str]]:
        """All edits in the order of the text; to be asked for once, when all is known."""
        for mapping, numbers in self.deletions.values():
            if numbers:
                self.edit(pen.deletions(mapping, numbers))
        found = [moved[-3:] for moved in self.moved.values() if moved[-1]]
        found += [(at, at, "".join(texts)) for at, texts in self.insertions.items()]
        found += [(start, end, text) for (start, end), text in self.replacements.items()]
        found.sort()
        return found

    def intents(self) -> Intents:
        """What a second parse has to show."""
        found = Intents()
        found.texts.update((moved[1], moved[4]) for moved in self.moved.values() if moved[-1])
        for hit in self.hits:
            if hit.applied:
                found.take(hit.edits)
        for mapping, numbers in self.deletions.values():
            found.deleted.update(mapping.pairs[n][0].start for n in numbers)
        return found
