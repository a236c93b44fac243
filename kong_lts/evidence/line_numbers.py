"""Lines of files that are read as documents: where each of their keys and items stands."""

import json
import re
from collections.abc import Iterator, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined] # it is there, and no stub says so

import attrs

__all__ = ["FileLines", "lines_of_environ", "lines_of_json", "variables"]

_DEEPEST = 3
"""So many keys lead to the entities of an answer at most: `/body/data/0`."""
_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_Place = tuple[str, str | None, int]
"""A pointer to an object or a list, the key of a member, and where that begins."""


@attrs.frozen(kw_only=True)
class FileLines:
    """Where the parts of one JSON file stand, or the variables of an `environ`."""

    keys: Mapping[str, int] = attrs.field(factory=dict)
    """Lines of keys, by JSON pointer."""
    items: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict)
    """Lines of the items of each list, by the JSON pointer of the list."""

    def line(self, pointer: str) -> int | None:
        """Where a key or an item stands, or the nearest above it; None for what is not there.

        Args:
            pointer: RFC 6901, as in `/data/3`.
        """
        while pointer:
            if pointer in self.keys:
                return self.keys[pointer]
            pointer, _, last = pointer.rpartition("/")
            lines = self.items.get(pointer, ())
            if last.isdecimal() and int(last) < len(lines):
                return lines[int(last)]
        return None


def lines_of_json(text: str) -> FileLines:
    """The lines of a text that is JSON."""
    keys: dict[str, int] = {}
    items: dict[str, list[int]] = {}
    line, before = 1, 0
    for pointer, key, at in _places(text):
        line, before = line + text.count("\n", before, at), at
        if key is None:
            items.setdefault(pointer, []).append(line)
        else:
            keys[f"{pointer}/{_escaped(key)}"] = line
    return FileLines(keys=keys, items={name: tuple(lines) for name, lines in items.items()})


_VARIABLE = re.compile(r"^\s*(?:export\s+|declare\s+-x\s+)?([^#=\s][^=]*?)\s*=(.*)$")
_QUOTED = re.compile(r"(\"|')(.*)\1\s*")


def variables(text: str) -> dict[str, str]:
    """The variables of an `environ`; the last one of a name counts.

    `KEY=VALUE` lines, as `env`, `export -p` or a file for systemd have them. A value within
    quotes is what is within: a shell or systemd has taken them off.
    """
    return {name: value for _, name, value in _variables(text)}


def lines_of_environ(text: str) -> FileLines:
    """The lines of the variables."""
    return FileLines(keys={f"/{_escaped(name)}": number for number, name, _ in _variables(text)})


def _variables(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if (found := _VARIABLE.match(line)) is not None:
            quoted = _QUOTED.fullmatch(found[2])
            yield number, found[1], quoted[2] if quoted else found[2]


def _escaped(key: str) -> str:
    """A key as a JSON pointer has it."""
    return key.replace("~", "~0").replace("/", "~1")


def _places(text: str) -> Iterator[_Place]:
    """Members of the outer objects and lists, in the order of the text."""
    at = _blank(text, 0)
    if text[at : at + 1] in ("{", "["):
        yield from _members(text, at, "", _DEEPEST)


def _members(text: str, at: int, pointer: str, deeper: int) -> Iterator[_Place]:
    """The members of what begins at a place."""
    is_object = text[at] == "{"
    at = _blank(text, at + 1)
    while text[at] not in "]}":
        start, key = at, None
        if is_object:
            key, at = scanstring(text, at + 1)
            at = _blank(text, _blank(text, at) + 1)
        yield pointer, key, start
        if key is not None and deeper and text[at] in "[{":
            yield from _members(text, at, f"{pointer}/{_escaped(key)}", deeper - 1)
        at = _blank(text, _DECODER.raw_decode(text, at)[1])
        at = _blank(text, at + 1) if text[at] == "," else at


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found is not None else at
