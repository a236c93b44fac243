"""What the steps of all strategies refer to: ids that others name, and a step by hand."""

from kong_lts.deployment import Side
from kong_lts.nodes import DoByHand

__all__ = ["EVALUATE", "RESUME", "STOP", "by_hand"]

STOP = "stop-admin-writes"
"""Id of the step that stops admin writes on the current cluster."""
RESUME = "resume-admin-writes"
"""Id of the step from which on the configuration may be changed again."""
EVALUATE = "evaluate"
"""Id of the step to which a failed staging test leads back."""


def by_hand(
    name: str, guide: str, side: Side, what: str, instructions: str, *, traffic: bool = False
) -> DoByHand:
    """What a person does, or a tool of the caller's own."""
    return DoByHand(
        id=name,
        guide=guide,
        side=side,
        what=what,
        instructions=instructions,
        touches_traffic=traffic,
    )
