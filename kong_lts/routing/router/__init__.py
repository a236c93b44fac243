"""Which route wins: the routers of 2.8 and 3.4, as exact as recordings of real gateways allow."""

from kong_lts.routing.router.causes import Cause, Explanation
from kong_lts.routing.router.chooser import Router, router
from kong_lts.routing.router.comparison import Difference, compare, shadowed
from kong_lts.routing.router.configuration import OF_WORKSPACE
from kong_lts.routing.router.engines import Engines
from kong_lts.routing.router.generated import requests_for
from kong_lts.routing.router.request import Candidate, Match, Request

__all__ = [
    "OF_WORKSPACE",
    "Candidate",
    "Cause",
    "Difference",
    "Engines",
    "Explanation",
    "Match",
    "Request",
    "Router",
    "compare",
    "requests_for",
    "router",
    "shadowed",
]
