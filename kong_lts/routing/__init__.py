"""Routes: what a path means to 2.8 and to 3.4, how a database migrates it, which route wins."""

from kong_lts.routing.dialect import check_regex
from kong_lts.routing.paths import (
    already_migrated,
    is_regex_28,
    migrate_path,
    normalise,
    normalise_regex,
)
from kong_lts.routing.router import (
    OF_WORKSPACE,
    Candidate,
    Cause,
    Difference,
    Engines,
    Match,
    Request,
    Router,
    compare,
    requests_for,
    router,
    shadowed,
)

__all__ = [
    "OF_WORKSPACE",
    "Candidate",
    "Cause",
    "Difference",
    "Engines",
    "Match",
    "Request",
    "Router",
    "already_migrated",
    "check_regex",
    "compare",
    "is_regex_28",
    "migrate_path",
    "normalise",
    "normalise_regex",
    "requests_for",
    "router",
    "shadowed",
]
