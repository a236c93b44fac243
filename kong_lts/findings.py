"""Finding, Severity, Location: what every check returns."""

from collections.abc import Iterable
from enum import StrEnum

import attrs

from kong_lts.edits import Edit
from kong_lts.errors import place

__all__ = ["Finding", "Location", "Severity", "blockers", "in_order"]


class Severity(StrEnum):
    """How much a finding matters for this deployment."""

    INFO = "info"
    """Worth knowing."""
    WARNING = "warning"
    """Behaviour changes here and somebody must act."""
    BLOCKER = "blocker"
    """3.4 refuses, does not start, or loses data or access control."""

    @property
    def rank(self) -> int:
        """0 for INFO, 1 for WARNING, 2 for BLOCKER."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@attrs.frozen(kw_only=True)
class Location:
    """Where a finding stands: in a file, or in a database."""

    path: str | None = None
    """Of the file, as it was given."""
    line: int | None = None
    """The first line is 1."""
    column: int | None = None
    """The first column is 1."""
    table: str | None = None
    """Of the database."""
    row: str | None = None
    """Id of the row."""
    pointer: str | None = None
    """JSON pointer of the entity, in a file or an answer that is JSON."""

    def __str__(self) -> str:
        if self.table:
            within = f" ({place(self.path, self.line)})" if self.path else ""
            return f"table {self.table}" + (f", row {self.row}" if self.row else "") + within
        if self.pointer and self.line is None:
            return f"{self.path or ''}#{self.pointer}"
        return place(self.path, self.line, self.column)


@attrs.frozen(kw_only=True)
class Finding:
    """What one rule says about this deployment."""

    rule: str
    """Stable id in kebab-case."""
    severity: Severity
    """For this deployment."""
    subject: str
    """What it is about: a kong.conf key, a route, a node."""
    message: str
    """What is so, in one or two sentences."""
    action: str
    """What to do."""
    source: str
    """The guide's section, a release note, or the measured fact."""
    location: Location | None = None
    """None where it has no place."""
    edit: Edit | None = None
    """A safe change of the text, where one exists."""
    evidence: str | None = None
    """Which input showed it."""
    category: int | None = None
    """The guide's category of the change, 1 to 5, where it has one."""
    traffic: int | None = None
    """Requests of the access log that it concerns; None where nobody can tell."""
    accepted: str | None = None
    """Why somebody accepted it, in a comment of the file or by a baseline."""

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location and str(self.location) else ""
        return f"{self.severity.upper()} {self.rule}: {where}{self.subject}: {self.message}"


def blockers(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that stand in the way."""
    return tuple(f for f in findings if f.severity is Severity.BLOCKER)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Worst first, what most requests meet before the rest, then by rule and place.

    Two assessments of the same facts read alike.
    """
    return tuple(sorted(findings, key=_weight))


def _weight(finding: Finding) -> tuple[object, ...]:
    requests = finding.traffic or 0
    return -finding.severity.rank, -requests, finding.rule, *_place(finding), finding.subject


def _place(finding: Finding) -> tuple[str, int, int, str, str]:
    """Where it stands, so that line 9 comes before line 10."""
    where = finding.location or Location()
    return where.path or "", where.line or 0, where.column or 0, where.table or "", where.row or ""
