"""render(value, format): reports on assessments, strategies, plans, rehearsals and runs."""

from collections.abc import Callable, Mapping
from typing import Any

from kong_lts.assessment import Assessment
from kong_lts.errors import CannotRenderError
from kong_lts.fleet import FleetRun
from kong_lts.planning import Plan, Rehearsal, Run
from kong_lts.reports import (
    html,
    json_form,
    junit,
    markdown,
    mermaid,
    runbook,
    sarif,
    terminal,
    text,
)
from kong_lts.reports.assessments import assessment_document
from kong_lts.reports.document import Document
from kong_lts.reports.fleets import fleet_document
from kong_lts.reports.plans import choice_document, plan_document
from kong_lts.reports.rehearsals import rehearsal_document
from kong_lts.reports.runs import run_document
from kong_lts.reports.statuses import ExitStatus, exit_status
from kong_lts.strategies import StrategyChoice

__all__ = ["ExitStatus", "exit_status", "render"]

_WRITERS: Mapping[str, Callable[[Document], str]] = {
    "text": text.write,
    "terminal": terminal.write,
    "markdown": markdown.write,
    "html": html.write,
}
"""The formats for people: one writer each, for whatever a document holds."""

_DOCUMENTS: Mapping[type, Callable[[Any], Document]] = {
    Assessment: assessment_document,
    StrategyChoice: choice_document,
    Plan: plan_document,
    Rehearsal: rehearsal_document,
    Run: run_document,
    FleetRun: fleet_document,
}
_JSON: Mapping[type, Callable[[Any], str]] = {
    Assessment: json_form.assessment_json,
    StrategyChoice: json_form.choice_json,
    Plan: json_form.plan_json,
    Rehearsal: json_form.rehearsal_json,
    Run: json_form.run_json,
    FleetRun: json_form.fleet_json,
}
_FOR_TOOLS: Mapping[type, Mapping[str, Callable[[Any], str]]] = {
    Assessment: {"sarif": sarif.assessment_sarif, "junit": junit.assessment_junit},
    Plan: {"mermaid": mermaid.plan_mermaid, "runbook": runbook.plan_runbook},
    Rehearsal: {"junit": junit.rehearsal_junit},
    Run: {"junit": junit.run_junit},
}
"""Formats that make sense for some values only."""


def _written(
    write: Callable[[Document], str], document: Callable[[Any], Document]
) -> Callable[[Any], str]:
    return lambda value: write(document(value))


_FORMS: Mapping[type, Mapping[str, Callable[[Any], str]]] = {
    kind: {
        **{name: _written(write, document) for name, write in _WRITERS.items()},
        "json": _JSON[kind],
        **_FOR_TOOLS.get(kind, {}),
    }
    for kind, document in _DOCUMENTS.items()
}
"""Every format of every value."""


def render(value: object, format: str) -> str:
    """A report on a value.

    Args:
        value: An Assessment, StrategyChoice, Plan, Rehearsal, Run or FleetRun.
        format: "text" (at most 100 columns, no colours), "terminal" (the same in colours, needs the
            extra `reports`), "markdown" (with GitHub's tables), "html" (one file without script,
            needs the extra `reports`), "json"; "sarif" (2.1.0) of an assessment, "junit" of an
            assessment, rehearsal or run; "mermaid" of a plan, and "runbook": a Markdown checklist
            with the commands for a person who follows it by hand.

    Returns:
        The whole report. It opens with the verdict in one sentence, then come counts, then the
        rest. Equal values give equal reports.

    Raises:
        CannotRenderError: The value has no such format, or a package for it is missing.
    """
    forms = _FORMS.get(type(value), {})
    if format not in forms:
        raise CannotRenderError(type(value).__name__, format, tuple(forms))
    return forms[format](value)
