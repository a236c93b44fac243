"""A report as Markdown, in the dialect of GitHub (tables)."""

import re
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
    Part,
    Ramp,
    Section,
    Table,
    inline,
)
from kong_lts.reports.text import ramp_lines

__all__ = ["escaped", "write"]

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
"""A pipe is never written as itself: how a table takes a backslash before one is not agreed on."""

_SPECIAL = re.compile(r"[\\`*\[\]~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<= )#(?=#*$)")
"""Signs that would mean something; an underscore within a word, as in a key, does not."""

_AT_START = re.compile(r"^(\d{1,9})(?=[.)](?: |$))|^(?=[#+=-])")
"""What would make a heading or a list of a line."""


def _plain(text: str) -> str:
    """A text that shows as it is."""
    shown = _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
    return "".join(_ENTITIES.get(sign, sign) for sign in shown)


def _part(part: Part, cell: bool) -> str:
    """Code stays code, unless a table would cut it."""
    if not part.code:
        return _plain(part.text)
    quoted = f"`{part.text}`"
    return _plain(quoted) if cell and "|" in part.text else quoted


def escaped(text: str, *, cell: bool = False) -> str:
    """One line of text that shows as it is; pairs of backticks mark code.

    Args:
        text: In which nothing else may mean anything.
        cell: Whether it stands in a table.
    """
    shown = "".join(_part(part, cell) for part in inline(text))
    return _AT_START.sub(lambda found: f"{found[1]}\\" if found[1] else "\\", shown, count=1)


def _code(text: str) -> str:
    """An id as code, where its signs allow it."""
    return f"`{text}`" if re.fullmatch(r"[\w./:@+ -]*\w", text, re.ASCII) else escaped(text)


def _facts(facts: Facts) -> Iterator[str]:
    for label, text in facts.pairs:
        yield f"- **{label}**: {escaped(text)}"


def _bullets(bullets: Bullets) -> Iterator[str]:
    yield from (f"- {escaped(item)}" for item in bullets.items)


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(table: Table) -> Iterator[str]:
    yield f"{table.caption}:"
    yield ""
    yield _cells(table.columns)
    yield _cells(["---"] * len(table.columns))
    for row in table.rows:
        if isinstance(row, Break):
            rest = [""] * (len(table.columns) - 1)
            yield _cells([f"**{escaped(row.text, cell=True)}**", *rest])
        else:
            yield _cells([escaped(text, cell=True) for text in row.cells])


def _bars(bars: Bars) -> Iterator[str]:
    yield from _table(bars.table)


def _entry(entry: Entry, compact: bool) -> Iterator[str]:
    numbered = entry.tag.rstrip(".").isdecimal()
    head = entry.tag if numbered else f"- **{entry.tag}**" if entry.tag else "-"
    indent = " " * (len(entry.tag) + 1) if numbered else "  "
    code = f" ({_code(entry.code)})" if entry.code else ""
    yield f"{head} {escaped(entry.title)}{code}"
    if entry.text:
        yield f"{indent}<br>{escaped(entry.text)}"
    if compact:
        row = "; ".join(f"{label}: {escaped(text)}" for label, text in entry.facts)
        yield f"{indent}<br>{row}"
    else:
        yield from (f"{indent}- **{label}**: {escaped(text)}" for label, text in entry.facts)


def _entries(entries: Entries) -> Iterator[str]:
    for entry in entries.entries:
        if isinstance(entry, Break):
            yield from ("", "---", "", f"**{escaped(entry.text)}**", "")
        else:
            yield from _entry(entry, entries.compact)


def _ramp(ramp: Ramp) -> Iterator[str]:
    yield from (escaped(ramp.description), "", "```text", *ramp_lines(ramp), "```")


_BLOCKS: Mapping[type[Block], Callable[[Any], Iterator[str]]] = {
    Facts: _facts,
    Bullets: _bullets,
    Table: _table,
    Entries: _entries,
    Bars: _bars,
    Ramp: _ramp,
}


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {escaped(section.title)}")
    if section.lead:
        yield from ("", escaped(section.lead))
    for block in section.blocks:
        yield ""
        yield from _BLOCKS[type(block)](block)


def write(document: Document) -> str:
    """The report as Markdown."""
    counts = (f"{label}: {escaped(text)}" for label, text in document.counts)
    lines = [
        f"# {escaped(document.verdict)}",
        "",
        escaped(document.title),
        "",
        f"**{' · '.join(counts)}**",
    ]
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines) + "\n"
