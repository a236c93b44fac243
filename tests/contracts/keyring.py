"""What every `Keyring` promises."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from kong_lts.errors import KeyringError
from kong_lts.protocols import Keyring


@attrs.frozen
class Keyrings:
    """Of two clusters: the current one holds two keys, the new one none, but may open them."""

    current: Keyring
    new: Keyring
    recovery_key: str = attrs.field(kw_only=True)
    spoil: Callable[[str], None] = attrs.field(kw_only=True)
    """From now on the recovery key of the new one does not open the key with this id."""
    stop: Callable[[], None] = attrs.field(kw_only=True)
    """The current one."""


class KeyringContract:
    @pytest.fixture
    def keyrings(self) -> Keyrings:
        raise NotImplementedError

    def test_it_tells_its_keys(self, keyrings: Keyrings) -> None:
        keys = keyrings.current.keys()

        assert len(keys.ids) == 2
        assert keys.active in keys.ids
        assert keyrings.new.keys().ids == ()
        assert keyrings.new.keys().active is None

    def test_an_export_brings_the_keys_over(self, keyrings: Keyrings, tmp_path: Path) -> None:
        path = f"{tmp_path}/keyring.export"

        ids = keyrings.current.export(path)
        keyrings.new.load(path)
        keyrings.new.load(path)

        assert set(ids) == set(keyrings.current.keys().ids)
        assert set(keyrings.new.keys().ids) == set(ids)

    def test_an_export_overwrites_nothing(self, keyrings: Keyrings, tmp_path: Path) -> None:
        keyrings.current.export(f"{tmp_path}/keyring.export")

        with pytest.raises(KeyringError):
            keyrings.current.export(f"{tmp_path}/keyring.export")

    def test_a_missing_export_is_an_error(self, keyrings: Keyrings, tmp_path: Path) -> None:
        with pytest.raises(KeyringError):
            keyrings.new.load(f"{tmp_path}/missing")

    def test_a_recovery_opens_every_key(self, keyrings: Keyrings) -> None:
        found = keyrings.new.recover(keyrings.recovery_key)

        assert set(found.recovered) == set(keyrings.current.keys().ids)
        assert found.not_recovered == ()
        assert set(keyrings.new.keys().ids) == set(found.recovered)

    def test_or_says_which_it_does_not(self, keyrings: Keyrings) -> None:
        lost, kept = keyrings.current.keys().ids
        keyrings.spoil(lost)

        found = keyrings.new.recover(keyrings.recovery_key)

        assert found.recovered == (kept,)
        assert found.not_recovered == (lost,)

    def test_a_key_is_activated(self, keyrings: Keyrings) -> None:
        keyrings.new.recover(keyrings.recovery_key)
        (first, _) = keyrings.new.keys().ids

        keyrings.new.activate(first)

        assert keyrings.new.keys().active == first

    def test_if_it_is_there(self, keyrings: Keyrings) -> None:
        with pytest.raises(KeyringError):
            keyrings.new.activate("nothere1")

    def test_no_answer_is_an_error(self, keyrings: Keyrings, tmp_path: Path) -> None:
        keyrings.stop()

        with pytest.raises(KeyringError):
            keyrings.current.keys()
        with pytest.raises(KeyringError):
            keyrings.current.export(f"{tmp_path}/keyring.export")
        with pytest.raises(KeyringError):
            keyrings.current.activate("RfsDJ2Ol")
