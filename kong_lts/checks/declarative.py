"""What 3.4 makes of each declarative file."""

from collections.abc import Iterator

import attrs

from kong_lts import catalog, declarative
from kong_lts.catalog.rows import Rule
from kong_lts.checks.as_file import told_once
from kong_lts.checks.case import Case
from kong_lts.checks.check import Check, Seen, part
from kong_lts.edits import Edit
from kong_lts.errors import DeclarativeError
from kong_lts.evidence import StateFile
from kong_lts.findings import Finding, Location, Severity

__all__ = ["CHECK"]

_REGION = "plugin-aws-lambda-region-required"
_LEFT_BY_DECK = ("route-path-prefix-must-be-normalized", "route-path-percent-decoding-regex")
"""What 3.4 mends in a file that it loads itself, and decK's own conversion does not."""
_REGIONS = {"AWS_REGION", "AWS_DEFAULT_REGION"}


def _look(case: Case) -> Iterator[Seen]:
    for file in case.state_files:
        yield part(f"declarative files: {file.path}", _of_file, case, file)


def _of_file(case: Case, file: StateFile) -> Iterator[Finding]:
    try:
        conversion = declarative.convert(
            file.data,
            mode=case.deployment.mode,
            edition=case.edition,
            router_flavor=case.router_flavor,
            verify=False,
        )
    except DeclarativeError as exc:
        rule = {row.id: row for row in catalog.inputs()}["declarative-not-loaded"]
        where = Location(path=file.path, line=exc.line, column=exc.column)
        yield rule.finding(file.path, location=where, reason=exc.reason)
        return
    for finding in told_once(conversion.findings):
        yield _placed(_lowered(case, finding), file.path)


def _lowered(case: Case, finding: Finding) -> Finding:
    """A region that every node has in its environment needs not stand in the file."""
    if finding.rule == _REGION and finding.severity is not Severity.INFO:
        environments = [conf.environ for conf in case.confs.values()]
        if environments and all(_REGIONS & environ.keys() for environ in environments):
            return attrs.evolve(finding, severity=Severity.INFO)
    if finding.rule in _LEFT_BY_DECK and case.deployment.mode.has_database:
        return attrs.evolve(finding, severity=max(finding.severity, Severity.WARNING, key=_rank))
    return finding


def _rank(severity: Severity) -> int:
    return severity.rank


def _placed(finding: Finding, path: str) -> Finding:
    """The finding with the file it is about, and its edit as any reader of JSON knows one."""
    where, edit = finding.location or Location(), finding.edit
    return attrs.evolve(
        finding,
        location=attrs.evolve(where, path=where.path or path),
        edit=edit and Edit(start=edit.start, end=edit.end, replacement=edit.replacement),
    )


def _rows() -> tuple[Rule, ...]:
    return (*catalog.inputs(), *catalog.plugins(), *catalog.entities())


CHECK = Check(
    name="declarative files",
    look=_look,
    rows=_rows,
    needs=("state_files",),
    needs_called="a declarative file (kong.yml or decK state)",
)
