"""A write to a real database is noticed at the next step; what Kong does by itself is none."""

import attrs
import pytest

import kong_lts
from kong_lts.adapters import PostgresDatabase, PostgresWriteGuard
from kong_lts.admin_writes import StopAdminWrites, drift
from kong_lts.deployment import Side
from kong_lts.events import Past
from kong_lts.migrations import MigrationsUp
from kong_lts.protocols import Adapters
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.integration.postgres_databases import Databases

STOP = StopAdminWrites(id="stop", guide="a guide", side=Side.CURRENT)
UP = MigrationsUp(id="up", guide="a guide", side=Side.NEW)


def adapters_to(url: str) -> Adapters:
    current = kong_lts.ClusterAdapters(
        database=PostgresDatabase.at(url), write_guard=PostgresWriteGuard.at(url)
    )
    world = World.of(ALL["traditional-dual-cluster"])
    return attrs.evolve(fake_adapters(world), current=current)


def noticed(step: StopAdminWrites, adapters: Adapters, past: Past) -> list[str]:
    return [finding.message for finding in drift((step, UP), UP, adapters, past)]


def short_lived(databases: Databases, url: str) -> None:
    """A credential that has just run out, as its tags have."""
    databases.run(
        url,
        "INSERT INTO keyauth_credentials (id, key, ttl, tags) VALUES (md5('a')::uuid, 'a',"
        " (clock_timestamp() AT TIME ZONE 'UTC') + interval '1 second', '{short}')",
    )


def test_what_kong_cleans_up_is_no_drift_where_nothing_keeps_it_out(databases: Databases) -> None:
    url = databases.filled()
    short_lived(databases, url)
    step, adapters = attrs.evolve(STOP, guard=False), adapters_to(url)
    past = {"stop": step.run(adapters, {})}

    databases.run(url, "DELETE FROM keyauth_credentials WHERE key = 'a'")
    assert noticed(step, adapters, past) == []

    databases.run(url, "UPDATE services SET host = 'elsewhere.internal'")
    (message,) = noticed(step, adapters, past)
    assert "was written to after step stop: services: " in message


@pytest.mark.parametrize(
    ("statement", "drifts"),
    [
        ("UPDATE routes SET paths = '{/late}'", True),
        ("DELETE FROM plugins", True),
        (
            "INSERT INTO cluster_events (id, node_id, at, expire_at, channel, data)"
            " VALUES (md5('e')::uuid, md5('n')::uuid, now(), now(), 'x', 'y')",
            False,
        ),
    ],
)
def test_with_the_guard_only_who_goes_around_it_is_noticed(
    databases: Databases, statement: str, drifts: bool
) -> None:
    url = databases.filled()
    adapters = adapters_to(url)
    past = {"stop": STOP.run(adapters, {})}
    assert noticed(STOP, adapters, past) == []

    databases.run(url, f"SET session_replication_role = replica; {statement}")

    assert bool(noticed(STOP, adapters, past)) is drifts
