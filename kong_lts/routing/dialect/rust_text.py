"""A pattern while it is read the way regex-syntax does."""

import attrs

from kong_lts.routing.dialect.reading import Reading
from kong_lts.routing.dialect.tree import Chars

__all__ = ["Flags", "RefusedError", "Text"]


class RefusedError(Exception):
    """Rust's regex does not take the pattern; not meant to leave this package."""

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
    u: bool = True
    R: bool = False


@attrs.define
class Text(Reading):
    """The pattern and how far it has been read."""

    blanks = "\t\n\v\f\r \x85\u200e\u200f\u2028\u2029"

    names: set[str] = attrs.field(factory=set)

    @property
    def after_next(self) -> str:
        return self.pattern[self.at + 1 : self.at + 2]

    def skip_blanks(self) -> None:
        self.take_while(self.blanks)

    def refusal(self, reason: str, at: int | None = None) -> RefusedError:
        """What stands at *at*, or here, cannot be."""
        return RefusedError(reason, self.at if at is None else at)

    def checked(self, chars: Chars, flags: Flags) -> Chars:
        """The set, unless it could match half a character, as without `u`."""
        if not flags.u and (chars.others or chars.beyond):
            raise self.refusal("pattern can match invalid UTF-8")
        return chars
