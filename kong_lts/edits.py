"""Edits on a text: spans with their replacement, applied all at once, shown as a patch."""

import difflib
import io
from collections.abc import Iterable

import attrs
from attrs.validators import ge

from kong_lts.errors import EditError

__all__ = ["Edit", "apply_edits", "patch"]


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
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < at and pieces:
            raise EditError(f"two edits want the text at {edit.start}")
        if edit.end > len(text):
            raise EditError(f"an edit ends at {edit.end}, the text at {len(text)}")
        pieces += [text[at : edit.start], edit.replacement]
        at = edit.end
    return "".join([*pieces, text[at:]]) if pieces else text


def patch(before: str, after: str, path: str) -> str:
    """A unified diff between two texts of one file, empty when they are equal."""
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        fromfile=f"a/{path}",
        tofile=f"b/{path}",
    )
    shown = []
    for line in lines:
        shown.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(shown)


def _lines(text: str) -> list[str]:
    """As `patch` counts them: `str.splitlines` would also end one at a form feed or a lone CR."""
    return io.StringIO(text, newline="\n").readlines()
