"""The planned restore of a real database: damaged, migrated, shared with others, or gone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import kong_lts
from kong_lts.adapters import LocalNodeFiles, PostgresDatabase, PostgresWriteGuard, SqliteJournal
from kong_lts.backup import BackUpDatabase, BackUpFiles, BackupLayout, VerifyBackup
from kong_lts.database import Fingerprint, differences
from kong_lts.deployment import Side
from kong_lts.events import Outcome
from kong_lts.protocols import Question
from kong_lts.schema import SchemaState, schema_state
from tests.conftest import counted
from tests.integration.gateways import Gateways
from tests.integration.postgres_databases import Databases
from tests.integration.test_in_place import DEPLOYMENT

CONF = "/etc/kong/kong.conf"
SHOP = (
    "CREATE SCHEMA shop",
    "CREATE TABLE shop.orders (id int)",
    "INSERT INTO shop.orders SELECT generate_series(1, 10)",
)
UNTIL = ("staging-on-copy", "customize", "decommission")[-counted(3) :]
DAMAGE = (
    "DELETE FROM routes",
    "UPDATE services SET host = 'elsewhere.internal'",
    "DROP TABLE acls",
    "INSERT INTO consumers (id, username) VALUES (md5('x')::uuid, 'nobody')",
)


@attrs.frozen
class Site:
    """A gateway on a database of its own, with a file, and where its backup goes."""

    folder: Path
    server: Databases
    gateways: Gateways

    @property
    def url(self) -> str:
        return self.gateways.urls[Side.CURRENT]

    @property
    def settings(self) -> kong_lts.Settings:
        return kong_lts.Settings(
            backup_folder=f"{self.folder}/backup",
            run_deck=False,
            rehearse_restore=False,
            files=("/etc/kong",),
            watch_afterwards_s=0.1,
        )

    def conf(self) -> Path:
        return self.folder / f"node{CONF}"

    def adapters(self, answer: Callable[[Question], bool] | None = None) -> kong_lts.Adapters:
        given = self.gateways.adapters(answer)
        files = LocalNodeFiles({"gw-1": f"{self.folder}/node"})
        return attrs.evolve(given, current=attrs.evolve(given.current, files=files))

    def upgrade(self, *, until: str) -> Fingerprint:
        """Run an in-place upgrade up to a step that a person refuses; what it began with."""
        plan = kong_lts.plan(
            DEPLOYMENT,
            probes=[kong_lts.Probe(name="a regex route", path="/users/7")],
            gates=[kong_lts.Gate(dry_run=True)],  # nobody sends requests here
            settings=self.settings,
        )
        before = self.fingerprint()

        def answer(question: Question) -> bool:
            return question.step != until and self.gateways.customize(question)

        journal = SqliteJournal(self.folder / "upgrade.sqlite")
        run = kong_lts.execute(plan, self.adapters(answer), journal=journal)
        assert run.stopped_at == until, run.reason
        return before

    def back_up(self) -> Fingerprint:
        """What a plan's own steps put into the backup; what was there."""
        layout = BackupLayout(f"{self.folder}/backup")
        adapters = self.adapters()
        at: dict[str, Any] = {"guide": "a guide", "side": Side.CURRENT}
        steps = (
            BackUpDatabase(id="database", folder=layout.unfinished.database, **at),
            BackUpFiles(
                id="files",
                folder=layout.unfinished.files,
                nodes=("gw-1",),
                paths=self.settings.files,
                **at,
            ),
            VerifyBackup(id="verify", folder=layout.folder, **at),
        )
        past: dict[str, Outcome] = {}
        for step in steps:
            past[step.id] = step.run(adapters, past)
        return self.fingerprint()

    def damage(self, *also: str) -> None:
        PostgresWriteGuard.at(self.url).release()
        self.server.run(self.url, *DAMAGE, *also)

    def restore(self, *, over: str | None = None) -> kong_lts.Run:
        self.gateways.end()  # the new nodes are none of the current cluster's
        plan = kong_lts.plan_restore(DEPLOYMENT, over=over, settings=self.settings)
        number = len(list(self.folder.glob("restore-*.sqlite")))  # a journal holds one run
        journal = SqliteJournal(self.folder / f"restore-{number}.sqlite")
        return kong_lts.execute(plan, self.adapters(), journal=journal)

    def fingerprint(self, at: str | None = None) -> Fingerprint:
        return PostgresDatabase.at(self.url).fingerprint(at)

    def is_as_it_was(self, before: Fingerprint) -> None:
        assert differences(before, self.fingerprint(before.taken_at)) == ()
        facts = PostgresDatabase.at(self.url).facts()
        assert schema_state(facts.schema_meta) is SchemaState.LTS_2_8
        assert PostgresWriteGuard.at(self.url).held() == ()
        assert self.conf().read_text() == "of 2.8"
        node = self.gateways.node(Side.CURRENT).run(["kong", "health"], timeout_s=30)
        assert "Kong is healthy" in node.stdout


