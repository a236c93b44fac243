"""What every `Credentials` promises."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from kong_lts.errors import CredentialsError
from kong_lts.protocols import Credentials
from kong_lts.state_files import DumpedFile


@attrs.frozen
class Lost:
    """A cluster that lost the credential of `user0`; its dump has that one and another."""

    credentials: Credentials
    file: DumpedFile
    lose_consumers: Callable[[], None]
    """Everything else is lost as well."""


class CredentialsContract:
    @pytest.fixture
    def lost(self) -> Lost:
        raise NotImplementedError

    def test_what_is_missing_is_seen_and_put_back(self, lost: Lost) -> None:
        seen = lost.credentials.missing(lost.file)

        done = lost.credentials.restore(lost.file)

        assert seen == done == ("user0",)
        assert lost.credentials.missing(lost.file) == ()

    def test_twice_is_once(self, lost: Lost) -> None:
        lost.credentials.restore(lost.file)

        assert lost.credentials.restore(lost.file) == ()

    def test_without_its_consumer_a_credential_is_refused(self, lost: Lost) -> None:
        lost.lose_consumers()

        with pytest.raises(CredentialsError, match="old ids"):
            lost.credentials.restore(lost.file)

        assert "user0" in lost.credentials.missing(lost.file)

    def test_a_missing_file_is_an_error(self, lost: Lost, tmp_path: Path) -> None:
        file = DumpedFile(path=f"{tmp_path}/missing.yaml")

        with pytest.raises(CredentialsError):
            lost.credentials.missing(file)
        with pytest.raises(CredentialsError):
            lost.credentials.restore(file)
