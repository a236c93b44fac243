"""The guards of a plan: what a run looks at before every step, whatever the step does."""

from collections.abc import Iterator

from kong_lts.admin_writes import StopAdminWrites
from kong_lts.nodes import GuardDataPlanes
from kong_lts.planning.plans import Plan

__all__ = ["guards"]


def guards(plan: Plan) -> tuple[str, ...]:
    """What is looked at before every step of a run, in sentences; a run stops where one is not so.

    Source:
        guide, Dual-cluster upgrade, step 1: "Stop any Kong configuration updates"; Hybrid mode.
    """
    return tuple(_guards(plan))


def _guards(plan: Plan) -> Iterator[str]:
    if any(isinstance(step, StopAdminWrites) for step in plan.steps):
        yield (
            "Nobody has written to the configuration since admin writes were stopped: what each"
            " database holds is compared with what it held then."
        )
    first = next((step for step in plan.steps if isinstance(step, GuardDataPlanes)), None)
    if first is None:
        return
    yield (
        f"From step {first.id} on, each current data plane that was not taken away yet serves"
        f" {first.version} with the configuration it had then; one that was restarted or reloaded"
        " is told of, since it has only its cache."
    )
    yield (
        "No control plane is older than a data plane: data planes that were started have a control"
        " plane of their release that answers."
    )
    yield (
        "No data plane is where it would be refused: no control plane lists one of the other"
        " release, or a newer one, as trying to connect."
    )
