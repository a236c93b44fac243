"""The installed decK tells its version, if whoever built it wrote one into it."""

from collections.abc import Sequence

import attrs
import pytest

from kong_lts.adapters import DeckCli
from kong_lts.errors import DeckError
from kong_lts.protocols import Finished


@attrs.frozen
class _Says:
    text: str

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        assert list(argv) == ["deck", "version"]
        return Finished(status=0, stdout=self.text)


def test_the_version_is_that_of_a_release() -> None:
    assert DeckCli(_Says("decK v1.55.0 (c5c0cbf) \n")).program_version() == "1.55.0"


def test_a_build_of_ones_own_names_none() -> None:
    with pytest.raises(DeckError, match="named no version"):
        DeckCli(_Says("decK dev (unknown) \n")).program_version()
