"""Check: some rules, the input that they need, and the function that looks."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs

from kong_lts.catalog.rows import Rule
from kong_lts.deployment import Deployment
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding
from kong_lts.routing import Difference

__all__ = ["Check", "NotChecked", "Seen"]


@attrs.frozen(kw_only=True)
class NotChecked:
    """A check that could not look, and why."""

    rule: str
    missing: str
    """The input that was not given, or what went wrong."""


Seen: TypeAlias = Finding | NotChecked | Difference
"""What a check may say."""


@attrs.frozen(kw_only=True)
class Check:
    """Looks at one subject."""

    name: str
    look: Callable[[Deployment, Evidence], Iterator[Seen]]
    rows: Callable[[], tuple[Rule, ...]]
    """The rules that it may report."""
    needs: str | None = None
    """Field of `Evidence` without which it cannot look."""
    needs_called: str = ""
    """The same in words."""

    def missing(self, evidence: Evidence) -> str | None:
        """What it would need and does not have."""
        if self.needs is None or getattr(evidence, self.needs):
            return None
        return self.needs_called

    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that it may report."""
        return tuple(row.id for row in self.rows())
