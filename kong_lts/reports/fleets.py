"""The report on a fleet: one line for each of its upgrades."""

from collections import Counter

from kong_lts.fleet import FleetRun, MemberRun, Standing
from kong_lts.reports.document import Document, Level, Row, Section, Table
from kong_lts.reports.words import counted

__all__ = ["fleet_document", "fleet_verdict"]

_LEVELS = {Standing.SUCCEEDED: Level.GOOD, Standing.NOT_BEGUN: Level.PLAIN}


def fleet_verdict(fleet: FleetRun) -> str:
    """The verdict in one sentence."""
    upgrades = counted(len(fleet.members), "upgrade")
    done = sum(member.ok for member in fleet.members)
    if not fleet.members:
        return "Nothing to do: the fleet is empty"
    if fleet.ok:
        return f"Done: {upgrades} of the fleet succeeded"
    if not fleet.broken:
        return f"Not at its end: {done} of {upgrades} succeeded, and the rest was not begun"
    first = fleet.broken[0]
    return f"Stopped at {first.name} in wave {first.wave}: {done} of {upgrades} succeeded"


def _row(member: MemberRun) -> Row:
    return Row(
        cells=(
            member.name,
            str(member.wave),
            str(member.standing),
            member.stopped_at or "",
            member.reason or "",
        ),
        level=_LEVELS.get(member.standing, Level.BAD),
    )


def fleet_document(fleet: FleetRun) -> Document:
    """The report on a fleet."""
    by_standing = Counter(str(member.standing) for member in fleet.members)
    table = Table(
        caption="How each upgrade stands",
        columns=("Upgrade", "Wave", "Status", "Stands at", "Why"),
        rows=tuple(map(_row, fleet.members)),
    )
    return Document(
        title="Upgrades of a fleet",
        verdict=fleet_verdict(fleet),
        level=Level.GOOD if fleet.ok and fleet.members else Level.BAD,
        counts=(
            ("Upgrades", f"{len(fleet.members):,}"),
            *((standing.capitalize(), f"{count:,}") for standing, count in by_standing.items()),
        ),
        sections=(Section(title="Upgrades", blocks=(table,)),),
    )
