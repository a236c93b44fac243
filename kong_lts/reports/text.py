"""A report as plain text: no colour codes, at most 100 columns."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kong_lts.reports.document import (
    Bars,
    Block,
    Break,
    Bullets,
    Document,
    Entries,
    Entry,
    Facts,
    Ramp,
    Section,
    Table,
)

__all__ = ["COLUMNS", "ramp_lines", "wrapped", "write"]

COLUMNS = 100
"""No line is wider."""

_GAP = 2
_LEAST = 6
"""No column of a table becomes narrower than this."""
_BAR = 25
_BETWEEN = "/-._,:"
"""Behind these a rule's id, a path or an address may go on in the next line."""


def _signs_width(sign: str) -> int:
    """How many columns of a terminal one sign takes."""
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_signs_width, text))


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _pieces(word: str, width: int) -> Iterator[str]:
    """A word that is wider than the line, cut behind a sign between its parts if it has one."""
    piece, taken = "", 0
    for sign in word:
        if taken + _signs_width(sign) > width:
            end = max(map(piece.rfind, _BETWEEN)) + 1
            end = end if 2 * end > len(piece) else len(piece)
            yield piece[:end]
            piece = piece[end:]
            taken = _width(piece)
        piece += sign
        taken += _signs_width(sign)
    yield piece


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most *width* columns; one empty line for an empty text."""
    lines = [""]
    for word in text.split(" "):
        for piece in _pieces(word, width) if _width(word) > width else (word,):
            longer = f"{lines[-1]} {piece}" if lines[-1] else piece
            if _width(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(piece)
    return lines


def _hung(head: str, text: str, indent: int = 0) -> list[str]:
    """A text behind a head, its further lines under its first."""
    margin = " " * indent
    first, *rest = wrapped(text, COLUMNS - indent - _width(head))
    return [f"{margin}{head}{first}", *(margin + " " * _width(head) + line for line in rest)]


def _labelled(pairs: Sequence[tuple[str, str]], indent: int = 0) -> Iterator[str]:
    """Labels and texts, the texts under each other."""
    widest = max((_width(label) for label, _ in pairs), default=0)
    for label, text in pairs:
        yield from _hung(_padded(f"{label}:", widest + 2), text, indent)


def _facts(facts: Facts) -> Iterator[str]:
    yield from _labelled(facts.pairs)


def _bullets(bullets: Bullets) -> Iterator[str]:
    for item in bullets.items:
        yield from _hung("- ", item)


def _break(line: Break) -> Iterator[str]:
    yield from _hung("--- ", line.text)


def _widths(table: Table) -> list[int]:
    """The width of each column: as wide as its cells, unless the line would not hold them all."""
    rows = [table.columns, *(row.cells for row in table.rows if not isinstance(row, Break))]
    widths = [max(_width(row[i]) for row in rows) for i in range(len(table.columns))]
    room = COLUMNS - _GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _LEAST:
        widest = widths.index(max(widths))
        others = sorted(width for i, width in enumerate(widths) if i != widest)
        least = others[-1] if others and others[-1] < widths[widest] else widths[widest] - 1
        widths[widest] = max(widths[widest] - (sum(widths) - room), least, _LEAST)
    return widths


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    columns = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, columns))):
        parts = (
            _padded(column[number] if number < len(column) else "", width)
            for column, width in zip(columns, widths, strict=True)
        )
        yield (" " * _GAP).join(parts).rstrip()


def _table(table: Table) -> Iterator[str]:
    yield from wrapped(f"{table.caption}:", COLUMNS)
    widths = _widths(table)
    yield from _row(table.columns, widths)
    yield (" " * _GAP).join("-" * width for width in widths)
    for row in table.rows:
        yield from _break(row) if isinstance(row, Break) else _row(row.cells, widths)


def _bars(bars: Bars) -> Iterator[str]:
    yield from _table(bars.table)


def _entry(entry: Entry, compact: bool) -> Iterator[str]:
    head = f"{entry.tag} " if entry.tag else ""
    code = f" [{entry.code}]" if entry.code else ""
    yield from _hung(head, entry.title + code)
    if entry.text:
        yield from _hung("", entry.text, 4)
    if compact:
        yield from _hung("", "; ".join(f"{label}: {text}" for label, text in entry.facts), 4)
    else:
        yield from _labelled(entry.facts, 4)


def _entries(entries: Entries) -> Iterator[str]:
    for number, entry in enumerate(entries.entries):
        if number and not entries.compact:
            yield ""
        if isinstance(entry, Break):
            yield from _break(entry)
        else:
            yield from _entry(entry, entries.compact)


def ramp_lines(ramp: Ramp) -> Iterator[str]:
    """The chart of a ramp: one bar for each change of the share."""
    yield _bar("before", ramp.before_percent, "")
    for share in ramp.shares:
        yield _bar(share.at, share.percent, share.label)


def _bar(head: str, percent: int, label: str) -> str:
    full = max(percent * _BAR // 100, percent > 0)
    bar = "#" * full + "." * (_BAR - full)
    return f"{head:<19} {percent:>4}% [{bar}] {label}".rstrip()


def _ramp(ramp: Ramp) -> Iterator[str]:
    yield from wrapped(ramp.description, COLUMNS)
    for line in ramp_lines(ramp):
        yield from wrapped(line, COLUMNS) if _width(line) > COLUMNS else [line]


_BLOCKS: Mapping[type[Block], Callable[[Any], Iterator[str]]] = {
    Facts: _facts,
    Bullets: _bullets,
    Table: _table,
    Entries: _entries,
    Bars: _bars,
    Ramp: _ramp,
}


def _section(section: Section) -> Iterator[str]:
    yield ""
    yield section.title
    yield "=" * _width(section.title)
    if section.lead:
        yield from wrapped(section.lead, COLUMNS)
    for number, block in enumerate(section.blocks):
        if number or section.lead:
            yield ""
        yield from _BLOCKS[type(block)](block)


def write(document: Document) -> str:
    """The report as plain text."""
    lines = [
        *wrapped(f"{document.verdict}.", COLUMNS),
        "",
        *wrapped(document.title, COLUMNS),
        *wrapped("; ".join(f"{label}: {text}" for label, text in document.counts), COLUMNS),
    ]
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines) + "\n"
