"""A fleet on the executor of a Dask cluster, as on threads."""

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import pytest

from kong_lts.adapters import SqliteJournal
from kong_lts.fan_out import fan_out
from kong_lts.fleet import FleetMember, Standing, carry_on, run_fleet
from kong_lts.planning import Run
from kong_lts.testing.fakes import fake_adapters
from tests.worlds import a_plan, a_world


def carry(member: FleetMember) -> Run:
    """What a worker does: it makes everything anew from the member."""
    if "killed" in member.name:
        os._exit(1)
    return carry_on(member.plan, fake_adapters(a_world()), journal=SqliteJournal(Path(member.name)))


@pytest.fixture(scope="module")
def dask() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        warnings.simplefilter("ignore")
        executor = client.get_executor(retries=0)
        yield executor
        executor.shutdown(wait=False)


def test_a_fleet_goes_on_there_and_is_taken_up(dask: Executor, tmp_path: Path) -> None:
    members = [
        FleetMember(name=f"{tmp_path}/{n}.journal", plan=a_plan(), wave=n // 3 + 1)
        for n in range(5)
    ]

    found = run_fleet(members, carry, executor=dask)
    again = run_fleet(members, carry, executor=dask)

    assert found.ok
    assert again == found


def test_so_does_anything_else(dask: Executor) -> None:
    found = {
        n: future.result() for n, future in fan_out(abs, range(-40, 0), at_once=5, executor=dask)
    }

    assert found == {-n: n for n in range(1, 41)}


def test_a_worker_that_dies_takes_no_other_upgrade_with_it(dask: Executor, tmp_path: Path) -> None:
    members = [FleetMember(name=f"{tmp_path}/{n}", plan=a_plan()) for n in ("killed", "fine")]

    found = run_fleet(members, carry, executor=dask, at_once=2)

    standings = [member.standing for member in found.members]
    assert standings == [Standing.LOST, Standing.SUCCEEDED]
