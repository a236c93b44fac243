"""The report on an assessment, and how every report shows findings."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kong_lts.assessment import Assessment, NotChecked
from kong_lts.deployment import Deployment
from kong_lts.findings import Finding, Severity, in_order
from kong_lts.reports.document import (
    Bar,
    Bars,
    Document,
    Entries,
    Entry,
    Facts,
    Level,
    Row,
    Section,
    Table,
)
from kong_lts.reports.words import counted, listed

__all__ = ["assessment_document", "deployment_facts", "findings_section", "severity_counts", "way"]

LEVELS = {
    Severity.BLOCKER: Level.BAD,
    Severity.WARNING: Level.WARNING,
    Severity.INFO: Level.PLAIN,
}
_PLURALS = {Severity.BLOCKER: "Blockers", Severity.WARNING: "Warnings", Severity.INFO: "Info"}
_MOST_RULES = 12
_MANY = 25
"""Where there are more findings than that, a table of their rules comes first."""


def way(deployment: Deployment) -> str:
    """What is upgraded from what to what, as "shop from 2.8.4.14 to 3.4.3.5"."""
    new = f" to {deployment.new.version}" if deployment.new else ""
    return f"{deployment.name} from {deployment.current.version}{new}"


def deployment_facts(deployment: Deployment, *more: tuple[str, str]) -> Facts:
    """What is upgraded, and whatever else belongs there."""
    new, database = deployment.new, deployment.current.database
    nodes = listed((node.name for node in deployment.current.nodes), _MOST_RULES)
    new_nodes = listed((node.name for node in new.nodes), _MOST_RULES) if new else ""
    server = f" {database.server_version}" if database and database.server_version else ""
    return Facts(
        pairs=(
            ("Deployment", deployment.name),
            ("Mode", deployment.mode),
            ("Current version", str(deployment.current.version)),
            ("Current nodes", nodes),
            ("Database", f"{database.kind}{server}" if database else ""),
            ("New version", str(new.version) if new else "not named"),
            ("New nodes", new_nodes),
            *more,
        )
    )


def severity_counts(findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """How many findings there are of each severity, worst first."""
    found = Counter(finding.severity for finding in findings)
    for severity in reversed(Severity):
        yield _PLURALS[severity], f"{found[severity]:,}"


def finding_entry(finding: Finding) -> Entry:
    """One finding in full."""
    return Entry(
        tag=finding.severity.upper(),
        title=finding.subject,
        code=finding.rule,
        text=finding.message,
        level=LEVELS[finding.severity],
        facts=(
            ("Where", str(finding.location or "")),
            ("Do", finding.action),
            ("Source", finding.source),
            ("Seen in", finding.evidence or ""),
            ("Edit", "there is a safe change of the text" if finding.edit else ""),
        ),
    )


def findings_section(
    findings: Sequence[Finding], title: str = "Findings", lead: str = ""
) -> Iterator[Section]:
    """Findings worst first, each once; no section where there is none."""
    if findings:
        ordered = in_order(dict.fromkeys(findings))
        entries = tuple(finding_entry(finding) for finding in ordered)
        shown = Entries(entries=entries, filtered=len(entries) > 1)
        yield Section(title=title, lead=lead, blocks=(*_by_rule(ordered), shown))


def _by_rule(ordered: Sequence[Finding]) -> Iterator[Table]:
    """How many findings each rule has, in their order; nothing where that tells no more."""
    numbers = Counter((finding.rule, finding.severity) for finding in ordered)
    if len(ordered) <= _MANY or len(numbers) == len(ordered):
        return
    yield Table(
        caption="Findings by rule",
        columns=("Rule", "Severity", "Findings"),
        rows=tuple(
            Row(cells=(rule, severity.upper(), f"{number:,}"), level=LEVELS[severity])
            for (rule, severity), number in numbers.items()
        ),
    )


def _by_input(findings: Sequence[Finding]) -> Iterator[Section]:
    """Which input showed how many; nothing where there is but one input."""
    by_input: dict[str, Counter[Severity]] = {}
    for finding in dict.fromkeys(findings):
        counts = by_input.setdefault(finding.evidence or "the deployment", Counter())
        counts[finding.severity] += 1
    if len(by_input) < 2:
        return
    kinds = tuple(reversed(Severity))
    ordered = sorted(by_input.items(), key=lambda item: (-item[1].total(), item[0]))
    chart = Bars(
        caption="Findings by the input that showed them",
        heading="Input",
        kinds=tuple((_PLURALS[severity], LEVELS[severity]) for severity in kinds),
        bars=tuple(
            Bar(label=label, numbers=tuple(counts[severity] for severity in kinds))
            for label, counts in ordered[:_MOST_RULES]
        ),
    )
    yield Section(title="Where they come from", blocks=(chart,))


def _verdict(assessment: Assessment) -> tuple[str, Level]:
    if count := len(assessment.blockers):
        stand = "stands" if count == 1 else "stand"
        found = counted(count, "finding")
        text = f"Blocked: {found} {stand} in the way of the upgrade of {way(assessment.deployment)}"
        return text, Level.BAD
    warnings = sum(finding.severity is Severity.WARNING for finding in assessment.findings)
    unseen = len(assessment.not_checked)
    text = f"Nothing found stands in the way of the upgrade of {way(assessment.deployment)}"
    if warnings:
        text += f"; {counted(warnings, 'warning')} to act on"
    if unseen:
        text += f"; {counted(unseen, 'rule')} could not be checked"
    return text, Level.WARNING if warnings or unseen else Level.GOOD


def _not_checked(not_checked: Sequence[NotChecked]) -> Iterator[Section]:
    """What was not looked at, by the input that was missing; the largest gap first."""
    if not not_checked:
        return
    by_input: dict[str, list[str]] = {}
    for entry in not_checked:
        by_input.setdefault(entry.missing, []).append(entry.rule)
    gaps = sorted(by_input.items(), key=lambda gap: (-len(gap[1]), gap[0]))
    rows = tuple(
        Row(cells=(missing, str(len(rules)), listed(sorted(rules), _MOST_RULES)))
        for missing, rules in gaps
    )
    table = Table(
        caption="Rules that had nothing to look at",
        columns=("Missing input, or what went wrong", "Rules", "Which"),
        rows=rows,
    )
    lead = "Nothing is known about these: give the missing input and assess again."
    yield Section(title="Not checked", lead=lead, blocks=(table,))


def assessment_document(assessment: Assessment) -> Document:
    """The report on an assessment."""
    verdict, level = _verdict(assessment)
    ignored = "Found, and accepted by whoever asked for this assessment."
    return Document(
        title=f"Assessment of {way(assessment.deployment)}",
        verdict=verdict,
        level=level,
        counts=(
            *severity_counts(assessment.findings),
            ("Rules not checked", f"{len(assessment.not_checked):,}"),
            ("Ignored", f"{len(assessment.ignored):,}"),
        ),
        sections=(
            *findings_section(assessment.findings),
            *_by_input(assessment.findings),
            *_not_checked(assessment.not_checked),
            *findings_section(assessment.ignored, "Ignored", ignored),
            Section(title="What is upgraded", blocks=(deployment_facts(assessment.deployment),)),
        ),
    )
