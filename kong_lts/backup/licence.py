"""Backing up the licences that are in the database, which decK does not write."""

import json
from collections.abc import Iterator

import attrs

from kong_lts.events import LicenceBackedUp, Past
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, present

__all__ = ["BackUpLicence"]


@attrs.frozen(kw_only=True)
class BackUpLicence(PlannedStep):
    """Save what the Admin API says of the licences, for a gateway that decK fills.

    Source:
        guide, Database backup: "deck does not manage enterprise-only entities, like ... licence";
        documents only, Enterprise was never measured.
    """

    path: str
    """A new file."""

    needs_of_side = ("admin",)
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Save the licences of the {self.side} cluster to {self.path}"

    def run(self, adapters: Adapters, past: Past) -> LicenceBackedUp:
        """Ask, and write."""
        found = present(self.cluster(adapters).admin, "admin", self.id).entities("licenses")
        backups = present(adapters.backups, "backups", self.id)
        backups.prepare(self.path)
        backups.write(self.path, json.dumps([dict(licence) for licence in found], indent=2))
        return LicenceBackedUp(path=self.path, count=len(found))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The file is there."""
        if not present(adapters.backups, "backups", self.id).holds(self.path):
            yield self.obstacle(
                "licence-not-backed-up", f"There is no {self.path}.", "Run this step again."
            )
