"""How far a pattern has been read, whichever engine's way."""

from typing import ClassVar, Protocol

import attrs

__all__ = ["Reading"]


class _Flags(Protocol):
    @property
    def x(self) -> bool: ...


@attrs.define
class Reading:
    """A pattern, and the place that is read next."""

    blanks: ClassVar[str]
    """What `(?x)` skips."""

    pattern: str
    at: int = 0

    @property
    def ended(self) -> bool:
        return self.at >= len(self.pattern)

    @property
    def next(self) -> str:
        return self.pattern[self.at]

    def starts(self, prefix: str) -> bool:
        return self.pattern.startswith(prefix, self.at)

    def take(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def take_if(self, prefix: str) -> bool:
        found = self.starts(prefix)
        self.at += len(prefix) * found
        return found

    def take_while(self, characters: str, at_most: int | None = None) -> str:
        start = self.at
        end = len(self.pattern) if at_most is None else min(len(self.pattern), start + at_most)
        while self.at < end and self.next in characters:
            self.at += 1
        return self.pattern[start : self.at]

    def skip_space(self, flags: _Flags) -> None:
        """Blanks and comments, which mean nothing under `(?x)`."""
        while flags.x and not self.ended:
            if self.next == "#":
                end = self.pattern.find("\n", self.at)
                self.at = len(self.pattern) if end < 0 else end + 1
            elif self.next in self.blanks:
                self.at += 1
            else:
                return
