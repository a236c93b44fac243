"""What differs between two plans, for whoever reviews the second one."""

from collections.abc import Iterator
from enum import StrEnum

import attrs

from kong_lts.planning.plans import AnyStep, Plan

__all__ = ["PlanChange", "PlanDifference", "plan_differences"]


class PlanChange(StrEnum):
    """How one thing differs."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


@attrs.frozen(kw_only=True)
class PlanDifference:
    """One difference between two plans."""

    change: PlanChange
    """What kind of difference."""
    subject: str
    """Id of a step, or the part of the plan, as `strategy`."""
    field: str | None = None
    """The field of a step that changed."""
    before: str = ""
    """Of the first plan, in words; empty for what is new."""
    after: str = ""
    """Of the second plan, in words; empty for what is gone."""

    def __str__(self) -> str:
        what = f"{self.subject}.{self.field}" if self.field else self.subject
        if self.change is PlanChange.CHANGED:
            return f"{what}: {self.before} -> {self.after}"
        return f"{what}: {self.change}"


def plan_differences(before: Plan, after: Plan) -> tuple[PlanDifference, ...]:
    """Everything that differs, in the order of the second plan; nothing if they are equal."""
    return (*_of_the_plan(before, after), *_of_the_steps(before, after))


def _of_the_plan(before: Plan, after: Plan) -> Iterator[PlanDifference]:
    for name in ("strategy", "starts_from", "reasons"):
        yield from _changed(name, None, getattr(before, name), getattr(after, name))
    for field in attrs.fields(type(before.deployment)):
        old, new = (getattr(made.deployment, field.name) for made in (before, after))
        yield from _changed("deployment", field.name, old, new)
    known, found = ({str(finding) for finding in made.findings} for made in (before, after))
    for text in sorted(found - known):
        yield PlanDifference(change=PlanChange.ADDED, subject=f"finding {text}")
    for text in sorted(known - found):
        yield PlanDifference(change=PlanChange.REMOVED, subject=f"finding {text}")


def _of_the_steps(before: Plan, after: Plan) -> Iterator[PlanDifference]:
    old, new = ({step.id: step for step in made.steps} for made in (before, after))
    for name in (name for name in old if name not in new):
        yield PlanDifference(change=PlanChange.REMOVED, subject=name)
    stayed = [name for name in old if name in new]
    order = iter(stayed)
    for name, step in new.items():
        if name not in old:
            yield PlanDifference(change=PlanChange.ADDED, subject=name)
            continue
        if next(order) != name:
            yield PlanDifference(change=PlanChange.MOVED, subject=name)
        yield from _of_one(old[name], step)


def _of_one(before: AnyStep, after: AnyStep) -> Iterator[PlanDifference]:
    kinds = (type(before).__name__, type(after).__name__)
    if kinds[0] != kinds[1]:
        yield from _changed(after.id, None, *kinds)
        return
    for field in attrs.fields(type(after)):
        yield from _changed(
            after.id, field.name, getattr(before, field.name), getattr(after, field.name)
        )


def _changed(
    subject: str, field: str | None, before: object, after: object
) -> Iterator[PlanDifference]:
    if before != after:
        yield PlanDifference(
            change=PlanChange.CHANGED,
            subject=subject,
            field=field,
            before=str(before),
            after=str(after),
        )
