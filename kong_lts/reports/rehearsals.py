"""The report on a rehearsal."""

from collections import Counter
from collections.abc import Iterable, Iterator

from kong_lts.planning import Case, Rehearsal
from kong_lts.reports.assessments import way
from kong_lts.reports.document import Document, Level, Row, Section, Table
from kong_lts.reports.words import counted

__all__ = ["rehearsal_document", "rehearsal_verdict"]


def rehearsal_verdict(rehearsal: Rehearsal) -> str:
    """The verdict in one sentence."""
    cases = counted(len(rehearsal.cases), "rehearsed case")
    plan = f"the {rehearsal.plan.strategy} upgrade of {way(rehearsal.plan.deployment)}"
    if not rehearsal.cases:
        return f"Not rehearsed: there was no case for {plan}"
    if rehearsal.ok:
        return f"Rehearsed: every invariant held in {cases} of {plan}"
    broken = counted(len(rehearsal.broken), "case")
    return f"Not safe: invariants broke in {broken} of {cases} of {plan}"


def _counts(cases: Iterable[Case]) -> Table:
    """How many cases there were of each fault and way, and how they ended."""
    by_kind: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        by_kind.setdefault((case.fault, case.way), []).append(case)
    rows = []
    for (fault, way_out), found in by_kind.items():
        broken = sum(bool(case.broken) for case in found)
        ends = Counter(str(case.verdict) for case in found)
        ended = ", ".join(f"{verdict}: {count:,}" for verdict, count in ends.items())
        cells = (fault, way_out, str(len(found)), str(broken), ended)
        rows.append(Row(cells=cells, level=Level.BAD if broken else Level.PLAIN))
    return Table(
        caption="Cases by fault and by what was done about it",
        columns=("Fault", "Way out", "Cases", "Broken", "How they ended"),
        rows=tuple(rows),
    )


def _broken(rehearsal: Rehearsal) -> Iterator[Section]:
    if not rehearsal.broken:
        return
    rows = tuple(
        Row(
            cells=(case.step, case.fault, case.way, case.verdict, invariant),
            level=Level.BAD,
        )
        for case in rehearsal.broken
        for invariant in case.broken
    )
    table = Table(
        caption="Invariants that did not hold",
        columns=("Step", "Fault", "Way out", "How it ended", "What did not hold"),
        rows=rows,
    )
    yield Section(title="Broken", blocks=(table,))


def rehearsal_document(rehearsal: Rehearsal) -> Document:
    """The report on a rehearsal."""
    faults = {case.fault for case in rehearsal.cases}
    return Document(
        title=f"Rehearsal of the upgrade of {way(rehearsal.plan.deployment)}",
        verdict=rehearsal_verdict(rehearsal),
        level=Level.GOOD if rehearsal.ok and rehearsal.cases else Level.BAD,
        counts=(
            ("Cases", f"{len(rehearsal.cases):,}"),
            ("Broken", f"{len(rehearsal.broken):,}"),
            ("Kinds of fault", str(len(faults))),
            ("Steps", str(len(rehearsal.plan.steps))),
        ),
        sections=(
            *_broken(rehearsal),
            Section(title="Cases", blocks=(_counts(rehearsal.cases),)),
        ),
    )
