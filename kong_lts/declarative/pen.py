"""Edits on the pairs of a mapping that leave everything around them as it is."""

import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as PyMapping

import attrs

from kong_lts.declarative.intent import Intent, Op
from kong_lts.declarative.nodes import Mapping, Node, Pair, Scalar, Sequence
from kong_lts.declarative.source import Source
from kong_lts.declarative.writing import written, written_like
from kong_lts.edits import Edit

__all__ = ["Addition", "Pen"]

Addition = tuple[Mapping, str, object]
"""A pair that is to be written: where, its key and its value."""

_LINE_END = re.compile(r"\r\n|\r|\n")

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

    def change_pairs(
        self, mapping: Mapping, gone: set[int], new: PyMapping[str, object]
    ) -> Iterator[Edit]:
        """Take pairs out and write others before those that stay; an empty one is left as `{}`.

        Args:
            mapping: Where.
            gone: Which pairs, each with its line or its comma.
            new: What is written.
        """
        pairs, all_gone = mapping.pairs, len(gone) == len(mapping.pairs)
        if all_gone and pairs:
            start, end = pairs[0][0].start, pairs[-1][2]
            tail = self.source.newline if self.source.text[end - 1] in "\r\n" else ""
            text = written(dict(new), as_json=self.as_json)
            text = text[1:-1] if mapping.flow else text + tail
            yield Edit(start=start, end=end, replacement=text)
            return
        if new:
            yield self._addition(mapping, new)
        for first, last in _runs(sorted(gone)):
            if not mapping.flow and self._alone(pairs[first][0].start):
                for n in range(first, last + 1):
                    yield self._line_of(pairs[n])
            elif first > 0:
                yield Edit(start=pairs[first - 1][2], end=pairs[last][2], replacement="")
            else:
                end = pairs[last + 1][0].start
                yield Edit(start=pairs[0][0].start, end=end, replacement="")

    def _addition(self, mapping: Mapping, new: PyMapping[str, object]) -> Edit:
        """New pairs before all others."""
        inner = written(dict(new), as_json=self.as_json)[1:-1]
        at = mapping.pairs[0][0].start if mapping.pairs else mapping.end - 1
        if mapping.flow:
            text = f"{inner}, " if mapping.pairs else inner
            return Edit(start=at, end=at, replacement=text)
        lines = [written({name: value}, as_json=False)[1:-1] for name, value in new.items()]
        newline = self.source.newline
        if self._alone(at):
            start = self._line_start(at)
            indent = self.source.text[start:at]
            text = "".join(f"{indent}{line}{newline}" for line in lines)
            return Edit(start=start, end=start, replacement=text)
        indent = " " * (self.source.place(at)[1] - 1)
        text = "".join(f"{line}{newline}{indent}" for line in lines)
        return Edit(start=at, end=at, replacement=text)

    def remove_items(self, value: Sequence, gone: Iterable[Scalar]) -> list[Edit] | None:
        """Take items out of a list that keeps others; None where an alias is in the way."""
        edits: list[Edit] = []
        for item in gone:
            n = value.items.index(item)
            before = value.items[n - 1] if n else None
            if before is None or not value.start <= before.start < item.start < value.end:
                return None
            dash = item.start if value.flow else self.source.text.rindex("-", 0, item.start)
            start, end = before.end, item.end
            if not value.flow and self._alone(dash):
                start, end = self._line_start(dash), self._line_end(item.end)
            edits.append(Intent(start=start, end=end, replacement="", op=Op.REMOVE, at=item.start))
        return edits

    def _line_of(self, pair: Pair) -> Edit:
        start, end = self._line_start(pair[0].start), self._line_end(pair[2])
        return Edit(start=start, end=end, replacement="")

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
        start = self.source.text.rfind("\n", 0, at) + 1
        return max(start, self.source.text.rfind("\r", start, at) + 1)

    def _line_end(self, at: int) -> int:
        """Where the line ends that holds the character before *at*, its line end included."""
        text = self.source.text
        if at and text[at - 1] in "\r\n":
            return at
        found = _LINE_END.search(text, at)
        return found.end() if found else len(text)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of every run of consecutive numbers."""
    start = 0
    for n in range(1, len(numbers) + 1):
        if n == len(numbers) or numbers[n] != numbers[n - 1] + 1:
            yield numbers[start], numbers[n - 1]
            start = n
