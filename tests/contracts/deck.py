"""What every `Deck` promises."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kong_lts.errors import DeckError
from kong_lts.protocols import Deck


class DeckContract:
    @pytest.fixture
    def make(self) -> Callable[[bool], Deck]:
        """Of a 2.8.5 that answers, or of one that does not."""
        raise NotImplementedError

    def test_ping_tells_the_version(self, make: Callable[[bool], Deck]) -> None:
        assert make(True).ping() == "2.8.5"

    def test_no_answer_is_an_error(self, make: Callable[[bool], Deck], tmp_path: Path) -> None:
        deck = make(False)

        with pytest.raises(DeckError):
            deck.ping()
        with pytest.raises(DeckError):
            deck.dump(f"{tmp_path}/kong.yml")

    def test_a_dump_is_written_once(self, make: Callable[[bool], Deck], tmp_path: Path) -> None:
        deck = make(True)

        deck.dump(f"{tmp_path}/kong.yml")

        with pytest.raises(DeckError):
            deck.dump(f"{tmp_path}/kong.yml")
