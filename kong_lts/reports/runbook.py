"""A plan as a Markdown checklist, for a person who follows it by hand."""

from collections.abc import Iterator

from kong_lts.findings import Severity
from kong_lts.planning import AnyStep, Plan, guards
from kong_lts.reports.assessments import way
from kong_lts.reports.by_hand import by_hand
from kong_lts.reports.markdown import escaped
from kong_lts.reports.plans import WAY_BACK, where
from kong_lts.reports.words import clean, counted

__all__ = ["plan_runbook"]

_BEFORE = (
    "The commands name PostgreSQL by the services `kong-current` and `kong-new`"
    " (`~/.pg_service.conf`, passwords in `~/.pgpass`), and the gateways by"
    " `KONG_CURRENT_ADMIN_URL`, `KONG_CURRENT_PROXY_URL`, `KONG_NEW_ADMIN_URL` and"
    " `KONG_NEW_PROXY_URL`: set them first."
)


def plan_runbook(plan: Plan) -> str:
    """Every step with its commands, its proof and its way back, each with a box to tick."""
    lines = [
        f"# {escaped(clean(f'Runbook: {plan.strategy} upgrade of {way(plan.deployment)}'))}",
        "",
        f"{counted(len(plan.steps), 'step')}; go on only where the proof of a step holds."
        " On the way back, take the steps in reverse order.",
        "",
        _BEFORE,
        *_findings(plan),
        *_guards(plan),
        *(line for number, step in enumerate(plan.steps) for line in _step(plan, number, step)),
    ]
    return "\n".join(lines) + "\n"


def _findings(plan: Plan) -> Iterator[str]:
    """What the assessment wants done first."""
    found = [f for f in plan.findings if f.severity is not Severity.INFO]
    if not found:
        return
    yield from ("", "## Before the first step", "")
    for finding in found:
        yield f"- [ ] {escaped(clean(f'{finding.subject}: {finding.message}'))}"
        yield f"  <br>{escaped(clean(finding.action))}"


def _guards(plan: Plan) -> Iterator[str]:
    """What has to be so at any time."""
    if found := guards(plan):
        yield from ("", "## Look before every step", "")
        yield from (f"- {escaped(clean(text))}" for text in found)


def _step(plan: Plan, number: int, step: AnyStep) -> Iterator[str]:
    how = by_hand(step, plan.deployment)
    if number == plan.point_of_no_return:
        yield from ("", "---", "", "**Point of no return: the next step cannot be taken back.**")
    yield from ("", f"## {number + 1}. {escaped(clean(step.title))}", "")
    yield escaped(clean(f"{step.guide}; {where(step)}."))
    if how.what:
        yield from ("", escaped(clean(how.what)))
    if how.commands:
        yield from ("", "```sh", *map(clean, how.commands), "```")
    yield ""
    yield f"- [ ] **Proof**: {escaped(clean(how.proof))}"
    yield f"- **Way back**: {escaped(WAY_BACK[step.reversibility])}"
