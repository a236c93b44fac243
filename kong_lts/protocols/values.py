"""Values that go into adapters and come out of them."""

from enum import StrEnum

import attrs

__all__ = [
    "Decision",
    "Finished",
    "Instruction",
    "KeyringKeys",
    "NodeStatus",
    "Order",
    "Question",
    "Recovered",
]


@attrs.frozen(kw_only=True)
class Finished:
    """A command that ended."""

    status: int
    stdout: str = ""
    stderr: str = ""


@attrs.frozen(kw_only=True)
class KeyringKeys:
    """Which keys a keyring holds; ids, and no key."""

    ids: tuple[str, ...] = ()
    active: str | None = None
    """The one that new values are encrypted with."""


@attrs.frozen(kw_only=True)
class Recovered:
    """What came of a recovery; part of the keys is a failure, whatever the gateway calls it."""

    recovered: tuple[str, ...] = ()
    not_recovered: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class NodeStatus:
    """What one node says of itself."""

    version: str
    ready: bool
    database_reachable: bool
    configuration_hash: str | None = None
    """Of what a node without a database has loaded; None where it does not tell."""


@attrs.frozen(kw_only=True)
class Question:
    """What a person is asked before a step goes on."""

    step: str
    title: str
    instructions: str


@attrs.frozen(kw_only=True)
class Decision:
    """What the person said."""

    approved: bool
    by: str
    note: str = ""


class Order(StrEnum):
    """What somebody wants of a run that is going on."""

    GO_ON = "go on"
    PAUSE = "pause"
    """Hold before the next step, until another order comes."""
    CANCEL = "cancel"
    """Stop before the next step, and leave a step that only waits."""


@attrs.frozen(kw_only=True)
class Instruction:
    """An order, and whose it is."""

    order: Order = Order.GO_ON
    by: str = "nobody"
