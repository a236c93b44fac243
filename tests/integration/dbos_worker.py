"""A worker of the durable engine, as a process that a test may kill.

    python -m tests.integration.dbos_worker NAME CLOCK_AHEAD_S

The environment's ENGINE_URL and WORLD_URL say where the engine and the worlds are.
"""

import os
import signal
import sys
from datetime import timedelta

from kong_lts.adapters.dbos_engine import DbosWorker
from kong_lts.planning import Plan
from kong_lts.protocols import Adapters
from tests.integration.stored_worlds import StoredWorld


def main() -> None:
    """Work until killed."""
    name, ahead_s = sys.argv[1], float(sys.argv[2])

    def adapters_of(plan: Plan) -> Adapters:
        world = StoredWorld(os.environ["WORLD_URL"], plan.deployment.name)
        return world.adapters(clock_ahead=timedelta(seconds=ahead_s))

    worker = DbosWorker(
        url=os.environ["ENGINE_URL"], adapters_of=adapters_of, name=name, runs_at_once=4
    )
    with worker:
        signal.pause()


if __name__ == "__main__":
    main()
