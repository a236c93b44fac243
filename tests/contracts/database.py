"""What every `Database` promises."""

from collections.abc import Callable
from enum import Enum, auto

import pytest

from kong_lts.errors import DatabaseError, LockHeldError
from kong_lts.protocols import Database
from kong_lts.schema import SchemaState, schema_state


class State(Enum):
    """How the database is that the contract gets."""

    MISSING = auto()
    FILLED = auto()
    """A 2.8 database; two calls give two adapters of the same one."""


class DatabaseContract:
    @pytest.fixture
    def make(self) -> Callable[[State], Database]:
        raise NotImplementedError

    def test_what_is_not_there_is_an_error(self, make: Callable[[State], Database]) -> None:
        database = make(State.MISSING)

        with pytest.raises(DatabaseError):
            database.facts()
        with pytest.raises(DatabaseError):
            database.fingerprint()

    def test_facts_tell_the_schema_state(self, make: Callable[[State], Database]) -> None:
        facts = make(State.FILLED).facts()

        assert schema_state(facts.schema_meta) is SchemaState.LTS_2_8
        assert facts.name
        assert facts.server_version

    def test_two_looks_are_the_same(self, make: Callable[[State], Database]) -> None:
        one, other = make(State.FILLED), make(State.FILLED)

        assert one.fingerprint() == other.fingerprint()
        assert one.fingerprint().rows > 0
        assert one.facts().identity == other.facts().identity

    def test_a_new_database_is_empty(self, make: Callable[[State], Database]) -> None:
        database = make(State.MISSING)

        database.create("a run")

        assert database.facts().schema_meta == ()
        assert database.fingerprint().rows == 0
        database.drop("a run")

    def test_creating_twice_is_once(self, make: Callable[[State], Database]) -> None:
        database = make(State.MISSING)

        database.create("a run")
        database.create("a run")

        database.drop("a run")

    def test_what_another_made_is_neither_taken_nor_dropped(
        self, make: Callable[[State], Database]
    ) -> None:
        database = make(State.MISSING)
        database.create("a run")

        with pytest.raises(DatabaseError):
            database.create("another run")
        with pytest.raises(DatabaseError):
            database.drop("another run")

        database.drop("a run")

    def test_a_database_of_kong_is_never_dropped(self, make: Callable[[State], Database]) -> None:
        database = make(State.FILLED)
        before = database.fingerprint()

        with pytest.raises(DatabaseError):
            database.drop("a run")
        with pytest.raises(DatabaseError):
            database.create("a run")

        assert database.fingerprint() == before

    def test_dropping_twice_is_once(self, make: Callable[[State], Database]) -> None:
        database = make(State.MISSING)
        database.create("a run")

        database.drop("a run")
        database.drop("a run")

        with pytest.raises(DatabaseError):
            database.facts()

    def test_only_one_run_holds_the_lock(self, make: Callable[[State], Database]) -> None:
        one, other = make(State.FILLED), make(State.FILLED)
        one.hold_lock("the first run")

        with pytest.raises(LockHeldError) as held:
            other.hold_lock("the second run")

        assert held.value.owner == "the first run"
        one.release_lock()
        one.release_lock()
        other.hold_lock("the second run")
        other.release_lock()
