"""Apart: what is looked at one by one, so that one which crashes hides no other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import attrs

from kong_lts.errors import KongLtsError

__all__ = ["Apart", "NotChecked"]

Said = TypeVar("Said")
Item = TypeVar("Item")


@attrs.frozen(kw_only=True)
class NotChecked:
    """A check that could not look, and why."""

    rule: str
    """Its id."""
    missing: str
    """The input that was not given, or what went wrong."""


@attrs.define(eq=False)
class Apart:
    """Looks at one thing after the other, and keeps what crashed."""

    _crashed: dict[NotChecked, None] = attrs.field(factory=dict, init=False)

    @property
    def crashed(self) -> tuple[NotChecked, ...]:
        """What could not be looked at; what crashes for several who ask is there once."""
        return tuple(self._crashed)

    def note(self, name: str, reason: str) -> None:
        """Say that a file or node, or a part of one, could not be looked at."""
        self._crashed.setdefault(NotChecked(rule=name, missing=reason))

    def look(
        self, names: str | tuple[str, ...], look: Callable[..., Iterable[Said]], *arguments: object
    ) -> Iterator[Said]:
        """What *look* says of its arguments, as far as it comes.

        Args:
            names: Rules, or a file or node, that nobody has looked at when it crashes.
            look: Asked once.
            arguments: Of *look*.
        """
        try:
            yield from look(*arguments)
        except Exception as exc:
            for name in (names,) if isinstance(names, str) else names:
                self.note(name, _reason(exc))

    def together(
        self,
        look: Callable[[Sequence[Item]], Iterable[Said]],
        items: Sequence[Item],
        called: Callable[[Item], str],
    ) -> Sequence[Said]:
        """What *look* says of all items at once; where it crashes, of each half of them, and so on.

        Args:
            look: Asked again for fewer items where it crashes.
            items: As many as there are.
            called: What one is called over which it crashes alone.
        """
        whole = Apart()
        said = list(whole.look(called(items[0]), look, items)) if items else []
        if not whole.crashed:
            return said
        if len(items) == 1:
            self._crashed.update(whole._crashed)
            return said
        middle = len(items) // 2
        return [
            *self.together(look, items[:middle], called),
            *self.together(look, items[middle:], called),
        ]


def _reason(exc: Exception) -> str:
    """A library error speaks for itself; of a foreign one only the type is told: no secret."""
    return str(exc) if isinstance(exc, KongLtsError) else f"it failed with {type(exc).__name__}"
