"""Checks: what a row of the catalog cannot say, one file per subject of the guide's review."""

from kong_lts.checks import (
    automation,
    backups,
    certificates,
    configuration,
    custom_plugins,
    database,
    declarative,
    error_log,
    hybrid,
    kubernetes,
    live,
    live_routes,
    platforms,
    plugin_order,
    plugins,
    prerequisites,
    routes,
    scaling,
    sessions,
    texts,
    unshared,
)
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, NotChecked, Part, Seen, part
from kong_lts.checks.places import placed
from kong_lts.checks.ranking import ranked
from kong_lts.checks.suppressions import suppress

__all__ = [
    "ALL",
    "Case",
    "Check",
    "NotChecked",
    "Part",
    "Seen",
    "cross_rule",
    "part",
    "placed",
    "ranked",
    "suppress",
]

ALL: tuple[Check, ...] = (
    prerequisites.CHECK,
    configuration.CHECK,
    declarative.CHECK,
    database.CHECK,
    backups.CHECK,
    live.CHECK,
    routes.CHECK,
    live_routes.CHECK,
    plugins.CHECK,
    plugin_order.CHECK,
    custom_plugins.CHECK,
    sessions.CHECK,
    hybrid.CHECK,
    kubernetes.CHECK,
    scaling.CHECK,
    platforms.CHECK,
    certificates.CHECK,
    automation.CHECK,
    texts.METRICS,
    texts.TEMPLATES,
    texts.PREFIX,
    error_log.CHECK,
    unshared.CHECK,
)
"""Every check, in the order of the guide's review."""
