"""Edits on the pairs of a mapping that leave everything around them as it is."""

import re
from collections.abc import Iterable, Iterator

import attrs

from kong_lts.declarative.intent import Intent, Op
from kong_lts.declarative.nodes import Mapping, Node, Pair, Scalar, Sequence
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

    def value(self, value: object) -> str:
        """A value of the catalog as this file would write it."""
        return written(value, as_json=self.as_json)

    def content(self, node: Node) -> int:
        """Where a part itself begins, behind its anchor and tag."""
        found = _PROPERTIES.match(self.source.text, node.start, node.end)
        return found.end() if found else node.start

    def rewrite(self, scalar: Scalar, text: str, *, in_flow: bool) -> Intent:
        """Give a scalar another text; if only `~` is put before it, only that is written."""
        start, end = self.content(scalar), scalar.end
        if text == f"~{scalar.value}" and scalar.style in (None, "'", '"'):
            start = end = start + (scalar.style is not None)
            replacement = "~"
        else:
            replacement = written_like(text, scalar.style, in_flow=in_flow, as_json=self.as_json)
            if end > start and self.source.text[end - 1] in "\r\n":
                replacement += self.source.newline
        return Intent(
            start=start, end=end, replacement=replacement, op=Op.TEXT, at=scalar.start, value=text
        )

    def set_value(self, mapping: Mapping, n: int, value: object, text: str) -> Intent | None:
        """Write *text*, which means *value*, in place of the scalar of a pair.

        Returns:
            None where an alias stands there: what it leads to may be used by others.
        """
        key, old, end = mapping.pairs[n]
        if not isinstance(old, Scalar) or not key.end <= old.start or old.end > end:
            return None
        start, stop = self.content(old), old.end
        if stop == start:
            start = stop = self.source.text.index(":", key.end) + 1
            text = f" {text}"
        return Intent(
            start=start, end=stop, replacement=text, op=Op.VALUE, at=old.start, value=value
        )

    def rename(self, key: Scalar, name: str) -> Intent:
        """Give a key another name, in the quotes that it has."""
        start, end, quoted = self.content(key), key.end, key.style is not None
        text = name
        if self.source.text[start + quoted : end - quoted] == key.value:
            start, end = start + quoted, end - quoted
        else:
            style = '"' if quoted else None
            text = written_like(name, style, in_flow=False, as_json=self.as_json)
        return Intent(start=start, end=end, replacement=text, op=Op.TEXT, at=key.start, value=name)

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

    def add(self, mapping: Mapping, name: str, value: object) -> Intent:
        """Write a pair before all others."""
        pair = f"{written(name, as_json=self.as_json)}: {written(value, as_json=self.as_json)}"
        at = mapping.pairs[0][0].start if mapping.pairs else mapping.end - 1
        if mapping.flow:
            text = f"{pair}, " if mapping.pairs else pair
        elif self._alone(at):
            start = self._line_start(at)
            text = f"{self.source.text[start:at]}{pair}{self.source.newline}"
            at = start
        else:
            indent = " " * (self.source.place(at)[1] - 1)
            text = f"{pair}{self.source.newline}{indent}"
        return Intent(
            start=at, end=at, replacement=text, op=Op.ADD, at=mapping.start, key=name, value=value
        )

    def list_to_scalar(
        self, mapping: Mapping, n: int, value: str, text: str
    ) -> Iterable[Edit] | None:
        """Write a text where a list stands; comments on lines of their own stay.

        Returns:
            None where an alias stands there, or an anchor that others may use.
        """
        key, old, end = mapping.pairs[n]
        here = isinstance(old, Sequence) and key.end <= old.start and old.end <= end
        if not isinstance(old, Sequence) or not here or old.label is not None:
            return None
        start = stop = self.source.text.index(":", key.end) + 1
        lines: dict[int, int] = {}
        if old.flow:
            start, stop = self.content(old), old.end
        else:
            text = f" {text}"
            for item in old.items:
                dash = self.source.text.rindex("-", 0, item.start)
                if not old.start <= item.start < end or not self._alone(dash):
                    stop, lines = end, {}
                    break
                lines[self._line_start(dash)] = self._line_end(item.end)
        made = Intent(
            start=start, end=stop, replacement=text, op=Op.VALUE, at=old.start, value=value
        )
        return [made, *(Edit(start=s, end=e, replacement="") for s, e in lines.items())]

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
