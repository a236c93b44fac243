"""Edits on a text: spans with their replacement, applied all at once, shown as a patch."""

import difflib
import io
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

import attrs
from attrs.validators import ge

from kong_lts.errors import EditError

__all__ = ["Edit", "Span", "apply_edits", "patch", "patch_of", "splice"]

Span = tuple[int, int, str]
"""Start, end and replacement: an `Edit` where there are too many for objects."""

_NO_NEWLINE = "\n\\ No newline at end of file\n"
_CONTEXT = 3
"""Lines that a patch shows before and after a change."""


@attrs.frozen(kw_only=True)
class Edit:
    """Replace the characters from *start* up to, not including, *end*."""

    start: int = attrs.field(validator=ge(0))
    """Index of the first character that goes, counted from 0."""
    end: int = attrs.field(validator=ge(0))
    """Index behind the last character that goes."""
    replacement: str
    """What stands there afterwards."""

    @end.validator
    def _not_before_start(self, _: object, end: int) -> None:
        if end < self.start:
            raise EditError(f"an edit ends at {end}, before it starts at {self.start}")


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with every edit made; the very same object when there is none.

    Raises:
        EditError: Two edits overlap, or one reaches beyond the text.
    """
    ordered = sorted(edits, key=lambda e: (e.start, e.end))
    return splice(text, [(edit.start, edit.end, edit.replacement) for edit in ordered])


def splice(text: str, spans: Iterable[Span]) -> str:
    """The text with every span replaced, given in their order; itself when there is none.

    Raises:
        EditError: Two spans overlap, or one reaches beyond the text.
    """
    pieces: list[str] = []
    at = 0
    for start, end, replacement in spans:
        if start < at:
            raise EditError(f"two edits want the text at {start}")
        if end > len(text):
            raise EditError(f"an edit ends at {end}, the text at {len(text)}")
        pieces += (text[at:start], replacement)
        at = end
    if not pieces:
        return text
    pieces.append(text[at:])
    return "".join(pieces)


def patch(before: str, after: str, path: str) -> str:
    """A unified diff between two texts of one file, empty when they are equal.

    Args:
        before: The text as it is.
        after: The text as it becomes.
        path: The file, for the head of the diff; `patch -p1` takes it from the root of the path.
    """
    path = path.lstrip("/")
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        fromfile=f"a/{path}",
        tofile=f"b/{path}",
    )
    return "".join(_marked("", lines))


def _lines(text: str) -> list[str]:
    """As `patch` counts them: `str.splitlines` would also end one at a form feed or a lone CR."""
    return io.StringIO(text, newline="\n").readlines()


def patch_of(text: str, spans: Sequence[Span], path: str) -> str:
    """The same of edits on a text; the time it takes grows with the text, and no faster.

    Args:
        text: The text before.
        spans: The edits, in their order and without overlap.
        path: The file, for the head of the diff.
    """
    path = path.lstrip("/")
    lines = _lines(text)
    shown: list[str] = []
    longer_by = 0
    for hunk in _near_each_other(_blocks(text, lines, spans)):
        shown += _hunk(lines, hunk, longer_by)
        longer_by += sum(len(block.after) - (block.last - block.first) for block in hunk)
    return "".join([f"--- a/{path}\n", f"+++ b/{path}\n", *shown]) if shown else ""


@attrs.frozen
class _Block:
    """Lines from *first* up to, not including, *last*, and what stands there afterwards."""

    first: int
    last: int
    after: list[str]


def _blocks(text: str, lines: Sequence[str], spans: Sequence[Span]) -> Iterator[_Block]:
    """The lines that the edits change, in their order."""
    starts = [0, *itertools.accumulate(map(len, lines))]
    for first, last, group in _on_the_same_lines(starts, spans):
        here = starts[first]
        moved = [(start - here, end - here, new) for start, end, new in group]
        after = _lines(splice(text[here : starts[last]], moved))
        same = _alike(lines[first:last], after)
        first, after = first + same, after[same:]
        same = _alike(lines[first:last][::-1], after[::-1])
        last, after = last - same, after[: len(after) - same]
        if last > first or after:
            yield _Block(first, last, after)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines two texts begin with that are the same."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _on_the_same_lines(
    starts: Sequence[int], spans: Sequence[Span]
) -> Iterator[tuple[int, int, list[Span]]]:
    """The edits in groups that touch lines of their own: the first, that behind the last, all."""
    group: list[Span] = []
    first = last = 0
    for span in spans:
        from_line, to_line = _touched(starts, span)
        if group and from_line >= last:
            yield first, last, group
            group = []
        if not group:
            first, last = from_line, to_line
        group.append(span)
        last = max(last, to_line)
    if group:
        yield first, last, group


def _touched(starts: Sequence[int], span: Span) -> tuple[int, int]:
    """The lines that an edit reaches into; none where it puts whole lines between two."""
    start, end, new = span
    count = len(starts) - 1
    first, last = bisect_right(starts, start) - 1, bisect_left(starts, end)
    if first == count:  # behind the last line, which may have no end
        return max(0, count - 1), count
    ends_a_line = new.endswith("\n") or (not new and start == starts[first])
    if end == starts[last] and not ends_a_line:
        last = min(last + 1, count)  # what follows moves up to it
    return first, max(first, last)


def _near_each_other(blocks: Iterable[_Block]) -> Iterator[list[_Block]]:
    """The blocks in groups that have enough lines between them for hunks of their own."""
    group: list[_Block] = []
    for block in blocks:
        if group and block.first > group[-1].last + 2 * _CONTEXT:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _hunk(lines: Sequence[str], blocks: Sequence[_Block], longer_by: int) -> Iterator[str]:
    """One hunk with the lines around it; *longer_by*: what the ones before have added."""
    first = max(0, blocks[0].first - _CONTEXT)
    last = min(len(lines), blocks[-1].last + _CONTEXT)
    more = sum(len(block.after) - (block.last - block.first) for block in blocks)
    old = _range(first, last - first)
    yield f"@@ -{old} +{_range(first + longer_by, last - first + more)} @@\n"
    at = first
    for block in blocks:
        yield from _marked(" ", lines[at : block.first])
        yield from _marked("-", lines[block.first : block.last])
        yield from _marked("+", block.after)
        at = block.last
    yield from _marked(" ", lines[at:last])


def _range(first: int, count: int) -> str:
    """Lines as the head of a hunk gives them, counted from 1; none are named by the one before."""
    start = first + 1 if count else first
    return f"{start}" if count == 1 else f"{start},{count}"


def _marked(mark: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}{_NO_NEWLINE}"
