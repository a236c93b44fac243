"""Turns what was noted while a file was read into findings, when somebody asks for them."""

from collections.abc import Iterable, Iterator

import attrs

from kong_lts.declarative.fields import may_be_secret
from kong_lts.declarative.paths import hits_of_moved
from kong_lts.declarative.plan import Hit, Moved
from kong_lts.declarative.source import Source
from kong_lts.edits import Edit
from kong_lts.findings import Finding, Location, Severity
from kong_lts.routing.dialect import check_regex

__all__ = ["Said", "findings_of", "findings_on_paths"]

Said = tuple[Finding, bool]
"""A finding, and whether what it asks for was done."""

_MILDER = {Severity.BLOCKER: Severity.WARNING, Severity.WARNING: Severity.INFO}


def findings_of(hits: Iterable[Hit], source: Source, path: str | None) -> Iterator[Said]:
    """Each hit as a finding."""
    for hit in hits:
        yield _finding(hit, source, path, _only_edit(hit)), hit.applied


def _only_edit(hit: Hit) -> Edit | None:
    """What is to be changed, where that is in one place and shows no secret."""
    if len(hit.edits) != 1 or hit.deletes or may_be_secret(hit.rule.field):
        return None
    edit = hit.edits[0]
    return Edit(start=edit.start, end=edit.end, replacement=edit.replacement)


def findings_on_paths(
    paths: Iterable[Moved],
    source: Source,
    router_flavor: str,
    *,
    migrated: bool,
    path: str | None,
) -> Iterator[Said]:
    """What became of each path, and what the router of 3.4 makes of those that are a regex.

    Args:
        paths: Those that were written in another form, or are a regex.
        source: The file.
        router_flavor: How 3.4 is set up.
        migrated: Whether the format of the file was 3.0.
        path: Where the file is.
    """
    for moved in paths:
        if moved.replacement:
            start, end, replacement = moved[-3:]
            edit = Edit(start=start, end=end, replacement=replacement)
            for hit in hits_of_moved(moved, migrated=migrated):
                yield _finding(hit, source, path, edit), True
        yield from _on_regex(moved, _location(moved.at, source, path), router_flavor)


def _on_regex(moved: Moved, location: Location, router_flavor: str) -> Iterator[Said]:
    """A regex that was rewritten is spoken of as it was before, one degree milder."""
    rewritten = moved.final != moved.new
    for finding in check_regex(moved.new, router_flavor=router_flavor):
        done = rewritten and finding.severity is not Severity.INFO
        severity = _MILDER[finding.severity] if done else finding.severity
        yield (
            attrs.evolve(
                finding, subject=moved.subject, severity=severity, location=location, edit=None
            ),
            done,
        )


def _finding(hit: Hit, source: Source, path: str | None, edit: Edit | None) -> Finding:
    words = dict(hit.words)
    if "first" in words:
        words["first"] = str(source.place(int(words["first"]))[0])
    location = _location(hit.at, source, path)
    finding = hit.rule.finding(hit.subject, severity=hit.most, location=location, **words)
    return finding if edit is None else attrs.evolve(finding, edit=edit)


def _location(at: int, source: Source, path: str | None) -> Location:
    line, column = source.place(at)
    return Location(path=path, line=line, column=column)
