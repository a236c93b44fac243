"""Simulated deployments that several processes share: each stands in a row of a real PostgreSQL.

A call of an adapter is one transaction, so that a process which is killed leaves the effect whole
or not at all, as a real program would.
"""

import pickle
from datetime import datetime, timedelta
from typing import Any

import attrs
import psycopg

from kong_lts.deployment import Side
from kong_lts.protocols import Adapters, Clock, ClusterAdapters
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import World

_TABLE = "CREATE TABLE IF NOT EXISTS world (name text PRIMARY KEY, pickled bytea NOT NULL)"
_LOCKING = ("hold_lock", "release_lock")
"""Of a lock that ends with its process; here the engine's own hold stands for it."""


@attrs.frozen
class StoredWorld:
    """One world; every call of its adapters takes it out of the database and puts it back."""

    url: str = attrs.field(repr=False)
    name: str

    def put(self, world: World) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(_TABLE)
            connection.execute(
                "INSERT INTO world VALUES (%s, %s)", (self.name, pickle.dumps(world))
            )

    def get(self) -> World:
        with psycopg.connect(self.url) as connection:
            return self._read(connection)

    def call(self, path: tuple[str, ...], method: str, *args: Any, **named: Any) -> Any:
        """Call a fake adapter over the world as it is now."""
        if method in _LOCKING:
            return None
        with psycopg.connect(self.url) as connection:
            world = self._read(connection)
            found = _adapter(fake_adapters(world), path)
            said = getattr(found, method)(*args, **named)
            connection.execute(
                "UPDATE world SET pickled = %s WHERE name = %s", (pickle.dumps(world), self.name)
            )
            return said

    def adapters(self, *, clock_ahead: timedelta) -> Adapters:
        """All that `fake_adapters` gives, over the stored world."""
        given = fake_adapters(self.get())
        beside: dict[str, Any] = {
            field.name: Remote(self, (field.name,), like)
            for field in attrs.fields(Adapters)
            if hasattr(like := getattr(given, field.name), "world")
        }
        beside["clock"] = AheadClock(beside["clock"], clock_ahead)
        clusters: dict[str, Any] = {str(side): self._cluster(given, side) for side in Side}
        return attrs.evolve(given, **beside, **clusters)

    def _cluster(self, given: Adapters, side: Side) -> ClusterAdapters:
        cluster = given.of(side)
        parts: dict[str, Any] = {
            field.name: Remote(self, (str(side), field.name), like)
            for field in attrs.fields(ClusterAdapters)
            if field.name != "nodes" and (like := getattr(cluster, field.name)) is not None
        }
        nodes: dict[str, Any] = {
            node: Remote(self, (str(side), "nodes", node), like)
            for node, like in cluster.nodes.items()
        }
        return ClusterAdapters(**parts, nodes=nodes)

    def _read(self, connection: psycopg.Connection) -> World:
        rows = connection.execute(
            "SELECT pickled FROM world WHERE name = %s FOR UPDATE", (self.name,)
        ).fetchall()
        world = pickle.loads(rows[0][0])  # what this test wrote itself
        assert isinstance(world, World)
        return world


def _adapter(adapters: Adapters, path: tuple[str, ...]) -> object:
    found: Any = adapters
    for name in path:
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    return found


@attrs.frozen
class Remote:
    """One adapter of a stored world; it has what the fake has that it stands for."""

    stored: StoredWorld
    path: tuple[str, ...]
    like: object

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not callable(getattr(self.like, name)):
            return getattr(self.like, name)
        return lambda *args, **named: self.stored.call(self.path, name, *args, **named)


@attrs.frozen
class AheadClock:
    """A worker's own clock, which is wrong."""

    inner: Clock
    ahead: timedelta

    def now(self) -> datetime:
        return self.inner.now() + self.ahead

    def sleep(self, duration_s: float) -> None:
        self.inner.sleep(duration_s)
