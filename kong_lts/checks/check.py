"""Check: some rules, the input that they need, and the function that looks."""

import functools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs

from kong_lts.catalog.rows import Rule
from kong_lts.checks.apart import NotChecked
from kong_lts.checks.case import Case
from kong_lts.findings import Finding
from kong_lts.routing import Difference
from kong_lts.unshared import RateLimit, Sessions

__all__ = ["Check", "NotChecked", "Part", "Seen", "part"]


@attrs.frozen
class Part:
    """A part of a check that fails for itself alone."""

    rules: tuple[str, ...]
    """Those that nobody has looked at when it does."""
    look: "Callable[[], Iterator[Seen]]"
    """Says what it sees."""


Seen: TypeAlias = Finding | NotChecked | Difference | RateLimit | Sessions | Part
"""What a check may say, or leave to a part of it."""


def part(
    rules: str | tuple[str, ...], look: Callable[..., Iterator[Seen]], *arguments: object
) -> Part:
    """What *look* says of its arguments, on its own."""
    return Part((rules,) if isinstance(rules, str) else rules, functools.partial(look, *arguments))


@attrs.frozen(kw_only=True)
class Check:
    """Looks at one subject."""

    name: str
    """What it is about."""
    look: Callable[[Case], Iterator[Seen]]
    """Says what it sees."""
    rows: Callable[[], tuple[Rule, ...]]
    """The rules that it may report."""
    needs: tuple[str, ...] = ()
    """Fields of `Evidence` or `Case`, one of which it needs to look at anything.

    None for the deployment alone.
    """
    needs_called: str = ""
    """The same in words."""

    def missing(self, case: Case) -> str | None:
        """What it would need and does not have."""
        holders = {True: case, False: case.evidence}
        given = (getattr(holders[hasattr(Case, name)], name) for name in self.needs)
        if not self.needs or any(map(_is_there, given)):
            return None
        return self.needs_called

    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that it may report."""
        return tuple(row.id for row in self.rows())


def _is_there(value: object) -> bool:
    """A log that was read and is empty is there; an empty list of files is not."""
    return value is not None and value not in ((), {})
