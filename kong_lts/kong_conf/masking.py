"""Patches of a kong.conf without its passwords, tokens and keys."""

import difflib
import re
from collections.abc import Iterator, Sequence

import attrs

from kong_lts import catalog
from kong_lts.kong_conf.document import KongConf, parse
from kong_lts.kong_conf.loading import is_secret
from kong_lts.kong_conf.statements import key_of
from kong_lts.versions import Release

__all__ = ["MASK", "masked_patch"]

MASK = "******"

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_WORD = re.compile(r"[0-9A-Za-z_.-]+")
_GIVES = re.compile(r"[ \t]*=[ \t]*(?=[^\s=])")
_NO_LINE_END = "\n\\ No newline at end of file\n"
_CONTEXT = " "


@attrs.frozen
class _Row:
    """One line of a hunk."""

    sign: str
    line: str
    before: int
    """So many lines of the old text stand above it."""
    after: int


def masked_patch(before: KongConf, after: str) -> str:
    """What a rewrite changed, as a unified diff for the program `patch`.

    An unchanged line with a secret is no context, and so in no hunk. A changed one is there, with
    its value masked; then the patch is to be read only.
    """
    hidden = {*_further_lines(before), *_further_lines(parse(after))}
    old, new = _LINE.findall(before.text), _LINE.findall(after)
    hunks = [
        _hunk(hunk, hidden)
        for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes()
        for hunk in _around_secrets([*_rows(group, old, new)], hidden)
    ]
    if not hunks:
        return ""
    name = (before.path or "kong.conf").lstrip("/")
    return "".join([f"--- a/{name}\n+++ b/{name}\n", *hunks])


def _rows(
    group: Sequence[tuple[str, int, int, int, int]], old: Sequence[str], new: Sequence[str]
) -> Iterator[_Row]:
    for tag, start, end, new_start, new_end in group:
        if tag == "equal":
            shift = new_start - start
            yield from (_Row(_CONTEXT, old[at], at, at + shift) for at in range(start, end))
        else:
            yield from (_Row("-", old[at], at, new_start) for at in range(start, end))
            yield from (_Row("+", new[at], end, at) for at in range(new_start, new_end))


def _around_secrets(rows: Sequence[_Row], hidden: set[str]) -> Iterator[Sequence[_Row]]:
    """The rows as one hunk, or as several that leave out unchanged lines with a secret."""
    hunk: list[_Row] = []
    for row in rows:
        if row.sign == _CONTEXT and _masked(row.line, hidden) != row.line:
            yield from _changing(hunk)
            hunk = []
        else:
            hunk.append(row)
    yield from _changing(hunk)


def _changing(hunk: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    if any(row.sign != _CONTEXT for row in hunk):
        yield hunk


def _hunk(rows: Sequence[_Row], hidden: set[str]) -> str:
    old_count = sum(row.sign != "+" for row in rows)
    new_count = sum(row.sign != "-" for row in rows)
    old_start = rows[0].before + (old_count > 0)
    new_start = rows[0].after + (new_count > 0)
    lines = [f"@@ -{old_start},{old_count} +{new_start},{new_count} @@\n"]
    for row in rows:
        line = row.sign + _masked(row.line, hidden)
        lines.append(line if line.endswith("\n") else line + _NO_LINE_END)
    return "".join(lines)


def _further_lines(conf: KongConf) -> Iterator[str]:
    """Lines that go on with a secret from the line before."""
    lines = conf.text.split("\n")
    for setting in conf.settings:
        if setting.last_line > setting.line and _hides(setting.key):
            yield from (line.strip() for line in lines[setting.line : setting.last_line])


def _masked(line: str, hidden: set[str]) -> str:
    content = line.rstrip("\r\n")
    end = line[len(content) :]
    if content.strip() and content.strip() in hidden:
        return MASK + end
    if "=" not in content:
        return line
    for word in _WORD.finditer(content):
        gives = _GIVES.match(content, word.end())
        if gives and _hides(key_of(word[0])):
            return content[: gives.end()] + MASK + end
    return line


def _hides(key: str) -> bool:
    return any(is_secret(key.lower(), catalog.conf_keys(release)) for release in Release)
