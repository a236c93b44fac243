"""Checks: what a row of the catalog cannot say, one file per subject of the guide's review."""

from kong_lts.checks import configuration, database, declarative, prerequisites
from kong_lts.checks.check import Check

__all__ = ["ALL", "Check"]

ALL: tuple[Check, ...] = (
    prerequisites.CHECK,
    configuration.CHECK,
    declarative.CHECK,
    database.CHECK,
)
"""Every check, in the order of the guide's review."""
