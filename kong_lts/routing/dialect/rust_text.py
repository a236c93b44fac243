"""A pattern while it is read the way regex-syntax does."""

import attrs

from kong_lts.routing.dialect.tree import Chars

__all__ = ["Flags", "RefusedError", "Text"]

_BLANK = "\t\n\v\f\r \x85\u200e\u200f\u2028\u2029"


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
class Text:
    """The pattern and how far it has been read."""

    pattern: str
    at: int = 0
    names: set[str] = attrs.field(factory=set)

    @property
    def ended(self) -> bool:
        return self.at >= len(self.pattern)

    @property
    def next(self) -> str:
        return self.pattern[self.at]

    @property
    def after_next(self) -> str:
        return self.pattern[self.at + 1 : self.at + 2]

    def starts(self, prefix: str) -> bool:
        return self.pattern.startswith(prefix, self.at)

    def take(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def take_if(self, prefix: str) -> bool:
        found = self.starts(prefix)
        self.at += len(prefix) * found
        return found

    def take_while(self, characters: str) -> str:
        start = self.at
        while not self.ended and self.next in characters:
            self.at += 1
        return self.pattern[start : self.at]

    def skip_blanks(self) -> None:
        self.take_while(_BLANK)

    def skip_space(self, flags: Flags) -> None:
        """Blanks and comments, which mean nothing under `(?x)`."""
        while flags.x and not self.ended:
            if self.next == "#":
                end = self.pattern.find("\n", self.at)
                self.at = len(self.pattern) if end < 0 else end + 1
            elif self.next in _BLANK:
                self.at += 1
            else:
                return

    def refusal(self, reason: str, at: int | None = None) -> RefusedError:
        """What stands at *at*, or here, cannot be."""
        return RefusedError(reason, self.at if at is None else at)

    def checked(self, chars: Chars, flags: Flags) -> Chars:
        """The set, unless it could match half a character, as without `u`."""
        if not flags.u and (chars.others or chars.beyond):
            raise self.refusal("pattern can match invalid UTF-8")
        return chars
