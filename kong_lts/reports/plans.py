"""The reports on a choice of strategy, and on a plan."""

from collections.abc import Iterator, Mapping

from kong_lts.findings import Severity
from kong_lts.nodes import DoByHand
from kong_lts.planning import AnyStep, Plan, guards, ways_back
from kong_lts.reports.assessments import (
    deployment_facts,
    findings_section,
    severity_counts,
    way,
)
from kong_lts.reports.document import (
    Break,
    Bullets,
    Document,
    Entries,
    Entry,
    Level,
    Row,
    Section,
    Table,
)
from kong_lts.reports.words import counted, duration
from kong_lts.step import Effect, Reversibility
from kong_lts.strategies import StrategyChoice, choose_strategy

__all__ = ["WAY_BACK", "choice_document", "plan_document", "point_text", "where"]

WAY_BACK = {
    Reversibility.FREE: "nothing to take back",
    Reversibility.COMPENSATED: "another step takes it back",
    Reversibility.RESTORE: "only the backup brings it back",
    Reversibility.NONE: "nothing brings it back",
}
_NO_RETURN = {
    Reversibility.NONE: "Point of no return: up to here going back loses nothing. From the next"
    " step on it loses every change of the configuration that is made on the new cluster.",
    Reversibility.RESTORE: "Point of no return: up to here nodes are only started again. From the"
    " next step on the one way back is to restore the backup; no other helps.",
}
_WRITES_LOST = (
    "From the next step on, going back also loses every change of the configuration that is made on"
    " the new cluster."
)
_LEVELS = {Reversibility.NONE: Level.BAD, Reversibility.RESTORE: Level.WARNING}


def where(step: AnyStep) -> str:
    """The cluster, and the node if there is one, that a step acts on."""
    return f"{step.side} cluster" + (f", node {step.node}" if step.node else "")


def _effect(effect: Effect) -> str:
    """Whom a step touches."""
    touched = [
        *(["traffic"] if effect.traffic else []),
        *(["administration"] if effect.administration else []),
        *([f"{duration(effect.downtime_s)} of downtime"] if effect.downtime_s else []),
    ]
    return ", ".join(touched) or "none"


def _step_entry(number: int, step: AnyStep) -> Entry:
    return Entry(
        tag=f"{number}.",
        title=step.title,
        code=step.id,
        text=step.instructions if isinstance(step, DoByHand) else "",
        level=_LEVELS.get(step.reversibility, Level.PLAIN),
        facts=(
            ("On", where(step)),
            ("Guide", step.guide),
            ("Way back", WAY_BACK[step.reversibility]),
            ("Effect", _effect(step.effect)),
            ("By", "a person" if isinstance(step, DoByHand) else ""),
        ),
    )


def point_text(plan: Plan, index: int) -> str:
    """What is to be known before a step from which something does not come back; else empty."""
    if index == plan.point_of_no_return:
        return _NO_RETURN[plan.steps[index].reversibility]
    return _WRITES_LOST if index == plan.writes_lost_from else ""


def _entries(plan: Plan) -> Iterator[Entry | Break]:
    """The steps, and the lines before the points from which something does not come back."""
    for index, step in enumerate(plan.steps):
        if line := point_text(plan, index):
            yield Break(text=line)
        yield _step_entry(index + 1, step)


def _rejected(rejected: Mapping[str, str]) -> Iterator[Table]:
    if rejected:
        rows = tuple(Row(cells=(str(name), reason)) for name, reason in rejected.items())
        yield Table(
            caption="Strategies that do not fit", columns=("Strategy", "Why not"), rows=rows
        )


def _step_text(plan: Plan, at: int | None) -> str:
    return "none" if at is None else f"step {at + 1}, {plan.steps[at].id}"


