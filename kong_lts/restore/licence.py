"""Bringing the licences back into a gateway that decK has filled."""

import json
from collections.abc import Iterator, Mapping

import attrs

from kong_lts.errors import BackupError
from kong_lts.events import Done, Past
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, present

__all__ = ["RestoreLicence"]

_FILE = "licence.json"


@attrs.frozen(kw_only=True)
class RestoreLicence(PlannedStep):
    """Put each saved licence back under its id.

    Source:
        guide, Database backup: "Please configure these security related entities separately".
    """

    folder: str
    """The backup."""

    writes_configuration = True
    needs_of_side = ("admin",)
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Bring the licences of {self.folder} back into the {self.side} cluster"

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The backup is whole."""
        present(adapters.backups, "backups", self.id).inspect(self.folder)
        yield from ()

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Put them."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        saved = self._saved(adapters)
        for licence in saved:
            admin.put(f"licenses/{licence['id']}", licence)
        return Done(note=f"{len(saved)} licences")

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every one is there."""
        admin = present(self.cluster(adapters).admin, "admin", self.id)
        there = {one.get("id"): one.get("payload") for one in admin.entities("licenses")}
        missing = [
            str(one["id"])
            for one in self._saved(adapters)
            if one["id"] not in there or there[one["id"]] != one.get("payload")
        ]
        if missing:
            yield self.obstacle(
                "licence-missing",
                f"The gateway has not the licences {', '.join(missing)}, or other ones under their"
                " ids.",
                "Put them by POST /licenses; without one, Enterprise plugins do not run.",
            )

    def _saved(self, adapters: Adapters) -> list[Mapping[str, object]]:
        text = present(adapters.backups, "backups", self.id).read(self.folder, _FILE)
        try:
            saved = json.loads(text)
            return [{**licence, "id": licence["id"]} for licence in saved]
        except (ValueError, TypeError, KeyError) as exc:  # the text of a licence is not repeated
            raise BackupError(self.folder, f"{_FILE} is no list of licences") from exc
