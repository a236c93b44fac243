"""Edits that know what they make of the parsed file, so that a second parse can prove it."""

from collections.abc import Iterable
from enum import Enum

import attrs

from kong_lts.edits import Edit

__all__ = ["Intent", "Intents", "Op"]


class Op(Enum):
    """What becomes of a part of the file."""

    TEXT = "text"
    """The scalar that begins here has another text."""
    VALUE = "value"
    """The scalar or list that begins here is another value."""
    REMOVE = "remove"
    """The item of a list that begins here is gone."""


@attrs.frozen(kw_only=True)
class Intent(Edit):
    """An edit, and what it does to the part of the file that begins at *at*."""

    op: Op
    at: int
    value: object = attrs.field(default=None, eq=repr, hash=False)


@attrs.define(eq=False)
class Intents:
    """All that a conversion means to change, by where it begins in the text."""

    texts: dict[int, str] = attrs.field(factory=dict)
    values: dict[int, object] = attrs.field(factory=dict)
    added: dict[int, dict[str, object]] = attrs.field(factory=dict)
    """The pairs that a mapping gets, before all others."""
    deleted: set[int] = attrs.field(factory=set)
    """Where the keys of pairs begin that are taken out."""
    removed: set[int] = attrs.field(factory=set)
    """Where items of lists begin that are taken out."""

    def take(self, edits: Iterable[Edit]) -> None:
        """Note what the edits mean; some only clear the way for others and mean nothing."""
        for edit in edits:
            if not isinstance(edit, Intent):
                continue
            if edit.op is Op.TEXT:
                self.texts[edit.at] = str(edit.value)
            elif edit.op is Op.VALUE:
                self.values[edit.at] = edit.value
            elif edit.op is Op.REMOVE:
                self.removed.add(edit.at)

    def add(self, other: "Intents") -> None:
        """Take in those of another part of the file."""
        self.texts |= other.texts
        self.values |= other.values
        self.added |= other.added
        self.deleted |= other.deleted
        self.removed |= other.removed