def _points(plan: Plan) -> Iterator[tuple[str, str]]:
    """From where on something does not come back; one point where both are the same."""
    yield "Point of no return", _step_text(plan, plan.point_of_no_return)
    if plan.writes_lost_from != plan.point_of_no_return:
        yield "Writes are lost from", _step_text(plan, plan.writes_lost_from)


def _downtime_text(plan: Plan) -> str:
    return duration(plan.downtime_s) if plan.downtime_s else "none"


def _verdict(plan: Plan) -> str:
    downtime = f"{_downtime_text(plan)} expected" if plan.downtime_s else "no downtime expected"
    points = (f"{name[0].lower()}{name[1:]}: {text}" for name, text in _points(plan))
    return (
        f"Planned: {plan.strategy} upgrade of {way(plan.deployment)} in"
        f" {counted(len(plan.steps), 'step')}; {downtime}; {'; '.join(points)}"
    )


def _ways_back(plan: Plan) -> Iterator[Section]:
    """What a rollback does, from each point that a run may reach."""
    ways = ways_back(plan)
    if not ways:
        return
    rows = tuple(
        Row(
            cells=(
                f"{way.point} ({way.reached_by})",
                "; ".join(way.steps) or "nothing",
                "; ".join((*way.lost, *([way.last_resort] if way.last_resort else ())))
                or "nothing",
            ),
            level=Level.WARNING if way.lost else Level.PLAIN,
        )
        for way in ways
    )
    table = Table(
        caption="What a rollback does, first to last",
        columns=("From where", "What is done", "What it does not bring back, or the last resort"),
        rows=rows,
    )
    yield Section(title="The ways back", blocks=(table,))


def _guards(plan: Plan) -> Iterator[Section]:
    """What is looked at before every step."""
    if found := guards(plan):
        yield Section(title="Before every step", blocks=(Bullets(items=found),))


def plan_document(plan: Plan) -> Document:
    """The report on a plan."""
    choice = choose_strategy(plan.deployment)
    rejected = {name: why for name, why in choice.rejected.items() if name != plan.strategy}
    about = deployment_facts(plan.deployment, ("Fingerprint of the plan", plan.fingerprint))
    warned = any(finding.severity is not Severity.INFO for finding in plan.findings)
    return Document(
        title=f"Plan for the upgrade of {way(plan.deployment)}",
        verdict=_verdict(plan),
        level=Level.WARNING if warned else Level.GOOD,
        counts=(
            ("Steps", str(len(plan.steps))),
            ("By hand", str(sum(isinstance(step, DoByHand) for step in plan.steps))),
            ("Expected downtime", _downtime_text(plan)),
            *_points(plan),
            *severity_counts(plan.findings),
        ),
        sections=(
            Section(
                title=f"Strategy: {plan.strategy}",
                blocks=(Bullets(items=plan.reasons), *_rejected(rejected)),
            ),
            Section(title="Steps", blocks=(Entries(entries=tuple(_entries(plan)), compact=True),)),
            *_guards(plan),
            *_ways_back(plan),
            *findings_section(plan.findings),
            Section(title="What is upgraded", blocks=(about,)),
        ),
    )


def choice_document(choice: StrategyChoice) -> Document:
    """The report on a choice of strategy."""
    verdict, level = "No strategy of the guide fits", Level.BAD
    if choice.strategy is not None:
        verdict, level = f"The guide's flow chart leads to {choice.strategy}", Level.GOOD
    if choice.data_planes:
        verdict += f" for the control planes and {choice.data_planes} for the data planes"
    if choice.reasons:
        verdict += f": {choice.reasons[0]}"
    return Document(
        title="Choice of the upgrade strategy",
        verdict=verdict,
        level=level,
        counts=(
            ("Reasons", str(len(choice.reasons))),
            ("Rejected strategies", str(len(choice.rejected))),
        ),
        sections=(
            Section(title="Why", blocks=(Bullets(items=choice.reasons),)),
            *(Section(title="Why not another", blocks=(t,)) for t in _rejected(choice.rejected)),
        ),
    )
