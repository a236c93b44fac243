"""What every `WriteGuard` promises."""

import pytest

from kong_lts.protocols import WriteGuard


class WriteGuardContract:
    @pytest.fixture
    def guard(self) -> WriteGuard:
        """Of a 2.8 database that takes writes."""
        raise NotImplementedError

    def test_writes_are_taken_at_first(self, guard: WriteGuard) -> None:
        assert guard.held() == ()
        assert guard.try_write() is None

    def test_writes_are_refused_while_it_is_held(self, guard: WriteGuard) -> None:
        tables = guard.hold()

        assert "routes" in tables
        assert guard.held() == tables
        assert guard.try_write()

    def test_runtime_tables_stay_writable(self, guard: WriteGuard) -> None:
        tables = guard.hold()

        assert not {"ratelimiting_metrics", "sessions", "cluster_events", "locks"} & set(tables)

    def test_holding_twice_is_once(self, guard: WriteGuard) -> None:
        assert guard.hold() == guard.hold()

    def test_releasing_lets_writes_in(self, guard: WriteGuard) -> None:
        guard.hold()

        guard.release()
        guard.release()

        assert guard.held() == ()
        assert guard.try_write() is None
