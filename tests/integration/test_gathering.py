"""gather() against a real PostgreSQL and an Admin API over HTTP: what is saved is as good."""

from collections.abc import Iterator

import attrs
import pytest

import kong_lts
from kong_lts.adapters import HttpAdminApi, PostgresDatabase
from kong_lts.testing.admin_api import KongAdminApi
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import World
from tests.integration.postgres_databases import Databases, databases_on
from tests.test_secrets import MARK

DEPLOYMENT = kong_lts.parse_deployment(
    "mode: traditional\ncurrent: {version: 2.8.5, nodes: [{name: gw-1}]}\nnew: {version: 3.4.2}\n"
)


@pytest.fixture(scope="module")
def databases(postgres: str) -> Iterator[Databases]:
    with databases_on(postgres) as made:
        yield made


@pytest.fixture
def admin() -> KongAdminApi:
    return KongAdminApi()


def test_what_is_gathered_and_saved_is_assessed_alike(
    databases: Databases, admin: KongAdminApi
) -> None:
    with admin:
        there = HttpAdminApi({"gw-1": admin.url})
        there.put("services/0c5b57d3-5d2b-4d0b-8c0f-0a6c3d9e4b11", {"name": "a", "host": "a.test"})
        plugin = {"name": "http-log", "config": {"http_endpoint": f"http://u:{MARK}@log.test"}}
        there.put("plugins/6f0b57d3-5d2b-4d0b-8c0f-0a6c3d9e4b12", plugin)
        adapters = fake_adapters(World.of(DEPLOYMENT))
        current = attrs.evolve(
            adapters.current, database=PostgresDatabase.at(databases.filled()), admin=there
        )
        found = kong_lts.gather(DEPLOYMENT, attrs.evolve(adapters, current=current))

    text = kong_lts.redacted(found).to_json()

    assert found.database is not None
    assert found.database.server_version
    assert found.admin["/"]["version"].startswith("2.8.5")  # type: ignore[index] # an object
    assert MARK not in text
    elsewhere = kong_lts.assess(DEPLOYMENT, kong_lts.Evidence.from_json(text))
    assert elsewhere == kong_lts.assess(DEPLOYMENT, found)


def test_a_database_that_is_away_hides_nothing_else(admin: KongAdminApi) -> None:
    with admin:
        adapters = fake_adapters(World.of(DEPLOYMENT))
        current = attrs.evolve(
            adapters.current,
            database=PostgresDatabase.at(f"postgresql://kong:{MARK}@127.0.0.1:1/kong"),
            admin=HttpAdminApi({"gw-1": admin.url}),
        )
        found = kong_lts.gather(DEPLOYMENT, attrs.evolve(adapters, current=current))

    assert "database" in {gap.source for gap in found.gaps}
    assert "/" in found.admin
    assert MARK not in repr(found.gaps)
