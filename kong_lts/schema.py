"""In which state of the upgrade a database is, read from its `schema_meta`."""

import re
from collections.abc import Mapping
from enum import StrEnum

from kong_lts.catalog import migrations
from kong_lts.database import SchemaMeta

__all__ = [
    "SchemaState",
    "duplicated_tildes",
    "migrations_listed",
    "schema_state",
    "subsystems_listed",
]

_SUBSYSTEM = re.compile(r"^ *([\w.-]+): \S", re.MULTILINE)
_NEW = re.compile(r"New migrations available:\n((?: *[\w.-]+: .+\n?)+)")


class SchemaState(StrEnum):
    """Where a database stands between the two releases."""

    EMPTY = "empty"
    """No Kong tables: it needs a bootstrap, or a restore."""
    OLDER = "older"
    """Before the last migration of 2.8."""
    LTS_2_8 = "2.8"
    """Every migration of 2.8, none of 3.x."""
    PARTLY_UP = "partly up"
    """`kong migrations up` was begun and did not end."""
    UP = "up"
    """After `up`, before `finish`."""
    LTS_3_4 = "3.4"
    """After `finish`."""
    NEWER = "newer"
    """A migration that 3.4 does not have."""


def schema_state(rows: tuple[SchemaMeta, ...]) -> SchemaState:
    """The state of a database, from the rows of its `schema_meta`.

    Enterprise subsystems are read as far as their names are known; the core decides.

    Source:
        Measured: `last_executed` of a finished core is 016_280_to_300, so only the lists count.
    """
    if not rows:
        return SchemaState.EMPTY
    known = migrations()
    core = next((row for row in rows if row.subsystem == "core"), None)
    if core is None or not set(known.core_2_8) <= set(core.executed):
        return SchemaState.OLDER
    seen = {*core.executed, *core.pending}
    if seen - {*known.core_2_8, *known.core_3_4, *known.left_over}:
        return SchemaState.NEWER
    begun = seen & set(known.core_3_4)
    if not begun:
        return SchemaState.LTS_2_8
    if begun < set(known.core_3_4):
        return SchemaState.PARTLY_UP
    return SchemaState.UP if any(row.pending for row in rows) else SchemaState.LTS_3_4


def duplicated_tildes(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Paths that the path migration met twice: the trace of an interrupted or forced `up`."""
    return tuple(path for path in paths if path.startswith("~~"))


def subsystems_listed(stdout: str) -> frozenset[str]:
    """Of which subsystems `kong migrations list` names anything: the core's and the plugins' that
    the node has enabled, and that have migrations at all.

    Source:
        Measured on 2.8.5 and 3.4.2.
    """
    return frozenset(_SUBSYSTEM.findall(stdout))


def migrations_listed(stdout: str) -> Mapping[str, tuple[str, ...]]:
    """The new migrations by subsystem, as `kong migrations list` prints them.

    Source:
        Measured on 3.4.2: "New migrations available:", then one line a subsystem.
    """
    found = _NEW.search(stdout)
    lines = found[1].splitlines() if found else ()
    parts = (line.partition(":") for line in lines)
    return {name.strip(): tuple(names.strip().split(", ")) for name, _, names in parts}
