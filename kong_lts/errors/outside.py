"""Errors of the outside world: one class per protocol, as every adapter raises them."""

from collections.abc import Sequence

import attrs

from kong_lts.errors.own import KongLtsError

__all__ = [
    "AdapterError",
    "AdminApiError",
    "ApproverError",
    "ArchiveError",
    "CredentialsError",
    "DatabaseError",
    "DeckError",
    "JournalError",
    "KeyringError",
    "LoadBalancerError",
    "LockError",
    "ManifestsError",
    "MetricsError",
    "NodeFilesError",
    "PostgresServerError",
    "ProcessError",
    "ProcessFailedError",
    "ProcessNotRunError",
    "ProxyError",
    "SecretError",
    "WriteGuardError",
    "last_words",
]

_STDERR_CHARACTERS = 500
"""How much of a program's last words an error repeats."""


@attrs.define
class AdapterError(KongLtsError):
    """The outside world failed: what was being done, and what it said."""

    doing: str
    """What was being done."""
    reason: str
    """What the outside world answered."""

    def __str__(self) -> str:
        return f"{self.doing}: {self.reason}"


@attrs.define
class SecretError(AdapterError):
    """A secret that a reference names cannot be had."""


@attrs.define
class DatabaseError(AdapterError):
    """The database could not be reached, or refused."""


@attrs.define
class ArchiveError(AdapterError):
    """A dump or a restore of the database failed."""


@attrs.define
class WriteGuardError(AdapterError):
    """Writes could not be kept out, or let in again."""


@attrs.define
class CredentialsError(AdapterError):
    """Stored credentials could not be read, or put back."""


@attrs.define
class NodeFilesError(AdapterError):
    """Files of a node could not be read, or put back."""


@attrs.define
class DeckError(AdapterError):
    """The `deck` program failed."""


class ProcessError(AdapterError):
    """A command."""


@attrs.define
class ProcessNotRunError(ProcessError):
    """A command could not be started, or did not end in time."""


@attrs.define
class ProcessFailedError(ProcessError):
    """A command ran and ended with a status other than 0."""

    status: int = 1
    """Exit status; below 0 the signal that ended it."""
    stdout: str = attrs.field(default="", repr=False)
    """What it wrote."""

    def __str__(self) -> str:
        return f"{self.doing}: ended with status {self.status}: {last_words(self.reason)}"


@attrs.define
class LoadBalancerError(AdapterError):
    """The load balancer refused, or could not be reached."""


@attrs.define
class AdminApiError(AdapterError):
    """Kong's Admin API or status listener refused, or could not be reached."""


@attrs.define
class KeyringError(AdapterError):
    """The keyring of Kong Enterprise could not be read or changed."""


@attrs.define
class ProxyError(AdapterError):
    """A proxy listener could not be reached, or sent no answer."""


@attrs.define
class MetricsError(AdapterError):
    """Metrics could not be read."""


@attrs.define
class ManifestsError(AdapterError):
    """Objects of Kubernetes could not be read."""


@attrs.define
class JournalError(AdapterError):
    """The journal could not be read or written."""


@attrs.define
class LockError(AdapterError):
    """The lock of a deployment without a database could not be had."""


@attrs.define
class ApproverError(AdapterError):
    """Nobody could be asked."""


@attrs.define
class PostgresServerError(AdapterError):
    """The PostgreSQL server for a test or the tutorial could not be started."""


def last_words(text: str | Sequence[str]) -> str:
    """The end of what a program printed, short enough for an error."""
    joined = text if isinstance(text, str) else "\n".join(text)
    return joined.strip()[-_STDERR_CHARACTERS:]
