"""What every report is made of, whatever its format: a verdict, counts, sections of blocks.

A report is put together once, as a `Document`; each format has one writer for the few kinds of
block there are. All text is made harmless here: one line, and nothing in it that a terminal would
act on.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import ClassVar

import attrs

from kong_lts.reports.words import clean

__all__ = [
    "Bar",
    "Bars",
    "Block",
    "Break",
    "Bullets",
    "Document",
    "Entries",
    "Entry",
    "Facts",
    "Level",
    "Mark",
    "MarkKind",
    "Part",
    "Ramp",
    "Row",
    "Section",
    "Share",
    "Table",
    "inline",
]


def _cleaned(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(clean(text) for text in texts)


def _pairs(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Label and text; a pair without a text is left out."""
    return tuple((label, clean(text)) for label, text in pairs if text)


class Level(StrEnum):
    """How good or bad something is; every format says it in words too."""

    GOOD = "good"
    PLAIN = "plain"
    WARNING = "warning"
    BAD = "bad"


@attrs.frozen(kw_only=True)
class Facts:
    """Labels with their values."""

    kind: ClassVar[str] = "facts"

    pairs: tuple[tuple[str, str], ...] = attrs.field(converter=_pairs)


@attrs.frozen(kw_only=True)
class Bullets:
    """A plain list."""

    kind: ClassVar[str] = "bullets"

    items: tuple[str, ...] = attrs.field(converter=_cleaned)


@attrs.frozen(kw_only=True)
class Row:
    """One row of a table; the first cell names it."""

    cells: tuple[str, ...] = attrs.field(converter=_cleaned)
    level: Level = Level.PLAIN


@attrs.frozen(kw_only=True)
class Break:
    """A line across a table or list: something happened between its rows."""

    text: str = attrs.field(converter=clean)
    level: Level = Level.WARNING


@attrs.frozen(kw_only=True)
class Table:
    """Rows under their columns."""

    kind: ClassVar[str] = "table"

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row | Break, ...]


@attrs.frozen(kw_only=True)
class Entry:
    """One item of a list that has more to say than fits a table."""

    title: str = attrs.field(converter=clean)
    tag: str = ""
    """A word or a number in front."""
    code: str = attrs.field(default="", converter=clean)
    """An id."""
    text: str = attrs.field(default="", converter=clean)
    facts: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_pairs)
    level: Level = Level.PLAIN


@attrs.frozen(kw_only=True)
class Entries:
    """A list of entries, and lines across it."""

    kind: ClassVar[str] = "entries"

    entries: tuple[Entry | Break, ...]
    compact: bool = False
    """Whether the facts of an entry are short enough to stand in a row."""
    filtered: bool = False
    """Whether a reader may hide those of one tag, where the format has a way."""

    @property
    def tags(self) -> tuple[tuple[str, Level, int], ...]:
        """Each tag with its level and how many entries have it, in the order they come."""
        found = [entry for entry in self.entries if isinstance(entry, Entry)]
        numbers = Counter(entry.tag for entry in found)
        levels = {entry.tag: entry.level for entry in found}
        return tuple((tag, levels[tag], number) for tag, number in numbers.items())


@attrs.frozen(kw_only=True)
class Bar:
    """How much there is of each kind under one name."""

    label: str = attrs.field(converter=clean)
    numbers: tuple[int, ...]
    """One for each kind of the chart."""


@attrs.frozen(kw_only=True)
class Bars:
    """A small chart: horizontal bars, each divided by kind."""

    kind: ClassVar[str] = "bars"

    caption: str
    heading: str
    """What the labels are."""
    kinds: tuple[tuple[str, Level], ...]
    bars: tuple[Bar, ...]

    @property
    def table(self) -> Table:
        """The same in figures."""
        rows = tuple(Row(cells=(bar.label, *map(str, bar.numbers))) for bar in self.bars)
        columns = (self.heading, *(name for name, _ in self.kinds))
        return Table(caption=self.caption, columns=columns, rows=rows)


@attrs.frozen(kw_only=True)
class Share:
    """From this moment on the new cluster has this share of the traffic."""

    after_s: float
    """Since the run began."""
    at: str = attrs.field(converter=clean)
    percent: int
    label: str = attrs.field(converter=clean)


class MarkKind(StrEnum):
    """What a mark in the chart of a ramp stands for; its value is the legend."""

    PASSED = "watched: gate open"
    SHUT = "watched: gate shut"
    INTERRUPTED = "stopped or interrupted"
    ROLLBACK = "rollback begun"


@attrs.frozen(kw_only=True)
class Mark:
    """Something that happened at a moment of a ramp."""

    after_s: float
    at: str = attrs.field(converter=clean)
    percent: int
    kind: MarkKind
    label: str = attrs.field(converter=clean)


@attrs.frozen(kw_only=True)
class Ramp:
    """A small chart: the new cluster's share of the traffic over time."""

    kind: ClassVar[str] = "ramp"

    description: str
    before_percent: int
    shares: tuple[Share, ...]
    """In order of time, at least one."""
    marks: tuple[Mark, ...] = ()

    @property
    def moments(self) -> tuple[Share | Mark, ...]:
        """Changes and marks together, in order of time."""
        return tuple(sorted((*self.shares, *self.marks), key=lambda moment: moment.after_s))

    @property
    def table(self) -> Table:
        """The same for those who do not see the chart."""
        rows = tuple(
            Row(cells=(moment.at, f"{moment.percent}%", moment.label)) for moment in self.moments
        )
        columns = ("Time (UTC)", "New cluster", "What happened")
        return Table(caption="The ramp in figures", columns=columns, rows=rows)


Block = Facts | Bullets | Table | Entries | Bars | Ramp


@attrs.frozen(kw_only=True)
class Section:
    """A heading and what stands under it."""

    title: str = attrs.field(converter=clean)
    blocks: tuple[Block, ...]
    lead: str = attrs.field(default="", converter=clean)


@attrs.frozen(kw_only=True)
class Document:
    """A whole report."""

    title: str = attrs.field(converter=clean)
    """What the report is about."""
    verdict: str = attrs.field(converter=clean)
    """One sentence."""
    level: Level
    counts: tuple[tuple[str, str], ...] = attrs.field(converter=_pairs)
    sections: tuple[Section, ...]


@attrs.frozen
class Part:
    """A piece of a text: plain, or code."""

    text: str
    code: bool = False


_CODE = re.compile(r"(?<!`)`([^`\s](?:[^`]*[^`\s])?)`(?!`)")


def inline(text: str) -> Iterator[Part]:
    """The pieces of a text in which a pair of backticks may mark code."""
    at = 0
    for found in _CODE.finditer(text):
        if found.start() > at:
            yield Part(text[at : found.start()])
        yield Part(found[1], code=True)
        at = found.end()
    if at < len(text):
        yield Part(text[at:])
