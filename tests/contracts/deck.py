"""What every `Deck` promises."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from kong_lts.errors import DeckError
from kong_lts.protocols import Deck
from kong_lts.state_files import DeckAbility, DumpedFile
from kong_lts.versions import KongVersion


@attrs.frozen
class Gateway:
    """Of open source, with a few routes."""

    deck: Deck
    lose_a_route: Callable[[], None]
    """Somebody deletes one, which nothing depends on."""
    stop: Callable[[], None]


class DeckContract:
    @pytest.fixture
    def gateway(self) -> Gateway:
        raise NotImplementedError

    def test_ping_tells_the_version(self, gateway: Gateway) -> None:
        assert KongVersion.parse(gateway.deck.ping()).release is not None

    def test_it_says_what_it_knows(self, gateway: Gateway) -> None:
        assert DeckAbility.CONVERT_TO_3_4 in gateway.deck.abilities()

    def test_a_dump_counts_what_it_holds(self, gateway: Gateway, tmp_path: Path) -> None:
        folder = f"{tmp_path}/state"

        dump = gateway.deck.dump(folder)

        assert dump.folder == folder
        assert [(f.workspace, f.tag, f.rbac) for f in dump.files] == [(None, None, False)]
        assert dump.files[0].path.startswith(f"{folder}/")
        assert dump.entities["routes"] > 1
        assert dump.refused == ()

    def test_nothing_is_overwritten(self, gateway: Gateway, tmp_path: Path) -> None:
        gateway.deck.dump(f"{tmp_path}/state")

        with pytest.raises(DeckError):
            gateway.deck.dump(f"{tmp_path}/state")

    def test_with_tags_each_gets_its_own_file(self, gateway: Gateway, tmp_path: Path) -> None:
        dump = gateway.deck.dump(f"{tmp_path}/state", tags=("one", "two"))

        assert [file.tag for file in dump.files] == ["one", "two"]
        assert len({file.path for file in dump.files}) == 2

    def test_its_own_dump_changes_nothing(self, gateway: Gateway, tmp_path: Path) -> None:
        (file,) = gateway.deck.dump(f"{tmp_path}/state").files

        assert gateway.deck.validate(file, online=False) == ()
        assert gateway.deck.validate(file, online=True) == ()
        assert gateway.deck.diff(file).is_empty
        assert gateway.deck.sync(file).is_empty

    def test_a_sync_brings_back_what_was_lost(self, gateway: Gateway, tmp_path: Path) -> None:
        (file,) = gateway.deck.dump(f"{tmp_path}/state").files
        gateway.lose_a_route()

        seen, done = gateway.deck.diff(file), gateway.deck.sync(file)

        assert len(seen.created) == 1
        assert seen.created[0].startswith("route ")
        assert (seen.updated, seen.deleted) == ((), ())
        assert done.created == seen.created
        assert done.errors == ()
        assert gateway.deck.diff(file).is_empty

    def test_a_gateway_that_is_down_is_an_error(self, gateway: Gateway, tmp_path: Path) -> None:
        (file,) = gateway.deck.dump(f"{tmp_path}/state").files
        gateway.stop()

        for act in (
            gateway.deck.ping,
            lambda: gateway.deck.dump(f"{tmp_path}/another"),
            lambda: gateway.deck.validate(file, online=True),
            lambda: gateway.deck.diff(file),
            lambda: gateway.deck.sync(file),
        ):
            with pytest.raises(DeckError):
                act()
        assert gateway.deck.validate(file, online=False) == ()
        assert not (tmp_path / "another").exists()

    def test_a_file_that_is_not_there_is_an_error(self, gateway: Gateway, tmp_path: Path) -> None:
        file = DumpedFile(path=f"{tmp_path}/missing.yaml")

        for act in (
            lambda: gateway.deck.validate(file, online=False),
            lambda: gateway.deck.validate(file, online=True),
            lambda: gateway.deck.diff(file),
            lambda: gateway.deck.sync(file),
        ):
            with pytest.raises(DeckError):
                act()

    def test_open_source_has_no_workspace(self, gateway: Gateway, tmp_path: Path) -> None:
        """decK would say that it creates it, and end well."""
        (file,) = gateway.deck.dump(f"{tmp_path}/state").files
        other = attrs.evolve(file, workspace="sales")

        with pytest.raises(DeckError, match="workspace sales"):
            gateway.deck.diff(other)
        with pytest.raises(DeckError, match="workspace sales"):
            gateway.deck.sync(other)
