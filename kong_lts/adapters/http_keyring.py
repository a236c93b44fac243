"""The keyring of Kong Enterprise, through the Admin API."""

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from kong_lts.adapters.admin_client import AdminClient
from kong_lts.adapters.secrets import resolve_secret
from kong_lts.errors import KeyringError, SecretError
from kong_lts.protocols import KeyringKeys, Recovered

__all__ = ["HttpKeyring"]


@attrs.frozen
class HttpKeyring:
    """Written from Kong's documents: Enterprise was never measured.

    Args:
        url: The Admin API of a node.
        token: Reference of the RBAC token, `env:NAME` or `file:PATH`; None where there is none.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one request.
        ca_file: Certificates to trust; None takes those of the system.
    """

    url: str = attrs.field(repr=False)
    token: str | None = attrs.field(default=None, kw_only=True)
    environ: Mapping[str, str] | None = attrs.field(default=None, kw_only=True, repr=False)
    timeout_s: float = attrs.field(default=30.0, kw_only=True)
    ca_file: str | None = attrs.field(default=None, kw_only=True)

    def keys(self) -> KeyringKeys:
        found = self._client.document("GET", "/keyring", "reading the keyring")
        active = found.get("active")
        return KeyringKeys(
            ids=_texts(found.get("ids")), active=active if isinstance(active, str) else None
        )

    def export(self, path: str) -> tuple[str, ...]:
        doing = f"exporting the keyring to {path}"
        ids = self.keys().ids
        data = self._client.document("POST", "/keyring/export", doing).get("data")
        if not isinstance(data, str) or not data:
            raise KeyringError(doing, "the answer holds no keys; is `keyring_public_key` set?")
        try:
            with open(path, "x", encoding="ascii", opener=_own) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, UnicodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "not written"
            raise KeyringError(doing, reason) from None
        return ids

    def load(self, path: str) -> None:
        doing = f"importing the keyring from {path}"
        try:
            data = Path(path).read_text("ascii")
        except OSError as exc:
            raise KeyringError(doing, exc.strerror or "it cannot be read") from exc
        except UnicodeError:  # its text repeats the bytes
            raise KeyringError(doing, "this is no export of a keyring") from None
        self._client.document("POST", "/keyring/import", doing, document={"data": data.strip()})

    def recover(self, private_key: str) -> Recovered:
        doing = "recovering the keyring"
        try:
            if self.environ is None:
                key = resolve_secret(private_key)
            else:
                key = resolve_secret(private_key, self.environ)
        except SecretError as exc:
            raise KeyringError(doing, str(exc)) from exc
        asked = {"recovery_private_key": key}
        answer = self._client.document("POST", "/keyring/recover", doing, document=asked)
        return Recovered(
            recovered=_texts(answer.get("recovered")),
            not_recovered=_texts(answer.get("not_recovered")),
        )

    def activate(self, key_id: str) -> None:
        doing = f"activating key {key_id} of the keyring"
        self._client.document("POST", "/keyring/activate", doing, document={"key": key_id})
        if self.keys().active != key_id:
            raise KeyringError(doing, "the gateway says it did, but another key is active")

    @property
    def _client(self) -> AdminClient:
        return AdminClient(
            url=self.url,
            error=KeyringError,
            token=self.token,
            environ=self.environ,
            timeout_s=self.timeout_s,
            ca_file=self.ca_file,
        )


def _texts(found: object) -> tuple[str, ...]:
    """A list of texts; Kong writes an empty list as an empty object."""
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()


def _own(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
