"""Values that go into adapters and come out of them."""

from collections.abc import Mapping
from enum import StrEnum

import attrs

__all__ = [
    "Decision",
    "Finished",
    "Instruction",
    "KeyringKeys",
    "Listed",
    "NodeStatus",
    "Order",
    "Question",
    "Recovered",
]


@attrs.frozen(kw_only=True)
class Finished:
    """A command that ended."""

    status: int
    """Exit status, 0 to 255; below 0 the signal that ended it."""
    stdout: str = ""
    """What it wrote."""
    stderr: str = ""
    """What it said on the side."""


@attrs.frozen(kw_only=True)
class KeyringKeys:
    """Which keys a keyring holds; ids, and no key."""

    ids: tuple[str, ...] = ()
    """Of all keys that it holds."""
    active: str | None = None
    """The one that new values are encrypted with."""


@attrs.frozen(kw_only=True)
class Recovered:
    """What came of a recovery; part of the keys is a failure, whatever the gateway calls it."""

    recovered: tuple[str, ...] = ()
    """Ids of keys that are back."""
    not_recovered: tuple[str, ...] = ()
    """Ids of keys that are not."""


@attrs.frozen(kw_only=True)
class Listed:
    """Objects of one kind, as a Kubernetes cluster gives them."""

    objects: tuple[Mapping[str, object], ...] = attrs.field(default=(), repr=False)
    """As parsed, with `apiVersion` and `kind`."""
    unread: tuple[str, ...] = ()
    """What could not be read beside them, and why."""


@attrs.frozen(kw_only=True)
class NodeStatus:
    """What one node says of itself."""

    version: str
    """As `KongVersion.parse` takes it."""
    ready: bool
    """Whether it serves traffic with its configuration."""
    database_reachable: bool
    """Whether it reaches its database."""
    configuration_hash: str | None = None
    """Of what a node without a database has loaded; None where it does not tell."""
    requests: int | None = None
    """Those that it took since its start; fewer than before mean that it was restarted."""
    workers: tuple[int, ...] = ()
    """Numbers of its processes that serve; all others than before mean a restart or a reload."""


@attrs.frozen(kw_only=True)
class Question:
    """What a person is asked before a step goes on."""

    step: str
    """Id of the step that asks."""
    title: str
    """The question in one line."""
    instructions: str
    """What to do or to look at before the answer."""


@attrs.frozen(kw_only=True)
class Decision:
    """What the person said."""

    approved: bool
    """Whether the step may go on."""
    by: str
    """Who said so."""
    note: str = ""
    """What else they said."""


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
    """What is wanted."""
    by: str = "nobody"
    """Who wants it."""
