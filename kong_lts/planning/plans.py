"""Plan: what will be done, in order, as a value; and every step that it can hold."""

import hashlib

import attrs

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.backup import (
    BackUpDatabase,
    BackUpDeclarative,
    BackUpFiles,
    BackUpKeyring,
    BackUpLicence,
    CompareDeclarative,
    ExportKongConfig,
    SaveDeclarative,
    VerifyBackup,
)
from kong_lts.deployment import Deployment
from kong_lts.errors import FormatError
from kong_lts.findings import Finding
from kong_lts.migrations import MigrationsBootstrap, MigrationsFinish, MigrationsUp
from kong_lts.monitoring import CheckMetrics, WatchMetrics
from kong_lts.nodes import (
    CompareConfiguration,
    DoByHand,
    GuardDataPlanes,
    InstallNodes,
    NoConnections,
    ReloadNodes,
    StartNodes,
    StopNodes,
    ValidateDeclarative,
)
from kong_lts.restore import (
    CreateDatabase,
    DropDatabase,
    FilesPoint,
    ImportKongConfig,
    ReplaceDatabase,
    RestoreBasicAuth,
    RestoreDatabase,
    RestoreDeclarative,
    RestoreFiles,
    RestoreKeyring,
    RestoreLicence,
    RestorePoint,
)
from kong_lts.schema import SchemaState
from kong_lts.serialization import Form, json_schema
from kong_lts.smoke_test import (
    AllowDebugHeader,
    CheckRoutes,
    CompareAnswers,
    RecordAnswers,
    SmokeTest,
    StagingTest,
)
from kong_lts.step import Reversibility
from kong_lts.strategies import Strategy
from kong_lts.traffic import DivertTraffic

__all__ = ["AnyStep", "Plan"]

AnyStep = (
    StopAdminWrites
    | ResumeAdminWrites
    | BackUpDatabase
    | BackUpDeclarative
    | SaveDeclarative
    | CompareDeclarative
    | BackUpKeyring
    | BackUpLicence
    | ExportKongConfig
    | BackUpFiles
    | VerifyBackup
    | CreateDatabase
    | DropDatabase
    | RestoreDatabase
    | RestorePoint
    | ReplaceDatabase
    | RestoreDeclarative
    | RestoreBasicAuth
    | RestoreKeyring
    | RestoreLicence
    | ImportKongConfig
    | FilesPoint
    | RestoreFiles
    | MigrationsBootstrap
    | MigrationsUp
    | MigrationsFinish
    | StartNodes
    | StopNodes
    | DoByHand
    | InstallNodes
    | ReloadNodes
    | ValidateDeclarative
    | CompareConfiguration
    | GuardDataPlanes
    | NoConnections
    | AllowDebugHeader
    | StagingTest
    | RecordAnswers
    | CompareAnswers
    | CheckRoutes
    | SmokeTest
    | DivertTraffic
    | WatchMetrics
    | CheckMetrics
)
"""Every step that a plan can hold."""


@attrs.frozen(kw_only=True)
class Plan:
    """What will be done, in order; it can be written, read and rehearsed without any gateway."""

    deployment: Deployment
    """What is upgraded."""
    strategy: Strategy
    """How."""
    reasons: tuple[str, ...] = ()
    """Why this strategy, and what else the maker should know."""
    steps: tuple[AnyStep, ...]
    """In the order in which they are done."""
    findings: tuple[Finding, ...] = ()
    """What the assessment said when the plan was made."""
    starts_from: SchemaState | None = None
    """State of the current database; None where there is none. Another one makes the plan stale."""
    inputs: str | None = None
    """Hash of the evidence that the plan rests on; None where none was given."""

    @property
    def fingerprint(self) -> str:
        """Hash of everything in the plan; two equal plans have the same."""
        text = _FORM.to_json(self, indent=None)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def point_of_no_return(self) -> int | None:
        """Index of the first step behind which a rollback needs the backup, or loses something.

        In-place it is `kong migrations up`, dual-cluster the first write that the new cluster
        takes; None where there is none.
        """
        return self._first(Reversibility.RESTORE, Reversibility.NONE)

    @property
    def writes_lost_from(self) -> int | None:
        """Index of the first step behind which a rollback leaves writes behind; None for none.

        What is written on the new cluster does not come along to the current one.
        """
        return self._first(Reversibility.NONE)

    def _first(self, *kinds: Reversibility) -> int | None:
        found = (n for n, step in enumerate(self.steps) if step.reversibility in kinds)
        return next(found, None)

    @property
    def downtime_s(self) -> float:
        """How long the proxy is expected not to answer, all steps together."""
        return sum(step.effect.downtime_s for step in self.steps)

    def step(self, step_id: str) -> AnyStep:
        """One step by its id.

        Raises:
            KeyError: There is none.
        """
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def to_json(self) -> str:
        """The plan as JSON; its schema is `schemas/plan.json`."""
        return _FORM.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        found = _FORM.from_json(text)
        ids = [step.id for step in found.steps]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise FormatError("plan", (f"two steps have the id {', '.join(twice)}",))
        return found

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """JSON Schema of `to_json`."""
        return json_schema(cls, title="kong_lts plan")


_FORM = Form(Plan, "plan", unions=(AnyStep,))
