"""Checks: what a row of the catalog cannot say, one file per subject of the guide's review."""

from kong_lts.checks import configuration, database, declarative, prerequisites, routes
from kong_lts.checks.check import Check, NotChecked, Seen

__all__ = ["ALL", "Check", "NotChecked", "Seen"]

ALL: tuple[Check, ...] = (
    prerequisites.CHECK,
    configuration.CHECK,
    declarative.CHECK,
    database.CHECK,
    routes.CHECK,
)
"""Every check, in the order of the guide's review."""
