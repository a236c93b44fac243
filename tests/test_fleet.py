"""A fleet goes on in waves, stops at the first that breaks, and is taken up again."""

import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_lts.adapters import SqliteJournal
from kong_lts.errors import NotResumableError, PlanError
from kong_lts.fleet import FleetMember, MemberRun, Standing, carry_on, run_fleet
from kong_lts.planning import Run, Verdict
from kong_lts.testing.fakes import FakeJournal, fake_adapters
from kong_lts.testing.simulation import World
from tests.worlds import a_plan, a_world

PLAN = a_plan()
MARK = "S3CR3T-marked"


@attrs.define
class Shops:
    """A world and a journal for each member."""

    worlds: dict[str, World] = attrs.Factory(dict)
    journals: dict[str, FakeJournal] = attrs.Factory(dict)
    begun: list[str] = attrs.Factory(list)
    refused: set[str] = attrs.Factory(set)
    """Where a person says no, once."""
    lock: threading.Lock = attrs.Factory(threading.Lock)

    def __call__(self, member: FleetMember) -> Run:
        with self.lock:
            self.begun.append(member.name)
            world = self.worlds.setdefault(member.name, a_world())
            journal = self.journals.setdefault(member.name, FakeJournal())
            approves = member.name not in self.refused
            self.refused.discard(member.name)
        adapters = fake_adapters(world, approves=approves)
        return carry_on(member.plan, adapters, journal=journal)


def fleet(*waves: int) -> list[FleetMember]:
    """So many members in each wave, called 1-1, 1-2, 2-1."""
    return [
        FleetMember(name=f"{wave}-{n}", plan=PLAN, wave=wave)
        for wave, count in enumerate(waves, 1)
        for n in range(1, count + 1)
    ]


def standings(members: Sequence[MemberRun]) -> dict[str, str]:
    return {member.name: str(member.standing) for member in members}


def test_all_succeed_wave_by_wave() -> None:
    shops = Shops()
    noticed: list[str] = []

    found = run_fleet(fleet(1, 3, 2), shops, at_once=2, notice=lambda run: noticed.append(run.name))

    assert found.ok
    assert found.broken == ()
    assert [name[0] for name in shops.begun] == ["1", "2", "2", "2", "3", "3"]
    assert sorted(noticed) == [member.name for member in found.members]
    assert all(world.current.running == dict.fromkeys(world.current.running, False)
               for world in shops.worlds.values())  # fmt: skip


def test_after_the_first_that_breaks_none_is_begun() -> None:
    shops = Shops(refused={"2-2"})

    found = run_fleet(fleet(1, 4, 2), shops, at_once=1)

    assert not found.ok
    assert standings(found.members) == {
        "1-1": "succeeded", "2-1": "succeeded", "2-2": "stopped", "2-3": "not begun",
        "2-4": "not begun", "3-1": "not begun", "3-2": "not begun",
    }  # fmt: skip
    (broken,) = found.broken
    assert broken.stopped_at
    assert broken.reason


def test_the_same_fleet_again_goes_on_where_it_stood() -> None:
    shops = Shops(refused={"1-2"})
    members = fleet(3, 1)
    run_fleet(members, shops, at_once=1)
    done_before = list(shops.worlds["1-1"].effects)
    shops.begun.clear()

    found = run_fleet(members, shops, at_once=1)

    assert found.ok
    assert shops.begun == ["1-1", "1-2", "1-3", "2-1"]
    assert shops.worlds["1-1"].effects == done_before


@given(breaking=st.sets(st.sampled_from(["1-1", "1-3", "2-1", "2-2"])), at_once=st.integers(1, 4))
def test_whatever_breaks_no_wave_begins_before_the_last_is_done(
    breaking: set[str], at_once: int
) -> None:
    def carry(member: FleetMember) -> Run:
        verdict = Verdict.STOPPED if member.name in breaking else Verdict.SUCCEEDED
        return Run(plan=PLAN, events=(), verdict=verdict)

    found = run_fleet(fleet(3, 2, 1), carry, at_once=at_once)

    by_wave = [[m for m in found.members if m.wave == wave] for wave in (1, 2, 3)]
    for before, after in itertools.pairwise(by_wave):
        if not all(member.ok for member in before):
            assert {member.standing for member in after} == {Standing.NOT_BEGUN}
    assert found.ok is not bool(breaking)
    assert {member.name for member in found.broken} <= breaking


def test_one_that_cannot_be_begun_is_refused_with_its_reason() -> None:
    def carry(member: FleetMember) -> Run:
        raise NotResumableError("The journal is of another run.")

    (found,) = run_fleet(fleet(1), carry).members

    assert (found.standing, found.reason) == (Standing.REFUSED, "The journal is of another run.")


def test_of_whoever_was_lost_no_text_is_shown() -> None:
    """It may hold anything."""

    def carry(member: FleetMember) -> Run:
        raise RuntimeError(MARK)

    (found,) = run_fleet(fleet(1), carry).members

    assert (found.standing, found.reason) == (
        Standing.LOST,
        "RuntimeError where it was carried out",
    )


def test_a_rolled_back_upgrade_is_over_and_breaks_the_fleet() -> None:
    def carry(member: FleetMember) -> Run:
        return Run(plan=PLAN, events=(), verdict=Verdict.ROLLED_BACK)

    found = run_fleet(fleet(2), carry, at_once=1)

    assert standings(found.members) == {"1-1": "rolled back", "1-2": "not begun"}


def test_two_members_of_one_name_are_refused() -> None:
    member = FleetMember(name="a", plan=PLAN)

    with pytest.raises(PlanError, match="share a name: a"):
        run_fleet([member, member], Shops())


def test_an_empty_fleet_is_done() -> None:
    assert run_fleet([], Shops()).ok


def _in_another_process(member: FleetMember) -> Run:
    """What a worker of a cluster does: it makes everything anew from the member."""
    journal = SqliteJournal(Path(member.name))
    return carry_on(member.plan, fake_adapters(a_world()), journal=journal)


def test_other_processes_carry_upgrades_out(tmp_path: Path) -> None:
    members = [FleetMember(name=f"{tmp_path}/{n}.journal", plan=PLAN) for n in range(3)]

    with ProcessPoolExecutor(2) as executor:
        found = run_fleet(members, _in_another_process, executor=executor)
        again = run_fleet(members, _in_another_process, executor=executor)

    assert found.ok
    assert again == found


def test_a_cancelled_upgrade_is_lost() -> None:
    class Cancels(ProcessPoolExecutor):
        def submit(self, *_: object, **__: object) -> "Future[MemberRun]":  # type: ignore[override] # all are cancelled
            future: Future[MemberRun] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with Cancels(1) as executor:
        (found,) = run_fleet(fleet(1), Shops(), executor=executor).members

    assert (found.standing, found.reason) == (Standing.LOST, "its executor cancelled it")
