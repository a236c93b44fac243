"""Baseline: findings that were there when somebody last looked, so that only new ones stand out."""

from collections import Counter
from collections.abc import Iterable

import attrs

from kong_lts.findings import Finding, Location
from kong_lts.serialization import Form, json_schema

__all__ = ["Baseline", "KnownFinding"]


@attrs.frozen(kw_only=True)
class KnownFinding:
    """What tells one finding from another; no line, which moves with every edit."""

    rule: str
    """Its id."""
    subject: str
    """That of the finding."""
    path: str | None = None
    """Of the file."""
    row: str | None = None
    """Of the database."""

    @classmethod
    def of(cls, finding: Finding) -> "KnownFinding":
        """The same for any finding."""
        where = finding.location or Location()
        path = where.path if where.table is None else None  # a row is itself, whoever showed it
        return cls(rule=finding.rule, subject=finding.subject, path=path, row=where.row)


@attrs.frozen(kw_only=True)
class _Entry:
    finding: KnownFinding
    count: int = 1


@attrs.frozen(kw_only=True)
class Baseline:
    """The findings of an earlier assessment, as a file that is kept beside the configuration."""

    known: tuple[_Entry, ...] = ()
    """What was found then."""

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Baseline":
        """What is there now."""
        counts = Counter(map(KnownFinding.of, findings))
        ordered = sorted(counts.items(), key=lambda one: (one[0].rule, one[0].subject))
        return cls(known=tuple(_Entry(finding=found, count=n) for found, n in ordered))

    def split(
        self, findings: Iterable[Finding]
    ) -> tuple[tuple[Finding, ...], tuple[Finding, ...], tuple[KnownFinding, ...]]:
        """What is new, what was known, and what of the known is not there any more."""
        left = Counter({entry.finding: entry.count for entry in self.known})
        new, old = [], []
        for finding in findings:
            known = KnownFinding.of(finding)
            if left[known] > 0:
                left[known] -= 1
                old.append(finding)
            else:
                new.append(finding)
        gone = tuple(known for known, count in left.items() if count > 0)
        return tuple(new), tuple(old), gone

    def to_json(self) -> str:
        """The baseline as JSON; its schema is `schemas/baseline.json`."""
        return _FORM.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> "Baseline":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        return _FORM.from_json(text)

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """JSON Schema of `to_json`."""
        return json_schema(cls, title="kong_lts baseline")


_FORM = Form(Baseline, "baseline")
