"""An in-place upgrade of a real database: to its end, and back from every point of it."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import kong_lts
from kong_lts.adapters import PostgresArchive, PostgresDatabase, PostgresWriteGuard, SqliteJournal
from kong_lts.deployment import Side
from kong_lts.errors import ArchiveError
from kong_lts.protocols import Question
from kong_lts.schema import SchemaState, schema_state
from kong_lts.testing.scenarios import ALL
from tests.integration.gateways import Gateways
from tests.integration.postgres_databases import Databases

DEPLOYMENT = attrs.evolve(
    ALL["traditional-in-place"],
    current=kong_lts.Cluster(
        version=kong_lts.KongVersion.parse("2.8.5"), nodes=(kong_lts.Node(name="gw-1"),)
    ),
    new=kong_lts.Cluster(
        version=kong_lts.KongVersion.parse("3.4.2"), nodes=(kong_lts.Node(name="new-1"),)
    ),
)


@pytest.fixture
def gateways(server: Databases, tmp_path: Path) -> Iterator[Gateways]:
    """One database, with the current cluster running on it."""
    url = server.filled()
    made = Gateways(tmp_path, dict.fromkeys(Side, url))
    made.start()
    yield made
    made.end()
    kept = f"{url.rsplit('/', 1)[1]}_before_rollback"
    server.run(server.server, f'DROP DATABASE IF EXISTS "{kept}" WITH (FORCE)')
    server.remove()


@pytest.fixture
def plan(tmp_path: Path) -> kong_lts.Plan:
    return kong_lts.plan(
        DEPLOYMENT,
        probes=[kong_lts.Probe(name="a regex route", path="/users/7")],
        gates=[kong_lts.Gate(dry_run=True)],  # nobody sends requests here
        settings=kong_lts.Settings(
            backup_folder=str(tmp_path / "backup"), run_deck=False, watch_afterwards_s=0.1
        ),
    )


def test_the_upgrade_ends_with_the_new_cluster_on_the_migrated_database(
    gateways: Gateways, plan: kong_lts.Plan, tmp_path: Path
) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")

    run = kong_lts.execute(plan, gateways.adapters(), journal=journal)

    assert run.verdict is kong_lts.Verdict.SUCCEEDED, run.reason
    facts = PostgresDatabase.at(gateways.urls[Side.NEW]).facts()
    assert schema_state(facts.schema_meta) is SchemaState.LTS_3_4
    assert PostgresWriteGuard.at(gateways.urls[Side.NEW]).held() == ()


@pytest.mark.parametrize("stops_at", ["customize", "decommission"])
def test_the_way_back_restores_the_database_and_starts_the_current_cluster(
    gateways: Gateways, plan: kong_lts.Plan, tmp_path: Path, stops_at: str
) -> None:
    before = PostgresDatabase.at(gateways.urls[Side.CURRENT]).fingerprint()
    journal = SqliteJournal(tmp_path / "journal.sqlite")

    def answer(question: Question) -> bool:
        return question.step != stops_at and gateways.customize(question)

    run = kong_lts.execute(plan, gateways.adapters(answer), journal=journal)
    back = kong_lts.roll_back(journal, gateways.adapters())

    assert run.stopped_at == stops_at
    assert back.verdict is kong_lts.Verdict.ROLLED_BACK, back.reason
    after = PostgresDatabase.at(gateways.urls[Side.CURRENT])
    assert after.fingerprint(before.taken_at) == before
    assert PostgresWriteGuard.at(gateways.urls[Side.CURRENT]).held() == ()
    node = gateways.node(Side.CURRENT).run(["kong", "health"], timeout_s=30)
    assert "Kong is healthy" in node.stdout


def test_a_replaced_database_stays_under_another_name(server: Databases, tmp_path: Path) -> None:
    url = server.filled()
    archive = PostgresArchive.at(url)
    backup = archive.back_up(str(tmp_path / "backup"))
    server.run(url, "UPDATE services SET host = 'elsewhere.internal'")

    restored = archive.replace(backup.folder, "replaced_by_test")

    assert restored == backup.fingerprint
    server.made.append("replaced_by_test")
    kept = url.rsplit("/", 1)[0] + "/replaced_by_test"
    assert server.one(kept, "SELECT DISTINCT host FROM services") == "elsewhere.internal"
    assert archive.replace(backup.folder, "replaced_by_test") == backup.fingerprint


def test_a_database_in_use_is_not_replaced(server: Databases, tmp_path: Path) -> None:
    url = server.filled()
    archive = PostgresArchive.at(url)
    backup = archive.back_up(str(tmp_path / "backup"))
    server.run(url, "UPDATE services SET host = 'elsewhere.internal'")
    user = PostgresDatabase.at(url)
    user.hold_lock("a node that still runs")

    with pytest.raises(ArchiveError, match="being accessed by other users"):
        archive.replace(backup.folder, "never_made_by_test")

    user.release_lock()
    assert server.one(url, "SELECT DISTINCT host FROM services") == "elsewhere.internal"
