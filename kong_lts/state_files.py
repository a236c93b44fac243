"""What decK can do, what it writes and what it changes: values that several layers share."""

from collections.abc import Mapping
from enum import StrEnum

import attrs

__all__ = ["Changes", "DeckAbility", "DumpedFile", "StateDump"]


class DeckAbility(StrEnum):
    """What an installed decK may know; one that was built by hand does not tell its version."""

    GATEWAY_COMMANDS = "the commands `deck gateway ...`"
    JSON_OUTPUT = "`--json-output` of diff and sync"
    DUMP_PARALLELISM = "`--parallelism` of dump"
    CONVERT_TO_3_4 = "`deck file convert --from 2.8 --to 3.4`"


@attrs.frozen(kw_only=True)
class DumpedFile:
    """One state file of decK."""

    path: str
    """Of the file."""
    workspace: str | None = None
    """None on open source, which has none."""
    tag: str | None = None
    """That every entity in it has, where the configuration is distributed over files by tags."""
    rbac: bool = False
    """Whether it holds roles and their permissions, and nothing else."""


@attrs.frozen(kw_only=True)
class StateDump:
    """What decK wrote of one cluster."""

    folder: str
    """Where the files are."""
    files: tuple[DumpedFile, ...]
    """One for each workspace, and for its roles."""
    entities: Mapping[str, int]
    """How many of each kind are in all files together, each entity once; the kinds as the files
    call them."""
    refused: tuple[str, ...] = ()
    """What decK was asked for and could not write, with its reason."""
    deck_version: str | None = None
    """Of the program; one that was built by hand does not tell."""
    kong_version: str | None = None
    """Of the gateway, as it told decK."""


@attrs.frozen(kw_only=True)
class Changes:
    """What a diff found, or what a sync did: kinds and names, without any content."""

    created: tuple[str, ...] = ()
    """Names of entities."""
    updated: tuple[str, ...] = ()
    """Names of entities."""
    deleted: tuple[str, ...] = ()
    """Names of entities."""
    aging: tuple[str, ...] = ()
    """Credentials that differ in the time that is left to them, and in nothing else: decK sees them
    as changed whenever it looks."""
    left_out: tuple[str, ...] = ()
    """Basic-auth credentials that a sync did not write: decK would have their hash hashed again,
    and the hash would be the password."""
    errors: tuple[str, ...] = ()
    """What the gateway refused, whatever decK's exit status says."""

    @property
    def is_empty(self) -> bool:
        """Whether the gateway holds what the file holds."""
        return not (self.created or self.updated or self.deleted or self.errors)
