"""Takes Kong Gateway from 2.8 LTS to 3.4 LTS: assess, plan, rehearse, run, roll back, report.

Everything here is re-exported from the module that is about it. `rehearse`, `render` and `follow`
are loaded on first use; importing this package loads no third-party package but attrs and cattrs.
"""

from typing import TYPE_CHECKING

from kong_lts import declarative, kong_conf, routing
from kong_lts.assessment import Assessment, NotChecked, assess
from kong_lts.baseline import Baseline
from kong_lts.deployment import (
    Cluster,
    DatabaseSettings,
    Deployment,
    DeploymentMode,
    Node,
    NodeRole,
    Resources,
    parse_deployment,
    read_deployment,
)
from kong_lts.errors import KongLtsError
from kong_lts.evidence import Evidence, StateFile, TextFile, gather, read_evidence, redacted
from kong_lts.execution import execute, resume
from kong_lts.findings import Finding, Location, Severity
from kong_lts.monitoring import Gate
from kong_lts.planning import Plan, Rehearsal, Run, Verdict, plan, plan_restore
from kong_lts.progress import Progress
from kong_lts.protocols import Adapters, ClusterAdapters, Probe
from kong_lts.rollback import roll_back
from kong_lts.strategies import Settings, Strategy, StrategyChoice, choose_strategy
from kong_lts.traffic import RampStage
from kong_lts.versions import Edition, KongVersion, Release

if TYPE_CHECKING:
    from kong_lts.adapters.following import follow
    from kong_lts.rehearsal import rehearse
    from kong_lts.reports import exit_status, render

__all__ = [
    "Adapters",
    "Assessment",
    "Baseline",
    "Cluster",
    "ClusterAdapters",
    "DatabaseSettings",
    "Deployment",
    "DeploymentMode",
    "Edition",
    "Evidence",
    "Finding",
    "Gate",
    "KongLtsError",
    "KongVersion",
    "Location",
    "Node",
    "NodeRole",
    "NotChecked",
    "Plan",
    "Probe",
    "Progress",
    "RampStage",
    "Rehearsal",
    "Release",
    "Resources",
    "Run",
    "Settings",
    "Severity",
    "StateFile",
    "Strategy",
    "StrategyChoice",
    "TextFile",
    "Verdict",
    "assess",
    "choose_strategy",
    "declarative",
    "execute",
    "exit_status",
    "follow",
    "gather",
    "kong_conf",
    "parse_deployment",
    "plan",
    "plan_restore",
    "read_deployment",
    "read_evidence",
    "redacted",
    "rehearse",
    "render",
    "resume",
    "roll_back",
    "routing",
]

_ON_FIRST_USE = {
    "exit_status": "reports",
    "follow": "adapters.following",
    "rehearse": "rehearsal",
    "render": "reports",
}


def __getattr__(name: str) -> object:
    """Load what is rarely needed."""
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_ON_FIRST_USE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
