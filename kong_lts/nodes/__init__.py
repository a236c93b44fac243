"""Nodes: installing, starting, stopping and reloading them, and what a person does by hand."""

from kong_lts.nodes.by_hand import DoByHand
from kong_lts.nodes.data_planes import GuardDataPlanes
from kong_lts.nodes.hybrid_guards import hybrid_guards
from kong_lts.nodes.installing import InstallNodes
from kong_lts.nodes.loading import CompareConfiguration, ReloadNodes, ValidateDeclarative
from kong_lts.nodes.running import NoConnections, StartNodes, StopNodes

__all__ = [
    "CompareConfiguration",
    "DoByHand",
    "GuardDataPlanes",
    "InstallNodes",
    "NoConnections",
    "ReloadNodes",
    "StartNodes",
    "StopNodes",
    "ValidateDeclarative",
    "hybrid_guards",
]
