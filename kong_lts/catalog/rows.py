"""One class per kind of row in the catalog; the class is the schema."""

import attrs
from attrs.validators import matches_re, min_len

from kong_lts.findings import Finding, Location, Severity

__all__ = ["Migrations", "Rule"]


@attrs.frozen(kw_only=True)
class Migrations:
    """Names of migrations and tables, as both releases have them."""

    core_2_8: tuple[str, ...]
    """Executed in the core of every 2.8 database."""
    core_3_4: tuple[str, ...]
    """What 3.4 adds to them."""
    left_over: tuple[str, ...]
    """Names of older releases that a 2.8 database may still list."""
    runtime_tables: tuple[str, ...]
    """Written by traffic or by the nodes themselves; not configuration."""
    known_tables: tuple[str, ...]
    """Every other table that either release, or Enterprise, is known to have."""
    source: str


@attrs.frozen(kw_only=True)
class Rule:
    """What every rule has: an id that never changes its meaning, how bad it can be, what to do, who says so."""

    id: str = attrs.field(validator=matches_re(r"[a-z0-9]+(-[a-z0-9.]+)*"))
    severity: Severity
    """The most it can be; code may only lower it."""
    message: str = attrs.field(validator=min_len(1))
    action: str = attrs.field(validator=min_len(1))
    source: str = attrs.field(validator=min_len(1))
    verified: str = "measured"
    """`measured` on real gateways, or `documents` where only texts say it, as for all of Enterprise."""

    def finding(
        self,
        subject: str,
        *,
        severity: Severity | None = None,
        location: Location | None = None,
        evidence: str | None = None,
        **words: object,
    ) -> Finding:
        """What this rule says about one subject.

        Args:
            subject: What it is about.
            severity: Lower than the row's, where the deployment makes it so.
            location: Where it stands.
            evidence: Which input showed it.
            words: Fill the `{...}` of the row's message and action.
        """
        chosen = min((severity or self.severity, self.severity), key=lambda s: s.rank)
        return Finding(
            rule=self.id,
            severity=chosen,
            subject=subject,
            message=self.message.format(subject=subject, **words),
            action=self.action.format(subject=subject, **words),
            source=self.source,
            location=location,
            evidence=evidence,
        )