@pytest.fixture
def site(server: Databases, tmp_path: Path) -> Iterator[Site]:
    url = server.filled()
    gateways = Gateways(tmp_path, dict.fromkeys(Side, url))
    gateways.start()
    made = Site(tmp_path, server, gateways)
    made.conf().parent.mkdir(parents=True)
    made.conf().write_text("of 2.8")
    yield made
    gateways.end()
    name = url.rsplit("/", 1)[1]
    server.made.extend(f"{name}_before_rollback{number}" for number in ("", "_2"))
    server.remove()


@pytest.mark.parametrize("until", UNTIL)
def test_whatever_was_done_since_the_backup_is_taken_back(site: Site, until: str) -> None:
    """Before the migration, after `up` and `finish`, and after 3.4 served on it."""
    before = site.upgrade(until=until)
    site.damage()
    site.conf().write_text("of 3.4")

    run = site.restore()

    assert run.verdict is kong_lts.Verdict.SUCCEEDED, run.reason
    site.is_as_it_was(before)


def test_other_applications_keep_what_they_wrote_since(site: Site) -> None:
    """In a database that saw `up` and `finish`, and goes on hosting them."""
    site.server.run(site.url, *SHOP)
    before = site.upgrade(until="customize")
    site.damage("INSERT INTO shop.orders VALUES (11)")

    run = site.restore()

    assert run.verdict is kong_lts.Verdict.SUCCEEDED, run.reason
    site.is_as_it_was(before)
    assert site.server.one(site.url, "SELECT count(*) FROM shop.orders") == 11


def test_it_is_restored_as_often_as_it_has_to_be(site: Site) -> None:
    """Each time what was replaced stays, under a name of its own."""
    before = site.back_up()
    name = site.url.rsplit("/", 1)[1]
    for number in range(2):
        site.damage()

        run = site.restore(over=name)

        assert run.verdict is kong_lts.Verdict.SUCCEEDED, (number, run.reason)
        site.is_as_it_was(before)
    kept = f"SELECT count(*) FROM pg_database WHERE datname ~ '^{name}_before_rollback(_2)?$'"
    assert site.server.one(site.url, kept) == 2


def test_a_database_that_is_gone_is_restored_into_an_empty_one_by_name(site: Site) -> None:
    before = site.back_up()
    site.gateways.end()
    name = site.url.rsplit("/", 1)[1]
    site.server.run(site.server.server, f'DROP DATABASE "{name}" WITH (FORCE)')
    site.server.run(site.server.server, f'CREATE DATABASE "{name}" TEMPLATE template0')

    refused = site.restore()
    run = site.restore(over=name)

    assert refused.stopped_at == "replace-database"
    assert f"over={name!r}" in str(refused.reason)
    assert run.verdict is kong_lts.Verdict.SUCCEEDED, run.reason
    site.is_as_it_was(before)


def test_a_damaged_backup_replaces_nothing(site: Site) -> None:
    site.back_up()
    site.damage()
    damaged = site.fingerprint()
    table = next(p for p in (site.folder / "backup/database/dump").iterdir() if "toc" not in p.name)
    table.write_bytes(table.read_bytes()[:-1])

    run = site.restore()

    assert run.verdict is not kong_lts.Verdict.SUCCEEDED
    assert "damaged" in str(run.reason)
    assert differences(damaged, site.fingerprint(damaged.taken_at)) == ()
