"""Edits on the pairs of a mapping that leave everything around them as it is."""

import json
import re
from collections.abc import Iterable, Iterator

import attrs

from kong_lts.declarative.nodes import Mapping, Pair, Scalar, Sequence
from kong_lts.declarative.source import Source
from kong_lts.declarative.writing import written, written_like
from kong_lts.edits import Edit

__all__ = ["Pen"]

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
"""An anchor and a tag, which stand before what they belong to."""


@attrs.frozen(eq=False)
class Pen:
    """Writes into one file, in its own style."""

    source: Source
    as_json: bool

    def value(self, text: str) -> str:
        """A value of the catalog as this file would write it.

        Args:
            text: The value as JSON.
        """
        return written(json.loads(text), as_json=self.as_json)

    def content(self, scalar: Scalar) -> int:
        """Where a scalar itself begins, behind its anchor and tag."""
        found = _PROPERTIES.match(self.source.text, scalar.start, scalar.end)
        return found.end() if found else scalar.start

    def rewrite(self, scalar: Scalar, text: str, *, in_flow: bool) -> Edit:
        """Give a scalar another text; where only something is put before it, only that is written."""
        start, end = self.content(scalar), scalar.end
        added = text.removesuffix(scalar.value) if scalar.value else ""
        if added == "~" and scalar.style in (None, "'", '"'):
            at = start + (scalar.style is not None)
            return Edit(start=at, end=at, replacement=added)
        replacement = written_like(text, scalar.style, in_flow=in_flow, as_json=self.as_json)
        if end > start and self.source.text[end - 1] in "\r\n":
            replacement += self.source.newline
        return Edit(start=start, end=end, replacement=replacement)

    def set_value(self, mapping: Mapping, n: int, text: str) -> Edit:
        """Write *text* in place of the scalar of a pair, which may be an empty one."""
        key, value, end = mapping.pairs[n]
        here = key.end < value.start and value.end <= end
        if isinstance(value, Scalar) and value.end > value.start and here:
            return Edit(start=self.content(value), end=value.end, replacement=text)
        colon = self.source.text.index(":", key.end)
        return Edit(start=colon + 1, end=max(end, colon + 1), replacement=f" {text}")

    def rename(self, key: Scalar, name: str) -> Edit:
        """Give a key another name, in the quotes that it has."""
        start, quoted = self.content(key), key.style is not None
        inner = self.source.text[start + quoted : key.end - quoted]
        if inner == key.value:
            return Edit(start=start + quoted, end=key.end - quoted, replacement=name)
        text = written_like(name, '"' if quoted else None, in_flow=False, as_json=self.as_json)
        return Edit(start=start, end=key.end, replacement=text)

    def deletions(self, mapping: Mapping, numbers: set[int]) -> Iterator[Edit]:
        """Take pairs out, each with its line or its comma; an empty mapping is left as `{}`."""
        pairs = mapping.pairs
        if len(numbers) == len(pairs) and not mapping.flow:
            start, end = pairs[0][0].start, pairs[-1][2]
            tail = self.source.newline if self.source.text[end - 1] in "\r\n" else ""
            yield Edit(start=start, end=end, replacement="{}" + tail)
            return
        for first, last in _runs(sorted(numbers)):
            if not mapping.flow and self._alone(pairs[first][0].start):
                for n in range(first, last + 1):
                    yield self._line_of(pairs[n])
            elif first > 0:
                yield Edit(start=pairs[first - 1][2], end=pairs[last][2], replacement="")
            else:
                end = pairs[last + 1][0].start if last + 1 < len(pairs) else pairs[last][2]
                yield Edit(start=pairs[0][0].start, end=end, replacement="")

    def remove_items(self, value: Sequence, gone: Iterable[Scalar]) -> list[Edit] | None:
        """Take items out of a list that keeps others; None where an alias is in the way."""
        edits: list[Edit] = []
        for item in gone:
            n = value.items.index(item)
            before = value.items[n - 1] if n else None
            if before is None or not value.start <= before.start < item.start < value.end:
                return None
            dash = item.start if value.flow else self.source.text.rindex("-", 0, item.start)
            if not value.flow and self._alone(dash):
                start, end = self._line_start(dash), self._line_end(item.end)
                edits.append(Edit(start=start, end=end, replacement=""))
            else:
                edits.append(Edit(start=before.end, end=item.end, replacement=""))
        return edits

    def _line_of(self, pair: Pair) -> Edit:
        start, end = self._line_start(pair[0].start), self._line_end(pair[2])
        return Edit(start=start, end=end, replacement="")

    def add(self, mapping: Mapping, name: str, value: str) -> Edit:
        """Write a pair before all others."""
        text = written(name, as_json=self.as_json)
        if not mapping.pairs:
            return Edit(start=mapping.end - 1, end=mapping.end - 1, replacement=f"{text}: {value}")
        at = mapping.pairs[0][0].start
        if mapping.flow:
            return Edit(start=at, end=at, replacement=f"{text}: {value}, ")
        if self._alone(at):
            start = self._line_start(at)
            indent = self.source.text[start:at]
            line = f"{indent}{text}: {value}{self.source.newline}"
            return Edit(start=start, end=start, replacement=line)
        indent = " " * (self.source.place(at)[1] - 1)
        line = f"{text}: {value}{self.source.newline}{indent}"
        return Edit(start=at, end=at, replacement=line)

    def list_to_scalar(self, mapping: Mapping, n: int, text: str) -> Iterable[Edit]:
        """Write a scalar where a list stands; comments on lines of their own stay."""
        key, value, end = mapping.pairs[n]
        if not isinstance(value, Sequence) or value.flow or value.label is not None:
            return [self.set_value(mapping, n, text)]
        colon = self.source.text.index(":", key.end) + 1
        edits = [Edit(start=colon, end=colon, replacement=f" {text}")]
        lines: dict[int, int] = {}
        for item in value.items:
            start = self.source.text.rindex("-", 0, item.start)
            if not value.start <= item.start < end or not self._alone(start):
                return [Edit(start=colon, end=end, replacement=f" {text}")]
            lines[self._line_start(start)] = self._line_end(item.end)
        edits += [Edit(start=s, end=e, replacement="") for s, e in lines.items()]
        return edits

    def _alone(self, at: int) -> bool:
        """Whether nothing but blanks stands before it on its line."""
        return not self.source.text[self._line_start(at) : at].strip(" \t")

    def _line_start(self, at: int) -> int:
        text = self.source.text
        return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1

    def _line_end(self, at: int) -> int:
        """Where the line ends that holds the character before *at*, its line end included."""
        text = self.source.text
        if at and text[at - 1] in "\r\n":
            return at
        end = text.find("\n", at)
        return len(text) if end < 0 else end + 1


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of every run of consecutive numbers."""
    start = 0
    for n in range(1, len(numbers) + 1):
        if n == len(numbers) or numbers[n] != numbers[n - 1] + 1:
            yield numbers[start], numbers[n - 1]
            start = n
