"""decK's converted files are compared with the migrated cluster; what differs stops nothing."""

import attrs
import pytest

from kong_lts.backup import BackUpDeclarative, CompareDeclarative
from kong_lts.deployment import Side, Tools
from kong_lts.events import DeclarativeCompared
from kong_lts.execution import execute, resume
from kong_lts.findings import Finding, Severity
from kong_lts.nodes import DoByHand
from kong_lts.planning import Plan, plan
from kong_lts.protocols import Adapters
from kong_lts.rehearsal import rehearse
from kong_lts.schema import SchemaState
from kong_lts.strategies import Settings
from kong_lts.testing.fakes import FakeDeck, FakeJournal, fake_adapters
from kong_lts.testing.faults import Fault
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from kong_lts.versions import Edition
from tests.worlds import NO_PAST, PROBES, restored_world, rules, world_of

COMPARE = CompareDeclarative(
    id="compare",
    guide="a guide",
    side=Side.NEW,
    folder="b",
    converted="b-converted",
    edition=Edition.OSS,
)
WANTED = Settings(compare_with_deck=True)


def migrated() -> World:
    """A world with decK's files of the current cluster, whose new cluster is migrated."""
    world = restored_world(SchemaState.LTS_3_4)
    world.new.running = dict.fromkeys(world.new.running, True)
    dump = BackUpDeclarative(id="dump", guide="", side=Side.CURRENT, folder="b/declarative")
    dump.run(fake_adapters(world), NO_PAST)
    return world


def compared(world: World, adapters: Adapters | None = None) -> list[Finding]:
    adapters = adapters or fake_adapters(world)
    done = COMPARE.run(adapters, NO_PAST)
    return list(COMPARE.verify(adapters, {COMPARE.id: done}))


def test_what_the_migration_changes_is_converted_too_and_is_no_difference() -> None:
    (found,) = compared(migrated())

    assert (found.rule, found.severity) == ("declarative-changed-by-migration", Severity.INFO)
    assert "3 x route-path-regex-needs-tilde" in found.message


def test_a_difference_is_a_warning_with_names_and_nothing_of_their_content() -> None:
    world = migrated()
    world.new.database.rows["route-0"] = "/s3cr3t"
    world.new.database.rows["late"] = "/late"
    del world.new.database.rows["route-1"]

    found = next(f for f in compared(world) if "differs" in f.rule)

    assert (found.rule, found.severity) == ("declarative-differs-from-migration", Severity.WARNING)
    for part in (
        "1 only in the file (route route-1)",
        "1 different (route route-0)",
        "(route late)",
    ):
        assert part in found.message
    assert "s3cr3t" not in str(found)


def test_the_files_of_the_backup_are_left_as_they_are() -> None:
    world = migrated()
    before = dict(world.dumps)

    compared(world)
    compared(world)

    assert world.dumps == before
    assert [path for path in world.parts if path.startswith("b-converted/")] == [
        "b-converted/kong0.yaml"
    ]


@attrs.define
class Refusing(FakeDeck):
    """A decK that shows each entity to a gateway that does not take one."""

    def validate(self, file: object, *, online: bool) -> tuple[str, ...]:
        return ("plugin x: unknown field",) if online else ()


def test_what_3_4_refuses_is_told_although_the_comparison_ends_well() -> None:
    world = migrated()
    adapters = fake_adapters(world)
    new = attrs.evolve(adapters.new, deck=Refusing(world, Side.NEW))

    found = compared(world, attrs.evolve(adapters, new=new))

    assert rules(found) == ["declarative-changed-by-migration", "declarative-not-valid"]


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda world: world.new.running.update(dict.fromkeys(world.new.running, False)),
        lambda world: world.parts.clear(),
        lambda world: world.dumps.clear(),
    ],
    ids=["nobody answers", "no listing", "no files"],
)
def test_where_it_cannot_be_compared_that_is_told_and_stops_nothing(spoilt: object) -> None:
    world = migrated()
    assert callable(spoilt)
    spoilt(world)

    (found,) = compared(world)

    assert (found.rule, found.severity) == ("declarative-not-compared", Severity.WARNING)


def test_nobody_who_was_interrupted_has_compared() -> None:
    (found,) = COMPARE.verify(fake_adapters(migrated()), NO_PAST)

    assert found.severity is Severity.BLOCKER


# --- in a plan ----------------------------------------------------------------------------------


def a_plan(name: str, **changes: object) -> Plan:
    deployment = attrs.evolve(ALL[name], **changes)  # type: ignore[arg-type] # of a deployment
    return plan(deployment, probes=PROBES, settings=WANTED)


@pytest.mark.parametrize(
    "name", ["traditional-dual-cluster", "enterprise-keyring", "hybrid-in-place"]
)
def test_a_run_compares_and_goes_on(name: str) -> None:
    made, journal = a_plan(name), FakeJournal()
    assert isinstance(made.step("compare-with-deck"), CompareDeclarative)

    run = execute(made, fake_adapters(world_of(made)), journal=journal)

    assert run.ok
    outcome = run.past["compare-with-deck"]
    assert isinstance(outcome, DeclarativeCompared)
    assert outcome.files
    assert outcome.not_compared == ""


@pytest.mark.parametrize(
    ("tools", "settings", "why"),
    [
        (Tools(), WANTED, "the deployment names no decK"),
        (Tools(deck="1.55.0"), attrs.evolve(WANTED, run_deck=False), "the plan may not run decK"),
    ],
)
def test_without_a_deck_a_person_is_asked_and_told_why(
    tools: Tools, settings: Settings, why: str
) -> None:
    deployment = attrs.evolve(ALL["traditional-dual-cluster"], tools=tools)

    step = plan(deployment, settings=settings).step("compare-with-deck")

    assert isinstance(step, DoByHand)
    assert why in step.instructions


def test_it_survives_every_fault() -> None:
    made = a_plan("traditional-dual-cluster")

    cases = [c for c in rehearse(made, faults=list(Fault)).cases if c.step == "compare-with-deck"]

    assert cases
    assert not [case for case in cases if case.broken]


def test_a_run_that_was_stopped_there_compares_when_it_is_resumed() -> None:
    made, world = a_plan("traditional-dual-cluster"), None
    world = world_of(made)
    journal = FakeJournal(world=world, strikes_at="compare-with-deck", fault=Fault.UNREACHABLE)

    assert not execute(made, fake_adapters(world), journal=journal).ok
    world.mend()

    assert resume(journal, fake_adapters(world)).ok
