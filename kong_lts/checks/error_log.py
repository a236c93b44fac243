"""What the error log says that foretells trouble with 3.4."""

from collections.abc import Iterator

from kong_lts import catalog
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case
from kong_lts.checks.check import Check
from kong_lts.findings import Finding, Location, Severity

__all__ = ["CHECK"]


def _look(case: Case) -> Iterator[Finding]:
    log = case.evidence.error_log
    rows = {row.id: row for row in catalog.error_log()}
    for line in log.lines if log is not None else ():
        row = rows.get(line.rule)
        if row is not None and case.concerns(row.editions):
            yield row.finding(
                "error log",
                severity=row.severity if line.count >= row.often else Severity.INFO,
                location=Location(path=line.path or (log.path if log else None), line=line.line),
                evidence="error log",
                text=line.text,
                count=line.count,
            )


def _rows() -> tuple[Rule, ...]:
    return tuple(catalog.error_log())


CHECK = Check(
    name="error log",
    look=_look,
    rows=_rows,
    needs=("error_log",),
    needs_called="an error log",
)
