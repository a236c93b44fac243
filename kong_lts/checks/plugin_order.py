"""In which order plugins run under both releases, custom ones included."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.custom_plugins import priorities
from kong_lts.checks.in_use import PluginInUse, may_meet
from kong_lts.findings import Finding, Location, Severity
from kong_lts.versions import Edition, Release

__all__ = ["CHECK", "execution_order", "swapped"]

_SHOWN = 8


@attrs.frozen
class Place:
    """When one plugin runs under each release; None where that release does not have it."""

    in_2_8: int | None
    in_3_4: int | None

    def under(self, release: Release) -> int | None:
        """Its PRIORITY under a release."""
        return self.in_2_8 if release is Release.V2_8 else self.in_3_4


def bundled(edition: Edition) -> dict[str, Place]:
    """The plugins that an edition brings, by name."""
    return {
        row.plugin: Place(row.in_2_8, row.in_3_4)
        for row in catalog.plugin_order()
        if row.edition in ("", edition)
    }


def execution_order(
    plugins: Sequence[str],
    *,
    release: Release,
    edition: Edition,
    custom: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
    """The order in which plugins run; those of equal priority as 3.4 has them, by name.

    Args:
        plugins: Names; one whose priority is not known is left out.
        release: Under which release.
        edition: `oss` or `enterprise`.
        custom: PRIORITY by name of plugins that are not bundled.
    """
    known = bundled(edition)
    found = []
    for name in plugins:
        place = known.get(name)
        own = (custom or {}).get(name)
        priority = own if own is not None else place.under(release) if place else None
        if priority is not None:
            found.append((priority, name))
    return tuple(name for _, name in sorted(found, reverse=True))


def swapped(one: Place, other: Place) -> bool:
    """Whether two plugins change their order."""
    if None in (one.in_2_8, one.in_3_4, other.in_2_8, other.in_3_4):
        return False
    before = (one.in_2_8 or 0) - (other.in_2_8 or 0)
    after = (one.in_3_4 or 0) - (other.in_3_4 or 0)
    return before * after < 0 or ((before == 0) != (after == 0) and before != 0)


def _was_open(one: Place, other: Place) -> bool:
    """Whether 2.8 ran two plugins of one PRIORITY in any order, and 3.4 has a fixed one."""
    if None in (other.in_2_8, other.in_3_4):
        return False
    return one.in_2_8 == other.in_2_8 and one.in_3_4 != other.in_3_4


def _look(case: Case) -> Iterator[Seen]:
    known = bundled(case.edition)
    own = priorities(case)
    in_use = _by_name(case.plugins)
    for name, (priority, location) in own.items():
        place = Place(priority, priority)
        others = [
            other
            for other, theirs in known.items()
            if other != name and (swapped(place, theirs) or _was_open(place, theirs))
        ]
        if others:
            yield part(
                "plugin-order-changes",
                _moved,
                case,
                name,
                priority,
                location,
                others,
                known,
                in_use,
            )
        equal = [other for other, theirs in known.items() if theirs.in_3_4 == priority]
        equal += [
            other for other, (theirs, _) in own.items() if other != name and theirs == priority
        ]
        if equal:
            yield cross_rule("plugin-order-ties").finding(
                f"plugin {name}",
                location=location,
                plugin=name,
                priority=priority,
                others=", ".join(sorted(equal)),
            )
    yield part("plugin-order-bundled", _bundled_elsewhere, case, known, in_use)


def _by_name(plugins: Sequence[PluginInUse]) -> dict[str, list[PluginInUse]]:
    found: dict[str, list[PluginInUse]] = {}
    for plugin in plugins:
        if plugin.enabled:
            found.setdefault(plugin.name, []).append(plugin)
    return found


def _moved(
    case: Case,
    name: str,
    priority: int,
    location: Location,
    others: Sequence[str],
    known: Mapping[str, Place],
    in_use: Mapping[str, list[PluginInUse]],
) -> Iterator[Finding]:
    """A warning where both run on some request, else worth knowing."""
    if in_use and name in in_use:
        meeting = [other for other in others if may_meet(in_use[name], in_use.get(other, ()))]
    elif case.plugin_names:
        meeting = [other for other in others if other in case.plugin_names]
    else:
        meeting = []
    named = case.evidence.database.plugins if case.evidence.database else {}
    if name in case.plugin_names:  # the database tells names alone, and not where they run
        meeting += [other for other in others if other in named and other not in meeting]
    shown = meeting or others
    yield cross_rule("plugin-order-changes").finding(
        f"plugin {name}",
        severity=Severity.WARNING if meeting else Severity.INFO,
        location=location,
        evidence=location.path,
        plugin=name,
        priority=priority,
        changes=_changes(priority, shown, known),
    )


def _changes(priority: int, others: Sequence[str], known: Mapping[str, Place]) -> str:
    """As in "after jwt (1005, now 1450), where it ran before it"."""
    after = [other for other in others if (known[other].in_3_4 or 0) >= priority]
    before = [other for other in others if other not in after]
    parts = []
    for word, names in (("after", after), ("before", before)):
        if names:
            listed = ", ".join(
                f"{other} ({known[other].in_2_8}, now {known[other].in_3_4})"
                for other in names[:_SHOWN]
            )
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            parts.append(f"{word} {listed}{more}")
    return " and ".join(parts)


def _bundled_elsewhere(
    case: Case, known: Mapping[str, Place], in_use: Mapping[str, list[PluginInUse]]
) -> Iterator[Finding]:
    """Pairs of bundled plugins that swap and meet; files have rules of their own for these."""
    from_elsewhere = {
        name: [plugin for plugin in plugins if plugin.origin != "file"]
        for name, plugins in in_use.items()
    }
    found: dict[str, list[str]] = {}
    for one, other in itertools.combinations(sorted(set(from_elsewhere) & set(known)), 2):
        if swapped(known[one], known[other]) and may_meet(
            from_elsewhere[one], from_elsewhere[other]
        ):
            mover = one if _distance(known[one]) >= _distance(known[other]) else other
            found.setdefault(mover, []).append(other if mover == one else one)
    for mover, others in found.items():
        severity = Severity.INFO if mover == "correlation-id" else Severity.WARNING
        yield cross_rule("plugin-order-bundled").finding(
            f"plugin {mover}",
            severity=severity,
            plugin=mover,
            changes=_changes(known[mover].in_3_4 or 0, others, known),
        )


def _distance(place: Place) -> int:
    return abs((place.in_3_4 or 0) - (place.in_2_8 or 0))


_RULES = ("plugin-order-changes", "plugin-order-bundled", "plugin-order-ties")


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(
    name="plugin order",
    look=_look,
    rows=_rows,
    needs=("custom_plugins", "declarative", "admin", "rows", "kubernetes"),
    needs_called="custom plugins, or a configuration with plugins",
)
