"""Assessments, rehearsals and runs as JUnit XML, for whatever shows test results."""

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from kong_lts.assessment import Assessment
from kong_lts.events import StepChecked, StepVerified
from kong_lts.findings import Finding, Severity, blockers, in_order
from kong_lts.planning import Case, Rehearsal, Run
from kong_lts.reports.assessments import way
from kong_lts.reports.rehearsals import rehearsal_verdict
from kong_lts.reports.runs import run_verdict
from kong_lts.reports.timeline import StepRecord, StepStatus, Timeline, timeline
from kong_lts.reports.words import clean, sentences

__all__ = ["assessment_junit", "rehearsal_junit", "run_junit"]

_Element = ElementTree.Element


def assessment_junit(assessment: Assessment) -> str:
    """A test case for each finding: blockers and warnings fail, the rest passes.

    A rule that had nothing to look at, and what was accepted, is skipped.
    """
    cases = [
        *(_finding_case(finding) for finding in in_order(dict.fromkeys(assessment.findings))),
        *(
            _skipped(e.rule, e.rule, f"not checked; absent, or wrong: {e.missing}")
            for e in assessment.not_checked
        ),
        *(
            _skipped(finding.rule, _name(finding), "accepted")
            for finding in dict.fromkeys(assessment.ignored)
        ),
    ]
    return _suite(f"Assessment of {way(assessment.deployment)}", cases)


def rehearsal_junit(rehearsal: Rehearsal) -> str:
    """A test case for each rehearsed case; the invariants that did not hold fail it."""
    return _suite(rehearsal_verdict(rehearsal), map(_rehearsed_case, rehearsal.cases))


def run_junit(run: Run) -> str:
    """A test case for each step; those that were not begun are skipped."""
    course = timeline(run.plan, run.events)
    return _suite(run_verdict(run, course), _step_cases(run, course))


_NOT_XML = str.maketrans({sign: repr(sign)[1:-1] for sign in "\ufffe\uffff"})


def _text(text: str) -> str:
    """Harmless, and nothing that no XML may hold."""
    return clean(text).translate(_NOT_XML)


def _suite(name: str, cases: Iterable[_Element]) -> str:
    suite = _Element("testsuite", name=_text(name))
    suite.extend(_told_apart(cases))
    counts = {
        "tests": str(len(suite)),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": "0",
        "time": f"{sum(float(case.get('time', 0)) for case in suite):.3f}",
    }
    suites = _Element("testsuites", {"name": "kong_lts", **counts})
    suite.attrib.update(counts, skipped=str(len(suite.findall("testcase/skipped"))))
    suites.append(suite)
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _told_apart(cases: Iterable[_Element]) -> Iterator[_Element]:
    """A number for a name that occurs again: some tools show the first of such cases alone."""
    seen: dict[tuple[str | None, str], int] = {}
    for case in cases:
        group, name = case.get("classname"), case.get("name", "")
        while (number := seen.get((group, name), 0) + 1) > 1:
            seen[group, name] = number
            name = f"{case.get('name')} ({number})"
        seen[group, name] = number
        case.set("name", name)
        yield case


def _case(group: str, name: str, time_s: float = 0) -> _Element:
    named = {"classname": _text(group), "name": _text(name)}
    return _Element("testcase", {**named, "time": f"{time_s:.3f}"})


def _failed(case: _Element, kind: str, message: str, details: str = "") -> _Element:
    failure = ElementTree.SubElement(case, "failure", type=kind, message=_text(message))
    failure.text = _text(details) or None
    return case


def _skipped(group: str, name: str, why: str) -> _Element:
    case = _case(group, name)
    ElementTree.SubElement(case, "skipped", message=_text(why))
    return case


def _name(finding: Finding) -> str:
    where = f" ({finding.location})" if finding.location and str(finding.location) else ""
    return f"{finding.subject}{where}"


def _finding_case(finding: Finding) -> _Element:
    case = _case(finding.rule, _name(finding))
    if finding.severity is Severity.INFO:
        ElementTree.SubElement(case, "system-out").text = _text(
            sentences(finding.message, finding.action)
        )
        return case
    return _failed(
        case,
        finding.severity,
        finding.message,
        f"{sentences(finding.action)} Source: {finding.source}",
    )


def _rehearsed_case(rehearsed: Case) -> _Element:
    case = _case(rehearsed.step, f"{rehearsed.fault}, {rehearsed.way}")
    if rehearsed.broken:
        return _failed(case, "invariant", "; ".join(rehearsed.broken), rehearsed.verdict)
    return case


def _step_cases(run: Run, course: Timeline) -> Iterator[_Element]:
    records = {record.step: record for record in course.steps}
    for step in run.plan.steps:
        record = records.get(step.id)
        yield (
            _skipped(run.plan.strategy, step.id, "not begun")
            if record is None
            else _step_case(run, record)
        )


def _step_case(run: Run, record: StepRecord) -> _Element:
    case = _case(run.plan.strategy, record.step, max(0.0, record.worked_s))
    if record.status is StepStatus.DONE:
        return case
    reason = run.reason if record.step == run.stopped_at else None
    found = tuple(_blockers(run, record.step))
    message = reason or (found[0].message if found else record.status)
    details = (f"{finding.message} {finding.action}" for finding in found)
    return _failed(case, record.status, message, sentences(record.title, *details))


def _blockers(run: Run, step: str) -> Iterator[Finding]:
    """What stood in the way of a step; the same seen twice is told once."""
    looks = (e for e in run.events if isinstance(e, StepChecked | StepVerified) and e.step == step)
    yield from dict.fromkeys(f for look in looks for f in blockers(look.findings))
