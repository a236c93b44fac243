"""The process that is killed: it executes the plan of a folder, or resumes the run of its journal.

KILLED_RUN='{"current": URL, "new": URL}' python -m tests.integration.killed_run FOLDER
"""

import json
import os
import sys
from pathlib import Path

import attrs

import kong_lts
from kong_lts.adapters import SqliteJournal
from kong_lts.deployment import Side
from tests.integration.gateways import Gateways

READY = "ready"
"""Printed when nothing is left to do but the run itself."""


@attrs.frozen
class FileBalancer:
    """A share of the traffic that outlives whoever set it."""

    path: Path

    def set_weight(self, new_percent: int) -> None:
        written = self.path.with_suffix(".new")
        written.write_text(str(new_percent))
        written.replace(self.path)

    def weight(self) -> int:
        return int(self.path.read_text()) if self.path.exists() else 0


def say(text: str) -> None:
    """Tell whoever started this process."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Go on from wherever the journal stands."""
    folder = Path(sys.argv[1])
    urls = json.loads(os.environ["KILLED_RUN"])
    ports = json.loads((folder / "ports.json").read_text())
    gateways = Gateways(folder, {side: urls[side] for side in Side}, ports)
    balancer = FileBalancer(folder / "weight")
    adapters = attrs.evolve(gateways.adapters(), load_balancer=balancer)
    plan = kong_lts.Plan.from_json((folder / "plan.json").read_text())
    journal = SqliteJournal(folder / "journal.sqlite")
    begun = bool(journal.events())
    say(READY)
    if begun:
        run = kong_lts.resume(journal, adapters)
    else:
        run = kong_lts.execute(plan, adapters, journal=journal)
    say(f"{run.verdict} {run.stopped_at} {run.reason}")
    return 0 if run.ok else 1


if __name__ == "__main__":
    sys.exit(main())
