"""An assessment as SARIF 2.1.0, for tools that show findings beside the lines of a file."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from kong_lts.assessment import Assessment, NotChecked
from kong_lts.edits import Edit
from kong_lts.findings import Finding, Location, Severity, in_order
from kong_lts.reports.words import sentences

__all__ = ["assessment_sarif"]

Json = dict[str, object]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_HELP = "https://developer.konghq.com/gateway/"
_LEVELS = {Severity.BLOCKER: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEMS = {
    Severity.BLOCKER: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "recommendation",
}
_ROOT = "SRCROOT"
_INVENTORY = "deployment.yaml"
_MOST_RESULTS, _MOST_SIGNS = 25_000, 1_024
"""Of a run, and of the description of a rule: GitHub refuses, or cuts off, what has more."""
_ACCEPTED = "Accepted by whoever asked for this assessment."


def assessment_sarif(assessment: Assessment) -> str:
    """One run with a result for each finding.

    What was accepted is a suppressed result; a rule that had nothing to look at is a notification,
    so that silence is never taken for a clean file.
    """
    kept = in_order(dict.fromkeys(assessment.findings))
    ignored = in_order(dict.fromkeys(assessment.ignored))
    left_out = len(kept) + len(ignored) - _MOST_RESULTS
    kept, ignored = kept[:_MOST_RESULTS], ignored[: max(0, _MOST_RESULTS - len(kept))]
    rules = _rules((*kept, *ignored))
    at = {str(rule["id"]): index for index, rule in enumerate(rules)}
    results = [
        *(_result(finding, at[finding.rule]) for finding in kept),
        *(_suppressed(_result(f, at[f.rule]), f.accepted or _ACCEPTED) for f in ignored),
    ]
    said = [*_notifications(assessment.not_checked), *_left_out(left_out)]
    run = {
        "tool": {"driver": {"name": "kong_lts", "informationUri": _HELP, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder of the evidence."}}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": said}],
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rules(findings: Iterable[Finding]) -> list[Json]:
    """Each rule that found something, once, with the most it says here."""
    worst: dict[str, Finding] = {}
    for finding in findings:
        known = worst.setdefault(finding.rule, finding)
        if finding.severity.rank > known.severity.rank:
            worst[finding.rule] = finding
    return [
        {
            "id": rule,
            "shortDescription": {"text": _cut(_words(rule))},
            "fullDescription": {"text": _cut(sentences(finding.message) or _words(rule))},
            "help": {"text": sentences(finding.action, f"Source: {finding.source}")},
            "defaultConfiguration": {"level": _LEVELS[finding.severity]},
            "properties": {
                "source": finding.source,
                "problem.severity": _PROBLEMS[finding.severity],
                "tags": ["kong-gateway", "upgrade"],
            },
        }
        for rule, finding in sorted(worst.items())
    ]


def _words(rule: str) -> str:
    """The id as a phrase."""
    return rule.replace("-", " ").capitalize() or "A rule without a name"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SIGNS else f"{text[: _MOST_SIGNS - 3]}..."


def _result(finding: Finding, rule: int) -> Json:
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": sentences(f"{finding.subject}: {finding.message}", finding.action)},
        "locations": [_location(finding.location or Location())],
        "partialFingerprints": {
            "finding/v1": _fingerprint(finding),
            "primaryLocationLineHash": _fingerprint(finding),
        },
        "properties": _properties(finding),
    }
    path = finding.location and finding.location.path
    if finding.edit is not None and path:
        result["fixes"] = [_fix(path, finding.edit, finding.action)]
    return result


def _properties(finding: Finding) -> Json:
    """What SARIF has no name for."""
    found = {
        "severity": str(finding.severity),
        "source": finding.source,
        "evidence": finding.evidence,
        "category": finding.category,
        "requests": finding.traffic,
    }
    return {name: value for name, value in found.items() if value is not None}


def _suppressed(result: Json, why: str) -> Json:
    suppression = {"kind": "external", "status": "accepted", "justification": why}
    return {**result, "suppressions": [suppression]}


def _location(where: Location) -> Json:
    """A line of a file, and the row of a database.

    What has no place of its own stands in the inventory: readers refuse a whole file over one
    result without a line.
    """
    line = max(1, where.line or 1)
    column = {"startColumn": where.column} if where.column and where.column > 0 else {}
    region = {"startLine": line, **column, "endLine": line}
    place = {"artifactLocation": _artifact(where.path or _INVENTORY), "region": region}
    found: Json = {"physicalLocation": place}
    if name := where.table or where.pointer or "":
        name += f"/{where.row}" if where.table and where.row else ""
        found["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
    return found


def _artifact(path: str) -> Mapping[str, str]:
    """The path as the reference that SARIF asks for."""
    name = quote(path.encode("utf-8", "surrogatepass"), safe="/~")
    if path.startswith("/"):
        return {"uri": f"file://{name}"}
    return {"uri": name, "uriBaseId": _ROOT}


def _fix(path: str, edit: Edit, action: str) -> Json:
    region = {"charOffset": edit.start, "charLength": edit.end - edit.start}
    replacement = {"deletedRegion": region, "insertedContent": {"text": edit.replacement}}
    change = {"artifactLocation": _artifact(path), "replacements": [replacement]}
    return {"description": {"text": action}, "artifactChanges": [change]}


def _fingerprint(finding: Finding) -> str:
    """The same for as long as a finding is about the same thing, whatever its line."""
    where = finding.location or Location()
    path = where.path if where.table is None else None  # a row is itself, whoever showed it
    parts = (finding.rule, finding.subject, path, where.table, where.row)
    text = "\0".join(part or "" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _notifications(not_checked: Iterable[NotChecked]) -> Iterator[Json]:
    for entry in not_checked:
        yield {
            "level": "warning",
            "descriptor": {"id": entry.rule},
            "message": {
                "text": sentences(
                    f"{entry.rule} was not checked; absent, or wrong: {entry.missing}"
                )
            },
        }


def _left_out(number: int) -> Iterator[Json]:
    """The results beyond what readers take, which are the least of all."""
    if number > 0:
        text = f"{number} more findings, which weigh less than these, are in the other reports."
        yield {"level": "warning", "message": {"text": text}}
