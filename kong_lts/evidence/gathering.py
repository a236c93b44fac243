"""gather(): the facts of a running deployment, through its adapters, reading only."""

import attrs

from kong_lts.deployment import Deployment
from kong_lts.evidence.values import Evidence
from kong_lts.protocols import Adapters

__all__ = ["gather"]


def gather(
    deployment: Deployment, adapters: Adapters, *, known: Evidence | None = None
) -> Evidence:
    """Look at the current cluster through the adapters, reading only.

    Args:
        deployment: What is upgraded.
        adapters: Those that are there are asked.
        known: Evidence that came from elsewhere, and stays.

    Returns:
        The evidence, with what the adapters showed.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    evidence = known or Evidence()
    database = adapters.current.database
    if not deployment.mode.has_database or database is None:
        return evidence
    return attrs.evolve(evidence, database=database.facts())
