"""Parts of the simulated world that are plain values: state files of decK, keys of a keyring."""

from collections.abc import Mapping

import attrs

__all__ = ["SimulatedDump", "SimulatedKeyring"]


@attrs.frozen(kw_only=True)
class SimulatedDump:
    """A state file of decK."""

    release: str
    """Of the gateway that it was made of."""
    rows: Mapping[str, str]
    """Path by route id."""
    basic_auth: tuple[str, ...] = ()
    """Usernames of credentials."""


@attrs.define(kw_only=True)
class SimulatedKeyring:
    """The keys of one cluster."""

    ids: tuple[str, ...] = ()
    active: str | None = None
    unrecoverable: tuple[str, ...] = ()
    """Keys that the recovery key does not open."""
