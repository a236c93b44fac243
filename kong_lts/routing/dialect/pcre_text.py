"""A pattern while it is read the way PCRE 8 does, and what in it gives Rust trouble."""

import attrs

from kong_lts.digits import whole
from kong_lts.edits import Edit
from kong_lts.routing.dialect.reading import Reading

__all__ = ["SPACE", "BadPatternError", "Flags", "Text", "Trouble"]

SPACE = " \t\n\v\f\r"
"""What `(?x)` skips."""


class BadPatternError(Exception):
    """PCRE does not take the pattern, so 2.8 does not either; not meant to leave this package."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


@attrs.frozen
class Flags:
    """What is switched on in the group that is being read, by the letters of `(?ims)`."""

    i: bool = False
    m: bool = False
    s: bool = False
    x: bool = False
    U: bool = False
    J: bool = False
    X: bool = False


@attrs.frozen
class Trouble:
    """A construct that Rust refuses or reads in another way."""

    rule: str
    at: int
    text: str
    edits: tuple[Edit, ...] | None
    """What says the same to Rust, as far as this construct goes; None where nothing does."""


@attrs.define
class Text(Reading):
    """The pattern, how far it has been read, and what was noted on the way."""

    blanks = SPACE

    captures: int = 0
    all_names: frozenset[str] = frozenset()
    """Of all groups, those further on included, since a reference may come first."""
    names: set[str] = attrs.field(factory=set)
    troubles: list[Trouble] = attrs.field(factory=list)
    unicode_at: int | None = None
    """The first place where bytes and characters, or ASCII and Unicode, make a difference."""
    shorthands: list[Edit] = attrs.field(factory=list)
    """`\\d` as `[0-9]` and so on: what keeps Unicode out."""
    unicode_always: bool = False
    """Whether something remains that no such edit settles, as `.{3}`."""

    def take_until(self, end: str, reason: str) -> str:
        """What stands before the next *end*, which is taken too."""
        start, found = self.at, self.pattern.find(end, self.at)
        if found < 0:
            raise BadPatternError(reason, len(self.pattern))
        self.at = found + len(end)
        return self.pattern[start:found]

    def check_reference(self, name: str) -> None:
        """Refuse a number or a name that no group has."""
        number = name.lstrip("+-")
        known = (
            whole(number) <= self.captures
            if number.isascii() and number.isdigit()
            else name in self.all_names
        )
        if not known:
            raise BadPatternError("reference to non-existent subpattern", self.at)

    def trouble(self, rule: str, start: int, replacement: str | None) -> None:
        """Note that what was read since *start* is *replacement* to Rust, or nothing."""
        edits = None
        if replacement is not None:
            edits = (Edit(start=start, end=self.at, replacement=replacement),)
        self.troubles.append(Trouble(rule, start, self.pattern[start : self.at], edits))

    def unicode(self, start: int, replacement: str | None = None) -> None:
        """Note that Rust takes characters beyond ASCII here, and how to keep them out."""
        if self.unicode_at is None:
            self.unicode_at = start
        if replacement is None:
            self.unicode_always = True
        else:
            self.shorthands.append(Edit(start=start, end=self.at, replacement=replacement))
