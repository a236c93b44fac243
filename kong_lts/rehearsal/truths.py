"""What must be so in the simulated world once a step counts as proved.

A step's own `verify` looks through adapters, as in a real run. This looks at the world itself, so
that a `verify` that is missing, or that believes a lie, is found out.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.backup import (
    BackUpDatabase,
    BackUpDeclarative,
    BackUpFiles,
    BackUpKeyring,
    BackUpLicence,
    SaveDeclarative,
    VerifyBackup,
)
from kong_lts.migrations import MigrationsFinish, MigrationsUp
from kong_lts.monitoring import WatchMetrics
from kong_lts.nodes import (
    CompareConfiguration,
    GuardDataPlanes,
    NoConnections,
    ReloadNodes,
    StartNodes,
    StopNodes,
)
from kong_lts.planning import AnyStep
from kong_lts.restore import CreateDatabase, RestoreDatabase, RestoreKeyring, RestorePoint
from kong_lts.schema import SchemaState
from kong_lts.smoke_test import CompareAnswers, SmokeTest, StagingTest
from kong_lts.testing.simulation import SimulatedDatabase, World
from kong_lts.traffic import DivertTraffic

__all__ = ["is_true"]

_Truth = Callable[[World, Any], bool]


def is_true(world: World, step: AnyStep) -> bool:
    """Whether what a step counts as proved is so; True for one that changes nothing here."""
    truth = _TRUTHS.get(type(step))
    return truth is None or truth(world, step)


def _database(world: World, step: AnyStep) -> SimulatedDatabase:
    return world.cluster(step.side).database


def _is_backed_up(world: World, step: BackUpDatabase | RestorePoint | RestoreDatabase) -> bool:
    """The backup holds what the database holds."""
    backup = world.backups.get(step.folder)
    return backup is not None and backup[-1] == _database(world, step).rows


def _is_dumped(world: World, step: BackUpDeclarative) -> bool:
    files = {path: dump for path, dump in world.dumps.items() if path.startswith(f"{step.folder}/")}
    return any(dump.rows == _database(world, step).rows for dump in files.values())


def _is_exported(world: World, step: BackUpKeyring) -> bool:
    held = world.keyring_exports.get(step.path, ())
    return set(world.cluster(step.side).keyring.ids) <= set(held)


def _are_copied(world: World, step: BackUpFiles) -> bool:
    return all(f"{step.folder}/{node}" in world.fetched for node in step.nodes)


def _has_keys(world: World, step: RestoreKeyring) -> bool:
    wanted = world.keyring_exports.get(step.path, ())
    return set(wanted) <= set(world.cluster(step.side).keyring.ids)


def _is_the_same(world: World, step: ReloadNodes | CompareConfiguration) -> bool:
    return not world.cluster(step.side).configuration


def _run(world: World, step: StartNodes | StopNodes | GuardDataPlanes) -> list[bool]:
    running = world.cluster(step.side).running
    return [running.get(node, False) for node in step.nodes]


def _is_well(world: World, step: StagingTest | SmokeTest | CompareAnswers | WatchMetrics) -> bool:
    return world.new.failing_percent < 100


_TRUTHS: Mapping[type, _Truth] = {
    StopAdminWrites: lambda world, step: _database(world, step).guarded,
    ResumeAdminWrites: lambda world, step: not _database(world, step).guarded,
    BackUpDatabase: _is_backed_up,
    BackUpDeclarative: _is_dumped,
    BackUpKeyring: _is_exported,
    BackUpLicence: lambda world, step: step.path in world.parts,
    BackUpFiles: _are_copied,
    SaveDeclarative: lambda world, step: step.folder in world.fetched,
    VerifyBackup: lambda world, step: step.folder in world.completed,
    RestoreKeyring: _has_keys,
    RestorePoint: _is_backed_up,
    CreateDatabase: lambda world, step: _database(world, step).exists,
    RestoreDatabase: _is_backed_up,
    MigrationsUp: lambda world, step: _database(world, step).state is SchemaState.UP,
    MigrationsFinish: lambda world, step: _database(world, step).state is SchemaState.LTS_3_4,
    StartNodes: lambda world, step: all(_run(world, step)),
    StopNodes: lambda world, step: not any(_run(world, step)),
    GuardDataPlanes: lambda world, step: all(_run(world, step)),
    ReloadNodes: _is_the_same,
    CompareConfiguration: _is_the_same,
    NoConnections: lambda world, step: _database(world, step).connections == 0,
    StagingTest: _is_well,
    SmokeTest: _is_well,
    CompareAnswers: _is_well,
    WatchMetrics: _is_well,
    DivertTraffic: lambda world, step: world.new_percent == step.new_percent,
}
"""By class of step; a class that is not here proves nothing that the simulated world knows."""
