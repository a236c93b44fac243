"""Edits on a text: spans with their replacement, applied all at once, shown as a patch."""

import difflib
import io
import itertools
import re
from bisect import bisect_right
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
    end: int = attrs.field(validator=ge(0))
    replacement: str

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
    shown = []
    for line in lines:
        shown.append(line if line.endswith("\n") else f"{line}{_NO_NEWLINE}")
    return "".join(shown)


def _lines(text: str) -> list[str]:
    """As `patch` counts them: `str.splitlines` would also end one at a form feed or a lone CR."""
    return io.StringIO(text, newline="\n").readlines()


def patch_of(text: str, spans: Sequence[Span], path: str) -> str:
    """The same of edits on a text: it looks only at the lines around them, however long the text.

    Args:
        text: The text before.
        spans: The edits, in their order and without overlap.
        path: The file, for the head of the diff.
    """
    path = path.lstrip("/")
    lines = _lines(text)
    starts = [0, *itertools.accumulate(map(len, lines))]
    shown: list[str] = []
    longer_by = 0
    for group in _near_each_other(spans, starts):
        first = max(0, bisect_right(starts, group[0][0]) - 1 - _CONTEXT)
        last = min(len(lines), bisect_right(starts, group[-1][1]) + _CONTEXT)
        here = starts[first]
        before = "".join(lines[first:last])
        after = splice(before, [(start - here, end - here, new) for start, end, new in group])
        moved = _lines(patch(before, after, path))[2:]
        shown += (_moved(line, first, first + longer_by) for line in moved)
        longer_by += len(_lines(after)) - (last - first)
    return "".join([f"--- a/{path}\n", f"+++ b/{path}\n", *shown]) if shown else ""


def _near_each_other(spans: Iterable[Span], starts: Sequence[int]) -> Iterator[list[Span]]:
    """The edits in groups that have enough lines between them for hunks of their own."""
    group: list[Span] = []
    last_line = 0
    for span in spans:
        if group and bisect_right(starts, span[0]) > last_line + 2 * _CONTEXT + 1:
            yield group
            group = []
        group.append(span)
        last_line = bisect_right(starts, span[1])
    if group:
        yield group


def _moved(line: str, before: int, after: int) -> str:
    """A line of a diff; if it heads a hunk, with so many lines more above it in either text."""
    if not line.startswith("@@"):
        return line
    shifts = iter((before, after))
    return re.sub(r"(?<=[-+])\d+", lambda found: str(int(found[0]) + next(shifts)), line)
