"""assess(deployment, evidence) -> Assessment: every check, never stopping at the first finding."""

from collections.abc import Collection, Iterator

import attrs

from kong_lts.baseline import Baseline
from kong_lts.checks import (
    ALL,
    Case,
    Check,
    NotChecked,
    Part,
    Seen,
    cross_rule,
    part,
    placed,
    ranked,
    suppress,
)
from kong_lts.deployment import Deployment
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding, blockers, in_order
from kong_lts.routing import Difference
from kong_lts.serialization import Form, json_schema
from kong_lts.unshared import RateLimit, Sessions

__all__ = ["Assessment", "NotChecked", "assess"]


@attrs.frozen(kw_only=True)
class Assessment:
    """What the evidence says about the upgrade of a deployment."""

    deployment: Deployment
    """What is upgraded."""
    findings: tuple[Finding, ...]
    """Worst first."""
    not_checked: tuple[NotChecked, ...] = ()
    """Rules that had nothing to look at, and what was missing."""
    ignored: tuple[Finding, ...] = ()
    """Findings that the caller asked to leave out; they are still shown."""
    route_changes: tuple[Difference, ...] = ()
    """Requests that reach another route, or the upstream in another way, the weightiest first."""
    rate_limits: tuple[RateLimit, ...] = ()
    """What the plugins count, which two clusters count apart."""
    sessions: tuple[Sessions, ...] = ()
    """What the plugins keep, and the other cluster does not know."""

    @property
    def baseline(self) -> Baseline:
        """What was found, to be held against the next assessment."""
        return Baseline.of(self.findings)

    @property
    def blockers(self) -> tuple[Finding, ...]:
        """What stands in the way."""
        return blockers(self.findings)

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.blockers

    def to_json(self) -> str:
        """The assessment as JSON; its schema is `schemas/assessment.json`."""
        return _FORM.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> "Assessment":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        return _FORM.from_json(text)

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """JSON Schema of `to_json`."""
        return json_schema(cls, title="kong_lts assessment")


_FORM = Form(Assessment, "assessment")


def assess(
    deployment: Deployment,
    evidence: Evidence,
    *,
    ignore: Collection[str] = (),
    baseline: Baseline | None = None,
) -> Assessment:
    """Hold everything that is known against everything that changes.

    Args:
        deployment: What is upgraded.
        evidence: The facts; what is missing is listed, never guessed.
        ignore: Ids of rules whose findings are accepted; they no longer block, but stay listed.
        baseline: Findings of an earlier assessment, which are accepted likewise.

    Returns:
        All findings, worst first. A rule, a file or a node over which a check crashes is listed in
        `not_checked`, for itself alone.
    """
    case = Case(deployment, evidence)
    seen = list(_seen(case))
    told = tuple(one for one in seen if isinstance(one, NotChecked))
    found = ranked(case, (one for one in seen if isinstance(one, Finding)))
    blind = (one.rule for one in (*told, *case.apart.crashed))
    kept, accepted = suppress(case, found, blind)
    accepted = placed(case, accepted)
    kept, known = _held_against(baseline, placed(case, kept))
    return Assessment(
        deployment=deployment,
        findings=in_order(f for f in kept if f.rule not in ignore),
        not_checked=(*told, *case.apart.crashed),
        ignored=in_order((*accepted, *known, *(f for f in kept if f.rule in ignore))),
        route_changes=tuple(one for one in seen if isinstance(one, Difference)),
        rate_limits=tuple(one for one in seen if isinstance(one, RateLimit)),
        sessions=tuple(one for one in seen if isinstance(one, Sessions)),
    )


def _seen(case: Case) -> Iterator[Seen]:
    """What every check says, and what stood in the way of those that could not look."""
    for gap in case.evidence.gaps:
        yield NotChecked(rule=f"gather: {gap.source}", missing=gap.reason)
    for check in ALL:
        yield from _each(case, part(check.name, _of_check, check, case))


def _of_check(check: Check, case: Case) -> Iterator[Seen]:
    if missing := check.missing(case):
        yield from (NotChecked(rule=rule, missing=missing) for rule in check.rules())
    else:
        yield part(check.name, check.look, case)


def _each(case: Case, own: Part) -> Iterator[Seen]:
    """What a part says, and its own parts; one that crashes hides no other."""
    for one in case.apart.look(own.rules, own.look):
        if isinstance(one, Part):
            yield from _each(case, one)
        else:
            yield one


def _held_against(
    baseline: Baseline | None, findings: tuple[Finding, ...]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What is new, and what the baseline knows; what it knows and is gone is told."""
    if baseline is None:
        return findings, ()
    new, known, gone = baseline.split(findings)
    if gone:
        told = cross_rule("baseline-unused").finding("baseline", count=len(gone), rule=gone[0].rule)
        new = (*new, told)
    return new, tuple(attrs.evolve(finding, accepted=_BASELINE) for finding in known)


_BASELINE = "the baseline has it"
