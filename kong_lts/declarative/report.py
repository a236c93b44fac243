"""Turns what was noted while a file was read into findings, when somebody asks for them."""

from collections.abc import Iterable, Iterator

import attrs

from kong_lts.declarative.paths import Regex
from kong_lts.declarative.plan import Hit
from kong_lts.declarative.source import Source
from kong_lts.findings import Finding, Location, Severity
from kong_lts.routing.dialect import check_regex

__all__ = ["findings_of", "regex_findings"]


def findings_of(hits: Iterable[Hit], source: Source) -> Iterator[tuple[Finding, bool]]:
    """Each hit as a finding, and whether what it asks for was done."""
    for hit in hits:
        edit = hit.edits[0] if len(hit.edits) == 1 and not hit.deletes else None
        words = dict(hit.words)
        if "first" in words:
            words["first"] = str(source.place(int(words["first"]))[0])
        finding = hit.rule.finding(
            hit.subject, severity=hit.most, location=_location(hit.at, source), **words
        )
        yield (finding if edit is None else attrs.evolve(finding, edit=edit)), hit.applied


def regex_findings(
    regexes: Iterable[Regex], source: Source, router_flavor: str
) -> Iterator[tuple[Finding, bool]]:
    """What the router of 3.4 makes of each regex, at the place of its path.

    A path that was rewritten is spoken of as it was before, one degree milder: that is done.
    """
    for regex in regexes:
        rewritten = regex.path != regex.before
        location = _location(regex.at, source)
        for finding in check_regex(regex.before, router_flavor=router_flavor):
            done = rewritten and finding.severity is not Severity.INFO
            severity = Severity.WARNING if done else finding.severity
            if done and finding.severity is Severity.WARNING:
                severity = Severity.INFO
            yield (
                attrs.evolve(
                    finding,
                    subject=regex.subject,
                    severity=severity,
                    location=location,
                    edit=None,
                ),
                done,
            )


def _location(at: int, source: Source) -> Location:
    line, column = source.place(at)
    return Location(line=line, column=column)
