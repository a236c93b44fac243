"""Rules on lines of text: templates, dashboards, manifests, the listing of the prefix folder."""

import re
from collections.abc import Iterator, Sequence

from kong_lts import catalog
from kong_lts.catalog.assessment_rows import TextRule
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case
from kong_lts.checks.check import Check, Seen, part
from kong_lts.evidence import TextFile
from kong_lts.findings import Finding, Location

__all__ = ["METRICS", "PREFIX", "TEMPLATES"]

_PREFIX = "prefix.txt"
_SHOWN = 80
_COMMENT = re.compile(r"^\s*(?:#|//|--\s)")


def _files(case: Case, field: str) -> Sequence[TextFile]:
    if field == "prefix":
        lines = case.evidence.prefix
        return (TextFile(path=_PREFIX, text="\n".join(lines)),) if lines else ()
    files: Sequence[TextFile] = getattr(case.evidence, field)
    return files


def _look(rows: Sequence[TextRule], case: Case) -> Iterator[Seen]:
    for row in rows:
        if not case.concerns(row.editions, row.modes):
            continue
        pattern = re.compile(row.pattern, re.MULTILINE)
        for field in row.inputs:
            for file in _files(case, field):
                if not row.names or re.search(row.names, file.path):
                    names = (row.id, f"{field}: {file.path}")
                    yield part(names, _in_file, row, pattern, file)


def _in_file(row: TextRule, pattern: re.Pattern[str], file: TextFile) -> Iterator[Finding]:
    if row.without and re.search(row.without, file.text):
        return
    for found in pattern.finditer(file.text):
        start = file.text.rfind("\n", 0, found.start()) + 1
        if _COMMENT.match(file.text, start):
            continue
        line = file.text.count("\n", 0, found.start()) + 1
        text = found[0].strip().strip("/")
        yield row.finding(
            file.path,
            location=Location(path=file.path, line=line),
            evidence=file.path,
            file=file.path,
            found=text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...",
        )
        if row.once:
            return


def _metrics() -> tuple[Rule, ...]:
    return tuple(catalog.metrics())


def _on(*inputs: str) -> tuple[TextRule, ...]:
    return tuple(row for row in catalog.templates() if set(row.inputs) & set(inputs))


def _prefix_rows() -> tuple[Rule, ...]:
    return _on("prefix")


def _template_rows() -> tuple[Rule, ...]:
    return _on("templates")


METRICS = Check(
    name="metrics",
    look=lambda case: _look(catalog.metrics(), case),
    rows=_metrics,
    needs=("templates", "scripts", "kubernetes", "custom_plugins"),
    needs_called="templates, scripts, dashboards or manifests",
)
TEMPLATES = Check(
    name="templates",
    look=lambda case: _look(_on("templates"), case),
    rows=_template_rows,
    needs=("templates", "kubernetes"),
    needs_called="nginx templates",
)
PREFIX = Check(
    name="prefix folder",
    look=lambda case: _look(_on("prefix"), case),
    rows=_prefix_rows,
    needs=("prefix",),
    needs_called="a listing of Kong's prefix folder",
)
