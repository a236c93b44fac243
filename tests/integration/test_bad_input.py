"""Bad input ends in an error or a blocker of our own; nothing is changed, no secret is told."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

import kong_lts
from kong_lts.adapters import (
    BackupFolders,
    CallableApprover,
    LoggingObserver,
    PostgresArchive,
    PostgresDatabase,
    PostgresWriteGuard,
    SqliteJournal,
    SystemClock,
)
from kong_lts.deployment import Side
from kong_lts.errors import (
    BackupError,
    DatabaseError,
    DeploymentError,
    NotPlannableError,
    PlanStaleError,
    UnreadableFileError,
)
from kong_lts.events import event_to_json
from kong_lts.testing.fakes import FakeAdminApi, FakeMetrics, FakeProcessRunner, FakeProxy
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from kong_lts.testing.traffic import MemoryLoadBalancer
from tests.integration.postgres_databases import MARKER, Databases, databases_on

DEPLOYMENT = ALL["traditional-dual-cluster"]


@pytest.fixture(scope="module")
def databases(postgres: str) -> Iterator[Databases]:
    with databases_on(postgres) as made:
        yield made


def adapters_to(current: str, new: str) -> kong_lts.Adapters:
    """The real defaults for both databases, fakes for gateways that nobody started."""
    world = World.of(DEPLOYMENT)

    def cluster(side: Side, url: str) -> kong_lts.ClusterAdapters:
        return kong_lts.ClusterAdapters(
            database=PostgresDatabase.at(url),
            archive=PostgresArchive.at(url),
            write_guard=PostgresWriteGuard.at(url),
            admin=FakeAdminApi(world, side),
            proxy=FakeProxy(world, side),
            metrics=FakeMetrics(world, side),
            nodes={
                name: FakeProcessRunner(world, side, name) for name in world.cluster(side).running
            },
        )

    return kong_lts.Adapters(
        current=cluster(Side.CURRENT, current),
        new=cluster(Side.NEW, new),
        load_balancer=MemoryLoadBalancer(),
        backups=BackupFolders(),
        clock=SystemClock(),
        approver=CallableApprover(lambda _: True, by="the test"),
        observer=LoggingObserver(),
    )


def plan_into(folder: Path) -> kong_lts.Plan:
    return kong_lts.plan(
        DEPLOYMENT, settings=kong_lts.Settings(backup_folder=str(folder), run_deck=False)
    )


def with_password(url: str) -> str:
    """The URL with the marked password, which is the wrong one."""
    head, _, tail = url.rpartition("@")
    return f"{head.rpartition(':')[0]}:{MARKER}@{tail}"


def test_another_version_pair_is_a_blocker_and_no_plan() -> None:
    assert DEPLOYMENT.new is not None
    new = attrs.evolve(DEPLOYMENT.new, version=kong_lts.KongVersion.parse("3.5.0"))
    other = attrs.evolve(DEPLOYMENT, new=new)

    assessment = kong_lts.assess(other, kong_lts.Evidence())

    assert [f.rule for f in assessment.blockers] == ["version-pair-unsupported"]
    with pytest.raises(NotPlannableError, match=r"3\.5\.0.*3\.4 LTS"):
        kong_lts.plan(other, assessment=assessment)


def test_cassandra_is_a_blocker_and_no_plan() -> None:
    assessment = kong_lts.assess(ALL["cassandra"], kong_lts.Evidence())

    assert [f.rule for f in assessment.blockers] == ["cassandra-unsupported"]
    with pytest.raises(NotPlannableError, match="PostgreSQL while still on 2"):
        kong_lts.plan(ALL["cassandra"], assessment=assessment)


def test_a_database_that_nobody_serves_is_named_with_its_place(
    databases: Databases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = f"postgresql://kong:{MARKER}@127.0.0.1:1/kong"
    adapters = adapters_to(gone, gone)
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    caplog.set_level(logging.DEBUG)

    gaps = kong_lts.gather(DEPLOYMENT, adapters).gaps
    with pytest.raises(DatabaseError) as executing:
        kong_lts.execute(plan_into(tmp_path / "backup"), adapters, journal=journal)

    (gathering,) = (gap.reason for gap in gaps if gap.source == "database")
    for said in (gathering, "".join(str(e) + repr(e) for e in chain(executing.value))):
        assert "127.0.0.1" in said
        assert MARKER not in said
    assert journal.events() == ()
    assert not (tmp_path / "backup").exists()
    assert MARKER not in caplog.text + repr(adapters)


def test_a_refused_password_is_not_repeated(databases: Databases, tmp_path: Path) -> None:
    url = with_password(databases.filled())
    adapters = adapters_to(url, url)

    gaps = kong_lts.gather(DEPLOYMENT, adapters).gaps

    assert "database" in {gap.source for gap in gaps}
    assert MARKER not in repr(gaps)


def test_a_half_migrated_database_is_recognised_and_left_alone(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.filled()
    databases.run(
        url,
        "UPDATE schema_meta SET pending = '{016_280_to_300}', last_executed = '017_300_to_310', "
        "executed = array_append(executed, '017_300_to_310') WHERE subsystem = 'core'",
    )
    adapters = adapters_to(url, databases.missing())
    before = PostgresDatabase.at(url).fingerprint()
    journal = SqliteJournal(tmp_path / "journal.sqlite")

    assessment = kong_lts.assess(DEPLOYMENT, kong_lts.gather(DEPLOYMENT, adapters))
    with pytest.raises(PlanStaleError, match="partly up"):
        kong_lts.execute(plan_into(tmp_path / "backup"), adapters, journal=journal)

    assert [f.rule for f in assessment.blockers] == ["database-partly-migrated"]
    assert "-f" in assessment.blockers[0].action
    assert PostgresDatabase.at(url).fingerprint() == before
    assert journal.events() == ()


def test_a_truncated_dump_is_never_restored(databases: Databases, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    PostgresArchive.at(databases.filled()).back_up(str(folder))
    largest = max((f for f in folder.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)
    empty = databases.empty()

    with pytest.raises(BackupError, match=largest.name):
        PostgresArchive.at(empty).restore(str(folder))

    assert PostgresDatabase.at(empty).facts().tables == {}


def test_a_run_over_a_damaged_backup_stops_and_rolls_back(
    databases: Databases, tmp_path: Path
) -> None:
    url, folder = databases.filled(), tmp_path / "backup"
    adapters = adapters_to(url, databases.missing())
    before = PostgresDatabase.at(url).fingerprint()
    asked = attrs.evolve(adapters, approver=CallableApprover(damaging(folder), by="the test"))
    journal = SqliteJournal(tmp_path / "journal.sqlite")

    run = kong_lts.execute(plan_into(folder), asked, journal=journal)

    assert (run.verdict, run.stopped_at) == (kong_lts.Verdict.STOPPED, "restore-database")
    assert str(folder) in (run.reason or "")
    assert kong_lts.roll_back(journal, adapters).verdict is kong_lts.Verdict.ROLLED_BACK
    assert PostgresDatabase.at(url).fingerprint() == before
    assert PostgresWriteGuard.at(url).held() == ()
    written = "".join(event_to_json(e) for e in journal.events())
    assert "kong:" not in written  # no URL, so no password


def damaging(folder: Path) -> Callable[[object], bool]:
    """A person who drops something on the backup before confirming the last step before its use."""

    def answer(question: object) -> bool:
        for file in folder.rglob("*.gz"):
            file.write_bytes(file.read_bytes()[:-1])
        return True

    return answer


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    pipe = tmp_path / "kong.conf"
    os.mkfifo(pipe)

    with pytest.raises(UnreadableFileError, match=r"kong\.conf.*no regular file"):
        kong_lts.kong_conf.read(pipe)
    with pytest.raises(UnreadableFileError, match="No such file"):
        kong_lts.read_deployment(tmp_path / "deployment.yaml")
    (tmp_path / "broken.yaml").write_text("mode: traditional\ncurrent: {version: [2}\n")
    with pytest.raises(DeploymentError, match=r"broken\.yaml:2"):
        kong_lts.read_deployment(tmp_path / "broken.yaml")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and everything it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
