"""What a person types to carry a step out by hand, and what shows that it happened."""

from collections.abc import Callable, Mapping
from typing import Any

from kong_lts.deployment import Deployment
from kong_lts.planning import AnyStep
from kong_lts.reports.by_hand.copies import COPIES
from kong_lts.reports.by_hand.gateways import GATEWAYS
from kong_lts.reports.by_hand.words import ByHand, Words, ask, serving

__all__ = ["BY_KIND", "ByHand", "ask", "by_hand", "serving"]

BY_KIND: Mapping[type, Callable[[Any, Words], ByHand]] = {**COPIES, **GATEWAYS}
"""One for every step that a plan can hold."""


def by_hand(step: AnyStep, deployment: Deployment) -> ByHand:
    """How a step is done by hand."""
    return BY_KIND[type(step)](step, Words(step, deployment))
